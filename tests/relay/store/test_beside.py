"""Workers' routine turns go side by side on PostgreSQL, and the numbers stay right; whatever is not routine goes alone."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from channels.base import Evidence, Reason
from relay.breaker import Change
from relay.model import Health
from relay.store import claim, counters as counting, outcomes, senders, tasks
from relay.store.engine import Store
from relay.store.evidence import Fact
from relay.store.outcomes import Landed
from relay.store.routine import NotRoutineError, is_routine
from relay.store.tables import Sender, recipient
from relay.store.workers import Lease
from tests.relay.test_recount import House, check_rows, counters, house, recounted

NOW = datetime(2026, 11, 23, 17, 0, tzinfo=UTC)
#: seconds after which what still waits is held up by another; and in which what need not wait is done, on a busy machine too
SOON, PATIENCE = 0.5, 8.0


@pytest.fixture
async def made(migrated_postgres_url: str) -> AsyncIterator[House]:
    async with house(migrated_postgres_url) as town:
        await town.release()
        yield town


@pytest.fixture
async def other(made: House) -> AsyncIterator[Store]:
    """The database of `made`, as another worker has it."""
    store = await Store.open(made.store.url.render_as_string(hide_password=False))
    yield store
    await store.close()


class Writer:
    """A transaction that is held open from outside."""

    def __init__(self, store: Store, *, routine: bool) -> None:
        self._stack, self._store, self._routine = AsyncExitStack(), store, routine

    async def begin(self) -> AsyncConnection:
        """Begin; waits as long as the database says."""
        return await self._stack.enter_async_context(self._store.write(routine=self._routine))

    async def commit(self) -> None:
        """End it."""
        await self._stack.aclose()


async def test_routine_is_written_side_by_side_and_all_else_alone(made: House, other: Store) -> None:
    first, second = Writer(made.store, routine=True), Writer(other, routine=True)
    assert is_routine(await first.begin())
    assert is_routine(await asyncio.wait_for(second.begin(), PATIENCE)), "it does not wait for the first"
    await second.commit()
    alone = Writer(other, routine=False)
    waits = asyncio.create_task(alone.begin())
    done, _ = await asyncio.wait([waits], timeout=SOON)
    assert not done, "whoever writes anything else waits until no routine is under way"
    await first.commit()
    assert not is_routine(await waits)
    await alone.commit()


async def test_what_must_be_alone_is_undone_beside_others(made: House) -> None:
    """Events are numbered without gaps and acts are chained: two transactions at a time could do neither.

    What waits for a sender in trouble is moved whoever may lease it: whoever does so meanwhile would wait for it crosswise.
    """

    async def tell(conn: AsyncConnection) -> None:
        await tasks.happened(conn, made.town, "steps.remind", NOW)

    async def log(conn: AsyncConnection) -> None:
        await tasks.acted(conn, "house", "steps.remind", NOW, municipality_id=made.town)

    async def fare(conn: AsyncConnection) -> None:
        sender = (await conn.execute(select(Sender.id).order_by(Sender.id).limit(1))).scalar_one()
        await senders.became(conn, Change(sender_id=sender, health=Health.SLOW, since=NOW, try_at=None), NOW)

    async def stand_in(conn: AsyncConnection) -> None:
        await senders.stand_in(conn, NOW)

    for write in (tell, log, fare, stand_in):
        with pytest.raises(NotRoutineError):
            async with made.store.write(routine=True) as conn:
                await write(conn)
        async with made.store.write() as conn:
            await write(conn)


async def test_two_workers_that_lease_at_once_share_nothing(made: House, other: Store) -> None:
    first, second = Writer(made.store, routine=True), Writer(other, routine=True)
    one, two = await first.begin(), await second.begin()
    mine = await claim.lease(one, "a", 1, made.clock.now(), limit=4, term=Lease(30.0))
    waits = asyncio.create_task(claim.lease(two, "b", 2, made.clock.now(), limit=4, term=Lease(30.0)))
    await asyncio.sleep(0.1)
    await first.commit()
    theirs = await waits
    await second.commit()
    assert len(mine) == len(theirs) == 4, "the second finds its own as soon as the first is through"
    assert not {row.id for row in mine} & {row.id for row in theirs}


async def test_two_halves_of_one_message_written_side_by_side_count_once(made: House, other: Store) -> None:
    """A forward and its ask, each recorded by another worker: neither sees the other's before it is committed."""
    intended = await made.begin(40)
    sms = [one for one in intended if one.intent.work.medium == "sms"]
    half, rest = ([one for one in sms if one.intent.work.part == part] for part in ("forward", "ask"))
    people = {one.intent.work.recipient_id for one in half}
    assert people
    assert people == {one.intent.work.recipient_id for one in rest}
    first, second = Writer(made.store, routine=True), Writer(other, routine=True)
    one, two = await first.begin(), await second.begin()
    await outcomes.record(one, _taken(half), made.clock.now())
    waits = asyncio.create_task(outcomes.record(two, _taken(rest), made.clock.now()))
    done, _ = await asyncio.wait([waits], timeout=SOON)
    assert not done, "the same people: it waits until the first is through"
    await first.commit()
    await waits
    await second.commit()
    assert await counters(made.store) == await recounted(made.store)
    await check_rows(made.store)
    async with made.store.read() as conn:
        known = (await conn.execute(select(recipient.c.evidence).where(recipient.c.id.in_(people)))).scalars().all()
    assert set(known) == {Evidence.ACCEPTED}


