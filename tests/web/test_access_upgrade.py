"""What was at work before there was trial mode stays at work, and who was known by name stays the same person."""

from alembic import command
from sqlalchemy import Connection, select, text

from relay.model import Place
from relay.store import schema
from relay.store.engine import Store
from relay.store.identity import identity
from relay.store.register import Stamp, add_municipality
from relay.store.tables import Municipality
from relay.store.trial import is_on
from tests.web.house import START

STAMPS = "created_at, created_by, updated_at, updated_by"
VALUES = "'2026-11-01 12:00:00+00', 'x', '2026-11-01 12:00:00+00', 'x'"


def _before(connection: Connection) -> None:
    command.upgrade(schema.config(connection), "0003")


async def test_an_upgrade_stops_nothing_that_was_being_sent(database_url: str) -> None:
    store = await Store.open(database_url)
    try:
        async with store.remodel() as conn:
            await conn.run_sync(_before)
            town = f"INSERT INTO municipality (number, name, timezone, norwegian, last_number, last_event, {STAMPS})"
            await conn.execute(text(f"{town} VALUES ('9999', 'Gammelby', 'Europe/Oslo', 'nb', 0, 0, {VALUES})"))
            old = (await conn.execute(select(Municipality.id))).scalar_one()
            user = f'INSERT INTO "user" (municipality_id, name, active, {STAMPS})'
            await conn.execute(text(f"{user} VALUES ({old}, 'Kari  Nordmann', true, {VALUES})"))
        await schema.upgrade(store)
        async with store.write() as conn:
            assert not await is_on(conn, old)
            new = await add_municipality(conn, Place(number="9998", name="Nyby", point=None), Stamp(by="", at=START))
            assert await is_on(conn, new)
            assert await identity(conn, old, "kari nordmann", START) == 1
    finally:
        await store.close()
