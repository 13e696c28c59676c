"""The line to Twilio: one request, one deadline, and an honest word on whether it may have arrived.

The SDK builds and signs the requests; this client carries them, since the one that comes with it has no time limit, repeats
POSTs and can mix up answers. Loaded only when a Twilio channel is on.
"""

import json
import logging
from collections.abc import Awaitable, Mapping, Sequence
from datetime import timedelta
from typing import Any, NamedTuple
from urllib.parse import urlencode, urlsplit

import aiohttp
import orjson
from multidict import CIMultiDict
from twilio.http import AsyncHttpClient
from twilio.http.response import Response
from twilio.rest import Client
from yarl import URL

from channels.base import Reason, SendFailed
from channels.clock import Clock
from channels.hot_post import HotPost
from channels.one_shot import FORM, JSON, READ_DEADLINE, HttpAnswer, OneShot, retry_after, skew, told
from channels.settings import TwilioAccount

# The SDK logs addresses of lists at INFO, and those hold telephone numbers.
logging.getLogger("twilio").setLevel(logging.WARNING)


class OneShotHttp(AsyncHttpClient):
    """Lets the SDK speak over a line of ours: own deadline, no repeats, no redirects, no cookies. Raises NotSent or Unknown."""

    def __init__(self, account: TwilioAccount) -> None:
        super().__init__(logging.getLogger("twilio"), is_async=True)
        self._base = account.base_url.rstrip("/")
        self._line = OneShot(connect_timeout=account.connect_timeout, connections=account.connections)

    async def request(  # type: ignore[override]
        self,
        method: str,
        uri: str,
        params: Mapping[str, Any] | None = None,
        data: Any = None,
        headers: Mapping[str, str] | None = None,
        auth: tuple[str, str] | None = None,
        timeout: float | None = None,  # noqa: ASYNC109 - the SDK's signature
        allow_redirects: bool = False,  # noqa: FBT001, FBT002 - the SDK's signature; a redirected POST would lose its form
    ) -> Response:
        """Send one request and read its answer within `timeout` seconds. `data`: a mapping, or pairs in order."""
        head = dict(headers or {})
        if auth is not None:
            head["Authorization"] = aiohttp.encode_basic_auth(*auth)
        body = None if data is None or method == "GET" else encode(data, head.get("Content-Type", FORM))
        url = self.moved(uri) + (f"?{urlencode(params)}" if params else "")
        answer = await self._line.request(method, url, body=body, headers=head, deadline=timeout or READ_DEADLINE)
        return Response(answer.status, answer.text, answer.headers)

    async def close(self) -> None:
        """Let go of the connections, for good."""
        await self._line.close()

    def moved(self, uri: str) -> str:
        """Return where a request to `uri` really goes."""
        if not self._base:
            return uri
        parts = urlsplit(uri)
        return self._base + parts.path + (f"?{parts.query}" if parts.query else "")


def encode(data: Any, content_type: str) -> bytes:
    """Return the body of a request, byte for byte as the SDK's own synchronous client writes it."""
    if content_type == JSON:
        return json.dumps(data).encode()
    return urlencode(data, doseq=True).encode()


class Answer(NamedTuple):
    """What Twilio said."""

    status: int
    #: the object in the body; empty if there was none, or something else
    body: Mapping[str, Any]
    headers: Mapping[str, str]

    @property
    def code(self) -> int:
        """Twilio's own code of an error; 0: it gave none, so it may not have been Twilio who answered."""
        code = self.body.get("code")
        return code if isinstance(code, int) else 0


