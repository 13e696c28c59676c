"""What a database's complaints mean, in words for the person who runs the house. Tables; whatever is not in them is a bug and stays one."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.exc import DBAPIError, TimeoutError as PoolTimeoutError

from relay.model import NotReady

#: SQLite's primary result codes
SQLITE = {
    3: "The database file may not be opened. Give this user the right to read and write it and its folder.",
    5: "Another program holds the database. It is tried again; end that program if it goes on.",
    6: "Another program holds the database. It is tried again; end that program if it goes on.",
    8: "The database cannot be written. Is the disk mounted read-only, or does the file belong to another user?",
    10: "The disk under the database reports errors. Look at the machine's log, and move the database to another disk.",
    11: "The database file is damaged. Restore it from a backup.",
    13: "The disk under the database is full. Make room: it heals by itself.",
    14: "The database file cannot be opened. Check BUDSTIKKE_DATABASE_URL, and that this user may write in its folder.",
    26: "The file that BUDSTIKKE_DATABASE_URL names is no SQLite database. Name another file.",
}

#: PostgreSQL's SQLSTATE, whole or by its class
POSTGRESQL = {
    "08": "The connection to PostgreSQL was lost. It is tried again.",
    "25006": "This PostgreSQL server is read-only (a standby?). Name the primary in BUDSTIKKE_DATABASE_URL.",
    "28": "PostgreSQL refuses this user or password. Check BUDSTIKKE_DATABASE_URL.",
    "3D": "There is no such database on this PostgreSQL server. Create it (createdb), or correct BUDSTIKKE_DATABASE_URL.",
    "42501": "This PostgreSQL user may not use the tables. Make the user the owner of the database.",
    "53": "PostgreSQL is out of connections, memory or disk. It is tried again.",
    "55P03": "Another program holds rows for too long. It is tried again.",
    "57": "PostgreSQL stopped this statement or is shutting down. It is tried again.",
    "58": "PostgreSQL reports a fault of its machine. Look at its log.",
}

BUSY = "All connections to the database are in use. It is tried again."
LOST = "The connection to the database was lost. It is tried again."
UNREACHABLE = "The database cannot be reached. Is it running, and is BUDSTIKKE_DATABASE_URL right?"


@contextmanager
def told() -> Iterator[None]:
    """Turn what the state of the database causes inside into NotReady; let bugs pass as they are. Never shows values or passwords."""
    try:
        yield
    except Exception as error:
        words = meaning(error)
        if words is None:
            raise
        raise NotReady(words) from error


def meaning(error: BaseException) -> str | None:
    """Return the sentence for an error that is the state of the database, None for any other."""
    match error:
        case PoolTimeoutError():
            return BUSY
        case ConnectionError() | TimeoutError():
            return LOST
        case DBAPIError(orig=orig, connection_invalidated=lost):
            return (_by_code(orig) if orig else None) or (LOST if lost else None)
    return _by_code(error)


def is_away(error: BaseException) -> bool:
    """Say whether an error is the state of the database, told already or not: nothing is wrong with what was to be read or written."""
    cause = error.__cause__ if isinstance(error, NotReady) else error
    return isinstance(cause, OSError) or (cause is not None and meaning(cause) is not None)


def _by_code(error: BaseException) -> str | None:
    """Look the driver's own exception up; each driver keeps the code under a name of its own."""
    code = getattr(error, "sqlite_errorcode", None)
    if code is not None:
        return SQLITE.get(code & 0xFF)
    state = getattr(error, "sqlstate", None) or ""
    return POSTGRESQL.get(state) or POSTGRESQL.get(state[:2])
