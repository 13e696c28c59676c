"""Feeds of official messages: which addresses each municipality listens to, what was there the last time, and what went wrong."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import delete, func, insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from relay.model import BadInput, NotFound
from relay.store import tasks
from relay.store.columns import AnyRow
from relay.store.tables import cap_feed


async def add(conn: AsyncConnection, municipality_id: int, url: str, by: str, now: datetime) -> int:
    """Listen to an address from now on; return the feed's id. BadInput when we do already."""
    row = {"municipality_id": municipality_id, "url": url, "seen": [], "created_at": now, "created_by": by[:120]}
    try:
        async with conn.begin_nested():
            made: int = (await conn.execute(insert(cap_feed).values(row).returning(cap_feed.c.id))).scalar_one()
    except IntegrityError as error:
        raise BadInput("This address is listened to already.") from error
    await tasks.acted(conn, by, "feed.add", now, municipality_id=municipality_id, subject=f"feed:{made}")
    return made


async def remove(conn: AsyncConnection, municipality_id: int, feed_id: int, by: str, now: datetime) -> None:
    """Listen to a feed no more; NotFound in any other municipality. What came of it stays."""
    mine = (cap_feed.c.id == feed_id, cap_feed.c.municipality_id == municipality_id)
    if not (await conn.execute(delete(cap_feed).where(*mine))).rowcount:
        raise NotFound(f"There is no feed {feed_id} in this municipality.")
    await tasks.acted(conn, by, "feed.remove", now, municipality_id=municipality_id, subject=f"feed:{feed_id}")


async def listed(conn: AsyncConnection, municipality_id: int | None = None) -> list[AnyRow]:
    """Return a municipality's feeds, or all of an installation."""
    rows = select(cap_feed).order_by(cap_feed.c.id)
    mine = rows.where(cap_feed.c.municipality_id == municipality_id) if municipality_id is not None else rows
    return list((await conn.execute(mine)).all())


async def looked(conn: AsyncConnection, feed_id: int, now: datetime, **there: Any) -> None:
    """Note that a feed was read; `there`: etag, last_modified and seen, where they are new."""
    await _note(conn, feed_id, {"looked_at": now, "failed_at": None, "failure": "", **there})


async def failed(conn: AsyncConnection, feed_id: int, why: str, now: datetime, *, seen: Sequence[str] | None = None) -> None:
    """Note why a feed, or some of it, could not be read, and since when. `seen`: what of it could."""
    since = func.coalesce(cap_feed.c.failed_at, now)
    await _note(conn, feed_id, {"failed_at": since, "failure": why[:300]} | ({"seen": list(seen)} if seen is not None else {}))


async def _note(conn: AsyncConnection, feed_id: int, values: dict[str, Any]) -> None:
    await conn.execute(update(cap_feed).where(cap_feed.c.id == feed_id).values(values))
