"""The cookies: the session's, the one by which a browser is known, what was chosen in the menu. `__Host-` where we are reached by https.

They are for the pages of those who work here. Who reads a message is given none.
"""

from aiohttp import web

from relay.store.sessions import KNOWN
from relay.web.keys import RELAY

SESSION, DEVICE = "budstikke", "budstikke-device"
LANGUAGE, COLOURS = "budstikke-language", "budstikke-colours"


def is_secure(request: web.Request) -> bool:
    """Whether the world reaches us by https."""
    return request.app[RELAY].desk.public_url.startswith("https://")


def read(request: web.Request, name: str) -> str:
    """Return a cookie of ours; "" = none."""
    return request.cookies.get(_named(request, name), "")


def put(request: web.Request, response: web.StreamResponse, name: str, value: str) -> None:
    """Set a cookie. The session's ends with the browser, at the latest with the session; the others stay."""
    age = None if name == SESSION else int(KNOWN.total_seconds())
    secure = is_secure(request)
    response.set_cookie(_named(request, name), value, path="/", httponly=True, samesite="Lax", secure=secure, max_age=age)


def drop(request: web.Request, response: web.StreamResponse, name: str) -> None:
    """Take a cookie back."""
    response.del_cookie(_named(request, name), path="/", httponly=True, samesite="Lax", secure=is_secure(request))


def _named(request: web.Request, name: str) -> str:
    return f"__Host-{name}" if is_secure(request) else name
