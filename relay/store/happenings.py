"""What happened, read back in order: events have numbers without gaps, so who asks "since" misses none."""

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from relay.store.columns import AnyRow
from relay.store.tables import alert, event


async def since(conn: AsyncConnection, municipality_id: int, number: int, limit: int) -> list[AnyRow]:
    """Return a municipality's events after a number, in order, each with its alert's number (none where it concerns no alert)."""
    found = (
        select(event, alert.c.number.label("alert_number"))
        .join(alert, alert.c.id == event.c.alert_id, isouter=True)
        .where(event.c.municipality_id == municipality_id, event.c.number > number)
    )
    return list((await conn.execute(found.order_by(event.c.number).limit(limit))).all())
