"""Whether a commit is on the disk when it says so: asked of the connection that writes, since that is where it counts."""

from collections.abc import Mapping

from relay.store.engine import Store

#: what must be so; SQLite numbers its levels, and 2 is FULL
SQLITE = {"synchronous": ("2", "3"), "journal_mode": ("wal",)}
POSTGRESQL = {"fsync": ("on",), "full_page_writes": ("on",), "synchronous_commit": ("on", "remote_write", "remote_apply")}
#: what SQLite's numbers are called
LEVELS = {"synchronous": {"0": "OFF", "1": "NORMAL", "2": "FULL", "3": "EXTRA"}}


async def lax(store: Store) -> Mapping[str, str]:
    """Return every setting under which a committed row may be lost at a power cut, with its value."""
    wanted, ask = (SQLITE, "PRAGMA {}") if store.dialect == "sqlite" else (POSTGRESQL, "SHOW {}")
    found = {}
    async with store.write() as conn:
        for name in wanted:
            found[name] = str((await conn.exec_driver_sql(ask.format(name))).scalar_one()).lower()
    return {name: LEVELS.get(name, {}).get(value, value) for name, value in found.items() if value not in wanted[name]}
