"""The end of an alert: what has not left is spared; what has left, or may have, is what a correction must follow."""

from datetime import datetime

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from channels.base import Evidence
from messages.form import Part
from relay.model import DeliveryState, SparedBy
from relay.store import recipients
from relay.store.tables import delivery


async def spare_unsent(conn: AsyncConnection, alert_id: int, now: datetime, *, replaced: bool = False) -> int:
    """Drop every planned send that has not begun; return how many. Answers to people still go."""
    waiting = (delivery.c.alert_id == alert_id, delivery.c.state == DeliveryState.WAITING, delivery.c.part != Part.NOTICE)
    by = SparedBy.NEWER_ALERT if replaced else SparedBy.CANCELLED
    spared = (
        update(delivery).where(*waiting).values(state=DeliveryState.SPARED, spared_by=by, ended_at=now).returning(delivery.c.recipient_id)
    )
    owners = list((await conn.execute(spared)).scalars())
    await recipients.refresh(conn, {owner for owner in owners if owner is not None}, now)
    return len(owners)


async def may_have_left(conn: AsyncConnection, alert_id: int) -> bool:
    """Whether any copy of an alert may be with a person, or on its way."""
    out = (delivery.c.evidence.not_in((-1, int(Evidence.REFUSED)))) | (delivery.c.state == DeliveryState.CLAIMED)
    found = select(delivery.c.id).where(delivery.c.alert_id == alert_id, out).limit(1)
    return (await conn.execute(found)).scalar() is not None
