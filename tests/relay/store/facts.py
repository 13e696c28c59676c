"""A database with one small table, for tests of the store itself."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from sqlalchemy import select

from relay.store.engine import Store
from relay.store.tables import fact


@asynccontextmanager
async def open_facts(url: str) -> AsyncIterator[Store]:
    """Yield an open database with the table `fact` and nothing in it."""
    store = await Store.open(url)
    try:
        async with store.write() as conn:
            await conn.run_sync(fact.create)
        yield store
    finally:
        await store.close()


async def names(store: Store) -> list[str]:
    """Return the names of all facts that are committed, in order."""
    async with store.read() as conn:
        return list((await conn.execute(select(fact.c.name).order_by(fact.c.name))).scalars())
