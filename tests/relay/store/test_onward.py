"""Statuses are written the short way or the long way: the rows and the numbers are the same."""

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from channels.base import Evidence, Reason, Status
from relay.store import evidence, onward, statuses
from relay.store.evidence import Fact
from relay.store.statuses import Told
from relay.store.tables import attempt, counter, delivery, progress, recipient, status, task
from tests.relay.conftest import NewDatabase
from tests.relay.store.test_outcomes import _rows
from tests.relay.test_recount import House, house

ACCEPTED, SENT, DELIVERED = Evidence.ACCEPTED, Evidence.SENT, Evidence.DELIVERED
#: what was known before: of a first try that did not leave there is a second
answers = st.lists(st.sampled_from(["taken", "taken", "taken", "nothing", "unknown", "not connected"]), min_size=8, max_size=8)
#: whom it is about, the evidence and why, by token or not, whose provider's id, what else is told
said = st.tuples(
    st.integers(0, 9),
    st.sampled_from(
        [
            (SENT, None),
            (SENT, None),
            (DELIVERED, None),
            (DELIVERED, None),
            (ACCEPTED, None),
            (Evidence.READ, None),
            (Evidence.UNKNOWN, None),
            (Evidence.UNDELIVERED, Reason.UNDELIVERED),
            (Evidence.UNDELIVERED, Reason.UNREACHABLE),
        ]
    ),
    st.sampled_from([True, True, True, False]),
    st.sampled_from(["own", "own", "own", "own", "another's", "new", ""]),
    st.sampled_from([{}, {}, {}, {"code": "30003"}, {"segments": 3}, {"price": 0.5}]),
)
nights = st.lists(st.lists(said, min_size=1, max_size=8), min_size=1, max_size=3)


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture])
@given(answers, nights)
def test_the_short_way_writes_what_the_long_way_does(
    new_database: NewDatabase, before: Sequence[str], night: Sequence[Sequence[Any]]
) -> None:
    async def live(url: str) -> dict[str, list[dict[str, Any]]]:
        async with house(url) as made:
            tokens = await _begin(made, before)
            for batch in night:
                made.clock.advance(minutes=1)
                told = [_told(made, tokens, *one) for one in batch]
                async with made.store.write() as conn:
                    await statuses.apply(conn, told)
            async with made.store.read() as conn:
                tables = (attempt, delivery, recipient, counter, progress, task, status)
                found = {table.name: await _rows(conn, table) for table in tables}
            # one without an id is kept by its token, which is another one in each life
            found["status"] = [row for row in found["status"] if row["provider_id"].startswith("SM")]
            return found

    with new_database() as one, new_database() as other, pytest.MonkeyPatch.context() as patched:
        short = asyncio.run(live(one))
        patched.setattr(onward, "parted", lambda facts, _rows: ([], facts))
        assert short == asyncio.run(live(other))


async def _begin(made: House, before: Sequence[str]) -> list[tuple[int, str]]:
    """Release, send, and learn what came of the calls; return all attempts by their tokens."""
    await made.release()
    await made.begin(8)
    async with made.store.write() as conn:
        tokens = await _tokens(conn)
        answered = [fact for (one, _), what in zip(tokens, before, strict=False) for fact in _answer(one, what)]
        await evidence.learn(conn, answered, made.clock.now())
    await made.pass_time(3)
    await made.begin(8)
    async with made.store.read() as conn:
        return await _tokens(conn)


def _answer(one: int, what: str) -> list[Fact]:
    match what:
        case "taken":
            return [Fact(one, ACCEPTED, provider_id=f"SM{one}", segments=2, price=0.1)]
        case "unknown":
            return [Fact(one, Evidence.UNKNOWN, reason=Reason.UNCERTAIN)]
        case "not connected":
            return [Fact(one, Evidence.REFUSED, reason=Reason.NOT_CONNECTED)]
        case _:
            return []


async def _tokens(conn: AsyncConnection) -> list[tuple[int, str]]:
    return [(row.id, row.token) for row in await conn.execute(select(attempt.c.id, attempt.c.token).order_by(attempt.c.id))]


def _told(made: House, tokens: Sequence[tuple[int, str]], which: int, what: tuple[Evidence, Reason | None], *how: Any) -> Told:
    by_token, named, more = how
    one, token = tokens[which % len(tokens)]
    other, _ = tokens[(which + 1) % len(tokens)]
    provider_id = {"own": f"SM{one}", "another's": f"SM{other}", "new": "SMnew", "": ""}[named]
    said = Status(what[0], token=token if by_token else "", provider_id=provider_id, reason=what[1], **more)
    return Told("twilio", said, made.clock.now())


async def test_most_statuses_go_the_short_way(migrated_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    async with house(migrated_url) as made:
        tokens = await _begin(made, ["taken"] * 8)
        long: list[Fact] = []

        async def learn(_conn: AsyncConnection, facts: Sequence[Fact], _now: object) -> int:
            long.extend(facts)
            return 0

        monkeypatch.setattr(evidence, "learn", learn)
        told = [_told(made, tokens[:8], which, (what, None), True, "own", {}) for what in (SENT, DELIVERED) for which in range(8)]
        async with made.store.write() as conn:
            assert all(await statuses.apply(conn, told))
        async with made.store.read() as conn:
            known = list((await conn.execute(select(attempt.c.evidence).order_by(attempt.c.id).limit(8))).scalars())
        assert not long
        assert known == [DELIVERED] * len(known)
