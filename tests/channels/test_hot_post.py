"""The hot POST's connections: kept while they are good, and never believed when they are not."""

import asyncio
import gzip
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest
from yarl import URL

from channels.hot_post import HotPost, _Turns
from channels.one_shot import LARGEST_ANSWER, NotSent, Unknown

#: small on the line, and large when it is unpacked
BOMB = gzip.compress(b" " * 10_000_000, mtime=0)
OK = b"HTTP/1.1 201 Created\r\nContent-Length: 2\r\n\r\n{}"


@dataclass
class Other:
    """The other end: says what it is told to say to each request, and counts its connections."""

    answers: list[bytes]
    connections: int = 0
    requests: list[bytes] = field(default_factory=list)
    came: asyncio.Event = field(default_factory=asyncio.Event)
    #: what to do after an answer
    then: Callable[[asyncio.StreamWriter], None] = lambda _writer: None

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while self.answers:
                head = await reader.readuntil(b"\r\n\r\n")
                length = int(head.lower().partition(b"content-length: ")[2].split(b"\r\n")[0])
                self.requests.append(head + await reader.readexactly(length))
                self.came.set()
                writer.write(self.answers.pop(0))
                await writer.drain()
                self.then(writer)
            await reader.read()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()


@asynccontextmanager
async def post_to(other: Other, connections: int = 1) -> AsyncIterator[HotPost]:
    server = await asyncio.start_server(other.serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    hot = HotPost(
        URL(f"http://127.0.0.1:{port}/Messages.json"), {"Accept": "application/json"}, connect_timeout=1.0, connections=connections
    )
    try:
        yield hot
    finally:
        hot.close()
        server.close()


async def test_a_connection_is_used_again_and_carries_each_request_whole() -> None:
    other = Other([OK, OK, OK])
    async with post_to(other) as hot:
        answers = [await hot.post(body, 2.0) for body in (b"a=1", b"", b"b=\xc3\xa6")]
    assert [answer.status for answer in answers] == [201, 201, 201]
    assert other.connections == 1
    assert [request.partition(b"\r\n\r\n")[2] for request in other.requests] == [b"a=1", b"", b"b=\xc3\xa6"]
    assert other.requests[0].startswith(b"POST /Messages.json HTTP/1.1\r\nHost: 127.0.0.1:")


async def test_more_requests_than_connections_wait_for_their_turn() -> None:
    other = Other([OK] * 6)
    async with post_to(other, connections=2) as hot:
        await asyncio.gather(*(hot.post(b"x", 2.0) for _ in range(6)))
    assert len(other.requests) == 6
    assert other.connections == 2


async def test_a_turn_goes_to_whoever_has_waited_longest_even_where_they_give_up_as_it_comes() -> None:
    turns, order = _Turns(1), list[str]()

    async def speak(name: str) -> None:
        await turns.take()
        order.append(name)
        turns.give_back()

    await turns.take()
    gone, late, first, second = (asyncio.create_task(speak(name)) for name in ("gone", "late", "first", "second"))
    await asyncio.sleep(0)
    gone.cancel()
    await asyncio.sleep(0)
    turns.give_back()
    free = turns.free
    late.cancel()
    await asyncio.gather(gone, late, first, second, return_exceptions=True)
    assert order == ["first", "second"]
    assert (free, turns.free) == (0, 1), "what is handed over is not free for others"


async def test_headers_are_found_by_their_names_in_any_letters() -> None:
    answer = b"HTTP/1.1 429 Wait\r\nretry-AFTER: 7\r\nRetry-After: 9\r\nContent-Length: 0\r\nX-Name: S\xf8rby\r\n\r\n"
    async with post_to(Other([answer, OK])) as hot:
        told, other = (await hot.post(b"x", 2.0)).headers, (await hot.post(b"x", 2.0)).headers
    assert (told["Retry-After"], told["x-name"], told.get("Date")) == ("7", "Sørby", None)
    assert list(told) == ["retry-after", "content-length", "x-name"]
    assert list(other) == ["content-length"], "each answer has its own"


async def test_whoever_gets_no_turn_in_half_the_time_has_sent_nothing() -> None:
    other = Other([b"", OK])
    async with post_to(other) as hot:
        first, second = await asyncio.gather(hot.post(b"1", 1.0), hot.post(b"2", 0.4), return_exceptions=True)
    assert isinstance(first, Unknown)
    assert isinstance(second, NotSent)
    assert len(other.requests) == 1


@pytest.mark.parametrize(
    ("answer", "text"),
    [
        (b"HTTP/1.1 100 Continue\r\n\r\n" + OK, "{}"),
        (b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" + OK, "{}"),
        (b"HTTP/1.1 201 Created\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n{\r\n1\r\n}\r\n0\r\n\r\n", "{}"),
        (b"HTTP/1.1 201 Created\r\nContent-Encoding: gzip\r\nContent-Length: 22\r\n\r\n" + gzip.compress(b"{}", mtime=0), "{}"),
    ],
    ids=["go on", "early hints", "in chunks", "packed"],
)
async def test_an_answer_is_read_however_it_is_wrapped(answer: bytes, text: str) -> None:
    async with post_to(Other([answer])) as hot:
        read = await hot.post(b"x", 2.0)
    assert (read.status, read.text) == (201, text)


async def test_an_answer_without_a_length_ends_with_its_connection() -> None:
    other = Other([b"HTTP/1.1 201 Created\r\n\r\n{}", OK], then=lambda writer: writer.close())
    async with post_to(other) as hot:
        assert (await hot.post(b"x", 2.0)).text == "{}"
        assert (await hot.post(b"x", 2.0)).text == "{}"
    assert other.connections == 2


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 201 Created\r\nContent-Length: 3\r\n\r\n{}",
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n",
        b"HTTP/1.1 201 Created\r\nContent-Encoding: br\r\nContent-Length: 2\r\n\r\n{}",
        b"HTTP/1.1 201 Created\r\nContent-Length: %d\r\n\r\n" % (LARGEST_ANSWER + 1) + b" " * (LARGEST_ANSWER + 1),
        b"HTTP/1.1 201 Created\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n%s" % (len(BOMB), BOMB),
        b"hello\r\n\r\n",
    ],
    ids=["cut off", "another protocol", "unknown packing", "too large", "packed too large", "no answer"],
)
async def test_what_is_no_whole_answer_is_an_unknown_and_its_connection_is_not_used_again(answer: bytes) -> None:
    other = Other([answer, OK], then=lambda writer: writer.write_eof())
    async with post_to(other) as hot:
        with pytest.raises(Unknown):
            await hot.post(b"x", 0.5)
        other.then = lambda _writer: None
        assert (await hot.post(b"x", 2.0)).status == 201
    assert other.connections == 2


