"""Several wheels turn over one PostgreSQL at the same time; what is not routine is done alone, and nobody is sent to twice."""

import asyncio
from collections import Counter
from collections.abc import Iterator
from contextlib import AbstractAsyncContextManager, contextmanager
from typing import Any, cast

import pytest
from sqlalchemy import select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection

from channels.base import Evidence
from channels.clock import monotonic
from messages.alert import Kind
from relay.breaker import LAST, SLOW, Call
from relay.dispatch import Dispatcher
from relay.dispatch.crew import Crew
from relay.dispatch.texts import Shared
from relay.model import AddressState, DeliveryState, Work
from relay.pace import Pacer, SharedPacer
from relay.pulse import Pulse
from relay.routing import DEFAULT_POLICY
from relay.store import outcomes
from relay.store.engine import Store
from relay.store.evidence import Fact
from relay.store.intent import Intended
from relay.store.tables import Address, pace
from relay.store.workers import Lease
from tests.relay.test_dispatch import Hasty
from tests.relay.test_recount import check_rows, counters, recounted
from tests.relay.witness import attempts, planned, reconcile, released
from tests.stories.arrange import change, rows
from tests.stories.town import ON_POSTGRES, Town, new

PEOPLE = 24


class Repeating(Hasty):
    """A provider whose first answer names a message that it has named before."""

    async def call(self, one: Intended, shared: Shared, begun: float) -> Fact:
        fact = await super().call(one, shared, begun)
        repeats, self.repeats = self.repeats, False
        return fact._replace(provider_id="SMsame") if repeats else fact

    repeats = True


@contextmanager
def watched(store: Store, begun: list[bool]) -> Iterator[None]:
    """Write down of each transaction whether it was begun as routine."""
    write = store.write

    def noting(*, routine: bool = False) -> AbstractAsyncContextManager[AsyncConnection]:
        begun.append(routine)
        return write(routine=routine)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(store, "write", noting)
        yield


@ON_POSTGRES
async def test_most_turns_of_an_evening_are_routine(town: Town) -> None:
    people = [await town.person(f"Person{n}", "nb") for n in range(PEOPLE)]
    alert_id, begun = await released(town), list[bool]()
    town.relay.dispatcher.window = 4
    with watched(town.store, begun):
        await town.relay.dispatcher.drain()
    assert Counter(begun)[True] >= 2 * PEOPLE // 4 / 2
    assert all(len(new(person.phone)) == 2 for person in people)
    await reconcile(town, alert_id)


@ON_POSTGRES
async def test_a_turn_that_comes_upon_something_else_is_done_again_alone(town: Town) -> None:
    """Somebody writes STOP between the lease and the last look: nothing goes to them, and nobody else waits or gets anything twice."""
    people = [await town.person(f"Person{n}", "nb") for n in range(PEOPLE)]
    alert_id, begun = await released(town), list[bool]()
    wheel = town.relay.dispatcher
    await _routine(wheel)
    stops = await _stopped(town, wheel)
    with watched(town.store, begun):
        await wheel.drain()
    assert begun[:2] == [True, False], "what cannot be done beside others is undone and done alone"
    came = {person.id: len(new(person.phone)) for person in people}
    assert came.pop(stops.person_id or 0) < 2
    assert set(came.values()) == {2}
    failed = [row for row in await planned(town, alert_id) if row.state == DeliveryState.FAILED]
    assert {(row.person_id, row.reason) for row in failed} == {(stops.person_id, "OPTED_OUT")}
    assert await counters(town.store) == await recounted(town.store)


@ON_POSTGRES
async def test_what_is_graver_leaves_in_the_turn_that_was_done_again(town: Town) -> None:
    """The look at the database that was undone does not count: it is taken again at once."""
    for n in range(PEOPLE):
        await town.person(f"Person{n}", "nb")
    await released(town, {"nb": "ØVELSE"}, kind=Kind.EXERCISE)
    wheel, begun = town.relay.dispatcher, list[bool]()
    await _routine(wheel)
    grave = await released(town)
    wheel.look_at = monotonic()
    with watched(town.store, begun):
        await wheel._turn()
    assert begun == [True, False]
    assert wheel.chosen
    assert {work.alert_id for work, _ in wheel.chosen} == {grave}


