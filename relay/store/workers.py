"""Who dispatches: workers, their heartbeats, and the fence that tells a resumed worker from its successor."""

from datetime import datetime
from os import getpid
from socket import gethostname

from sqlalchemy import cast, func, select, update
from sqlalchemy.types import BigInteger

from relay.store.engine import Store
from relay.store.sql import upsert
from relay.store.tables import fact, worker

FENCE = "fence"


async def register(store: Store, name: str, now: datetime) -> int:
    """Enter a worker and return its fence: higher than any before, so that what it leases cannot be an older worker's."""
    async with store.write() as conn:
        highest = (await conn.execute(select(func.max(cast(fact.c.value, BigInteger))).where(fact.c.name == FENCE))).scalar()
        fence = int(highest or 0) + 1
        await conn.execute(upsert(fact, ["name"], replace=["value"]).values(name=FENCE, value=str(fence)))
        me = {"name": name, "host": gethostname()[:120], "pid": getpid()}
        row = me | {"started_at": now, "seen_at": now, "fence": fence, "leader": False}
        changed = ["started_at", "seen_at", "host", "pid", "fence", "leader"]
        await conn.execute(upsert(worker, ["name"], replace=changed).values(row))
    return fence


async def seen(store: Store, name: str, now: datetime) -> None:
    """Note that a worker is alive."""
    async with store.write() as conn:
        await conn.execute(update(worker).where(worker.c.name == name).values(seen_at=now))
