"""The sandbox's own small HTTP client, against servers that answer in every way that HTTP allows, and in some that it does not."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest

from channels.sandbox.line import Broken, Lines, NoConnection


class Server:
    """Answers each request with the same bytes."""

    def __init__(self, answer: bytes, *, close: bool = False, pieces: int = 1) -> None:
        self.answer, self.close, self.pieces = answer, close, pieces
        self.connections = 0
        self.requests: list[bytes] = []
        self.open: list[asyncio.StreamWriter] = []

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self.open.append(writer)
        while head := await reader.read(65536):
            self.requests.append(head)
            size = max(len(self.answer) // self.pieces, 1)
            for start in range(0, len(self.answer), size):
                writer.write(self.answer[start : start + size])
                await writer.drain()
                await asyncio.sleep(0.001)
            if self.close:
                break
        writer.close()


@asynccontextmanager
async def serving(server: Server) -> AsyncIterator[Callable[[float], asyncio.Task[int]]]:
    listening = await asyncio.start_server(server.serve, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}/a?b=c"
    lines = Lines()

    def post(seconds: float) -> asyncio.Task[int]:
        return asyncio.create_task(lines.post(url, b"x=1", {"X": "y"}, connect=1, read=seconds))

    yield post
    lines.close()
    for writer in server.open:
        writer.close()
    listening.close()
    await asyncio.sleep(0)


OK = b"HTTP/1.1 200 OK\r\n"
WHOLE = {
    "length": OK + b"Content-Length: 5\r\n\r\nhello",
    "none": b"HTTP/1.1 204 No Content\r\n\r\n",
    "chunked": OK + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
    "empty": b"HTTP/1.1 503 Busy\r\ncontent-length:0\r\n\r\n",
}


@pytest.mark.parametrize("pieces", [1, 100])
@pytest.mark.parametrize("kind", WHOLE)
async def test_whole_answers_leave_the_line_open(kind: str, pieces: int) -> None:
    server = Server(WHOLE[kind], pieces=pieces)
    async with serving(server) as post:
        statuses = [await post(5) for _ in range(3)]
    assert statuses == [int(WHOLE[kind][9:12])] * 3
    assert server.connections == 1
    head, _, body = server.requests[0].partition(b"\r\n\r\n")
    assert head.startswith(b"POST /a?b=c HTTP/1.1\r\nHost: 127.0.0.1:")
    assert (b"\r\nX: y" in head, body) == (True, b"x=1")


@pytest.mark.parametrize("answer", [OK + b"\r\nuntil the end", OK + b"Connection: close\r\nContent-Length: 2\r\n\r\nhi"])
async def test_answers_that_end_with_their_line(answer: bytes) -> None:
    server = Server(answer, close=True)
    async with serving(server) as post:
        assert [await post(5), await post(5)] == [200, 200]
    assert server.connections == 2


@pytest.mark.parametrize("answer", [b"", b"HTTP/1.1 200", OK + b"Content-Length: 50\r\n\r\nhalf", b"no HTTP at all"])
async def test_broken_answers_are_none(answer: bytes) -> None:
    async with serving(Server(answer, close=True)) as post:
        with pytest.raises(Broken):
            await post(5)


async def test_silence_has_an_end() -> None:
    async with serving(Server(OK)) as post:
        with pytest.raises(Broken, match="in time"):
            await post(0.05)


async def test_a_line_that_was_closed_meanwhile_is_not_used_again() -> None:
    server = Server(WHOLE["length"])
    async with serving(server) as post:
        await post(5)
        server.open[0].close()
        await asyncio.sleep(0.05)
        assert await post(5) == 200
    assert server.connections == 2


async def test_nobody_there() -> None:
    with pytest.raises(NoConnection):
        await Lines().post("http://127.0.0.1:1/", b"", {}, connect=1, read=1)
