"""A POST that is made many times: connections that are kept, one request at a time on each, and a head that is written out once.

What an HTTP session does anew for each request costs more than everything else about a message, so the hot POST has
connections of its own. httptools reads the answers; what goes out is what the session would send.
"""

import asyncio
import math
import ssl
import zlib
from collections import deque
from collections.abc import Iterator, Mapping
from typing import Any

import aiohappyeyeballs
import aiohttp
import httptools
from yarl import URL

from channels.one_shot import KEEP_ALIVE, LARGEST_ANSWER, HttpAnswer, NotSent, Unknown

#: seconds until the next of a host's addresses is tried beside the one that does not answer
NEXT_ADDRESS = 0.25
#: what httptools raises over what is no answer to a POST
BROKEN = (httptools.HttpParserError, httptools.HttpParserUpgrade)


class HotPost:
    """Connections to one address. Make it inside the event loop that sends over it."""

    def __init__(self, url: URL, headers: Mapping[str, str], *, connect_timeout: float, connections: int) -> None:
        self._url, self._connect_timeout = url, connect_timeout
        self._head = _head(url, headers)
        self._tls = ssl.create_default_context() if url.scheme == "https" else None
        self._loop = asyncio.get_running_loop()
        #: turns to speak, and connections on which nobody speaks
        self._turns = _Turns(connections)
        self._idle: list[_Connection] = []
        self._deadlines = _Deadlines()
        self._closed = False

    async def post(self, body: bytes, deadline: float) -> HttpAnswer:
        """POST once and read the answer within `deadline` seconds. Raises NotSent or Unknown.

        Half the deadline is for a connection, its turn in the queue included: so whatever the deadline cuts off had been sent.
        """
        if self._closed:
            raise NotSent("closed")
        until = self._loop.time() + deadline
        connection = self._taken_at_once() or await self._taken(deadline / 2)
        try:
            return await connection.ask(b"%sContent-Length: %d\r\n\r\n%s" % (self._head, len(body), body), until)
        finally:
            self._give_back(connection)

    def close(self) -> None:
        """Let go of the connections, for good."""
        self._closed = True
        while self._idle:
            self._idle.pop().close()

    def _taken_at_once(self) -> "_Connection | None":
        """Return an open connection on which nobody speaks, where a turn is free and there is one."""
        if not self._turns.free or not (kept := self._kept()):
            return None
        self._turns.free -= 1
        return kept

    async def _taken(self, seconds: float) -> "_Connection":
        """Wait for a turn, and return a connection, an open one if there is one."""
        try:
            async with asyncio.timeout(seconds):
                await self._turns.take()
                try:
                    return self._kept() or await self._opened()
                except BaseException:
                    self._turns.give_back()
                    raise
        except OSError as why:
            raise NotSent(type(why).__name__) from None

    def _kept(self) -> "_Connection | None":
        """Return an open connection; one that has been idle for long may be closed at the other end while we write."""
        now = self._loop.time()
        while self._idle:
            connection = self._idle.pop()
            if connection.open and now - connection.idle_since < KEEP_ALIVE:
                return connection
            connection.close()
        return None

    async def _opened(self) -> "_Connection":
        host, port = str(self._url.host), self._url.port
        async with asyncio.timeout(self._connect_timeout):
            found = await self._loop.getaddrinfo(host, port, type=1)
            sock = await aiohappyeyeballs.start_connection(found, happy_eyeballs_delay=NEXT_ADDRESS, loop=self._loop)
            _, made = await self._loop.create_connection(
                lambda: _Connection(self._deadlines), sock=sock, ssl=self._tls, server_hostname=host if self._tls else None
            )
        return made

    def _give_back(self, connection: "_Connection") -> None:
        self._turns.give_back()
        if connection.open and not self._closed:
            connection.idle_since = self._loop.time()
            self._idle.append(connection)
        else:
            connection.close()


class _Turns:
    """So many may speak at once; the others wait in a queue, and a turn that is given back goes to the first of them.

    A semaphore's turn has to be awaited, also where one is free.
    """

    def __init__(self, number: int) -> None:
        #: turns that nobody has; while there are any, nobody waits
        self.free = number
        self._queue: deque[asyncio.Future[None]] = deque()

    async def take(self) -> None:
        """Take a turn, or wait for one."""
        if self.free:
            self.free -= 1
            return
        mine = asyncio.get_running_loop().create_future()
        self._queue.append(mine)
        try:
            await mine
        except asyncio.CancelledError:
            if not mine.cancelled():
                # it came in the same moment in which we gave up
                self.give_back()
            raise

    def give_back(self) -> None:
        """Let the next one speak."""
        while self._queue:
            following = self._queue.popleft()
            if not following.done():
                following.set_result(None)
                return
        self.free += 1


