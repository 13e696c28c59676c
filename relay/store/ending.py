"""The end of an alert: what has not left is spared; what has left, or may have, is what a correction must follow."""

from collections.abc import Collection
from datetime import datetime, timedelta

from sqlalchemy import Select, and_, delete, not_, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from channels.base import Evidence
from messages.form import Part
from relay.model import AlertState, DeliveryState, LeftOut, SparedBy, TaskKind
from relay.routing.policy import CORRECTIONS
from relay.store import alerts, answers, recipients, tasks
from relay.store.columns import AnyRow
from relay.store.tables import alert, alert_group, attempt, counter, delivery, recipient, recipient_group, share_link, task

#: parts that hold something of the alert; a wake-up and a question about numbers do not
TELLS = (Part.FORWARD, Part.ASK, Part.LETTER, Part.REMINDER)
#: why nothing is sent to people who could still be rung
NO_WAY = (LeftOut.NO_ADDRESS, LeftOut.NO_USABLE_ADDRESS)
#: people still answer for a while after an alert has expired; one without an end is over after so long
STAYS_OPEN, OPEN_END = timedelta(hours=12), timedelta(hours=72)


async def spare_unsent(conn: AsyncConnection, alert_id: int, now: datetime, *, by: SparedBy = SparedBy.CANCELLED) -> int:
    """Drop every planned send of an ended alert that has not begun, and what asks to ring people about it; return how many sends.

    Answers to people still go.
    """
    waiting = (delivery.c.alert_id == alert_id, answers.not_begun(), delivery.c.part != Part.NOTICE)
    spared = (
        update(delivery).where(*waiting).values(state=DeliveryState.SPARED, spared_by=by, ended_at=now).returning(delivery.c.recipient_id)
    )
    owners = list((await conn.execute(spared)).scalars())
    await recipients.refresh(conn, {owner for owner in owners if owner is not None}, now)
    await tasks.end_with_alert(conn, alert_id, now)
    return len(owners)


async def ring_on(conn: AsyncConnection, old_id: int, new_id: int, now: datetime) -> None:
    """Let people be rung about an update who were to be rung about what it replaces, and whom nothing else of it reaches."""
    asked = select(task.c.person_id).where(task.c.alert_id == old_id, task.c.kind == TaskKind.CALL, tasks.ended_with(now))
    lacking = (recipient.c.alert_id == new_id, recipient.c.person_id.in_(asked), recipient.c.left_out.in_(NO_WAY))
    for row in (await conn.execute(select(recipient).where(*lacking))).all():
        await tasks.open_task(conn, tasks.of_person(row, TaskKind.CALL, f"call:{row.id}"), now)


async def close_lapsed(conn: AsyncConnection, now: datetime) -> int:
    """Close alerts that have lapsed: answers to them are still kept, but their digits are free for another."""
    lapsed = or_(alert.c.expires_at < now - STAYS_OPEN, and_(alert.c.expires_at.is_(None), alert.c.released_at < now - OPEN_END))
    found = select(alert.c.id).where(alert.c.state == AlertState.RELEASED, lapsed)
    ids = list((await conn.execute(found)).scalars())
    for alert_id in ids:
        await alerts.move(conn, alert_id, AlertState.CLOSED, now)
        await spare_unsent(conn, alert_id, now, by=SparedBy.CLOSED)
    return len(ids)


async def put_back(conn: AsyncConnection, municipality_id: int, row: AnyRow, now: datetime) -> AnyRow | None:
    """Put back in force what alert `row` had ended by its release, and arm again what was dropped then; return it, or None."""
    if row.replaces_id is None or row.released_at is None:
        return None
    old = await alerts.row_of(conn, municipality_id, row.replaces_id, to_change=True)
    if old.ended_at != row.released_at:
        return None
    state = AlertState.RELEASED if old.released_at else AlertState.APPROVED
    await alerts.move(conn, old.id, state, now, ended_at=None)
    dropped = (delivery.c.alert_id == old.id, delivery.c.spared_by == SparedBy.NEWER_ALERT, delivery.c.ended_at == row.released_at)
    armed = {"state": DeliveryState.WAITING, "spared_by": "", "ended_at": None}
    again = await conn.execute(
        update(delivery).where(*dropped, delivery.c.state == DeliveryState.SPARED).values(armed).returning(delivery.c.recipient_id)
    )
    owners = {owner for owner in again.scalars() if owner is not None}
    await answers.spare_again(conn, old.id, now)
    await recipients.refresh(conn, owners, now)
    await tasks.begin_again(conn, old.id, row.released_at)
    return old


async def undo(conn: AsyncConnection, municipality_id: int, row: AnyRow, now: datetime) -> bool:
    """Take back a release of which nothing has begun to leave: as if it had never been; false when something has, even in vain."""
    tried = select(attempt.c.id).where(attempt.c.delivery_id == delivery.c.id).exists()
    moved = and_(delivery.c.action != "", delivery.c.state != DeliveryState.WAITING)
    begun = select(delivery.c.id).where(delivery.c.alert_id == row.id, or_(moved, tried))
    if (await conn.execute(begun.limit(1))).scalar() is not None:
        return False
    await put_back(conn, municipality_id, row, now)
    # each one's rows before those that they point to; a link was made for a text that did not leave after all
    theirs = select(recipient.c.id).where(recipient.c.alert_id == row.id)
    await conn.execute(delete(share_link).where(share_link.c.recipient_id.in_(theirs)))
    await conn.execute(delete(task).where(task.c.recipient_id.in_(theirs)))
    for table in (delivery, recipient_group, recipient, alert_group, counter):
        await conn.execute(delete(table).where(table.c.alert_id == row.id, table.c.municipality_id == municipality_id))
    await alerts.move(conn, row.id, AlertState.APPROVED, now, released_at=None, legend=0)
    return True


async def close_correction(conn: AsyncConnection, municipality_id: int, now: datetime) -> int | None:
    """Close the oldest correction that has all left, when a new alert needs its digit; return the digit, or None when there is none."""
    unsent = select(delivery.c.id).where(
        delivery.c.alert_id == alert.c.id, delivery.c.state.in_((DeliveryState.WAITING, DeliveryState.CLAIMED))
    )
    sent = (alert.c.municipality_id == municipality_id, alert.c.state == AlertState.RELEASED, alert.c.act.in_(CORRECTIONS))
    oldest = select(alert.c.id, alert.c.legend).where(*sent, not_(unsent.exists())).order_by(alert.c.released_at, alert.c.id)
    row = (await conn.execute(oldest)).first()
    if row is None:
        return None
    await alerts.move(conn, row.id, AlertState.CLOSED, now)
    return int(row.legend)


async def may_have_left(conn: AsyncConnection, alert_id: int) -> bool:
    """Whether any copy of an alert may be with a person, or on its way."""
    return (await conn.execute(holders([alert_id]).limit(1))).scalar() is not None


def holders(alert_ids: Collection[int]) -> Select[tuple[int]]:
    """Recipients who have, or may have, some of an alert's text: one body is enough, and so is a call under way or given up in doubt."""
    maybe = or_(attempt.c.evidence != Evidence.REFUSED, attempt.c.reason == "NOT_FOUND")
    tried = select(delivery.c.recipient_id).join(attempt, attempt.c.delivery_id == delivery.c.id)
    return tried.where(delivery.c.alert_id.in_(alert_ids), delivery.c.part.in_(TELLS), maybe)
