"""Weighs the message page of a resource person in every language, as a real browser asks for it.

    python -m tests.web.weigh

A line a language: bytes as they are sent (head and packed body), packed body, body unpacked, and how many requests the house saw from a
Chromium that opened the page and waited for its rest. `sent` and `raw` may be 14 KB at most, what a connection carries
before its first receipt comes back: a page weighs no more where something on the way unpacks it.
"""

import asyncio
import logging
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from playwright.async_api import Browser

from messages import library
from relay.store import schema, sealing
from relay.store.engine import Store
from tests.web.eyes import CHROMIUM, browser
from tests.web.street import Street, street

#: bytes
LIMIT = 14 * 1024
#: what a phone's browser says when it asks
ASKING = "GET {path} HTTP/1.1\r\nHost: {host}\r\nUser-Agent: Mozilla/5.0 (Android 14)\r\nAccept-Encoding: gzip\r\nConnection: close\r\n\r\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class Weight:
    """What one page weighs."""

    language: str
    #: bytes of the answer, head and all
    sent: int
    packed: int
    raw: int
    #: every path that a browser asked the house for
    requests: tuple[str, ...]

    @property
    def light(self) -> bool:
        """Whether it comes at once, in one answer."""
        return max(self.sent, self.raw) <= LIMIT and len(self.requests) == 1

    def __str__(self) -> str:
        return f"{self.language:6} sent {self.sent:6}  packed {self.packed:6}  raw {self.raw:6}  requests {len(self.requests)}"


class _Asked(logging.Handler):
    """Keeps what the server itself writes down about each request."""

    def __init__(self) -> None:
        super().__init__(logging.INFO)
        self.paths: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.paths.append(str(vars(record)["first_request_line"]).split()[1])


@contextmanager
def asked() -> Iterator[list[str]]:
    """Note every path that the server answers."""
    log, handler = logging.getLogger("aiohttp.access"), _Asked()
    level = log.level
    log.addHandler(handler)
    log.setLevel(logging.INFO)
    try:
        yield handler.paths
    finally:
        log.removeHandler(handler)
        log.setLevel(level)


async def on_the_wire(url: str, path: str) -> tuple[int, int]:
    """Return the bytes of a packed answer, and those of its body."""
    host = urlsplit(url)
    reader, writer = await asyncio.open_connection(host.hostname, host.port)
    writer.write(ASKING.format(path=path, host=host.netloc).encode())
    answer = await reader.read()
    writer.close()
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200"), head
    assert b"\r\nContent-Encoding: gzip" in head
    return len(answer), len(body)


async def weigh(where: Street, seeing: Browser, languages: Sequence[str]) -> list[Weight]:
    """Weigh the message page of each language's person; the message has been sent."""
    weights = []
    for tag in languages:
        path = where.link(tag)
        sent, packed = await on_the_wire(where.url, path)
        _, page = await where.get(path, **{"Accept-Encoding": "identity"})
        opened = await seeing.new_page()
        with asked() as paths:
            await opened.goto(where.url + path, wait_until="networkidle")
        await opened.close()
        weights.append(Weight(language=tag, sent=sent, packed=packed, raw=len(page.encode()), requests=tuple(paths)))
    return weights


async def _main() -> int:
    keys = [sealing.make_key() for _ in range(3)]
    sealing.use(sealing.build(*keys))
    languages = tuple(sorted(library.template("boil-water").languages()))
    with tempfile.TemporaryDirectory() as name:
        url = f"sqlite+aiosqlite:///{name}/weigh.db"
        store = await Store.open(url)
        await schema.upgrade(store)
        await store.close()
        async with street(url, Path(name), languages) as where, browser(CHROMIUM) as seeing:
            await where.boil(languages=languages)
            weights = await weigh(where, seeing, languages)
    for one in weights:
        sys.stdout.write(f"{one}\n")
    sent, raw = max((one.sent, one.language) for one in weights), max((one.raw, one.language) for one in weights)
    sys.stdout.write(f"{len(weights)} languages; heaviest sent {sent[0]} ({sent[1]}), raw {raw[0]} ({raw[1]}); limit {LIMIT}\n")
    return 0 if all(one.light for one in weights) else 1


if __name__ == "__main__":
    logging.disable(logging.DEBUG)
    sys.exit(asyncio.run(_main()))
