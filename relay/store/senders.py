"""Which sender a municipality's messages leave by."""

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from messages.form import Medium
from relay.store.columns import AnyRow
from relay.store.tables import Sender


async def in_use(conn: AsyncConnection, municipality_id: int) -> dict[Medium, AnyRow]:
    """Return the sender for each medium: the newest that is open, or the newest of those that are all stopped."""
    mine = select(Sender.__table__).where(Sender.municipality_id == municipality_id)
    rows = sorted((await conn.execute(mine)).all(), key=lambda row: (row.stopped == "", row.id))
    return {Medium(row.channel): row for row in rows}
