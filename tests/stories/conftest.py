"""Stories run on both databases, with keys of their own."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.relay.conftest import keyring, migrated_database, migrated_file, migrated_postgres_url, migrated_sqlite_url, migrated_url
from tests.stories.town import Town, town

__all__ = ["keyring", "migrated_database", "migrated_file", "migrated_postgres_url", "migrated_sqlite_url", "migrated_url"]


@pytest.fixture(name="town")
async def _town(migrated_url: str, tmp_path: Path) -> AsyncIterator[Town]:
    async with town(migrated_url, tmp_path) as opened:
        yield opened
