"""The call list as one file: a page that needs no network, and that the device's own browser opens with a passphrase alone.

Its content is sealed (AES-256-GCM, the key made of the passphrase). Nobody can read a lost device's file; nobody can open it for whoever
has forgotten the passphrase.
"""

import json
import secrets
from base64 import b64encode
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from hashlib import pbkdf2_hmac, sha256

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from relay.store import call_list
from relay.store.call_list_post import Key
from relay.store.letters import File
from relay.web import assets

#: OWASP's figure for PBKDF2 with SHA-256 (2023); a phone takes about a second
ROUNDS = 600_000
SALT_BYTES, NONCE_BYTES, KEY_BYTES = 16, 12, 32

#: draws a template with its page
Draw = Callable[[str, object], Awaitable[str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class RowsPage:
    """What is sealed."""

    list: call_list.CallList


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


def key_of(passphrase: str) -> Key:
    """Make the key of a passphrase; takes a moment."""
    salt = secrets.token_bytes(SALT_BYTES)
    return Key(rounds=ROUNDS, salt=salt, key=pbkdf2_hmac("sha256", passphrase.encode(), salt, ROUNDS, KEY_BYTES))


async def make(draw: Draw, found: call_list.CallList, key: Key, now: datetime) -> File:
    """Return the list as it is, sealed."""
    content = await draw("board/call_list_rows.html", RowsPage(list=found))
    script, style = (_text(name) for name in ("js/call-list.js", "css/call-list.css"))
    page = FilePage(
        municipality=found.municipality,
        made_at=now,
        sealed=seal(content, key),
        script=script,
        script_hash=_hash(script),
        style=style,
        style_hash=_hash(style),
    )
    html = await draw("board/call_list_file.html", page)
    return File(f"ringeliste-{now:%Y-%m-%d}.html", html.encode())


def seal(content: str, key: Key) -> str:
    """Return a page's content sealed, as the JSON that static/js/call-list.js opens. No nonce is used twice under a key."""
    nonce = secrets.token_bytes(NONCE_BYTES)
    parts = {"salt": key.salt, "nonce": nonce, "content": AESGCM(key.key).encrypt(nonce, content.encode(), None)}
    return json.dumps({"rounds": key.rounds} | {name: b64encode(part).decode() for name, part in parts.items()})


def _text(name: str) -> str:
    return (assets.ROOT / name).read_text(encoding="utf-8")


def _hash(text: str) -> str:
    return f"sha256-{b64encode(sha256(text.encode()).digest()).decode()}"
