"""The archive: everything comes back, on either database; nothing is taken that is not whole."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from itertools import takewhile

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


async def test_who_stands_for_whom_is_kept_also_where_the_one_stood_for_comes_later(lines: list[str], database_url: str) -> None:
    head = next(n for n, line in enumerate(lines) if line.startswith('{"table": "resource_person"'))
    number, deputy_of = map(json.loads(lines[head])["columns"].index, ("id", "deputy_of_id"))
    people = [*takewhile(lambda row: isinstance(row, list), map(json.loads, lines[head + 1 :]))]
    people[0][deputy_of] = people[-1][number]
    changed = [*lines[: head + 1], *map(json.dumps, people), *lines[head + 1 + len(people) :]]
    store = await _empty(database_url)
    try:
        async with store.remodel() as conn:
            await archive.load(conn, changed, schema.newest())
        async with store.read() as conn:
            kept = {row.id: row.deputy_of_id for row in await conn.execute(select(ResourcePerson.id, ResourcePerson.deputy_of_id))}
    finally:
        await store.close()
    assert kept == {row[number]: row[deputy_of] for row in people}
    assert {deputy < of for deputy, of in kept.items() if of is not None} == {True, False}


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
