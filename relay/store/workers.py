"""Who works: workers and their heartbeats, whose clock leases go by, and the fence that tells a resumed worker from its successor."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from os import getpid
from socket import gethostname
from typing import TypeAlias

from sqlalchemy import ColumnElement, DateTime, Interval, cast, delete, func, literal, select, update
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.types import BigInteger

from channels.clock import Clock
from relay.store.columns import AnyRow
from relay.store.engine import Store
from relay.store.sql import upsert
from relay.store.tables import fact, worker

FENCE = "fence"
#: a worker whose clock is further off than this claims nothing: due times, expiries and quiet hours would be wrong by as much
MOST_OFF = timedelta(seconds=2)
#: a worker is missed after so long without a sign, and forgotten after so long
MISSED, FORGOTTEN = timedelta(seconds=15), timedelta(hours=1)

#: PostgreSQL's clock at this very moment, not at the beginning of the transaction: a writer may have waited for its turn
DATABASE_NOW = func.clock_timestamp(type_=DateTime(timezone=True))

#: a time of ours, or an expression that the database fills in by its own clock
Instant: TypeAlias = datetime | ColumnElement[datetime]


#: how often a lease is renewed in its time
RENEWALS = 6


@dataclass(frozen=True, slots=True)
class Lease:
    """How long a claim holds without a sign, and by whose clock: the database's, where several machines share it."""

    seconds: float
    by_database: bool = False

    @property
    def renewal(self) -> float:
        """Seconds after which what is held is renewed: so whatever is held is ours for `seconds` less these, at least."""
        return self.seconds / RENEWALS

    def now(self, now: datetime) -> Instant:
        """Return the present of the leases; `now` is ours."""
        return DATABASE_NOW if self.by_database else now

    @property
    def until_by_database(self) -> ColumnElement[datetime]:
        """When a claim of this moment runs out by the database's clock."""
        return DATABASE_NOW + literal(timedelta(seconds=self.seconds), Interval())

    def until(self, now: datetime) -> Instant:
        """Return when a claim of this moment runs out."""
        return self.until_by_database if self.by_database else now + timedelta(seconds=self.seconds)


@dataclass(frozen=True, slots=True)
class Beat:
    """One heartbeat, written."""

    #: how far our clock is off the database's, at least; 0 on SQLite
    off: timedelta

    @property
    def well(self) -> bool:
        """Whether we may claim and keep time."""
        return self.off <= MOST_OFF


async def register(store: Store, name: str, now: datetime) -> int:
    """Enter a worker and return its fence: higher than any before, so that what it leases cannot be an older worker's."""
    async with store.write() as conn:
        highest = (await conn.execute(select(func.max(cast(fact.c.value, BigInteger))).where(fact.c.name == FENCE))).scalar()
        fence = int(highest or 0) + 1
        await conn.execute(upsert(fact, ["name"], replace=["value"]).values(name=FENCE, value=str(fence)))
        me = {"name": name, "host": gethostname()[:120], "pid": getpid()}
        row = me | {"started_at": now, "seen_at": now, "fence": fence, "leader": False, "off_seconds": 0.0}
        changed = ["started_at", "seen_at", "host", "pid", "fence", "leader", "off_seconds"]
        await conn.execute(upsert(worker, ["name"], replace=changed).values(row))
    return fence


async def beat(store: Store, name: str, clock: Clock, lease: Lease, *, leads: bool) -> Beat:
    """Note that a worker is alive and whether it leads; return how well its clock goes."""
    async with store.write() as conn:
        before = clock.now()
        signed = update(worker).where(worker.c.name == name).values(seen_at=lease.now(before), leader=leads)
        seen = (await conn.execute(signed.returning(worker.c.seen_at))).scalar()
        off = _off(before, seen, clock.now()) if seen else timedelta()
        await conn.execute(update(worker).where(worker.c.name == name).values(off_seconds=off.total_seconds()))
    return Beat(off)


def _off(before: datetime, theirs: datetime, after: datetime) -> timedelta:
    """How far two clocks differ at least: a slow answer, or a worker that was stopped meanwhile, is no wrong clock."""
    return max(before - theirs, theirs - after, timedelta())


async def carry(conn: AsyncConnection, by: timedelta) -> None:
    """Move signs of life along with a clock that jumps, as the demo's does."""
    for row in await roll(conn):
        await conn.execute(update(worker).where(worker.c.name == row.name).values(seen_at=row.seen_at + by))


async def gone(store: Store, name: str) -> None:
    """Take leave in order: nobody need miss this worker."""
    async with store.write() as conn:
        await conn.execute(delete(worker).where(worker.c.name == name))


async def forget(conn: AsyncConnection, now: datetime) -> None:
    """Drop workers that have been silent for long."""
    await conn.execute(delete(worker).where(worker.c.seen_at < now - FORGOTTEN))


async def roll(conn: AsyncConnection) -> Sequence[AnyRow]:
    """Return every worker, the longest at work first."""
    return (await conn.execute(select(worker).order_by(worker.c.started_at, worker.c.name))).all()


async def ticked_at(conn: AsyncConnection) -> datetime | None:
    """When a leader last did the clock's work."""
    last: datetime | None = (await conn.execute(select(func.max(worker.c.seen_at)).where(worker.c.leader))).scalar()
    return last
