"""Sign-in and its throttling, which cannot shut out whoever is on duty.

Ten failed tries in fifteen minutes lock a login, or an address. Exempt are a browser in which that user has signed in before, which has
ten tries of its own, and whoever shows a right second factor as well. A login that nobody has is treated like one that somebody has:
the same work, the same words, the same lock.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncConnection

from relay.store import sealing, sessions, tasks, users
from relay.store.acting import acts
from relay.store.columns import AnyRow
from relay.store.engine import Store
from relay.web import passwords, second_factor

MOST, WINDOW = 10, timedelta(minutes=15)

WRONG = "Name, password or code is not right."
SHUT = "Too many tries. Wait fifteen minutes, or use a browser in which you have signed in before, or write your code too."


@dataclass(frozen=True, slots=True, kw_only=True)
class Try:
    """What somebody wrote in at the door, and where from."""

    login: str
    password: str
    code: str
    #: address of the caller
    source: str
    #: the known browser's cookie; "": none
    device_token: str
    #: what browser it says it is
    device: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Admitted:
    """Somebody who may come in: the values of both cookies."""

    user: AnyRow
    session_token: str
    device_token: str


@dataclass(frozen=True, slots=True)
class Refused:
    """Somebody who may not, and in which words."""

    words: str


async def sign_in(store: Store, tried: Try, now: datetime) -> Admitted | Refused:
    """Let somebody in, or not; every try is noted."""
    async with store.read() as conn:
        user = await users.by_login(conn, tried.login)
        known = await sessions.knows(conn, tried.device_token, users.login_key(tried.login), now)
        shut = await _is_shut(conn, tried, now, known=known)
    coded = user is not None and second_factor.looks_right(user, tried.code, now)
    if shut and not coded:
        return Refused(SHUT)
    right = await passwords.right(user.password_hash if user else "", tried.password)
    async with store.write() as conn:
        admitted = await _admit(conn, user, tried, now) if user is not None and user.active and right else None
        keys = _keys(tried, known=known)
        await sessions.tried(conn, *keys, now, succeeded=admitted is not None)
    return admitted or Refused(WRONG)


async def _is_shut(conn: AsyncConnection, tried: Try, now: datetime, *, known: bool) -> bool:
    found = await sessions.failures(conn, *_keys(tried, known=known), now - WINDOW)
    return found.of_device >= MOST if known else max(found.of_login, found.of_source) >= MOST


def _keys(tried: Try, *, known: bool) -> tuple[str, str, str]:
    """Return the fingerprints of login, source and known browser: what is counted says nothing about anybody."""
    look = sealing.keyring().lookup
    device = look("device:" + tried.device_token) if known else ""
    return look("login:" + users.login_key(tried.login)), look("source:" + tried.source), device


async def _admit(conn: AsyncConnection, user: AnyRow, tried: Try, now: datetime) -> Admitted | None:
    if user.totp_secret is not None and not await second_factor.take(conn, user, tried.code, now):
        return None
    session_token = await sessions.begin(conn, user, tried.device, now, second_factor=user.totp_secret is not None)
    device_token = await sessions.know(conn, user, tried.device_token, tried.device, now)
    with acts("web", user.id):
        await tasks.acted(conn, user.name, "user.sign_in", now, municipality_id=user.municipality_id, subject=f"user:{user.id}")
    return Admitted(user=user, session_token=session_token, device_token=device_token)
