"""The few idioms of SQL that the two databases share, under one spelling."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import orjson
from sqlalchemy import (
    CTE,
    BigInteger,
    ColumnElement,
    Select,
    Subquery,
    Table,
    Text,
    and_,
    any_,
    bindparam,
    cast,
    column,
    func,
    literal_column,
    select,
    text,
    type_coerce,
)
from sqlalchemy.dialects.postgresql import JSONB, Insert, insert
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.types import TypeEngine

#: what PostgreSQL's processes listen to
CHANNEL = "budstikke"

Kind = TypeEngine[Any] | type[TypeEngine[Any]]

# PostgreSQL's Insert is used for both: SQLite took ON CONFLICT over word for word, and its compiler reads the same object.


def insert_ignore(table: Table) -> Insert:
    """Insert the rows that violate no unique constraint; add `.returning(…)` to learn which those were."""
    return insert(table).on_conflict_do_nothing()


def upsert(table: Table, keys: Sequence[str], *, replace: Sequence[str] = (), add: Sequence[str] = ()) -> Insert:
    """Insert, or where a row has the same `keys` already, overwrite the columns `replace` and add onto the columns `add`."""
    statement = insert(table)
    new = statement.excluded
    values = {name: new[name] for name in replace} | {name: table.c[name] + new[name] for name in add}
    return statement.on_conflict_do_update(index_elements=list(keys), set_=values)


def rows_from_json(conn: AsyncConnection, name: str, columns: Mapping[str, Kind]) -> Subquery:
    """Return a table `name` to select and to update from; its rows are bound when executing: {name: rows_as_json(conn, rows)}.

    One statement then does a whole batch, the same for any number of rows. Sealed columns do not fit (JSON has no bytes):
    insert those with a list of rows. RETURNING may name columns of the changed table only, and INSERT … SELECT … ON CONFLICT
    needs a WHERE or ORDER BY: both are SQLite's.
    """
    return _from_json(conn, name, columns).subquery(name)


def table_from_json(conn: AsyncConnection, name: str, columns: Mapping[str, Kind]) -> CTE:
    """Return such a table, read once and kept: for joins. SQLite reads `rows_from_json` anew for each row of the other side."""
    return _from_json(conn, name, columns).cte(name).prefix_with("MATERIALIZED")


def _from_json(conn: AsyncConnection, name: str, columns: Mapping[str, Kind]) -> Select[Any]:
    if conn.dialect.name == "sqlite":
        each = func.json_each(bindparam(name)).table_valued("value", name=f"{name}_each")
        values = [type_coerce(func.json_extract(each.c.value, f"$.{key}"), kind).label(key) for key, kind in columns.items()]
        return select(*values).select_from(each)
    typed = [column(key, kind) for key, kind in columns.items()]
    each = func.jsonb_to_recordset(cast(bindparam(name, type_=Text), JSONB)).table_valued(*typed, name=f"{name}_each")
    return select(*each.render_derived(with_types=True).c)


def among(conn: AsyncConnection, of: ColumnElement[Any], name: str) -> ColumnElement[bool]:
    """Say that a column holds one of any number of ids, bound as a JSON array of them: {name: ids_as_json(ids)}.

    PostgreSQL takes an array for short, and goes by the column's index; behind IN it read the whole table of a night.
    """
    return one_of(conn, of, ids_from_json(conn, name))


def one_of(conn: AsyncConnection, of: ColumnElement[Any], ids: Select[Any]) -> ColumnElement[bool]:
    """Say the same of a few keys that a query finds."""
    return of.in_(ids) if conn.dialect.name == "sqlite" else of == any_(func.array(ids.scalar_subquery()))


def by_key(conn: AsyncConnection, of: ColumnElement[Any], row: ColumnElement[Any], name: str) -> ColumnElement[bool]:
    """Join a table to rows of JSON by the key `of`, whose values are bound once more: {name: ids_as_json(ids)}.

    PostgreSQL believes that a hundred rows come, keeps the plan that it made while the table was short, and reads it whole from then on.
    """
    return of == row if conn.dialect.name == "sqlite" else and_(of == row, among(conn, of, name))


def ids_from_json(conn: AsyncConnection, name: str) -> Select[int]:
    """Return the ids of a JSON array as rows."""
    each = _each_of_json(conn, name)
    return select(each if conn.dialect.name == "sqlite" else cast(each, BigInteger))


def words_from_json(conn: AsyncConnection, name: str) -> Select[str]:
    """Return the words of a JSON array as rows."""
    return select(_each_of_json(conn, name))


def _each_of_json(conn: AsyncConnection, name: str) -> ColumnElement[Any]:
    array = bindparam(name, type_=Text)
    if conn.dialect.name == "sqlite":
        value: ColumnElement[Any] = func.json_each(array).table_valued("value", name=f"{name}_each").c.value
        return value
    return func.jsonb_array_elements_text(cast(array, JSONB)).column_valued(f"{name}_each")


def element(conn: AsyncConnection, ids: ColumnElement[Any], place: ColumnElement[int]) -> ColumnElement[int]:
    """Return the id at a place of a JSON array that is a row's value; the first is at 0."""
    if conn.dialect.name == "sqlite":
        return func.json_extract(ids, func.printf("$[%d]", place), type_=BigInteger)
    return cast(ids.op("->>")(place), BigInteger)