async def test_what_comes_unasked_is_no_answer_to_the_next_request() -> None:
    other = Other([OK + b"HTTP/1.1 201 Created\r\nContent-Length: 6\r\n\r\nforged", OK])
    async with post_to(other) as hot:
        assert (await hot.post(b"x", 2.0)).text == "{}"
        assert (await hot.post(b"x", 2.0)).text == "{}"
    assert other.connections == 2


async def test_a_connection_that_was_closed_meanwhile_is_not_written_to() -> None:
    other = Other([OK, OK], then=lambda writer: writer.close())
    async with post_to(other) as hot:
        await hot.post(b"x", 2.0)
        await asyncio.sleep(0.05)
        assert (await hot.post(b"x", 2.0)).status == 201
    assert len(other.requests) == 2


async def test_a_caller_who_gives_up_leaves_no_half_read_connection_behind() -> None:
    other = Other([b"", OK])
    async with post_to(other) as hot:
        asked = asyncio.create_task(hot.post(b"x", 5.0))
        await other.came.wait()
        asked.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asked
        assert (await hot.post(b"y", 2.0)).status == 201
    assert other.connections == 2


async def test_nothing_leaves_after_it_is_closed_or_where_nobody_listens() -> None:
    other = Other([OK])
    async with post_to(other) as hot:
        hot.close()
        with pytest.raises(NotSent):
            await hot.post(b"x", 1.0)
    deaf = HotPost(URL("http://127.0.0.1:1/"), {}, connect_timeout=1.0, connections=1)
    with pytest.raises(NotSent):
        await deaf.post(b"x", 1.0)
    assert not other.requests


async def test_each_answer_is_waited_for_as_long_as_its_own_request_says() -> None:
    """One timer serves all: a shorter deadline that comes later ends first, and the longer one is not forgotten."""
    order: list[str] = []

    async def ask(hot: HotPost, name: str, deadline: float) -> None:
        with pytest.raises(Unknown):
            await hot.post(b"", deadline)
        order.append(name)

    silent = Other([b"", b"", b""])
    async with post_to(silent, connections=3) as hot, asyncio.timeout(5):
        long = asyncio.create_task(ask(hot, "long", 0.6))
        await silent.came.wait()
        await asyncio.gather(ask(hot, "short", 0.2), ask(hot, "middle", 0.4), long)
    assert order == ["short", "middle", "long"]
