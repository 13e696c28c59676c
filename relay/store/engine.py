"""The database behind everything: reads that disturb nobody, and writes that are whole or not at all.

One writer at a time on both: SQLite by its nature, PostgreSQL by an advisory lock that lasts as long as the transaction. Writers come with
batches and never wait for anything outside the database, so a queue of them is faster than row locks taken crosswise, which end in
deadlocks. Only workers' routine turns share that lock (relay.store.routine). `with_for_update()` stands where rows are read to be changed
all the same: it says so to the reader.

SQLite's readers are threads of this process, its writer is a process of its own (relay.store.apart).
"""

import asyncio
import os
import sqlite3
from collections.abc import AsyncIterator, Coroutine, Mapping
from contextlib import asynccontextmanager, closing, suppress
from typing import Any, Literal, Self

from sqlalchemy import URL, Connection, ExceptionContext, event, text
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, AsyncSession, create_async_engine

from relay.model import NotReady
from relay.store import address, apart
from relay.store.faults import UNREACHABLE, told
from relay.store.routine import WRITER, mark
from relay.store.together import commit, is_lost, roll_back, starts, straight, what_waits

BUSY_SECONDS = 10
READERS = 8

#: SQLite, per connection. NORMAL loses committed rows at a power cut, FULL loses none
PRAGMAS = ("foreign_keys=ON", "synchronous=FULL", "journal_size_limit=67108864", "temp_store=MEMORY")

#: PostgreSQL, per connection; times in ms. A forgotten transaction must not hold rows for ever
SETTINGS = {
    "application_name": "budstikke",
    "synchronous_commit": "on",
    # what waits for another's turn must see what that wrote
    "default_transaction_isolation": "read committed",
    "statement_timeout": "30000",
    "lock_timeout": "10000",
    # a stopped process must not keep the others from writing
    "idle_in_transaction_session_timeout": "5000",
    "jit": "off",
    # what a night touches is in memory: by the index to a hundred rows, not through the whole table
    "random_page_cost": "1.1",
}
#: PostgreSQL, in ms: for a transaction that thinks for long between its statements, such as the plan for a hundred thousand people
THINKING = 120_000
#: seconds until a silent server counts as gone: longer than its own limit for a statement
SILENCE = 40


