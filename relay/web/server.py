"""THE route table. Every path that Budstikke answers stands here."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress

from aiohttp import web

from relay.flow import Relay
from relay.web import assets, health, hooks, leave
from relay.web.keys import LIVE, RELAY, WATCHDOG
from relay.web.live import Live
from relay.web.route import Door, Route
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
    Route("GET", "/avmeld/{token}", leave.ask, Door.LINK),
    Route("POST", "/avmeld/{token}", leave.leave, Door.LINK),
)


def make_app(relay: Relay, watchdog: Watchdog) -> web.Application:
    """Return the application that serves `relay`."""
    app = web.Application(client_max_size=LARGEST_BODY)
    app[RELAY] = relay
    app[WATCHDOG] = watchdog
    app[LIVE] = Live(relay.pulse.branch())
    app.cleanup_ctx.append(_live)
    app.add_routes([route.definition() for route in ROUTES])
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
