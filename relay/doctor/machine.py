"""The machine and the database underneath: room on the disk, a backup that is young, and a commit that is on the disk when it says so."""

import os
import shutil
from datetime import datetime, timedelta
from pathlib import Path

from channels.base import Check
from relay.settings import PREFIX, Settings
from relay.store import durable, remembered, restored
from relay.store.engine import Store

#: bytes
MIB = 1024**2


async def checks(store: Store, settings: Settings, now: datetime) -> list[Check]:
    """Look at disk, backup and durability."""
    return [*disk(store, settings), await _durable(store), await _backup(store, settings, now), *await _restored(store)]


def disk(store: Store, settings: Settings) -> list[Check]:
    """Judge the room where a SQLite file lies; PostgreSQL's disk is its own machine's to watch."""
    if store.dialect != "sqlite":
        return []
    folder = Path(str(store.url.database)).absolute().parent
    room = shutil.disk_usage(folder)
    words = f"{room.free // MIB} MiB free of {room.total // MIB} at {folder}"
    remedy = "Make room: a full disk stops every message. Old backups and logs are the usual guests."
    low = room.free < settings.disk_free_mb * MIB
    return [Check("disk", ok=not low, words=words, remedy=remedy), _writable(folder)]


def _writable(folder: Path) -> Check:
    well = os.access(folder, os.W_OK)
    remedy = "Give this user the right to write there: SQLite makes files beside the database."
    return Check("database folder", ok=well, words=f"{folder} {'can' if well else 'cannot'} be written to", remedy=remedy)


async def _durable(store: Store) -> Check:
    """A commit that a power cut takes back is a message sent twice, or an answer that was never there."""
    lax = await durable.lax(store)
    words = ", ".join(f"{name} is {value}" for name, value in lax.items()) or "on the disk before we go on"
    remedy = (
        "This program was changed, or an extension of its: let its connections say PRAGMA synchronous=FULL again, and start it anew."
        if store.dialect == "sqlite"
        else "Set it back in postgresql.conf (fsync, full_page_writes, synchronous_commit: on), and reload."
    )
    return Check("commits", ok=not lax, words=words, remedy=remedy)


async def _backup(store: Store, settings: Settings, now: datetime) -> Check:
    async with store.read() as conn:
        at = await remembered.moment(conn, remembered.LAST_BACKUP)
    remedy = "Run `budstikke backup FILE`, and look why its timer does not (systemctl list-timers)."
    if at is None:
        return Check("backup", ok=False, words="none yet", remedy=remedy, grave=False)
    age = now - at
    well = age <= timedelta(hours=settings.backup_hours)
    words = f"{_spell(age)} old" if well else f"{_spell(age)} old, older than {settings.backup_hours:.0f} h ({PREFIX}BACKUP_HOURS)"
    return Check("backup", ok=well, words=words, remedy=remedy, grave=False)


async def _restored(store: Store) -> list[Check]:
    """What waits since a restore, because it may have left before; nothing to tell where nothing does."""
    async with store.read() as conn:
        found, kept = await restored.pending(conn), await restored.held(conn)
    if not (found or kept):
        return []
    since = f" since the backup of {found.since.astimezone():%Y-%m-%d %H:%M}" if found else ""
    what = "nothing else leaves" if found and found.held is not None else "what was released anew waits for that"
    words = f"it is being looked for what left{since}, {what}" if found else f"{kept} messages may have left before, and wait for you"
    remedy = "`budstikke serve` asks the providers; if they cannot be asked, run: budstikke restore --release"
    return [Check("restored", ok=False, words=words, remedy=remedy)]


def _spell(age: timedelta) -> str:
    hours = age.total_seconds() / 3600
    return f"{hours / 24:.0f} days" if hours >= 48 else f"{hours:.1f} h"