class Store:
    """An open database. Queries live in this package's other modules; each takes a connection of `read` or `write`."""

    def __init__(self, url: URL, reader: AsyncEngine, writer: AsyncEngine) -> None:
        self.url = url
        self.dialect: Literal["sqlite", "postgresql"] = "sqlite" if url.get_backend_name() == "sqlite" else "postgresql"
        self._reader = reader
        self._writer = writer
        self._turn = asyncio.Lock()
        self._holder: asyncio.Task[Any] | None = None
        #: the writer's connection, between two transactions
        self._kept: AsyncConnection | None = None

    @classmethod
    async def open(cls, url: str, *, echo: bool = False) -> Self:
        """Open the database at `url`; NotReady when it cannot be used. Of its tables relay.store.schema knows."""
        place = address.read(url)
        if place.get_backend_name() == "sqlite":
            _for_our_eyes(str(place.database))
        make = _sqlite if place.get_backend_name() == "sqlite" else _postgresql
        store = cls(place, *make(place, echo=echo))
        try:
            async with store.write() as conn:
                await conn.execute(text("SELECT 1"))
        except BaseException:
            await store.close()
            raise
        return store

    async def close(self) -> None:
        """Close every connection."""
        if self._kept is not None:
            await self._kept.close()
            self._kept = None
        await self._reader.dispose()
        await self._writer.dispose()

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncConnection]:
        """See one moment throughout, and keep no writer waiting. Writing here is an error."""
        with told():
            async with _connected(self._reader) as conn:
                yield conn

    @asynccontextmanager
    async def write(self, *, routine: bool = False) -> AsyncIterator[AsyncConnection]:
        """Do everything inside or nothing: durably committed on leaving, undone on any exception. NotReady when the database is away.

        Where the connection is lost in the commit itself, nobody knows: it must be safe to do the same again.
        `routine`: it keeps to the rules of relay.store.routine; on PostgreSQL other workers' may be written at the same time.
        """
        async with self._alone():
            with told():
                conn = await self._begun(routine=routine)
                try:
                    yield conn
                except BaseException as error:
                    await _to_the_end(self._undo(conn, error))
                    raise
                await _to_the_end(self._commit(conn))

    async def _begun(self, *, routine: bool) -> AsyncConnection:
        """Begin a transaction on the connection that is kept from one to the next; on a new one where the server has ended it."""
        if self._kept is not None and is_lost(self._kept):
            await self._drop(self._kept)
        if self._kept is not None:
            try:
                return await self._begin(self._kept, routine=routine)
            except (DBAPIError, ConnectionError) as error:
                if isinstance(error, DBAPIError) and not error.connection_invalidated:
                    raise
        try:
            self._kept = await self._writer.connect()
        except OSError as error:
            raise NotReady(UNREACHABLE) from error
        return await self._begin(self._kept, routine=routine)

    async def _begin(self, conn: AsyncConnection, *, routine: bool) -> AsyncConnection:
        """Begin in our own words: SQLAlchemy's take several turns to the database, before and after each transaction."""
        try:
            mark(conn, routine=routine)
            if self.dialect == "sqlite":
                starts(conn, "BEGIN IMMEDIATE")
            else:
                starts(conn)
                await straight(conn, _BEGIN_ROUTINE if routine else _BEGIN)
        except BaseException as error:
            await _to_the_end(self._undo(conn, error))
            raise
        return conn

    async def _undo(self, conn: AsyncConnection, why: BaseException) -> None:
        """Roll back; where that is not possible, or the server is silent, it happens when the connection ends."""
        if isinstance(why, OSError):
            await self._drop(conn)
            return
        try:
            await roll_back(conn)
            await _forget(conn)
        except (SQLAlchemyError, OSError):
            await self._drop(conn)

    async def _commit(self, conn: AsyncConnection) -> None:
        """Commit after what waits; where that is not possible, what is left of the transaction goes with its connection."""
        try:
            await commit(conn)
            await _forget(conn)
        except BaseException:
            await self._drop(conn)
            raise

    async def _drop(self, conn: AsyncConnection) -> None:
        """Let go of the writer's connection."""
        self._kept = None
        await _throw_away(conn)

    @asynccontextmanager
    async def remodel(self) -> AsyncIterator[AsyncConnection]:
        """`write`, for changing the tables themselves: nothing times out, and (SQLite) foreign keys are not checked."""
        unchecked = (*PRAGMAS, "foreign_keys=OFF")
        engine = (
            _sqlite_engine(self.url, "BEGIN IMMEDIATE", *unchecked, by_process=True)
            if self.dialect == "sqlite"
            else _postgresql_engine(self.url)
        )
        async with self._alone():
            try:
                with told():
                    async with _connected(engine) as conn, _whole(conn):
                        yield conn
            finally:
                await engine.dispose()

    @asynccontextmanager
    async def bare(self) -> AsyncIterator[AsyncConnection]:
        """A PostgreSQL connection outside any transaction, closed afterwards: to listen on, or to hold a lock as long as it lives."""
        with told():
            async with _connected(self._writer) as conn:
                try:
                    yield conn
                finally:
                    await _to_the_end(conn.invalidate())

    @asynccontextmanager
    async def _alone(self) -> AsyncIterator[None]:
        """Take turns, in order of arrival."""
        if self._holder is asyncio.current_task():
            raise RuntimeError("write() inside write() waits for itself: pass the connection on")
        async with self._turn:
            self._holder = asyncio.current_task()
            try:
                yield
            finally:
                self._holder = None


_BEGIN = f"BEGIN; SELECT pg_advisory_xact_lock({WRITER})"
_BEGIN_ROUTINE = f"BEGIN; SELECT pg_advisory_xact_lock_shared({WRITER})"


async def _forget(conn: AsyncConnection) -> None:
    """Let SQLAlchemy forget the transaction that it believes in, where it was asked anything: the database's has ended."""
    if conn.in_transaction():
        await conn.rollback()


async def unhurried(conn: AsyncConnection) -> None:
    """Let this transaction think for longer between two statements than others may."""
    if conn.dialect.name == "postgresql":
        await conn.exec_driver_sql(f"SET LOCAL idle_in_transaction_session_timeout = {THINKING}")


@asynccontextmanager
async def session(conn: AsyncConnection) -> AsyncIterator[AsyncSession]:
    """Open the register's ORM inside a transaction; flushed on leaving, committed with the transaction."""
    if not conn.in_transaction():
        # the transaction is ours: a session that believes it its own would undo it when it closes
        await conn.begin()
    async with AsyncSession(bind=conn, expire_on_commit=False) as orm:
        yield orm
        await orm.flush()


@asynccontextmanager
async def _connected(engine: AsyncEngine) -> AsyncIterator[AsyncConnection]:
    try:
        conn = await engine.connect()
    except OSError as error:
        raise NotReady(UNREACHABLE) from error
    try:
        yield conn
    finally:
        await _to_the_end(_let_go(conn))


async def _let_go(conn: AsyncConnection) -> None:
    """Close a connection; what hinders that is nobody's trouble: it is thrown away, and whatever went wrong before is what is told."""
    try:
        await conn.close()
    except (SQLAlchemyError, OSError):
        await _throw_away(conn)


