"""Two processes add to one number: SQLAlchemy with aiosqlite, left as it comes, loses every other addition without an error."""

import asyncio
import sys

from sqlalchemy import Column, Integer, MetaData, Table, insert, select, update

from relay.store.engine import Store

PROCESSES, TIMES = 2, 500
number = Table("number", MetaData(), Column("id", Integer, primary_key=True), Column("value", Integer))


async def add_one(store: Store) -> None:
    async with store.write() as conn:
        value = (await conn.execute(select(number.c.value).with_for_update())).scalar_one()
        await conn.execute(update(number).values(value=value + 1))


async def add_often(url: str) -> None:
    store = await Store.open(url)
    for _ in range(TIMES):
        await add_one(store)
    await store.close()


async def test_no_addition_of_two_processes_is_lost(database_url: str) -> None:
    store = await Store.open(database_url)
    async with store.write() as conn:
        await conn.run_sync(number.create)
        await conn.execute(insert(number).values(id=1, value=0))

    adders = [await asyncio.create_subprocess_exec(sys.executable, __file__, database_url) for _ in range(PROCESSES)]
    assert [await adder.wait() for adder in adders] == [0] * PROCESSES

    async with store.read() as conn:
        assert (await conn.execute(select(number.c.value))).scalar_one() == PROCESSES * TIMES
    await store.close()


if __name__ == "__main__":
    asyncio.run(add_often(sys.argv[1]))
