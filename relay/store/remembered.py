"""The little that an installation remembers about itself."""

from datetime import datetime

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from relay.store.sql import upsert
from relay.store.tables import Municipality, fact

#: when the newest backup was made
LAST_BACKUP = "backup.at"
#: when the purge last went through
LAST_PURGE = "purge.at"
#: when the watch outside last took a sign of life
LAST_SIGN = "sign.at"
#: after a restore: when it was read back, how old the backup was, and from which gravity on nothing leaves (relay/store/restored.py)
RESTORED, RESTORED_SINCE, RESTORED_HELD = "restored.at", "restored.since", "restored.held"


async def get(conn: AsyncConnection, name: str) -> str | None:
    """Return a remembered value."""
    return (await conn.execute(select(fact.c.value).where(fact.c.name == name))).scalar()


async def put(conn: AsyncConnection, name: str, value: str) -> None:
    """Remember a value."""
    await conn.execute(upsert(fact, ["name"], replace=["value"]).values(name=name, value=value))


async def moment(conn: AsyncConnection, name: str) -> datetime | None:
    """Return a remembered time."""
    value = await get(conn, name)
    return datetime.fromisoformat(value) if value else None


async def set_duty_phone(conn: AsyncConnection, municipality_id: int, phone: str) -> None:
    """Set the number that gets an SMS when somebody writes of danger."""
    await conn.execute(update(Municipality).where(Municipality.id == municipality_id).values(duty_phone=phone))
