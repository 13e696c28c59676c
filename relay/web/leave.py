"""Leaving the e-mail list, in the reader's language: one press (RFC 8058). Looking changes nothing, since mail scanners open every link."""

from aiohttp import web

from relay.store import threads
from relay.web.keys import RELAY
from relay.web.leaf import Tongue, leaf, stranger


async def ask(request: web.Request) -> web.Response:
    """Show the button, and do nothing else."""
    async with request.app[RELAY].store.read() as conn:
        found = await threads.leaving(conn, request.match_info["token"])
    return _page(request, found, left=False)


async def leave(request: web.Request) -> web.Response:
    """Stop using the address that this letter went to, and tell the coordinator."""
    relay = request.app[RELAY]
    async with relay.store.write() as conn:
        found = await threads.leaving(conn, request.match_info["token"])
        if found is not None:
            await threads.opt_out_by_token(conn, request.match_info["token"], relay.clock.now())
    return _page(request, found, left=True)


def _page(request: web.Request, found: threads.Leaving | None, *, left: bool) -> web.Response:
    if found is None:
        return stranger(request)
    return leaf("leave.html", Tongue((*found.languages, "nb")), municipality=found.municipality, left=left)
