"""Several wheels turn over one PostgreSQL at the same time; what is not routine is done alone, and nobody is sent to twice."""

import asyncio
from collections import Counter
from collections.abc import Iterator
from contextlib import AbstractAsyncContextManager, contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from channels.base import Evidence
from relay.dispatch import Dispatcher
from relay.dispatch.crew import Crew
from relay.model import AddressState, DeliveryState, Health
from relay.pace import Pacer
from relay.pulse import Pulse
from relay.routing import DEFAULT_POLICY
from relay.store.engine import Store
from relay.store.tables import Address, Sender
from relay.store.workers import Lease
from tests.relay.test_dispatch import Hasty
from tests.relay.test_recount import check_rows, counters, recounted
from tests.relay.witness import attempts, planned, reconcile, released
from tests.stories.arrange import change
from tests.stories.town import ON_POSTGRES, Town, new

PEOPLE = 24


@dataclass
class Kinds:
    """Which turns were begun as routine, and which alone."""

    begun: list[bool] = field(default_factory=list)


@contextmanager
def watched(store: Store, kinds: Kinds) -> Iterator[None]:
    """Write down how each transaction begins."""
    write = store.write

    def noting(*, routine: bool = False) -> AbstractAsyncContextManager[AsyncConnection]:
        kinds.begun.append(routine)
        return write(routine=routine)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(store, "write", noting)
        yield


@ON_POSTGRES
async def test_most_turns_of_an_evening_are_routine(town: Town) -> None:
    people = [await town.person(f"Person{n}", "nb") for n in range(PEOPLE)]
    alert_id, kinds = await released(town), Kinds()
    town.relay.dispatcher.window = 4
    with watched(town.store, kinds):
        await town.relay.dispatcher.drain()
    assert Counter(kinds.begun)[True] >= 2 * PEOPLE // 4 / 2
    assert all(len(new(person.phone)) == 2 for person in people)
    await reconcile(town, alert_id)


@ON_POSTGRES
async def test_a_turn_that_comes_upon_something_else_is_done_again_alone(town: Town) -> None:
    """Somebody writes STOP between the lease and the last look: nothing goes to them, and nobody else waits or gets anything twice."""
    people = [await town.person(f"Person{n}", "nb") for n in range(PEOPLE)]
    alert_id, kinds = await released(town), Kinds()
    wheel = town.relay.dispatcher
    wheel.window = 4
    while True not in kinds.begun:
        with watched(town.store, kinds):
            await wheel._turn()
            await wheel._land()
    stops = next(iter(wheel.waiting))[0]
    await change(town, update(Address).where(Address.id == stops.address_id).values(state=AddressState.OPTED_OUT))
    kinds.begun.clear()
    with watched(town.store, kinds):
        await wheel.drain()
    assert kinds.begun[:2] == [True, False], "what cannot be done beside others is undone and done alone"
    came = {person.id: len(new(person.phone)) for person in people}
    assert came.pop(stops.person_id or 0) < 2
    assert set(came.values()) == {2}
    failed = [row for row in await planned(town, alert_id) if row.state == DeliveryState.FAILED]
    assert {(row.person_id, row.reason) for row in failed} == {(stops.person_id, "OPTED_OUT")}
    assert await counters(town.store) == await recounted(town.store)


@ON_POSTGRES
async def test_a_sender_that_became_slow_is_written_down_alone(town: Town) -> None:
    """What is planned for others may move to another sender then: no turn of another worker may be under way."""
    for n in range(PEOPLE):
        await town.person(f"Person{n}", "nb")
    alert_id, kinds = await released(town), Kinds()
    wheel = town.relay.dispatcher
    wheel.window = 4
    with watched(town.store, kinds):
        while True not in kinds.begun:
            await wheel._turn()
            await wheel._land()
    [sms] = [sender for sender in wheel.breakers._senders.values() if sender.calls]
    sms.health, sms.since, sms.changed = Health.SLOW, town.clock.now(), True
    kinds.begun.clear()
    with watched(town.store, kinds):
        await wheel._turn()
    assert kinds.begun == [True, False]
    async with town.store.read() as conn:
        assert Health.SLOW in (await conn.execute(select(Sender.health))).scalars().all()
    # what was in hand of the slow one has gone back, and is leased again
    for _ in range(2):
        await wheel.drain()
    await reconcile(town, alert_id)


@ON_POSTGRES
async def test_two_wheels_over_one_database_send_each_message_once(town: Town) -> None:
    """Both turn as fast as they can, a message's halves fall to either: the numbers are what a recount gives."""
    for n in range(3 * PEOPLE):
        await town.person(f"Person{n}", "nb")
    alert_id = await released(town)
    other = await Store.open(town.store.url.render_as_string(hide_password=False))
    wheels, kinds = [_wheel(town, town.store, 1), _wheel(town, other, 2)], Kinds()
    with watched(town.store, kinds), watched(other, kinds):
        sent = await asyncio.gather(*(wheel.drain() for wheel in wheels))
    for wheel in wheels:
        await wheel._finish()
    await other.close()
    due = [row for row in await planned(town, alert_id) if row.state != DeliveryState.WAITING]
    assert all(sent), "both had their part"
    assert sum(sent) == len(due) == 6 * PEOPLE
    assert {(row.n, row.evidence) for row in await attempts(town)} == {(1, Evidence.ACCEPTED)}
    assert Counter(kinds.begun)[True] > 10
    assert await counters(town.store) == await recounted(town.store)
    await check_rows(town.store)


def _wheel(town: Town, store: Store, number: int) -> Dispatcher:
    desk, pulse, lease = town.relay.desk, Pulse(), Lease(30.0, by_database=True)
    wheel = Dispatcher(store, desk, town.clock, pulse, DEFAULT_POLICY, worker=f"w{number}", fence=number, window=4, lease=lease)
    # the first one's slice would last until all is sent
    wheel.pacer = Pacer()
    caller: Any = Hasty()
    wheel.crew = Crew(caller)
    return wheel
