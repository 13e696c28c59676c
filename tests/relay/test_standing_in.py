"""A sender that is slow or down: another stands in for it, and if there is none, people are moved to their next channel."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy import insert, select, update

from channels.registry import build
from channels.sandbox.faults import Fault
from channels.sandbox.ledger import Event
from messages.form import Medium
from relay.doctor import checks
from relay.model import Health
from relay.store import senders
from relay.store.senders import Faring
from relay.store.tables import Sender, delivery
from relay.web.watchdog import Watchdog
from tests.channels.aggregator import Aggregator, JsonStyle
from tests.channels.rigs import described
from tests.relay.witness import WATER, accepted, in_time, reconcile, released
from tests.stories.arrange import change, rows, sender
from tests.stories.town import FAST, SMS_SENDER, Somebody, Town, new

AGGREGATOR = "+4759440099"
OUT = Fault(kind="throttle", retry_after=None)


@pytest.fixture
async def other(town: Town, tmp_path: Path) -> AsyncIterator[Aggregator]:
    """A second SMS provider, described by a file; its sender is the newer one, and so the first choice."""
    async with Aggregator(tmp_path / "aggregator.jsonl", JsonStyle(), clock=town.clock) as provider:
        values = {"municipality_id": town.municipality_id, "channel": Medium.SMS, "provider": "http_sms", "account": "nordisk"}
        await change(town, insert(Sender).values(values | {"address": AGGREGATOR, "contents": {}} | FAST | town._audit()))
        town.relay.desk.channels["http_sms", "nordisk"] = build("http_sms", described("nordisk", provider.url), clock=town.clock)
        yield provider


async def people(town: Town, count: int = 6, by: tuple[Medium, ...] = (Medium.SMS,)) -> list[Somebody]:
    return [await town.person(f"Person{n}", "nb", by=by) for n in range(count)]


def taken(provider: Aggregator | object) -> set[str]:
    """Numbers that a provider has a copy for."""
    assert isinstance(provider, Aggregator)
    return {entry.to for entry in provider.ledger.entries(Event.ACCEPTED)}


async def faring(town: Town, address: str) -> Faring:
    async with town.store.read() as conn:
        [found] = [one for one in await senders.faring(conn, town.clock.now(), town.municipality_id) if one.address == address]
    return found


async def troubles(town: Town) -> list[str]:
    watchdog = Watchdog(town.store, town.clock)
    return await watchdog.troubles()


async def test_another_sender_stands_in_for_one_that_takes_nothing(town: Town, other: Aggregator) -> None:
    """Everybody is reached by it within seconds, a person is alarmed, and when the first takes messages again it is used again."""
    everybody = await people(town)
    other.order(OUT)
    alert_id = await released(town)
    await in_time(town, seconds=8)
    assert {entry.to for entry in accepted(town)} == {person.phone.address for person in everybody}
    assert await town.tasks() == ["sender"]
    found = await faring(town, AGGREGATOR)
    assert (found.health, found.stand_in, found.well) == (Health.DOWN, SMS_SENDER, False)
    assert [one.ok for one in await checks(town.store, town.relay.desk, town.clock.now()) if AGGREGATOR in one.name] == [False]
    await reconcile(town, alert_id)
    tried = len(other.ledger.entries(Event.FAULT))
    other.faults.clear()
    await in_time(town, seconds=31)
    await released(town, {"nb": "NY SAK"})
    await in_time(town, seconds=4)
    assert (await faring(town, AGGREGATOR)).well
    assert await town.tasks() == [], "the alarm is closed by itself"
    assert len(other.ledger.entries(Event.FAULT)) == tried
    await released(town, {"nb": "TREDJE SAK"})
    await town.settle()
    assert taken(other) == {person.phone.address for person in everybody}


async def slowly(town: Town, seconds: float) -> None:
    """Let what is due leave while every call takes so many seconds of our clock."""

    async def passing() -> None:
        while True:
            await asyncio.sleep(0.2)
            town.clock.advance(seconds=seconds)

    passes = asyncio.create_task(passing())
    try:
        await town.settle()
    finally:
        passes.cancel()


async def test_another_sender_stands_in_for_one_that_is_slow(town: Town, other: Aggregator) -> None:
    """It answers, after seconds; from then on messages go by the other, and nobody has two."""
    town.relay.dispatcher.window = 3
    everybody = await people(town, 9)
    other.order(Fault(kind="slow", seconds=0.3))
    alert_id = await released(town)
    await slowly(town, 3.0)
    assert (await faring(town, AGGREGATOR)).health == Health.SLOW
    assert await town.tasks() == [], "slow is no alarm"
    there, here = taken(other), {entry.to for entry in accepted(town)}
    assert there | here == {person.phone.address for person in everybody}
    assert len(here) >= 3
    assert (await town.reach(alert_id)).possible_duplicates == 0


async def test_none_stands_in_when_all_are_slow(town: Town, other: Aggregator) -> None:
    """The network itself is slow: messages stay where they are instead of going back and forth."""
    town.relay.dispatcher.window = 3
    await people(town, 9)
    await change(town, update(Sender).where(Sender.address == SMS_SENDER).values(health=Health.SLOW, health_since=town.clock.now()))
    other.order(Fault(kind="slow", seconds=0.3))
    await released(town)
    await slowly(town, 3.0)
    assert (await faring(town, AGGREGATOR)).health == Health.SLOW
    assert accepted(town) == []
    assert len(taken(other)) == 9


async def test_a_slow_sender_is_better_than_one_that_is_down(town: Town, other: Aggregator) -> None:
    everybody = await people(town)
    await change(town, update(Sender).where(Sender.address == SMS_SENDER).values(health=Health.SLOW, health_since=town.clock.now()))
    other.order(OUT)
    await released(town)
    await in_time(town, seconds=6)
    assert {entry.to for entry in accepted(town)} == {person.phone.address for person in everybody}


async def test_another_sender_stands_in_for_one_that_waits_for_a_person(town: Town, other: Aggregator) -> None:
    """Its credentials are refused: the alarm stands until somebody has looked, and nobody waits for that."""
    everybody = await people(town)
    await change(town, update(Sender).where(Sender.address == AGGREGATOR).values(stopped="NOT_AUTHORISED", stopped_at=town.clock.now()))
    alert_id = await town.draft(WATER)
    await change(town, update(Sender).where(Sender.address == AGGREGATOR).values(stopped="", stopped_at=None))
    await town.relay.approve(town.municipality_id, alert_id, "Ola")
    await town.relay.release(town.municipality_id, alert_id, "Ola")
    await change(town, update(Sender).where(Sender.address == AGGREGATOR).values(stopped="NOT_AUTHORISED", stopped_at=town.clock.now()))
    await town.settle()
    assert {entry.to for entry in accepted(town)} == {person.phone.address for person in everybody}
    assert taken(other) == set()


async def test_an_outage_of_all_sms_moves_people_to_their_next_channel(town: Town) -> None:
    """Who has a mailbox has the letter within seconds; who has none gets the SMS when it works again, and then nobody gets it twice."""
    with_mail = await people(town, 5, (Medium.SMS, Medium.EMAIL))
    alone = await town.person("Alene", "nb")
    town.sandbox.order(OUT)
    alert_id = await released(town)
    await in_time(town, seconds=6)
    assert [len(new(person.mailbox)) for person in with_mail if person.mailbox] == [1] * 5
    assert await town.tasks() == ["sender"]
    assert any(SMS_SENDER in one for one in await troubles(town)), "the house says so itself that it is not ready"
    await in_time(town, seconds=60)
    found = await checks(town.store, town.relay.desk, town.clock.now())
    waiting = (await faring(town, SMS_SENDER)).waiting
    assert [(one.ok, one.words.values.get("number")) for one in found if one.name == "queue"] == [(False, waiting)]
    vain = len(town.sandbox.ledger.entries(Event.FAULT))
    await in_time(town, seconds=60)
    assert len(town.sandbox.ledger.entries(Event.FAULT)) - vain <= 4, "one try now and then, and not one for each that waits"
    town.sandbox.faults.clear()
    await in_time(town, seconds=34)
    assert len(new(alone.phone)) == 2
    assert await town.tasks() == []
    assert await troubles(town) == []
    await reconcile(town, alert_id)


async def test_an_ordinary_message_waits_a_minute_for_its_sender(town: Town) -> None:
    """Then its reader too gets it another way; a routine one keeps to its plan."""
    reader = await town.person("Leser", "nb", by=(Medium.SMS, Medium.EMAIL))
    await sender(town, health=Health.DOWN, health_since=town.clock.now(), try_at=town.clock.now().replace(year=2030))
    await released(town, grave=False)
    assert reader.mailbox is not None
    await in_time(town, seconds=50)
    assert new(reader.mailbox) == []
    await in_time(town, seconds=16)
    assert len(new(reader.mailbox)) == 1
    assert {
        row.hold
        for row in await rows(town, select(delivery.c.hold).where(delivery.c.channel == "sms", delivery.c.due_at <= town.clock.now()))
    } == {"sender"}


async def test_whose_own_call_stopped_the_sender_gets_it_another_way_like_all_others(town: Town) -> None:
    """The provider refuses our key in the middle: whose question was just being sent need not wait for a person to look."""
    readers = await people(town, 4, (Medium.SMS, Medium.EMAIL))
    town.sandbox.order(Fault(kind="unauthorised", nth=list(range(5, 100))))
    await released(town, grave=False)
    await in_time(town, seconds=66)
    assert [len(new(reader.mailbox)) for reader in readers if reader.mailbox] == [1] * 4
    assert await town.tasks() == ["sender"]


async def test_one_number_that_breaks_every_call_stops_nobody_else(town: Town) -> None:
    """The provider errs for one reader each time: the sender stays well, and the reader's next channel does not wait."""
    bad = await town.person("Uheldig", "nb", by=(Medium.SMS, Medium.EMAIL))
    town.sandbox.order(Fault(kind="throttle", retry_after=None, suffix=bad.phone.address[-4:]))
    await released(town)
    await in_time(town, seconds=10)
    assert bad.mailbox is not None
    assert len(new(bad.mailbox)) == 1
    everybody = await people(town, 4)
    await released(town, {"nb": "NY SAK"})
    await town.settle()
    assert {len(new(person.phone)) for person in everybody} == {2}
    assert await town.tasks() == []
