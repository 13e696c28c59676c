"""SQLite's writing connection lives in a process of its own: what comes of a transaction when either process ends, and what goes there."""

import asyncio
import os
import signal
import sqlite3
import sys
from collections.abc import AsyncIterator
from enum import IntEnum, StrEnum
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import bindparam, insert, make_url, select, text
from sqlalchemy.exc import DBAPIError

from relay.model import NotReady
from relay.store import together
from relay.store.apart import Connection
from relay.store.engine import Store
from relay.store.tables import fact
from relay.store.together import Hot
from tests.chaos.nursery import alive
from tests.relay.store.facts import names, open_facts

_PUT = Hot(lambda _: insert(fact).values(name=bindparam("name"), value=""))


@pytest.fixture
async def store(sqlite_url: str) -> AsyncIterator[Store]:
    async with open_facts(sqlite_url) as store:
        yield store


async def put(store: Store, name: str) -> None:
    async with store.write() as conn:
        await conn.execute(insert(fact).values(name=name, value=""))


async def process_of(store: Store) -> int:
    """Return the number of the process that writes."""
    async with store.write() as conn:
        driver: Any = (await conn.get_raw_connection()).driver_connection
    return int(driver._process.pid)


async def test_a_process_that_ends_between_two_transactions_is_replaced_unnoticed(store: Store) -> None:
    first = await process_of(store)
    os.kill(first, signal.SIGKILL)
    await asyncio.sleep(0.1)
    await put(store, "a")
    assert await names(store) == ["a"]
    assert await process_of(store) != first


async def test_a_process_that_ends_within_a_transaction_loses_it_says_so_and_is_replaced(store: Store) -> None:
    process = await process_of(store)
    with pytest.raises(NotReady, match="connection to the database was lost"):
        await _put_and_kill(store, process)
    await put(store, "b")
    assert await names(store) == ["b"]


async def _put_and_kill(store: Store, process: int) -> None:
    async with store.write() as conn:
        await conn.execute(insert(fact).values(name="a", value=""))
        os.kill(process, signal.SIGKILL)
        await asyncio.sleep(0.1)


