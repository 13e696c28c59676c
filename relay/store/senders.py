"""Which sender a municipality's messages leave by, how each fares, and what becomes of the messages of one that does not fare well."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, func, literal, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from channels.base import Evidence, Reason
from messages.alert import Gravity
from messages.form import Medium
from relay.breaker import Change
from relay.model import DeliveryState, Health, Hold, TaskKind
from relay.store import tasks, troubles
from relay.store.columns import AnyRow
from relay.store.routine import beyond_routine
from relay.store.tables import Sender, delivery, task

#: seconds of an outage with no stand-in until people's next channel waits no longer; a routine message waits for its own
OUTAGE = {Gravity.LIFE: 0.0, Gravity.STANDARD: 60.0}
#: messages whose people are moved in one transaction
AT_ONCE = 500

AWAY = "The provider cannot be reached, or takes nothing. It is tried again by itself."
WORDS = {
    Health.WELL: "Messages leave.",
    Health.SLOW: "The provider answers slowly. Messages go by another sender while there is one that is well.",
    Health.DOWN: f"{AWAY} Messages go by another sender or channel where one is well, and wait where none is.",
}


async def in_use(conn: AsyncConnection, municipality_id: int) -> dict[Medium, AnyRow]:
    """Return the sender for each medium: the newest that is open, or the newest of those that are all stopped."""
    mine = select(Sender.__table__).where(Sender.municipality_id == municipality_id)
    rows = sorted((await conn.execute(mine)).all(), key=lambda row: (row.stopped == "", row.id))
    return {Medium(row.channel): row for row in rows}


# --- how they fare ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Faring:
    """How one sender fares, as the duty officer sees it."""

    sender_id: int
    medium: Medium
    address: str
    provider: str
    health: Health
    #: why a person must look first; "" = it is open
    stopped: str
    since: datetime | None
    #: messages of it that are due and wait
    waiting: int
    #: which sender its messages leave by meanwhile; "" = by none
    stand_in: str

    @property
    def well(self) -> bool:
        """Whether messages leave by it."""
        return not self.stopped and self.health is not Health.DOWN

    @property
    def words(self) -> str:
        """One sentence for the duty officer."""
        return Reason[self.stopped].words if self.stopped in Reason.__members__ else self.stopped or WORDS[self.health]


async def faring(conn: AsyncConnection, now: datetime, municipality_id: int | None = None) -> list[Faring]:
    """Return the health of a municipality's senders, or of all of this installation's."""
    mine = [] if municipality_id is None else [Sender.municipality_id == municipality_id]
    waits = (delivery.c.sender_id == Sender.id, delivery.c.state == DeliveryState.WAITING, delivery.c.due_at <= now)
    waiting = select(func.count(delivery.c.id)).where(*waits).scalar_subquery()
    rows = (await conn.execute(select(Sender.__table__, waiting.label("waiting")).where(*mine).order_by(Sender.id))).all()
    return [_faring(row, _stand_in(row, rows)) for row in rows]


@dataclass(frozen=True, slots=True, kw_only=True)
class Plight:
    """Senders from which nothing leaves, and for which no other of their channel stands in; `others`: another channel is well."""

    senders: tuple[Faring, ...]
    others: bool


async def plight(conn: AsyncConnection, municipality_id: int) -> Plight:
    """Return a municipality's senders from which nothing leaves, and for which no other stands in. What waits for them is not counted."""
    mine = select(Sender.__table__, literal(0).label("waiting")).where(Sender.municipality_id == municipality_id).order_by(Sender.id)
    rows = (await conn.execute(mine)).all()
    found = [_faring(row, _stand_in(row, rows)) for row in rows]
    stuck = tuple(one for one in found if not one.well and not one.stand_in)
    return Plight(senders=stuck, others=any(one.well for one in found))


def _faring(row: AnyRow, other: AnyRow | None) -> Faring:
    return Faring(
        sender_id=row.id,
        medium=Medium(row.channel),
        address=row.address,
        provider=row.provider,
        health=Health(row.health),
        stopped=row.stopped,
        since=row.stopped_at if row.stopped else row.health_since,
        waiting=row.waiting,
        stand_in=other.address if other else "",
    )


