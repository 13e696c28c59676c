"""A database that was restored is older than the world: nothing leaves before it is known what has left since the backup.

The gate is one remembered value: the gravity from which on everything waits. `queue.waits` reads it, so every worker heeds it at once.
"""

import secrets
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Integer, cast, delete, func, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from channels.base import Evidence, Trace
from messages.alert import Gravity
from relay.model import AlertState, DeliveryState, Work
from relay.store import evidence, remembered
from relay.store.remembered import RESTORED as AT, RESTORED_HELD as HELD, RESTORED_SINCE as SINCE
from relay.store.tables import Sender, alert, attempt, delivery, fact, inbound, recipient

#: Delivery.hold of what may have left by a provider that cannot be asked: a person lets it go
HOLD = "restored"
_NOTHING_HELD = 100


@dataclass(frozen=True, slots=True)
class Restored:
    """What has to be found out."""

    #: when the backup was made, and when it was read back
    since: datetime
    at: datetime
    held: Gravity


def may_leave() -> ColumnElement[bool]:
    """What a delivery must fulfil to leave while not everything is known."""
    held = select(cast(fact.c.value, Integer)).where(fact.c.name == HELD).scalar_subquery()
    return delivery.c.gravity < func.coalesce(held, _NOTHING_HELD)


async def begin(conn: AsyncConnection, since: datetime, now: datetime) -> None:
    """Shut the gate of a database that was read back from a backup made at `since`; whoever held a lease in it holds none any more."""
    before = await pending(conn)
    since = min(since, before.since) if before else since
    for name, value in ((SINCE, since.isoformat()), (AT, now.isoformat()), (HELD, str(int(Gravity.LIFE)))):
        await remembered.put(conn, name, value)
    await conn.execute(update(delivery).where(delivery.c.state == DeliveryState.CLAIMED, delivery.c.hold == "").values(lease_until=since))


async def pending(conn: AsyncConnection) -> Restored | None:
    """Return what has to be found out still, if anything."""
    values = {row.name: row.value for row in await conn.execute(select(fact).where(fact.c.name.in_((AT, SINCE, HELD))))}
    if HELD not in values:
        return None
    return Restored(datetime.fromisoformat(values[SINCE]), datetime.fromisoformat(values[AT]), Gravity(int(values[HELD])))


async def waiting(conn: AsyncConnection) -> dict[int, datetime]:
    """Return the deliveries that would leave now or later, of which it is not known whether they have, and when each was due."""
    out = select(alert.c.id).where(alert.c.state == AlertState.RELEASED)
    wanted = (
        delivery.c.state == DeliveryState.WAITING,
        delivery.c.hold.in_(("", "sender", HOLD)),
        delivery.c.channel != "call",
        delivery.c.sender_id.is_not(None),
        or_(delivery.c.alert_id.is_(None), delivery.c.action == "", delivery.c.alert_id.in_(out)),
    )
    rows = await conn.execute(select(delivery.c.id, delivery.c.due_at).where(*wanted).order_by(delivery.c.id))
    return {row.id: row.due_at for row in rows}


async def in_doubt(conn: AsyncConnection) -> set[str]:
    """Return the fingerprints of texts that are looked for already, one by one."""
    doubtful = attempt.c.evidence.in_((int(Evidence.INTENT), int(Evidence.UNKNOWN)))
    return set((await conn.execute(select(attempt.c.body_sha256).where(doubtful))).scalars())


async def unheard(conn: AsyncConnection, accounts: Collection[str], at: datetime) -> int:
    """How much of what people wrote is not in yet: senders not swept since the restore, and messages not handled."""
    unswept = (Sender.two_way, Sender.account.in_(accounts), or_(Sender.swept_at.is_(None), Sender.swept_at < at))
    senders = (await conn.execute(select(func.count(Sender.id)).where(*unswept))).scalar_one()
    messages = (await conn.execute(select(func.count(inbound.c.id)).where(inbound.c.handled_at.is_(None)))).scalar_one()
    return int(senders + messages)


async def adopt(conn: AsyncConnection, work: Work, account: str, trace: Trace, body_sha256: str, now: datetime) -> None:
    """Take a message that the provider has as the delivery's attempt, with what is known of it."""
    still = (delivery.c.id == work.delivery_id, delivery.c.state == DeliveryState.WAITING, delivery.c.attempts == work.attempt_n - 1)
    claimed = {"state": DeliveryState.CLAIMED, "hold": "", "attempts": work.attempt_n, "fence": 0, "lease_until": now}
    if not (await conn.execute(update(delivery).where(*still).values(claimed))).rowcount:
        return
    row = {
        "municipality_id": work.municipality_id,
        "delivery_id": work.delivery_id,
        "alert_id": work.alert_id,
        "recipient_id": work.recipient_id,
        "sender_id": work.sender_id,
        "account": account,
        "channel": work.medium,
        "n": work.attempt_n,
        "token": secrets.token_hex(16),
        "fence": 0,
        "evidence": int(Evidence.INTENT),
        "body_sha256": body_sha256,
        "started_at": trace.created_at,
    }
    attempt_id = (await conn.execute(insert(attempt).values(row).returning(attempt.c.id))).scalar_one()
    status = trace.status
    found = evidence.Fact(
        attempt_id=attempt_id,
        evidence=status.evidence,
        provider_id=trace.provider_id,
        reason=status.reason,
        code=status.code[:20],
        segments=status.segments,
        price=status.price,
        found_by="list",
    )
    await evidence.learn(conn, [found], now)


async def flag(conn: AsyncConnection, recipients: Collection[int]) -> None:
    """Mark people who may get a second copy."""
    if recipients:
        await conn.execute(update(recipient).where(recipient.c.id.in_(recipients)).values(possible_duplicate=True))


async def hold(conn: AsyncConnection, ids: Sequence[int]) -> None:
    """Keep deliveries back for a person: they may have left by a provider that cannot be asked."""
    await conn.execute(update(delivery).where(delivery.c.id.in_(ids)).values(hold=HOLD))


async def let_gravest_go(conn: AsyncConnection) -> None:
    """Open the gate for what cannot wait for the provider; the rest waits on."""
    await remembered.put(conn, HELD, str(int(Gravity.STANDARD)))


async def end(conn: AsyncConnection) -> None:
    """Open the gate: all that can be known is known."""
    await conn.execute(delete(fact).where(fact.c.name == HELD))


async def held(conn: AsyncConnection) -> int:
    """How many deliveries wait for a person's word."""
    mine = (delivery.c.hold == HOLD, delivery.c.state == DeliveryState.WAITING)
    return int((await conn.execute(select(func.count(delivery.c.id)).where(*mine))).scalar_one())


async def release(conn: AsyncConnection) -> tuple[int, int]:
    """End the waiting at a person's word; return how many deliveries that were held may leave, and how many people are marked for it.

    Whoever was due before the restore, or was held by name, may have a copy already.
    """
    restored = await pending(conn)
    due = [one for one, at in (await waiting(conn)).items() if restored and at <= restored.at]
    rows = (
        await conn.execute(select(delivery.c.id, delivery.c.recipient_id).where(or_(delivery.c.hold == HOLD, delivery.c.id.in_(due))))
    ).all()
    people = {row.recipient_id for row in rows if row.recipient_id is not None}
    await flag(conn, people)
    await conn.execute(update(delivery).where(delivery.c.hold == HOLD).values(hold=""))
    await end(conn)
    return len(rows), len(people)
