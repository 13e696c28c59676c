"""The machine and the database underneath: room on the disk, a backup that is young, and a commit that is on the disk when it says so."""

import os
import shutil
from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path

from channels.base import Check
from channels.told import Told
from relay.doctor.spells import spell
from relay.settings import PREFIX, Settings
from relay.store import durable, remembered, restored
from relay.store.engine import Store

#: bytes
MIB = 1024**2
#: how commits become durable again, by database
DURABLE: Mapping[str, Told] = {
    "sqlite": Told(
        "This program was changed, or an extension of its: let its connections say PRAGMA synchronous=FULL again, and start it anew."
    ),
    "postgresql": Told("Set it back in postgresql.conf (fsync, full_page_writes, synchronous_commit: on), and reload."),
}


async def checks(store: Store, settings: Settings, now: datetime) -> list[Check]:
    """Look at disk, backup and durability."""
    return [*disk(store, settings), await _durable(store), await _backup(store, settings, now), *await _restored(store)]


def disk(store: Store, settings: Settings) -> list[Check]:
    """Judge the room where a SQLite file lies; PostgreSQL's disk is its own machine's to watch."""
    if store.dialect != "sqlite":
        return []
    folder = Path(str(store.url.database)).absolute().parent
    room = shutil.disk_usage(folder)
    words = Told("%(free)s MiB free of %(total)s at %(folder)s", free=room.free // MIB, total=room.total // MIB, folder=folder)
    remedy = Told("Make room: a full disk stops every message. Old backups and logs are the usual guests.")
    low = room.free < settings.disk_free_mb * MIB
    return [Check(Told("disk"), ok=not low, words=words, remedy=remedy), _writable(folder)]


def _writable(folder: Path) -> Check:
    well = os.access(folder, os.W_OK)
    words = Told("%(folder)s can be written to", folder=folder) if well else Told("%(folder)s cannot be written to", folder=folder)
    remedy = Told("Give this user the right to write there: SQLite makes files beside the database.")
    return Check(Told("database folder"), ok=well, words=words, remedy=remedy)


async def _durable(store: Store) -> Check:
    """A commit that a power cut takes back is a message sent twice, or an answer that was never there."""
    lax = await durable.lax(store)
    set_to = ", ".join(f"{name} = {value}" for name, value in lax.items())
    words = Told("may be lost: %(settings)s", settings=set_to) if lax else Told("on the disk before we go on")
    return Check(Told("commits"), ok=not lax, words=words, remedy=DURABLE[store.dialect])


async def _backup(store: Store, settings: Settings, now: datetime) -> Check:
    async with store.read() as conn:
        at = await remembered.moment(conn, remembered.LAST_BACKUP)
    remedy = Told("Run `budstikke backup FILE`, and look why its timer does not (systemctl list-timers).")
    if at is None:
        return Check(Told("backup"), ok=False, words=Told("none yet"), remedy=remedy, grave=False)
    age = now - at
    well = age <= timedelta(hours=settings.backup_hours)
    most, setting = f"{settings.backup_hours:.0f}", f"{PREFIX}BACKUP_HOURS"
    old = Told("%(spell)s old, older than %(hours)s h (%(setting)s)", spell=spell(age), hours=most, setting=setting)
    words = Told("%(spell)s old", spell=spell(age)) if well else old
    return Check(Told("backup"), ok=well, words=words, remedy=remedy, grave=False)


async def _restored(store: Store) -> list[Check]:
    """What waits since a restore, because it may have left before; nothing to tell where nothing does."""
    async with store.read() as conn:
        found, kept = await restored.pending(conn), await restored.held(conn)
    if not (found or kept):
        return []
    remedy = Told("`budstikke serve` asks the providers; if they cannot be asked, run: budstikke restore --release")
    return [
        Check(
            Told("restored"),
            ok=False,
            words=_looked_for(found) if found else Told("%(number)s messages may have left before, and wait for you", number=kept),
            remedy=remedy,
        )
    ]


def _looked_for(found: restored.Restored) -> Told:
    since = f"{found.since.astimezone():%Y-%m-%d %H:%M %Z}"
    if found.held is not None:
        return Told("it is being looked for what left since the backup of %(since)s, nothing else leaves", since=since)
    return Told("it is being looked for what left since the backup of %(since)s, what was released anew waits for that", since=since)
