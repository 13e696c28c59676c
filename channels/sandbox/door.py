"""Who may come in: the account's own id and token, and nobody else."""

import base64
import binascii
import hmac
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from aiohttp import web

from channels.sandbox.codes import Refused
from channels.sandbox.ledger import Event
from channels.sandbox.resource import http_date
from channels.sandbox.wire import json_answer
from channels.sandbox.world import World

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass(slots=True)
class Door:
    """Stands before every handler of the provider's API, and turns refusals into answers."""

    world: World
    #: a header that was right once is right again
    _known: str = ""

    def opens(self, handler: Handler) -> Handler:
        """Return `handler` behind this door."""

        async def behind(request: web.Request) -> web.StreamResponse:
            try:
                self._admit(request)
                return self._dated(await handler(request))
            except Refused as why:
                if why.http == 401:
                    self.world.ledger.write(Event.REFUSED, code=why.code, http=why.http, note=request.path)
                return self._dated(json_answer(why.as_json(), why.http))

        return behind

    def _dated(self, answer: web.StreamResponse) -> web.StreamResponse:
        """Set the emulated time as the answer's Date: a client reads from it by how much the provider's clock differs from its own."""
        if not answer.prepared:
            answer.headers["Date"] = http_date(self.world.agenda.now())
        return answer

    def _admit(self, request: web.Request) -> None:
        """Raise Refused unless the request knows the account's token, and asks for this account."""
        given = request.headers.get("Authorization", "")
        if not given or given != self._known:
            user, password = _credentials(given)
            if user != self.world.account or not hmac.compare_digest(password.encode(), self.world.auth_token.encode()):
                raise Refused(20003)
            self._known = given
        if request.match_info.get("account", self.world.account) != self.world.account:
            raise Refused(20404, request.path)


def _credentials(header: str) -> tuple[str, str]:
    """Return user and password of basic authentication; both empty if the header is anything else."""
    scheme, _, encoded = header.partition(" ")
    try:
        user, _, password = base64.b64decode(encoded, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return "", ""
    return (user, password) if scheme.lower() == "basic" else ("", "")
