"""Sessions: browsers in which somebody is signed in, and browsers that are known. Of every cookie only a hash is kept."""

import secrets
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any

from sqlalchemy import func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from relay.model import NotFound, Role
from relay.store import tasks
from relay.store.columns import AnyRow
from relay.store.register import Stamp
from relay.store.tables import User, browser_session, known_device, login_attempt, user_role

#: a session ends when nothing was asked for so long, and in any case after so long (a shift)
IDLE, ABSOLUTE = timedelta(minutes=60), timedelta(hours=12)
#: a browser stays known for so long after it was last used
KNOWN = timedelta(days=180)
#: when a session was last used is written down so seldom: reading a page is no reason to write
SEEN_EVERY = timedelta(minutes=1)
#: tries at the door are kept for so long
TRIES = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Open:
    """A session that is valid now, with its user."""

    session_id: int
    user_id: int
    municipality_id: int
    name: str
    language: str
    roles: frozenset[Role]
    seen_at: datetime
    ends_at: datetime
    second_factor_at: datetime | None
    #: must choose a password of their own before anything else
    password_once: bool

    @property
    def expires_at(self) -> datetime:
        """When it ends if nothing is asked any more."""
        return min(self.seen_at + IDLE, self.ends_at)


def new_token() -> str:
    """Return what a cookie or a link carries: 256 random bits."""
    return secrets.token_urlsafe(32)


def hashed(token: str) -> str:
    """Return what is kept of a token."""
    return sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


# --- signing in and out -------------------------------------------------------------------------------------------------


async def begin(conn: AsyncConnection, user: AnyRow, device: str, now: datetime, *, second_factor: bool) -> str:
    """Open a session for a user row and return its cookie's value."""
    token = new_token()
    values = {"municipality_id": user.municipality_id, "user_id": user.id, "token_hash": hashed(token), "device": device[:80]}
    moments = {"created_at": now, "seen_at": now, "ends_at": now + ABSOLUTE, "second_factor_at": now if second_factor else None}
    await conn.execute(insert(browser_session).values(values | moments))
    await conn.execute(update(User).where(User.id == user.id).values(seen_at=now))
    return token


async def find(conn: AsyncConnection, token: str, now: datetime) -> Open | None:
    """Return the session of a cookie if it is still good: not ended, not too old, of a user who may come in."""
    columns = (browser_session, User.name, User.language, User.password_once, user_role.c.role)
    mine = select(*columns).join(User, User.id == browser_session.c.user_id).join(user_role, user_role.c.user_id == User.id, isouter=True)
    rows = (await conn.execute(mine.where(*_good(now), User.active, browser_session.c.token_hash == hashed(token)))).all()
    if not rows:
        return None
    row = rows[0]
    return Open(
        session_id=row.id,
        user_id=row.user_id,
        municipality_id=row.municipality_id,
        name=row.name,
        language=row.language,
        roles=frozenset(Role(one.role) for one in rows if one.role),
        seen_at=row.seen_at,
        ends_at=row.ends_at,
        second_factor_at=row.second_factor_at,
        password_once=row.password_once,
    )


def _good(now: datetime) -> tuple[Any, ...]:
    return (browser_session.c.ended_at.is_(None), browser_session.c.ends_at > now, browser_session.c.seen_at > now - IDLE)


async def roles_of(conn: AsyncConnection, ids: Collection[int], now: datetime) -> dict[int, frozenset[Role]]:
    """Return what the users of these sessions may do now; a session is missing that is not good any more: ended, too old, or shut out."""
    if not ids:
        return {}
    columns = select(browser_session.c.id, user_role.c.role).join(User, User.id == browser_session.c.user_id)
    good = columns.join(user_role, user_role.c.user_id == User.id, isouter=True).where(*_good(now), User.active)
    found: dict[int, frozenset[Role]] = {}
    for row in (await conn.execute(good.where(browser_session.c.id.in_(ids)))).all():
        found[row.id] = found.get(row.id, frozenset()) | ({Role(row.role)} if row.role else frozenset())
    return found


async def seen(conn: AsyncConnection, session_id: int, now: datetime) -> None:
    """Note that a session is in use."""
    await conn.execute(
        update(browser_session).where(browser_session.c.id == session_id, browser_session.c.seen_at < now).values(seen_at=now)
    )


async def carry(conn: AsyncConnection, by: timedelta) -> None:
    """Move open sessions along with a clock that jumps, as the demo's does."""
    moments = (browser_session.c.id, browser_session.c.seen_at, browser_session.c.ends_at)
    for row in (await conn.execute(select(*moments).where(browser_session.c.ended_at.is_(None)))).all():
        moved = {"seen_at": row.seen_at + by, "ends_at": row.ends_at + by}
        await conn.execute(update(browser_session).where(browser_session.c.id == row.id).values(moved))


async def showed_second_factor(conn: AsyncConnection, session_id: int, now: datetime) -> None:
    """Note that a session's user has shown the second factor."""
    await conn.execute(update(browser_session).where(browser_session.c.id == session_id).values(second_factor_at=now))


