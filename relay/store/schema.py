"""Which version the tables have, and how they get the newest: the migrations of this package, run by alembic."""

from functools import cache
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, inspect, text

from relay.model import NotReady
from relay.store.engine import Store
from relay.store.tables import Municipality

MIGRATIONS = Path(__file__).parent / "migrations"
#: PostgreSQL: whoever upgrades holds this lock, so that two do not at once
LOCK = 0x6275_6473

EMPTY = "The database has no tables yet. Run: budstikke db upgrade"
OLDER = "The tables of the database are older than this program. Run: budstikke db upgrade"
NEWER = "This database is newer than this program. Install the program's newest version."
FOREIGN = "This database holds the tables of another program. Name another one in BUDSTIKKE_DATABASE_URL."


def config(connection: Connection | None = None) -> Config:
    """Return alembic's configuration for our migrations, to be run on `connection`."""
    settings = Config(attributes={"connection": connection})
    settings.set_main_option("path_separator", "os")
    settings.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    settings.set_main_option("file_template", "v%%(rev)s_%%(slug)s")
    return settings


async def version(store: Store) -> str | None:
    """Return the version of the tables, None for an empty database; NotReady for another program's."""
    async with store.read() as conn:
        return await conn.run_sync(_version)


async def fits(store: Store) -> bool:
    """Whether the tables are of this program's version; cheap, to be asked every second."""
    async with store.read() as conn:
        found = (await conn.exec_driver_sql("SELECT version_num FROM alembic_version")).scalar()
    return bool(found == newest())


async def upgrade(store: Store) -> None:
    """Bring the tables to the newest version, in one transaction; keeps every row. NotReady when they are newer or not ours."""
    async with store.remodel() as conn:
        if store.dialect == "postgresql":
            await conn.execute(text(f"SELECT pg_advisory_xact_lock({LOCK})"))
        await conn.run_sync(_upgrade)
        if store.dialect == "sqlite" and (broken := (await conn.exec_driver_sql("PRAGMA foreign_key_check")).all()):
            raise RuntimeError(f"after the upgrade, rows would point to nothing: {broken[:5]}")


async def require_current(store: Store) -> None:
    """Raise NotReady, with what to do, unless the tables are of this program's version."""
    found = await version(store)
    if found != newest():
        raise NotReady(_what_to_do(found))


@cache
def newest() -> str:
    """Return the version that this program works with."""
    head = ScriptDirectory.from_config(config()).get_current_head()
    if head is None:
        raise RuntimeError("the package lacks its migrations")
    return head


def _what_to_do(found: str | None) -> str:
    if found is None:
        return EMPTY
    return OLDER if found in _known() else NEWER


def _known() -> set[str]:
    return {script.revision for script in ScriptDirectory.from_config(config()).walk_revisions()}


def _version(connection: Connection) -> str | None:
    found = MigrationContext.configure(connection).get_current_revision()
    tables = inspect(connection).get_table_names()
    if tables and (found is None or Municipality.__tablename__ not in tables):
        raise NotReady(FOREIGN)
    return found


def _upgrade(connection: Connection) -> None:
    found = _version(connection)
    if found is not None and found not in _known():
        raise NotReady(NEWER)
    command.upgrade(config(connection), "head")
