"""A sender's pace, shared by all workers: each takes slices of it from one row, by the database's clock (PostgreSQL).

The row says until when the pace has been given out. Who comes before that waits; who comes later gets the next slice, and what a rested
sender may send at once. Together the workers never send faster than one would, by more than a slice.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Interval, literal, select
from sqlalchemy.ext.asyncio import AsyncConnection

from relay.store.columns import AnyRow
from relay.store.sql import insert_ignore, upsert
from relay.store.tables import pace
from relay.store.workers import DATABASE_NOW

#: seconds of a sender's pace that a worker takes at once
SLICE = 0.25


@dataclass(frozen=True, slots=True)
class Wish:
    """What a worker wants of one sender."""

    per_second: float
    burst: float
    #: units of the next message: a slow sender's slice is as long as that
    least: float


@dataclass(frozen=True, slots=True)
class Slice:
    """What it gets: units to send at once, or none and when to ask again."""

    units: float
    #: seconds until the row is free
    wait: float


async def take(conn: AsyncConnection, wishes: Mapping[int, Wish]) -> dict[int, Slice]:
    """Take the next slice of each sender's pace, by sender id."""
    if not wishes:
        return {}
    rows = await _rows(conn, wishes)
    if len(rows) < len(wishes):
        fresh = [{"sender_id": sender, "free_at": DATABASE_NOW - literal(timedelta(days=1), Interval())} for sender in sorted(wishes)]
        await conn.execute(insert_ignore(pace).values(fresh))
        rows = await _rows(conn, wishes)
    taken = {row.sender_id: _slice(wishes[row.sender_id], row.free_at, row.now) for row in rows}
    moved = [{"sender_id": sender, "free_at": free_at} for sender, (slice_, free_at) in taken.items() if slice_.units]
    if moved:
        await conn.execute(upsert(pace, ["sender_id"], replace=["free_at"]), moved)
    return {sender: slice_ for sender, (slice_, _) in taken.items()}


async def _rows(conn: AsyncConnection, senders: Collection[int]) -> Sequence[AnyRow]:
    mine = select(pace.c.sender_id, pace.c.free_at, DATABASE_NOW.label("now")).where(pace.c.sender_id.in_(senders))
    return (await conn.execute(mine.order_by(pace.c.sender_id).with_for_update())).all()


def _slice(wish: Wish, free_at: datetime, now: datetime) -> tuple[Slice, datetime]:
    """Cut the next slice; return it, and until when the pace is given out then."""
    if free_at > now:
        return Slice(0.0, (free_at - now).total_seconds()), free_at
    begin = max(free_at, now - timedelta(seconds=wish.burst / wish.per_second))
    rested = (now - begin).total_seconds() * wish.per_second
    units = max(rested + SLICE * wish.per_second, wish.least)
    return Slice(units, 0.0), begin + timedelta(seconds=units / wish.per_second)
