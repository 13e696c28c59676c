"""What is known of a caller: the address, as far as our own proxies vouch for it, and what browser it says it is."""

import re

from aiohttp import web

from relay.web.keys import PROXIES

#: what a user agent calls itself, the more telling first
_BROWSERS = (
    ("Edg", "Edge"),
    ("OPR", "Opera"),
    ("Firefox", "Firefox"),
    ("FxiOS", "Firefox"),
    ("CriOS", "Chrome"),
    ("Chrome", "Chrome"),
    ("Safari", "Safari"),
)
_SYSTEMS = (("Android", "Android"), ("iPhone", "iPhone"), ("iPad", "iPad"), ("Windows", "Windows"), ("Mac OS", "Mac"), ("Linux", "Linux"))
_PLAIN = re.compile(r"[^\w .()/-]")


def source(request: web.Request) -> str:
    """Return the caller's address: the last one in X-Forwarded-For that is not a proxy of ours, if a proxy of ours brings it."""
    remote = request.remote or ""
    told = [part.strip() for part in request.headers.get("X-Forwarded-For", "").split(",") if part.strip()]
    ours = request.app[PROXIES]
    for place in [remote, *reversed(told)]:
        if place not in ours:
            return place[:100]
    return remote


def device(request: web.Request) -> str:
    """Return what browser it says it is, in two words, for the list of sessions."""
    agent = request.headers.get("User-Agent", "")
    found = [next((name for mark, name in table if mark in agent), "") for table in (_BROWSERS, _SYSTEMS)]
    return " · ".join(filter(None, found)) or _PLAIN.sub("", agent)[:40]
