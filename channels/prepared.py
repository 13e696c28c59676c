"""A POST that is made many times: address and headers are written out once, and only the body is new.

Connections, TLS and the reading of answers are aiohttp's; what its session does anew for each request is done once here, since that
costs more than everything else about a message. What goes over the line is what the session sends.
"""

import asyncio
from collections.abc import Mapping
from typing import Any

import aiohttp
from aiohttp.client_proto import ResponseHandler
from aiohttp.http import HttpProcessingError
from yarl import URL


class Closed(Exception):
    """The connection was closed before anything was written."""


class Prepared:
    """Where the POST goes, and its head. Make it inside the event loop that sends it."""

    def __init__(self, url: URL, headers: Mapping[str, str]) -> None:
        #: tells the connector where to connect; it is never sent itself
        self.place = aiohttp.ClientRequest("POST", url, headers=headers, data=b"", loop=asyncio.get_running_loop())
        self._head = _head(self.place)

    def written(self, body: bytes) -> bytes:
        """Return the whole request."""
        return b"%sContent-Length: %d\r\n\r\n%s" % (self._head, len(body), body)


def _head(request: aiohttp.ClientRequest) -> bytes:
    names = {name: value for name, value in request.headers.items() if name != "Content-Length"}
    if any("\r" in part or "\n" in part for pair in names.items() for part in pair):
        raise ValueError("a header holds a line break")
    lines = (f"{name}: {value}\r\n" for name, value in names.items())
    return f"POST {request.url.raw_path_qs} HTTP/1.1\r\n{''.join(lines)}".encode()


async def exchange(conn: Any, request: bytes, most: int) -> tuple[int, Mapping[str, str], bytes | None]:
    """Send over an aiohttp connection and read the answer: status, headers, body; None where it has more than `most` bytes.

    Raises aiohttp.ClientError, OSError, ValueError, and Closed.
    """
    protocol: ResponseHandler = conn.protocol
    if conn.transport is None or conn.transport.is_closing():
        raise Closed
    protocol.set_response_params(read_until_eof=True)
    conn.transport.write(request)
    try:
        message, payload = await protocol.read()
        while 100 <= message.code <= 199:
            message, payload = await protocol.read()
    except HttpProcessingError as why:
        raise ValueError("not an answer of HTTP") from why
    body = bytearray()
    while chunk := await payload.readany():
        body += chunk
        if len(body) > most:
            return message.code, message.headers, None
    return message.code, message.headers, bytes(body)
