"""THE route table. Every path that Budstikke answers stands here."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress

from aiohttp import web

from relay.flow import Relay
from relay.web import assets, guard, health, hooks, leave
from relay.web.api import manual, serve
from relay.web.api.operation import ROOT
from relay.web.api.operations import OPERATIONS
from relay.web.keys import LIVE, PROXIES, RELAY, WATCHDOG
from relay.web.live import Live
from relay.web.pages import account, sign_in
from relay.web.route import EVERYBODY, Door, Route
from relay.web.watchdog import Watchdog

#: a provider's callback is a few kilobytes
LARGEST_BODY = 1024 * 1024

#: what stands behind /hooks/ACCOUNT/: {secret} is ours, at the end of addresses that a provider cannot sign
HOOKS = ("status", "status/{token}", "status/{token}/{secret}", "inbound", "inbound/{secret}")

ROUTES = (
    Route("GET", "/healthz", health.alive, Door.OPEN),
    Route("GET", "/readyz", health.ready, Door.OPEN),
    *(Route("POST", f"/hooks/{{account}}/{what}", hooks.heard, Door.PROVIDER) for what in HOOKS),
    *(Route("GET", f"/hooks/{{account}}/{what}", hooks.heard, Door.PROVIDER) for what in HOOKS),  # some providers know nothing else
    Route("GET", "/static/{name:.+}", assets.serve, Door.OPEN),
    # signing in and out
    Route("GET", "/sign-in", sign_in.ask, Door.OPEN),
    Route("POST", "/sign-in", sign_in.sign_in, Door.OPEN),
    Route("POST", "/sign-out", sign_in.sign_out, EVERYBODY),
    # one's own account
    Route("GET", "/me/password", account.password, EVERYBODY),
    Route("POST", "/me/password", account.new_password, EVERYBODY),
    # programs
    *(Route(one.method, ROOT + one.path, serve.handler(one), Door.TOKEN, one.scope) for one in OPERATIONS),
    Route("GET", "/api/openapi.json", manual.description, Door.OPEN),
    Route("GET", "/api", manual.show, Door.OPEN),
    # links that people hold
    Route("GET", "/avmeld/{token}", leave.ask, Door.LINK),
    Route("POST", "/avmeld/{token}", leave.leave, Door.LINK),
)


def make_app(relay: Relay, watchdog: Watchdog, proxies: frozenset[str] = frozenset()) -> web.Application:
    """Return the application that serves `relay`; `proxies` are believed about who calls."""
    app = web.Application(client_max_size=LARGEST_BODY)
    app[RELAY] = relay
    app[WATCHDOG] = watchdog
    app[PROXIES] = proxies
    app[LIVE] = Live(relay.pulse.branch())
    app.cleanup_ctx.append(_live)
    guard.install(app, ROUTES)
    return app


async def _live(app: web.Application) -> AsyncIterator[None]:
    """Draw what moves while the application runs; end its streams when it stops, before it waits for its viewers."""
    drawing = asyncio.create_task(app[LIVE].run())

    async def end(_: web.Application) -> None:
        drawing.cancel()
        with suppress(asyncio.CancelledError):
            await drawing

    app.on_shutdown.append(end)
    yield
    await end(app)
