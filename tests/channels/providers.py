"""A provider that answers what a test tells it to, byte for byte. For what the sandbox is too honest to do."""

import asyncio
import contextlib
import ipaddress
import ssl
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Self

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

#: request -> the whole answer, headers and all; None: never
Script = Callable[[bytes], Awaitable[bytes | None] | bytes | None]


def http(status: str, body: bytes = b"", *headers: str, kind: str = "application/json") -> bytes:
    """Return an HTTP answer."""
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", f"Content-Type: {kind}", *headers, "", ""]
    return "\r\n".join(lines).encode() + body


class RawProvider:
    """Takes requests on a loopback port, keeps them, and answers by its script."""

    def __init__(self, *script: Script | bytes | None) -> None:
        self._script = list(script)
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()
        #: every request as it came, head and body
        self.requests: list[bytes] = []

    @property
    def url(self) -> str:
        """Where it listens."""
        assert self._server is not None
        return f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
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
            while request := await _request(reader):
                self.requests.append(request)
                answer = await self._answer(request)
                if answer is None:
                    await asyncio.sleep(30)
                writer.write(answer or b"")
                await writer.drain()
        self._writers.discard(writer)
        writer.close()

    async def _answer(self, request: bytes) -> bytes | None:
        line = self._script.pop(0) if len(self._script) > 1 else self._script[0]
        said = line(request) if callable(line) else line
        return await said if isinstance(said, Awaitable) else said


async def _request(reader: asyncio.StreamReader) -> bytes:
    head = await reader.readuntil(b"\r\n\r\n")
    length = next((int(line.split(b":")[1]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")), 0)
    return head + await reader.readexactly(length)


def unknown_certificate(folder: Path) -> ssl.SSLContext:
    """Return a server's side of TLS, with a certificate that nobody has reason to trust."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    builder = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
    here = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    builder = builder.add_extension(here, critical=False)
    certificate = builder.not_valid_before(datetime(2020, 1, 1, tzinfo=UTC)).not_valid_after(datetime(2099, 1, 1, tzinfo=UTC))
    signed = certificate.sign(key, hashes.SHA256())
    secret = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    (folder / "server.pem").write_bytes(secret + signed.public_bytes(serialization.Encoding.PEM))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "server.pem")
    return context
