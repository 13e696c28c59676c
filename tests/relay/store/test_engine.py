"""Whole or not at all, whoever gives up and whatever fails; and then it goes on."""

import asyncio
import sqlite3
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy import func, insert, make_url, select, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from channels.clock import monotonic
from relay.model import NotReady
from relay.store import engine
from relay.store.engine import THINKING, Store, unhurried
from relay.store.tables import fact
from tests.relay.store.facts import names, open_facts

SLOW = {
    "sqlite": "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 3000000) SELECT max(i) FROM n",
    "postgresql": "SELECT pg_sleep(3)",
}


@pytest.fixture
async def store(database_url: str) -> AsyncIterator[Store]:
    async with open_facts(database_url) as store:
        yield store


async def put(conn: AsyncConnection, name: str) -> None:
    await conn.execute(insert(fact).values(name=name, value=""))


async def write_and_wait(store: Store, name: str, begun: asyncio.Event, statement: str | None = None) -> None:
    async with store.write() as conn:
        await put(conn, name)
        begun.set()
        await (conn.execute(text(statement)) if statement else asyncio.sleep(60))


async def cancelled(task: asyncio.Task[None]) -> None:
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def write_twice(store: Store, name: str) -> None:
    async with store.write() as conn:
        await put(conn, name)
        await put(conn, name)


async def test_an_exception_undoes_everything(store: Store) -> None:
    with pytest.raises(IntegrityError):
        await write_twice(store, "a")
    assert await names(store) == []


async def test_giving_up_between_two_statements_undoes_everything(store: Store) -> None:
    begun = asyncio.Event()
    task = asyncio.create_task(write_and_wait(store, "a", begun))
    await begun.wait()
    await cancelled(task)
    async with store.write() as conn:
        await put(conn, "b")
    assert await names(store) == ["b"]


async def test_giving_up_during_a_statement_undoes_everything_and_leaves_the_writer_usable(store: Store) -> None:
    begun = asyncio.Event()
    task = asyncio.create_task(write_and_wait(store, "a", begun, SLOW[store.dialect]))
    await begun.wait()
    await asyncio.sleep(0.05)
    await cancelled(task)
    async with store.write() as conn:
        await put(conn, "b")
    assert await names(store) == ["b"]


async def test_whoever_gives_up_while_waiting_for_a_turn_takes_no_turn(store: Store) -> None:
    async with store.write() as conn:
        waiting = asyncio.create_task(write_and_wait(store, "a", asyncio.Event()))
        await asyncio.sleep(0.05)
        await cancelled(waiting)
        await put(conn, "b")
    async with store.write() as conn:
        await put(conn, "c")
    assert await names(store) == ["b", "c"]


async def write_once(store: Store, name: str) -> None:
    async with store.write() as conn:
        await put(conn, name)


async def test_giving_up_at_any_moment_is_all_or_nothing(store: Store) -> None:
    """Each task writes a pair; it is cancelled a little later each time, so that some are hit before, in and after the commit."""

    async def pair(n: int) -> None:
        async with store.write() as conn:
            await put(conn, f"{n:03}a")
            await put(conn, f"{n:03}b")

    for n in range(60):
        task = asyncio.create_task(pair(n))
        await asyncio.sleep(n / 60 * 0.008)
        task.cancel()
        await asyncio.wait([task])
    found = await names(store)
    assert [name[:3] for name in found if name.endswith("a")] == [name[:3] for name in found if name.endswith("b")]
    await write_once(store, "at the end")
    assert "at the end" in await names(store)


async def test_a_read_sees_one_moment_and_holds_nobody_up(store: Store) -> None:
    async with store.read() as conn:
        count = select(func.count()).select_from(fact)
        before = (await conn.execute(count)).scalar_one()
        await write_once(store, "a")
        assert (await conn.execute(count)).scalar_one() == before == 0
    assert await names(store) == ["a"]


async def test_a_read_goes_on_while_a_write_is_open(store: Store) -> None:
    async with store.write() as conn:
        await put(conn, "a")
        assert await names(store) == []


async def write_in_a_read(store: Store) -> None:
    async with store.read() as conn:
        await put(conn, "a")


async def test_a_read_cannot_write(store: Store) -> None:
    with pytest.raises(NotReady, match=r"read-only|cannot be written"):
        await write_in_a_read(store)
    await write_once(store, "b")
    assert await names(store) == ["b"]


async def test_a_write_inside_a_write_is_told_not_waited_for(sqlite_url: str) -> None:
    store = await Store.open(sqlite_url)
    with pytest.raises(RuntimeError, match="pass the connection on"):
        async with store.write(), store.write():
            pass
    await store.close()


