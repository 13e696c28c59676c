"""The few idioms of SQL that the two databases share, under one spelling."""

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Subquery, Table, Text, bindparam, cast, column, func, select, text, type_coerce, update
from sqlalchemy.dialects.postgresql import JSONB, Insert, insert
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.types import TypeEngine

from relay.store.tables import Municipality, counter, event

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
    if conn.dialect.name == "sqlite":
        each = func.json_each(bindparam(name)).table_valued("value", name=f"{name}_each")
        values = [type_coerce(func.json_extract(each.c.value, f"$.{key}"), kind).label(key) for key, kind in columns.items()]
        return select(*values).select_from(each).subquery(name)
    typed = [column(key, kind) for key, kind in columns.items()]
    each = func.jsonb_to_recordset(cast(bindparam(name, type_=Text), JSONB)).table_valued(*typed, name=f"{name}_each")
    return select(*each.render_derived(with_types=True).c).subquery(name)


def rows_as_json(conn: AsyncConnection, rows: Iterable[Mapping[str, Any]]) -> str:
    """Return `rows` as the one value that `rows_from_json` reads. Times must be aware."""
    zone = "" if conn.dialect.name == "sqlite" else "+00"

    def moment(value: object) -> str:
        if isinstance(value, datetime) and value.tzinfo is not None:
            return value.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S.%f") + zone
        raise TypeError(f"{value!r} does not fit in JSON")

    return json.dumps(list(rows), default=moment, ensure_ascii=False)


# --- counters and events: every batch takes their locks in the same order, counters first, so that no two wait for each other ------


@dataclass(frozen=True, slots=True, order=True)
class Count:
    """A change of one counter by `by`. Group 0 is the whole alert; channel "" counts people, else messages."""

    alert_id: int
    group_id: int
    channel: str
    name: str
    municipality_id: int
    by: int = 1


COUNTER_KEY = ("alert_id", "group_id", "channel", "name")
_COUNTER = {key: counter.c[key].type for key in (*COUNTER_KEY, "municipality_id", "value")}
_ADD = upsert(counter, COUNTER_KEY, add=["value"])


async def add_to_counters(conn: AsyncConnection, changes: Iterable[Count]) -> None:
    """Add up `changes` and apply them in one statement, in the order of their keys. Once a transaction, before its events."""
    sums: Counter[tuple[int, int, str, str, int]] = Counter()
    for change in changes:
        sums[change.alert_id, change.group_id, change.channel, change.name, change.municipality_id] += change.by
    rows = [dict(zip(_COUNTER, (*key, value), strict=True)) for key, value in sorted(sums.items()) if value]
    if not rows:
        return
    new = rows_from_json(conn, "new", _COUNTER)
    statement = _ADD.from_select(list(_COUNTER), select(*new.c).order_by(*(new.c[key] for key in COUNTER_KEY)))
    await conn.execute(statement, {"new": rows_as_json(conn, rows)})


async def next_event_numbers(conn: AsyncConnection, municipality_id: int, count: int) -> range:
    """Take `count` numbers for events of a municipality. Held until the commit, so that whoever reads number n can read all before it."""
    statement = (
        update(Municipality)
        .where(Municipality.id == municipality_id)
        .values(last_event=Municipality.last_event + count)
        .returning(Municipality.last_event)
    )
    last = (await conn.execute(statement)).scalar_one()
    return range(last - count + 1, last + 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Happening:
    """An event before it has its number."""

    municipality_id: int
    kind: str
    at: datetime
    alert_id: int | None = None
    data: Mapping[str, Any] = field(default_factory=dict)


async def add_events(conn: AsyncConnection, happenings: Iterable[Happening]) -> None:
    """Number and write events, municipality by municipality. Last in a transaction: their lock is the one that all share."""
    by_town: defaultdict[int, list[Happening]] = defaultdict(list)
    for happening in happenings:
        by_town[happening.municipality_id].append(happening)
    for municipality_id, found in sorted(by_town.items()):
        numbers = await next_event_numbers(conn, municipality_id, len(found))
        await conn.execute(insert(event), [_row(number, one) for number, one in zip(numbers, found, strict=True)])


def _row(number: int, happening: Happening) -> dict[str, Any]:
    return {
        "municipality_id": happening.municipality_id,
        "number": number,
        "alert_id": happening.alert_id,
        "kind": happening.kind,
        "data": dict(happening.data),
        "at": happening.at,
    }


async def announce(conn: AsyncConnection) -> None:
    """Wake the other processes once this transaction is committed: there is work. SQLite's notice every commit by themselves."""
    if conn.dialect.name == "postgresql":
        await conn.execute(text(f"NOTIFY {CHANNEL}"))
