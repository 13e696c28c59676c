"""The hot statements: compiled once, given a whole batch as one value, and run several at a time.

What SQLAlchemy does around a statement costs more than the statement does; so the few that every message passes through go to the
driver as they are. On SQLite they go in one visit to the process that writes (relay.store.apart) or to the thread that reads, and what they
find comes back as one value each. What finds nothing makes no visit of its own: it waits for the next one (`later`).
"""

import re
import sqlite3
from collections import namedtuple
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, MutableMapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, time
from functools import lru_cache, partial
from typing import Any, TypeAlias

import asyncpg
import orjson
from sqlalchemy import (
    JSON,
    BindParameter,
    Boolean,
    Dialect,
    Executable,
    LargeBinary,
    Select,
    Table,
    Time,
    bindparam,
    func,
    literal_column,
    select,
    update,
)
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.sql.visitors import replacement_traverse

from relay.store.apart import Connection, Step
from relay.store.columns import AnyRow, Moment
from relay.store.sql import Kind, among

#: a statement and what it is given
Call: TypeAlias = "tuple[Hot, Mapping[str, Any]]"

#: steps of a transaction that wait, in what is known of its connection
_WAITING = "budstikke.waiting"
#: where a statement for PostgreSQL is given something
_PLACE = re.compile(r"\$(\d+)")


@dataclass(frozen=True, slots=True)
class _Made:
    """A statement in the words of one database."""

    words: str
    #: what is given, in order: a name, or a constant of the statement itself
    given: tuple[tuple[str, Any], ...]
    #: makes a row of a result
    row: Callable[[Iterable[Any]], AnyRow]
    #: whether all rows come as one JSON value
    packed: bool

    def values(self, given: Mapping[str, Any]) -> list[Any]:
        return [given[name] if name else constant for name, constant in self.given]


class Hot:
    """A statement in the words of SQLAlchemy, built and compiled once for each database. Its results have plain values: nothing sealed."""

    def __init__(self, build: Callable[[AsyncConnection], Executable]) -> None:
        self._build = build
        self._made: dict[str, _Made] = {}

    def made(self, conn: AsyncConnection) -> _Made:
        """Return the words for this connection's database."""
        name = conn.dialect.name
        if name not in self._made:
            self._made[name] = _compile(self._build(conn), conn.dialect)
        return self._made[name]


def given(columns: Mapping[str, Kind]) -> dict[str, BindParameter[Any]]:
    """Return values that a statement is given, by the names of the columns that they go to."""
    return {name: bindparam(name, type_=kind) for name, kind in columns.items()}


def alike(table: Table, values: Mapping[str, Any]) -> Hot:
    """Write the same values into any number of rows, `ids`: a third of what values of its own for each row cost."""
    return Hot(lambda conn: update(table).where(among(conn, table.c.id, "ids")).values(values))


def _compile(statement: Any, dialect: Dialect) -> _Made:
    packed = dialect.name == "sqlite" and isinstance(statement, Select)
    words = _written_out(_packed(statement) if packed else statement, dialect)
    compiled = words.compile(dialect=dialect, compile_kwargs={"render_postcompile": True})
    binds = {name: bind for bind, name in compiled.bind_names.items()}
    names: list[str] = compiled.positiontup or []
    order = [binds.get(name) for name in names]
    known = dict(compiled.params)
    given = tuple(
        (name, None) if bind is not None and bind.required else ("", known[name]) for name, bind in zip(names, order, strict=True)
    )
    return _Made(str(compiled), given, _row(statement, packed=packed), packed)


def _written_out(statement: Any, dialect: Dialect) -> Any:
    """Write what is the same at each run into the words: only so PostgreSQL sees that a partial index will do, and keeps its plan."""

    def constant(element: Any, **_: Any) -> Any:
        if not isinstance(element, BindParameter) or element.required or not isinstance(element.value, str | int):
            return None
        write = element.type.literal_processor(dialect)
        return literal_column(write(element.value), element.type) if write else None

    return replacement_traverse(statement, {}, constant)