class _Deadlines:
    """Ends the waiting for answers in time, by one timer for all: one for each request cost as much as reading its answer."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._until: dict[_Connection, float] = {}
        self._next = math.inf
        self._timer: asyncio.TimerHandle | None = None

    def begin(self, connection: "_Connection", until: float) -> None:
        """Wait for an answer on `connection` no longer than `until`, a time of the loop's."""
        self._until[connection] = until
        if until < self._next:
            self._set(until)

    def end(self, connection: "_Connection") -> None:
        """Wait no more."""
        self._until.pop(connection, None)

    def _set(self, until: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._next, self._timer = until, self._loop.call_at(until, self._over) if until < math.inf else None

    def _over(self) -> None:
        """Give up what was due when the timer was set for, not what came due while the loop was busy: its answer may lie there unread."""
        due, self._next, self._timer = self._next, math.inf, None
        try:
            for connection in [connection for connection, until in self._until.items() if until <= due]:
                connection.give_up()
        finally:
            self._set(min(self._until.values(), default=math.inf))


class _Connection(asyncio.Protocol):
    """One connection, and the answer that is being read on it."""

    def __init__(self, deadlines: _Deadlines) -> None:
        self.idle_since = 0.0
        self._loop = asyncio.get_running_loop()
        self._transport: Any = None
        self._parser: Any = httptools.HttpResponseParser(self)
        self._answer: asyncio.Future[HttpAnswer] | None = None
        self._deadlines = deadlines
        self._usable = True
        # what has been read of the answer
        self._headers: dict[bytes, bytes] = {}
        self._body = bytearray()
        self._headed = False

    @property
    def open(self) -> bool:
        """Whether a request may go over it."""
        return self._usable and self._answer is None and not self._transport.is_closing()

    def ask(self, request: bytes, until: float) -> asyncio.Future[HttpAnswer]:
        """Send a request; the loop's time `until` is when we stop waiting for its answer. Raises Unknown."""
        self._answer = self._loop.create_future()
        self._deadlines.begin(self, until)
        self._transport.write(request)
        return self._answer

    def give_up(self) -> None:
        """Wait for the answer no longer."""
        self._fail("TimeoutError")

    def close(self) -> None:
        """Let go of it, whatever is under way."""
        self._usable = False
        self._deadlines.end(self)
        self._transport.abort()

    # --- asyncio's side -----------------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the way out."""
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Read on; what comes unasked, or is no answer of HTTP, ends the connection."""
        if self._answer is None:
            self.close()
            return
        try:
            self._parser.feed_data(data)
        except BROKEN as why:
            self._fail(type(why).__name__)

    def connection_lost(self, why: Exception | None) -> None:
        """An answer that told no length ends with its connection; any other is cut off."""
        self._usable = False
        if self._headed and not self._measured() and why is None:
            self.on_message_complete()
        self._fail(type(why).__name__ if why else "ServerDisconnectedError")

    # --- the parser's side --------------------------------------------------------------------------------------------

    def on_header(self, name: bytes, value: bytes) -> None:
        """Keep a header; of some with the same name the first."""
        self._headers.setdefault(name.lower(), value)

    def on_headers_complete(self) -> None:
        """From here on there is an answer, if a body without length follows."""
        self._headed = True

    def on_body(self, part: bytes) -> None:
        """Keep a part of the body, unless the whole becomes too large."""
        self._body += part
        if len(self._body) > LARGEST_ANSWER:
            self._fail("the answer is too large")

    def on_message_complete(self) -> None:
        """Hand the answer over; one of "go on" is followed by the real one."""
        status = self._parser.get_status_code()
        if self._answer is None or self._answer.done():
            self._usable = False
        elif status >= 200:
            self._hand_over(status)
        self._begin()

    # --- one answer ---------------------------------------------------------------------------------------------------

    def _begin(self) -> None:
        self._headers = {}
        self._body.clear()
        self._headed = False

    def _measured(self) -> bool:
        """Whether the answer tells where it ends."""
        return b"content-length" in self._headers or b"transfer-encoding" in self._headers

    def _hand_over(self, status: int) -> None:
        try:
            text = _unpacked(self._body, self._headers.get(b"content-encoding", b"")).decode("utf-8", "replace")
        except (zlib.error, ValueError) as why:
            self._fail(type(why).__name__)
            return
        self._usable = self._parser.should_keep_alive() and self._measured()
        self._end().set_result(HttpAnswer(status, text, _Headers(self._headers)))

    def _fail(self, why: str) -> None:
        """The connection is spent; what was asked may have arrived."""
        self.close()
        if self._answer is not None and not self._answer.done():
            self._end().set_exception(Unknown(why))

    def _end(self) -> "asyncio.Future[HttpAnswer]":
        assert self._answer is not None  # noqa: S101 - the callers have looked
        answer, self._answer = self._answer, None
        self._deadlines.end(self)
        return answer


class _Headers(Mapping[str, str]):
    """The headers of an answer, by names in any letters: made into words when somebody asks for one, and of most answers nobody does."""

    def __init__(self, told: Mapping[bytes, bytes]) -> None:
        self._told = told

    def __getitem__(self, name: str) -> str:
        return self._told[name.lower().encode()].decode("latin-1")

    def __iter__(self) -> Iterator[str]:
        return (name.decode("latin-1") for name in self._told)

    def __len__(self) -> int:
        return len(self._told)


def _unpacked(body: bytearray, packing: bytes) -> bytes | bytearray:
    """Undo the encodings that the session offers; of what unpacks to more than an answer may have, nothing is kept."""
    if packing.lower() in (b"", b"identity"):
        return body
    if packing.lower() not in (b"gzip", b"deflate"):
        raise ValueError(packing)
    opened = zlib.decompressobj(zlib.MAX_WBITS | 32)
    text = opened.decompress(body, LARGEST_ANSWER)
    if not opened.eof:
        raise ValueError("the answer is too large, or cut off")
    return text


def _head(url: URL, headers: Mapping[str, str]) -> bytes:
    """Return what aiohttp's session writes before a body, without its length."""
    request = aiohttp.ClientRequest("POST", url, headers=headers, data=b"", loop=asyncio.get_running_loop())
    names = {name: value for name, value in request.headers.items() if name != "Content-Length"}
    if any("\r" in part or "\n" in part for pair in names.items() for part in pair):
        raise ValueError("a header holds a line break")
    lines = "".join(f"{name}: {value}\r\n" for name, value in names.items())
    return f"POST {url.raw_path_qs} HTTP/1.1\r\n{lines}".encode()
