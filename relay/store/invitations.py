"""Invitations: a link that lets one person in once. Of the link only a hash is kept; who holds it chooses the password."""

from collections.abc import Mapping
from datetime import datetime, timedelta

from sqlalchemy import insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from messages.form import Medium
from relay.model import BadInput, NotAllowed, NotFound, Role
from relay.store import paging, sealing, tasks, users
from relay.store.columns import AnyRow
from relay.store.names import ActName
from relay.store.normal import normal_address
from relay.store.register import Stamp
from relay.store.sessions import hashed, new_token
from relay.store.tables import User, invitation

#: an invitation is good for so long; a link to a new password for a day
LIFE, LIFE_OF_RESET = timedelta(days=7), timedelta(days=1)

#: how the causes of letters with such links begin
LETTER = "invitation:"

GONE = "This link has been used, taken back, or is too old. Ask for a new one."


async def invite(
    conn: AsyncConnection,
    municipality_id: int,
    new: users.NewUser,
    stamp: Stamp,
    *,
    invited_by: int | None = None,
    by_mail: bool = False,
) -> str:
    """Invite somebody to become a user with these roles; return what the link carries. `by_mail`: it is sent to their mailbox."""
    if not new.name.strip():
        raise BadInput("A user needs a name.")
    if not new.roles:
        raise BadInput("A user needs at least one role.")
    row = {"name": new.name.strip()[:120], "roles": sorted(new.roles), "email": new.email or None, "invited_by_id": invited_by}
    lookup = sealing.keyring().lookup(normal_address(Medium.EMAIL, new.email)) if by_mail else ""
    row |= {"email_lookup": lookup, "language": new.language}
    return await _link(conn, municipality_id, row, stamp, LIFE, "user.invite")


def cause(token_hash: str) -> str:
    """Return what the letter with an invitation's link is about."""
    return f"{LETTER}{token_hash}"


async def reset(conn: AsyncConnection, municipality_id: int, user_id: int, stamp: Stamp, *, invited_by: int | None = None) -> str:
    """Make a link by which a user chooses a new password; what they still had is taken back. NotFound in any other municipality."""
    user = await users.find(conn, municipality_id, user_id)
    mine = (invitation.c.user_id == user_id, invitation.c.ended_at.is_(None))
    await conn.execute(update(invitation).where(*mine).values(ended_at=stamp.at, ended_by="taken_back"))
    row = {"name": user.name, "roles": sorted(user.roles), "user_id": user_id, "invited_by_id": invited_by}
    return await _link(conn, municipality_id, row, stamp, LIFE_OF_RESET, "user.reset")


async def _link(conn: AsyncConnection, municipality_id: int, row: Mapping[str, object], stamp: Stamp, life: timedelta, act: ActName) -> str:
    token = new_token()
    values = {"municipality_id": municipality_id, "token_hash": hashed(token), "created_at": stamp.at, "expires_at": stamp.at + life}
    made = (await conn.execute(insert(invitation).values({**values, **row}).returning(invitation.c.id))).scalar_one()
    await tasks.acted(conn, stamp.by, act, stamp.at, municipality_id=municipality_id, subject=f"invitation:{made}", roles=row["roles"])
    return token


async def find(conn: AsyncConnection, token: str, now: datetime) -> AnyRow:
    """Return the invitation of a link; NotFound when it is not good any more, or never was."""
    good = (invitation.c.token_hash == hashed(token), invitation.c.ended_at.is_(None), invitation.c.expires_at > now)
    found = select(invitation, User.login).join(User, User.id == invitation.c.user_id, isouter=True).where(*good)
    row = (await conn.execute(found)).one_or_none()
    if row is None:
        raise NotFound(GONE)
    return row


async def accept(conn: AsyncConnection, row: AnyRow, login: str, password_hash: str, now: datetime, *, phone: str = "") -> int:
    """Use an invitation up: make the user with their telephone, or give them the new password; return who it is.

    NotAllowed when somebody was faster.
    """
    used = update(invitation).where(invitation.c.id == row.id, invitation.c.ended_at.is_(None)).values(ended_at=now, ended_by="used")
    if not (await conn.execute(used)).rowcount:
        raise NotAllowed(GONE)
    stamp = Stamp(by=row.name, at=now)
    if row.user_id is not None:
        await users.set_password(conn, row.municipality_id, row.user_id, password_hash, stamp)
        return int(row.user_id)
    if len(users.login_key(login)) < 2:
        raise BadInput("A sign-in name has at least two letters.")
    new = users.NewUser(
        name=row.name, roles=frozenset(map(Role, row.roles)), login=login, email=row.email or "", phone=phone, language=row.language
    )
    return await users.add(conn, row.municipality_id, new, stamp, password_hash=password_hash)


async def listed(conn: AsyncConnection, municipality_id: int, now: datetime) -> list[AnyRow]:
    """Return the invitations of a municipality that are still good, the newest first."""
    good = (invitation.c.municipality_id == municipality_id, invitation.c.ended_at.is_(None), invitation.c.expires_at > now)
    return list((await conn.execute(select(invitation).where(*good).order_by(invitation.c.id.desc()))).all())


async def take_back(conn: AsyncConnection, municipality_id: int, invitation_id: int, stamp: Stamp) -> None:
    """Take an invitation back, and its letter if that has not left yet; NotFound in any other municipality."""
    mine = (invitation.c.id == invitation_id, invitation.c.municipality_id == municipality_id, invitation.c.ended_at.is_(None))
    ended = update(invitation).where(*mine).values(ended_at=stamp.at, ended_by="taken_back").returning(invitation.c.token_hash)
    token_hash = (await conn.execute(ended)).scalar()
    if token_hash is None:
        raise NotFound("There is no such invitation in this municipality.")
    await paging.stop(conn, municipality_id, cause(token_hash), stamp.at)
    await tasks.acted(conn, stamp.by, "user.uninvite", stamp.at, municipality_id=municipality_id, subject=f"invitation:{invitation_id}")
