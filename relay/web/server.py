"""THE route table. Every path that Budstikke answers stands here."""

from aiohttp import web

from relay.flow import Relay
from relay.web import health, hooks, leave
from relay.web.keys import RELAY, WATCHDOG
from relay.web.watchdog import Watchdog

#: a provider's callback is a few kilobytes
LARGEST_BODY = 1024 * 1024

#: what stands behind /hooks/ACCOUNT/: {secret} is ours, at the end of addresses that a provider cannot sign
HOOKS = ("status", "status/{token}", "status/{token}/{secret}", "inbound", "inbound/{secret}")

ROUTES = (
    web.get("/healthz", health.alive),
    web.get("/readyz", health.ready),
    *(web.post(f"/hooks/{{account}}/{what}", hooks.heard) for what in HOOKS),
    *(web.get(f"/hooks/{{account}}/{what}", hooks.heard, allow_head=False) for what in HOOKS),  # some providers know nothing else
    web.get("/avmeld/{token}", leave.ask),
    web.post("/avmeld/{token}", leave.leave),
)


def make_app(relay: Relay, watchdog: Watchdog) -> web.Application:
    """Return the application that serves `relay`."""
    app = web.Application(client_max_size=LARGEST_BODY)
    app[RELAY] = relay
    app[WATCHDOG] = watchdog
    app.add_routes(ROUTES)
    return app
