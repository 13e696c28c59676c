"""What handlers find in their application."""

from collections.abc import Awaitable, Callable
from typing import TypeAlias

from aiohttp import web

from channels.base import Check
from relay.flow import Relay
from relay.store.batch import Batch
from relay.store.links import Opening
from relay.web.drawn import Drawn
from relay.web.live import Live
from relay.web.phones import Phones
from relay.web.watchdog import Watchdog

#: lets doctor look at the installation
Examine: TypeAlias = Callable[[], Awaitable[list[Check]]]

EXAMINE: web.AppKey[Examine] = web.AppKey("examine")
#: the same, asked at most once a minute: for pages that people leave open
EXAMINED: web.AppKey[Examine] = web.AppKey("examined")
RELAY: web.AppKey[Relay] = web.AppKey("relay", Relay)
WATCHDOG: web.AppKey[Watchdog] = web.AppKey("watchdog", Watchdog)
#: openings of shared pages, written down many at a time
OPENINGS: web.AppKey[Batch[Opening, None]] = web.AppKey("openings", Batch)
#: where there are emulated phones
PHONES: web.AppKey[Phones] = web.AppKey("phones", Phones)
DRAWN = web.AppKey("drawn", Drawn)
LIVE: web.AppKey[Live] = web.AppKey("live", Live)
#: addresses of the reverse proxies that are believed about who calls
PROXIES: web.AppKey[frozenset[str]] = web.AppKey("proxies", frozenset)
