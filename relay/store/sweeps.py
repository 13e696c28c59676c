"""What a sweep asks of the store: which senders can be answered, how far each was swept, and which statuses are overdue."""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta

from sqlalchemy import or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from channels.base import Evidence, Reason, Status
from relay.store.columns import AnyRow
from relay.store.tables import Sender, attempt, status
from relay.store.tables.sending import FOREIGN

#: after a day a provider says nothing new
FORGOTTEN = timedelta(hours=24)


async def two_way_senders(conn: AsyncConnection) -> Sequence[AnyRow]:
    """Return the senders that people can answer."""
    return (await conn.execute(select(Sender.__table__).where(Sender.two_way).order_by(Sender.id))).all()


async def swept(conn: AsyncConnection, sender_id: int, now: datetime) -> None:
    """Note that all that came to a sender until `now` is in."""
    await conn.execute(update(Sender).where(Sender.id == sender_id).values(swept_at=now))


async def overdue(
    conn: AsyncConnection, accounts: Collection[str], now: datetime, silent: timedelta, again: timedelta, most: int
) -> Sequence[AnyRow]:
    """Return messages that one of these accounts has, and of whose end it has not told us; each is asked about now and then."""
    wanted = (
        select(attempt.c.id, attempt.c.account, attempt.c.channel, attempt.c.provider_id, Sender.provider)
        .join(Sender, Sender.id == attempt.c.sender_id)
        .where(
            attempt.c.account.in_(accounts),
            attempt.c.evidence.in_((int(Evidence.ACCEPTED), int(Evidence.SENT))),
            attempt.c.provider_id.is_not(None),
            attempt.c.started_at.between(now - FORGOTTEN, now - silent),
            or_(attempt.c.looked_at.is_(None), attempt.c.looked_at < now - again),
        )
        .order_by(attempt.c.id)
        .limit(most)
    )
    return (await conn.execute(wanted)).all()


async def asked(conn: AsyncConnection, attempt_id: int, now: datetime) -> None:
    """Note that the provider was asked about an attempt."""
    await conn.execute(update(attempt).where(attempt.c.id == attempt_id).values(looked_at=now))


async def belated(conn: AsyncConnection, since: datetime, most: int) -> Sequence[AnyRow]:
    """Return statuses that came before we knew the id that they name, and whose attempt has it now, with its channel."""
    # a subquery, and no join: so PostgreSQL goes by the index, as in relay.store.evidence
    same = (attempt.c.account == status.c.account, attempt.c.provider_id == status.c.provider_id)
    came = select(status, select(attempt.c.channel).where(*same).scalar_subquery().label("channel")).where(FOREIGN)
    rows = came.where(status.c.received_at > since).subquery()
    return (await conn.execute(select(rows).where(rows.c.channel.is_not(None)).order_by(rows.c.received_at, rows.c.id).limit(most))).all()


def as_told(row: AnyRow) -> Status:
    """Return a kept status as it was told, but for parts and price."""
    kept = Reason.__members__.get(row.reason)
    return Status(evidence=Evidence(row.evidence), provider_id=row.provider_id, reason=kept, code=row.code, word=row.word)


async def ours(conn: AsyncConnection, ids: Sequence[int]) -> None:
    """Note that the attempts of these statuses were found."""
    await conn.execute(update(status).where(status.c.id.in_(ids)).values(foreign=False))
