"""Links to the duty room's wall: random, kept as a hash, and at an end with their alert."""

import secrets
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256

from sqlalchemy import insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from relay.model import AlertState, NotAllowed, NotFound
from relay.store import tasks
from relay.store.board import Heading
from relay.store.columns import AnyRow
from relay.store.tables import alert, wall_link

TOKEN_BYTES = 24


@dataclass(frozen=True, slots=True, kw_only=True)
class Wall:
    """What a link shows, as long as it is good."""

    link_id: int
    municipality_id: int
    alert_id: int


def _hash(token: str) -> str:
    return sha256(token.encode()).hexdigest()


async def make(conn: AsyncConnection, which: Heading, by: str, now: datetime) -> str:
    """Make a link to an alert's wall and return its token, which is told this once. NotAllowed when the alert has ended."""
    if not which.open:
        raise NotAllowed("Alert no. %(number)s is not under way: there is nothing to watch.", number=which.number)
    token = secrets.token_urlsafe(TOKEN_BYTES)
    row = {"municipality_id": which.municipality_id, "alert_id": which.alert_id, "token_hash": _hash(token), "made_by": by, "made_at": now}
    await conn.execute(insert(wall_link).values(row))
    await tasks.acted(conn, by, "wall.made", now, municipality_id=which.municipality_id, subject=f"alert:{which.alert_id}")
    return token


async def find(conn: AsyncConnection, token: str) -> Wall | None:
    """Return what a token shows; None when there is no such link, it was ended, or its alert is over."""
    good = (wall_link.c.token_hash == _hash(token), wall_link.c.ended_at.is_(None), alert.c.state == AlertState.RELEASED)
    columns = (wall_link.c.id, wall_link.c.municipality_id, wall_link.c.alert_id)
    row = (await conn.execute(select(*columns).join(alert, alert.c.id == wall_link.c.alert_id).where(*good))).one_or_none()
    return Wall(link_id=row.id, municipality_id=row.municipality_id, alert_id=row.alert_id) if row else None


async def of_alert(conn: AsyncConnection, which: Heading) -> list[AnyRow]:
    """Return the links of an alert that are still good, oldest first."""
    mine = (wall_link.c.municipality_id == which.municipality_id, wall_link.c.alert_id == which.alert_id, wall_link.c.ended_at.is_(None))
    return list((await conn.execute(select(wall_link).where(*mine).order_by(wall_link.c.id))).all())


async def end(conn: AsyncConnection, which: Heading, link_id: int, by: str, now: datetime) -> None:
    """End a link; NotFound when the alert has no such link, or it has ended."""
    this = (
        wall_link.c.id == link_id,
        wall_link.c.municipality_id == which.municipality_id,
        wall_link.c.alert_id == which.alert_id,
        wall_link.c.ended_at.is_(None),
    )
    done = await conn.execute(update(wall_link).where(*this).values(ended_at=now, ended_by=by))
    if not done.rowcount:
        raise NotFound("There is no such link, or it has ended already.")
    await tasks.acted(conn, by, "wall.ended", now, municipality_id=which.municipality_id, subject=f"alert:{which.alert_id}")
    # open walls look again, and find that they have ended
    await tasks.happened(conn, which.municipality_id, "wall.ended", now, alert_id=which.alert_id)
