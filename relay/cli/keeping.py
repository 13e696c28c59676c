"""Commands that keep the installation's data: backup, restore, and the move to another database."""

import asyncio
import gzip
import os
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import datetime
from itertools import chain
from pathlib import Path
from tempfile import TemporaryFile
from typing import Annotated

import typer
from pydantic import SecretStr
from sqlalchemy.ext.asyncio import AsyncConnection

from channels.clock import SystemClock
from relay.cli.output import Json, say, show_json
from relay.model import BadInput, NotAllowed, NotReady
from relay.settings import Settings
from relay.store import archive, remembered, restored, schema, workers
from relay.store.address import claim_file
from relay.store.archive import Sum
from relay.store.engine import Store
from relay.typed import as_typed

#: what must be known after a restore
AFTERWARDS = (
    "Nothing leaves yet. Run `budstikke serve`: it first asks the providers what has left since {since}, and what people have answered. "
    "`budstikke doctor` shows how far that is. Drafts may have been released since: release them again, and only who has not got them gets "
    "them. Alerts written since are not in the backup: look at the providers' lists before you write them again. "
    "Numbers jump, so that no new alert has the number of one that is lost. If a provider cannot be asked: `budstikke restore --release`."
)


def add_to(program: typer.Typer, database: typer.Typer) -> None:
    """Add the commands to the program."""
    program.command("backup")(backup)
    program.command("restore")(restore)
    database.command("copy")(copy)


def backup(
    file: Annotated[Path, typer.Argument(help="Where to; nothing may be there yet. `.gz` by custom.")],
    json: Json = False,
) -> None:
    """Write the whole database into one file, while everybody works on. Keys are not in it: keep them apart, or it cannot be read."""
    if file.exists():
        raise NotAllowed(f"{file} is there already; a backup overwrites nothing.")
    sums = asyncio.run(_backup(file))
    _tell(sums, json, f"Backed up to {file}")


async def _backup(file: Path) -> dict[str, Sum]:
    now = SystemClock().now()
    draft = file.with_name(file.name + ".draft")
    try:
        async with _opened(Settings.load().database_url) as store:
            last = ""
            with _written(draft) as out:
                async with store.read() as conn:
                    async for line in archive.lines(conn, schema.newest(), now):
                        out.write(line.encode("utf-8", "surrogatepass") + b"\n")
                        last = line
            draft.replace(file)
            async with store.write() as conn:
                await remembered.put(conn, remembered.LAST_BACKUP, now.isoformat())
    except OSError as error:
        raise NotReady(f"{file} cannot be written: {error.strerror}.") from error
    finally:
        draft.unlink(missing_ok=True)
    return archive.told(last)


