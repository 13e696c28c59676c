"""What the tests of the journey share: a store with tables in it, test keys, and a municipality."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime

import pytest
from sqlalchemy import insert

from relay.store import sealing
from relay.store.engine import Store
from relay.store.tables import Base, Municipality

START = datetime(2026, 11, 23, 17, 0, tzinfo=UTC)


@pytest.fixture(autouse=True)
def keyring() -> sealing.Keyring:
    """Use keys of this test's own."""
    keys = sealing.build(sealing.make_key(), sealing.make_key())
    sealing.use(keys)
    return keys


@pytest.fixture
async def store(database_url: str) -> AsyncIterator[Store]:
    """Yield an open store with every table, once on SQLite and once on PostgreSQL."""
    store = await Store.open(database_url)
    async with store.write() as conn:
        await conn.run_sync(Base.metadata.create_all)
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
