"""What waits for its time: the gravest that is due, the oldest, the next; calls for the duty officer, and what has expired."""

from datetime import datetime
from typing import Any, TypeAlias

from sqlalchemy import BindParameter, Select, bindparam, literal_column, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from channels.base import Evidence
from messages.alert import Gravity
from messages.form import Part
from relay.model import DeliveryState, Health, Hold, TaskKind
from relay.store import recipients, restored, tasks
from relay.store.columns import Moment
from relay.store.tables import Sender, alert, attempt, delivery
from relay.store.together import Hot, together

#: a moment, or the place of one in a statement that is built once
Now: TypeAlias = "datetime | BindParameter[datetime]"


def open_senders(now: Now) -> Select[int]:
    """Senders that may send now: neither stopped until a person has looked, nor down, unless it is time for a probe."""
    return select(Sender.id).where(Sender.stopped == "", or_(Sender.health != Health.DOWN, Sender.try_at <= now))


def waits(now: Now) -> tuple[Any, ...]:
    """What makes a delivery one that could leave now: a stopped sender's, a paused alert's and a just restored database's rows wait."""
    paused = select(alert.c.id).where(alert.c.paused)
    return (
        delivery.c.state == DeliveryState.WAITING,
        delivery.c.due_at <= now,
        or_(delivery.c.hold == Hold.NOTHING, delivery.c.hold == Hold.SENDER),
        restored.may_leave(),
        delivery.c.channel != "call",
        delivery.c.sender_id.in_(open_senders(now)),
        or_(delivery.c.alert_id.is_(None), delivery.c.part == Part.NOTICE, delivery.c.alert_id.not_in(paused)),
    )


async def gravest_due(conn: AsyncConnection, now: datetime) -> Gravity | None:
    """The gravity of the gravest delivery that waits to be leased."""
    (rows,) = await together(conn, (_GRAVEST, {"now": now}))
    return Gravity(rows[0].gravity) if rows else None


_GRAVEST = Hot(
    lambda _: (
        select(delivery.c.gravity).where(*waits(bindparam("now", type_=Moment))).order_by(delivery.c.gravity).limit(literal_column("1"))
    )
)


async def open_calls(conn: AsyncConnection, now: datetime) -> int:
    """Turn due steps of the call list into tasks for the duty officer."""
    due = (delivery.c.state == DeliveryState.WAITING, delivery.c.channel == "call", delivery.c.due_at <= now)
    rows = (await conn.execute(select(delivery).where(*due).order_by(delivery.c.gravity, delivery.c.due_at).with_for_update())).all()
    for row in rows:
        await tasks.open_task(conn, tasks.of_delivery(row, TaskKind.CALL, f"call:{row.recipient_id}", ""), now)
    done = {"state": DeliveryState.DONE, "ended_at": now}
    await conn.execute(update(delivery).where(delivery.c.id.in_([row.id for row in rows])).values(done))
    return len(rows)


async def expire(conn: AsyncConnection, now: datetime) -> int:
    """Drop what is due no more because its alert has expired; only this sweep and the last look may."""
    over = (delivery.c.state == DeliveryState.WAITING, delivery.c.expires_at <= now)
    ended = update(delivery).where(*over).values(state=DeliveryState.EXPIRED, ended_at=now).returning(delivery.c.recipient_id)
    people = {owner for owner in (await conn.execute(ended)).scalars() if owner is not None}
    await recipients.refresh(conn, people, now)
    return len(people)


async def oldest_due(conn: AsyncConnection, now: datetime, municipality_id: int | None = None) -> datetime | None:
    """Since when the oldest delivery that could leave has been due: a municipality's, or any of this installation's."""
    mine = [] if municipality_id is None else [delivery.c.municipality_id == municipality_id]
    return (await conn.execute(select(delivery.c.due_at).where(*waits(now), *mine).order_by(delivery.c.due_at).limit(1))).scalar()


async def next_due(conn: AsyncConnection) -> datetime | None:
    """When the next delivery or look comes due, or a lease runs out, if any."""
    waits, claimed = delivery.c.state == DeliveryState.WAITING, delivery.c.state == DeliveryState.CLAIMED
    open_ones = select(Sender.id).where(Sender.stopped == "", Sender.health != Health.DOWN)
    needed = select(delivery.c.sender_id).where(waits)
    moments = (
        (delivery.c.due_at, waits, delivery.c.hold.in_((Hold.NOTHING, Hold.SENDER)), delivery.c.sender_id.in_(open_ones)),
        (Sender.try_at, Sender.health == Health.DOWN, Sender.stopped == "", Sender.id.in_(needed)),
        (delivery.c.due_at, waits, delivery.c.channel == "call"),
        (delivery.c.lease_until, claimed, delivery.c.hold == Hold.NOTHING, delivery.c.lease_until.is_not(None)),
        (attempt.c.look_at, attempt.c.evidence == Evidence.UNKNOWN, attempt.c.look_at.is_not(None)),
    )
    firsts = [(await conn.execute(select(moment).where(*which).order_by(moment).limit(1))).scalar() for moment, *which in moments]
    return min((moment for moment in firsts if moment is not None), default=None)
