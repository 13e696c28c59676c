"""What doctor says of who works, and of what nobody would notice."""

from datetime import timedelta

import pytest
from sqlalchemy import update

from channels.base import Check
from relay import doctor
from relay.doctor import alive
from relay.settings import Settings
from relay.store import trial, workers
from relay.store.tables import Municipality, worker
from tests.stories.town import ON_SQLITE, Town

pytestmark = ON_SQLITE
KILLED, WORKS = ("vm-7454", "vm-19648"), "vm-21382"


async def of_workers(town: Town, *, silent: timedelta) -> dict[str, Check]:
    """Let two workers be killed while they keep time for all, and a third come after them; return what doctor says of each."""
    now = town.clock.now()
    for name in (*KILLED, WORKS):
        await workers.register(town.store, name, now)
    async with town.store.write() as conn:
        await conn.execute(update(worker).values(leader=True, seen_at=now - silent))
        await conn.execute(update(worker).where(worker.c.name == WORKS).values(seen_at=now))
    found = await doctor.checks(town.store, town.relay.desk, now)
    return {one.name.removeprefix("worker "): one for one in found if one.name.startswith("worker ")}


async def test_of_workers_that_were_killed_another_does_the_work(town: Town) -> None:
    """They are gone, and only the one that works keeps time."""
    told = await of_workers(town, silent=timedelta(minutes=5))
    since = f"{(town.clock.now() - timedelta(minutes=5)).astimezone():%H:%M}"
    assert [(told[name].ok, str(told[name].words)) for name in KILLED] == [(True, f"gone since {since}, another does its work")] * 2
    assert (told[WORKS].ok, str(told[WORKS].words)) == (True, "seen 0 s ago, keeps time for all")


async def test_of_several_that_said_that_they_lead_the_last_one_does(town: Town) -> None:
    """A worker that was killed just now is not missed yet, and cannot take back what it said."""
    told = await of_workers(town, silent=timedelta(seconds=5))
    assert [name for name, one in told.items() if "keeps time" in one.words] == [WORKS]
    assert all(one.ok for one in told.values())


@pytest.mark.parametrize("why", ["all are silent", "the last one's clock is off"])
async def test_where_none_does_the_work_the_silent_are_not_well(town: Town, why: str) -> None:
    await of_workers(town, silent=timedelta(minutes=5))
    async with town.store.write() as conn:
        lost = {"seen_at": town.clock.now() - timedelta(minutes=5)} if why == "all are silent" else {"off_seconds": 60.0}
        await conn.execute(update(worker).where(worker.c.name == WORKS).values(lost))
    told = [one for one in await doctor.checks(town.store, town.relay.desk, town.clock.now()) if one.name.startswith("worker ")]
    assert [(one.ok, one.grave) for one in told] == [(False, True)] * 3
    assert "start it again" in told[0].remedy


@pytest.mark.parametrize("mode", [trial.TRIAL, trial.REAL])
async def test_who_would_notice_is_asked_in_earnest_and_named_on_trial(town: Town, mode: str) -> None:
    """No canary and no watch outside is something to mend where it is in earnest; on trial its lack is not called well."""
    async with town.store.write() as conn:
        await conn.execute(update(Municipality).values(mode=mode))
    told = await alive.checks(town.store, Settings.of({}), town.clock.now())
    assert [(one.ok, one.grave) for one in told] == [(mode == trial.TRIAL, False)] * 2
    assert [("nobody would" in one.words, "before it is in earnest" in one.words) for one in told] == [
        (mode == trial.REAL, mode == trial.TRIAL)
    ] * 2
