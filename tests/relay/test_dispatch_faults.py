"""The dispatcher against a provider that fails in every way, and against its own death: nothing is lost, nothing doubled in silence."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import count
from typing import Any

import pytest
from sqlalchemy import func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

import channels.sandbox.server as provider
from channels.base import Evidence
from channels.sandbox.faults import Fault
from channels.sandbox.intake import one, token_of
from messages.alert import Gravity
from relay.model import NotReady
from relay.store import claim, engine, intent, outcomes, together
from relay.store.tables import attempt, delivery
from relay.store.workers import Lease
from relay.verdict import POST_DEADLINE
from tests.relay.witness import (
    WATER,
    accepted,
    another,
    attempts,
    copies,
    in_time,
    planned,
    reconcile,
    released,
    restart,
    slow_sender,
)
from tests.stories.arrange import rows
from tests.stories.town import ON_SQLITE, Town, new

# --- faults -----------------------------------------------------------------------------------------------------------

#: fault, can the same message be at the provider twice because of it
FAULTS = [
    (Fault(kind="error", times=1), False),
    (Fault(kind="error", times=1, status=500), False),
    (Fault(kind="error_accepted", times=1), True),
    (Fault(kind="reset", times=1), False),
    (Fault(kind="reset_accepted", times=1), True),
    (Fault(kind="stall", times=1, seconds=0.6), False),
    (Fault(kind="slow", times=1, seconds=0.6), True),
    (Fault(kind="throttle", times=1, retry_after=20), False),
    (Fault(kind="truncated", times=1), True),
    (Fault(kind="html", times=1), True),
    (Fault(kind="empty", times=1), True),
    (Fault(kind="odd_json", times=1), True),
    (Fault(kind="wrong_sid", times=1), True),
    (Fault(kind="repeated_sid", nth=[2]), True),
    (Fault(kind="foreign", times=1), True),
    (Fault(kind="redirect", times=1), False),
]


def name_of(value: object) -> str:
    return f"{value.kind}{value.status}" if isinstance(value, Fault) else str(value)


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Shorten the deadline of a call: seconds of real time."""
    for gravity in Gravity:
        monkeypatch.setitem(POST_DEADLINE, gravity, 0.3)


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("callbacks", [True, False], ids=["told", "untold"])
@pytest.mark.parametrize(("fault", "taken"), FAULTS, ids=name_of)
@ON_SQLITE
async def test_a_fault_loses_and_doubles_nothing(town: Town, fault: Fault, *, taken: bool, callbacks: bool) -> None:
    """Told of it by callbacks, or left to look for itself: each text arrives, and one that was taken is not sent again."""
    town.sandbox.change(callbacks=callbacks)
    town.sandbox.order(fault)
    ayan = await town.person("Ayan", "nb")
    alert_id = await released(town)
    await town.passes(minutes=2)
    assert len(new(ayan.phone)) == 2
    assert set(copies(town).values()) == {1}
    await reconcile(town, alert_id)
    assert {row.state for row in await planned(town, alert_id) if row.action == "message"} == {"DONE"}
    reach = await town.reach(alert_id)
    again = 0 if taken or fault.kind == "throttle" else 1
    assert reach.possible_duplicates == again, "whoever was sent to again is flagged, and nobody else"
    assert (reach.totals.sent, reach.totals.unknown) == (1, 0)


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("kind", ["error", "error_accepted", "reset", "reset_accepted", "stall", "throttle", "repeated_sid"])
async def test_a_bad_night_on_both_databases(town: Town, kind: Any) -> None:
    """Every third call goes wrong for a while; then all is well, and all is in order."""
    people = [await town.person(f"Person{n}", "nb") for n in range(6)]
    town.sandbox.order(Fault(kind=kind, chance=0.34, seconds=0.6))
    alert_id = await released(town)
    await town.passes(seconds=20)
    town.sandbox.faults.clear()
    await town.passes(minutes=2)
    assert all(len({shown.text for shown in new(person.phone)}) == 2 for person in people)
    await reconcile(town, alert_id)
    assert (await town.reach(alert_id)).totals.unknown == 0


