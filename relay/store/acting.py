"""Through which interface (pages, commands, API) and as which user somebody acts just now, for the audit log. Set once, at the edge."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Literal

Face = Literal["web", "cli", "api", "house"]


@dataclass(frozen=True, slots=True)
class Acting:
    """Who acts: by the pages and the API a user that the guard has found; by the command line whoever --as names; else the house."""

    face: Face
    user_id: int | None = None


_HOUSE = Acting("house")
_now: ContextVar[Acting] = ContextVar("acting", default=_HOUSE)


def acting() -> Acting:
    """Return who acts in this task."""
    return _now.get()


@contextmanager
def acts(face: Face, user_id: int | None = None) -> Iterator[None]:
    """Let everything inside be done through `face`, and by this user."""
    before = _now.set(Acting(face, user_id))
    try:
        yield
    finally:
        _now.reset(before)
