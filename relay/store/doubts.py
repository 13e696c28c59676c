"""The unknown: what dead workers held, and attempts that may or may not have gone, looked for, given up, sent again."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import and_, func, not_, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from channels.base import Evidence
from relay.model import DeliveryState, Hold, NotAllowed, NotFound, TaskKind
from relay.store import evidence, tasks, troubles
from relay.store.columns import AnyRow, if_readable
from relay.store.tables import Address, Sender, attempt, delivery, task
from relay.store.tables.sending import ATTEMPT_OPEN
from relay.store.workers import Instant
from relay.verdict import LOOKS

#: the cause of a task that asks whether to send a message in doubt again: this, and the attempt's id
ASKED = "unknown:"


async def recover(conn: AsyncConnection, now: datetime, *, over: Instant | None) -> int:
    """Take back what dead workers held. An intent without an outcome becomes an unknown to be looked for at once.

    `over`: leases that ran out before then are dead; None: this is the only dispatcher, so every claim of before is.
    """
    dead = and_(delivery.c.state == DeliveryState.CLAIMED, delivery.c.hold == Hold.NOTHING)
    if over is not None:
        dead = and_(dead, delivery.c.lease_until < over)
    # asked once: the database's clock goes on between two statements
    await conn.execute(update(delivery).where(dead).values(state=DeliveryState.WAITING, lease_until=None, claimed_by=""))
    # what waits has nobody who calls: an intent of it is a dead worker's
    waiting = select(delivery.c.id).where(delivery.c.id == attempt.c.delivery_id, delivery.c.state == DeliveryState.WAITING)
    opened = (
        update(attempt)
        .where(ATTEMPT_OPEN, attempt.c.evidence == Evidence.INTENT, waiting.exists())
        .values(evidence=int(Evidence.UNKNOWN), reason="UNCERTAIN", look_at=now)
        .returning(attempt.c.delivery_id)
    )
    unknown = list((await conn.execute(opened)).scalars())
    held = {"state": DeliveryState.CLAIMED, "hold": Hold.UNKNOWN, "lease_until": None}
    await conn.execute(update(delivery).where(delivery.c.id.in_(unknown)).values(held))
    await evidence.stand_for(conn, unknown, now)
    return len(unknown)


async def unknowns(conn: AsyncConnection, now: datetime, limit: int = 200) -> list[AnyRow]:
    """Return attempts to look for now, with the number they went to (if it can be read), and how many copies may have left so far."""
    other = attempt.alias()
    may_have_left = or_(other.c.evidence != Evidence.REFUSED, other.c.reason == "NOT_FOUND")
    copies = select(func.count(other.c.id)).where(other.c.delivery_id == delivery.c.id, may_have_left).scalar_subquery()
    wanted = (
        select(
            attempt,
            copies.label("copies"),
            delivery.c.gravity,
            delivery.c.state,
            delivery.c.spared_by,
            if_readable(Address.value).label("address_value"),
            if_readable(delivery.c.to).label("to"),
            Sender.address.label("sender_address"),
            Sender.provider,
        )
        .join(delivery, delivery.c.id == attempt.c.delivery_id)
        .join(Address, Address.id == delivery.c.address_id, isouter=True)
        .join(Sender, Sender.id == attempt.c.sender_id)
        .where(attempt.c.evidence == Evidence.UNKNOWN, attempt.c.look_at <= now)
        .order_by(delivery.c.gravity, attempt.c.look_at)
        .limit(limit)
    )
    return list((await conn.execute(wanted)).all())


async def taken_ids(conn: AsyncConnection, account: str, provider_ids: Sequence[str]) -> set[str]:
    """Which of these provider ids belong to attempts of ours already."""
    mine = select(attempt.c.provider_id).where(attempt.c.account == account, attempt.c.provider_id.in_(provider_ids))
    return {found for found in (await conn.execute(mine)).scalars() if found}


async def looked(conn: AsyncConnection, row: AnyRow, now: datetime, *, answered: bool, again: bool = True) -> bool:
    """Note a look without a find, unless something else has told us meanwhile; return whether it is in doubt still.

    Only looks that the provider answered count toward giving up. `again`: there will be another.
    """
    looks = row.looks + (1 if answered else 0)
    look_at = now + timedelta(seconds=LOOKS[min(looks, len(LOOKS) - 1)]) if again else None
    values = {"looks": looks, "look_at": look_at} | ({"looked_at": now} if answered else {})
    noted = await conn.execute(update(attempt).where(attempt.c.id == row.id, attempt.c.evidence == Evidence.UNKNOWN).values(values))
    return bool(noted.rowcount)


async def do_not_wait(conn: AsyncConnection, row: AnyRow, now: datetime) -> None:
    """Start the person's next channel while the gravest message is looked for."""
    owner = (await conn.execute(select(delivery).where(delivery.c.id == row.delivery_id))).one()
    if owner.recipient_id is not None:
        await troubles.pull_next(conn, [owner], now)


