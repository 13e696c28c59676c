"""The end of an alert: what has not left is spared; what has left, or may have, is what a correction must follow."""

from datetime import datetime, timedelta

from sqlalchemy import and_, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from channels.base import Evidence
from messages.form import Part
from relay.model import AlertState, DeliveryState, SparedBy
from relay.store import alerts, recipients
from relay.store.tables import alert, delivery

#: people still answer for a while after an alert has expired; one without an end is over after so long
STAYS_OPEN, OPEN_END = timedelta(hours=12), timedelta(hours=72)


async def spare_unsent(conn: AsyncConnection, alert_id: int, now: datetime, *, by: SparedBy = SparedBy.CANCELLED) -> int:
    """Drop every planned send that has not begun; return how many. Answers to people still go."""
    waiting = (delivery.c.alert_id == alert_id, delivery.c.state == DeliveryState.WAITING, delivery.c.part != Part.NOTICE)
    spared = (
        update(delivery).where(*waiting).values(state=DeliveryState.SPARED, spared_by=by, ended_at=now).returning(delivery.c.recipient_id)
    )
    owners = list((await conn.execute(spared)).scalars())
    await recipients.refresh(conn, {owner for owner in owners if owner is not None}, now)
    return len(owners)


async def close_lapsed(conn: AsyncConnection, now: datetime) -> int:
    """Close alerts that have lapsed: answers to them are still kept, but their digits are free for another."""
    lapsed = or_(alert.c.expires_at < now - STAYS_OPEN, and_(alert.c.expires_at.is_(None), alert.c.released_at < now - OPEN_END))
    found = select(alert.c.id).where(alert.c.state == AlertState.RELEASED, lapsed)
    ids = list((await conn.execute(found)).scalars())
    for alert_id in ids:
        await alerts.move(conn, alert_id, AlertState.CLOSED, now)
        await spare_unsent(conn, alert_id, now, by=SparedBy.CLOSED)
    return len(ids)


async def may_have_left(conn: AsyncConnection, alert_id: int) -> bool:
    """Whether any copy of an alert may be with a person, or on its way."""
    out = (delivery.c.evidence.not_in((-1, int(Evidence.REFUSED)))) | (delivery.c.state == DeliveryState.CLAIMED)
    found = select(delivery.c.id).where(delivery.c.alert_id == alert_id, out).limit(1)
    return (await conn.execute(found)).scalar() is not None
