"""Users: who acts for a municipality, in which roles, and how they prove who they are."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import CursorResult, insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from messages.form import Medium
from relay.model import BadInput, NotAllowed, NotFound, Role
from relay.store import sealing, tasks
from relay.store.columns import AnyRow
from relay.store.identity import HOUSE
from relay.store.names import ActName
from relay.store.normal import checked_address, normal_address
from relay.store.register import Stamp
from relay.store.tables import User, browser_session, known_device, name_key, user_role

TAKEN = "There is a user of that name, or with that sign-in name, already. Choose another."
LAST = "Nobody else could manage users then. Make another user an administrator first."


@dataclass(frozen=True, slots=True, kw_only=True)
class NewUser:
    """A user as they are added."""

    name: str
    roles: frozenset[Role]
    #: what they sign in with; "": not at all
    login: str = ""
    email: str = ""
    phone: str = ""
    #: of the pages: nb | nn | en; "": as the browser asks
    language: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """A user as pages and messages see them."""

    user_id: int
    municipality_id: int
    name: str
    login: str
    active: bool
    roles: frozenset[Role]
    email: str
    phone: str
    language: str
    second_factor: bool
    recovery_left: int
    seen_at: datetime | None


# --- adding and changing ------------------------------------------------------------------------------------------------


async def add(
    conn: AsyncConnection, municipality_id: int, new: NewUser, stamp: Stamp, *, password_hash: str = "", once: bool = False
) -> int:
    """Add a user and return the id. `once`: the password must be changed at the first sign-in. BadInput when name or login is taken.

    Who was known by name only, from a command line, becomes the user of that name: it is the same person.
    """
    values = _checked(new) | {"password_hash": password_hash, "password_once": once, "password_at": stamp.at if password_hash else None}
    try:
        async with conn.begin_nested():
            user_id = await _named_only(conn, municipality_id, new.name, values, stamp)
            if user_id is None:
                values |= {"municipality_id": municipality_id, **stamp.new}
                user_id = int((await conn.execute(insert(User).values(values).returning(User.id))).scalar_one())
    except IntegrityError as error:
        raise BadInput(TAKEN) from error
    await _put_roles(conn, municipality_id, user_id, new.roles)
    roles = sorted(new.roles)
    await tasks.acted(conn, stamp.by, "user.add", stamp.at, municipality_id=municipality_id, subject=f"user:{user_id}", roles=roles)
    return user_id


async def _named_only(conn: AsyncConnection, municipality_id: int, name: str, values: Mapping[str, Any], stamp: Stamp) -> int | None:
    mine = (User.municipality_id == municipality_id, User.name_key == name_key(name), User.login == "")
    return (await conn.execute(update(User).where(*mine).values(**values, **stamp.changed).returning(User.id))).scalar()


def _checked(new: NewUser) -> dict[str, Any]:
    name, login = " ".join(new.name.split()), login_key(new.login)
    if not name:
        raise BadInput("A user needs a name.")
    if name_key(name) in HOUSE:
        raise BadInput("That name is the house's own. Choose another.")
    if not new.roles:
        raise BadInput("A user needs at least one role.")
    if login and len(login) < 2:
        raise BadInput("A sign-in name has at least two letters.")
    return {
        "name": name[:120],
        "name_key": name_key(name),
        "login": login,
        "language": new.language,
        "active": True,
        **_ways(new.email, new.phone),
    }


def number(phone: str) -> str:
    """Return a telephone number as it is kept; "" stays "". BadInput when it is none."""
    return checked_address(Medium.SMS, phone) if phone.strip() else ""


def _ways(email: str, phone: str) -> dict[str, Any]:
    """Return the columns of mailbox and number, with the same fingerprints as the register's."""
    email = checked_address(Medium.EMAIL, email) if email.strip() else ""
    phone = number(phone)
    look = sealing.keyring().lookup
    return {
        "email": email or None,
        "email_lookup": look(normal_address(Medium.EMAIL, email)) if email else "",
        "phone": phone or None,
        "phone_lookup": look(normal_address(Medium.SMS, phone)) if phone else "",
    }


def mailbox(written: str) -> str:
    """Return a mailbox as it is kept, "" for none; BadInput when it is no mailbox."""
    return checked_address(Medium.EMAIL, written) if written.strip() else ""


def login_key(login: str) -> str:
    """Return a sign-in name as it is compared: in small letters, without spaces around."""
    return login.strip().casefold()[:120]