async def test_what_sqlite_promises(sqlite_url: str) -> None:
    store = await Store.open(sqlite_url)
    wanted = {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1}
    # the process that writes waits in its own way, for as long
    for connected, timeout in ((store.read, {"busy_timeout": 10_000}), (store.write, {"busy_timeout": 0})):
        async with connected() as conn:
            wanted |= timeout
            assert {name: (await conn.exec_driver_sql(f"PRAGMA {name}")).scalar_one() for name in wanted} == wanted
    await store.close()


async def test_what_postgresql_promises(postgres_url: str) -> None:
    store = await Store.open(postgres_url)
    async with store.write() as conn:
        assert (await conn.exec_driver_sql("SHOW synchronous_commit")).scalar_one() == "on"
        assert (await conn.exec_driver_sql("SHOW transaction_isolation")).scalar_one() == "read committed"
    async with store.read() as conn:
        assert (await conn.exec_driver_sql("SHOW transaction_isolation")).scalar_one() == "repeatable read"
    await store.close()


async def write_through_the_end_of_the_connection(store: Store) -> None:
    async with store.write() as conn:
        await put(conn, "a")
        async with store.bare() as other:
            await other.exec_driver_sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE state LIKE 'idle in%'")
        await put(conn, "b")


async def test_on_postgresql_a_plan_may_think_longer_than_others_in_its_own_transaction_alone(postgres_url: str) -> None:
    asked = text("SELECT setting::int FROM pg_settings WHERE name = 'idle_in_transaction_session_timeout'")
    store = await Store.open(postgres_url)
    async with store.write() as conn:
        await unhurried(conn)
        assert (await conn.execute(asked)).scalar_one() == THINKING
    async with store.read() as conn:
        await unhurried(conn)
        assert (await conn.execute(asked)).scalar_one() == THINKING
    async with store.write() as conn:
        assert (await conn.execute(asked)).scalar_one() < THINKING
    await store.close()


async def test_postgresql_ending_our_connections_is_noticed_and_healed(postgres_url: str) -> None:
    store = await Store.open(postgres_url)
    async with store.write() as conn:
        await conn.run_sync(fact.create)
    with pytest.raises(NotReady, match=r"lost|stopped"):
        await write_through_the_end_of_the_connection(store)
    await write_once(store, "c")
    assert await names(store) == ["c"]
    await store.close()


async def test_a_connection_that_breaks_when_all_is_read_is_nobodys_trouble(postgres_url: str) -> None:
    """What was read is read; and what went wrong while reading is told, not that the connection could not be closed after it."""
    store = await Store.open(postgres_url)
    assert await read_through_the_end_of_the_connection(store) == 1
    with pytest.raises(ZeroDivisionError):
        await read_through_the_end_of_the_connection(store, divisor=0)
    assert await read_through_the_end_of_the_connection(store) == 1
    await store.close()


async def read_through_the_end_of_the_connection(store: Store, divisor: int = 1) -> int:
    async with store.read() as conn:
        ours = (await conn.execute(text("SELECT pg_backend_pid()"))).scalar_one()
        async with store.write() as other:
            await other.execute(text("SELECT pg_terminate_backend(:ours, 1000)"), {"ours": ours})
        return 1 // divisor


