"""The guard: before any handler it finds out who asks, and lets in whom the route table names. Nothing else decides who may come in.

Not signed in: to the door. Without the role: 403. A form that is not from a page of ours: 403. Of another municipality the handlers find
nothing (404), since every query is scoped by the user's.
"""

import hmac
from collections.abc import Mapping, Sequence
from hashlib import sha256
from urllib.parse import quote, urlsplit

from aiohttp import web
from aiohttp.typedefs import Handler
from aiohttp.web_urldispatcher import AbstractResource

from relay.model import BadInput, BudstikkeError, NotAllowed, NotFound, NotReady, Unreadable
from relay.store import sessions
from relay.store.acting import acts
from relay.web import cookies, words
from relay.web.api.serve import no_operation
from relay.web.keys import RELAY
from relay.web.page import language_of, remember
from relay.web.problem import problem
from relay.web.route import Door, Route
from relay.web.who import Who, signed_in

Table = Mapping[tuple[AbstractResource | None, str], Route]
TABLE: web.AppKey[Table] = web.AppKey("table", dict)

SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
DOOR = "/sign-in"
#: where somebody must choose a password of their own first
NEW_PASSWORD = "/me/password"
#: may be asked for by whoever must
_BEFORE_PASSWORD = frozenset({NEW_PASSWORD, "/sign-out"})
#: the same for everybody: no look at the session
_NO_SESSION = ("/static/", "/healthz", "/readyz", "/metrics")
#: where programs ask
_PROGRAMS = "/api/"
#: answered to machines, which read no page
_MACHINES = (_PROGRAMS, "/hooks/", *_NO_SESSION)
#: asked by the page itself, which is no sign of a person
NO_SIGN_OF_LIFE = "/session/left"

STATUS: Mapping[type[BudstikkeError], int] = {BadInput: 400, NotAllowed: 403, NotFound: 404, NotReady: 503, Unreadable: 503}

NOT_YOURS = "Your roles do not reach here. An administrator of your municipality can give you others."
NOWHERE = "No page has this address. It may have been written wrong, or what it led to is no more."
TOO_LARGE = "What you sent is larger than a megabyte. Go back and choose a smaller file, or none."
OLD_FORM = "This form is too old, or is not from a page of ours. Go back, load the page again, and send it once more."
ELSEWHERE = "This form comes from another site, and was not taken."

#: where a page may get what from
CSP = {
    "default-src": "'none'",
    "script-src": "'self'",
    "style-src": "'self'",
    "font-src": "'self'",
    "img-src": "'self' data:",
    "media-src": "'self' blob:",
    "connect-src": "'self'",
    "manifest-src": "'self'",
    "form-action": "'self'",
    "base-uri": "'none'",
    "frame-ancestors": "'none'",
}
HEADERS: Mapping[str, str] = {
    "Content-Security-Policy": "; ".join(f"{what} {where}" for what, where in CSP.items()),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(self), payment=(), usb=()",
    # a form of our own must be able to say where it comes from
    "Referrer-Policy": "same-origin",
    "Cache-Control": "no-store",
}
#: of a year; only where we are reached by https
HSTS = "max-age=31536000"


def install(app: web.Application, routes: Sequence[Route]) -> None:
    """Add the routes to the application, guarded."""
    table = {}
    for route in routes:
        for made in app.add_routes([route.definition()]):
            table[made.resource, route.method] = route
    app[TABLE] = table
    app.middlewares.append(guard)
    app.on_response_prepare.append(_harden)


async def _harden(request: web.Request, response: web.StreamResponse) -> None:
    """Set the headers that every response carries, unless its handler knows better."""
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
    if cookies.is_secure(request):
        response.headers.setdefault("Strict-Transport-Security", HSTS)


