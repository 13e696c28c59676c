"""What handlers find in their application."""

from aiohttp import web

from relay.flow import Relay
from relay.web.live import Live
from relay.web.watchdog import Watchdog

RELAY: web.AppKey[Relay] = web.AppKey("relay", Relay)
WATCHDOG: web.AppKey[Watchdog] = web.AppKey("watchdog", Watchdog)
LIVE: web.AppKey[Live] = web.AppKey("live", Live)
#: addresses of the reverse proxies that are believed about who calls
PROXIES: web.AppKey[frozenset[str]] = web.AppKey("proxies", frozenset)
