"""Emulated time: what is due when, and a clock that can run faster than the wall's."""

import asyncio
import heapq
import logging
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import count

from channels.clock import Clock

log = logging.getLogger("sandbox")

#: seconds after which the clock is looked at again, since any clock may have jumped
GLANCE = 0.02


class EmulatedClock:
    """Runs `speed` times as fast as the clock under it, and can be moved ahead."""

    def __init__(self, clock: Clock, speed: float = 1.0, start: datetime | None = None) -> None:
        self._clock = clock
        self._speed = speed
        self._zero = clock.now()
        self._start = start.astimezone(UTC) if start else self._zero

    def now(self) -> datetime:
        """Return the emulated time, in UTC."""
        return self._start + (self._clock.now() - self._zero) * self._speed

    async def sleep(self, seconds: float) -> None:
        """Wait `seconds` of emulated time."""
        await self._clock.sleep(seconds / self._speed)

    def jump(self, to: datetime) -> None:
        """Make `to` the present, if it lies ahead."""
        self._start += max(timedelta(), to - self.now())


class Agenda:
    """Does things when they are due, in the order of their times.

    While something that was due runs, `now` is the time at which it was due: a clock that jumps an hour plays that hour,
    it does not squeeze it into its end.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._due: list[tuple[datetime, int, Callable[[], None]]] = []
        self._order = count()
        self._playing: datetime | None = None
        self._wake = asyncio.Event()
        #: what went wrong in doing things; the rest was done all the same
        self.crashes: list[BaseException] = []

    def now(self) -> datetime:
        """Return the emulated time: that of the thing being done, or else the clock's."""
        return self._playing or self._clock.now()

    async def sleep(self, seconds: float) -> None:
        """Wait by the clock underneath."""
        await self._clock.sleep(seconds)

    def at(self, due: datetime, what: Callable[[], None]) -> None:
        """Do `what` at `due`; at once if that has passed."""
        heapq.heappush(self._due, (due, next(self._order), what))
        self._wake.set()

    def after(self, seconds: float, what: Callable[[], None]) -> None:
        """Do `what` in `seconds` of emulated time."""
        self.at(self.now() + timedelta(seconds=seconds), what)

    @property
    def pending(self) -> int:
        """How many things are still to be done, now or later."""
        return len(self._due)

    @property
    def next_due_at(self) -> datetime | None:
        """When the next thing is to be done."""
        return self._due[0][0] if self._due else None

    def due_within(self, seconds: float | None) -> bool:
        """Whether anything is to be done within `seconds` from now; None: at any time."""
        if seconds is None or not self._due:
            return bool(self._due)
        return self._due[0][0] <= self._clock.now() + timedelta(seconds=seconds)

    def run_due(self) -> None:
        """Do everything that is due, and what becomes due by doing so."""
        while self._due and self._due[0][0] <= self._clock.now():
            due, _, what = heapq.heappop(self._due)
            self._playing = due
            try:
                what()
            except Exception as why:
                log.exception("the sandbox failed at something that was due")
                self.crashes.append(why)
            finally:
                self._playing = None

    async def run(self) -> None:
        """Go on doing what is due, for ever."""
        while True:
            self._wake.clear()
            self.run_due()
            await self._wait()

    async def _wait(self) -> None:
        if not self._due:
            await self._wake.wait()
            return
        left = (self._due[0][0] - self._clock.now()).total_seconds()
        waker = asyncio.get_running_loop().call_later(min(max(left, 0), GLANCE), self._wake.set)
        await self._wake.wait()
        waker.cancel()