def ids_found(conn: AsyncConnection, of: ColumnElement[int]) -> ColumnElement[str]:
    """Return all ids of a group as the one value that `among` reads: they go from one statement to the next as they are."""
    if conn.dialect.name == "sqlite":
        # json_group_array's result would stand in a packed row as an array, and no longer as a text
        return func.printf(literal_column("'[%s]'"), func.group_concat(of), type_=Text)
    return cast(func.json_agg(of), Text)


def ids_together(found: Sequence[str]) -> str:
    """Return several such values as one."""
    return f"[{','.join(ids.strip('[]') for ids in found)}]"


def ids_as_json(ids: Iterable[int]) -> str:
    """Return `ids` as the one value that `among` and `ids_from_json` read."""
    return orjson.dumps(sorted(ids)).decode()


def words_as_json(words: Iterable[str]) -> str:
    """Return `words` as the one value that `words_from_json` reads."""
    return orjson.dumps(sorted(words)).decode()


def as_json(rows: Sequence[Mapping[str, Any]]) -> str:
    """Return `rows` without times as the one value that `rows_from_json` reads, on any database."""
    return orjson.dumps(rows).decode()


def rows_as_json(conn: AsyncConnection, rows: Iterable[Mapping[str, Any]]) -> str:
    """Return `rows` as the one value that `rows_from_json` reads. Times must be aware."""
    moment = _moment if conn.dialect.name == "sqlite" else _moment_with_zone
    return orjson.dumps(list(rows), default=moment, option=orjson.OPT_PASSTHROUGH_DATETIME).decode()


def _moment(value: object) -> str:
    """Write a time as SQLite keeps it."""
    if isinstance(value, datetime) and value.tzinfo is not None:
        return value.astimezone(UTC).isoformat(" ", "microseconds")[:26]
    raise TypeError(f"{value!r} does not fit in JSON")


def _moment_with_zone(value: object) -> str:
    return f"{_moment(value)}+00"


async def analyze(conn: AsyncConnection, *tables: Table) -> None:
    """Let PostgreSQL count its tables now, not in a minute: what has just grown it takes for small, and reads it whole."""
    if conn.dialect.name == "postgresql":
        await conn.execute(text(f"ANALYZE {', '.join(table.name for table in tables)}"))


async def announce(conn: AsyncConnection) -> None:
    """Wake the other processes once this transaction is committed: there is work. SQLite's notice every commit by themselves."""
    if conn.dialect.name == "postgresql":
        await conn.execute(text(f"NOTIFY {CHANNEL}"))
