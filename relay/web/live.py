"""Pages that move by themselves. One stream a page; one picture a key, drawn once however many look on.

A stream sends whole pictures: who comes back after a break gets the newest one, and nothing has to be caught up piece by piece. A picture's
id is its fingerprint; a browser that already has it (Last-Event-ID) is sent nothing until something changes. A stream ends with the session
that opened it: one question for all sessions, however many look on.
"""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Collection, Hashable
from contextlib import suppress
from dataclasses import dataclass, field
from hashlib import sha256

import structlog
from aiohttp import ClientConnectionResetError, web

from relay.model import BudstikkeError
from relay.pulse import Pulse
from relay.web.who import who_if_any

log = structlog.get_logger(__name__)

Draw = Callable[[], Awaitable[str]]
#: of these sessions, those that are over
Over = Callable[[Collection[int]], Awaitable[set[int]]]

#: seconds: between two pictures at most so often; a picture without news; a sign of life on a quiet stream
SHORTEST, LONGEST, SIGN = 0.4, 10.0, 15.0
HEADERS = {"Content-Type": "text/event-stream", "Cache-Control": "no-store", "X-Accel-Buffering": "no"}


@dataclass(slots=True)
class Feed:
    """What all viewers of one key see."""

    draw: Draw
    viewers: int = 0
    picture: str = ""
    mark: str = ""
    changed: asyncio.Condition = field(default_factory=asyncio.Condition)


class Live:
    """All streams of one process."""

    def __init__(self, pulse: Pulse, over: Over) -> None:
        self._pulse = pulse
        self._over = over
        self._sessions: Counter[int] = Counter()
        self._ended: set[int] = set()
        self._feeds: dict[Hashable, Feed] = {}
        self._closing = asyncio.Event()

    async def run(self) -> None:
        """Draw anew whenever something happened, until cancelled; then end every stream, so that a stop need not wait for viewers."""
        try:
            while True:
                await self._pulse.wait(LONGEST)
                await self._end_with_sessions()
                for feed in list(self._feeds.values()):
                    await self._refresh(feed)
                await asyncio.sleep(SHORTEST)
        finally:
            self._closing.set()
            await self._wake()

    async def _wake(self) -> None:
        for feed in list(self._feeds.values()):
            async with feed.changed:
                feed.changed.notify_all()

    async def _end_with_sessions(self) -> None:
        """Find out which sessions are over, and let their streams end."""
        try:
            self._ended = await self._over([one for one, streams in self._sessions.items() if streams])
        except BudstikkeError as error:
            log.warning("sessions not looked at", error=str(error)[:200])
        if self._ended:
            await self._wake()

    async def stream(self, request: web.Request, key: Hashable, draw: Draw) -> web.StreamResponse:
        """Send pictures until the viewer leaves. `draw` must depend on nothing that is not in `key`."""
        response = web.StreamResponse(headers=HEADERS)
        feed = self._feeds.setdefault(key, Feed(draw))
        viewer = who_if_any(request)
        session = viewer.session_id if viewer else 0
        feed.viewers += 1
        self._sessions[session] += 1
        try:
            await response.prepare(request)
            if request.method == "HEAD":
                return response
            if not feed.mark:
                await self._refresh(feed)
            await self._send(response, feed, session, request.headers.get("Last-Event-ID", ""))
        except (ClientConnectionResetError, ConnectionResetError):
            log.debug("a viewer left")
        finally:
            feed.viewers -= 1
            self._sessions[session] -= 1
            if not feed.viewers:
                self._feeds.pop(key, None)
        return response

    async def _send(self, response: web.StreamResponse, feed: Feed, session: int, seen: str) -> None:
        def is_over() -> bool:
            return self._closing.is_set() or session in self._ended

        while not is_over():
            if feed.mark != seen:
                seen = feed.mark
                await response.write(_message(seen, feed.picture))
            else:
                await response.write(b": still here\n\n")
            with suppress(TimeoutError):
                async with asyncio.timeout(SIGN), feed.changed:
                    await feed.changed.wait_for(lambda: feed.mark != seen or is_over())  # noqa: B023 - read at once

    async def _refresh(self, feed: Feed) -> None:
        """Draw; what cannot be drawn now is drawn the next time. The stream stays silent meanwhile, and the page says since when."""
        try:
            picture = await feed.draw()
        except BudstikkeError as error:
            log.warning("no picture", error=str(error)[:200])
            return
        mark = sha256(picture.encode()).hexdigest()[:16]
        if mark != feed.mark:
            async with feed.changed:
                feed.picture, feed.mark = picture, mark
                feed.changed.notify_all()


def _message(mark: str, picture: str) -> bytes:
    """Write a picture as a server-sent event."""
    lines = "".join(f"data: {line}\n" for line in picture.splitlines())
    return f"id: {mark}\n{lines}\n".encode()