async def _throw_away(conn: AsyncConnection) -> None:
    """End a connection whatever state it is in: the next one starts clean."""
    with suppress(Exception):
        await conn.invalidate()
    with suppress(Exception):
        await conn.close()


@asynccontextmanager
async def _whole(conn: AsyncConnection) -> AsyncIterator[None]:
    try:
        await conn.begin()
        yield
    except BaseException:
        await _to_the_end(conn.rollback())
        raise
    try:
        await _to_the_end(conn.commit())
    except DBAPIError:
        # what is left of the transaction goes with its connection, so that the next one starts clean
        await conn.invalidate()
        raise


async def _to_the_end(step: Coroutine[Any, Any, object]) -> None:
    """Finish `step` even if we are cancelled meanwhile: nobody else may use the connection before it is done."""
    task = asyncio.ensure_future(step)
    cancelled: asyncio.CancelledError | None = None
    while not task.done():
        try:
            await asyncio.wait([task])
        except asyncio.CancelledError as error:
            cancelled = error
    if cancelled is not None:
        task.exception()
        raise cancelled
    task.result()


def _sqlite(url: URL, *, echo: bool) -> tuple[AsyncEngine, AsyncEngine]:
    """Make the engine of the readers and that of the one writer."""
    _keep_a_log(str(url.database))
    reader = _sqlite_engine(url, "BEGIN", *PRAGMAS, "query_only=ON", pool_size=READERS, echo=echo)
    writer = _sqlite_engine(url, "", *PRAGMAS, echo=echo, by_process=True)
    event.listen(writer.sync_engine, "before_cursor_execute", _what_waits_first)
    return reader, writer


def _for_our_eyes(file: str) -> None:
    """Make a database that is not there yet, with what SQLite writes beside it, readable by its user alone; SQLite says what hinders it."""
    with suppress(OSError):
        os.close(os.open(file, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))


def _sqlite_engine(url: URL, begin: str, *pragmas: str, pool_size: int = 1, echo: bool = False, by_process: bool = False) -> AsyncEngine:
    """Make an engine whose transactions start with `begin`, if not in the writer's words; Python's own control of them begins too late."""
    options: dict[str, Any] = {"isolation_level": None, "timeout": BUSY_SECONDS}
    if by_process:
        options = {"async_creator_fn": lambda *_, **__: apart.Connection.open(str(url.database), patience=BUSY_SECONDS)}
    engine = create_async_engine(url, connect_args=options, pool_size=pool_size, max_overflow=0, echo=echo, hide_parameters=True)

    def connected(connection: Any, _record: object) -> None:
        cursor = connection.cursor()
        for pragma in pragmas:
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    def begun(connection: Connection) -> None:
        connection.exec_driver_sql(begin)

    event.listen(engine.sync_engine, "connect", connected)
    if begin:
        event.listen(engine.sync_engine, "begin", begun)
    event.listen(engine.sync_engine, "handle_error", _keep_if_cancelled)
    return engine


def _what_waits_first(connection: Connection, cursor: Any, *_: object) -> None:
    """Run what waits (relay.store.together) before a statement that goes SQLAlchemy's way: the transaction's beginning first of all."""
    with what_waits(connection.info, connection.connection.driver_connection) as waiting:
        for words, given in waiting:
            cursor.execute(words, given)


def _keep_a_log(file: str) -> None:
    """Open the file once and switch it to WAL, for good: readers and the writer then do not wait for each other."""
    with told(), closing(sqlite3.connect(file, timeout=BUSY_SECONDS)) as connection:
        (mode,) = connection.execute("PRAGMA journal_mode=WAL").fetchone()
    if mode != "wal":
        raise NotReady(f"SQLite cannot keep a write-ahead log at {file}. Put the database on a local disk.")


def _keep_if_cancelled(context: ExceptionContext) -> None:
    """Let the connection live: closed with a statement still at work, it would lock the file until collected as garbage."""
    if isinstance(context.original_exception, asyncio.CancelledError):
        context.is_disconnect = False


def _postgresql(url: URL, *, echo: bool) -> tuple[AsyncEngine, AsyncEngine]:
    """Make one engine and its read-only face. A dead connection is noticed before it is used."""
    engine = _postgresql_engine(url, SETTINGS, echo=echo, command_timeout=SILENCE)
    reader = engine.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
    # the writer's transactions are begun and ended by its Store
    return reader, engine.execution_options(isolation_level="AUTOCOMMIT")


def _postgresql_engine(url: URL, settings: Mapping[str, str] | None = None, *, echo: bool = False, **options: Any) -> AsyncEngine:
    options |= {"timeout": 10, "server_settings": {"timezone": "UTC", **(settings or {})}}
    options = {"connect_args": options, "echo": echo, "hide_parameters": True}
    return create_async_engine(url, pool_size=10, max_overflow=10, pool_timeout=10, pool_pre_ping=True, **options)
