"""Sees that somebody, in whatever process, has written: what rings the pulse across processes."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing, suppress
from typing import Any

from asyncpg import InterfaceError

from relay.model import NotReady
from relay.store.engine import Store
from relay.store.faults import told
from relay.store.sql import CHANNEL

#: seconds between two looks at SQLite's counter of commits; a look takes 4 us
LOOK = 0.2
#: seconds until a silent PostgreSQL is asked whether it is still there, and until a lost one is tried again
PING = 10.0
AGAIN = 1.0


async def changes(store: Store) -> AsyncIterator[None]:
    """Yield whenever something was written (SQLite: anything, by us too; PostgreSQL: what was announced). Outlives lost connections."""
    while True:
        with suppress(NotReady, InterfaceError), told():
            async for _ in _commits(store) if store.dialect == "sqlite" else _announcements(store):
                yield
        await asyncio.sleep(AGAIN)
        yield  # something may have been missed meanwhile


async def _commits(store: Store) -> AsyncIterator[None]:
    with closing(sqlite3.connect(str(store.url.database), timeout=0, isolation_level=None)) as connection:
        seen = _counter(connection)
        while True:
            await asyncio.sleep(LOOK)
            now = _counter(connection)
            if now != seen:
                yield
            seen = now


def _counter(connection: sqlite3.Connection) -> int:
    (count,) = connection.execute("PRAGMA data_version").fetchone()
    return int(count)


async def _announcements(store: Store) -> AsyncIterator[None]:
    rung = asyncio.Event()

    def ring(*_: Any) -> None:
        rung.set()

    async with store.bare() as conn:
        driver: Any = (await conn.get_raw_connection()).driver_connection
        driver.add_termination_listener(ring)
        await driver.add_listener(CHANNEL, ring)
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(PING):
                    await rung.wait()
            if rung.is_set():
                rung.clear()
                yield
            await driver.execute("SELECT 1")
