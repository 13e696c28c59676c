"""The numbers of the reach board, kept in the transaction that changes what they count."""

from collections import Counter
from collections.abc import Mapping
from typing import Any

import orjson
from sqlalchemy import BigInteger, Executable, Select, Text, func, literal, select, true
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from relay.store import routine
from relay.store.sql import Kind, among, rows_as_json, rows_from_json
from relay.store.tables import counter, recipient_group
from relay.store.together import Call, Hot, given, together


class Sums:
    """Changes to counters, added up before they are written: one upsert a batch."""

    def __init__(self) -> None:
        self.changes: Counter[tuple[int, int, int, str, str]] = Counter()

    def add(self, municipality_id: int, alert_id: int, group_id: int, channel: str, change: Mapping[str, int]) -> None:
        """Add `change` to an alert's numbers; group 0 is the whole alert, channel "" counts people."""
        for name, value in change.items():
            self.changes[municipality_id, alert_id, group_id, channel, name] += value


async def write(conn: AsyncConnection, sums: Sums) -> None:
    """Upsert the changes."""
    if calls := writes(conn, sums):
        await together(conn, *calls)


def writes(conn: AsyncConnection, sums: Sums) -> list[Call]:
    """Return the statement that upserts the changes in the order of their keys: two writers never wait for one another crosswise."""
    rows = [dict(zip(_KEYS, key, strict=True)) | {"value": value} for key, value in sorted(sums.changes.items()) if value]
    return [(_ADD, {"added": rows_as_json(conn, rows)})] if rows else []


def in_groups(municipality_id: int, alert_id: int, ids: str, change: Mapping[str, int]) -> Call:
    """Return the statement that adds `change` to every group of each of these people (recipients' ids, as JSON)."""
    rows = [{"name": name, "value": value} for name, value in change.items()]
    return _ADD_IN_GROUPS, {"municipality_id": municipality_id, "alert_id": alert_id, "ids": ids, "change": orjson.dumps(rows).decode()}


def _add(conn: AsyncConnection) -> Executable:
    added = rows_from_json(conn, "added", _KEYS | {"value": BigInteger})
    # INSERT ... SELECT ... ON CONFLICT wants an ORDER BY on SQLite
    return _upsert(conn, select(added).order_by(added.c.alert_id))


def _add_in_groups(conn: AsyncConnection) -> Executable:
    change = rows_from_json(conn, "change", {"name": Text, "value": BigInteger})
    whose = given({"municipality_id": BigInteger, "alert_id": BigInteger})
    # each of their groups with each name: a product, and meant as one
    theirs = (
        select(*whose.values(), recipient_group.c.group_id, literal("").label("channel"), change.c.name)
        .add_columns((change.c.value * func.count()).label("value"))
        .select_from(recipient_group.join(change, true()))
        .where(among(conn, recipient_group.c.recipient_id, "ids"))
        .group_by(recipient_group.c.group_id, change.c.name, change.c.value)
        .order_by(recipient_group.c.group_id, change.c.name)
    )
    return _upsert(conn, theirs)


def _upsert(conn: AsyncConnection, rows: Select[Any]) -> Executable:
    """Add to the numbers, one turn at a time: all count in the same few rows."""
    new = insert(counter).from_select([*_KEYS, "value"], rows.where(routine.in_turn(conn, routine.COUNTING)))
    keys = [counter.c.alert_id, counter.c.group_id, counter.c.channel, counter.c.name]
    return new.on_conflict_do_update(index_elements=keys, set_={"value": counter.c.value + new.excluded.value})


_KEYS: dict[str, Kind] = {"municipality_id": BigInteger, "alert_id": BigInteger, "group_id": BigInteger, "channel": Text, "name": Text}
_ADD, _ADD_IN_GROUPS = Hot(_add), Hot(_add_in_groups)


async def read(conn: AsyncConnection, alert_id: int) -> dict[tuple[int, str], dict[str, int]]:
    """Return an alert's numbers by (group, channel)."""
    numbers: dict[tuple[int, str], dict[str, int]] = {}
    for row in (await conn.execute(select(counter).where(counter.c.alert_id == alert_id))).all():
        numbers.setdefault((row.group_id, row.channel), {})[row.name] = row.value
    return numbers
