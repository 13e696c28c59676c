"""Feeds of official messages, asked every minute by whoever keeps time. What is new and concerns a municipality becomes a draft there.

A feed's links are followed on its own host alone: what a feed says must not make us ask somebody else.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from hashlib import sha256
from typing import TypeAlias
from urllib.parse import urlsplit

import aiohttp
import structlog

from channels.clock import Clock
from messages import cap
from relay import fetching
from relay.model import BadInput
from relay.store import feeds
from relay.store.columns import AnyRow
from relay.store.engine import Store

log = structlog.get_logger(__name__)

#: links of one feed that are followed at a time; the others the next time
MOST_LINKS = 20
ELSEWHERE = "A link leads to another host, and was not followed."

#: takes a document in for a municipality, in the name of its source; returns how many drafts are new
Take: TypeAlias = Callable[[int, bytes, str], Awaitable[int]]


class Poller:
    """Asks every feed whether there is something new."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self.store, self.clock = store, clock

    async def poll(self, take: Take) -> int:
        """Ask all feeds; return how many drafts came of it. What one feed does wrong is noted with it, and stops no other."""
        async with self.store.read() as conn:
            rows = await feeds.listed(conn)
        if not rows:
            return 0
        async with fetching.session() as http:
            return sum(await asyncio.gather(*(self._ask(http, row, take) for row in rows)))

    async def _ask(self, http: aiohttp.ClientSession, row: AnyRow, take: Take) -> int:
        try:
            found = await fetching.fetch(http, row.url, etag=row.etag, last_modified=row.last_modified)
            if found is None:
                await self._looked(row)
                return 0
            return await self._read(http, row, found, take)
        except BadInput as why:
            await self._failed(row, str(why), None)
            return 0

    async def _read(self, http: aiohttp.ClientSession, row: AnyRow, found: fetching.Fetched, take: Take) -> int:
        source = urlsplit(row.url).hostname or row.url
        document = _document(found.body)
        came = await take(row.municipality_id, found.body, source) if document.alerts else 0
        fresh = [link for link in document.links if _mark(link) not in row.seen]
        seen = [mark for link in document.links if (mark := _mark(link)) in row.seen]
        wrong = ""
        for link in fresh[:MOST_LINKS]:
            try:
                came += await self._follow(http, row, link, source, take)
            except BadInput as why:
                wrong = str(why)
            else:
                seen.append(_mark(link))
        if wrong or len(fresh) > MOST_LINKS:
            # the version is not noted as known: the rest of it is looked at the next time
            await (self._failed(row, wrong, seen) if wrong else self._looked(row, seen=seen))
        else:
            await self._looked(row, etag=found.etag, last_modified=found.last_modified, seen=seen)
        return came

    async def _follow(self, http: aiohttp.ClientSession, row: AnyRow, link: cap.Link, source: str, take: Take) -> int:
        if not fetching.same_host(row.url, link.url):
            raise BadInput(ELSEWHERE)
        found = await fetching.fetch(http, link.url)
        return await take(row.municipality_id, found.body, source) if found else 0

    async def _looked(self, row: AnyRow, **there: object) -> None:
        async with self.store.write() as conn:
            await feeds.looked(conn, row.id, self.clock.now(), **there)

    async def _failed(self, row: AnyRow, why: str, seen: Sequence[str] | None) -> None:
        log.warning("a feed cannot be read", feed=row.id, why=why[:200])
        async with self.store.write() as conn:
            await feeds.failed(conn, row.id, why, self.clock.now(), seen=seen)


def _document(body: bytes) -> cap.Document:
    try:
        return cap.read(body)
    except cap.CapRefused as refused:
        raise BadInput(refused.words) from refused


def _mark(link: cap.Link) -> str:
    """What tells one version behind a link from the next."""
    return sha256(f"{link.url}\n{link.updated}".encode("utf-8", "surrogatepass")).hexdigest()[:16]
