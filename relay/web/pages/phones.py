"""Emulated phones on one page, in the demo and in exercises: what arrives as it arrives, and every way to answer it."""

import re
from dataclasses import dataclass
from datetime import datetime

from aiohttp import web

from messages.frames import MARKS, frame_languages, mark
from relay.model import NotFound
from relay.store import roster
from relay.web.keys import LIVE, PHONES, RELAY
from relay.web.leaf import form_of
from relay.web.page import draw, language_of, render
from relay.web.phones import Bubble, Phones, Screen
from relay.web.who import who

NONE = "Emulated phones are here in a demo. A sandbox that runs by itself shows its phones on its own page."
NO_SUCH = "There is no such phone."
LONGEST_TEXT = 1000
#: bubbles of one phone: what is older is not on the screen any more
MOST_BUBBLES = 30
ADDRESS = re.compile(r"\b(https?://\S+)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """A piece of a text; `to` is where it leads, if it is an address of ours."""

    text: str
    to: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One bubble as it is drawn."""

    bubble: Bubble
    pieces: tuple[Piece, ...]
    #: it is marked as no real message
    drill: bool
    #: its buttons can still be pressed: nothing newer has any
    pressable: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """One phone as it is drawn."""

    screen: Screen
    id: str
    messages: tuple[Message, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PhonesPage:
    """What the page shows."""

    phones: tuple[Held, ...]
    now: datetime


async def look(request: web.Request) -> web.Response:
    """Show every phone."""
    return await render(request, "phones/phones.html", await _page(request))


async def stream(request: web.Request) -> web.StreamResponse:
    """Show every phone anew whenever something happens."""
    await _screens(request)

    async def picture() -> str:
        return await draw(request, "phones/shelf.html", await _page(request))

    # forms in it carry the viewer's own token
    return await request.app[LIVE].stream(request, ("phones", who(request).session_id, language_of(request)), picture)


async def use(request: web.Request) -> web.Response:
    """Do on a phone what its holder would: write, press, switch off or on."""
    phones, address, form = _phones(request), request.match_info["address"], await form_of(request)
    if address not in {screen.address for screen in await _screens(request)}:
        raise NotFound(NO_SUCH)
    match form.get("do", ""):
        case "write" if form.get("text", "").strip():
            await phones.write(address, form["text"][:LONGEST_TEXT])
        case "press":
            await phones.press(address, form.get("button", ""))
        case "off" | "on" as wanted:
            await phones.switch(address, off=wanted == "off")
    request.app[RELAY].pulse.ring()
    raise web.HTTPSeeOther(f"/phones#{_id(address)}")


def _phones(request: web.Request) -> Phones:
    found = request.app.get(PHONES)
    if found is None:
        raise NotFound(NONE)
    return found


async def _screens(request: web.Request) -> list[Screen]:
    """Return the phones of people of the asker's municipality: another one's are as little to be seen as its register."""
    screens = await _phones(request).screens()
    async with request.app[RELAY].store.read() as conn:
        here = await roster.addresses(conn, who(request).municipality_id, [screen.address for screen in screens])
    if screens and not here:
        raise NotFound(NONE)
    return [screen for screen in screens if screen.address in here]


async def _page(request: web.Request) -> PhonesPage:
    relay = request.app[RELAY]
    screens = await _screens(request)
    return PhonesPage(phones=tuple(_held(screen, relay.desk.public_url) for screen in screens), now=relay.clock.now())


def _held(screen: Screen, public_url: str) -> Held:
    shown = screen.bubbles[-MOST_BUBBLES:]
    newest = next((bubble for bubble in reversed(shown) if bubble.buttons), None)
    messages = (
        Message(bubble=bubble, pieces=_pieces(bubble.text, public_url), drill=_is_drill(bubble), pressable=bubble is newest)
        for bubble in shown
    )
    return Held(screen=screen, id=_id(screen.address), messages=tuple(messages))


def _id(address: str) -> str:
    return "phone-" + re.sub(r"\W", "", address)


def _pieces(text: str, public_url: str) -> tuple[Piece, ...]:
    """Part a text at its addresses: those of this house lead somewhere, all others are words."""
    parts = [part for part in ADDRESS.split(text) if part]
    return tuple(Piece(text=part, to=part.removeprefix(public_url) if part.startswith(f"{public_url}/") else "") for part in parts)


def _is_drill(bubble: Bubble) -> bool:
    return not bubble.mine and (bubble.subject or bubble.text).startswith(_SIGNS)


_SIGNS = tuple({mark(kind, tag) for tag in frame_languages() for kind in MARKS})
