"""A page: one template, one frozen dataclass with all that it shows, and the chrome around it.

    return await render(request, "board/board.html", BoardPage(alert=..., groups=...))

In the template the dataclass is `page`, what stands around it is `chrome`. Undefined names are errors. The words are gettext's.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache, partial
from importlib.metadata import version
from typing import Any
from urllib.parse import urlencode

from aiohttp import web
from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

from messages import languages
from relay.authority import ADMINISTRATORS, DUTY, EVERYBODY, EXAMINERS
from relay.flow import Relay
from relay.model import Role
from relay.store import front
from relay.store.halts import Halt
from relay.typed import as_typed
from relay.web import assets, cookies, sentences, words
from relay.web.filters import FILTERS, Reader
from relay.web.keys import RELAY, WATCHDOG
from relay.web.who import Who, who_if_any

#: the ways a page may be coloured and mirrored; `?scheme=` and `?dir=` ask for one, a cookie remembers the scheme (and the language)
SCHEMES = ("auto", "light", "dark")
DIRECTIONS = ("ltr", "rtl")
HTML = "text/html"

#: the bar of every page: address, words, who sees it
BAR: tuple[tuple[str, str, frozenset[Role]], ...] = (
    ("/", "Situation", EVERYBODY),
    ("/alerts", "Alerts", EVERYBODY),
    ("/inbox", "Inbox", EVERYBODY),
    ("/people", "People", EVERYBODY),
    ("/settings", "Settings", ADMINISTRATORS),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Chrome:
    """What stands around every page."""

    who: Who | None
    language: str
    direction: str
    scheme: str
    path: str
    #: what stands behind the address
    query: tuple[tuple[str, str], ...]
    municipality: str
    #: real channels are off
    trial: bool
    #: open tasks that cannot wait, and all open ones
    grave: int
    waiting: int
    version: str
    live: bool
    #: why messages do not leave: on a whole page; a part that moves brings its own
    halts: tuple[Halt, ...] = ()

    @property
    def on_duty(self) -> bool:
        """Whether it is the reader who rings and answers; streams are keyed by it."""
        return self.who is not None and self.who.may(DUTY)

    @property
    def examines(self) -> bool:
        """Whether the reader may see what doctor says."""
        return self.who is not None and self.who.may(EXAMINERS)

    @property
    def csrf(self) -> str:
        """What every form must carry."""
        return self.who.csrf if self.who else ""

    @property
    def bar(self) -> tuple[tuple[str, str, bool], ...]:
        """The bar's rows for this user: address, words, whether we are there."""
        if self.who is None:
            return ()
        return tuple((to, text, self._here(to)) for to, text, seen_by in BAR if self.who.may(seen_by))

    def again(self, **chosen: str) -> str:
        """Return the address's query with this chosen, and all that it said besides."""
        return urlencode([*((name, value) for name, value in self.query if name not in chosen), *chosen.items()], errors="replace")

    def _here(self, to: str) -> bool:
        return self.path == to or (to != "/" and self.path.startswith(to + "/"))


async def render(request: web.Request, template: str, page: object, *, status: int = 200) -> web.Response:
    """Return a page. `page` is the template's typed context."""
    asker = who_if_any(request)
    halts = await request.app[WATCHDOG].lately(asker.municipality_id) if asker else ()
    html = await _draw(template, page, await sight(request, halts))
    # what somebody sent is shown back to them, also where its bytes are no text
    body = html.encode("utf-8", "replace")
    return web.Response(body=body, content_type=HTML, charset="utf-8", status=status, headers={"Cache-Control": "no-store"})


async def draw(request: web.Request, template: str, page: object) -> str:
    """Return a template's text. What a live stream sends is a template of its own, so that everything it needs is in it."""
    return await _draw(template, page, await sight(request))


async def draw_for(relay: Relay, municipality_id: int, language: str, template: str, page: object) -> str:
    """Return a template's text for somebody who has asked for nothing just now."""
    async with relay.store.read() as conn:
        town = await front.glance(conn, municipality_id)
    around = Around(who=None, language=language, direction=languages.direction(language), scheme=SCHEMES[0], path="")
    return await _draw(template, page, _sight(town, around, relay.clock.now()))


