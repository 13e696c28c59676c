"""Trial mode: real channels stay off, the allow-list is looked up at the last look, and nothing of the trial leaves later."""

from collections.abc import AsyncIterator
from datetime import time, timedelta
from pathlib import Path
from typing import Any, cast

import pytest
from sqlalchemy import func, select, update

from relay import acts
from relay.desk import Desk
from relay.model import NotAllowed, NotFound, Role
from relay.store import board, claim, intent, trial, users
from relay.store.register import Stamp
from relay.store.tables import Municipality, act_log, attempt
from relay.store.workers import Lease
from relay.web.pages.board import _trouble
from tests.relay.witness import WATER, planned, released
from tests.stories.arrange import change, rows
from tests.stories.town import Town, new, town


@pytest.fixture(name="town")
async def _town(migrated_url: str, tmp_path: Path) -> AsyncIterator[Town]:
    """Yield a town on trial whose SMS provider counts as a real one: the sandbox answers in its place, so that we see what leaves."""
    async with town(migrated_url, tmp_path) as opened:
        for channel in opened.relay.desk.channels.values():
            cast("Any", channel).place = "api.example.com"
        yield opened


def stamp(town: Town) -> Stamp:
    return Stamp(by="Nora", at=town.clock.now())


async def allow(town: Town, person_id: int) -> None:
    async with town.store.write() as conn:
        await trial.allow_person(conn, town.municipality_id, person_id, stamp(town))


async def held(town: Town, alert_id: int | None = None) -> int:
    async with town.store.read() as conn:
        return await trial.held(conn, town.municipality_id, alert_id)


async def test_a_new_municipality_is_on_trial_and_only_the_allow_list_is_sent_to(town: Town) -> None:
    ayan, bilal = await town.person("Ayan", "nb"), await town.person("Bilal", "nb")
    await allow(town, ayan.id)
    alert_id = await town.issue(WATER)
    assert new(ayan.phone)
    assert not new(bilal.phone)
    assert await held(town, alert_id) == await held(town) > 0
    assert {row.hold for row in await planned(town, alert_id) if row.person_id == bilal.id and row.step == 0} == {"trial"}
    async with town.store.read() as conn:
        assert await trial.people_allowed(conn, town.municipality_id, town.clock.now()) == {ayan.id}


async def test_the_board_says_how_many_people_the_trial_keeps_from_being_reached(town: Town) -> None:
    ayan, _ = await town.person("Ayan", "nb"), await town.person("Bilal", "nb")
    await allow(town, ayan.id)
    alert_id = await town.issue(WATER)
    async with town.store.read() as conn:
        seen = await board.read(conn, await board.heading_of(conn, town.municipality_id, alert_id), town.clock.now())
    assert seen.held == 1
    assert next(_trouble(seen, "nb")).title == "Prøvedrift holder tilbake det som skal til 1 person"
    await change(town, update(Municipality).values(mode=trial.REAL))
    async with town.store.read() as conn:
        assert await trial.people_held(conn, town.municipality_id, alert_id) == 0


async def test_who_is_put_on_the_list_gets_what_was_held_for_them(town: Town) -> None:
    ayan, bilal = await town.person("Ayan", "nb"), await town.person("Bilal", "nb")
    alert_id = await town.issue(WATER)
    before = await held(town, alert_id)
    await allow(town, ayan.id)
    await town.settle()
    assert new(ayan.phone)
    assert not new(bilal.phone)
    assert 0 < await held(town, alert_id) < before


async def test_who_is_taken_off_between_the_lease_and_the_last_look_gets_nothing(town: Town) -> None:
    ayan = await town.person("Ayan", "nb")
    await allow(town, ayan.id)
    await released(town)
    async with town.store.write() as conn:
        works = claim.works(await claim.lease(conn, "w", 1, town.clock.now(), limit=9, term=Lease(30.0)), town.clock.now())
        intents = [intent.Intent(work=work, account="twilio", body_sha256="", segments=1) for work in works]
        [entry] = await trial.listed(conn, town.municipality_id)
        await trial.disallow(conn, town.municipality_id, entry.entry_id, stamp(town))
        assert works
        assert await intent.intend(conn, intent.tries(intents, town.clock.now()), town.clock.now()) == []
    [tried] = await rows(town, select(func.count(attempt.c.id)))
    assert tried == (0,)


