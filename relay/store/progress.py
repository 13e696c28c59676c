"""How an alert's numbers grew, minute by minute, kept in the transaction that changes them."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Executable, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from relay.store import routine
from relay.store.sql import Kind, rows_as_json, rows_from_json
from relay.store.tables import progress
from relay.store.together import Call, Hot

#: of a person's numbers, those that are drawn over time; reminders that left are counted beside them
ANSWERS = ("acknowledged", "relayed")
REMINDED = "reminded"


class Growth:
    """Changes of one moment, added up before they are written: one upsert a batch."""

    def __init__(self) -> None:
        self.changes: Counter[tuple[int, int, str]] = Counter()

    def add(self, municipality_id: int, alert_id: int, change: Mapping[str, int]) -> None:
        """Add what of `change` is drawn over time."""
        for name in (*ANSWERS, REMINDED):
            self.changes[municipality_id, alert_id, name] += change.get(name, 0)


def writes(conn: AsyncConnection, growth: Growth, now: datetime) -> list[Call]:
    """Return the statement that writes the changes down under the minute of `now`, if there are any."""
    minute = now.replace(second=0, microsecond=0)
    rows = [
        {"municipality_id": town, "alert_id": alert_id, "minute": minute, "name": name, "value": value}
        for (town, alert_id, name), value in sorted(growth.changes.items())
        if value
    ]
    return [(_ADD, {"added": rows_as_json(conn, rows)})] if rows else []


def _add(conn: AsyncConnection) -> Executable:
    added = rows_from_json(conn, "added", _ADDED)
    # done with the other numbers in one statement, it may be the first of them: each waits for its turn before it touches a row
    rows = select(added).where(routine.in_turn(conn, routine.COUNTING)).order_by(added.c.alert_id)
    new = insert(progress).from_select(list(_ADDED), rows)
    keys = [progress.c.alert_id, progress.c.minute, progress.c.name]
    return new.on_conflict_do_update(index_elements=keys, set_={"value": progress.c.value + new.excluded.value})


_ADDED: dict[str, Kind] = {name: progress.c[name].type for name in ("municipality_id", "alert_id", "minute", "name", "value")}
_ADD = Hot(_add)


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """Where the numbers stood at the end of a minute; `reminded`: reminders that left in it."""

    minute: datetime
    acknowledged: int
    relayed: int
    reminded: int


async def read(conn: AsyncConnection, municipality_id: int, alert_id: int) -> list[Point]:
    """Return the minutes in which something changed, oldest first."""
    mine = (progress.c.alert_id == alert_id, progress.c.municipality_id == municipality_id)
    by_minute: dict[datetime, dict[str, int]] = {}
    for row in (await conn.execute(select(progress).where(*mine).order_by(progress.c.minute))).all():
        by_minute.setdefault(row.minute, {})[row.name] = row.value
    points: list[Point] = []
    sums = dict.fromkeys(ANSWERS, 0)
    for minute, values in by_minute.items():
        sums = {name: sums[name] + values.get(name, 0) for name in ANSWERS}
        points.append(Point(minute=minute, reminded=values.get(REMINDED, 0), **sums))
    return points