@pytest.mark.parametrize("way", ["hot", "sqlalchemy"])
async def test_a_process_that_ends_while_it_is_asked_says_so(store: Store, way: str) -> None:
    process = await process_of(store)
    other = sqlite3.connect(str(make_url(str(store.url)).database), isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    waiting = asyncio.create_task(_put_by(store, way))
    await asyncio.sleep(0.2)
    os.kill(process, signal.SIGKILL)
    with pytest.raises(NotReady, match="connection to the database was lost"):
        await waiting
    other.execute("COMMIT")
    other.close()
    await put(store, "b")
    assert await names(store) == ["b"]


async def _put_by(store: Store, way: str) -> None:
    async with store.write() as conn:
        if way == "hot":
            await together.together(conn, (_PUT, {"name": "a"}))
        else:
            await conn.execute(insert(fact).values(name="a", value=""))


async def test_it_does_not_heed_signals_that_stop_a_whole_group(store: Store) -> None:
    """What is told to stop writes down what is in flight: that goes through this process."""
    process = await process_of(store)
    for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        os.kill(process, each)
    await put(store, "a")
    assert await process_of(store) == process


WAITER = """
import asyncio, sys
from sqlalchemy import text
from relay.store.engine import Store
async def wait(url):
    store = await Store.open(url)
    async with store.write() as conn:
        print((await conn.get_raw_connection()).driver_connection._process.pid, flush=True)
    await asyncio.to_thread(sys.stdin.readline)
    async with store.write() as conn:
        await conn.execute(text("INSERT INTO fact VALUES ('theirs', '')"))
asyncio.run(wait(sys.argv[1]))
"""


async def test_it_ends_with_its_other_end_while_it_waits_for_another_program(store: Store) -> None:
    url, pipe = store.url.render_as_string(hide_password=False), asyncio.subprocess.PIPE
    waiter = await asyncio.create_subprocess_exec(sys.executable, "-c", WAITER, url, stdin=pipe, stdout=pipe)
    assert waiter.stdout is not None
    assert waiter.stdin is not None
    process = int(await waiter.stdout.readline())
    async with store.write() as conn:
        await conn.execute(insert(fact).values(name="ours", value=""))
        waiter.stdin.write(b"\n")
        await asyncio.sleep(0.3)
        waiter.kill()
        await waiter.wait()
        await gone(process)
    assert await names(store) == ["ours"]


async def gone(process: int) -> None:
    """Wait for the end of a process; AssertionError where it does not come in five seconds."""
    for _ in range(500):
        if not alive(process):
            return
        await asyncio.sleep(0.01)
    raise AssertionError(f"process {process} is still there")


HOLDER = """
import asyncio, sys
from sqlalchemy import text
from relay.store.engine import Store
async def hold(url):
    store = await Store.open(url)
    async with store.write() as conn:
        await conn.execute(text("INSERT INTO fact VALUES ('theirs', '')"))
        print((await conn.get_raw_connection()).driver_connection._process.pid, flush=True)
        await asyncio.sleep(60)
asyncio.run(hold(sys.argv[1]))
"""


async def test_it_ends_with_its_other_end_and_leaves_nothing_half_done(store: Store) -> None:
    url = store.url.render_as_string(hide_password=False)
    holder = await asyncio.create_subprocess_exec(sys.executable, "-c", HOLDER, url, stdout=asyncio.subprocess.PIPE)
    assert holder.stdout is not None
    process = int(await holder.stdout.readline())
    holder.kill()
    await holder.wait()
    await put(store, "ours")
    assert await names(store) == ["ours"]
    await gone(process)


async def test_what_was_sent_off_behind_a_beginning_that_failed_is_not_written(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is done after it whatever became of it, and must not stand for itself."""
    monkeypatch.setattr("relay.store.engine.BUSY_SECONDS", 0.1)
    other = await Store.open(store.url.render_as_string(hide_password=False))
    async with store.write() as held:
        await held.execute(insert(fact).values(name="held", value=""))
        with pytest.raises(NotReady, match="Another program holds"):
            await _two_behind_one_another(other)
    await other.close()
    assert await names(store) == ["held"]


async def _two_behind_one_another(store: Store) -> None:
    async with store.write() as conn:
        first = together.ask(conn, (_PUT, {"name": "first"}))
        second = together.ask(conn, (_PUT, {"name": "second"}))
        with pytest.raises(DBAPIError, match="there is no transaction"):
            await second()
        await first()


async def test_many_rows_at_once_are_not_written_outside_of_a_transaction(store: Store) -> None:
    """As where a full disk has ended it, and nobody minded."""
    with pytest.raises(DBAPIError):
        await _many_after_its_end(store)
    assert await names(store) == []


async def _many_after_its_end(store: Store) -> None:
    async with store.write() as conn:
        await conn.exec_driver_sql("ROLLBACK")
        with pytest.raises(DBAPIError, match="there is no transaction"):
            await conn.execute(insert(fact), [{"name": name, "value": ""} for name in "ab"])


async def test_an_answer_that_cannot_be_read_ends_the_connection_and_is_taken_for_no_other(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    asyncio.get_running_loop().set_exception_handler(lambda *_: None)
    with monkeypatch.context() as patch:
        patch.setattr("relay.store.apart.pickle.loads", _too_large)
        with pytest.raises(NotReady, match="connection to the database was lost"):
            await _one_fails(store)
    await put(store, "b")
    assert await names(store) == ["b"]


def _too_large(_: bytes) -> None:
    raise MemoryError


@pytest.mark.parametrize("number", [4999, 5000, 12_000])
async def test_many_rows_are_told_whole_at_once_or_little_by_little(store: Store, number: int) -> None:
    wanted = [f"{n:05}" for n in range(number)]
    async with store.write() as conn:
        await conn.execute(insert(fact), [{"name": name, "value": ""} for name in wanted])
        ordered = select(fact.c.name).order_by(fact.c.name)
        assert (await conn.execute(ordered)).scalars().all() == wanted
        parts = [[row.name for row in part] async for part in (await conn.stream(ordered)).partitions(700)]
    assert [name for part in parts for name in part] == wanted
    assert len(parts[0]) == 700


async def test_whoever_asks_for_something_else_meanwhile_is_told_that_the_rest_is_gone(store: Store) -> None:
    async with store.write() as conn:
        await conn.execute(insert(fact), [{"name": f"{n:05}", "value": ""} for n in range(6000)])
        stream = await conn.stream(select(fact.c.name))
        await conn.execute(insert(fact).values(name="a", value=""))
        with pytest.raises(DBAPIError, match="something else was asked meanwhile"):
            await stream.fetchall()


async def test_what_is_asked_meanwhile_is_done_afterwards_in_one_transaction(store: Store) -> None:
    async with store.write() as conn:
        waiting = [together.ask(conn, (_PUT, {"name": name})) for name in "abc"]
        for found in reversed(waiting):
            await found()
    assert await names(store) == ["a", "b", "c"]


async def test_one_of_several_that_fails_undoes_all(store: Store) -> None:
    with pytest.raises(DBAPIError, match="UNIQUE"):
        await _one_fails(store)
    assert await names(store) == []


async def _one_fails(store: Store) -> None:
    async with store.write() as conn:
        waiting = [together.ask(conn, (_PUT, {"name": name})) for name in "aab"]
        for found in waiting:
            await found()


class Word(StrEnum):
    A = "et ord"


class Number(IntEnum):
    A = 7


async def test_words_and_numbers_with_names_go_there_as_plain_ones(store: Store) -> None:
    """In whatever they stand: alone, in rows, many at a time."""
    async with store.write() as conn:
        await together.together(conn, (_PUT, {"name": Word.A}))
        many: list[dict[str, str | int]] = [{"name": "1", "value": Number.A}, {"name": "2", "value": Word.A}]
        await conn.execute(text("INSERT INTO fact VALUES (:name, :value)"), many)
        rows = (await conn.execute(select(fact.c.name, fact.c.value).order_by(fact.c.name))).all()
    assert rows == [("1", "7"), ("2", "et ord"), ("et ord", "")]


async def test_a_large_request_and_a_large_answer_come_whole(store: Store) -> None:
    """Larger than what a socket takes at once, both ways, and others behind them."""
    words = "x" * 3_000_000
    async with store.write() as conn:
        for name in "abc":
            await conn.execute(insert(fact).values(name=name, value=words + name))
        found = (await conn.execute(select(fact.c.value).order_by(fact.c.name))).scalars().all()
    assert found == [words + name for name in "abc"]


async def test_a_process_that_cannot_be_started_is_told(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/no/such/python")
    with pytest.raises(NotReady):
        await Store.open(store.url.render_as_string(hide_password=False))


async def test_closing_waits_for_the_process(sqlite_url: str) -> None:
    store = await Store.open(sqlite_url)
    process = await process_of(store)
    await store.close()
    assert not alive(process)


async def test_a_connection_that_is_closed_says_so(tmp_path: Path) -> None:
    connection = await Connection.open(str(tmp_path / "a.db"), patience=1)
    await connection.close()
    await connection.close()
    with pytest.raises(DBAPIError, match="connection closed") as refused:
        await connection.run([("SELECT 1", ())])
    assert refused.value.connection_invalidated


async def test_one_that_hangs_is_ended_by_force(sqlite_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("relay.store.apart.PATIENCE", 0.2)
    store = await Store.open(sqlite_url)
    process = await process_of(store)
    os.kill(process, signal.SIGSTOP)
    await store.close()
    assert not alive(process)
