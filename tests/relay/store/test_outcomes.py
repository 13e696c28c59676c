"""What came of our own calls is written the short way or the long way: the rows and the numbers are the same."""

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st
from sqlalchemy import Table, select
from sqlalchemy.ext.asyncio import AsyncConnection

from channels.base import Evidence, Reason
from relay.store import evidence, outcomes
from relay.store.evidence import Fact
from relay.store.intent import Intended
from relay.store.tables import attempt, counter, delivery, progress, recipient, task
from tests.relay.conftest import NewDatabase
from tests.relay.test_recount import house

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
def test_the_short_way_writes_what_the_long_way_does(
    new_database: NewDatabase, happens: Sequence[Any], before: Sequence[tuple[int, Evidence, str]]
) -> None:
    async def live(url: str, *, short: bool) -> dict[str, list[dict[str, Any]]]:
        async with house(url) as made:
            await made.release()
            intended = await made.begin(8)
            landed = [(one, _fact(one, *what)) for one, what in zip(intended, happens, strict=False)]
            async with made.store.write() as conn:
                now = made.clock.now()
                early = [
                    Fact(intended[which].attempt_id, what, sid, found_by="callback") for which, what, sid in before if which < len(intended)
                ]
                await evidence.learn(conn, early, now)
                if short:
                    with _counting_learnt() as learnt:
                        await outcomes.record(conn, landed, now)
                    assert before or len(landed) - len(learnt) == _ordinary(landed), "a first copy that was taken goes the short way"
                else:
                    await evidence.learn(conn, [fact for _, fact in landed], now)
            async with made.store.read() as conn:
                return {table.name: await _rows(conn, table) for table in (attempt, delivery, recipient, counter, progress, task)}

    with new_database() as one, new_database() as other:
        assert asyncio.run(live(one, short=True)) == asyncio.run(live(other, short=False))


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
