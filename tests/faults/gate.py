"""A line to the provider that fails below HTTP: refused, silent, cut, half open. It stands between a house and its sandbox."""

import asyncio
import socket
import struct
from collections.abc import Awaitable, Callable
from contextlib import suppress
from enum import StrEnum
from typing import TypeAlias

Reader: TypeAlias = asyncio.StreamReader
Writer: TypeAlias = asyncio.StreamWriter


class Mode(StrEnum):
    """What becomes of a connection."""

    OPEN = "open"  # carried through
    REFUSED = "refused"  # nobody listens
    SILENT = "silent"  # taken, read, and never answered: a black hole
    HALF_OPEN = "half_open"  # taken, and never read
    CUT_AT_ONCE = "cut_at_once"  # reset before a byte is read
    CUT_IN_REQUEST = "cut_in_request"  # reset after the request has begun, which the provider never sees
    CUT_BEFORE_ANSWER = "cut_before_answer"  # the provider takes the message; the connection is reset instead of its answer


class Gate:
    """One port in front of one provider; `mode` may change at any time, connections that are open follow it at their next request."""

    def __init__(self, host: str, port: int) -> None:
        self._there = host, port
        self.mode = Mode.OPEN
        self._server: asyncio.Server | None = None
        self._open: set[Writer] = set()
        self.port = 0

    async def start(self) -> None:
        """Listen on a free port, and later on the same one again."""
        self._server = await asyncio.start_server(self._connected, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def become(self, mode: Mode) -> None:
        """Change what happens; connections that are open are cut, as they are when a network fails."""
        self.mode = mode
        if mode is Mode.REFUSED and self._server is not None:
            self._server.close()
            self._server = None
        elif mode is not Mode.REFUSED and self._server is None:
            await self.start()
        for writer in list(self._open):
            _reset(writer)

    async def close(self) -> None:
        """End everything."""
        await self.become(Mode.REFUSED)

    async def _connected(self, reader: Reader, writer: Writer) -> None:
        self._open.add(writer)
        with suppress(ConnectionError, asyncio.IncompleteReadError, OSError):
            await _WAYS[self.mode](self, reader, writer)
        self._open.discard(writer)
        writer.close()

    async def carried(self, reader: Reader, writer: Writer) -> None:
        there_reader, there_writer = await asyncio.open_connection(*self._there)
        try:
            await asyncio.wait(
                {asyncio.create_task(_pump(reader, there_writer)), asyncio.create_task(_pump(there_reader, writer))},
                return_when=asyncio.FIRST_COMPLETED,
            )
        finally:
            there_writer.close()

    async def silent(self, reader: Reader, writer: Writer) -> None:
        while await reader.read(65_536):
            pass

    async def half_open(self, reader: Reader, writer: Writer) -> None:
        writer.transport.pause_reading()  # type: ignore[attr-defined]
        while not writer.transport.is_closing():  # noqa: ASYNC110 - a transport rings no bell
            await asyncio.sleep(0.05)

    async def cut_at_once(self, reader: Reader, writer: Writer) -> None:
        _reset(writer)

    async def cut_in_request(self, reader: Reader, writer: Writer) -> None:
        await reader.read(1)
        _reset(writer)

    async def cut_before_answer(self, reader: Reader, writer: Writer) -> None:
        there_reader, there_writer = await asyncio.open_connection(*self._there)
        try:
            pump = asyncio.create_task(_pump(reader, there_writer))
            await there_reader.read(1)
            pump.cancel()
        finally:
            there_writer.close()
        _reset(writer)


async def _pump(reader: Reader, writer: Writer) -> None:
    with suppress(ConnectionError, OSError):
        while data := await reader.read(65_536):
            writer.write(data)
            await writer.drain()


def _reset(writer: Writer) -> None:
    """End a connection with RST instead of FIN."""
    sock = writer.get_extra_info("socket")
    with suppress(OSError, ValueError):  # it may be closed already
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


_WAYS: dict[Mode, Callable[[Gate, Reader, Writer], Awaitable[None]]] = {
    Mode.OPEN: Gate.carried,
    Mode.SILENT: Gate.silent,
    Mode.HALF_OPEN: Gate.half_open,
    Mode.CUT_AT_ONCE: Gate.cut_at_once,
    Mode.CUT_IN_REQUEST: Gate.cut_in_request,
    Mode.CUT_BEFORE_ANSWER: Gate.cut_before_answer,
}
