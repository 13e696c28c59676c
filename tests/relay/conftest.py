"""What the tests of the journey share: a store with its tables in it, test keys, and a municipality."""

import asyncio
import shutil
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeAlias

import pytest
from sqlalchemy import insert, make_url

from relay.store import schema, sealing
from relay.store.engine import Store
from relay.store.tables import Municipality
from tests.pg import Postgres
from tests.stories.town import Town, town

START = datetime(2026, 11, 23, 17, 0, tzinfo=UTC)
#: yields the URL of a database with every table, of its own
NewDatabase: TypeAlias = Callable[[], AbstractContextManager[str]]


@pytest.fixture(autouse=True)
def keyring() -> sealing.Keyring:
    """Use keys of this test's own."""
    keys = sealing.build(sealing.make_key(), sealing.make_key())
    sealing.use(keys)
    return keys


async def _migrate(url: str) -> None:
    store = await Store.open(url)
    await schema.upgrade(store)
    await store.close()


@pytest.fixture(scope="session")
def migrated_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a SQLite file with every table, to be copied."""
    file = tmp_path_factory.mktemp("template") / "budstikke.db"
    with asyncio.Runner() as runner:
        runner.run(_migrate(f"sqlite:///{file}"))
    return file


@pytest.fixture(scope="session")
def migrated_database(postgres: Postgres) -> Iterator[str]:
    """Yield the name of a PostgreSQL database with every table, to be used as a template."""
    with postgres.database() as url:
        with asyncio.Runner() as runner:
            runner.run(_migrate(url))
        yield str(make_url(url).database)


@pytest.fixture
def migrated_sqlite_url(migrated_file: Path, tmp_path: Path) -> str:
    """Return the URL of a SQLite database with every table."""
    return f"sqlite+aiosqlite:///{shutil.copy(migrated_file, tmp_path / 'budstikke.db')}"


@pytest.fixture
def migrated_postgres_url(postgres: Postgres, migrated_database: str) -> Iterator[str]:
    """Yield the URL of a PostgreSQL database with every table."""
    with postgres.database(migrated_database) as url:
        yield url


@pytest.fixture(params=["sqlite", "postgres"])
def migrated_url(request: pytest.FixtureRequest) -> str:
    """Return the URL of a database with every table and no rows: the test runs once on SQLite and once on PostgreSQL."""
    url: str = request.getfixturevalue(f"migrated_{request.param}_url")
    return url


@pytest.fixture(params=["sqlite", "postgres"])
def new_database(request: pytest.FixtureRequest) -> NewDatabase:
    """Return what makes databases with every table and no rows: for examples that each need their own."""
    if request.param == "postgres":
        server, template = request.getfixturevalue("postgres"), request.getfixturevalue("migrated_database")
        return lambda: server.database(template)

    file = request.getfixturevalue("migrated_file")

    @contextmanager
    def copied() -> Iterator[str]:
        with tempfile.TemporaryDirectory() as folder:
            yield f"sqlite+aiosqlite:///{shutil.copy(file, folder)}"

    return copied


@pytest.fixture
async def store(migrated_url: str) -> AsyncIterator[Store]:
    """Yield an open store with every table and no rows, once on SQLite and once on PostgreSQL."""
    store = await Store.open(migrated_url)
    yield store
    await store.close()


@pytest.fixture
async def municipality_id(store: Store) -> int:
    """Return the id of a municipality that has nothing yet."""
    audit = {"created_at": START, "created_by": "test", "updated_at": START, "updated_by": "test"}
    async with store.write() as conn:
        values = {"number": "9999", "name": "Prøvevik", **audit}
        made: int = (await conn.execute(insert(Municipality).values(**values).returning(Municipality.id))).scalar_one()
        return made


@pytest.fixture(name="town")
async def _town(migrated_url: str, tmp_path: Path) -> AsyncIterator[Town]:
    """Yield a municipality with the whole house and a provider in it, once on SQLite and once on PostgreSQL."""
    async with town(migrated_url, tmp_path) as opened:
        yield opened
