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
from relay.model import BadInput, BudstikkeError
from relay.store import feeds
from relay.store.columns import AnyRow
from relay.store.engine import Store
from relay.store.faults import is_away

log = structlog.get_logger(__name__)

#: links of one feed that are followed at a time; the others the next time
MOST_LINKS = 20
#: stands before the mark of a link that was tried in vain
TRIED = "?"
ELSEWHERE = "A link leads to another host, and was not followed."

BROKE = "{url} cannot be taken in: something in it breaks us ({why}). Read it yourself, and write the message by hand if it is for you."

#: takes some alerts of a document in for a municipality, in the name of its source; returns how many drafts are new
Take: TypeAlias = Callable[[int, bytes, Sequence[cap.CapAlert], str], Awaitable[int]]
#: how many drafts are new, and what was wrong; "" = nothing
Outcome: TypeAlias = tuple[int, str]


class Poller:
    """Asks every feed whether there is something new."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self.store, self.clock = store, clock

    async def poll(self, take: Take) -> int:
        """Ask all feeds; return how many drafts came of it. What one feed does wrong is noted with it, and stops no other.

        NotReady when the database is away, after every feed has been asked: none is cut off in the middle.
        """
        async with self.store.read() as conn:
            rows = await feeds.listed(conn)
        if not rows:
            return 0
        async with fetching.session() as http:
            came = await asyncio.gather(*(self._ask(http, row, take) for row in rows), return_exceptions=True)
        for error in came:
            if isinstance(error, BaseException):
                raise error
        return sum(new for new in came if isinstance(new, int))

    async def _ask(self, http: aiohttp.ClientSession, row: AnyRow, take: Take) -> int:
        came, wrong = await _alone(row, row.url, self._look(http, row, take))
        if wrong:
            await self._failed(row, wrong, None)
        return came

    async def _look(self, http: aiohttp.ClientSession, row: AnyRow, take: Take) -> Outcome:
        found = await fetching.fetch(http, row.url, etag=row.etag, last_modified=row.last_modified)
        if found is None:
            await self._looked(row)
            return 0, ""
        return await self._read(http, row, found, take), ""

    async def _read(self, http: aiohttp.ClientSession, row: AnyRow, found: fetching.Fetched, take: Take) -> int:
        document = _document(found.body)
        came, wrong = await _taken(row, row.url, found.body, document, take) if document.alerts else (0, _refused(document))
        fresh, there = _in_turn(document.links, row.seen), {_mark(link) for link in document.links}
        seen = dict.fromkeys(mark for mark in row.seen if mark.removeprefix(TRIED) in there)
        for link in fresh[:MOST_LINKS]:
            new, bad = await _alone(row, link.url, self._follow(http, row, link, take))
            came, wrong = came + new, bad or wrong
            seen.pop(TRIED + _mark(link), None)
            seen[(TRIED if bad else "") + _mark(link)] = None
        if wrong or len(fresh) > MOST_LINKS:
            # the version is not noted as known: the rest of it is looked at the next time
            await (self._failed(row, wrong, list(seen)) if wrong else self._looked(row, seen=list(seen)))
        else:
            await self._looked(row, etag=found.etag, last_modified=found.last_modified, seen=list(seen))
        return came

    async def _follow(self, http: aiohttp.ClientSession, row: AnyRow, link: cap.Link, take: Take) -> Outcome:
        if not fetching.same_host(row.url, link.url):
            raise BadInput(ELSEWHERE)
        found = await fetching.fetch(http, link.url)
        return await _taken(row, link.url, found.body, _document(found.body), take) if found else (0, "")

    async def _looked(self, row: AnyRow, **there: object) -> None:
        async with self.store.write() as conn:
            await feeds.looked(conn, row.id, self.clock.now(), **there)

    async def _failed(self, row: AnyRow, why: str, seen: Sequence[str] | None) -> None:
        log.warning("a feed cannot be read", feed=row.id, why=why[:200])
        async with self.store.write() as conn:
            await feeds.failed(conn, row.id, why, self.clock.now(), seen=seen)


async def _taken(row: AnyRow, url: str, body: bytes, document: cap.Document, take: Take) -> Outcome:
    """Take the alerts of a document in: together, and where that breaks each by itself, so that one keeps no other out."""
    source = urlsplit(row.url).hostname or row.url

    async def some(alerts: Sequence[cap.CapAlert]) -> Outcome:
        return await take(row.municipality_id, body, alerts, source), ""

    came, wrong = await _alone(row, url, some(document.alerts))
    if wrong and len(document.alerts) > 1:
        each = [await _alone(row, url, some([one])) for one in document.alerts]
        came, wrong = sum(new for new, _ in each), next((bad for _, bad in each if bad), "")
    return came, wrong or _refused(document)


async def _alone(row: AnyRow, url: str, step: Awaitable[Outcome]) -> Outcome:
    """Take one step of a feed; what breaks it is told and stops no other. The database's absence is nobody's fault, and goes on up."""
    try:
        return await step
    except Exception as error:
        if is_away(error):
            raise
        if isinstance(error, BudstikkeError):
            return 0, str(error)
        log.exception("what a feed brought broke us", feed=row.id, error=type(error).__name__)
        return 0, BROKE.format(url=url[:100], why=type(error).__name__)


def _refused(document: cap.Document) -> str:
    """Return why the first of those that were refused inside a feed was; "" where none was."""
    return next((one.words for one in document.refused), "")


def _document(body: bytes) -> cap.Document:
    try:
        return cap.read(body)
    except cap.CapRefused as refused:
        raise BadInput(refused.words) from refused


def _in_turn(links: Sequence[cap.Link], seen: Sequence[str]) -> list[cap.Link]:
    """Return the links that are still to be followed: those that nobody has tried, then those tried in vain, the longest ago first.

    Many that lead nowhere would else be tried again and again, and what stands behind them never.
    """
    places = {mark: place for place, mark in enumerate(seen)}
    return sorted((link for link in links if _mark(link) not in places), key=lambda link: places.get(TRIED + _mark(link), -1))


def _mark(link: cap.Link) -> str:
    """What tells one version behind a link from the next."""
    return sha256(f"{link.url}\n{link.updated}".encode("utf-8", "surrogatepass")).hexdigest()[:16]