async def test_different_people_are_written_down_at_the_same_time(made: House, other: Store) -> None:
    """And the numbers, which are the same few rows for all, one after the other at the end."""
    intended = await made.begin(40)
    people = sorted({one.intent.work.recipient_id or 0 for one in intended})
    parted = [[one for one in intended if (one.intent.work.recipient_id in people[::2]) is mine] for mine in (True, False)]
    assert all(parted)
    first, second = Writer(made.store, routine=True), Writer(other, routine=True)
    one, two = await first.begin(), await second.begin()
    await outcomes.record(one, _taken(parted[0]), made.clock.now())
    await asyncio.wait_for(outcomes.record(two, _taken(parted[1]), made.clock.now()), PATIENCE)
    await asyncio.wait_for(asyncio.gather(first.commit(), second.commit()), PATIENCE)
    assert await counters(made.store) == await recounted(made.store)
    await check_rows(made.store)


async def test_numbers_counted_crosswise_end_in_no_deadlock(made: House, other: Store) -> None:
    """One turn counts for the first alert and then the second, another the other way round: they take turns from the first on."""
    await made.release()

    async def count(conn: AsyncConnection, alert_id: int) -> None:
        sums = counting.Sums()
        sums.add(made.town, alert_id, 0, "sms", {"sent": 1})
        await counting.write(conn, sums)

    before = await counters(made.store)
    first, second = Writer(made.store, routine=True), Writer(other, routine=True)
    one, two = await first.begin(), await second.begin()
    await count(one, made.issued[0])
    waits = asyncio.create_task(count(two, made.issued[1]))
    await asyncio.sleep(0.1)
    await count(one, made.issued[1])
    await first.commit()
    await waits
    await count(two, made.issued[0])
    await second.commit()
    more = (await counters(made.store)) - before
    assert more == {(alert_id, 0, "sms", "sent"): 2 for alert_id in made.issued}


@pytest.mark.parametrize(
    "fact",
    [
        {"evidence": Evidence.UNKNOWN, "reason": Reason.UNCERTAIN},
        {"evidence": Evidence.REFUSED, "reason": Reason.ADDRESS_INVALID},
        {"evidence": Evidence.ACCEPTED, "provider_id": ""},
    ],
)
async def test_an_outcome_that_is_not_routine_is_recorded_alone(made: House, fact: dict[str, Any]) -> None:
    landed = _taken(await made.begin(40))
    landed[0] = (landed[0][0], landed[0][1]._replace(**fact))
    with pytest.raises(NotRoutineError):
        async with made.store.write(routine=True) as conn:
            await outcomes.record(conn, landed, made.clock.now())
    async with made.store.write() as conn:
        await outcomes.record(conn, landed, made.clock.now())
    assert await counters(made.store) == await recounted(made.store)


def _taken(intended: Any) -> list[Landed]:
    return [(one, Fact(one.attempt_id, Evidence.ACCEPTED, provider_id=f"SM{one.attempt_id}")) for one in intended]
