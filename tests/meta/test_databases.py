"""The databases that the other tests stand on."""

import asyncio

import asyncpg
import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine

from tests.pg import Postgres


async def _fill(url: str) -> int:
    engine = create_async_engine(url)
    try:
        async with engine.begin() as connection:
            await connection.execute(text("CREATE TABLE farm (name TEXT)"))
            await connection.execute(text("INSERT INTO farm VALUES ('Ås'), ('Øvre Ås')"))
            return len((await connection.execute(text("SELECT name FROM farm"))).all())
    finally:
        await engine.dispose()


async def test_a_database_is_empty_and_real(database_url: str) -> None:
    assert await _fill(database_url) == 2


async def test_the_next_test_gets_another_one(database_url: str) -> None:
    assert await _fill(database_url) == 2


def test_a_database_goes_while_someone_still_holds_it(postgres: Postgres) -> None:
    with asyncio.Runner() as runner:
        with postgres.database() as url:
            holder = runner.run(asyncpg.connect(url.replace("+asyncpg", "")))
        with pytest.raises(asyncpg.InvalidCatalogNameError):
            runner.run(asyncpg.connect(url.replace("+asyncpg", "")))
        holder.terminate()