async def change(conn: AsyncConnection, municipality_id: int, user_id: int, stamp: Stamp, *, email: str, phone: str, language: str) -> None:
    """Change how a user is reached and addressed."""
    await _set(conn, municipality_id, user_id, stamp, "user.change", **_ways(email, phone), language=language)


async def set_roles(conn: AsyncConnection, municipality_id: int, user_id: int, roles: frozenset[Role], stamp: Stamp) -> None:
    """Give a user these roles and no others. NotAllowed when nobody could manage users any more."""
    before = await find(conn, municipality_id, user_id)
    if not roles:
        raise BadInput("A user needs at least one role. Shut them out instead, if they are to have none.")
    await _put_roles(conn, municipality_id, user_id, roles)
    await _somebody_manages(conn, municipality_id)
    data = {"before": sorted(before.roles), "after": sorted(roles)}
    await tasks.acted(conn, stamp.by, "user.roles", stamp.at, municipality_id=municipality_id, subject=f"user:{user_id}", **data)


async def set_active(conn: AsyncConnection, municipality_id: int, user_id: int, stamp: Stamp, *, active: bool) -> None:
    """Let a user in again, or shut them out: every session ends at once, every browser is a stranger again."""
    await _set(conn, municipality_id, user_id, stamp, "user.let_in" if active else "user.shut_out", active=active)
    if not active:
        await _somebody_manages(conn, municipality_id)
        await sign_out_everywhere(conn, municipality_id, user_id, stamp.at)


async def set_password(
    conn: AsyncConnection,
    municipality_id: int,
    user_id: int,
    password_hash: str,
    stamp: Stamp,
    *,
    once: bool = False,
    keep: int | None = None,
) -> None:
    """Give a user another password; every session but `keep` ends."""
    values: dict[str, Any] = {"password_hash": password_hash, "password_at": stamp.at, "password_once": once}
    await _set(conn, municipality_id, user_id, stamp, "user.password", **values)
    await sign_out_everywhere(conn, municipality_id, user_id, stamp.at, keep=keep)


async def set_second_factor(
    conn: AsyncConnection, municipality_id: int, user_id: int, secret: str | None, recovery: Sequence[str], stamp: Stamp
) -> None:
    """Turn the second factor on with this secret and these fingerprints of recovery codes, or off (None)."""
    values: dict[str, Any] = {"totp_secret": secret, "totp_step": 0, "recovery": list(recovery)}
    await _set(conn, municipality_id, user_id, stamp, "user.second_factor", {"on": secret is not None}, **values)


async def took_step(conn: AsyncConnection, user_id: int, step: int) -> bool:
    """Note that the code of this time step is used up; False when it, or a later one, was already."""
    taken = update(User).where(User.id == user_id, User.totp_step < step).values(totp_step=step)
    return await _changed(conn, taken)


async def took_recovery(conn: AsyncConnection, user_id: int, fingerprint: str) -> bool:
    """Use a recovery code up; False when it is not one that is left."""
    left = (await conn.execute(select(User.recovery).where(User.id == user_id).with_for_update())).scalar_one()
    if fingerprint not in left:
        return False
    await conn.execute(update(User).where(User.id == user_id).values(recovery=[one for one in left if one != fingerprint]))
    return True


async def sign_out_everywhere(conn: AsyncConnection, municipality_id: int, user_id: int, now: datetime, *, keep: int | None = None) -> None:
    """End a user's sessions, but for `keep`, and forget their browsers, unless they keep one: then they are there themselves."""
    mine = (
        browser_session.c.user_id == user_id,
        browser_session.c.municipality_id == municipality_id,
        browser_session.c.ended_at.is_(None),
    )
    await conn.execute(update(browser_session).where(*mine, browser_session.c.id != (keep or 0)).values(ended_at=now, ended_by="revoked"))
    if keep is None:
        known = (known_device.c.user_id == user_id, known_device.c.municipality_id == municipality_id, known_device.c.ended_at.is_(None))
        await conn.execute(update(known_device).where(*known).values(ended_at=now))


async def _put_roles(conn: AsyncConnection, municipality_id: int, user_id: int, roles: Collection[Role]) -> None:
    await conn.execute(user_role.delete().where(user_role.c.user_id == user_id, user_role.c.municipality_id == municipality_id))
    await conn.execute(
        insert(user_role), [{"user_id": user_id, "role": role, "municipality_id": municipality_id} for role in sorted(roles)]
    )


