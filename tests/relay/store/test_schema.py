"""The migrations make exactly the tables that the program works with, on both databases, and refuse what is not theirs."""

from typing import Any

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, func, insert, inspect, select, text

from relay.model import NotReady
from relay.store import schema
from relay.store.engine import Store
from relay.store.tables import Base, Municipality

TABLES = set(Base.metadata.tables) | {"alembic_version"}

#: what a database itself says of its columns, constraints and indexes
CATALOGUE = {
    "postgresql": """
        SELECT table_name, column_name, data_type, character_maximum_length, is_nullable, column_default
          FROM information_schema.columns WHERE table_schema = 'public'
        UNION ALL SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid), NULL, NULL, NULL
          FROM pg_constraint WHERE connamespace = 'public'::regnamespace
        UNION ALL SELECT tablename, indexname, indexdef, NULL, NULL, NULL FROM pg_indexes WHERE schemaname = 'public'""",
    "sqlite": """
        WITH t AS (SELECT name FROM sqlite_master WHERE type = 'table')
        SELECT t.name, c.name, c.type, c."notnull", c.dflt_value, c.pk FROM t, pragma_table_xinfo(t.name) c
        UNION ALL SELECT t.name, k."table", k."from", k."to", k.on_delete, k.on_update FROM t, pragma_foreign_key_list(t.name) k
        UNION ALL SELECT t.name, i."unique", i.origin, i.partial, group_concat(x.name), NULL
          FROM t, pragma_index_list(t.name) i, pragma_index_xinfo(i.name) x WHERE x.key GROUP BY t.name, i.name
        UNION ALL SELECT name, sql, NULL, NULL, NULL, NULL FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL""",
}


async def catalogue(store: Store) -> list[tuple[Any, ...]]:
    async with store.read() as conn:
        rows = await conn.execute(text(CATALOGUE[store.dialect]))
        return sorted((tuple(row) for row in rows if row[0] != "alembic_version"), key=str)


async def made_at_once(url: str) -> list[tuple[Any, ...]]:
    store = await Store.open(url)
    async with store.write() as conn:
        await conn.run_sync(Base.metadata.create_all)
    found = await catalogue(store)
    await store.close()
    return found


def differences(connection: Connection) -> list[Any]:
    return list(compare_metadata(MigrationContext.configure(connection), Base.metadata))


async def test_migrating_gives_the_tables_of_the_program(store: Store) -> None:
    async with store.read() as conn:
        assert await conn.run_sync(differences) == []


async def test_migrating_gives_the_same_as_making_all_at_once(store: Store, database_url: str) -> None:
    if store.url.get_backend_name() not in database_url:
        return
    found = await catalogue(store)
    assert len(found) > 300
    assert found == await made_at_once(database_url)


async def test_an_empty_database_is_told_then_upgraded_and_upgrading_again_changes_nothing(database_url: str) -> None:
    store = await Store.open(database_url)
    assert await schema.version(store) is None
    with pytest.raises(NotReady, match=r"no tables yet\. Run: budstikke db upgrade"):
        await schema.require_current(store)
    for _ in range(2):
        await schema.upgrade(store)
        await schema.require_current(store)
    assert await schema.version(store) == schema.newest()
    await store.close()


def down(connection: Connection) -> None:
    command.downgrade(schema.config(connection), "-1")


async def test_one_step_down_and_up_keeps_the_rows_of_the_others(store: Store, municipality_id: int) -> None:
    async with store.remodel() as conn:
        await conn.run_sync(down)
    with pytest.raises(NotReady, match=r"older than this program\. Run: budstikke db upgrade"):
        await schema.require_current(store)
    await schema.upgrade(store)
    await schema.require_current(store)
    async with store.read() as conn:
        assert (await conn.execute(select(Municipality.id))).scalar_one() == municipality_id
        assert set(await conn.run_sync(lambda sync: inspect(sync).get_table_names())) == TABLES


async def test_a_newer_database_is_left_alone(store: Store) -> None:
    async with store.write() as conn:
        await conn.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    for act in (schema.require_current, schema.upgrade):
        with pytest.raises(NotReady, match="newer than this program"):
            await act(store)


@pytest.mark.parametrize("statement", ["CREATE TABLE invoice (id INT)", "CREATE TABLE alembic_version (version_num VARCHAR(32))"])
async def test_another_programs_database_is_left_alone(database_url: str, statement: str) -> None:
    store = await Store.open(database_url)
    async with store.write() as conn:
        await conn.execute(text(statement))
    for act in (schema.require_current, schema.upgrade):
        with pytest.raises(NotReady, match="another program"):
            await act(store)
    async with store.read() as conn:
        assert len(await conn.run_sync(lambda sync: inspect(sync).get_table_names())) == 1
    await store.close()


async def test_an_upgrade_that_breaks_a_reference_is_undone(migrated_sqlite_url: str) -> None:
    store = await Store.open(migrated_sqlite_url)
    async with store.remodel() as conn:
        await conn.run_sync(down)
        await conn.execute(text("INSERT INTO policy_step (policy_id, position, action) VALUES (4711, 1, 'message')"))
    with pytest.raises(RuntimeError, match="policy_step"):
        await schema.upgrade(store)
    with pytest.raises(NotReady, match="older"):
        await schema.require_current(store)
    await store.close()


async def test_every_column_that_points_is_checked_by_the_database(store: Store) -> None:
    if store.dialect == "sqlite":
        async with store.read() as conn:
            assert (await conn.exec_driver_sql("PRAGMA foreign_keys")).scalar_one() == 1
    async with store.read() as conn:
        assert (await conn.execute(select(func.count()).select_from(Municipality))).scalar_one() == 0
    with pytest.raises(Exception, match=r"(?i)foreign key"):
        await _point_to_nothing(store)


async def _point_to_nothing(store: Store) -> None:
    membership = Base.metadata.tables["membership"]
    async with store.write() as conn:
        await conn.execute(insert(membership).values(person_id=1, group_id=1, municipality_id=1, position=0))
