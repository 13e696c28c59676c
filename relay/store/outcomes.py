"""What came of our own calls. Of most a first copy was taken, and nobody has told anything else meanwhile: those need not be read.

All others are learnt as whatever else is told (relay.store.evidence).
"""

from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from typing import Any, TypeAlias

from sqlalchemy import ColumnElement, Executable, Subquery, and_, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from channels.base import Evidence
from relay.counting import UNTRIED
from relay.store import evidence, recipients, routine, together
from relay.store.evidence import Fact
from relay.store.intent import Intended
from relay.store.routine import beyond_routine
from relay.store.sql import ids_as_json
from relay.store.tables import attempt, delivery
from relay.store.together import Call, Hot, later

#: the provider has said that it has it, and nothing more
TAKEN = (Evidence.ACCEPTED, Evidence.SENT)

#: an attempt and what its call brought
Landed: TypeAlias = tuple[Intended, Fact]


async def record(conn: AsyncConnection, landed: Sequence[Landed], now: datetime) -> None:
    """Write down what came of calls."""
    if routine.is_routine(conn):
        await begin(conn, landed, now)()
        return
    plain = _plain(landed)
    news = await _news(conn, plain, now) if plain else []
    if news:
        await recipients.refresh(conn, _people(news), now, before=_ends_besides(conn, news, now), changes=_changes(news))
    if len(news) < len(landed):
        told = {fact.attempt_id for _, fact in news}
        await evidence.learn(conn, [fact for _, fact in landed if fact.attempt_id not in told], now)


def is_plain(landed: Landed) -> bool:
    """Whether a call brought what most bring: a first copy was taken."""
    one, fact = landed
    return one.intent.work.attempt_n == 1 and fact.evidence in TAKEN and fact.reason is None and bool(fact.provider_id)


def begin(conn: AsyncConnection, landed: Sequence[Landed], now: datetime) -> Callable[[], Awaitable[None]]:
    """Begin to write down what all these calls brought, which is what most bring, and return what finishes that (PostgreSQL: all of it).

    Both: NotRoutineError where it is not so.
    """
    if len(_plain(landed)) < len(landed):
        beyond_routine(conn)
    raises, people = _raises(conn, landed, now) if landed else [], _people(landed)
    kinds = [recipients.kinds(people)] if people else []
    asked = together.ask(conn, *raises, *_ends_besides(conn, landed, now), *kinds)
    changes = _changes(landed)

    async def finish() -> None:
        found = await asked()
        if sum(map(len, found[: len(raises)])) < len(landed):
            beyond_routine(conn)
        later(conn, *recipients.routine_changes(conn, found[-1] if kinds else [], now, changes))

    return finish


def _plain(landed: Sequence[Landed]) -> list[Landed]:
    """Return those that brought what most bring, under an id that no other of them has."""
    named = Counter(fact.provider_id for _, fact in landed)
    return [one for one in landed if is_plain(one) and named[one[1].provider_id] == 1]


async def _news(conn: AsyncConnection, plain: Sequence[Landed], now: datetime) -> Sequence[Landed]:
    """Let those rise of which nothing was known but the intent, and whose provider's ids are new; return them."""
    found = await together.together(conn, *_raises(conn, plain, now))
    risen = {row.id for rows in found for row in rows}
    return [(one, fact) for one, fact in plain if fact.attempt_id in risen]


def _raises(conn: AsyncConnection, plain: Sequence[Landed], now: datetime) -> list[Call]:
    """Return the statements that let attempts rise, by what they are from now on: most of a batch are alike.

    What an intent has besides is written as it was, empty: `evidence` would read it and write the same.
    """
    alike: defaultdict[evidence.Risen, list[Fact]] = defaultdict(list)
    for one, fact in plain:
        segments = one.intent.segments if fact.segments is None else fact.segments
        what = evidence.Risen(int(fact.evidence), code=fact.code, segments=segments, price=fact.price, found_by=fact.found_by)
        alike[what].append(fact)
    given = [evidence.rises_named(conn, what, facts, now) | {"people": "[]"} for what, facts in alike.items()]
    given[0]["people"] = ids_as_json(_people(plain))
    return [(_TAKE, one) for one in given]


def _people(landed: Sequence[Landed]) -> set[int]:
    return {one.intent.work.recipient_id for one, _ in landed if one.intent.work.recipient_id is not None}


def _ends_besides(conn: AsyncConnection, news: Sequence[Landed], now: datetime) -> list[Call]:
    """Return the statements that end their deliveries, where those that let attempts rise do not: SQLite's change one table."""
    if conn.dialect.name == "postgresql":
        return []
    alike: defaultdict[Evidence, list[int]] = defaultdict(list)
    for one, fact in news:
        alike[fact.evidence].append(one.intent.work.delivery_id)
    return [evidence.done(int(what), ids, now) for what, ids in alike.items()]


def _changes(news: Sequence[Landed]) -> recipients.Changes:
    """What they change in the numbers."""
    changes = recipients.Changes()
    works = ((one.intent.work, fact.evidence) for one, fact in news)
    alike = Counter((recipients.Messages(work.municipality_id, work.alert_id, work.medium, work.part), what) for work, what in works)
    for (messages, what), times in alike.items():
        changes.messages(messages, UNTRIED, what, times)
    return changes


# --- the statements ---------------------------------------------------------------------------------------------------


def _nobody_knows(told: Subquery) -> ColumnElement[bool]:
    """Say of an attempt that only its intent is known, that its delivery has no other, and that the id told us is nobody's."""
    owner = attempt.alias("owner")
    # the sum keeps PostgreSQL off the index of what is open: it would go through all of it for each batch
    intent_only = (attempt.c.evidence + 0 == int(Evidence.INTENT), attempt.c.provider_id.is_(None))
    # subqueries, and no joins: so PostgreSQL goes by the indexes, as in `by_key`. A second attempt may have begun since, by another worker
    only_this = select(and_(delivery.c.attempts == 1, delivery.c.evidence == UNTRIED)).where(delivery.c.id == attempt.c.delivery_id)
    whose: Any = select(owner.c.id).where(owner.c.account == attempt.c.account, owner.c.provider_id == told.c.provider_id)
    return and_(*intent_only, only_this.scalar_subquery(), whose.scalar_subquery().is_(None))


def _take(conn: AsyncConnection) -> Executable:
    """Let them rise and find which did; where the database can, bring their deliveries to the end besides, and lock their people."""
    told = evidence.rows_told(conn)
    raising = evidence.raising(conn, told).where(_nobody_knows(told))
    if conn.dialect.name == "sqlite":
        return raising.returning(attempt.c.id)
    raised = raising.returning(attempt.c.id, attempt.c.delivery_id).cte("raised")
    done = update(delivery).where(delivery.c.id == raised.c.delivery_id).values(evidence.DONE_BY)
    # counted, so that they are locked at all
    people = select(func.count()).select_from(recipients.locked(conn)).scalar_subquery()
    return select(raised.c.id).where(people.is_not(None)).add_cte(done.cte("done"))


_TAKE = Hot(_take)
