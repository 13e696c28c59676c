"""Which of the municipality's ordinary channels were used for an alert: the newest event of each tells."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from relay.model import AlertState
from relay.store import tasks
from relay.store.columns import AnyRow
from relay.store.tables import event

KIND: Final = "alert.channel"


ASKED = "alert.asked"
#: the newest of these says whether somebody is to approve a draft
_ABOUT_APPROVAL = (ASKED, "alert.sent_back", "alert.approved")


@dataclass(frozen=True, slots=True, kw_only=True)
class Ticked:
    """An ordinary channel that was used: by whom it was noted, and when."""

    by: str
    at: datetime


async def note(conn: AsyncConnection, municipality_id: int, alert_id: int, channel: str, by: str, now: datetime, *, used: bool) -> None:
    """Write down that a channel was used, or was not after all."""
    await tasks.happened(conn, municipality_id, KIND, now, alert_id=alert_id, channel=channel, used=used, by=by)


async def ticked(conn: AsyncConnection, municipality_id: int, alert_id: int) -> Mapping[str, Ticked]:
    """Return the channels that were used."""
    mine = (event.c.municipality_id == municipality_id, event.c.alert_id == alert_id, event.c.kind == KIND)
    rows = (await conn.execute(select(event).where(*mine).order_by(event.c.number))).all()
    newest = {row.data["channel"]: row for row in rows}
    return {channel: Ticked(by=row.data["by"], at=row.at) for channel, row in newest.items() if row.data["used"]}


async def proposed(conn: AsyncConnection, municipality_id: int, alert_id: int) -> tuple[frozenset[int], str]:
    """Return the groups that the author last proposed to wake, and why."""
    mine = (event.c.municipality_id == municipality_id, event.c.alert_id == alert_id, event.c.kind == ASKED)
    data = (await conn.execute(select(event.c.data).where(*mine).order_by(event.c.number.desc()).limit(1))).scalar() or {}
    return frozenset(data.get("wake", ())), data.get("reason", "")


async def asked_at(conn: AsyncConnection, row: AnyRow) -> datetime | None:
    """Return when approval of a draft was asked for; None when it was not, or an approver has sent it back or approved it since."""
    if row.state != AlertState.DRAFT:
        return None
    mine = (event.c.municipality_id == row.municipality_id, event.c.alert_id == row.id, event.c.kind.in_(_ABOUT_APPROVAL))
    last = (await conn.execute(select(event.c.kind, event.c.at).where(*mine).order_by(event.c.number.desc()).limit(1))).one_or_none()
    return last.at if last and last.kind == ASKED else None


async def happened(conn: AsyncConnection, municipality_id: int, alert_id: int, kinds: str = "alert.") -> list[AnyRow]:
    """Return what was done with an alert, oldest first."""
    mine = (event.c.municipality_id == municipality_id, event.c.alert_id == alert_id, event.c.kind.startswith(kinds, autoescape=True))
    return list((await conn.execute(select(event).where(*mine).order_by(event.c.number))).all())
