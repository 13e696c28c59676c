"""The archive: everything comes back, on either database; nothing is taken that is not whole."""

from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from sqlalchemy import insert, select

from relay.demo.play import Options, opened
from relay.model import BadInput, NotAllowed
from relay.store import archive, schema
from relay.store.engine import Store
from relay.store.tables import Municipality, ResourcePerson, alert

Harm = Callable[[list[str]], list[str]]

NOW = datetime(2026, 11, 24, 18, tzinfo=UTC)


@pytest.fixture
async def lines(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """The archive of a town whose alert has just been released."""
    async with opened(Options(people=60), tmp_path_factory.mktemp("demo")) as stand, stand.house.store.read() as conn:
        return [line async for line in archive.lines(conn, schema.newest(), NOW)]


async def _empty(url: str) -> Store:
    store = await Store.open(url)
    await schema.upgrade(store)
    return store


async def test_everything_comes_back_on_either_database(lines: list[str], database_url: str) -> None:
    store = await _empty(database_url)
    try:
        async with store.remodel() as conn:
            promised = await archive.load(conn, lines, schema.newest())
            assert await archive.sums(conn) == promised
        assert promised["delivery"].rows > 24
        async with store.read() as conn:
            back = [line async for line in archive.lines(conn, schema.newest(), NOW)]
        assert back == lines
    finally:
        await store.close()


async def test_ids_count_on_after_the_highest(lines: list[str], database_url: str) -> None:
    store = await _empty(database_url)
    try:
        async with store.remodel() as conn:
            await archive.load(conn, lines, schema.newest())
        async with store.write() as conn:
            stamp = {"created_at": NOW, "created_by": "t", "updated_at": NOW, "updated_by": "t"}
            row = {"number": "9999", "name": "Ny"} | stamp
            made = (await conn.execute(insert(Municipality).values(row).returning(Municipality.id))).scalar_one()
            before = (await conn.execute(select(Municipality.id).where(Municipality.id != made))).scalars().all()
        assert made > max(before)
    finally:
        await store.close()


async def test_what_points_into_its_own_table_is_kept(lines: list[str], sqlite_url: str) -> None:
    store = await _empty(sqlite_url)
    try:
        async with store.remodel() as conn:
            await archive.load(conn, lines, schema.newest())
        async with store.read() as conn:
            deputies = (await conn.execute(select(ResourcePerson.deputy_of_id).where(ResourcePerson.deputy_of_id.is_not(None)))).all()
        assert deputies
    finally:
        await store.close()


@pytest.mark.parametrize(
    ("harm", "sentence"),
    [
        pytest.param(lambda lines: lines[:-1], "cut off", id="tail lost"),
        pytest.param(lambda lines: lines[1:], "no archive", id="head lost"),
        pytest.param(lambda lines: [lines[0].replace(schema.newest(), "0000"), *lines[1:]], "version", id="other version"),
        pytest.param(lambda lines: [*lines[:3], '["one"]', *lines[3:]], "damaged", id="short row"),
        pytest.param(lambda lines: [*lines[:3], "{", *lines[3:]], "damaged", id="broken line"),
    ],
)
async def test_a_broken_archive_is_refused_and_leaves_nothing(lines: list[str], sqlite_url: str, harm: Harm, sentence: str) -> None:
    store = await _empty(sqlite_url)
    try:
        with pytest.raises(BadInput, match=sentence):
            async with store.remodel() as conn:
                await archive.load(conn, harm(lines), schema.newest())
        async with store.read() as conn:
            assert not (await conn.execute(select(alert.c.id))).all()
    finally:
        await store.close()


async def test_a_database_with_rows_is_not_overwritten(lines: list[str], sqlite_url: str) -> None:
    store = await _empty(sqlite_url)
    try:
        async with store.remodel() as conn:
            await archive.load(conn, lines, schema.newest())
        with pytest.raises(NotAllowed, match="not empty"):
            async with store.remodel() as conn:
                await archive.load(conn, lines, schema.newest())
    finally:
        await store.close()
