"""Who is asking: what the guard found out about a request, for everything behind it."""

from dataclasses import dataclass
from datetime import datetime

from aiohttp import web

from relay.model import Role


@dataclass(frozen=True, slots=True, kw_only=True)
class Who:
    """A signed-in user, in their municipality. Every query behind a page is scoped by `municipality_id`."""

    user_id: int
    municipality_id: int
    name: str
    roles: frozenset[Role]
    session_id: int
    #: must come back with every form
    csrf: str
    #: of the pages: nb | nn | en; "": as the browser asks
    language: str = "nb"
    #: when the second factor was last shown in this session
    second_factor_at: datetime | None = None
    #: when the session ends if nothing is asked any more, and when in any case
    expires_at: datetime | None = None
    ends_at: datetime | None = None
    #: must choose a password of their own before anything else
    password_once: bool = False

    def may(self, allowed: frozenset[Role]) -> bool:
        """Whether one of this user's roles is among the allowed ones."""
        return bool(self.roles & allowed)


_WHO: web.RequestKey[Who] = web.RequestKey("who", Who)


def signed_in(request: web.Request, who: Who) -> None:
    """Note who is asking. Only the guard does this."""
    request[_WHO] = who


def who(request: web.Request) -> Who:
    """Return who is asking; the guard lets nobody else reach a handler of a staff route."""
    return request[_WHO]


def who_if_any(request: web.Request) -> Who | None:
    """Return who is asking where strangers may come too."""
    return request.get(_WHO)