async def give_up(conn: AsyncConnection, row: AnyRow, now: datetime) -> None:
    """Give an unknown attempt up and plan another, which is flagged as a possible second copy.

    Not where an answer has made the message needless meanwhile, nor where another copy of it has arrived.
    """
    given_up = {"evidence": int(Evidence.REFUSED), "reason": "NOT_FOUND", "ended_at": now, "look_at": None}
    changed = await conn.execute(update(attempt).where(attempt.c.id == row.id, attempt.c.evidence == Evidence.UNKNOWN).values(given_up))
    if not changed.rowcount:
        return
    mine = (delivery.c.id == row.delivery_id, delivery.c.state != DeliveryState.DONE)
    needless = {"state": DeliveryState.SPARED, "hold": Hold.NOTHING, "ended_at": now, "lease_until": None}
    await conn.execute(update(delivery).where(*mine, delivery.c.spared_by != "").values(needless))
    waiting = {"state": DeliveryState.WAITING, "hold": Hold.NOTHING, "due_at": now, "lease_until": None}
    await conn.execute(update(delivery).where(*mine, delivery.c.spared_by == "").values(waiting))
    # if the second try may not leave, nothing hopeful must be left standing of the first
    await evidence.stand_for(conn, [row.delivery_id], now)


async def ask_a_person(conn: AsyncConnection, row: AnyRow, now: datetime) -> None:
    """Ask, once, about what may not be sent again by itself: a routine message, one whose copies are used up, one we cannot look for."""
    if (await conn.execute(select(task.c.id).where(task.c.cause == f"{ASKED}{row.id}"))).first() is not None:
        return  # it waits for a person, or a person has decided to leave it
    owner = (await conn.execute(select(delivery).where(delivery.c.id == row.delivery_id))).one()
    words = "It is not known whether this message was sent. Send it again, or leave it."
    await tasks.open_task(conn, tasks.of_delivery(owner, TaskKind.UNREACHABLE, f"{ASKED}{row.id}", words), now)


async def asked_and_settled(conn: AsyncConnection) -> list[AnyRow]:
    """Return open questions of that kind whose message is in doubt no more: a callback or an answer has told us after all."""
    doubtful = select(attempt.c.id).where(attempt.c.delivery_id == task.c.delivery_id, attempt.c.evidence == Evidence.UNKNOWN)
    asked = (task.c.done_at.is_(None), task.c.kind == TaskKind.UNREACHABLE, task.c.cause.startswith(ASKED))
    return list((await conn.execute(select(task.c.id, task.c.municipality_id).where(*asked, not_(doubtful.exists())))).all())


async def ask_no_more(conn: AsyncConnection, settled: Sequence[AnyRow], now: datetime) -> None:
    """Close questions that have answered themselves."""
    closed = {"done_at": now, "done_by": "budstikke", "outcome": "it is known now"}
    await conn.execute(update(task).where(task.c.id.in_([row.id for row in settled])).values(closed))


async def send_again_on_request(conn: AsyncConnection, municipality_id: int, task_id: int, by: str, now: datetime) -> None:
    """Send a message in doubt once more; NotFound when the task asks for nothing of the kind, NotAllowed when it is known by now."""
    asks = (task.c.id == task_id, task.c.municipality_id == municipality_id, task.c.cause.startswith(ASKED))
    row = (await conn.execute(select(task.c.cause).where(*asks))).one_or_none()
    if row is None:
        raise NotFound("Task %(task)s does not ask whether to send a message again.", task=task_id)
    doubted = (attempt.c.id == int(row.cause.removeprefix(ASKED)), attempt.c.evidence == Evidence.UNKNOWN)
    arrived = select(delivery.c.id).where(delivery.c.id == attempt.c.delivery_id, delivery.c.state == DeliveryState.DONE)
    tried = (await conn.execute(select(attempt).where(*doubted, not_(arrived.exists())))).one_or_none()
    if tried is None:
        raise NotAllowed("It is known by now what became of this message. Look at the alert.")
    # a person wants it, whoever has answered
    await conn.execute(update(delivery).where(delivery.c.id == tried.delivery_id).values(spared_by=""))
    await tasks.done(conn, municipality_id, task_id, by, now, outcome="sent again")
    await give_up(conn, tried, now)
