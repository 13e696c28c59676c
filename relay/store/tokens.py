"""Tokens of programs: whose they are, how far they reach, and what their repeated requests were answered."""

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256

from sqlalchemy import delete, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from relay.model import BadInput, NotFound, Role
from relay.store import tasks
from relay.store.columns import AnyRow
from relay.store.sql import insert_ignore
from relay.store.tables import User, api_answer, api_token, user_role

#: tells a token in a log or a repository for what it is, so that it can be found and revoked
MARK = "budstikke_"
#: a repeated request is recognised for so long
REMEMBERED = timedelta(days=1)
#: when a token was last used is written down so seldom
SEEN_EVERY = timedelta(minutes=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Bearer:
    """A token that is good now, and the user whom it stands for."""

    token_id: int
    municipality_id: int
    user_id: int
    name: str
    roles: frozenset[Role]
    scopes: frozenset[str]
    seen_at: datetime | None


def hashed(token: str) -> str:
    """Return what is kept of a token."""
    return sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


async def add(conn: AsyncConnection, municipality_id: int, user_id: int, name: str, scopes: frozenset[str], by: str, now: datetime) -> str:
    """Make a token for one of this municipality's users and return it: it is shown this once. BadInput without a name or a scope."""
    if not name.strip() or not scopes:
        raise BadInput("A token needs a name and at least one scope.")
    mine = select(User.id).where(User.id == user_id, User.municipality_id == municipality_id, User.active)
    if (await conn.execute(mine)).scalar() is None:
        raise NotFound("There is no such user in this municipality.")
    token = MARK + secrets.token_urlsafe(32)
    row = {"municipality_id": municipality_id, "user_id": user_id, "name": name.strip()[:120], "scopes": sorted(scopes)}
    made = await conn.execute(insert(api_token).values(row | {"token_hash": hashed(token), "created_at": now}).returning(api_token.c.id))
    subject = f"token:{made.scalar_one()}"
    await tasks.acted(conn, by, "token.add", now, municipality_id=municipality_id, subject=subject, user=user_id, scopes=sorted(scopes))
    return token


async def find(conn: AsyncConnection, token: str) -> Bearer | None:
    """Return whom a token stands for, if it is still good and its user may still come in."""
    found = (
        select(api_token, User.name.label("user_name"))
        .join(User, User.id == api_token.c.user_id)
        .where(api_token.c.token_hash == hashed(token), api_token.c.ended_at.is_(None), User.active)
    )
    row = (await conn.execute(found)).one_or_none()
    if row is None:
        return None
    roles = (await conn.execute(select(user_role.c.role).where(user_role.c.user_id == row.user_id))).scalars()
    return Bearer(
        token_id=row.id,
        municipality_id=row.municipality_id,
        user_id=row.user_id,
        name=row.user_name,
        roles=frozenset(map(Role, roles)),
        scopes=frozenset(row.scopes),
        seen_at=row.seen_at,
    )


async def seen(conn: AsyncConnection, token_id: int, now: datetime) -> None:
    """Note that a token is in use."""
    await conn.execute(update(api_token).where(api_token.c.id == token_id).values(seen_at=now))


async def listed(conn: AsyncConnection, municipality_id: int) -> list[AnyRow]:
    """Return a municipality's tokens, newest first, with their users' names."""
    mine = select(api_token, User.name.label("user_name")).join(User, User.id == api_token.c.user_id)
    rows = await conn.execute(mine.where(api_token.c.municipality_id == municipality_id).order_by(api_token.c.id.desc()))
    return list(rows.all())


async def revoke(conn: AsyncConnection, municipality_id: int, token_id: int, by: str, now: datetime) -> None:
    """End a token at once; NotFound for another municipality's."""
    mine = (api_token.c.id == token_id, api_token.c.municipality_id == municipality_id)
    ended = update(api_token).where(*mine, api_token.c.ended_at.is_(None)).values(ended_at=now)
    if (await conn.execute(ended.returning(api_token.c.id))).scalar() is None:
        raise NotFound(f"There is no token {token_id} in use in this municipality.")
    await tasks.acted(conn, by, "token.revoke", now, municipality_id=municipality_id, subject=f"token:{token_id}")


# --- repeated requests ------------------------------------------------------------------------------------------------


async def claim(conn: AsyncConnection, token_id: int, key: str, request_sha256: str, now: datetime) -> AnyRow | None:
    """Begin a request under its key; return what is known of an earlier one with the same key, or None when there is none."""
    await conn.execute(delete(api_answer).where(api_answer.c.at < now - REMEMBERED))
    row = {"token_id": token_id, "key_hash": hashed(key), "request_sha256": request_sha256, "at": now}
    if (await conn.execute(insert_ignore(api_answer).values(row))).rowcount:
        return None
    mine = (api_answer.c.token_id == token_id, api_answer.c.key_hash == hashed(key))
    return (await conn.execute(select(api_answer).where(*mine))).one()


async def answered(conn: AsyncConnection, token_id: int, key: str, status: int, body: str) -> None:
    """Keep what a request was answered."""
    mine = (api_answer.c.token_id == token_id, api_answer.c.key_hash == hashed(key))
    await conn.execute(update(api_answer).where(*mine).values(status=status, body=body))


async def forget(conn: AsyncConnection, token_id: int, key: str) -> None:
    """Let a request that changed nothing be tried again under its key."""
    await conn.execute(delete(api_answer).where(api_answer.c.token_id == token_id, api_answer.c.key_hash == hashed(key)))
