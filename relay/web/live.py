"""Pages that move by themselves. One stream a page; one picture a key, drawn once however many look on.

A stream sends whole pictures: who comes back after a break gets the newest one, and nothing has to be caught up piece by piece. A picture's
id is its fingerprint; a browser that already has it (Last-Event-ID) is sent nothing until something changes. A stream ends with the session
that opened it, and with the roles that its user had then: one question for all sessions, however many look on. A wall has no session, and
ends by its link.
"""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Collection, Hashable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from hashlib import sha256

import structlog
from aiohttp import ClientConnectionResetError, web

from relay.model import BudstikkeError, Role
from relay.pulse import Pulse
from relay.web.who import who_if_any

log = structlog.get_logger(__name__)

Draw = Callable[[], Awaitable[str]]
Roles = frozenset[Role]
#: what the users of these sessions may do now; a session that is over is missing
Now = Callable[[Collection[int]], Awaitable[Mapping[int, Roles]]]

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

    def __init__(self, pulse: Pulse, now: Now) -> None:
        self._pulse = pulse
        self._now = now
        #: open streams by their session and the roles that its user had when they were opened
        self._open: Counter[tuple[int, Roles]] = Counter()
        self._ended: set[tuple[int, Roles]] = set()
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
        """Find out which sessions are over, and whose user may do something else now; let their streams end."""
        opened = [one for one, streams in self._open.items() if streams]
        try:
            roles = await self._now([session for session, _ in opened])
            self._ended = {(session, had) for session, had in opened if roles.get(session) != had}
        except Exception as error:  # noqa: BLE001 - told there
            _tell("sessions not looked at", error)
        if self._ended:
            await self._wake()

    async def stream(self, request: web.Request, key: Hashable, draw: Draw) -> web.StreamResponse:
        """Send pictures until the viewer leaves. `draw` must depend on nothing that is not in `key`."""
        response = web.StreamResponse(headers=HEADERS)
        feed = self._feeds.setdefault(key, Feed(draw))
        viewer = who_if_any(request)
        opener = (viewer.session_id, viewer.roles) if viewer else None
        feed.viewers += 1
        if opener:
            self._open[opener] += 1
        try:
            await response.prepare(request)
            if request.method == "HEAD":
                return response
            if not feed.mark:
                await self._refresh(feed)
            await self._send(response, feed, opener, request.headers.get("Last-Event-ID", ""))
        except (ClientConnectionResetError, ConnectionResetError):
            log.debug("a viewer left")
        finally:
            feed.viewers -= 1
            if opener:
                self._open[opener] -= 1
            if not feed.viewers:
                self._feeds.pop(key, None)
        return response

    async def _send(self, response: web.StreamResponse, feed: Feed, opener: tuple[int, Roles] | None, seen: str) -> None:
        def is_over() -> bool:
            return self._closing.is_set() or opener in self._ended

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
            mark = sha256(picture.encode()).hexdigest()[:16]
        except Exception as error:  # noqa: BLE001 - told there
            _tell("no picture", error)
            return
        if mark != feed.mark:
            async with feed.changed:
                feed.picture, feed.mark = picture, mark
                feed.changed.notify_all()


def _tell(what: str, error: Exception) -> None:
    """Note what went wrong with one picture. Whatever it is, it must not end everybody else's: they look on all night."""
    if isinstance(error, BudstikkeError):
        log.warning(what, error=str(error)[:200])
    else:
        log.error(what, exc_info=error)


def _message(mark: str, picture: str) -> bytes:
    """Write a picture as a server-sent event."""
    lines = "".join(f"data: {line}\n" for line in picture.splitlines())
    return f"id: {mark}\n{lines}\n".encode()