class _written:  # noqa: N801 - reads as what it is in a with statement
    """A compressed file for our eyes only, on disk before it is left."""

    def __init__(self, file: Path) -> None:
        self._file = file

    def __enter__(self) -> gzip.GzipFile:
        self._raw = os.fdopen(os.open(self._file, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "wb")
        self._gzip = gzip.GzipFile(fileobj=self._raw, mode="wb", compresslevel=3)
        return self._gzip

    def __exit__(self, *_: object) -> None:
        self._gzip.close()
        self._raw.flush()
        os.fsync(self._raw.fileno())
        self._raw.close()


def restore(
    file: Annotated[Path | None, typer.Argument(help="A backup of this program's version.")] = None,
    release: Annotated[bool, typer.Option("--release", help="Do not wait for providers any longer: what waits leaves, marked.")] = False,
    json: Json = False,
) -> None:
    """Read a backup into an empty database. Afterwards nothing is sent before the providers have told what had left already."""
    if (file is None) is not release:
        raise BadInput("Name a backup to read, or say --release to end the waiting after it.")
    if file is None:
        count, people = asyncio.run(_release())
        say(f"What waited leaves now: {count} messages. {people} people are marked: they may get a second copy.", "bold")
        return
    sums, since = asyncio.run(_restore(file))
    _tell(sums, json, f"Restored from {file}")
    if not json:
        say(as_typed(AFTERWARDS.format(since=since)))


async def _restore(file: Path) -> tuple[dict[str, Sum], str]:
    async with _opened(Settings.load().database_url, make=True) as store, store.remodel() as conn:
        with _read(file) as lines:
            first = next(lines, "")
            promised = await archive.load(conn, chain([first], lines), schema.newest())
        await _compare(promised, await archive.sums(conn))
        since = archive.made_at(first)
        await restored.begin(conn, since, SystemClock().now())
    return promised, f"{since.astimezone():%Y-%m-%d %H:%M %Z}"


async def _release() -> tuple[int, int]:
    async with _opened(Settings.load().database_url) as store, store.write() as conn:
        return await restored.release(conn)


class _read:  # noqa: N801 - as above
    """The lines of a compressed file; BadInput where it is none."""

    def __init__(self, file: Path) -> None:
        self._file = file

    def __enter__(self) -> Iterator[str]:
        return self._lines()

    def _lines(self) -> Iterator[str]:
        try:
            with gzip.open(self._file, "rb") as archived:
                for line in archived:
                    yield line.decode("utf-8", "surrogatepass")
        except (EOFError, gzip.BadGzipFile, UnicodeDecodeError) as error:
            raise BadInput(f"{self._file} is no backup, or a damaged one.") from error
        except OSError as error:
            raise BadInput(f"{self._file} cannot be read: {error.strerror or error}.") from error

    def __exit__(self, *_: object) -> None:
        """Nothing to end: the file closes with its last line."""


def copy(
    target: Annotated[str, typer.Argument(help="SQLAlchemy URL of an empty database.")],
    json: Json = False,
) -> None:
    """Copy this installation's database into another, empty one: from SQLite to PostgreSQL, or back. Stop `serve` and `work` first."""
    sums = asyncio.run(_copy(target))
    _tell(sums, json, "Copied; set BUDSTIKKE_DATABASE_URL to the new database")


async def _copy(target: str) -> dict[str, Sum]:
    url, now = Settings.load().database_url, SystemClock().now()
    claim = claim_file(url.get_secret_value())
    try:
        async with _opened(url) as source, _opened(SecretStr(target), make=True) as place:
            return await _moved(source, place, now)
    finally:
        claim.release()


async def _moved(source: Store, place: Store, now: datetime) -> dict[str, Sum]:
    """Copy by way of a file: a large installation is not held in memory."""
    with TemporaryFile("w+", encoding="utf-8", errors="surrogatepass", newline="\n") as between:
        async with source.read() as conn:
            await _must_rest(conn, now)
            async for line in archive.lines(conn, schema.newest(), now):
                between.write(line + "\n")
        between.seek(0)
        async with place.remodel() as conn:
            promised = await archive.load(conn, between, schema.newest())
            await _compare(promised, await archive.sums(conn))
    return promised


async def _must_rest(conn: AsyncConnection, now: datetime) -> None:
    """What is sent while a copy is made would be sent again from the copy. On SQLite the claim on the file says so already."""
    at_work = [one.name for one in await workers.roll(conn) if now - one.seen_at < workers.MISSED]
    if at_work and conn.dialect.name != "sqlite":
        raise NotAllowed(f"{', '.join(at_work)} works on this database. Stop every `serve` and `work` first.")


async def _compare(promised: dict[str, Sum], found: dict[str, Sum]) -> None:
    wrong = [name for name, one in promised.items() if found.get(name) != one]
    if wrong:
        raise NotReady(f"What was written is not what was read, in {', '.join(wrong)}. Nothing was kept.")


@asynccontextmanager
async def _opened(url: SecretStr, *, make: bool = False) -> AsyncIterator[Store]:
    """Open a database; `make`: bring an empty one to this program's tables first."""
    store = await Store.open(url.get_secret_value())
    try:
        if make:
            await schema.upgrade(store)
        await schema.require_current(store)
        yield store
    finally:
        await store.close()


def _tell(sums: dict[str, Sum], as_json: bool, done: str) -> None:
    if as_json:
        show_json({name: {"rows": one.rows, "sha256": one.sha256} for name, one in sums.items()})
        return
    for name, one in sums.items():
        if one.rows:
            say(f"{one.rows:>10} {name:24} {one.sha256[:16]}")
    say(f"{done}: {sum(one.rows for one in sums.values())} rows in {len(sums)} tables, checksums equal.", "bold")
