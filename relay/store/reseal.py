"""A change of keys: everything that is sealed is sealed anew under the newest one, a few rows at a time, while everybody works on.

What is done already shows by the first byte of each value, its key's number: an interrupted run is simply started again.
"""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Column, ColumnElement, LargeBinary, Table, and_, bindparam, func, or_, select, tuple_, type_coerce, update
from sqlalchemy.ext.asyncio import AsyncConnection

from relay.store import sealing
from relay.store.columns import AnyRow, Sealed
from relay.store.engine import Store
from relay.store.tables import Base

#: rows in one transaction
AT_ONCE = 500


def sealed_columns() -> dict[Table, list[Column[Any]]]:
    """Return every column that is sealed, by its table."""
    found = {table: [column for column in table.columns if isinstance(column.type, Sealed)] for table in Base.metadata.sorted_tables}
    return {table: columns for table, columns in found.items() if columns}


async def reseal(store: Store, *, at_once: int = AT_ONCE) -> dict[str, int]:
    """Seal everything under the newest key; return how many rows of each table changed. Unreadable where no key opens a value."""
    done = {}
    for table, columns in sealed_columns().items():
        done[table.name] = await _table(store, table, columns, at_once)
    return done


async def left(conn: AsyncConnection) -> dict[str, int]:
    """Return how many rows of each table hold something under an older key; tables without any are not named."""
    found = {}
    for table, columns in sealed_columns().items():
        found[table.name] = int((await conn.execute(select(func.count()).select_from(table).where(_older(columns)))).scalar_one())
    return {name: number for name, number in found.items() if number}


async def _table(store: Store, table: Table, columns: Sequence[Column[Any]], at_once: int) -> int:
    """Walk a table by its primary key, so that no row is looked at twice."""
    key, changed = list(table.primary_key.columns), 0
    after: tuple[Any, ...] | None = None
    while True:
        async with store.write() as conn:
            rows = (await conn.execute(_next(columns, key, after).limit(at_once))).all()
            if rows:
                await conn.execute(_write(table, columns, key), [_anew(row, columns, key) for row in rows])
        changed += len(rows)
        if len(rows) < at_once:
            return changed
        after = tuple(getattr(rows[-1], column.name) for column in key)


def _raw(column: Column[Any]) -> ColumnElement[bytes]:
    return type_coerce(column, LargeBinary())


def _older(columns: Sequence[Column[Any]]) -> ColumnElement[bool]:
    newest = bytes([sealing.keyring().newest])
    first = (and_(column.is_not(None), func.substr(_raw(column), 1, 1, type_=LargeBinary()) != newest) for column in columns)
    return or_(*first)


def _next(columns: Sequence[Column[Any]], key: Sequence[Column[Any]], after: tuple[Any, ...] | None) -> Any:
    rows = select(*key, *(_raw(column).label(column.name) for column in columns)).where(_older(columns)).order_by(*key).with_for_update()
    if after is None:
        return rows
    return rows.where(tuple_(*key) > tuple_(*after)) if len(key) > 1 else rows.where(key[0] > after[0])


def _write(table: Table, columns: Sequence[Column[Any]], key: Sequence[Column[Any]]) -> Any:
    mine = (column == bindparam(f"at_{column.name}") for column in key)
    return update(table).where(*mine).values({column.name: bindparam(f"new_{column.name}", type_=LargeBinary()) for column in columns})


def _anew(row: AnyRow, columns: Sequence[Column[Any]], key: Sequence[Column[Any]]) -> dict[str, Any]:
    keys, values = sealing.keyring(), {f"at_{column.name}": getattr(row, column.name) for column in key}
    for column in columns:
        place, old = column.type.place, getattr(row, column.name)  # type: ignore[attr-defined]
        values[f"new_{column.name}"] = None if old is None else keys.seal(keys.open(bytes(old), place), place)
    return values
