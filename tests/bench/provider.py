"""A provider that is no bottleneck: a bare HTTP server in a process of its own that takes messages and calls back, signed, like Twilio.

It writes nothing down: the sandbox judges what arrives, this one only keeps out of the way. Prints its port when it listens.
"""

import asyncio
import base64
import hashlib
import hmac
import json
import sys
from collections import deque
from collections.abc import Mapping
from itertools import count
from urllib.parse import parse_qsl, quote_plus, urldefrag, urlsplit

TOKEN = "sandbox"
#: the life of every message, as Twilio tells it
STATES = ("sent", "delivered")
#: connections on which we call back
LINES = 100

_number = count(1)


class Server(asyncio.Protocol):
    """One connection of a client."""

    def __init__(self, calls: "Calls") -> None:
        self._calls = calls
        self._buffer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the way back."""
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Answer each whole request."""
        self._buffer += data
        while (end := self._buffer.find(b"\r\n\r\n")) >= 0:
            head = self._buffer[:end].lower()
            at = head.find(b"content-length:")
            length = int(head[at + 15 :].split(b"\r\n", 1)[0]) if at >= 0 else 0
            if len(self._buffer) < end + 4 + length:
                return
            body, self._buffer = self._buffer[end + 4 : end + 4 + length], self._buffer[end + 4 + length :]
            self._answer(dict(parse_qsl(body.decode())), head)

    def _answer(self, form: Mapping[str, str], head: bytes) -> None:
        sid = f"SM{next(_number):032x}"
        account = head.split(b"/accounts/", 1)[-1].split(b"/", 1)[0].decode().replace("ac", "AC", 1)
        told = {"sid": sid, "account_sid": account, "to": form.get("To"), "from": form.get("From"), "status": "queued", "num_segments": "1"}
        told |= {"error_code": None, "price": None, "body": form.get("Body"), "direction": "outbound-api", "uri": ""}
        body = json.dumps(told).encode()
        self._transport.write(  # type: ignore[attr-defined]
            b"HTTP/1.1 201 Created\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)
        )
        if form.get("StatusCallback"):
            self._calls.put(urldefrag(form["StatusCallback"]).url, account, sid, form)


class Calls:
    """Calls back, each state of each message once, in order."""

    def __init__(self) -> None:
        self._due: deque[tuple[str, str, list[tuple[str, str]]]] = deque()
        self._rung = asyncio.Event()

    def put(self, url: str, account: str, sid: str, form: Mapping[str, str]) -> None:
        """Plan the calls of one message."""
        for state in STATES:
            fields = [("MessageSid", sid), ("SmsSid", sid), ("MessageStatus", state), ("SmsStatus", state)]
            self._due.append((url, account, [*fields, ("AccountSid", account), ("To", form["To"]), ("From", form["From"])]))
        self._rung.set()

    async def line(self) -> None:
        """Work on one connection for ever."""
        reader = writer = at = None
        while True:
            while not self._due:
                self._rung.clear()
                await self._rung.wait()
            url, _, fields = self._due.popleft()
            place = urlsplit(url)
            if writer is None or at != place.netloc:
                at = place.netloc  # the next round's product listens elsewhere
                reader, writer = await asyncio.open_connection(place.hostname, place.port)
            body = "&".join(f"{name}={quote_plus(value)}" for name, value in fields).encode()
            writer.write(_request(place.netloc, place.path, body, _signature(url, fields)))
            assert reader is not None
            head = await reader.readuntil(b"\r\n\r\n")
            if not head.startswith(b"HTTP/1.1 204"):
                sys.exit(f"callback answered {head[:40]!r}")


def _signature(url: str, fields: list[tuple[str, str]]) -> str:
    signed = url + "".join(name + value for name, value in sorted(fields))
    return base64.b64encode(hmac.new(TOKEN.encode(), signed.encode(), hashlib.sha1).digest()).decode()


def _request(host: str, path: str, body: bytes, signature: str) -> bytes:
    head = f"POST {path} HTTP/1.1\r\nHost: {host}\r\nX-Twilio-Signature: {signature}\r\n"
    return head.encode() + b"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)


async def main() -> None:
    """Serve until killed."""
    calls = Calls()
    server = await asyncio.get_running_loop().create_server(lambda: Server(calls), "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await asyncio.gather(*(calls.line() for _ in range(LINES)))


if __name__ == "__main__":
    import uvloop

    uvloop.run(main())
