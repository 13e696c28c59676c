"""What the pages about one alert share: which one the address means, and what a form says in the reader's language."""

from collections.abc import Mapping
from datetime import datetime

from aiohttp import web
from sqlalchemy.ext.asyncio import AsyncConnection

from messages.alert import Act, Kind
from messages.zones import zone_of
from relay.model import AlertState
from relay.store import alerts
from relay.store.columns import AnyRow
from relay.web import words
from relay.web.page import language_of
from relay.web.who import who

#: how a state and a kind are called, and coloured, on every page
STATES: Mapping[AlertState, tuple[str, str]] = {
    AlertState.DRAFT: ("Draft", "neutral"),
    AlertState.APPROVED: ("Approved, not sent", "info"),
    AlertState.RELEASED: ("Out", "success"),
    AlertState.CLOSED: ("Ended", "neutral"),
    AlertState.REPLACED: ("Replaced", "neutral"),
    AlertState.WITHDRAWN: ("Withdrawn", "danger"),
}
KINDS: Mapping[Kind, str] = {Kind.ACTUAL: "Real alert", Kind.EXERCISE: "Exercise", Kind.TEST: "Test"}
ACTS: Mapping[Act, str] = {Act.ISSUE: "", Act.UPDATE: "Update", Act.WITHDRAW: "Withdrawal", Act.OVER: "Danger over"}

Form = Mapping[str, str]


async def row_of(request: web.Request, conn: AsyncConnection) -> AnyRow:
    """Return the alert that the address names, of the asker's municipality; NotFound when there is none."""
    mine = who(request).municipality_id
    alert_id = await alerts.id_of_number(conn, mine, int(request.match_info["number"]))
    return await alerts.row_of(conn, mine, alert_id)


async def form_of(request: web.Request) -> Form:
    """Return what a form says; of a field that is sent twice, the last."""
    return {name: value for name, value in (await request.post()).items() if isinstance(value, str)}


def say(request: web.Request, sentence: str, /, **values: object) -> str:
    """Return an English sentence in the reader's language."""
    return words.say(language_of(request), sentence, **values)


def moment(written: str, timezone: str) -> datetime | None:
    """Read a browser's datetime-local in the municipality's zone; None for an empty field. ValueError when it is none."""
    return datetime.fromisoformat(written).replace(tzinfo=zone_of(timezone)) if written.strip() else None


def field_of(at: datetime | None, timezone: str) -> str:
    """Write a moment as a browser's datetime-local wants it."""
    return f"{at.astimezone(zone_of(timezone)):%Y-%m-%dT%H:%M}" if at else ""
