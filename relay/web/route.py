"""A row of the route table: which address, what answers it, and who may come in. The table itself is relay/web/server.py."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import StrEnum

from aiohttp import web

from relay.model import Role

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Door(StrEnum):
    """A way in that needs no signed-in user."""

    OPEN = "open"  # anybody, nothing is told that is not public
    LINK = "link"  # whoever holds the random link in the path
    PROVIDER = "provider"  # a provider, by its signature
    MONITOR = "monitor"  # the monitoring, by the token of the settings; without one, this machine alone
    TOKEN = "token"  # a program, by its bearer token and that token's scopes


#: who may: a door, or signed-in users who have one of these roles
Who = Door | frozenset[Role]


@dataclass(frozen=True, slots=True)
class Route:
    """One method of one path. `path` is aiohttp's pattern; a municipality never stands in it: it is the signed-in user's."""

    method: str
    path: str
    handler: Handler
    who: Who
    #: scope that a program's token needs, for Door.TOKEN
    scope: str = ""

    def definition(self) -> web.RouteDef:
        """Return the row as aiohttp takes it; HEAD is answered wherever GET is."""
        if self.method == "GET" and self.who is not Door.PROVIDER:
            return web.get(self.path, self.handler)
        options = {"allow_head": False} if self.method == "GET" else {}
        return web.RouteDef(self.method, self.path, self.handler, options)
