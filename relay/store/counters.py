"""The numbers of the reach board, kept in the transaction that changes what they count."""

from collections import Counter
from collections.abc import Mapping
from typing import Any

from sqlalchemy import select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from relay.store.tables import counter


class Sums:
    """Changes to counters, added up before they are written: one upsert a batch."""

    def __init__(self) -> None:
        self.changes: Counter[tuple[int, int, int, str, str]] = Counter()

    def add(self, municipality_id: int, alert_id: int, group_id: int, channel: str, change: Mapping[str, int]) -> None:
        """Add `change` to an alert's numbers; group 0 is the whole alert, channel "" counts people."""
        for name, value in change.items():
            self.changes[municipality_id, alert_id, group_id, channel, name] += value


async def write(conn: AsyncConnection, sums: Sums) -> None:
    """Upsert the changes in the order of their keys, so that two writers never wait for one another crosswise."""
    rows = [
        {"municipality_id": key[0], "alert_id": key[1], "group_id": key[2], "channel": key[3], "name": key[4], "value": value}
        for key, value in sorted(sums.changes.items())
        if value
    ]
    if not rows:
        return
    dialect: Any = sqlite if conn.dialect.name == "sqlite" else postgresql
    insert = dialect.insert(counter)
    keys = [counter.c.alert_id, counter.c.group_id, counter.c.channel, counter.c.name]
    await conn.execute(insert.on_conflict_do_update(index_elements=keys, set_={"value": counter.c.value + insert.excluded.value}), rows)


async def read(conn: AsyncConnection, alert_id: int) -> dict[tuple[int, str], dict[str, int]]:
    """Return an alert's numbers by (group, channel)."""
    numbers: dict[tuple[int, str], dict[str, int]] = {}
    for row in (await conn.execute(select(counter).where(counter.c.alert_id == alert_id))).all():
        numbers.setdefault((row.group_id, row.channel), {})[row.name] = row.value
    return numbers