async def _draw(template: str, page: object, seen: "Sight") -> str:
    made = environment(seen.chrome.language).get_template(template)
    context: Mapping[str, Any] = {"page": page, "chrome": seen.chrome, "reader": seen.reader, **seen.reader_filters}
    return made.render(context)


@dataclass(frozen=True, slots=True, kw_only=True)
class Around:
    """Who looks, and how they want it."""

    who: Who | None
    language: str
    direction: str
    scheme: str
    path: str
    query: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Sight:
    """The chrome and the reader of one request."""

    chrome: Chrome
    reader: Reader

    @property
    def reader_filters(self) -> dict[str, Callable[..., str]]:
        """The functions that write values for this reader."""
        return {name: getattr(self.reader, name) for name in FILTERS}


async def sight(request: web.Request, halts: tuple[Halt, ...] = ()) -> Sight:
    """Find out for whom a page is written and what stands around it."""
    who = who_if_any(request)
    relay = request.app[RELAY]
    async with relay.store.read() as conn:
        town = await front.glance(conn, who.municipality_id if who else None)
    around = Around(
        who=who,
        language=language_of(request),
        direction=direction_of(request),
        scheme=scheme_of(request),
        path=request.path,
        query=tuple(request.query.items()),
    )
    return _sight(town, around, relay.clock.now(), halts)


def _sight(town: front.Glance, around: "Around", now: datetime, halts: tuple[Halt, ...] = ()) -> Sight:
    chrome = Chrome(
        who=around.who,
        language=around.language,
        direction=around.direction,
        scheme=around.scheme,
        path=around.path,
        query=around.query,
        municipality=town.name,
        trial=town.trial,
        grave=town.grave,
        waiting=town.waiting,
        version=_version(),
        live=False,
        halts=halts,
    )
    return Sight(chrome, Reader(language=around.language, timezone=town.timezone, now=now))


@cache
def _version() -> str:
    return version("budstikke")


def direction_of(request: web.Request) -> str:
    """Return the pages' direction: asked for, or that of their language."""
    asked = request.query.get("dir", "")
    return asked if asked in DIRECTIONS else languages.direction(language_of(request))


def language_of(request: web.Request) -> str:
    """Return the language of the pages: asked for just now, remembered, the user's, the browser's."""
    who = who_if_any(request)
    for tag in (request.query.get("lang"), cookies.read(request, cookies.LANGUAGE), who.language if who else None):
        if tag in words.LANGUAGES:
            return str(tag)
    return words.wanted(request.headers.get("Accept-Language", ""))


def scheme_of(request: web.Request) -> str:
    """Return how the pages are coloured: asked for just now, remembered, as the device is."""
    for scheme in (request.query.get("scheme"), cookies.read(request, cookies.COLOURS)):
        if scheme in SCHEMES:
            return str(scheme)
    return "auto"


def remember(request: web.Request, response: web.StreamResponse) -> None:
    """Keep for this browser what was chosen in the menu of a page. A part of a page asks for its page's language, and chooses nothing."""
    if response.prepared or response.content_type != HTML:
        return
    for name, asked, known in ((cookies.LANGUAGE, "lang", words.LANGUAGES), (cookies.COLOURS, "scheme", SCHEMES)):
        if (chosen := request.query.get(asked)) in known:
            cookies.put(request, response, name, str(chosen))


@cache
def environment(language: str) -> Environment:
    """Return the templates in one language of the pages."""
    made = Environment(
        loader=PackageLoader("relay.web"),
        autoescape=select_autoescape(default=True),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        extensions=["jinja2.ext.i18n", "jinja2.ext.do"],
    )
    # the extension puts this method there
    made.install_gettext_translations(words.translations(language), newstyle=True)  # type: ignore[attr-defined]
    made.globals |= {
        # as the extension's own, which looks each sentence up anew, hundreds of times a page
        "_": partial(words.marked, language),
        "asset": assets.address,
        "direction_of": languages.direction,
        "own_name": lambda tag: languages.get(tag).own_name,
        "ui_languages": words.LANGUAGES,
        # a sentence that is data: translated where it is known, escaped like any text (`_` takes its own for safe)
        "told": lambda sentence: as_typed(words.told(language, sentence)),
        **sentences.TABLES,
    }
    made.filters["typed"] = as_typed
    return made