async def end(conn: AsyncConnection, token: str, now: datetime) -> None:
    """Sign out."""
    mine = (browser_session.c.token_hash == hashed(token), browser_session.c.ended_at.is_(None))
    await conn.execute(update(browser_session).where(*mine).values(ended_at=now, ended_by="signed_out"))


async def revoke(conn: AsyncConnection, municipality_id: int, session_id: int, stamp: Stamp, *, of_user: int | None = None) -> None:
    """End a session of this municipality, or of one of its users only; NotFound for any other."""
    mine = [browser_session.c.id == session_id, browser_session.c.municipality_id == municipality_id]
    if of_user is not None:
        mine.append(browser_session.c.user_id == of_user)
    owner = (await conn.execute(select(browser_session.c.user_id).where(*mine))).scalar()
    if owner is None:
        raise NotFound("There is no such session in this municipality.")
    ended = update(browser_session).where(*mine, browser_session.c.ended_at.is_(None)).values(ended_at=stamp.at, ended_by="revoked")
    await conn.execute(ended)
    await tasks.acted(
        conn, stamp.by, "session.revoke", stamp.at, municipality_id=municipality_id, subject=f"user:{owner}", session=session_id
    )


async def listed(conn: AsyncConnection, municipality_id: int, now: datetime, *, of_user: int | None = None) -> list[AnyRow]:
    """Return the open sessions of a municipality or of one of its users, the newest use first, with the user's name."""
    mine = select(browser_session, User.name).join(User, User.id == browser_session.c.user_id).where(*_good(now))
    mine = mine.where(browser_session.c.municipality_id == municipality_id)
    if of_user is not None:
        mine = mine.where(browser_session.c.user_id == of_user)
    return list((await conn.execute(mine.order_by(browser_session.c.seen_at.desc(), browser_session.c.id.desc()))).all())


# --- known browsers -----------------------------------------------------------------------------------------------------


async def know(conn: AsyncConnection, user: AnyRow, token: str, device: str, now: datetime) -> str:
    """Remember a browser in which `user` has just signed in; return its cookie's value, the old one where it was known already."""
    if token and await _is_known(conn, token, user.id, now):
        await conn.execute(update(known_device).where(known_device.c.token_hash == hashed(token)).values(seen_at=now))
        return token
    made = new_token()
    values = {"municipality_id": user.municipality_id, "user_id": user.id, "token_hash": hashed(made), "device": device[:80]}
    await conn.execute(insert(known_device).values(values | {"created_at": now, "seen_at": now}))
    return made


async def _is_known(conn: AsyncConnection, token: str, user_id: int, now: datetime) -> bool:
    mine = (known_device.c.token_hash == hashed(token), known_device.c.user_id == user_id, known_device.c.ended_at.is_(None))
    return (await conn.execute(select(known_device.c.id).where(*mine, known_device.c.seen_at > now - KNOWN))).scalar() is not None


async def knows(conn: AsyncConnection, token: str, login: str, now: datetime) -> bool:
    """Whether somebody has signed in as `login` in this browser before."""
    owner = (await conn.execute(select(User.id).where(User.login == login, User.login != ""))).scalar()
    return bool(token) and await _is_known(conn, token, owner or 0, now)


# --- tries at the door --------------------------------------------------------------------------------------------------


async def tried(conn: AsyncConnection, login: str, source: str, device: str, now: datetime, *, succeeded: bool) -> None:
    """Note a try at the door, by fingerprints; yesterday's are forgotten."""
    await conn.execute(login_attempt.delete().where(login_attempt.c.at < now - TRIES))
    values = {"login_key": login, "source_key": source, "device_key": device, "succeeded": succeeded, "at": now}
    await conn.execute(insert(login_attempt).values(values))


@dataclass(frozen=True, slots=True)
class Failures:
    """How often the door stayed shut lately: for this login and for this source by strangers, and in this known browser."""

    of_login: int
    of_source: int
    of_device: int


async def failures(conn: AsyncConnection, login: str, source: str, device: str, since: datetime) -> Failures:
    """Count failed tries since a moment. Tries in a known browser count for that browser alone, so that they shut nobody else out."""
    strangers = (login_attempt.c.at > since, login_attempt.c.succeeded.is_(False), login_attempt.c.device_key == "")
    known = (login_attempt.c.at > since, login_attempt.c.succeeded.is_(False), login_attempt.c.device_key == device)
    counted = select(
        select(func.count()).select_from(login_attempt).where(*strangers, login_attempt.c.login_key == login).scalar_subquery(),
        select(func.count()).select_from(login_attempt).where(*strangers, login_attempt.c.source_key == source).scalar_subquery(),
        select(func.count()).select_from(login_attempt).where(*known, login_attempt.c.login_key == login).scalar_subquery(),
    )
    of_login, of_source, of_device = (await conn.execute(counted)).one()
    return Failures(of_login, of_source, of_device if device else 0)
