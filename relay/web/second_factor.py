"""The second factor: codes of an authenticator app (RFC 6238), and recovery codes for whoever has lost it."""

import hmac
import secrets
from datetime import datetime, timedelta
from io import BytesIO

import pyotp
import segno
from sqlalchemy.ext.asyncio import AsyncConnection

from relay.store import sealing, users
from relay.store.columns import AnyRow

STEP = 30
#: a phone's clock may be a step off
DRIFT = 1
CODES = 10
#: for so long after it was shown, it need not be shown again before a grave act
FRESH = timedelta(minutes=15)
_CLEAR = "abcdefghjkmnpqrstuvwxyz23456789"


def new_secret() -> str:
    """Return a secret for a new authenticator: 160 bits in base 32."""
    return pyotp.random_base32()


def address(secret: str, login: str, municipality: str) -> str:
    """Return the otpauth:// address that the app reads."""
    return pyotp.TOTP(secret).provisioning_uri(name=login, issuer_name=f"Budstikke {municipality}".strip())


def picture(uri: str) -> str:
    """Return the address as a QR code: SVG, black on white whatever the page's colours are."""
    out = BytesIO()
    segno.make(uri, error="m").save(out, kind="svg", xmldecl=False, svgns=True, scale=5, dark="#000", light="#fff", title="QR")
    return out.getvalue().decode()


def step_of(secret: str, code: str, now: datetime, *, after: int = 0) -> int | None:
    """Return the time step whose code this is, if it lies after `after`; None when it is no code of now."""
    digits = "".join(code.split())
    if len(digits) != 6 or not digits.isascii() or not digits.isdigit():
        return None
    current = int(now.timestamp()) // STEP
    maker = pyotp.TOTP(secret)
    steps = range(current - DRIFT, current + DRIFT + 1)
    return next((step for step in steps if step > after and hmac.compare_digest(maker.generate_otp(step), digits)), None)


def new_recovery_codes() -> list[str]:
    """Return codes for when the app is lost, each good once; about 50 bits each."""
    return ["-".join("".join(secrets.choice(_CLEAR) for _ in range(5)) for _ in range(2)) for _ in range(CODES)]


def kept(code: str) -> str:
    """Return what is kept of a recovery code: its keyed fingerprint."""
    return sealing.keyring().lookup("recovery:" + "".join(code.split()).replace("-", "").casefold())


def looks_right(user: AnyRow, code: str, now: datetime) -> bool:
    """Whether a code would be taken now. Takes nothing."""
    if user.totp_secret is None or not code.strip():
        return False
    return step_of(user.totp_secret, code, now, after=user.totp_step) is not None or kept(code) in user.recovery


async def take(conn: AsyncConnection, user: AnyRow, code: str, now: datetime) -> bool:
    """Take a code, once: False when it is wrong, or was taken before."""
    if user.totp_secret is None:
        return False
    step = step_of(user.totp_secret, code, now, after=user.totp_step)
    if step is not None:
        return await users.took_step(conn, user.id, step)
    return bool(code.strip()) and await users.took_recovery(conn, user.id, kept(code))
