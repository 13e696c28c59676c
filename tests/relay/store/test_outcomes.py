"""What came of our own calls is written as routine, the short way or the long way: the rows and the numbers are the same."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from types import SimpleNamespace
from typing import Any, TypeAlias

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st
from sqlalchemy import Table, select
from sqlalchemy.ext.asyncio import AsyncConnection

from channels.base import Evidence, Reason
from relay.store import evidence, outcomes
from relay.store.engine import Store
from relay.store.evidence import Fact
from relay.store.intent import Intended
from relay.store.outcomes import Landed
from relay.store.routine import NotRoutineError
from relay.store.tables import attempt, counter, delivery, progress, recipient, task
from tests.relay.conftest import NewDatabase
from tests.relay.test_recount import counters, house, recounted

#: writes down what came of calls
Way: TypeAlias = Callable[..., Awaitable[None]]

#: what rows have of their own in each life
OWN = {"token", "started_at"}
#: evidence, why, which provider's id (several have the same), parts, price
outcome = st.tuples(
    st.sampled_from([(Evidence.ACCEPTED, None), (Evidence.SENT, None), (Evidence.ACCEPTED, None), (Evidence.UNKNOWN, Reason.UNCERTAIN)]),
    st.sampled_from(["own", "own", "own", "same", ""]),
    st.sampled_from([None, 1, 2]),
    st.sampled_from([None, 0.5]),
)
#: what a callback has said of some before we read the provider's answer
told = st.lists(
    st.tuples(
        st.integers(0, 7),
        st.sampled_from([Evidence.SENT, Evidence.DELIVERED, Evidence.UNDELIVERED]),
        st.sampled_from(["", "same", "SM1", "SM2", "SM3"]),
    ),
    max_size=4,
)


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture])
@given(st.lists(outcome, min_size=8, max_size=8), told)
def test_each_way_writes_the_same(new_database: NewDatabase, happens: Sequence[Any], before: Sequence[tuple[int, Evidence, str]]) -> None:
    async def live(url: str, write: Way) -> dict[str, list[dict[str, Any]]]:
        async with house(url) as made:
            await made.release()
            intended = await made.begin(8)
            landed = [(one, _fact(one, *what)) for one, what in zip(intended, happens, strict=False)]
            now = made.clock.now()
            async with made.store.write() as conn:
                early = [
                    Fact(intended[which].attempt_id, what, sid, found_by="callback") for which, what, sid in before if which < len(intended)
                ]
                await evidence.learn(conn, early, now)
            await write(made.store, landed, now, told=bool(before))
            async with made.store.read() as conn:
                return {table.name: await _rows(conn, table) for table in (attempt, delivery, recipient, counter, progress, task)}

    written = []
    for way in (_the_short_way, _the_long_way, _as_routine):
        with new_database() as url:
            written.append(asyncio.run(live(url, way)))
    assert written[0] == written[1], "short and long"
    assert written[2] == written[1], "as routine and long"


async def _the_short_way(store: Store, landed: Sequence[Landed], now: datetime, *, told: bool) -> None:
    with _counting_learnt() as learnt:
        async with store.write() as conn:
            await outcomes.record(conn, landed, now)
    assert told or len(landed) - len(learnt) == _ordinary(landed), "a first copy that was taken goes the short way"


async def _the_long_way(store: Store, landed: Sequence[Landed], now: datetime, **_: bool) -> None:
    async with store.write() as conn:
        await evidence.learn(conn, [fact for _, fact in landed], now)


async def _as_routine(store: Store, landed: Sequence[Landed], now: datetime, *, told: bool) -> None:
    """What turns out to be no routine is undone, and written as anything else."""
    is_routine = not told and _ordinary(landed) == len(landed)
    try:
        async with store.write(routine=True) as conn:
            await outcomes.record(conn, landed, now)
    except NotRoutineError:
        assert not is_routine
        async with store.write() as conn:
            await outcomes.record(conn, landed, now)
    else:
        assert told or is_routine


async def test_a_routine_turn_that_comes_upon_something_else_writes_nothing(migrated_url: str) -> None:
    """A callback was quicker than the answer to the call: the delivery of no other is brought to its end either."""
    async with house(migrated_url) as made:
        await made.release()
        landed = [(one, _fact(one, (Evidence.ACCEPTED, None), "own", 1, None)) for one in await made.begin(8)]
        async with made.store.write() as conn:
            early = Fact(landed[0][0].attempt_id, Evidence.DELIVERED, "SM1", found_by="callback")
            await evidence.learn(conn, [early], made.clock.now())
        before = await _deliveries(made.store)
        with pytest.raises(NotRoutineError):
            async with made.store.write(routine=True) as conn:
                await outcomes.record(conn, landed, made.clock.now())
        assert await _deliveries(made.store) == before
        async with made.store.write() as conn:
            await outcomes.record(conn, landed, made.clock.now())
        assert await counters(made.store) == await recounted(made.store)


async def _deliveries(store: Store) -> list[dict[str, Any]]:
    async with store.read() as conn:
        return await _rows(conn, delivery)


def _fact(one: Intended, what: tuple[Evidence, Reason | None], named: str, segments: int | None, price: float | None) -> Fact:
    provider_id = f"SM{one.attempt_id}" if named == "own" else named
    return Fact(one.attempt_id, what[0], provider_id=provider_id, reason=what[1], segments=segments, price=price)


@contextmanager
def _counting_learnt() -> Iterator[list[Fact]]:
    """Yield what goes the long way meanwhile."""
    learnt: list[Fact] = []

    async def learn(conn: AsyncConnection, facts: Sequence[Fact], now: datetime) -> int:
        learnt.extend(facts)
        return await evidence.learn(conn, facts, now)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(outcomes, "evidence", SimpleNamespace(**vars(evidence) | {"learn": learn}))
        yield learnt


def _ordinary(landed: Sequence[tuple[Intended, Fact]]) -> int:
    ids = [fact.provider_id for _, fact in landed]
    return sum(fact.reason is None and bool(fact.provider_id) and ids.count(fact.provider_id) == 1 for _, fact in landed)


async def _rows(conn: AsyncConnection, table: Table) -> list[dict[str, Any]]:
    rows = (await conn.execute(select(*(column for column in table.c if column.name not in OWN)))).mappings().all()
    return sorted((dict(row) for row in rows), key=lambda row: [str(_plain(value)) for value in row.values()])


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, datetime) else value
