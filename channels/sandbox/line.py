"""A small HTTP client for the product's webhooks: one form out, one status in, over connections that stay open.

The sandbox makes two calls for every message on the machine that also runs the product; a full client took most of its time.
"""

import asyncio
import ssl
from collections import defaultdict
from collections.abc import Mapping
from typing import cast
from urllib.parse import urlsplit

Origin = tuple[str, str, int]

_END = b"\r\n\r\n"


class NoConnection(OSError):
    """Nobody answered at this address."""


class Broken(OSError):
    """The connection ended, or went silent, before the answer was complete."""


class Line(asyncio.Protocol):
    """One connection, used for one request at a time."""

    def __init__(self) -> None:
        self._transport: asyncio.Transport | None = None
        self._answer: asyncio.Future[int] | None = None
        self._bytes = b""
        self.open = True

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is one, and says it is none

    def connection_lost(self, exc: Exception | None) -> None:
        self.open = False
        if self._answer is None or self._answer.done():
            return
        # an answer without a length ends with its connection
        status = _status(self._bytes) if _END in self._bytes and _length(self._head()) is None else 0
        if status:
            self._answer.set_result(status)
        else:
            self._answer.set_exception(Broken("closed before the answer was complete"))

    def data_received(self, data: bytes) -> None:
        self._bytes += data
        if self._answer is not None and not self._answer.done() and self._is_complete():
            if b"connection: close" in self._head():
                self.close()
            self._answer.set_result(_status(self._bytes))

    async def send(self, request: bytes, seconds: float) -> int:
        """Send a request and return the answer's status. Raises Broken, also after `seconds` without a whole answer."""
        loop = asyncio.get_running_loop()
        if self._transport is None or not self.open:
            raise Broken("closed")
        self._bytes, self._answer = b"", loop.create_future()
        timer = loop.call_later(seconds, self._give_up)
        self._transport.write(request)
        try:
            return await self._answer
        except asyncio.CancelledError:
            self.close()
            raise
        finally:
            timer.cancel()

    def close(self) -> None:
        """End the connection."""
        self.open = False
        if self._transport is not None:
            self._transport.abort()

    def _give_up(self) -> None:
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(Broken("no answer in time"))
        self.close()

    def _head(self) -> bytes:
        return self._bytes.partition(_END)[0].lower()

    def _is_complete(self) -> bool:
        head, end, body = self._bytes.partition(_END)
        if not end:
            return False
        head = head.lower()
        if b"transfer-encoding: chunked" in head:
            return body.endswith(b"0\r\n\r\n")
        length = _length(head) if _status(head) not in (204, 304) else 0
        return length is not None and len(body) >= length


def _status(answer: bytes) -> int:
    """Return the status in the first line of an answer, or 0."""
    word = answer[:32].split(b" ")[1:2]
    return int(word[0]) if word and word[0][:3].isdigit() and len(word[0]) == 3 else 0


def _length(head: bytes) -> int | None:
    """Return the length that a head (in small letters) announces, if it does."""
    _, found, rest = head.partition(b"content-length:")
    number = rest.partition(b"\r\n")[0].strip()
    return int(number) if found and number.isdigit() else None


class Lines:
    """Open connections, by origin; those at rest are used again."""

    def __init__(self) -> None:
        self._resting: defaultdict[Origin, list[Line]] = defaultdict(list)

    async def post(self, url: str, body: bytes, headers: Mapping[str, str], *, connect: float, read: float) -> int:
        """Post a form; return the status of the answer, redirects not followed. Raises NoConnection, Broken."""
        parts = urlsplit(url)
        origin = (parts.scheme, parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80))
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        lines = [f"POST {target} HTTP/1.1", f"Host: {parts.netloc.rpartition('@')[2]}", f"Content-Length: {len(body)}"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        line = self._rested(origin) or await self._connected(origin, connect)
        status = await line.send("\r\n".join(lines).encode() + _END + body, read)
        if line.open:
            self._resting[origin].append(line)
        return status

    def close(self) -> None:
        """End all connections at rest."""
        for lines in self._resting.values():
            for line in lines:
                line.close()
        self._resting.clear()

    def _rested(self, origin: Origin) -> Line | None:
        resting = self._resting[origin]
        while resting:
            line = resting.pop()
            if line.open:
                return line
        return None

    @staticmethod
    async def _connected(origin: Origin, seconds: float) -> Line:
        scheme, host, port = origin
        secure = ssl.create_default_context() if scheme == "https" else None
        try:
            async with asyncio.timeout(seconds):
                _, line = await asyncio.get_running_loop().create_connection(Line, host, port, ssl=secure)
        except (OSError, TimeoutError) as why:
            raise NoConnection(str(why)) from why
        return line
