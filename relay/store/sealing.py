"""Encryption at rest: AES-256-GCM under a key with an id, and a keyed look-up of values that must be found again."""

import base64
import binascii
import hmac
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from relay.model import NotReady, Unreadable

KEY_BYTES = 32
_NONCE = 12
_HALF = re.compile("[\ud800-\udfff]")
_REMEDY = (
    "Set BUDSTIKKE_ENCRYPTION_KEY and BUDSTIKKE_LOOKUP_KEY to the keys of this installation. "
    "New keys (made with: budstikke keys) are for a new installation only: they cannot read what others have sealed."
)


@dataclass(frozen=True, slots=True)
class Keyring:
    """The keys of one installation: sealing keys by id (the first seals, all open), and the look-up key, which never changes."""

    keys: Mapping[int, AESGCM]
    newest: int
    lookup_key: bytes = field(repr=False)
    #: keys of the chain of acts, by name (the first seals, all verify)
    audit_keys: Mapping[str, bytes] = field(repr=False)

    def seal(self, text: str, place: str) -> bytes:
        """Encrypt `text` for the column `place`: key id, nonce, cipher text."""
        nonce = os.urandom(_NONCE)
        return bytes([self.newest]) + nonce + self.keys[self.newest].encrypt(nonce, text.encode("utf-8", "surrogatepass"), place.encode())

    def open(self, sealed: bytes, place: str) -> str:
        """Decrypt what `seal` made for the same column; half a character comes back as U+FFFD. Unreadable when no key of ours fits."""
        try:
            key = self.keys[sealed[0]]
            return _text(key.decrypt(sealed[1 : 1 + _NONCE], sealed[1 + _NONCE :], place.encode()))
        except (KeyError, IndexError, ValueError, InvalidTag) as error:
            msg = f"{place} was encrypted under another key than the one in use. {_REMEDY}"
            raise Unreadable(msg) from error

    def lookup(self, value: str) -> str:
        """Return the keyed fingerprint by which the normalised `value` is found again (HMAC-SHA-256, hex)."""
        return hmac.new(self.lookup_key, value.encode("utf-8", "surrogatepass"), sha256).hexdigest()


def _text(kept: bytes) -> str:
    """Return what was kept; half a character, as what came in may hold, becomes one that every page and database takes."""
    try:
        return kept.decode()
    except UnicodeDecodeError:
        return _HALF.sub("\N{REPLACEMENT CHARACTER}", kept.decode("utf-8", "surrogatepass"))


def fingerprint() -> str:
    """Return what tells this installation from another: made of its look-up key, which it does not betray; "" without keys."""
    return _current.lookup("installation")[:16] if _current else ""


def make_key() -> str:
    """Return a new key for the settings, as base64."""
    return base64.b64encode(os.urandom(KEY_BYTES)).decode()


def with_next(encryption_keys: str) -> str:
    """Return the setting with a new key in front, numbered one higher. NotReady where there is none yet, or no number is left."""
    parts = [part.rpartition(":") for part in encryption_keys.split(",") if part.strip()]
    numbered = {_number(number): key.strip() for number, _, key in parts}
    if not numbered:
        raise NotReady(f"There is no key yet. {_REMEDY}")
    free = next((number for number in (*range(max(numbered) + 1, 256), *range(1, 256)) if number not in numbered), None)
    if free is None:
        raise NotReady("All 255 numbers of keys are in use. Take out those that nothing is sealed under any more.")
    return ",".join([f"{free}:{make_key()}", *(f"{number}:{key}" for number, key in numbered.items())])


def new_settings() -> str:
    """Return the keys of a new installation as lines for `.env`."""
    return f"BUDSTIKKE_ENCRYPTION_KEY={make_key()}\nBUDSTIKKE_LOOKUP_KEY={make_key()}\nBUDSTIKKE_AUDIT_KEY={make_key()}"


def build(encryption_keys: str, lookup_key: str, audit_keys: str = "") -> Keyring:
    """Read keys from the settings: `encryption_keys` is "base64" or "2:base64,1:base64", `audit_keys` "new,old": newest first."""
    parts = [part.rpartition(":") for part in encryption_keys.split(",") if part.strip()]
    keys = {_number(number): AESGCM(_decode(key)) for number, _, key in parts}
    if not keys or not lookup_key:
        msg = f"The keys of this installation are missing. {_REMEDY}"
        raise NotReady(msg)
    return Keyring(keys, next(iter(keys)), _decode(lookup_key), _audit_keys(audit_keys, _decode(lookup_key)))


def _audit_keys(told: str, lookup_key: bytes) -> dict[str, bytes]:
    """Name the keys by a fingerprint. The last one is made of the look-up key: it seals where no key was set, and still verifies later."""
    made = [hmac.new(_decode(key), b"budstikke acts", sha256).digest() for key in told.split(",") if key.strip()]
    made.append(hmac.new(lookup_key, b"budstikke acts", sha256).digest())
    return {hmac.new(key, b"name", sha256).hexdigest()[:16]: key for key in made}


def _number(written: str) -> int:
    number = int(written) if written.strip().isdecimal() else 0 if written else 1
    if not 1 <= number <= 255:
        msg = f"The number before a key is between 1 and 255, as in 2:NEW,1:OLD. {_REMEDY}"
        raise NotReady(msg)
    return number


def _decode(key: str) -> bytes:
    try:
        raw = base64.b64decode(key.strip(), validate=True)
    except binascii.Error:
        raw = b""
    if len(raw) != KEY_BYTES:
        msg = f"A key is not 32 bytes of base64. {_REMEDY}"
        raise NotReady(msg)
    return raw


_current: Keyring | None = None


def use(keys: Keyring) -> None:
    """Make `keys` this process's keyring; column types have no other way to get at it."""
    global _current  # noqa: PLW0603 - one keyring a process, set once by the composition root
    _current = keys


def keyring() -> Keyring:
    """Return this process's keyring, or say what is missing."""
    if _current is None:
        msg = f"The keys of this installation are missing. {_REMEDY}"
        raise NotReady(msg)
    return _current