async def test_an_intent_is_on_disk_before_the_call(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    """When the provider reads a request, another connection sees the attempt that it belongs to, without an outcome."""
    seen: list[int] = []
    honest = provider._form

    async def looked(request: Any) -> dict[str, list[str]]:
        form = await honest(request)
        token = token_of(one(form, "StatusCallback"))
        seen.extend(row.evidence for row in await rows(town, select(attempt.c.evidence).where(attempt.c.token == token)))
        return form

    monkeypatch.setattr(provider, "_form", looked)
    for n in range(5):
        await town.person(f"Person{n}", "nb")
    await town.issue(WATER)
    assert seen == [Evidence.INTENT] * 10


async def test_no_call_is_made_for_an_intent_that_was_not_written(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    """The database goes away at the very commit: nothing leaves. It comes back: everything does, once."""
    honest = intent.intend
    monkeypatch.setattr(intent, "intend", _away)
    ayan = await town.person("Ayan", "nb")
    await released(town)
    for _ in range(3):
        with pytest.raises(NotReady):
            await town.relay.dispatcher.drain()
    assert accepted(town) == []
    monkeypatch.setattr(intent, "intend", honest)
    await town.settle()
    assert len(new(ayan.phone)) == 2


async def test_a_commit_whose_answer_is_lost_loses_and_doubles_nobody_in_silence(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    """It was done, and we are told that the connection is gone: what we believe undone is met again, or looked for."""
    honest, number = together.commit, count()

    async def commit(conn: AsyncConnection) -> None:
        await honest(conn)
        if next(number) % 3 == 1:
            raise ConnectionResetError

    people = [await town.person(f"Person{n}", "nb") for n in range(6)]
    alert_id = await released(town)
    told = 0
    with monkeypatch.context() as patch:
        patch.setattr(engine, "commit", commit)
        for _ in range(12):
            try:
                await town.relay.dispatcher.drain()
            except NotReady:
                told += 1
    assert told > 1
    await in_time(town, minutes=20)
    assert {number for number, _ in copies(town)} == {person.phone.address for person in people}
    assert min(row.evidence for row in await attempts(town)) > Evidence.INTENT
    await reconcile(town, alert_id)


async def _away(*_: object) -> Any:
    raise NotReady("The disk under the database is full. Make room: it heals by itself.")


async def test_an_outcome_that_cannot_be_written_stays_in_hand(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the provider said is written down when the database is back; nobody is asked twice."""
    town.sandbox.change(callbacks=False)
    honest, failures = outcomes.record, [True, True]

    async def record(conn: Any, landed: Any, now: Any) -> Any:
        if landed and failures:
            failures.pop()
            raise NotReady("The connection to the database was lost. It is tried again.")
        return await honest(conn, landed, now)

    monkeypatch.setattr(outcomes, "record", record)
    await town.person("Ayan", "nb")
    alert_id = await released(town)
    for _ in range(2):
        with pytest.raises(NotReady):
            await town.relay.dispatcher.drain()
    await town.settle()
    assert {row.evidence for row in await attempts(town)} == {Evidence.ACCEPTED}
    assert set(copies(town).values()) == {1}
    await reconcile(town, alert_id)


@ON_SQLITE
async def test_a_worker_whose_turn_broke_does_not_say_that_it_is_idle(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    """What came of its calls is not written yet: a clock that jumped now would jump over it."""
    honest, broken, mended = outcomes.record, asyncio.Event(), asyncio.Event()

    async def record(conn: Any, landed: Any, now: Any) -> Any:
        if landed and not mended.is_set():
            broken.set()
            raise NotReady("The connection to the database was lost. It is tried again.")
        return await honest(conn, landed, now)

    monkeypatch.setattr(outcomes, "record", record)
    await town.person("Ayan", "nb")
    await released(town)
    dispatcher = town.relay.dispatcher
    running = asyncio.create_task(dispatcher.run())
    async with asyncio.timeout(10):
        await broken.wait()
        for _ in range(5):
            await asyncio.sleep(0.01)
            assert not dispatcher.idle
        mended.set()
        while not dispatcher.idle:
            town.relay.pulse.ring()
            await asyncio.sleep(0.01)
    assert {row.evidence for row in await attempts(town)} <= {Evidence.ACCEPTED, Evidence.SENT, Evidence.DELIVERED}
    dispatcher.stop()
    await asyncio.wait_for(running, 5)


async def test_a_commit_whose_word_was_lost(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    """The database did commit and we did not hear it: the intent counts as one in doubt, the wheel turns on, nothing is doubled."""
    honest, losses = town.store.write, [True]

    @asynccontextmanager
    async def write(**how: Any) -> AsyncIterator[Any]:
        async with honest(**how) as conn:
            before = (await conn.execute(select(func.count(attempt.c.id)))).scalar_one()
            yield conn
            after = (await conn.execute(select(func.count(attempt.c.id)))).scalar_one()
        if losses and after > before:
            losses.pop()
            raise NotReady("The connection to the database was lost. It is tried again.")

    monkeypatch.setattr(town.store, "write", write)
    ayan = await town.person("Ayan", "nb")
    alert_id = await released(town)
    with pytest.raises(NotReady):
        await town.settle()
    await town.passes(minutes=3)
    assert len({shown.text for shown in new(ayan.phone)}) == 2
    assert (await town.reach(alert_id)).possible_duplicates == 1
    await reconcile(town, alert_id)


# --- crashes, leases, fences ------------------------------------------------------------------------------------------


async def test_a_crash_between_call_and_outcome(town: Town) -> None:
    """The provider has it, we died before we wrote that down: it is found in the provider's list and not sent again."""
    town.sandbox.change(callbacks=False)
    await town.person("Ayan", "nb")
    alert_id = await released(town)
    doomed = town.relay.dispatcher
    # one turn leases, the next one sends
    while not doomed.crew.flying:
        await doomed._turn()
    await doomed.crew.finish()
    assert len(accepted(town)) == 1
    heir = await restart(town)
    assert Evidence.UNKNOWN in {row.evidence for row in await planned(heir, alert_id)}, "until it is found it is said to be in doubt"
    await heir.passes(minutes=1)
    assert set(copies(town).values()) == {1}
    assert "list" in {row.found_by for row in await attempts(town)}
    assert (await heir.reach(alert_id)).possible_duplicates == 0
    await reconcile(heir, alert_id)


async def test_a_crash_before_the_call(town: Town) -> None:
    """The intent is on disk and nothing ever left: after the silence it is sent again, and flagged, since we cannot know."""
    ayan = await town.person("Ayan", "nb")
    alert_id = await released(town)
    async with town.store.write() as conn:
        works = claim.works(await claim.lease(conn, "doomed", 1, town.clock.now(), limit=1, term=Lease(30.0)), town.clock.now())
        intents = [intent.Intent(work=work, account="twilio", body_sha256="", segments=1, emulated=True) for work in works]
        await intent.intend(conn, intent.tries(intents, town.clock.now()), town.clock.now())
    heir = await restart(town)
    await heir.passes(seconds=28)
    assert len(new(ayan.phone)) == 1, "the other message; the doubtful one waits for its silence"
    await heir.passes(seconds=30)
    assert len(new(ayan.phone)) == 1
    assert (await heir.reach(alert_id)).possible_duplicates == 1
    await reconcile(heir, alert_id)


async def test_an_intent_that_a_dead_worker_left_with_what_waits_holds_up_nobody(town: Town) -> None:
    """All the others' messages leave meanwhile; it is looked for like any other, and sent again after its silence."""
    people = [await town.person(f"Person{n}", "nb") for n in range(3)]
    alert_id = await released(town)
    async with town.store.write() as conn:
        works = claim.works(await claim.lease(conn, "doomed", 1, town.clock.now(), limit=1, term=Lease(30.0)), town.clock.now())
        intents = [intent.Intent(work=work, account="twilio", body_sha256="", segments=1, emulated=True) for work in works]
        await intent.intend(conn, intent.tries(intents, town.clock.now()), town.clock.now())
        waits = {"state": "WAITING", "lease_until": None, "claimed_by": ""}
        await conn.execute(update(delivery).where(delivery.c.id == works[0].delivery_id).values(waits))
    heir = another(town)
    await heir.relay.dispatcher.drain()
    assert len(accepted(town)) == 5
    await heir.passes(minutes=2)
    assert len(accepted(town)) == 6
    assert [len(new(person.phone)) for person in people] == [2, 2, 2]
    assert (await heir.reach(alert_id)).possible_duplicates == 1
    await reconcile(heir, alert_id)


async def test_a_second_dispatcher_cannot_send_what_the_first_one_holds(town: Town) -> None:
    """Until the lease runs out it finds nothing; then it sends, and the first one finds that it may not any more."""
    await slow_sender(town, 0.01, 1.0)
    people = [await town.person(f"Person{n}", "nb") for n in range(3)]
    alert_id = await released(town)
    await town.relay.dispatcher.drain()
    held = len(town.relay.dispatcher.waiting)
    assert held == 5
    second = another(town)
    assert await second.relay.dispatcher.drain() == 0
    await slow_sender(town, 1000.0, 1000.0)
    town.clock.advance(seconds=31)
    await second.settle()
    assert len(accepted(town)) == 6
    assert len(town.relay.dispatcher.waiting) == held
    town.clock.advance(minutes=5)
    assert await town.relay.dispatcher.drain() == 0
    assert set(copies(town).values()) == {1}
    assert all(len(new(person.phone)) == 2 for person in people)
    await reconcile(town, alert_id)


async def test_two_dispatchers_at_once(town: Town) -> None:
    """They share the work and never a message."""
    people = [await town.person(f"Person{n}", "nb") for n in range(12)]
    await released(town)
    second = another(town, window=3)
    sent = await asyncio.gather(town.relay.dispatcher.drain(), second.relay.dispatcher.drain())
    await town.settle()
    assert sum(sent) == 24
    assert set(copies(town).values()) == {1}
    assert all(len(new(person.phone)) == 2 for person in people)


@ON_SQLITE
async def test_what_is_in_hand_twice_is_sent_once(town: Town) -> None:
    """Our own lease ran out while we stood still, and we took the same rows again: also when the first try is in doubt."""
    await slow_sender(town, 0.02, 1.0)
    await town.person("Ayan", "nb")
    alert_id = await released(town)
    await town.relay.dispatcher.drain()
    town.clock.advance(seconds=45)
    town.sandbox.change(callbacks=False)
    town.sandbox.order(Fault(kind="reset_accepted", times=1))
    await town.settle()
    await in_time(town, minutes=4)
    assert set(copies(town).values()) == {1}
    await reconcile(town, alert_id)


async def test_stopping_finishes_what_is_in_the_air_and_gives_the_rest_back(town: Town) -> None:
    """Another process goes on with it at once."""
    await slow_sender(town, 0.01, 1.0)
    people = [await town.person(f"Person{n}", "nb") for n in range(3)]
    await released(town)
    dispatcher = town.relay.dispatcher
    running = asyncio.create_task(dispatcher.run())
    async with asyncio.timeout(5):
        while not (dispatcher.waiting and dispatcher.idle):  # noqa: ASYNC110 - the dispatcher rings for nobody
            await asyncio.sleep(0.01)
    dispatcher.stop()
    await asyncio.wait_for(running, 5)
    assert await rows(town, select(delivery.c.id).where(delivery.c.state == "CLAIMED")) == []
    await slow_sender(town, 1000.0, 1000.0)
    await another(town).settle()
    assert all(len(new(person.phone)) == 2 for person in people)
    assert set(copies(town).values()) == {1}
