"""What people do with an alert that is out: undo, pause, add a language, look over what one approved alone, tick off channels."""

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from relay import authority, staff
from relay.model import AlertState, BadInput, NotAllowed
from relay.store import alerts, checklist, drafts, ending, paging, tasks
from relay.store.columns import AnyRow
from relay.store.identity import identity
from relay.store.names import ActName, EventName
from relay.store.tables import name_key

#: the municipality's ordinary channels, beside which this one stands
ORDINARY = ("web", "municipal_sms", "nodvarsel", "radio", "social", "posters")

#: the act and the event of a pause, and of its end
PAUSED: Mapping[bool, tuple[ActName, EventName]] = {True: ("alert.pause", "alert.paused"), False: ("alert.resume", "alert.resumed")}

# in these words the pages' catalogues find them
BEGUN = "It has begun to leave and cannot be undone. Withdraw it, or say that the danger is over."
NOT_OUT = "Only an alert that is out can be paused."
NO_TEXT_WAITS = "There is no text in this language that waits for approval."
OWN_TEXT = "You wrote this text and cannot approve it too. Ask a second person."
NOT_BY_YOU = "A second person looks it over, not one who wrote or approved it."
NOTHING_TO_LOOK_OVER = "Nobody needs to look it over."


async def undo(conn: AsyncConnection, municipality_id: int, alert_id: int, by: str, now: datetime) -> None:
    """Take a release back before anything has left: the alert is approved again. NotAllowed when something may have left."""
    row = await alerts.row_of(conn, municipality_id, alert_id, to_change=True)
    if row.state != AlertState.RELEASED or not await ending.undo(conn, municipality_id, row, now):
        raise NotAllowed(BEGUN)
    await paging.stop(conn, municipality_id, staff.causes("release", alert_id), now)
    await _record(conn, row, by, "alert.undo", "alert.undone", now)


async def pause(conn: AsyncConnection, municipality_id: int, alert_id: int, by: str, now: datetime, *, paused: bool) -> None:
    """Hold back what has not left, or let it go on; answers are heard and answered all the while."""
    row = await alerts.row_of(conn, municipality_id, alert_id, to_change=True)
    if row.state != AlertState.RELEASED:
        raise NotAllowed(NOT_OUT)
    await alerts.move(conn, alert_id, AlertState.RELEASED, now, paused=paused)
    await _record(conn, row, by, *PAUSED[paused], now)


async def approve_text(conn: AsyncConnection, municipality_id: int, alert_id: int, language: str, by: str, now: datetime) -> None:
    """Stand for a text that was added after release; of a real alert never who wrote it."""
    row = await alerts.row_of(conn, municipality_id, alert_id, to_change=True)
    text = await drafts.late_text(conn, alert_id, language)
    if row.state != AlertState.RELEASED or text is None:
        raise NotAllowed(NO_TEXT_WAITS)
    if authority.needs_second_person(row.kind) and name_key(text.updated_by) == name_key(by):
        raise NotAllowed(OWN_TEXT)
    await drafts.approve_text(conn, alert_id, language)
    await _record(conn, row, by, "alert.approve_text", "alert.text_approved", now, language=language)


async def looked_over(conn: AsyncConnection, municipality_id: int, alert_id: int, by: str, now: datetime) -> None:
    """A second person has looked over what one approved alone. NotAllowed for the one who did."""
    row = await alerts.row_of(conn, municipality_id, alert_id, to_change=True)
    asker = await identity(conn, municipality_id, by, now)
    if name_key(by) == name_key(row.approver) or authority.is_author(row, by, asker):
        raise NotAllowed(NOT_BY_YOU)
    if not await tasks.close_cause(conn, municipality_id, f"review:{alert_id}", by, "looked over", now):
        raise NotAllowed(NOTHING_TO_LOOK_OVER)
    await _record(conn, row, by, "alert.looked_over", "alert.looked_over", now)


async def tick(conn: AsyncConnection, municipality_id: int, alert_id: int, channel: str, by: str, now: datetime, *, used: bool) -> None:
    """Note that an ordinary channel was used for the same matter, or that it was not after all."""
    row = await alerts.row_of(conn, municipality_id, alert_id)
    if channel not in ORDINARY:
        raise BadInput("%(channel)s is none of the ordinary channels.", channel=channel)
    await checklist.note(conn, municipality_id, alert_id, channel, by, now, used=used)
    await tasks.acted(
        conn, by, "alert.channel", now, municipality_id=municipality_id, subject=f"alert:{row.id}", channel=channel, used=used
    )


async def _record(conn: AsyncConnection, row: AnyRow, by: str, act: ActName, event: EventName, now: datetime, **data: str) -> None:
    await tasks.acted(conn, by, act, now, municipality_id=row.municipality_id, subject=f"alert:{row.id}", **data)
    await tasks.happened(conn, row.municipality_id, event, now, alert_id=row.id, **data)
