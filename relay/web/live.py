"""Pages that move by themselves. One stream a page; one picture a key, drawn once however many look on.

A stream sends whole pictures: who comes back after a break gets the newest one, and nothing has to be caught up piece by piece. A picture's
id is its fingerprint; a browser that already has it (Last-Event-ID) is sent nothing until something changes.
"""

import asyncio
from collections.abc import Awaitable, Callable, Hashable
from contextlib import suppress
from dataclasses import dataclass, field
from hashlib import sha256

import structlog
from aiohttp import ClientConnectionResetError, web

from relay.model import BudstikkeError
from relay.pulse import Pulse

log = structlog.get_logger(__name__)

Draw = Callable[[], Awaitable[str]]

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

    def __init__(self, pulse: Pulse) -> None:
        self._pulse = pulse
        self._feeds: dict[Hashable, Feed] = {}
        self._closing = asyncio.Event()

    async def run(self) -> None:
        """Draw anew whenever something happened, until cancelled; then end every stream, so that a stop need not wait for viewers."""
        try:
            while True:
                await self._pulse.wait(LONGEST)
                for feed in list(self._feeds.values()):
                    await self._refresh(feed)
                await asyncio.sleep(SHORTEST)
        finally:
            self._closing.set()
            for feed in self._feeds.values():
                async with feed.changed:
                    feed.changed.notify_all()

    async def stream(self, request: web.Request, key: Hashable, draw: Draw) -> web.StreamResponse:
        """Send pictures until the viewer leaves. `draw` must depend on nothing that is not in `key`."""
        response = web.StreamResponse(headers=HEADERS)
        feed = self._feeds.setdefault(key, Feed(draw))
        feed.viewers += 1
        try:
            await response.prepare(request)
            if request.method == "HEAD":
                return response
            if not feed.mark:
                await self._refresh(feed)
            await self._send(response, feed, request.headers.get("Last-Event-ID", ""))
        except (ClientConnectionResetError, ConnectionResetError):
            log.debug("a viewer left")
        finally:
            feed.viewers -= 1
            if not feed.viewers:
                self._feeds.pop(key, None)
        return response

    async def _send(self, response: web.StreamResponse, feed: Feed, seen: str) -> None:
        while not self._closing.is_set():
            if feed.mark != seen:
                seen = feed.mark
                await response.write(_message(seen, feed.picture))
            else:
                await response.write(b": still here\n\n")
            with suppress(TimeoutError):
                async with asyncio.timeout(SIGN), feed.changed:
                    await feed.changed.wait_for(lambda: feed.mark != seen or self._closing.is_set())  # noqa: B023 - read at once

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
