"""Where the database is: reads BUDSTIKKE_DATABASE_URL, and holds a SQLite file for one dispatcher."""

import fcntl
import os
from pathlib import Path

from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

from relay.model import NotReady

DRIVERS = {"sqlite": "sqlite+aiosqlite", "postgresql": "postgresql+asyncpg", "postgres": "postgresql+asyncpg"}
#: of a PostgreSQL address, after the question mark
OPTIONS = {"host", "port", "user", "password", "ssl", "passfile", "service", "servicefile", "target_session_attrs"}
EXAMPLES = "sqlite:///budstikke.db or postgresql://user:password@host/database"


def read(url: str) -> URL:
    """Return `url` with our driver in it; NotReady when it is none we can use."""
    try:
        given = make_url(url)
    except (ArgumentError, ValueError):
        raise NotReady(f"BUDSTIKKE_DATABASE_URL is no database address. Write it like {EXAMPLES}.") from None
    name = given.drivername if given.drivername in DRIVERS.values() else DRIVERS.get(given.drivername)
    if name is None:
        raise NotReady(f"BUDSTIKKE_DATABASE_URL names {given.drivername!r}, which Budstikke cannot use. Write it like {EXAMPLES}.")
    return _file(given.set(drivername=name)) if name == DRIVERS["sqlite"] else _options(given.set(drivername=name))


def _file(url: URL) -> URL:
    """A database must outlive the process, so it is a file in a folder that is there."""
    if not url.database or ":memory:" in url.database or url.query:
        raise NotReady(f"BUDSTIKKE_DATABASE_URL must name a file. Write it like {EXAMPLES}.")
    if not Path(url.database).absolute().parent.is_dir():
        raise NotReady(f"The folder of the database file {url.database} does not exist. Create it first.")
    return url


def _options(url: URL) -> URL:
    """Know the usual name of the TLS option, `sslmode` (the driver calls it `ssl`), and refuse what the driver would stumble over."""
    mode = url.query.get("sslmode")
    url = url if mode is None else url.difference_update_query(["sslmode"]).update_query_dict({"ssl": mode})
    strange = ", ".join(sorted(set(url.query) - OPTIONS))
    if strange:
        raise NotReady(f"BUDSTIKKE_DATABASE_URL has options that Budstikke does not know: {strange}. Leave them out.")
    return url


class Claim:
    """A SQLite file held for one dispatcher, until released or the process ends, however it ends."""

    def __init__(self, file: int | None) -> None:
        self._file = file

    def release(self) -> None:
        """Let another dispatcher have the file."""
        if self._file is not None:
            os.close(self._file)
            self._file = None


def claim_file(url: str) -> Claim:
    """Hold the SQLite file of `url` against a second dispatcher (NotReady if there is one). PostgreSQL has leases instead."""
    place = read(url)
    if place.get_backend_name() != "sqlite":
        return Claim(None)
    path = Path(f"{Path(str(place.database)).resolve()}.dispatcher")
    try:
        return Claim(_lock(path))
    except BlockingIOError:
        raise NotReady(f"Another dispatcher works on {place.database} already. End it first, or use PostgreSQL for several.") from None
    except OSError as error:
        raise NotReady(f"{path} cannot be written ({error.strerror}). This user must be able to write in the database's folder.") from error


def _lock(path: Path) -> int:
    file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(file)
        raise
    return file
