"""Signing in and out, and staying signed in."""

import re
from dataclasses import dataclass
from datetime import datetime, timedelta

from aiohttp import web

from relay.store import sessions, tasks
from relay.web import cookies, door, words
from relay.web.act import field
from relay.web.keys import RELAY
from relay.web.page import language_of, render
from relay.web.remote import device, source
from relay.web.who import who, who_if_any

#: a place of ours to go back to: one slash, then no other, no scheme, nothing that a browser mends into one
_OURS = re.compile(r"/(?![/\\])[^\\\x00-\x20]*")


@dataclass(frozen=True, slots=True, kw_only=True)
class SignInPage:
    """What the door shows."""

    next: str = "/"
    login: str = ""
    #: why the last try was refused; "" = it is the first
    refused: str = ""
    #: has just signed out
    left: bool = False
    #: has just chosen a password
    ready: bool = False


def ours(place: str) -> str:
    """Return where to go afterwards, if it is a place of ours; else the front page."""
    return place if _OURS.fullmatch(place) else "/"


async def ask(request: web.Request) -> web.StreamResponse:
    """Show the door; whoever is inside already goes on."""
    back = ours(request.query.get("next", "/"))
    if who_if_any(request) is not None:
        raise web.HTTPSeeOther(back)
    return await render(request, "access/sign_in.html", SignInPage(next=back, left="left" in request.query, ready="ready" in request.query))


async def sign_in(request: web.Request) -> web.StreamResponse:
    """Let somebody in, with a new session and a cookie for it; or say that something is not right, never what."""
    form = await request.post()
    written = {name: str(form.get(name, ""))[:500] for name in ("login", "password", "code", "next")}
    relay = request.app[RELAY]
    tried = door.Try(
        login=written["login"],
        password=written["password"],
        code=written["code"],
        source=source(request),
        device_token=cookies.read(request, cookies.DEVICE),
        device=device(request),
    )
    found = await door.sign_in(relay.store, tried, relay.clock.now())
    back = ours(written["next"])
    if isinstance(found, door.Refused):
        status = 429 if found.words == door.SHUT else 403
        page = SignInPage(next=back, login=written["login"][:120], refused=words.say(language_of(request), found.words))
        return await render(request, "access/sign_in.html", page, status=status)
    await _leave_behind(request)
    response = web.Response(status=303, headers={"Location": back})
    cookies.put(request, response, cookies.SESSION, found.session_token)
    cookies.put(request, response, cookies.DEVICE, found.device_token)
    return response


async def _leave_behind(request: web.Request) -> None:
    """End the session that the browser came with: a cookie that somebody else has planted opens nothing."""
    old = cookies.read(request, cookies.SESSION)
    if old:
        relay = request.app[RELAY]
        async with relay.store.write() as conn:
            await sessions.end(conn, old, relay.clock.now())


async def sign_out(request: web.Request) -> web.StreamResponse:
    """End the session."""
    relay = request.app[RELAY]
    me, now = who(request), relay.clock.now()
    async with relay.store.write() as conn:
        await sessions.end(conn, cookies.read(request, cookies.SESSION), now)
        await tasks.acted(conn, me.name, "user.sign_out", now, municipality_id=me.municipality_id, subject=f"user:{me.user_id}")
    response = web.Response(status=303, headers={"Location": "/sign-in?left", "Clear-Site-Data": '"cache"'})
    # the next one at this machine may read another language, and see better in other colours
    for name in (cookies.SESSION, cookies.LANGUAGE, cookies.COLOURS):
        cookies.drop(request, response, name)
    return response


# --- how long it lasts ----------------------------------------------------------------------------------------------------

#: so long before the end the page says so
WARN = timedelta(minutes=10)


@dataclass(frozen=True, slots=True, kw_only=True)
class LeftPage:
    """How long the session lasts."""

    #: None: long enough to say nothing
    until: datetime | None
    #: a press keeps it open; not at the end of the shift
    can_stay: bool


async def left(request: web.Request) -> web.StreamResponse:
    """A part of every page, asked for by itself each minute: nothing, or that the session is about to end. Asking keeps nothing open."""
    me, now = who(request), request.app[RELAY].clock.now()
    soon = me.expires_at if me.expires_at is not None and me.expires_at - now <= WARN else None
    can_stay = me.ends_at is not None and me.ends_at - now > WARN
    return await render(request, "access/left.html", LeftPage(until=soon, can_stay=can_stay))


async def keep(request: web.Request) -> web.StreamResponse:
    """Keep the session open: that somebody asked has done it."""
    raise web.HTTPSeeOther(ours(await field(request, "next") or "/"))