def _packed(statement: Select[Any]) -> Select[Any]:
    """Let SQLite find all rows as one JSON array of arrays; JSON has no bytes."""
    rows = statement.subquery()
    values = [func.nullif(func.hex(column), "") if isinstance(column.type, LargeBinary) else column for column in rows.c]
    return select(func.json_group_array(func.json_array(*values))).select_from(rows)


def _row(statement: Any, *, packed: bool) -> Callable[[Iterable[Any]], AnyRow]:
    columns = list(statement.exported_columns if isinstance(statement, Select) else statement._returning)  # noqa: SLF001
    shape: Any = namedtuple("Row", [column.name for column in columns])  # type: ignore[misc]  # noqa: PYI024 - made of columns
    make: Callable[[Iterable[Any]], Any] = shape._make
    read = [(place, _READ[type(column.type)]) for place, column in enumerate(columns) if type(column.type) in _READ]
    if not read or not packed:
        return make

    def reading(row: Any) -> Any:
        for place, read_one in read:
            value = row[place]
            if value is not None:
                row[place] = read_one(value)
        return make(row)

    return reading


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(f"{text}+00:00")


#: what SQLite keeps as text or as a number, or packs as such
_READ: Mapping[type[Any], Callable[[Any], Any]] = {
    Boolean: bool,
    JSON: orjson.loads,
    LargeBinary: bytes.fromhex,
    Moment: _moment,
    Time: time.fromisoformat,
}


async def together(conn: AsyncConnection, *calls: Call) -> list[list[AnyRow]]:
    """Run statements one after the other, none of which waits for what another finds; return the rows of each."""
    if not calls:
        return []
    steps = _steps(conn, calls)
    if conn.dialect.name == "sqlite":
        return _read(conn, calls, await _visited(conn, steps))
    driver = _driver(conn)
    return _read(conn, calls, [await _fetch(driver, words, given) for words, given in steps])


def ask(conn: AsyncConnection, *calls: Call) -> Callable[[], Awaitable[list[list[AnyRow]]]]:
    """Do the same, and return what waits for it: SQLite's writer begins at once, and goes on with what is asked meanwhile.

    PostgreSQL begins when it is waited for. Where it fails, what was asked after it may have been done: all of it must be undone. What
    waited does not wait again: the process that writes refuses all that follows.
    """
    driver = _driver(conn)
    if not calls or not isinstance(driver, Connection):
        return partial(together, conn, *calls)
    waiting, conn.info[_WAITING] = conn.info[_WAITING], []
    rows = driver.ask([*waiting, *_steps(conn, calls)])

    async def found() -> list[list[AnyRow]]:
        return _read(conn, calls, await rows())

    return found


def later(conn: AsyncConnection, *calls: Call) -> None:
    """Run statements that find nothing when it costs least: on SQLite before whatever comes next, on PostgreSQL last of the transaction.

    There they may be run as one statement. So neither one of them, nor what follows in the transaction, may build on what they do.
    """
    conn.info[_WAITING] += _steps(conn, calls)


def starts(conn: AsyncConnection, *words: str) -> None:
    """Let a transaction on this connection start, and begin in these words with whatever it does first."""
    conn.info[_WAITING] = [(each, ()) for each in words]


@contextmanager
def what_waits(info: MutableMapping[Any, Any], driver: Any) -> Iterator[list[Step]]:
    """Yield what waits, to be run inside; where no transaction has come of it, it waits again.

    That nothing is written outside of one is kept by what writes: relay.store.writer.
    """
    waiting, info[_WAITING] = info.get(_WAITING, []), []
    try:
        yield waiting
    except Exception:
        if not driver.in_transaction:
            info[_WAITING] = waiting
        raise


