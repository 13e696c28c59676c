"""What finds nothing waits for the next visit to the database, or for the end of its transaction; it is neither lost nor left over."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator

import pytest
from sqlalchemy import bindparam, insert, make_url, select, update
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection

from relay.store import engine
from relay.store.engine import Store
from relay.store.tables import fact
from relay.store.together import Call, Hot, later, together
from tests.relay.store import facts
from tests.relay.store.facts import open_facts

_PUT = Hot(lambda _: insert(fact).values(name=bindparam("name"), value=""))
_CALL = Hot(lambda _: update(fact).where(fact.c.name == bindparam("before")).values(name=bindparam("after")))
_REMARK = Hot(lambda _: update(fact).where(fact.c.name == bindparam("name")).values(value=bindparam("value")))
_NAMES = Hot(lambda _: select(fact.c.name).order_by(fact.c.name))


@pytest.fixture
async def store(database_url: str) -> AsyncIterator[Store]:
    async with open_facts(database_url) as store:
        yield store


def put(name: str) -> Call:
    return _PUT, {"name": name}


async def names(conn: AsyncConnection) -> list[str]:
    (rows,) = await together(conn, (_NAMES, {}))
    return [row.name for row in rows]


async def test_it_is_run_by_the_end_of_the_transaction(store: Store) -> None:
    async with store.write() as conn:
        later(conn, put("a"), put("b"))
    assert await facts.names(store) == ["a", "b"]


@pytest.mark.parametrize("way", ["hot", "sqlalchemy"])
async def test_on_sqlite_whatever_comes_next_finds_it_done_and_on_postgresql_it_is_last(store: Store, way: str) -> None:
    async with store.write() as conn:
        later(conn, put("a"))
        found = await names(conn) if way == "hot" else list((await conn.execute(select(fact.c.name))).scalars())
        assert found == (["a"] if store.dialect == "sqlite" else [])
    assert await facts.names(store) == ["a"]


async def test_unlike_ones_are_each_given_their_own(store: Store) -> None:
    """PostgreSQL is told of them in one statement, and counts on what it is given."""
    async with store.write() as conn:
        await together(conn, put("old"))
        later(conn, put("a"), (_CALL, {"before": "old", "after": "new"}), (_REMARK, {"name": "new", "value": "?"}))
    async with store.read() as conn:
        found = (await conn.execute(select(fact.c.name, fact.c.value).order_by(fact.c.name))).all()
    # each sees what there was before: on PostgreSQL the last finds nobody yet
    assert found == [("a", ""), ("new", "?" if store.dialect == "sqlite" else "")]


async def test_one_of_several_unlike_ones_that_breaks_undoes_all(store: Store) -> None:
    with pytest.raises(DBAPIError):
        await _two_unlike(store)
    assert await facts.names(store) == []


async def _two_unlike(store: Store) -> None:
    async with store.write() as conn:
        await together(conn, put("a"), put("b"))
        later(conn, put("c"), (_CALL, {"before": "a", "after": "b"}))


async def test_it_is_undone_with_its_transaction_and_left_for_no_other(store: Store) -> None:
    with pytest.raises(ZeroDivisionError):
        await _written(store, waits=put("a"), breaks=True)
    with pytest.raises(ZeroDivisionError):
        await _written(store, put("b"), waits=put("c"), breaks=True)
    async with store.write() as conn:
        assert await names(conn) == []
    assert await facts.names(store) == []


async def test_what_breaks_at_the_end_undoes_everything(store: Store) -> None:
    with pytest.raises(DBAPIError):
        await _written(store, put("a"), waits=put("a"))
    assert await facts.names(store) == []
    await _written(store, waits=put("b"))
    assert await facts.names(store) == ["b"]


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
    assert await facts.names(store) == ["b"]


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
    assert "last" in await facts.names(store)


async def _once(store: Store, name: str) -> None:
    async with store.write() as conn:
        later(conn, put(name))
        await names(conn)


async def test_what_a_driver_cannot_even_pass_on_leaves_no_transaction(store: Store) -> None:
    """Neither driver's complaint is one of the database's."""
    with pytest.raises((UnicodeEncodeError, DBAPIError)):
        await _written(store, put("a"), waits=put("\ud800"))
    async with asyncio.timeout(5):
        await _written(store, waits=put("b"))
    assert await facts.names(store) == ["b"]


async def test_giving_up_while_the_end_breaks_leaves_no_transaction(store: Store) -> None:
    async def gives_up() -> None:
        async with store.write() as conn:
            await together(conn, put("a"))
            later(conn, put("a"))
            task.cancel()

    task = asyncio.create_task(gives_up())
    await asyncio.wait([task])
    assert task.cancelled()
    async with asyncio.timeout(5):
        await _written(store, waits=put("b"))
    assert await facts.names(store) == ["b"]


async def test_whoever_goes_on_after_sqlite_could_not_begin_begins_again(sqlite_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is ever written outside a transaction, where each statement would stand for itself."""
    monkeypatch.setattr(engine, "BUSY_SECONDS", 0.1)
    other = sqlite3.connect(str(make_url(sqlite_url).database), isolation_level=None)
    async with open_facts(sqlite_url) as store:
        for first in ("hot", "sqlalchemy"):
            other.execute("BEGIN IMMEDIATE")
            with pytest.raises(ZeroDivisionError):
                await _in_spite(store, first, other)
            assert await facts.names(store) == []
    other.close()


async def _in_spite(store: Store, first: str, other: sqlite3.Connection) -> None:
    async with store.write() as conn:
        with pytest.raises(DBAPIError):
            await (together(conn, put("a")) if first == "hot" else conn.execute(insert(fact).values(name="a", value="")))
        other.execute("COMMIT")
        await together(conn, put("b"))
        raise ZeroDivisionError
