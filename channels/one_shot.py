"""One request, one deadline, and an honest word on whether it may have arrived. What every provider that speaks HTTP shares.

It repeats nothing, follows no redirect, keeps no cookie, and reads no answer without end.
"""

import asyncio
import math
from collections.abc import Mapping
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from functools import lru_cache
from typing import NamedTuple

import aiohttp
from yarl import URL

from channels.base import Reason, SendFailed
from channels.http_times import moment

#: seconds for a request that only reads
READ_DEADLINE = 10.0
#: bytes of an answer to a read: 50 messages of 1,600 characters, each written as \\uXXXX\\uXXXX, still fit; and to a POST: one does
LARGEST_LIST, LARGEST_ANSWER = 1 << 20, 1 << 16
#: seconds an idle connection is kept; the provider's end keeps it longer, so that it is never us who use a closed one
KEEP_ALIVE = 15.0
#: seconds that a provider may ask us to wait; what asks for more is a mistake, or wants us silent
LONGEST_WAIT = 86_400.0

FORM = "application/x-www-form-urlencoded"
JSON = "application/json"

#: what aiohttp raises before it has written the first byte of a request
BEFORE_THE_FIRST_BYTE = (
    aiohttp.ConnectionTimeoutError,
    aiohttp.ClientConnectorError,
    aiohttp.ClientConnectorCertificateError,
    aiohttp.ClientConnectorSSLError,
    aiohttp.InvalidURL,
)


class NotSent(Exception):
    """The request never left: no name, no connection or no TLS. Nothing was sent."""


class Unknown(Exception):
    """The request may have arrived: its connection broke, ran out of time, or brought an answer that cannot be read."""


class HttpAnswer(NamedTuple):
    """What came back, whatever it says."""

    status: int
    text: str
    headers: Mapping[str, str]


class OneShot:
    """Carries requests over connections of its own, each request once."""

    def __init__(self, *, connect_timeout: float = 4.0, connections: int = 100) -> None:
        self._connect_timeout = connect_timeout
        self._connections = connections
        self._session: aiohttp.ClientSession | None = None
        self._closed = False

    async def request(self, method: str, url: str | URL, *, body: bytes | None, headers: Mapping[str, str], deadline: float) -> HttpAnswer:
        """Send one request and read its answer within `deadline` seconds. Raises NotSent or Unknown.

        A message goes by POST: aiohttp itself repeats GET and PUT when a connection that was kept turns out to be closed.
        """
        if self._closed:
            raise NotSent("closed")
        payload = None if body is None else aiohttp.BytesPayload(body)
        limits = _limits(deadline, self._connect_timeout)
        # An exception of aiohttp's may hold the URL, and that a telephone number: only its name goes on.
        try:
            async with (
                asyncio.timeout(deadline),
                self._open().request(method, url, data=payload, headers=headers, allow_redirects=False, timeout=limits) as answer,
            ):
                return HttpAnswer(answer.status, await _text(answer, LARGEST_LIST if method == "GET" else LARGEST_ANSWER), answer.headers)
        except BEFORE_THE_FIRST_BYTE as why:
            raise NotSent(type(why).__name__) from None
        except (aiohttp.ClientError, OSError, ValueError, RuntimeError) as why:
            raise Unknown(type(why).__name__) from None

    async def close(self) -> None:
        """Let go of the connections, for good."""
        self._closed = True
        if self._session is not None:
            await self._session.close()

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=self._connections, keepalive_timeout=KEEP_ALIVE),
                cookie_jar=aiohttp.DummyCookieJar(),
            )
        return self._session


@lru_cache
def _limits(deadline: float, connect_timeout: float) -> aiohttp.ClientTimeout:
    """Half the deadline for a connection, its turn in the queue included: so whatever the deadline cuts off had been sent."""
    return aiohttp.ClientTimeout(total=None, connect=deadline / 2, sock_connect=connect_timeout)


async def _text(answer: aiohttp.ClientResponse, most: int) -> str:
    body = bytearray()
    while chunk := await answer.content.readany():
        body += chunk
        if len(body) > most:
            answer.close()
            raise Unknown("the answer is too large")
    return body.decode("utf-8", "replace")


class told:  # noqa: N801 - read as a word: with told(…)
    """Turns what can happen to a request into SendFailed: NOT_CONNECTED if it never left, `in_doubt` if we cannot tell.

    UNCERTAIN for a message, NOT_CONNECTED for a read: nothing depends on a read.
    """

    __slots__ = ("_in_doubt",)

    def __init__(self, in_doubt: Reason) -> None:
        self._in_doubt = in_doubt

    def __enter__(self) -> None: ...

    def __exit__(self, _kind: object, why: BaseException | None, _trace: object) -> None:
        if isinstance(why, TROUBLES):
            raise failure(why, self._in_doubt) from None


#: what can happen to a request, from its text to its answer
TROUBLES = (UnicodeEncodeError, NotSent, Unknown)


def failure(why: Exception, in_doubt: Reason) -> SendFailed:
    """Return what one of TROUBLES means: see `told`, which is for wherever a microsecond does not count."""
    match why:
        case UnicodeEncodeError():
            return SendFailed(Reason.BAD_CONTENT, detail="the text holds half a character (a lone surrogate)")
        case NotSent():
            return SendFailed(Reason.NOT_CONNECTED, detail=str(why))
        case _:
            return SendFailed(in_doubt, detail=str(why))


def retry_after(value: str, now: datetime) -> float | None:
    """Return the seconds that a Retry-After asks us to wait, LONGEST_WAIT at most (it may also name a date); None: it does not say."""
    try:
        seconds = float(value) if value.strip().isdecimal() else (parsedate_to_datetime(value) - now).total_seconds()
    except (ValueError, TypeError, OverflowError):
        return None
    return min(max(seconds, 0.0), LONGEST_WAIT) if math.isfinite(seconds) else LONGEST_WAIT


def skew(headers: Mapping[str, str], now: datetime) -> timedelta:
    """Return the provider's clock less ours, by its Date header; nothing, if it names no date."""
    when = moment(headers.get("Date", ""))
    return when - now if when else timedelta()
