"""What came of our own calls. Of most a first copy was taken, and nobody has told anything else meanwhile: those need not be read.

All others are learnt as whatever else is told (relay.store.evidence).
"""

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any, TypeAlias

from sqlalchemy import ColumnElement, Executable, Subquery, and_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from channels.base import Evidence
from relay.counting import UNTRIED
from relay.store import evidence, recipients
from relay.store.evidence import Fact
from relay.store.intent import Intended
from relay.store.tables import attempt, delivery
from relay.store.together import Call, Hot, together

#: the provider has said that it has it, and nothing more
TAKEN = (Evidence.ACCEPTED, Evidence.SENT)

#: an attempt and what its call brought
Landed: TypeAlias = tuple[Intended, Fact]


async def record(conn: AsyncConnection, landed: Sequence[Landed], now: datetime) -> None:
    """Write down what came of calls."""
    if not landed:
        return
    named = Counter(fact.provider_id for _, fact in landed)
    plain = [(one, fact) for one, fact in landed if one.intent.work.attempt_n == 1 and _plain(fact) and named[fact.provider_id] == 1]
    news, left = await _news(conn, plain, now) if plain else ([], [])
    if news:
        people = {one.intent.work.recipient_id for one, _ in news if one.intent.work.recipient_id is not None}
        await recipients.refresh(conn, people, now, before=left, changes=_changes(news))
    if len(news) < len(landed):
        told = {fact.attempt_id for _, fact in news}
        await evidence.learn(conn, [fact for _, fact in landed if fact.attempt_id not in told], now)


def _plain(fact: Fact) -> bool:
    return fact.evidence in TAKEN and fact.reason is None and bool(fact.provider_id)


async def _news(conn: AsyncConnection, plain: Sequence[Landed], now: datetime) -> tuple[Sequence[Landed], list[Call]]:
    """Let those rise of which nothing was known but the intent, and whose provider's ids are new; return them, and what is left to write.

    PostgreSQL brings their deliveries to the end in the same statement. SQLite changes one table a statement.
    """
    found = await together(conn, *_raises(conn, plain, now))
    risen = {row.id for rows in found for row in rows}
    news = [(one, fact) for one, fact in plain if fact.attempt_id in risen]
    return news, [] if conn.dialect.name == "postgresql" else [*_ends(news, now)]


def _raises(conn: AsyncConnection, plain: Sequence[Landed], now: datetime) -> list[Call]:
    """Return the statements that let attempts rise, by what they are from now on: most of a batch are alike.

    What an intent has besides is written as it was, empty: `evidence` would read it and write the same.
    """
    alike: defaultdict[evidence.Risen, list[Fact]] = defaultdict(list)
    for one, fact in plain:
        segments = one.intent.segments if fact.segments is None else fact.segments
        what = evidence.Risen(int(fact.evidence), code=fact.code, segments=segments, price=fact.price, found_by=fact.found_by)
        alike[what].append(fact)
    return [(_TAKE, evidence.rises_named(conn, what, facts, now)) for what, facts in alike.items()]


def _ends(news: Sequence[Landed], now: datetime) -> Iterator[Call]:
    """Yield the statements that bring their deliveries to the end."""
    alike: defaultdict[Evidence, list[int]] = defaultdict(list)
    for one, fact in news:
        alike[fact.evidence].append(one.intent.work.delivery_id)
    for what, ids in alike.items():
        yield evidence.done(int(what), ids, now)


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
    """Let them rise and find which did; where the database can, bring their deliveries to the end besides."""
    told = evidence.rows_told(conn)
    raising = evidence.raising(conn, told).where(_nobody_knows(told))
    if conn.dialect.name == "sqlite":
        return raising.returning(attempt.c.id)
    raised = raising.returning(attempt.c.id, attempt.c.delivery_id).cte("raised")
    done = update(delivery).where(delivery.c.id == raised.c.delivery_id).values(evidence.DONE_BY)
    return select(raised.c.id).add_cte(done.cte("done"))


_TAKE = Hot(_take)