class TwilioClient:
    """One account, shared by its channels."""

    def __init__(self, account: TwilioAccount, clock: Clock) -> None:
        self.account = account
        self.clock = clock
        #: Twilio's clock less ours, as of the last read: what it dates is to be understood by this
        self.skew = timedelta()
        self.api = f"https://api.twilio.com/2010-04-01/Accounts/{account.sid}"
        self._http = OneShotHttp(account)
        self._sdk = Client(
            account.api_key or account.sid,
            account.api_secret or account.auth_token,
            account.sid,
            http_client=self._http,
            region=account.region or None,
            edge=account.edge or None,
            environment={"TWILIO_EDGE": ""},  # an empty mapping would make the SDK read the machine's
        )
        #: where messages are created, once the first one is
        self._create: HotPost | None = None
        self._users = 0

    def use(self) -> "TwilioClient":
        """Return this client, to be closed once more."""
        self._users += 1
        return self

    async def close(self) -> None:
        """Let go of the connections when the last user has closed."""
        self._users -= 1
        if self._users <= 0:
            await self._http.close()
            if self._create is not None:
                self._create.close()

    async def post(self, url: str, data: Sequence[tuple[str, str]] | Mapping[str, Any], *, deadline: float, kind: str = FORM) -> Answer:
        """POST `data` once. Raises SendFailed: NOT_CONNECTED if nothing was sent, UNCERTAIN if we cannot tell."""
        with told(Reason.UNCERTAIN):
            return await self._request("POST", url, data=data, headers={"Content-Type": kind, "Accept": JSON}, timeout=deadline)

    def create(self, body: bytes, *, deadline: float) -> Awaitable[HttpAnswer]:
        """POST a message's form once, beneath the SDK: address, headers and password are the SDK's, made once for all.

        Raises NotSent or Unknown.
        """
        return self._creating().post(body, deadline)

    def _creating(self) -> HotPost:
        if self._create is None:
            url = URL(self._http.moved(self._sdk.get_hostname(f"{self.api}/Messages.json")))
            ours = self.account
            self._create = HotPost(url, self._headers_of_a_post(), connect_timeout=ours.connect_timeout, connections=ours.connections)
        return self._create

    async def read(self, url: str, params: Mapping[str, str] | None = None) -> Answer:
        """GET `url`; an answer of 200 with an object in it, and our `skew` set anew. Raises SendFailed: nothing depends on a read."""
        with told(Reason.NOT_CONNECTED):
            answer = await self._request("GET", url, params=params, headers={"Accept": JSON}, timeout=READ_DEADLINE)
        self.skew = skew(answer.headers, self.clock.now())
        if answer.status == 429:
            raise SendFailed(Reason.THROTTLED, code=str(answer.code or 429), retry_after=self.retry_after(answer))
        if answer.status == 200 and answer.body:
            return answer
        raise SendFailed(_READ_FAILED.get(answer.status, Reason.NOT_CONNECTED), code=str(answer.code or answer.status))

    async def delete(self, url: str) -> Answer:
        """Delete what is at `url`, and say what was answered. Raises SendFailed."""
        with told(Reason.NOT_CONNECTED):
            return await self._request("DELETE", url, headers={"Accept": JSON}, timeout=READ_DEADLINE)

    def carried_to(self, url: str) -> str:
        """Return where a request to `url` really goes: elsewhere, when a base URL is set."""
        return self._http.moved(url)

    def retry_after(self, answer: Answer) -> float | None:
        """Return the seconds Twilio asks us to wait; None: it does not say."""
        return retry_after(answer.headers.get("Retry-After", ""), self.clock.now())

    def _headers_of_a_post(self) -> Mapping[str, str]:
        headers = self._sdk.get_headers("POST", {"Content-Type": FORM, "Accept": JSON})
        name, password = self._sdk.get_auth(None)
        return CIMultiDict({**headers, "Authorization": aiohttp.encode_basic_auth(name, password)})

    async def _request(self, method: str, url: str, **arguments: Any) -> Answer:
        response = await self._sdk.request_async(method, url, **arguments)
        return Answer(response.status_code, object_in(response.text), response.headers or {})


#: why a read was refused; anything else is the provider's passing trouble
_READ_FAILED: Mapping[int, Reason] = {401: Reason.NOT_AUTHORISED, 403: Reason.NOT_AUTHORISED, 404: Reason.OUR_BUG}


def object_in(text: str) -> Mapping[str, Any]:
    """Return the object that a body holds; an empty one if there is none, or something else."""
    try:
        value = orjson.loads(text)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}