async def _somebody_manages(conn: AsyncConnection, municipality_id: int) -> None:
    if not await with_role(conn, municipality_id, Role.ADMINISTRATOR):
        raise NotAllowed(LAST)


async def _set(
    conn: AsyncConnection,
    municipality_id: int,
    user_id: int,
    stamp: Stamp,
    act: ActName,
    data: Mapping[str, Any] | None = None,
    **values: Any,
) -> None:
    mine = (User.id == user_id, User.municipality_id == municipality_id)
    if not await _changed(conn, update(User).where(*mine).values(**values, **stamp.changed)):
        raise NotFound("There is no such user in this municipality.")
    await tasks.acted(conn, stamp.by, act, stamp.at, municipality_id=municipality_id, subject=f"user:{user_id}", **(data or {}))


async def _changed(conn: AsyncConnection, statement: Any) -> bool:
    done: CursorResult[Any] = await conn.execute(statement)
    return bool(done.rowcount)


# --- finding ------------------------------------------------------------------------------------------------------------


async def find(conn: AsyncConnection, municipality_id: int, user_id: int) -> Known:
    """Return a user of this municipality; NotFound in any other."""
    row = (await conn.execute(_select().where(User.id == user_id, User.municipality_id == municipality_id))).one_or_none()
    if row is None:
        raise NotFound("There is no such user in this municipality.")
    return _known(row, await _roles(conn, [user_id]))


async def listed(conn: AsyncConnection, municipality_id: int) -> list[Known]:
    """Return everybody of a municipality who can sign in or could, by name."""
    mine = _select().where(User.municipality_id == municipality_id, User.login != "").order_by(User.active.desc(), User.name)
    rows = (await conn.execute(mine)).all()
    roles = await _roles(conn, [row.id for row in rows])
    return [_known(row, roles) for row in rows]


async def with_role(conn: AsyncConnection, municipality_id: int, role: Role) -> list[Known]:
    """Return the active users of a municipality who have a role, by name."""
    return [user for user in await listed(conn, municipality_id) if user.active and role in user.roles]


async def holders(conn: AsyncConnection, municipality_id: int, roles: Collection[Role]) -> list[str]:
    """Return the names of the users who may come in and have one of these roles."""
    mine = (user_role.c.municipality_id == municipality_id, user_role.c.role.in_(roles), User.active)
    named = select(User.name).join(user_role, user_role.c.user_id == User.id).where(*mine).distinct()
    return list((await conn.execute(named)).scalars())


async def by_login(conn: AsyncConnection, login: str) -> AnyRow | None:
    """Return the row of whoever signs in so, active or not."""
    wanted = select(User.__table__).where(User.login == login_key(login), User.login != "")
    return (await conn.execute(wanted)).one_or_none()


async def secrets_of(conn: AsyncConnection, municipality_id: int, user_id: int) -> AnyRow:
    """Return what a user's password and second factor are proved against; NotFound in any other municipality."""
    wanted = select(User.id, User.name, User.login, User.password_hash, User.totp_secret, User.totp_step, User.recovery)
    row = (await conn.execute(wanted.where(User.id == user_id, User.municipality_id == municipality_id))).one_or_none()
    if row is None:
        raise NotFound("There is no such user in this municipality.")
    return row


def _select() -> Any:
    return select(User.__table__)


async def _roles(conn: AsyncConnection, ids: Sequence[int]) -> dict[int, frozenset[Role]]:
    found: dict[int, set[Role]] = {}
    for row in (await conn.execute(select(user_role.c.user_id, user_role.c.role).where(user_role.c.user_id.in_(ids)))).all():
        found.setdefault(row.user_id, set()).add(Role(row.role))
    return {user_id: frozenset(roles) for user_id, roles in found.items()}


def _known(row: AnyRow, roles: Mapping[int, frozenset[Role]]) -> Known:
    return Known(
        user_id=row.id,
        municipality_id=row.municipality_id,
        name=row.name,
        login=row.login,
        active=row.active,
        roles=roles.get(row.id, frozenset()),
        email=row.email or "",
        phone=row.phone or "",
        language=row.language,
        second_factor=row.totp_secret is not None,
        recovery_left=len(row.recovery),
        seen_at=row.seen_at,
    )
