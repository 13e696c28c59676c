"""An installation as the world sees it, through its proxy: a provider's signed calls, somebody at a browser, a stream."""

import asyncio
import re
import secrets
from collections.abc import AsyncIterator
from typing import NamedTuple

import aiohttp
from twilio.request_validator import RequestValidator

_CSRF = re.compile(r'name="csrf" value="([0-9a-f]+)"')
#: seconds that a stream may be silent before it counts as held back; what is waited for comes at once or never
PATIENCE = 60.0
#: what a browser says of a form of our own pages
OURS = {"Sec-Fetch-Site": "same-origin"}


class Account(NamedTuple):
    """An account at the provider."""

    key: str
    sid: str
    token: str


def _said(account: Account, phone: str, text: str) -> dict[str, str]:
    sid = "SM" + secrets.token_hex(16)
    numbers = {"From": phone, "To": "+4759440000"}
    return {"MessageSid": sid, "SmsSid": sid, "AccountSid": account.sid, **numbers, "Body": text, "NumMedia": "0", "SmsStatus": "received"}


async def inbound(http: aiohttp.ClientSession, at: str, signed_over: str, account: Account, phone: str, text: str) -> int:
    """Bring in what somebody wrote, as the provider does; return the status. `at`: where; `signed_over`: the address that it signs."""
    path = f"/hooks/{account.key}/inbound"
    fields = _said(account, phone, text)
    signature = RequestValidator(account.token).compute_signature(signed_over + path, fields)
    async with http.post(at + path, data=fields, headers={"X-Twilio-Signature": signature}) as answer:
        return answer.status


async def callbacks(http: aiohttp.ClientSession, at: str, public: str, account: Account, phone: str) -> None:
    """See genuine calls accepted and all others refused. Raises AssertionError."""
    status = await inbound(http, at, public, account, phone, "1")
    assert status == 204, f"a genuine call was not taken: {status}"
    wrong = {
        "signed over the inner address": ("http://127.0.0.1:8080", account),
        "signed over another name": (public.replace("budstikke", "other"), account),
        "signed with another token": (public, account._replace(token="another")),
    }
    for what, (address, who) in wrong.items():
        status = await inbound(http, at, address, who, phone, "1")
        assert status == 403, f"a call {what} was not refused: {status}"


async def sign_in(http: aiohttp.ClientSession, at: str, login: str, password: str) -> str:
    """Sign in; a password for one use comes with the new one on a second line. Return the first page."""
    once, _, new = password.partition("\n")
    async with http.post(f"{at}/sign-in", data={"login": login, "password": once, "code": "", "next": "/"}, headers=OURS) as answer:
        page = await answer.text()
        assert "/sign-in" not in str(answer.url), "the door stayed shut"
    if new:
        fields = {"csrf": _csrf(page), "before": once, "after": new}
        async with http.post(f"{at}/me/password", data=fields, headers=OURS) as answer:
            page = await answer.text()
            assert answer.status == 200, f"the new password was not taken: {answer.status}"
    return page


def _csrf(page: str) -> str:
    found = _CSRF.search(page)
    assert found, "the page has no form"
    return found[1]


async def live(http: aiohttp.ClientSession, at: str, public: str, account: Account, phone: str, path: str) -> tuple[int, int]:
    """Open a stream, see its first event, let an answer come in, and see the next event on the same stream; return their sizes."""
    timeout = aiohttp.ClientTimeout(total=None)
    async with http.get(at + path, headers={"Accept": "text/event-stream"}, timeout=timeout) as answer:
        assert answer.status == 200, f"the stream answers {answer.status}"
        assert answer.content_type == "text/event-stream", answer.content_type
        events = _events(answer)
        first = await asyncio.wait_for(anext(events), PATIENCE)
        assert await inbound(http, at, public, account, phone, "3") == 204
        return len(first), len(await asyncio.wait_for(anext(events), PATIENCE))


async def _events(answer: aiohttp.ClientResponse) -> AsyncIterator[bytes]:
    """Yield the events with something in them, as they come."""
    kept = b""
    async for chunk in answer.content.iter_any():
        *whole, kept = (kept + chunk).split(b"\n\n")
        for event in whole:
            if b"data:" in event:
                yield event
