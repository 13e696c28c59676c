"""A mail relay that misbehaves at a chosen step. The sandbox's is too well brought up for that."""

import asyncio
import contextlib
import ssl
from typing import Self

#: step -> what an honest relay answers there
_ANSWERS = {
    "HELLO": b"220 relay.example\r\n",
    "EHLO": b"250-relay.example\r\n250-AUTH PLAIN\r\n250 8BITMIME\r\n",
    "AUTH": b"235 2.7.0 Welcome\r\n",
    "MAIL": b"250 OK\r\n",
    "RCPT": b"250 OK\r\n",
    "DATA": b"354 Go on\r\n",
    "BODY": b"250 Taken\r\n",
    "RSET": b"250 OK\r\n",
    "NOOP": b"250 OK\r\n",
    "QUIT": b"221 Bye\r\n",
}


class FaultyRelay:
    """Speaks SMTP; at step `at` it hangs up ("cut"), says nothing ("silence"), or answers `trouble` itself ("451 4.7.1 Later")."""

    def __init__(self, at: str = "", trouble: str = "", tls: ssl.SSLContext | None = None) -> None:
        self._at, self._trouble, self._tls = at, trouble, tls
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()
        #: every step that was reached, in order
        self.steps: list[str] = []
        self.bodies: list[bytes] = []

    @property
    def port(self) -> int:
        """Where it listens."""
        assert self._server is not None
        return int(self._server.sockets[0].getsockname()[1])

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0, ssl=self._tls)
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()
        for writer in self._writers:
            writer.close()
        await self._server.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            step = "HELLO"
            while await self._answer(step, writer) and not reader.at_eof():
                if step == "DATA":
                    self.bodies.append(await reader.readuntil(b"\r\n.\r\n"))
                    step = "BODY"
                else:
                    step = (await reader.readline())[:4].decode().upper()
        self._writers.discard(writer)
        writer.close()

    async def _answer(self, step: str, writer: asyncio.StreamWriter) -> bool:
        self.steps.append(step)
        if step != self._at:
            writer.write(_ANSWERS.get(step, b"500 What?\r\n"))
            return step != "QUIT"
        if self._trouble == "silence":
            await asyncio.sleep(30)
        if self._trouble not in {"cut", "silence"}:
            writer.write(self._trouble.encode() + b"\r\n")
            return True
        return False