async def became(conn: AsyncConnection, change: Change, now: datetime) -> None:
    """Write down how a sender fares now. One that is down alarms a person; one that is back sends what waited for it."""
    beyond_routine(conn)
    row = (await conn.execute(select(Sender.__table__).where(Sender.id == change.sender_id).with_for_update())).one()
    changed = {"health": change.health, "health_since": change.since, "try_at": change.try_at}
    await conn.execute(update(Sender).where(Sender.id == row.id).values(changed))
    cause = f"sender:{row.id}:down"
    if change.health is Health.DOWN:
        alarm = tasks.NewTask(municipality_id=row.municipality_id, kind=TaskKind.SENDER, cause=cause, words=WORDS[Health.DOWN])
        await tasks.open_task(conn, alarm, now)
    elif row.health == Health.DOWN:
        await conn.execute(update(delivery).where(*_put_off(row.id), delivery.c.due_at > now).values(due_at=now))
        mended = {"done_at": now, "done_by": "budstikke", "outcome": "sends again"}
        await conn.execute(update(task).where(task.c.cause == cause, task.c.done_at.is_(None)).values(mended))
        await tasks.happened(conn, row.municipality_id, "sender.back", now, sender=row.id)


def _put_off(sender_id: int) -> tuple[ColumnElement[bool], ...]:
    """What waits for a later try because its sender refused it."""
    waits = (delivery.c.sender_id == sender_id, delivery.c.state == DeliveryState.WAITING)
    return (*waits, delivery.c.attempts > 0, delivery.c.evidence == Evidence.REFUSED)


# --- standing in ------------------------------------------------------------------------------------------------------


async def stand_in(conn: AsyncConnection, now: datetime) -> int:
    """Move what is due from senders that are stopped, down or slow to others; without another, move people to their next channel."""
    beyond_routine(conn)
    rows = (await conn.execute(select(Sender.__table__).order_by(Sender.id))).all()
    moved = 0
    for row in rows:
        if not _in_trouble(row) or _is_tried(row, now):
            continue
        other = _stand_in(row, rows)
        if other is not None:
            moved += await _move(conn, row.id, other.id, now)
        elif row.stopped or row.health == Health.DOWN:
            moved += await _next_channels(conn, row, now)
    return moved


def _in_trouble(row: AnyRow) -> bool:
    return bool(row.stopped or row.health)


def _is_tried(row: AnyRow, now: datetime) -> bool:
    """One that is down has to be tried with a message of its own now and then."""
    return not row.stopped and row.health == Health.DOWN and row.try_at is not None and row.try_at <= now


def _stand_in(row: AnyRow, rows: Sequence[AnyRow]) -> AnyRow | None:
    """The sender that stands in: of the same municipality and channel, and well; for one that sends nothing a slow one will do."""
    if not _in_trouble(row):
        return None
    nothing_leaves = row.stopped or row.health == Health.DOWN
    good = (Health.WELL, Health.SLOW) if nothing_leaves else (Health.WELL,)
    same = [
        other
        for other in rows
        if (other.municipality_id, other.channel) == (row.municipality_id, row.channel)
        and other.id != row.id
        and not other.stopped
        and other.health in good
    ]
    return max(same, key=lambda other: (other.health == Health.WELL, other.two_way == row.two_way, other.id), default=None)


async def _move(conn: AsyncConnection, sender_id: int, other_id: int, now: datetime) -> int:
    due = (delivery.c.sender_id == sender_id, delivery.c.state == DeliveryState.WAITING, delivery.c.due_at <= now)
    held = delivery.c.hold.in_((Hold.NOTHING, Hold.SENDER))
    await conn.execute(update(delivery).where(*_put_off(sender_id), delivery.c.due_at > now).values(due_at=now))
    return (await conn.execute(update(delivery).where(*due, held).values(sender_id=other_id, hold=Hold.NOTHING))).rowcount


async def _next_channels(conn: AsyncConnection, row: AnyRow, now: datetime) -> int:
    """Let nobody wait for a sender from which nothing leaves; what waits for it stays, and leaves when it is back."""
    since = row.stopped_at if row.stopped else row.health_since
    lasted = (now - (since or now)).total_seconds()
    grave = [gravity for gravity, seconds in OUTAGE.items() if lasted >= seconds]
    due = (delivery.c.sender_id == row.id, delivery.c.state == DeliveryState.WAITING, delivery.c.due_at <= now)
    theirs = (delivery.c.hold == Hold.NOTHING, delivery.c.gravity.in_(grave), delivery.c.recipient_id.is_not(None))
    columns = (delivery.c.id, delivery.c.recipient_id, delivery.c.address_id, delivery.c.step)
    waiting = (await conn.execute(select(*columns).where(*due, *theirs).order_by(delivery.c.gravity, delivery.c.id).limit(AT_ONCE))).all()
    if waiting:
        await troubles.pull_next(conn, waiting, now)
        await conn.execute(update(delivery).where(delivery.c.id.in_([one.id for one in waiting])).values(hold=Hold.SENDER))
    return len(waiting)


async def listed(conn: AsyncConnection, municipality_id: int) -> list[AnyRow]:
    """Return a municipality's senders by channel, with their state."""
    mine = select(Sender.__table__).where(Sender.municipality_id == municipality_id)
    return list((await conn.execute(mine.order_by(Sender.channel, Sender.address))).all())
