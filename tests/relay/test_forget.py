"""What is forgotten, when and by whose word; and that the numbers stay. On both databases."""

import json

import pytest
from sqlalchemy import select

from channels.sandbox.ledger import Event
from relay.forget import Forgetter, Periods
from relay.model import NotAllowed, NotFound
from relay.settings import Settings
from relay.store import erase, keep, own_page, remembered
from relay.store.columns import Sealed
from relay.store.register import Stamp
from relay.store.tables import Base, act_log, attempt, delivery, inbound
from tests.stories.town import Somebody, Town

WATER = {"so": "KARI BIYAHA", "nb": "KOK VANNET"}
QUESTION = "Ma cabbi karaa biyaha?"
#: the settings' own
DAYS = {name: field.default for name, field in Settings.model_fields.items() if name.startswith("keep_")}
#: longer than every period
LONG = {"days": 100}


def forgetter(town: Town, **more: object) -> Forgetter:
    return Forgetter(town.store, town.relay.desk, town.clock, Periods(days=DAYS, **more))  # type: ignore[arg-type]


async def an_evening(town: Town) -> tuple[Somebody, int]:
    """Somebody confirms and asks; another keeps silent. Return the first, and the alert."""
    ayan = await town.person("Ayan", "so")
    await town.person("Bilan", "so")
    alert_id = await town.issue(WATER)
    await ayan.phone.says("1")
    await town.settle()
    await ayan.phone.says(QUESTION)
    await town.settle()
    return ayan, alert_id


async def everything_readable(town: Town) -> str:
    """Every sealed value of the database, opened."""
    found = []
    async with town.store.read() as conn:
        for table in Base.metadata.sorted_tables:
            sealed = [column for column in table.columns if isinstance(column.type, Sealed)]
            if sealed:
                found += [str(value) for row in (await conn.execute(select(*sealed))).all() for value in row if value is not None]
    return "\n".join(found)


async def test_after_its_period_what_people_wrote_is_gone_and_the_numbers_stay(town: Town) -> None:
    _, alert_id = await an_evening(town)
    before = (await town.reach(alert_id)).totals
    assert QUESTION in await everything_readable(town)
    assert not any((await forgetter(town).would_forget()).found.values()), "nothing is old yet"
    town.clock.advance(**LONG)
    dry = await forgetter(town).would_forget()
    assert dry.dry
    assert dry.found["messages from people"] == 2
    assert QUESTION in await everything_readable(town), "a dry run changes nothing"
    done = await forgetter(town).forget()
    assert done.found == dry.found
    assert QUESTION not in await everything_readable(town)
    assert (await town.reach(alert_id)).totals == before
    assert not any((await forgetter(town).would_forget()).found.values())


async def test_the_provider_forgets_what_came_to_its_end_and_only_then(town: Town) -> None:
    await an_evening(town)
    assert (await forgetter(town).forget()).found["messages at providers"] == 0, "people may still answer"
    town.clock.advance(hours=73)
    assert (await forgetter(town, at_provider="no").would_forget()).found["messages at providers"] == 0
    forgotten = (await forgetter(town).forget()).found["messages at providers"]
    deleted = {entry.id for entry in town.ledger if entry.event is Event.DELETED}
    assert forgotten == len(deleted) >= 4
    async with town.store.read() as conn:
        for table in (attempt, inbound):
            rows = (await conn.execute(select(table.c.provider_id, table.c.redacted_at).where(table.c.provider_id.is_not(None)))).all()
            assert {row.provider_id for row in rows if row.redacted_at} <= deleted
    assert (await forgetter(town).forget()).found["messages at providers"] == 0


async def test_the_text_alone_is_redacted_where_that_was_chosen(town: Town) -> None:
    await an_evening(town)
    town.clock.advance(hours=73)
    assert (await forgetter(town, at_provider="text").forget()).found["messages at providers"] >= 4
    events = {entry.event for entry in town.ledger}
    assert Event.REDACTED in events
    assert Event.DELETED not in events


