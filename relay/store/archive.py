"""The whole database as one stream of lines: backup, restore, and the move from SQLite to PostgreSQL are the same three steps.

    read     one transaction's view of every table, while everybody goes on working
    write    into an empty database of the same version, whole or not at all
    compare  each table's count and checksum, on both sides

What is sealed stays sealed: the lines hold ciphertext, and the keys are not among them. A line is JSON: a table's head, then its rows.
"""

import json
from base64 import b64decode, b64encode
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from hashlib import sha256
from typing import Any

from sqlalchemy import Column, Date, DateTime, LargeBinary, Table, Time, bindparam, func, insert, select, text, type_coerce, update
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.types import TypeDecorator

from relay.model import BadInput, NotAllowed
from relay.store.columns import Sealed
from relay.store.tables import Base

#: first words of an archive, and the form that this program writes
MARK, FORM = "budstikke-archive", 1
#: rows that travel together
BATCH = 1000
#: what belongs to the machine that wrote it, and not to the installation
NOT_TAKEN = frozenset({"worker"})

Row = list[Any]


@dataclass(frozen=True, slots=True)
class Sum:
    """What a table holds: two databases with equal sums hold the same rows."""

    rows: int
    sha256: str


@dataclass(frozen=True, slots=True)
class _Kind:
    """How one kind of value becomes JSON and comes back."""

    out: Callable[[Any], Any]
    back: Callable[[Any], Any]


def _utc(value: datetime) -> str:
    return value.astimezone(UTC).isoformat()


_PLAIN = _Kind(lambda value: value, lambda value: value)
#: by SQLAlchemy type; the first that fits
_KINDS: Mapping[type, _Kind] = {
    LargeBinary: _Kind(lambda value: b64encode(bytes(value)).decode(), b64decode),
    DateTime: _Kind(_utc, datetime.fromisoformat),
    Date: _Kind(date.isoformat, date.fromisoformat),
    Time: _Kind(time.isoformat, time.fromisoformat),
}


def tables() -> list[Table]:
    """Return every table, those that others point to first."""
    return [table for table in Base.metadata.sorted_tables if table.name not in NOT_TAKEN]


def _kind(column: Column[Any]) -> _Kind:
    plain = column.type.impl_instance if isinstance(column.type, TypeDecorator) else column.type
    return next((kind for base, kind in _KINDS.items() if isinstance(plain, base)), _PLAIN)


# --- reading ------------------------------------------------------------------------------------------------------------


async def lines(conn: AsyncConnection, version: str, now: datetime) -> AsyncIterator[str]:
    """Yield the archive of what `conn` sees; the last line has the sums."""
    yield json.dumps({MARK: FORM, "version": version, "at": now.isoformat()})
    sums: dict[str, Sum] = {}
    for table in tables():
        yield json.dumps({"table": table.name, "columns": [column.name for column in table.columns]})
        digest, count = sha256(), 0
        async for row in _rows(conn, table):
            line = json.dumps(row, ensure_ascii=False, separators=(",", ":"), sort_keys=True)
            digest.update(line.encode("utf-8", "surrogatepass"))
            count += 1
            yield line
        sums[table.name] = Sum(count, digest.hexdigest())
    yield json.dumps({"sums": {name: [one.rows, one.sha256] for name, one in sums.items()}})


async def _rows(conn: AsyncConnection, table: Table) -> AsyncIterator[Row]:
    """Yield a table's rows in the order of its key, sealed columns as they lie."""
    columns = [type_coerce(column, LargeBinary) if isinstance(column.type, Sealed) else column for column in table.columns]
    kinds = [_kind(column) for column in table.columns]
    result = await conn.stream(select(*columns).order_by(*table.primary_key.columns))
    async for batch in result.partitions(BATCH):
        for row in batch:
            yield [None if value is None else kind.out(value) for value, kind in zip(row, kinds, strict=True)]


def made_at(first_line: str) -> datetime:
    """Return when an archive was made. BadInput for what is none."""
    head = _json(first_line)
    if not isinstance(head, dict) or MARK not in head:
        raise BadInput("This is no archive of Budstikke.")
    return datetime.fromisoformat(head["at"])


def told(last_line: str) -> dict[str, Sum]:
    """Return the sums that an archive's last line holds."""
    return {name: Sum(*one) for name, one in json.loads(last_line)["sums"].items()}


async def sums(conn: AsyncConnection) -> dict[str, Sum]:
    """Return the sum of every table."""
    found: dict[str, Sum] = {}
    for table in tables():
        digest, count = sha256(), 0
        async for row in _rows(conn, table):
            digest.update(json.dumps(row, ensure_ascii=False, separators=(",", ":"), sort_keys=True).encode("utf-8", "surrogatepass"))
            count += 1
        found[table.name] = Sum(count, digest.hexdigest())
    return found


