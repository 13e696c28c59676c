"""What people have been asked: the alerts that a message of theirs may answer."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from messages.alert import Act, Kind
from messages.form import MESSAGE_PARTS
from relay.model import AlertState, Rung
from relay.routing.policy import CORRECTIONS
from relay.store import links
from relay.store.columns import AnyRow
from relay.store.tables import alert, delivery, recipient, variant
from relay.talk import Asked

#: an answer to a closed alert is still an answer to it for so long
CLOSED_FOR = timedelta(days=14)


async def alerts_of(conn: AsyncConnection, people: Sequence[int], now: datetime, *, read_on_page: int = 0) -> list[Asked]:
    """Alerts that these people have had a copy of, open ones first; a copy may still be on its way, and one be read on its page."""
    if not people:
        return []
    # whatever we have heard of it since
    tried = (delivery.c.part.in_(MESSAGE_PARTS), delivery.c.attempts > 0)
    was_asked = select(delivery.c.id).where(delivery.c.recipient_id == recipient.c.id, *tried)
    had = (
        select(
            recipient.c.id,
            recipient.c.person_id,
            recipient.c.rung,
            recipient.c.reported,
            recipient.c.count_asked_at,
            recipient.c.count_doubted_at,
            recipient.c.count_doubted,
            recipient.c.reader_language,
            recipient.c.language,
            alert.c.id.label("alert_id"),
            alert.c.municipality_id,
            alert.c.number,
            alert.c.legend,
            alert.c.gravity,
            alert.c.kind,
            alert.c.state,
            alert.c.act,
            variant.c.topic,
            alert.c.event,
        )
        .join(alert, alert.c.id == recipient.c.alert_id)
        .join(variant, (variant.c.alert_id == alert.c.id) & (variant.c.language == recipient.c.language), isouter=True)
        .where(
            recipient.c.person_id.in_(people),
            recipient.c.left_out == "",
            or_(was_asked.exists(), recipient.c.id == read_on_page),
            alert.c.state != AlertState.DRAFT,
            (alert.c.ended_at.is_(None)) | (alert.c.ended_at > now - CLOSED_FOR),
        )
        .order_by(alert.c.number.desc())
    )
    return [_asked(row, now, newer=await _newer(conn, row)) for row in (await conn.execute(had)).all()]


async def _newer(conn: AsyncConnection, row: AnyRow) -> int:
    """Return the number of the update that holds in an alert's place and that this person gets too; 0: there is none."""
    if row.state != AlertState.REPLACED:
        return 0
    holds = await links.newest(conn, row.municipality_id, row.alert_id)
    if holds.state != AlertState.RELEASED or holds.act in CORRECTIONS:
        return 0
    theirs = await links.recipient_of(conn, row.municipality_id, holds.id, row.person_id)
    return int(holds.number) if theirs else 0


def _asked(row: AnyRow, now: datetime, *, newer: int) -> Asked:
    asked = row.count_asked_at is not None and row.count_asked_at <= now
    waiting_for_count = asked and row.reported == 0 and row.rung in (Rung.WILL_PASS, Rung.PASSED_ON)
    is_open = row.state == AlertState.RELEASED
    return Asked(
        alert_id=row.alert_id,
        number=row.number,
        legend=row.legend,
        gravity=row.gravity,
        kind=Kind(row.kind),
        topic=row.topic or row.event,
        recipient_id=row.id,
        person_id=row.person_id,
        open=is_open,
        newer=newer,
        withdraws=row.act == Act.WITHDRAW,
        rung=Rung(row.rung),
        # an old question must not take the answer to a new alert
        count_open=is_open and (waiting_for_count or row.count_doubted_at is not None),
        doubted=row.count_doubted if row.count_doubted_at is not None else None,
        counted=is_open and row.rung == Rung.PASSED_ON and row.reported > 0,
    )
