"""A database that was restored is older than the world: nothing leaves before it is known what has left since the backup.

The gate is one remembered value: the gravity from which on everything waits. `queue.waits` reads it, so every worker heeds it at once.
When it is open, one kind of message still may have left: that of an alert which the backup holds as a draft, or with fewer people, and
which was released in between. What is planned for such an alert waits by itself, until it has been looked for.
"""

import secrets
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Integer, cast, delete, func, insert, literal_column, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from channels.base import Evidence, Trace
from messages.alert import Gravity
from relay.model import AlertState, DeliveryState, Hold, Work
from relay.store import evidence, inbox, remembered
from relay.store.remembered import RESTORED as AT, RESTORED_HELD as HELD, RESTORED_SINCE as SINCE
from relay.store.sql import among, ids_as_json
from relay.store.tables import Address, Municipality, Sender, alert, attempt, delivery, fact, inbound, recipient
from relay.store.tables.sending import ATTEMPT_OPEN
from relay.store.together import Hot, alike, together

#: the fence of attempts that were not made but found: no worker has it
ADOPTED = 0
_NOTHING_HELD = 100
#: alerts that may have been written since the backup, besides one a minute: their numbers are on people's phones
LOST_NUMBERS = 50
#: two clocks of one provider differ by so much at most: what answers a message came after it
SKEW = timedelta(seconds=5)


@dataclass(frozen=True, slots=True)
class Restored:
    """What has to be found out."""

    #: when the backup was made, and when it was read back
    since: datetime
    at: datetime
    #: from which gravity on everything waits; None: only what was planned since waits, and is looked for
    held: Gravity | None


@dataclass(frozen=True, slots=True)
class Waiting:
    """A delivery that would leave now or later, and may have left already."""

    id: int
    recipient_id: int | None
    due_at: datetime
    #: planned since the restore
    look_first: bool


def may_leave() -> ColumnElement[bool]:
    """What a delivery must fulfil to leave while not everything is known."""
    held = select(cast(fact.c.value, Integer)).where(fact.c.name == HELD).scalar_subquery()
    return delivery.c.gravity < func.coalesce(held, _NOTHING_HELD)


async def begin(conn: AsyncConnection, since: datetime, now: datetime) -> None:
    """Shut the gate of a database that was read back from a backup made at `since`; whoever held a lease in it holds none any more.

    Alerts written since are lost. The next one's number is past theirs, also when the same backup is read once more: an answer that names
    a lost number (typed, by a button or a page) does not count for another alert.
    """
    before = await pending(conn)
    since = min(since, before.since) if before else since
    for name, value in ((SINCE, since.isoformat()), (AT, now.isoformat()), (HELD, str(int(Gravity.LIFE)))):
        await remembered.put(conn, name, value)
    await conn.execute(update(Municipality).values(last_number=Municipality.last_number + _lost(since, now)))
    await conn.execute(
        update(delivery).where(delivery.c.state == DeliveryState.CLAIMED, delivery.c.hold == Hold.NOTHING).values(lease_until=since)
    )


def _lost(since: datetime, now: datetime) -> int:
    return LOST_NUMBERS + max(0, int((now - since) / timedelta(minutes=1)))


async def pending(conn: AsyncConnection) -> Restored | None:
    """Return what has to be found out still, if anything."""
    values = {row.name: row.value for row in await conn.execute(select(fact).where(fact.c.name.in_((AT, SINCE, HELD))))}
    if AT not in values or not (HELD in values or await _look_first(conn)):
        return None
    held = Gravity(int(values[HELD])) if HELD in values else None
    return Restored(datetime.fromisoformat(values[SINCE]), datetime.fromisoformat(values[AT]), held)


async def _look_first(conn: AsyncConnection) -> bool:
    return (await conn.execute(select(delivery.c.id).where(*_LOOKED_FIRST).limit(1))).first() is not None


async def hold_of(conn: AsyncConnection, alert_id: int) -> Hold:
    """Return the hold of what is planned now for an alert: an alert that the backup holds may have been released before the restore too."""
    at = await remembered.moment(conn, AT)
    if at is None:
        return Hold.NOTHING
    written = (await conn.execute(select(alert.c.created_at).where(alert.c.id == alert_id))).scalar_one()
    return Hold.LOOK_FIRST if written <= at else Hold.NOTHING


async def waiting(conn: AsyncConnection, *, everything: bool) -> dict[int, Waiting]:
    """Return the deliveries that would leave now or later, of which it is not known whether they have; or only those planned since."""
    out = select(alert.c.id).where(alert.c.state == AlertState.RELEASED)
    any_of_them = (
        delivery.c.state == DeliveryState.WAITING,
        delivery.c.hold.in_((Hold.NOTHING, Hold.SENDER, Hold.RESTORED, Hold.LOOK_FIRST)),
        delivery.c.channel != "call",
        delivery.c.sender_id.is_not(None),
        or_(delivery.c.alert_id.is_(None), delivery.c.action == "", delivery.c.alert_id.in_(out)),
    )
    wanted = any_of_them if everything else _LOOKED_FIRST
    columns = (delivery.c.id, delivery.c.recipient_id, delivery.c.due_at, delivery.c.hold)
    rows = await conn.execute(select(*columns).where(*wanted).order_by(delivery.c.id))
    return {row.id: Waiting(row.id, row.recipient_id, row.due_at, row.hold == Hold.LOOK_FIRST) for row in rows}


