"""The wall of the duty room: all groups in sight, no names, numbers or quotes, behind a link that ends with its alert."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from aiohttp import web

from relay.store import board, walls
from relay.store.columns import AnyRow
from relay.store.halts import Halt
from relay.web import charts
from relay.web.keys import LIVE, RELAY, WATCHDOG
from relay.web.page import draw, language_of, render
from relay.web.pages.board import which
from relay.web.who import who

#: tiles that there may be, and how they are drawn then
DENSITIES = ((6, "few"), (12, "some"), (20, "many"))
#: the address holds the key, so it is told to nobody
HEADERS = {"Referrer-Policy": "no-referrer", "Cache-Control": "no-store", "X-Robots-Tag": "noindex"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Tile:
    """One group."""

    group: board.GroupLine
    pieces: tuple[charts.Piece, ...]
    #: the group's, where its language has several; "" where the language says which one it is
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class WallPage:
    """What the wall shows; `ended`: the link shows nothing any more."""

    token: str
    ended: bool
    heading: board.Heading | None = None
    tiles: tuple[Tile, ...] = ()
    totals: board.GroupLine | None = None
    #: rows of the inbox about the alert: those that cannot wait, and all
    grave: int = 0
    waiting: int = 0
    #: people to whom nothing has left yet
    with_nothing: int = 0
    halts: tuple[Halt, ...] = ()

    @property
    def density(self) -> str:
        """How many tiles there are room for: few are large."""
        return next((name for most, name in DENSITIES if len(self.tiles) <= most), "many crowd")


async def show(request: web.Request) -> web.Response:
    """Show the wall to whoever holds the link."""
    page = await _page(request)
    response = await render(request, "board/wall.html", page, status=404 if page.ended else 200)
    response.headers.update(HEADERS)
    return response


async def live(request: web.Request) -> web.StreamResponse:
    """Stream the wall; a link that has ended ends on the wall too."""
    token = request.match_info["token"]
    if (await _page(request)).ended:
        raise web.HTTPNotFound
    key = ("wall", token, language_of(request), request.query.get("dir", ""))

    async def picture() -> str:
        return await draw(request, "board/wall_live.html", await _page(request))

    return await request.app[LIVE].stream(request, key, picture)


async def _page(request: web.Request) -> WallPage:
    relay = request.app[RELAY]
    token = request.match_info["token"]
    async with relay.store.read() as conn:
        found = await walls.find(conn, token)
        if found is None:
            return WallPage(token=token, ended=True)
        language = language_of(request)
        one = await board.heading_of(conn, found.municipality_id, found.alert_id, language)
        seen = await board.read(conn, one, relay.clock.now())
    mirrored = request.query.get("dir") == "rtl"
    return WallPage(
        token=token,
        ended=False,
        heading=one,
        tiles=tuple(_tiles(seen.groups, mirrored=mirrored)),
        totals=seen.totals,
        grave=seen.grave,
        waiting=seen.waiting,
        with_nothing=seen.with_nothing,
        halts=await request.app[WATCHDOG].halts(found.municipality_id),
    )


def _tiles(groups: tuple[board.GroupLine, ...], *, mirrored: bool) -> Iterator[Tile]:
    spoken = Counter(group.reach.language for group in groups)
    for group in groups:
        name = group.reach.name if spoken[group.reach.language] > 1 else ""
        yield Tile(group=group, pieces=charts.ladder(group, mirrored=mirrored), name=name)


# --- its links -------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class LinksPage:
    """The links of an alert's wall; `fresh`: the address of the one just made, shown this once."""

    heading: board.Heading
    links: tuple[AnyRow, ...]
    fresh: str = ""

    @property
    def here(self) -> str:
        """The alert's address."""
        return f"/alerts/{self.heading.number}"


async def links(request: web.Request) -> web.Response:
    """Show which links there are."""
    return await _links(request)


async def make(request: web.Request) -> web.Response:
    """Make a link, and show it: only now, since no one can read it out of its hash."""
    relay = request.app[RELAY]
    one = await which(request)
    async with relay.store.write() as conn:
        token = await walls.make(conn, one, who(request).name, relay.clock.now())
    return await _links(request, fresh=f"{relay.desk.public_url}/wall/{token}")


async def end(request: web.Request) -> web.Response:
    """End a link."""
    relay = request.app[RELAY]
    one = await which(request)
    async with relay.store.write() as conn:
        await walls.end(conn, one, int(request.match_info["link"]), who(request).name, relay.clock.now())
    relay.pulse.ring()
    raise web.HTTPSeeOther(f"/alerts/{one.number}/wall")


async def _links(request: web.Request, fresh: str = "") -> web.Response:
    relay = request.app[RELAY]
    one = await which(request)
    async with relay.store.read() as conn:
        rows = await walls.of_alert(conn, one)
    return await render(request, "board/links.html", LinksPage(heading=one, links=tuple(rows), fresh=fresh))
