"""Passwords: argon2id, hashed in a thread; asking for nobody's costs the same as asking for somebody's."""

import asyncio
import secrets
from concurrent.futures import ThreadPoolExecutor

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from relay.model import BadInput

SHORTEST, LONGEST = 12, 200
#: letters and digits that nobody mistakes for one another when a password is read out
_CLEAR = "abcdefghjkmnpqrstuvwxyz23456789"

#: 64 MiB and three passes a time (RFC 9106, second choice)
_hasher = PasswordHasher()
#: so many at once: a crowd at the door must not take the machine's memory
_threads = ThreadPoolExecutor(2, "password")


def check(password: str, *, names: tuple[str, ...] = ()) -> None:
    """Raise BadInput with what is wrong with a new password; `names` are its owner's."""
    if len(password) < SHORTEST:
        raise BadInput(f"A password has at least {SHORTEST} characters. Four words in a row are good, and easy to keep in mind.")
    if len(password) > LONGEST:
        raise BadInput(f"A password has at most {LONGEST} characters.")
    if len(set(password)) < 5 or password.casefold() in {name.casefold() for name in names}:
        raise BadInput("That password is too easy to guess. Four words in a row are good, and easy to keep in mind.")


def make() -> str:
    """Return a password for one use, to be read out: four groups of five, about 98 bits."""
    return "-".join("".join(secrets.choice(_CLEAR) for _ in range(5)) for _ in range(4))


async def hashed(password: str) -> str:
    """Return what is kept of a password."""
    return await asyncio.get_running_loop().run_in_executor(_threads, _hasher.hash, password)


async def right(kept: str, password: str) -> bool:
    """Whether this is the password of `kept`. "" (nobody's): it is not, after the same work."""
    return await asyncio.get_running_loop().run_in_executor(_threads, _right, kept, password)


def _right(kept: str, password: str) -> bool:
    tried = password[: LONGEST + 1]
    if not kept:  # as much work as the comparison below, so that the wait does not tell who has a password
        _hasher.hash(tried)
        return False
    try:
        return _hasher.verify(kept, tried)
    except (VerificationError, InvalidHashError):
        return False
