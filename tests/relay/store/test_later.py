"""What finds nothing waits for the next visit to the database, or for the end of its transaction; it is neither lost nor left over."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from sqlalchemy import bindparam, insert, select
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection

from relay.store.engine import Store
from relay.store.tables import fact
from relay.store.together import Call, Hot, later, together

_PUT = Hot(lambda _: insert(fact).values(name=bindparam("name"), value=""))
_NAMES = Hot(lambda _: select(fact.c.name).order_by(fact.c.name))


@pytest.fixture
async def store(database_url: str) -> AsyncIterator[Store]:
    store = await Store.open(database_url)
    async with store.write() as conn:
        await conn.run_sync(fact.create)
    yield store
    await store.close()


def put(name: str) -> Call:
    return _PUT, {"name": name}


async def names(conn: AsyncConnection) -> list[str]:
    (rows,) = await together(conn, (_NAMES, {}))
    return [row.name for row in rows]


async def committed(store: Store) -> list[str]:
    async with store.read() as conn:
        return list((await conn.execute(select(fact.c.name).order_by(fact.c.name))).scalars())


async def test_it_is_run_by_the_end_of_the_transaction(store: Store) -> None:
    async with store.write() as conn:
        later(conn, put("a"), put("b"))
    assert await committed(store) == ["a", "b"]


@pytest.mark.parametrize("way", ["hot", "sqlalchemy"])
async def test_on_sqlite_whatever_comes_next_finds_it_done_and_on_postgresql_it_is_last(store: Store, way: str) -> None:
    async with store.write() as conn:
        later(conn, put("a"))
        found = await names(conn) if way == "hot" else list((await conn.execute(select(fact.c.name))).scalars())
        assert found == (["a"] if store.dialect == "sqlite" else [])
    assert await committed(store) == ["a"]


async def test_it_is_undone_with_its_transaction_and_left_for_no_other(store: Store) -> None:
    with pytest.raises(ZeroDivisionError):
        await _written(store, waits=put("a"), breaks=True)
    with pytest.raises(ZeroDivisionError):
        await _written(store, put("b"), waits=put("c"), breaks=True)
    async with store.write() as conn:
        assert await names(conn) == []
    assert await committed(store) == []


async def test_what_breaks_at_the_end_undoes_everything(store: Store) -> None:
    with pytest.raises(DBAPIError):
        await _written(store, put("a"), waits=put("a"))
    assert await committed(store) == []
    await _written(store, waits=put("b"))
    assert await committed(store) == ["b"]


async def _written(store: Store, *calls: Call, waits: Call, breaks: bool = False) -> None:
    async with store.write() as conn:
        await together(conn, *calls)
        later(conn, waits)
        if breaks:
            raise ZeroDivisionError


async def test_a_savepoint_that_comes_first_undoes_only_itself(store: Store) -> None:
    """The transaction begins before it."""
    async with store.write() as conn:
        with pytest.raises(ZeroDivisionError):
            await _saved(conn)
        await together(conn, put("b"))
    assert await committed(store) == ["b"]


async def _saved(conn: AsyncConnection) -> None:
    async with conn.begin_nested():
        await together(conn, put("a"))
        raise ZeroDivisionError


async def test_giving_up_in_the_first_statement_leaves_no_transaction_open(store: Store) -> None:
    for moment in range(20):
        task = asyncio.create_task(_once(store, f"{moment:02}"))
        await asyncio.sleep(moment / 20 * 0.004)
        task.cancel()
        await asyncio.wait([task])
    async with store.write() as conn:
        await together(conn, put("last"))
    assert "last" in await committed(store)


async def _once(store: Store, name: str) -> None:
    async with store.write() as conn:
        later(conn, put(name))
        await names(conn)