@web.middleware
async def guard(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Let a request through to its handler, or not. What a handler refuses becomes a page in words."""
    route = request.app[TABLE].get((request.match_info.route.resource, "GET" if request.method == "HEAD" else request.method))
    if route is None and request.path.startswith(_PROGRAMS):
        return await no_operation(request, handler)
    if request.path.startswith(_MACHINES) or (route and route.who in (Door.PROVIDER, Door.TOKEN)):
        return await handler(request)
    try:
        if route is None:
            return await _nowhere(request, handler)
        # whoever holds a link needs no session, is not asked for one, and gets no cookie
        return await (handler(request) if route.who is Door.LINK else _remembered(request, handler, route))
    except BudstikkeError as error:
        return await problem(request, STATUS.get(type(error), 400), words.refused(language_of(request), error))
    except (web.HTTPNotFound, web.HTTPRequestEntityTooLarge) as error:
        return await problem(request, error.status, NOWHERE if error.status == 404 else TOO_LARGE)


async def _nowhere(request: web.Request, handler: Handler) -> web.StreamResponse:
    """No route has this address: a page says so, with the bar of whoever is signed in."""
    await _who(request)
    return await handler(request)


async def _remembered(request: web.Request, handler: Handler, route: Route) -> web.StreamResponse:
    """What a page was asked for in its menu holds for the next page, unless another site asked."""
    response = await _guarded(request, handler, route)
    if from_here(request):
        remember(request, response)
    return response


async def _guarded(request: web.Request, handler: Handler, route: Route) -> web.StreamResponse:
    who = None if request.path.startswith(_NO_SESSION) else await _who(request)
    if request.method not in SAFE and not from_here(request):
        raise NotAllowed(ELSEWHERE)
    if isinstance(route.who, Door):
        return await handler(request)
    if who is None:
        return to_the_door(request)
    if not who.may(route.who):
        raise NotAllowed(NOT_YOURS)
    if request.method not in SAFE and not await _carries_csrf(request, who):
        raise NotAllowed(OLD_FORM)
    if who.password_once and request.path not in _BEFORE_PASSWORD:
        raise web.HTTPSeeOther(NEW_PASSWORD)
    with acts("web", who.user_id):
        return await handler(request)


async def _who(request: web.Request) -> Who | None:
    """Find the session of the request's cookie, and note that it is in use."""
    token = cookies.read(request, cookies.SESSION)
    relay = request.app[RELAY]
    now = relay.clock.now()
    if not token:
        return None
    async with relay.store.read() as conn:
        found = await sessions.find(conn, token, now)
    if found is None:
        return None
    if now - found.seen_at >= sessions.SEEN_EVERY and request.path != NO_SIGN_OF_LIFE:
        async with relay.store.write() as conn:
            await sessions.seen(conn, found.session_id, now)
    who = _seen(found, csrf_of(token))
    signed_in(request, who)
    return who


def _seen(found: sessions.Open, csrf: str) -> Who:
    return Who(
        user_id=found.user_id,
        municipality_id=found.municipality_id,
        name=found.name,
        roles=found.roles,
        session_id=found.session_id,
        csrf=csrf,
        language=found.language,
        second_factor_at=found.second_factor_at,
        expires_at=found.expires_at,
        ends_at=found.ends_at,
        password_once=found.password_once,
    )


def csrf_of(session_token: str) -> str:
    """Return what every form of a session carries: made of its cookie, which no other site can read."""
    return sha256(f"csrf:{session_token}".encode("utf-8", "surrogatepass")).hexdigest()


async def _carries_csrf(request: web.Request, who: Who) -> bool:
    sent = request.headers.get("X-CSRF-Token", "")
    if not sent and request.content_type in ("application/x-www-form-urlencoded", "multipart/form-data"):
        form = await request.post()
        field = form.get("csrf", "")
        sent = field if isinstance(field, str) else ""
    return hmac.compare_digest(sent.encode("utf-8", "surrogatepass"), who.csrf.encode())


def from_here(request: web.Request) -> bool:
    """Whether a browser says that the request comes from a page of ours. What is no browser says nothing, and has no cookie to abuse."""
    site = request.headers.get("Sec-Fetch-Site")
    if site is not None and site not in ("same-origin", "none"):
        return False
    origin = request.headers.get("Origin")
    own = (request.host, urlsplit(request.app[RELAY].desk.public_url).netloc)
    return origin is None or urlsplit(origin).netloc in own


def to_the_door(request: web.Request) -> web.Response:
    """Send a stranger to the door, and back afterwards. A part of a page (htmx) is told in its own way."""
    back = request.path_qs if request.method in SAFE else "/"
    where = f"{DOOR}?next={quote(back, safe='/')}"
    if "HX-Request" in request.headers:
        return web.Response(status=401, headers={"HX-Redirect": DOOR})
    return web.Response(status=303, headers={"Location": where})