@ON_POSTGRES
async def test_a_turn_that_was_undone_has_taken_nothing_of_the_shared_pace(town: Town) -> None:
    """The slice is back in its row, where another worker may take it: what is sent then is paid for once more."""
    for n in range(PEOPLE):
        await town.person(f"Person{n}", "nb")
    await released(town)
    wheel, begun = _wheel(town, town.store, 1), list[bool]()
    wheel.pacer = SharedPacer()
    await _routine(wheel)
    wheel.pacer.back_to({sender: (0.0, *rest) for sender, (_, *rest) in wheel.pacer.kept().items()})
    await change(town, update(pace).values(free_at=text("now() - interval '1 day'")))
    await _stopped(town, wheel)
    with watched(town.store, begun):
        made, _ = await wheel._turn()
    assert begun == [True, False]
    assert made
    [paid] = await rows(town, select(pace.c.free_at, text("now() AS now")).where(pace.c.free_at > text("now() - interval '1 hour'")))
    assert paid.free_at > paid.now
    await wheel._finish()


@ON_POSTGRES
async def test_how_a_sender_fares_is_written_down_alone(town: Town) -> None:
    """What waits for it is moved to another sender, whoever would lease it."""
    for n in range(PEOPLE):
        await town.person(f"Person{n}", "nb")
    alert_id = await released(town)
    wheel, begun, now = town.relay.dispatcher, list[bool](), town.clock.now()
    await _routine(wheel)
    for n in range(LAST):
        wheel.breakers.heard(next(iter(wheel.waiting))[0].sender_id, Call(f"+47{n}", vain=False, seconds=2 * SLOW, at=now))
    with watched(town.store, begun):
        await wheel._turn()
    assert begun == [False]
    await town.settle()
    await reconcile(town, alert_id)


@ON_POSTGRES
async def test_a_turn_that_another_one_stands_in_the_way_of_is_done_again_alone(town: Town) -> None:
    """A provider gives one id to two messages, and two workers hear of it at once: one message has it, the other is in doubt."""
    for n in range(PEOPLE):
        await town.person(f"Person{n}", "nb")
    await released(town)
    other = await Store.open(town.store.url.render_as_string(hide_password=False))
    one, two = _wheel(town, town.store, 1), _wheel(town, other, 2)
    for wheel in (one, two):
        wheel.crew = Crew(cast("Any", Repeating()))
        await _routine(wheel)
        await wheel.crew.finish()
    begun = list[bool]()
    with watched(town.store, begun):
        async with other.write(routine=True) as conn:
            await outcomes.record(conn, two.crew.landed, town.clock.now())
            turn = asyncio.create_task(one._turn())
            await asyncio.wait([turn], timeout=0.2)
        two.crew.landed.clear()
        await turn
    assert begun == [True, False]
    for wheel in (one, two):
        await wheel._finish()
    await other.close()
    assert Counter((row.evidence, row.code) for row in await attempts(town))[Evidence.UNKNOWN, "repeated-id"] == 1
    assert await counters(town.store) == await recounted(town.store)
    await check_rows(town.store)


@ON_POSTGRES
async def test_two_wheels_over_one_database_send_each_message_once(town: Town) -> None:
    """Both turn as fast as they can, a message's halves fall to either: the numbers are what a recount gives."""
    for n in range(3 * PEOPLE):
        await town.person(f"Person{n}", "nb")
    alert_id = await released(town)
    other = await Store.open(town.store.url.render_as_string(hide_password=False))
    wheels, begun = [_wheel(town, town.store, 1), _wheel(town, other, 2)], list[bool]()
    with watched(town.store, begun), watched(other, begun):
        sent = await asyncio.gather(*(wheel.drain() for wheel in wheels))
    for wheel in wheels:
        await wheel._finish()
    await other.close()
    due = [row for row in await planned(town, alert_id) if row.state != DeliveryState.WAITING]
    assert all(sent), "both had their part"
    assert sum(sent) == len(due) == 6 * PEOPLE
    assert {(row.n, row.evidence) for row in await attempts(town)} == {(1, Evidence.ACCEPTED)}
    assert Counter(begun)[True] > 10
    assert await counters(town.store) == await recounted(town.store)
    await check_rows(town.store)


async def _routine(wheel: Dispatcher) -> None:
    """Turn until the next turn is routine."""
    wheel.window = 4
    while not wheel._expects_routine():
        await wheel._turn()
        await wheel.crew.land(wheel.window, 1)


async def _stopped(town: Town, wheel: Dispatcher) -> Work:
    """Let whoever is the next to be sent to have written STOP."""
    [work, _] = next(iter(wheel.waiting))
    await change(town, update(Address).where(Address.id == work.address_id).values(state=AddressState.OPTED_OUT))
    return work


def _wheel(town: Town, store: Store, number: int) -> Dispatcher:
    desk, pulse, lease = town.relay.desk, Pulse(), Lease(30.0, by_database=True)
    wheel = Dispatcher(store, desk, town.clock, pulse, DEFAULT_POLICY, worker=f"w{number}", fence=number, window=4, lease=lease)
    # the first one's slice would last until all is sent
    wheel.pacer = Pacer()
    caller: Any = Hasty()
    wheel.crew = Crew(caller)
    return wheel
