"""Time as an argument. The only module that may ask the machine what time it is."""

import asyncio
import time
from datetime import UTC, datetime, timedelta
from typing import Protocol


class Clock(Protocol):
    """Where the house gets its time: aware UTC."""

    def now(self) -> datetime:
        """Return the present, aware, in UTC."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Wait `seconds` of this clock's time."""
        ...


class SystemClock:
    """The machine's own clock."""

    def now(self) -> datetime:
        """Return the machine's time in UTC."""
        return datetime.now(UTC)

    async def sleep(self, seconds: float) -> None:
        """Sleep for real."""
        await asyncio.sleep(seconds)


class ManualClock:
    """A clock that stands still until a test moves it."""

    def __init__(self, start: datetime) -> None:
        self._now = start.astimezone(UTC)

    def now(self) -> datetime:
        """Return the time the test has set."""
        return self._now

    def advance(self, **delta: float) -> datetime:
        """Move on by a `timedelta(**delta)`; return the new time."""
        self._now += timedelta(**delta)
        return self._now

    async def sleep(self, seconds: float) -> None:
        """Give way once; only `advance` moves this clock."""
        await asyncio.sleep(0)


class DemoClock:
    """Runs with the machine, shifted by `offset`; `jump` skips dull stretches. The offset is kept in the database."""

    def __init__(self, offset: timedelta = timedelta()) -> None:
        self.offset = offset

    def now(self) -> datetime:
        """Return the machine's time plus the offset."""
        return datetime.now(UTC) + self.offset

    def jump(self, to: datetime) -> None:
        """Make `to` the present, if it lies ahead."""
        self.offset += max(timedelta(), to - self.now())

    async def sleep(self, seconds: float) -> None:
        """Sleep for real."""
        await asyncio.sleep(seconds)


def monotonic() -> float:
    """Seconds on a clock that never goes back: for deadlines of one call, and for measuring."""
    return time.monotonic()
