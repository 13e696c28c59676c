"""The page that everybody may read: an alert as a resource person passes it on, always its newest version, and its poster to print."""

from dataclasses import dataclass
from datetime import datetime
from io import BytesIO

import segno
from aiohttp import hdrs, web
from markupsafe import Markup

from messages.languages import when
from messages.page import Sheet
from relay import links
from relay.links import Shared, Standing
from relay.store.links import OpenedBy, Opening
from relay.web.keys import OPENINGS, RELAY
from relay.web.leaf import Band, Tongue, band, leaf, stranger

#: who draws a preview of a link when somebody sends it, and who looks for harm in it: counted apart, as no reader
PREVIEWS = (
    "facebookexternalhit", "facebot", "whatsapp", "slackbot", "slack-imgproxy", "twitterbot", "telegrambot", "discordbot", "linkedinbot",
    "skypeuripreview", "viber", "signal", "teamsbot", "microsoftpreview", "googlemessages", "applebot", "iframely", "embedly", "pinterest",
    "vkshare", "redditbot", "bitlybot", "mastodon", "snapchat", "line-poker", "kakaotalk-scrap", "zalo",
)  # fmt: skip
SCANNERS = (
    "bot", "crawler", "spider", "scan", "headless", "phantom", "python", "curl", "wget", "httpclient", "http-client", "go-http", "okhttp",
    "java/", "axios", "node-fetch", "barracuda", "proofpoint", "mimecast", "safelinks", "urlcheck", "virustotal", "monitor", "lighthouse",
)  # fmt: skip
#: modules of the QR code's quiet zone; how much of it may be torn off
QUIET, CORRECTION = 4, "q"


@dataclass(frozen=True, slots=True, kw_only=True)
class SharedPage:
    """What the page and the poster show."""

    title: str
    #: the headline, for a messenger's preview; of an exercise with its mark at both ends
    preview: str
    band: Band | None
    standing: Standing
    sheet: Sheet
    norwegian: Sheet | None
    old: Sheet | None
    moment: str
    ended: Markup | None
    marked: bool
    others: tuple[str, ...]
    path: str
    address: str
    #: the QR code; None: not drawn
    code: Markup | None


async def look(request: web.Request) -> web.Response:
    """Show the page, and count that it was opened: by what kind of visitor, and in which hour."""
    relay = request.app[RELAY]
    now = relay.clock.now()
    found = await _find(request, now)
    if found is None:
        return stranger(request)
    if request.headers.get("Sec-Fetch-Site") != "same-origin":  # not whoever changes the language on the page
        await request.app[OPENINGS].put(Opening(link_id=found.link_id, by=visitor(request), at=now))
    tongue = Tongue(found.standing.languages)
    return leaf("shared.html", tongue, page=_page(request, found, tongue))


async def poster(request: web.Request) -> web.Response:
    """Show the poster."""
    found = await _find(request, request.app[RELAY].clock.now())
    if found is None:
        return stranger(request)
    tongue = Tongue(found.standing.languages)
    return leaf("poster.html", tongue, style="poster", page=_page(request, found, tongue, with_code=True))


async def _find(request: web.Request, now: datetime) -> Shared | None:
    async with request.app[RELAY].store.read() as conn:
        return await links.shared(conn, request.match_info["token"], request.query.get("l", ""), now)


def visitor(request: web.Request) -> OpenedBy:
    """Say what kind of visitor this is. What they call themselves is looked at here and kept nowhere."""
    named = request.headers.get(hdrs.USER_AGENT, "").lower()
    purpose = f"{request.headers.get('Purpose', '')} {request.headers.get('Sec-Purpose', '')}".lower()
    if any(name in named for name in PREVIEWS):
        return OpenedBy.PREVIEW
    if request.method == hdrs.METH_HEAD or not named or "prefetch" in purpose or any(name in named for name in SCANNERS):
        return OpenedBy.SCANNER
    return OpenedBy.PERSON


def _page(request: web.Request, found: Shared, tongue: Tongue, *, with_code: bool = False) -> SharedPage:
    standing, sheet = found.standing, found.standing.sheet()
    mark = band(tongue, standing.alert.kind)
    headline = " ".join(piece.text for piece in sheet.headline.pieces)
    address = f"{request.app[RELAY].desk.public_url}{shared_path(request.match_info['token'])}"
    return SharedPage(
        title=tongue.plain("page.title", municipality=standing.home.municipality),
        preview=f"{mark.mark} {headline} {mark.mark}" if mark else headline,
        band=mark,
        standing=standing,
        sheet=sheet,
        norwegian=standing.norwegian(),
        old=standing.said_before(),
        moment=moment(standing, tongue),
        ended=ended(standing, tongue),
        marked=any(piece.new for line in sheet.forward for piece in line.pieces),
        others=found.others,
        path=shared_path(request.match_info["token"]),
        address=address,
        code=_code(address) if with_code else None,
    )


def shared_path(token: str) -> str:
    """Where a shared page is."""
    return f"/s/{token}"


def moment(standing: Standing, tongue: Tongue) -> str:
    """Write when the newest version came."""
    return when(standing.changed_at, tongue.language, standing.home.timezone)


def ended(standing: Standing, tongue: Tongue) -> Markup | None:
    """Say that a message is no longer valid; None for one that is."""
    if standing.ended_at is None:
        return None
    return tongue.say("page.ended", time=when(standing.ended_at, tongue.language, standing.home.timezone))


def _code(address: str) -> Markup:
    drawn = BytesIO()
    segno.make(address, error=CORRECTION, micro=False).save(
        drawn, kind="svg", border=QUIET, xmldecl=False, svgns=False, omitsize=True, svgclass=None, lineclass=None, title=address
    )
    return Markup(drawn.getvalue().decode())  # noqa: S704 - drawn by us of our own address