async def out_before(conn: AsyncConnection, alert_ids: Collection[int]) -> set[int]:
    """Which of these alerts have messages that were found at a provider, and adopted."""
    adopted = select(delivery.c.alert_id).join(attempt, attempt.c.delivery_id == delivery.c.id)
    found = (delivery.c.alert_id.in_(alert_ids), attempt.c.fence == ADOPTED)
    return set((await conn.execute(adopted.where(*found).distinct())).scalars())


async def in_doubt(conn: AsyncConnection) -> set[str]:
    """Return the fingerprints of texts that are looked for already, one by one."""
    return set((await conn.execute(select(attempt.c.body_sha256).where(ATTEMPT_OPEN))).scalars())


async def unheard(conn: AsyncConnection, accounts: Collection[str], at: datetime) -> int:
    """How much of what people wrote is not in yet: senders not swept since the restore, and messages not handled."""
    unswept = (Sender.two_way, Sender.account.in_(accounts), or_(Sender.swept_at.is_(None), Sender.swept_at < at))
    senders = (await conn.execute(select(func.count(Sender.id)).where(*unswept))).scalar_one()
    messages = (await conn.execute(select(func.count(inbound.c.id)).where(inbound.c.handled_at.is_(None)))).scalar_one()
    return int(senders + messages)


async def adopt(conn: AsyncConnection, work: Work, account: str, trace: Trace, body_sha256: str, now: datetime) -> None:
    """Take a message that the provider has as the delivery's attempt, with what is known of it."""
    still = (delivery.c.id == work.delivery_id, delivery.c.state == DeliveryState.WAITING, delivery.c.attempts == work.attempt_n - 1)
    claimed = {"state": DeliveryState.CLAIMED, "hold": Hold.NOTHING, "attempts": work.attempt_n, "fence": ADOPTED, "lease_until": now}
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
        "fence": ADOPTED,
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
    await _understand_again(conn, work.address_id, trace.created_at - SKEW)


async def _understand_again(conn: AsyncConnection, address_id: int | None, since: datetime) -> None:
    """What the holder of an address has written since may be an answer after all: what it answers was not known."""
    holder = select(Address.lookup).where(Address.id == address_id).scalar_subquery()
    unclear = (inbound.c.sender_lookup == holder, inbound.c.received_at >= since, inbound.c.verdict == inbox.FOR_A_PERSON)
    await conn.execute(update(inbound).where(*unclear).values(handled_at=None, verdict=inbox.AGAIN))


async def flag(conn: AsyncConnection, recipients: Collection[int]) -> None:
    """Mark people who may get a second copy."""
    if recipients:
        await together(conn, (_FLAG, {"ids": ids_as_json(recipients)}))


async def hold(conn: AsyncConnection, ids: Collection[int]) -> None:
    """Keep deliveries back for a person: they may have left by a provider that cannot be asked."""
    await together(conn, (_HOLD, {"ids": ids_as_json(ids)}))


async def let_gravest_go(conn: AsyncConnection) -> None:
    """Open the gate for what cannot wait for the provider; the rest waits on."""
    await conn.execute(update(fact).where(fact.c.name == HELD).values(value=str(int(Gravity.STANDARD))))
    await conn.execute(update(delivery).where(*_LOOKED_FIRST, delivery.c.gravity == Gravity.LIFE).values(hold=Hold.NOTHING))


async def end(conn: AsyncConnection, looked_for: Collection[int]) -> None:
    """Open the gate, for these: all that can be known is known. What was planned meanwhile is looked for next."""
    await conn.execute(delete(fact).where(fact.c.name == HELD))
    await together(conn, (_LET_GO, {"ids": ids_as_json(looked_for)}))


async def held(conn: AsyncConnection) -> int:
    """How many deliveries wait for a person's word."""
    mine = (delivery.c.hold == Hold.RESTORED, delivery.c.state == DeliveryState.WAITING)
    return int((await conn.execute(select(func.count(delivery.c.id)).where(*mine))).scalar_one())


async def release(conn: AsyncConnection) -> tuple[int, int]:
    """End the waiting at a person's word; return how many deliveries that were held may leave, and how many people are marked for it.

    Whoever was due before the restore, or was held by name, may have a copy already.
    """
    restored = await pending(conn)
    found = await waiting(conn, everything=restored is not None and restored.held is not None)
    due = {one.id: one.recipient_id for one in found.values() if restored and (one.look_first or one.due_at <= restored.at)}
    kept = (
        update(delivery).where(delivery.c.hold == Hold.RESTORED).values(hold=Hold.NOTHING).returning(delivery.c.id, delivery.c.recipient_id)
    )
    going = due | {row.id: row.recipient_id for row in (await conn.execute(kept)).all()}
    people = {one for one in going.values() if one is not None}
    await flag(conn, people)
    await end(conn, found)
    return len(going), len(people)


# --- statements -----------------------------------------------------------------------------------------------------------

#: in the words of the index of what is held
_LOOKED_FIRST = (delivery.c.hold != literal_column("''"), delivery.c.hold == Hold.LOOK_FIRST, delivery.c.state == DeliveryState.WAITING)


_FLAG, _HOLD = alike(recipient, {"possible_duplicate": True}), alike(delivery, {"hold": Hold.RESTORED})
_LET_GO = Hot(lambda conn: update(delivery).where(*_LOOKED_FIRST, among(conn, delivery.c.id, "ids")).values(hold=Hold.NOTHING))
