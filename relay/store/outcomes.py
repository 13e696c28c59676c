"""What came of our own calls. Of most a first copy was taken, and nobody has told anything else meanwhile: those need not be read.

All others are learnt as whatever else is told (relay.store.evidence).
"""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Executable, Text, and_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from channels.base import Evidence
from messages.form import Part
from relay.counting import UNTRIED, message_change
from relay.store import evidence, progress, recipients
from relay.store.evidence import Fact
from relay.store.intent import Intended
from relay.store.sql import Kind, by_key, ids_as_json, rows_as_json, rows_from_json
from relay.store.tables import attempt, delivery
from relay.store.together import Call, Hot, together

#: the provider has said that it has it, and nothing more
TAKEN = (Evidence.ACCEPTED, Evidence.SENT)


async def record(conn: AsyncConnection, landed: Sequence[tuple[Intended, Fact]], now: datetime) -> None:
    """Write down what came of calls."""
    if not landed:
        return
    named = Counter(fact.provider_id for _, fact in landed)
    plain = [(one, fact) for one, fact in landed if one.intent.work.attempt_n == 1 and _plain(fact) and named[fact.provider_id] == 1]
    known_to_nobody = await _known_to_nobody(conn, [fact for _, fact in plain])
    news = [(one, fact) for one, fact in plain if fact.attempt_id in known_to_nobody]
    if news:
        await _write(conn, news, now)
    if len(news) < len(landed):
        await evidence.learn(conn, [fact for _, fact in landed if fact.attempt_id not in known_to_nobody], now)


def _plain(fact: Fact) -> bool:
    return fact.evidence in TAKEN and fact.reason is None and bool(fact.provider_id)


async def _known_to_nobody(conn: AsyncConnection, facts: Sequence[Fact]) -> Collection[int]:
    """Return the attempts of which nothing was known but the intent, and whose provider's ids are new."""
    if not facts:
        return ()
    told = rows_as_json(conn, ({"id": fact.attempt_id, "provider_id": fact.provider_id} for fact in facts))
    (rows,) = await together(conn, (_KNOWN_TO_NOBODY, {"told": told, "ids": ids_as_json(fact.attempt_id for fact in facts)}))
    return {row.id for row in rows}


async def _write(conn: AsyncConnection, news: Sequence[tuple[Intended, Fact]], now: datetime) -> None:
    people = {one.intent.work.recipient_id for one, _ in news if one.intent.work.recipient_id is not None}
    await recipients.refresh(conn, people, now, before=[*_raised(conn, news, now), *_done(news, now)], changes=_changes(news))


def _raised(conn: AsyncConnection, news: Sequence[tuple[Intended, Fact]], now: datetime) -> Iterator[Call]:
    alike: defaultdict[evidence.Risen, list[Fact]] = defaultdict(list)
    for one, fact in news:
        segments = one.intent.segments if fact.segments is None else fact.segments
        alike[evidence.Risen(int(fact.evidence), code=fact.code, segments=segments, price=fact.price, found_by=fact.found_by)].append(fact)
    for risen, facts in alike.items():
        yield evidence.raise_and_name(conn, risen, facts, now)


def _done(news: Sequence[tuple[Intended, Fact]], now: datetime) -> Iterator[Call]:
    alike: defaultdict[Evidence, list[int]] = defaultdict(list)
    for one, fact in news:
        alike[fact.evidence].append(one.intent.work.delivery_id)
    for what, ids in alike.items():
        yield evidence.done(int(what), ids, now)


def _changes(news: Sequence[tuple[Intended, Fact]]) -> recipients.Changes:
    """What they change in the numbers of their channels, and in how the alert's grew."""
    changes = recipients.Changes()
    works = ((one.intent.work, fact.evidence) for one, fact in news)
    alike = Counter(
        (work.municipality_id, work.alert_id, work.medium, work.part, what) for work, what in works if work.alert_id is not None
    )
    for (town, alert_id, medium, part, what), times in alike.items():
        change = {name: value * times for name, value in message_change(UNTRIED, what).items()}
        changes.sums.add(town, alert_id or 0, 0, medium, change)
        if part is Part.REMINDER:
            changes.growth.add(town, alert_id or 0, {progress.REMINDED: change.get("sent", 0)})
    return changes


# --- the statement ----------------------------------------------------------------------------------------------------

_TOLD: Mapping[str, Kind] = {"id": BigInteger, "provider_id": Text}


def _nobody_knows(conn: AsyncConnection) -> Executable:
    told, owner = rows_from_json(conn, "told", _TOLD), attempt.alias("owner")
    # subqueries, and no joins: so PostgreSQL goes by the indexes, as in `by_key`
    first = select(and_(delivery.c.attempts == 1, delivery.c.evidence == UNTRIED)).where(delivery.c.id == attempt.c.delivery_id)
    whose: Any = select(owner.c.id).where(owner.c.account == attempt.c.account, owner.c.provider_id == told.c.provider_id)
    return (
        select(attempt.c.id)
        .select_from(told)
        .join(attempt, by_key(conn, attempt.c.id, told.c.id, "ids"))
        .where(attempt.c.evidence == int(Evidence.INTENT), attempt.c.provider_id.is_(None))
        .where(first.scalar_subquery(), whose.scalar_subquery().is_(None))
    )


_KNOWN_TO_NOBODY = Hot(_nobody_knows)