# --- writing ------------------------------------------------------------------------------------------------------------


async def load(conn: AsyncConnection, archive: Iterable[str], version: str) -> dict[str, Sum]:
    """Write an archive into the empty tables of `conn` and return its sums. BadInput for a broken one, NotAllowed where rows are."""
    await _must_be_empty(conn)
    stream = iter(archive)
    _check_head(next(stream, ""), version)
    by_name = {table.name: table for table in tables()}
    writer: _Writer | None = None
    for line in stream:
        value = _json(line)
        if isinstance(value, list) and writer is not None:
            await writer.add(value, line)
            continue
        if writer is not None:
            await writer.close()
        if not isinstance(value, dict):
            raise BadInput("This is no archive of Budstikke: a row stands before any table.")
        if "sums" in value:
            await _renumber(conn)
            return told(line)
        writer = _Writer(conn, _known(by_name, value), value["columns"])
    raise BadInput("The archive ends too early: it was cut off. Use another one.")


def _known(by_name: Mapping[str, Table], head: Mapping[str, Any]) -> Table:
    if head.get("table") not in by_name:
        raise BadInput("The archive holds a table that this program does not know. Install the program's version that wrote it.")
    return by_name[head["table"]]


def _check_head(line: str, version: str) -> None:
    head = _json(line)
    if not isinstance(head, dict) or head.get(MARK) != FORM:
        raise BadInput("This is no archive of Budstikke.")
    if head["version"] != version:
        raise BadInput(
            f"The archive has version {head['version']}, this program {version}. Install the program that wrote it, restore, then upgrade."
        )


def _json(line: str) -> Any:
    try:
        return json.loads(line)
    except ValueError as error:
        raise BadInput("The archive is damaged. Use another one.") from error


async def _must_be_empty(conn: AsyncConnection) -> None:
    for table in tables():
        if (await conn.execute(select(func.count()).select_from(table))).scalar_one():
            raise NotAllowed(f"The database is not empty: there are rows in {table.name}. Restore into a new one.")


class _Writer:
    """Takes one table's rows, in batches. What points into the table itself is set when all its rows are there."""

    def __init__(self, conn: AsyncConnection, table: Table, columns: list[str]) -> None:
        self._conn, self._table, self._columns = conn, table, columns
        self._kinds = [_kind(table.columns[name]) for name in columns]
        self._inward = [name for name in columns if any(key.column.table is table for key in table.columns[name].foreign_keys)]
        raw = {name: bindparam(name, type_=LargeBinary) for name in columns if isinstance(table.columns[name].type, Sealed)}
        self._insert = insert(table).values({name: raw.get(name, bindparam(name)) for name in columns})
        self._rows: list[dict[str, Any]] = []
        self._later: list[dict[str, Any]] = []

    async def add(self, row: Row, line: str) -> None:
        """Take one row."""
        if len(row) != len(self._columns):
            raise BadInput(f"The archive is damaged in {self._table.name}: {line[:60]}")
        values = (None if one is None else kind.back(one) for one, kind in zip(row, self._kinds, strict=True))
        made = dict(zip(self._columns, values, strict=True))
        inward = {name: made[name] for name in self._inward if made[name] is not None}
        if inward:
            self._later.append({"b_id": made["id"]} | {f"b_{name}": inward.get(name) for name in self._inward})
            made |= dict.fromkeys(inward)
        self._rows.append(made)
        if len(self._rows) >= BATCH:
            await self._flush()

    async def _flush(self) -> None:
        if self._rows:
            await self._conn.execute(self._insert, self._rows)
        self._rows = []

    async def close(self) -> None:
        """Write what is left, then what points inward."""
        await self._flush()
        if self._later:
            values: dict[str, Any] = {name: bindparam(f"b_{name}") for name in self._inward}
            await self._conn.execute(update(self._table).where(self._table.c.id == bindparam("b_id")).values(values), self._later)


async def _renumber(conn: AsyncConnection) -> None:
    """Let PostgreSQL count on from the highest id of every table; SQLite does so by itself."""
    if conn.dialect.name != "postgresql":
        return
    for table in (one for one in tables() if "id" in one.columns):
        owned = (await conn.execute(text("SELECT pg_get_serial_sequence(:name, 'id')"), {"name": f'"{table.name}"'})).scalar()
        if owned:
            highest = (await conn.execute(select(func.max(table.c.id)))).scalar()
            await conn.execute(text("SELECT setval(CAST(:sequence AS regclass), :highest)"), {"sequence": owned, "highest": highest or 1})
