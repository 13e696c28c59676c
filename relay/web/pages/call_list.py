"""The call list, for when the net is down: on paper, and as one file on a duty officer's own device that opens with a passphrase alone.

The file is a page that needs no network: its content is sealed (AES-256-GCM, the key made of the passphrase), and the device's own browser
opens it. Nobody can read a lost device's file; nobody can open it for whoever has forgotten the passphrase.
"""

import asyncio
import json
import secrets
from base64 import b64encode
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import pbkdf2_hmac, sha256

from aiohttp import web
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from relay.store import call_list
from relay.web import assets, sheets, words
from relay.web.keys import RELAY
from relay.web.page import draw, language_of, render
from relay.web.who import who

#: OWASP's figure for PBKDF2 with SHA-256 (2023); a phone takes about a second
ROUNDS = 600_000
SALT_BYTES, NONCE_BYTES, KEY_BYTES = 16, 12, 32
#: signs of a passphrase
SHORTEST = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class ListPage:
    """The list, and how old the reader's own copy is."""

    list: call_list.CallList
    made_at: datetime
    copied_at: datetime | None
    #: the register has changed since the copy was made
    old: bool
    errors: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class FilePage:
    """The file: the sealed list, and the little that opens it. Salt, nonce and content are base64."""

    municipality: str
    made_at: datetime
    sealed: str
    script: str
    script_hash: str
    style: str
    style_hash: str


async def show(request: web.Request) -> web.Response:
    """Show the list as the register is now, to be printed."""
    return await _show(request)


async def _show(request: web.Request, errors: dict[str, str] | None = None) -> web.Response:
    page = await _page(request, errors or {})
    return await render(request, "board/call_list.html", page, status=400 if errors else 200)


async def _page(request: web.Request, errors: dict[str, str]) -> ListPage:
    relay, asker = request.app[RELAY], who(request)
    async with relay.store.read() as conn:
        found = await call_list.read(conn, asker.municipality_id)
        copy = await call_list.newest_copy(conn, asker.municipality_id, asker.user_id)
    return ListPage(
        list=found,
        made_at=relay.clock.now(),
        copied_at=copy.made_at if copy else None,
        old=copy is not None and copy.mark != found.mark,
        errors=errors,
    )


async def take(request: web.Request) -> web.Response:
    """Send the list as a file that opens with the passphrase in the form, which is kept nowhere."""
    relay, asker, form = request.app[RELAY], who(request), await request.post()
    passphrase, again = str(form.get("passphrase", "")), str(form.get("again", ""))
    if errors := _wrong(passphrase, again, language_of(request)):
        return await _show(request, errors)
    page = await _page(request, {})
    content = await draw(request, "board/call_list_rows.html", page)
    sealed = await asyncio.to_thread(seal, content, passphrase)
    async with relay.store.write() as conn:
        await call_list.taken(conn, asker.municipality_id, asker.user_id, page.list.mark, asker.name, relay.clock.now())
    return await _file(request, page, sealed)


def _wrong(passphrase: str, again: str, language: str) -> dict[str, str]:
    if len(passphrase) < SHORTEST:
        return {"passphrase": words.say(language, "At least %(n)s signs: four words that belong to no sentence.", n=SHORTEST)}
    if passphrase != again:
        return {"again": words.say(language, "The two are not the same.")}
    return {}


async def _file(request: web.Request, page: ListPage, sealed: str) -> web.Response:
    script, style = (_text(name) for name in ("js/call-list.js", "css/call-list.css"))
    made = FilePage(
        municipality=page.list.municipality,
        made_at=page.made_at,
        sealed=sealed,
        script=script,
        script_hash=_hash(script),
        style=style,
        style_hash=_hash(style),
    )
    name = f"ringeliste-{page.made_at:%Y-%m-%d}.html"
    headers = {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"}
    html = await draw(request, "board/call_list_file.html", made)
    return web.Response(body=html.encode(), content_type="text/html", charset="utf-8", headers=headers)


def _text(name: str) -> str:
    return (assets.ROOT / name).read_text(encoding="utf-8")


def _hash(text: str) -> str:
    return f"sha256-{b64encode(sha256(text.encode()).digest()).decode()}"


def seal(content: str, passphrase: str) -> str:
    """Return a page's content sealed with a passphrase, as the JSON that static/js/call-list.js opens."""
    salt, nonce = secrets.token_bytes(SALT_BYTES), secrets.token_bytes(NONCE_BYTES)
    key = pbkdf2_hmac("sha256", passphrase.encode(), salt, ROUNDS, KEY_BYTES)
    sealed = AESGCM(key).encrypt(nonce, content.encode(), None)
    parts = {"salt": salt, "nonce": nonce, "content": sealed}
    return json.dumps({"rounds": ROUNDS} | {name: b64encode(part).decode() for name, part in parts.items()})


async def as_csv(request: web.Request) -> web.Response:
    """Send the list as a file that a spreadsheet opens. It is not sealed: whoever takes it looks after it."""
    language, page = language_of(request), await _page(request, {})
    heading = [words.say(language, column) for column in ("Group", "Person", "Number", "Languages", "Stands by for")]
    rows = (
        [group.name, person.name, " / ".join(person.numbers), " ".join(person.languages), person.deputy_of]
        for group in page.list.groups
        for person in group.people
    )
    return sheets.response("ringeliste", heading, rows)