async def test_a_database_held_by_another_program_is_told_and_comes_back(sqlite_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "BUSY_SECONDS", 0.1)
    store = await Store.open(sqlite_url)
    async with store.write() as conn:
        await conn.run_sync(fact.create)
    other = sqlite3.connect(str(make_url(sqlite_url).database), isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(NotReady, match="Another program holds"):
        await write_once(store, "a")
    other.execute("COMMIT")
    other.close()
    await write_once(store, "b")
    assert await names(store) == ["b"]
    await store.close()


async def test_whoever_gives_up_while_another_program_holds_the_database_leaves_no_transaction(sqlite_url: str) -> None:
    """What writes goes on waiting for its turn, and gets it: what it then began must be ended, or nobody writes any more."""
    store = await Store.open(sqlite_url)
    async with store.write() as conn:
        await conn.run_sync(fact.create)
    other = sqlite3.connect(str(make_url(sqlite_url).database), isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    waiting = asyncio.create_task(write_once(store, "a"))
    await asyncio.sleep(0.2)
    waiting.cancel()
    await asyncio.sleep(0.1)
    other.execute("COMMIT")
    with pytest.raises(asyncio.CancelledError):
        await waiting
    other.execute("BEGIN IMMEDIATE")
    other.execute("COMMIT")
    other.close()
    await write_once(store, "b")
    assert await names(store) == ["b"]
    await store.close()


async def test_a_full_disk_is_told_and_heals(sqlite_url: str) -> None:
    store = await Store.open(sqlite_url)
    async with store.write() as conn:
        await conn.run_sync(fact.create)
        await conn.exec_driver_sql("PRAGMA max_page_count=10")
    with pytest.raises(NotReady, match="full"):
        await write_once(store, "x" * 100_000)
    async with store.write() as conn:
        await conn.exec_driver_sql("PRAGMA max_page_count=100000")
    await write_once(store, "b")
    assert await names(store) == ["b"]
    await store.close()


HOG = """
import asyncio, sys
from sqlalchemy import text
from relay.store.engine import THINKING, Store, unhurried
async def hog(url):
    store = await Store.open(url)
    print("ready", flush=True)
    while True:
        async with store.write() as conn:
            await conn.execute(text("INSERT INTO fact VALUES (hex(randomblob(8)), '')"))
asyncio.run(hog(sys.argv[1]))
"""


async def test_a_busy_process_leaves_turns_to_another(sqlite_url: str) -> None:
    """With SQLite's own waiting the median was seconds; the bound is wide, for slow machines."""
    store = await Store.open(sqlite_url)
    async with store.write() as conn:
        await conn.run_sync(fact.create)
    hog = await asyncio.create_subprocess_exec(sys.executable, "-c", HOG, sqlite_url, stdout=asyncio.subprocess.PIPE)
    assert hog.stdout is not None
    await hog.stdout.readline()
    waits = []
    for n in range(20):
        begun = monotonic()
        await write_once(store, f"ours {n}")
        waits.append(monotonic() - begun)
    hog.kill()
    await hog.communicate()
    await store.close()
    assert sorted(waits)[10] < 0.5


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("", "no database address"),
        ("budstikke.db", "no database address"),
        ("mysql://u:hemmelig@h/d", "'mysql'"),
        ("sqlite://", "must name a file"),
        ("sqlite:///:memory:", "must name a file"),
        ("sqlite:////no/such/folder/budstikke.db", "/no/such/folder/budstikke.db does not exist"),
        ("sqlite:////tmp", "cannot be opened"),
        ("postgresql://u:hemmelig@127.0.0.1:1/d", "cannot be reached"),
        ("postgres://u:hemmelig@nowhere.invalid/d", "cannot be reached"),
        ("postgresql+asyncpg:///d?host=/no/such/folder", "cannot be reached"),
        ("postgresql://u:hemmelig@127.0.0.1:1/d?nonsense=1", "does not know: nonsense"),
        ("postgresql://u:hemmelig@127.0.0.1:x/d", "no database address"),
    ],
)
async def test_an_address_that_will_not_do_is_told_in_one_sentence_without_its_password(url: str, words: str) -> None:
    with pytest.raises(NotReady) as refused:
        await Store.open(url)
    assert words in str(refused.value)
    assert "hemmelig" not in str(refused.value)


async def test_a_file_that_is_no_database_is_left_alone(tmp_path: Path) -> None:
    file = tmp_path / "letter.txt"
    file.write_text("Kjære ordfører, " * 100)
    with pytest.raises(NotReady, match="no SQLite database"):
        await Store.open(f"sqlite:///{file}")
    assert file.read_text().startswith("Kjære ordfører")


async def test_a_missing_postgresql_database_is_told(postgres_url: str) -> None:
    with pytest.raises(NotReady, match="no such database"):
        await Store.open(make_url(postgres_url).set(database="ukjent").render_as_string(hide_password=False))


@pytest.mark.parametrize("driver", ["postgresql", "postgres", "postgresql+asyncpg"])
async def test_every_spelling_of_postgresql_opens(postgres_url: str, driver: str) -> None:
    await (await Store.open(postgres_url.replace("postgresql+asyncpg", driver))).close()


@pytest.mark.parametrize("driver", ["sqlite", "sqlite+aiosqlite"])
async def test_every_spelling_of_sqlite_opens(sqlite_url: str, driver: str) -> None:
    await (await Store.open(sqlite_url.replace("sqlite+aiosqlite", driver))).close()


async def test_a_new_database_and_what_lies_beside_it_are_for_its_user_alone(tmp_path: Path) -> None:
    store = await Store.open(f"sqlite:///{tmp_path / 'new.db'}")
    modes = _modes(tmp_path)
    await store.close()
    assert {"new.db", "new.db-wal", "new.db-shm"} <= modes.keys()
    assert set(modes.values()) == {0o600}, modes


def _modes(folder: Path) -> dict[str, int]:
    return {each.name: each.stat().st_mode & 0o777 for each in folder.iterdir()}