async def straight(conn: AsyncConnection, words: str) -> str:
    """Run what finds nothing: on PostgreSQL several statements in one turn to the server and back, which says what it has done."""
    if conn.dialect.name == "sqlite":
        await _visited(conn, [(words, ())])
        return ""
    driver = _driver(conn)
    try:
        return str(await driver.execute(words))
    except (asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        raise DBAPIError(words, None, error, hide_parameters=True, connection_invalidated=driver.is_closed()) from error


async def commit(conn: AsyncConnection) -> None:
    """End a transaction after all that waits. RuntimeError where the database has undone it instead."""
    if conn.dialect.name == "postgresql":
        for words, given in _as_one(conn.info[_WAITING]):
            await _fetch(_driver(conn), words, given)
    if await straight(conn, "COMMIT") == "ROLLBACK":
        raise RuntimeError("a statement had failed and nobody said so: PostgreSQL has undone the transaction")


def _as_one(steps: Sequence[Step]) -> Sequence[Step]:
    """Let PostgreSQL do all in one statement: that costs one turn to the server. Not where one comes twice, which may meet the same row."""
    if len({words for words, _ in steps}) < len(steps) or len(steps) < 2:
        return steps
    return [(_in_one(tuple((words, len(given)) for words, given in steps)), [value for _, given in steps for value in given])]


@lru_cache
def _in_one(parts: tuple[tuple[str, int], ...]) -> str:
    """Write statements that find nothing as parts of one; what each is given counts on after what those before it are."""
    written: list[str] = []
    before = 0
    for number, (words, given) in enumerate(parts):
        # a function, since each has its own number
        counted = _PLACE.sub(lambda found, before=before: f"${int(found[1]) + before}", words)  # type: ignore[misc]
        # the last part is done first; nothing rests on it, since the people are locked before, and each of the numbers waits for its lock
        written.insert(0, f"_{number} AS ({counted})")
        before += given
    return f"WITH {', '.join(written)} SELECT"


async def roll_back(conn: AsyncConnection) -> None:
    """Undo a transaction, whether or not it has begun, or has ended by itself: a full disk ends SQLite's."""
    starts(conn)
    if conn.dialect.name == "sqlite":
        await _driver(conn).undo()
    else:
        await straight(conn, "ROLLBACK")


def _read(conn: AsyncConnection, calls: Sequence[Call], found: Sequence[Any]) -> list[list[AnyRow]]:
    """Make rows of what these have found: the last of all that was run."""
    made = [statement.made(conn) for statement, _ in calls]
    unpacked = [orjson.loads(rows[0][0]) if each.packed else rows for each, rows in zip(made, found[-len(made) :], strict=True)]
    return [[each.row(one) for one in rows] for each, rows in zip(made, unpacked, strict=True)]


def is_lost(conn: AsyncConnection) -> bool:
    """Whether the writer's connection has ended: the server's end of it, or the process that holds it."""
    return bool(_driver(conn).is_closed())


def _steps(conn: AsyncConnection, calls: Sequence[Call]) -> list[Step]:
    plain = _plain if conn.dialect.name == "sqlite" else _as_it_is
    made = ((statement.made(conn), given) for statement, given in calls)
    return [(each.words, [plain(value) for value in each.values(given)]) for each, given in made]


def _driver(conn: AsyncConnection) -> Any:
    """The driver's own connection; asking SQLAlchemy for it in its own way costs as much as a short statement."""
    if conn.sync_connection is None:
        raise RuntimeError("this connection is not open")
    return conn.sync_connection.connection.driver_connection


async def _visited(conn: AsyncConnection, steps: Sequence[Step]) -> list[Any]:
    driver = _driver(conn)
    with what_waits(conn.info, driver) as waiting:
        if isinstance(driver, Connection):
            return await driver.run([*waiting, *steps])
        # aiosqlite itself offers one statement a visit
        return list(await driver._execute(_visit, driver._conn, [*waiting, *steps]))  # noqa: SLF001


def _visit(connection: sqlite3.Connection, steps: Sequence[Step]) -> list[list[tuple[Any, ...]]]:
    """Run in the thread of a connection that reads."""
    found = []
    for words, given in steps:
        try:
            found.append(connection.execute(words, given).fetchall())
        except sqlite3.Error as error:
            raise DBAPIError(words, None, error, hide_parameters=True) from error
    return found


async def _fetch(driver: Any, words: str, given: Sequence[Any]) -> list[Any]:
    try:
        return list(await driver.fetch(words, *given))
    except (asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        raise DBAPIError(words, None, error, hide_parameters=True, connection_invalidated=driver.is_closed()) from error


def _plain(value: Any) -> Any:
    """Give SQLite a time as it keeps it."""
    return value.astimezone(UTC).isoformat(" ", "microseconds")[:26] if isinstance(value, datetime) else value


def _as_it_is(value: Any) -> Any:
    return value
