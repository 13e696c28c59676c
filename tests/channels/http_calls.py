"""Callbacks as the providers of deploy/providers send them, and as a provider of our own making would."""

import hashlib
import hmac
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from urllib.parse import urlencode

from channels.base import Callback
from channels.http_file import read
from channels.http_settings import HttpSmsSettings
from tests.channels.aggregator import CALLBACK_PASSWORD, SIGNING_SECRET, basic
from tests.channels.rigs import described
from tests.channels.test_http_file import LEAST

BASE = "https://varsel.sorby.example:8443"
TOKEN = "0123456789abcdef0123456789abcdef"
AT = datetime(2026, 11, 23, 17, tzinfo=UTC)
FORM, JSON = described("example", "https://sms.example"), described("nordisk", "https://sms.example")
SECRET = "a-secret-of-ours-123"


def signed(what: str, fields: Mapping[str, str], at: datetime = AT, secret: str = SIGNING_SECRET) -> Callback:
    """Return a form as example.toml's provider sends it."""
    body, stamp = urlencode(fields).encode(), str(int(at.timestamp()))
    signature = hmac.new(secret.encode(), f"{stamp}.".encode() + body, hashlib.sha256).hexdigest()
    headers = {"X-Timestamp": stamp, "X-Signature": f"sha256={signature}"}
    return Callback(url=f"{BASE}/hooks/example/{what}", headers=headers, body=body, received_at=AT)


def known(what: str, document: object) -> Callback:
    """Return JSON as nordisk.toml's provider sends it."""
    headers = {"Authorization": basic("nordisk", CALLBACK_PASSWORD), "Content-Type": "application/json"}
    return Callback(url=f"{BASE}/hooks/nordisk/{what}", headers=headers, body=json.dumps(document).encode(), received_at=AT)


def with_callbacks(text: str) -> HttpSmsSettings:
    states = '[states]\nok = "DELIVERED"\nno = "UNDELIVERED"\n[codes]\n7 = "UNREACHABLE"\n'
    return read(LEAST + states + "[callbacks]\n" + text, {"SECRET": SECRET, "OLD": "the old one"}, "x")


STATUS = {"id": "17", "status": "delivered", "reference": TOKEN, "error": "0"}
MESSAGE = {"id": "18", "from": "+4790000001", "to": "+4759440000", "message": " 2 "}
