"""Leaving the e-mail list: one press (RFC 8058). Looking at the page changes nothing, since mail scanners look at every link."""

from html import escape

from aiohttp import web

from relay.store import threads
from relay.web.keys import RELAY

_PAGE = """<!doctype html><html lang="nb"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<meta name="robots" content="noindex"><link rel="icon" href="data:,"><title>{title}</title>
<body><h1>{title}</h1><p>{text}</p>{form}</body></html>"""
_BUTTON = '<form method="post"><button name="List-Unsubscribe" value="One-Click">Stopp e-post · Stop e-mail</button></form>'
_HEADERS = {"Referrer-Policy": "no-referrer", "Cache-Control": "no-store"}


async def ask(_request: web.Request) -> web.Response:
    """Show the button, and do nothing else."""
    return _page("Meld deg av · Leave", "Vil du ikke ha flere e-poster? · No more e-mail?", _BUTTON)


async def leave(request: web.Request) -> web.Response:
    """Stop using the address that this letter went to, and tell the coordinator."""
    relay = request.app[RELAY]
    async with relay.store.write() as conn:
        known = await threads.opt_out_by_token(conn, request.match_info["token"], relay.clock.now())
    if not known:
        return _page("Ukjent lenke · Unknown link", "Lenken er ikke fra oss. · This link is not ours.", "", status=404)
    return _page("Du er avmeldt · You have left", "Du får ikke flere e-poster her. · You get no more e-mail here.", "")


def _page(title: str, text: str, form: str, status: int = 200) -> web.Response:
    html = _PAGE.format(title=escape(title), text=escape(text), form=form)
    return web.Response(text=html, content_type="text/html", headers=_HEADERS, status=status)