async def test_it_is_done_once_a_day_and_reported_in_the_chain_of_acts(town: Town) -> None:
    await an_evening(town)
    assert await forgetter(town).daily() is not None
    assert await forgetter(town).daily() is None
    town.clock.advance(hours=25)
    assert await forgetter(town).daily() is not None
    async with town.store.read() as conn:
        acts = (await conn.execute(select(act_log.c.data).where(act_log.c.act == "purge").order_by(act_log.c.id))).scalars().all()
        assert await remembered.moment(conn, remembered.LAST_PURGE) == town.clock.now()
    assert len(acts) == 2
    assert set(acts[0]["forgotten"]) == set((await forgetter(town).would_forget()).found)


async def test_whoever_has_left_is_erased_after_a_month(town: Town) -> None:
    ayan, _ = await an_evening(town)
    stamp = Stamp(by="Kari", at=town.clock.now())
    async with town.store.write() as conn:
        await keep.leave(conn, town.municipality_id, ayan.id, stamp)
    town.clock.advance(days=29)
    assert (await forgetter(town).forget()).found["people who have left"] == 0
    town.clock.advance(days=2)
    assert (await forgetter(town).forget()).found["people who have left"] == 1
    assert ayan.phone._number() not in await everything_readable(town)


# --- one person ---------------------------------------------------------------------------------------------------------


async def test_an_erased_person_is_nowhere_and_stays_counted(town: Town) -> None:
    ayan, alert_id = await an_evening(town)
    before = await town.reach(alert_id)
    async with town.store.read() as conn:
        told = json.dumps(await own_page.everything(conn, town.municipality_id, ayan.id), ensure_ascii=False)
    assert ayan.phone._number() in told
    assert QUESTION in told
    await town.passes(minutes=1)
    async with town.store.write() as conn:
        await erase.erase(conn, town.municipality_id, ayan.id, Stamp(by="Kari", at=town.clock.now()))
    left = await everything_readable(town)
    for gone in ("Ayan", ayan.phone._number(), QUESTION):
        assert gone not in left
    assert "Bilan" in left, "nobody else is touched"
    after = await town.reach(alert_id)
    assert after.totals == before.totals
    assert [group.acknowledged for group in after.groups] == [group.acknowledged for group in before.groups]
    async with town.store.read() as conn:
        acts = (await conn.execute(select(act_log.c.actor, act_log.c.subject).where(act_log.c.act == "person.erase"))).all()
        planned = delivery.c.person_id == ayan.id
        waiting = (await conn.execute(select(delivery.c.id).where(planned, delivery.c.state == "WAITING"))).all()
        told = json.dumps(await own_page.everything(conn, town.municipality_id, ayan.id, left=True), ensure_ascii=False)
    assert [one.subject for one in acts] == [f"person:{ayan.id}"]
    assert waiting == []
    assert QUESTION not in told


async def test_a_number_that_was_erased_belongs_to_nobody(town: Town) -> None:
    ayan, _ = await an_evening(town)
    async with town.store.write() as conn:
        await erase.erase(conn, town.municipality_id, ayan.id, Stamp(by="Kari", at=town.clock.now()))
    await ayan.phone.says("1")
    await town.settle()
    assert "unknown_sender" in await town.tasks()


async def test_nobody_is_erased_in_another_municipality_or_while_a_message_leaves(town: Town) -> None:
    ayan, _ = await an_evening(town)
    stamp = Stamp(by="Kari", at=town.clock.now())
    with pytest.raises(NotFound):
        async with town.store.write() as conn:
            await erase.erase(conn, town.municipality_id + 1, ayan.id, stamp)
    async with town.store.write() as conn:
        mine = delivery.c.person_id == ayan.id
        await conn.execute(delivery.update().where(mine, delivery.c.state == "DONE").values(state="CLAIMED"))
    with pytest.raises(NotAllowed, match="leaving just now"):
        async with town.store.write() as conn:
            await erase.erase(conn, town.municipality_id, ayan.id, stamp)
