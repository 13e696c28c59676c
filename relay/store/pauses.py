"""What is paused: since when and by whom, as the chain of acts has it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from relay.model import AlertState
from relay.store import identity
from relay.store.names import ActName
from relay.store.tables import Municipality, act_log, alert

PAUSE: Final[ActName] = "alert.pause"


@dataclass(frozen=True, slots=True, kw_only=True)
class Pause:
    """A pause that lasts. What the chain of acts has forgotten is not known: no moment, and no name."""

    since: datetime | None
    by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """An alert that is paused, of some municipality."""

    town: str
    number: int
    since: datetime | None


async def of(conn: AsyncConnection, municipality_id: int, alert_id: int) -> Pause:
    """Return since when a paused alert is paused, and by whom."""
    mine = (act_log.c.chain == municipality_id, act_log.c.act == PAUSE, act_log.c.subject == f"alert:{alert_id}")
    newest = select(act_log.c.at, act_log.c.actor).where(*mine).order_by(act_log.c.number.desc()).limit(1)
    row = (await conn.execute(newest)).one_or_none()
    if row is None:
        return Pause(since=None, by="")
    names = await identity.names(conn, municipality_id)
    return Pause(since=row.at, by=next((name for user_id, name in names.items() if row.actor == f"user:{user_id}"), ""))


async def standing(conn: AsyncConnection) -> Sequence[Standing]:
    """Return every alert of the installation that is out and paused, by municipality and number."""
    columns = (alert.c.id, alert.c.municipality_id, alert.c.number, Municipality.name)
    paused = select(*columns).join(Municipality, Municipality.id == alert.c.municipality_id)
    rows = (
        await conn.execute(paused.where(alert.c.paused, alert.c.state == AlertState.RELEASED).order_by(Municipality.name, alert.c.number))
    ).all()
    return [Standing(town=row.name, number=row.number, since=(await of(conn, row.municipality_id, row.id)).since) for row in rows]