async def test_a_users_own_number_is_on_the_list_until_they_are_shut_out(town: Town) -> None:
    ayan = await town.person("Ayan", "nb", number="+4741000099")
    other = users.NewUser(name="Nora", roles=frozenset({Role.ADMINISTRATOR}), login="nora")
    mine = users.NewUser(name="Ayan", roles=frozenset({Role.VIEWER}), login="ayan", phone="410 00 099")
    async with town.store.write() as conn:
        await users.add(conn, town.municipality_id, other, stamp(town))
        user_id = await users.add(conn, town.municipality_id, mine, stamp(town))
    await town.issue(WATER)
    assert new(ayan.phone)
    async with town.store.write() as conn:
        await users.set_active(conn, town.municipality_id, user_id, stamp(town), active=False)
    await town.issue(WATER)
    assert not new(ayan.phone)


async def test_in_earnest_nothing_of_the_trial_leaves_and_all_of_the_next_alert_does(town: Town) -> None:
    bilal = await town.person("Bilal", "nb")
    alert_id = await town.issue(WATER)
    async with town.store.write() as conn:
        with pytest.raises(NotAllowed, match=r"Messages of the trial would now leave to everybody: no\. 1\."):
            await trial.go_real(conn, town.municipality_id, stamp(town))
        await acts.cancel(conn, town.municipality_id, alert_id, "Kari", town.relay.policy, town.clock.now())
        await trial.go_real(conn, town.municipality_id, stamp(town))
    await town.passes(hours=1)
    assert not new(bilal.phone)
    await town.issue(WATER)
    assert new(bilal.phone)
    async with town.store.write() as conn:
        with pytest.raises(NotAllowed, match="Real alerts are open"):
            await trial.go_trial(conn, town.municipality_id, stamp(town))
    assert [row.act for row in await rows(town, select(act_log.c.act).where(act_log.c.act.startswith("trial")))] == ["trial.off"]


@pytest.mark.parametrize("waits", ["until the moment for second thoughts is over", "until the quiet hours are over"])
async def test_what_has_not_come_to_its_last_look_keeps_the_trial_open_and_never_leaves(town: Town, waits: str) -> None:
    night: dict[str, Any] = {"quiet_from": time(17), "quiet_to": time(7)} if "quiet" in waits else {}
    bilal = await town.person("Bilal", "nb", **night)
    alert_id = await town.draft(WATER, grave="quiet" not in waits)
    await town.relay.approve(town.municipality_id, alert_id, "Ola")
    hold = timedelta() if "quiet" in waits else timedelta(seconds=10)
    await town.relay.release(town.municipality_id, alert_id, "Ola", hold=hold)
    await town.settle()
    assert await held(town) == 0
    async with town.store.write() as conn:
        with pytest.raises(NotAllowed, match="Messages of the trial would now leave"):
            await trial.go_real(conn, town.municipality_id, stamp(town))
        await acts.cancel(conn, town.municipality_id, alert_id, "Kari", town.relay.policy, town.clock.now())
        await trial.go_real(conn, town.municipality_id, stamp(town))
    await town.passes(hours=20)
    assert not new(bilal.phone)


async def test_held_messages_expire_with_their_alert(town: Town) -> None:
    await town.person("Bilal", "nb")
    alert_id = await town.issue(WATER, expires_at=town.clock.now() + timedelta(minutes=30))
    assert await held(town, alert_id)
    await town.passes(hours=1)
    assert not await held(town, alert_id)
    assert "EXPIRED" in {row.state for row in await planned(town, alert_id)}


async def test_another_municipalitys_list_counts_for_nobody_here(town: Town) -> None:
    ayan = await town.person("Ayan", "nb")
    async with town.store.write() as conn:
        with pytest.raises(NotFound):
            await trial.allow_person(conn, town.municipality_id + 1, ayan.id, stamp(town))


async def test_a_sandbox_is_sent_to_on_trial_and_a_lone_mail_relay_on_this_machine_is_none(town: Town) -> None:
    places: dict[str, Any] = {channel.account: channel for channel in town.relay.desk.channels.values()}
    desk = Desk(town.relay.desk.channels, "", "")
    places["email"].place = "127.0.0.1:2525"
    assert not desk.emulates("email")
    places["twilio"].place = "127.0.0.1:4000"
    assert desk.emulates("twilio")
    assert desk.emulates("email")
    assert not desk.emulates("whatsapp")
    assert not desk.emulates("nobody")
    places["email"].place = "localhost:25"
    assert not desk.emulates("email")
    ayan = await town.person("Ayan", "nb")
    await town.issue(WATER)
    assert new(ayan.phone)


async def test_a_house_at_work_before_there_was_trial_mode_goes_on(town: Town) -> None:
    await change(town, update(Municipality).values(mode="REAL"))
    bilal = await town.person("Bilal", "nb")
    await town.issue(WATER)
    assert new(bilal.phone)
    assert await held(town) == 0
