"""What is dear to find out and need not be of this second: it is asked at most once in a while, however many look."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

from channels.clock import monotonic

T = TypeVar("T")


class Lately(Generic[T]):
    """Asks again only when the last answer is older than `seconds`; whoever comes while it is being asked waits for that answer."""

    def __init__(self, ask: Callable[[], Awaitable[T]], seconds: float, now: Callable[[], float] = monotonic) -> None:
        self._ask, self._seconds, self._now = ask, seconds, now
        self._turn = asyncio.Lock()
        self._kept: tuple[float, T] | None = None

    async def __call__(self) -> T:
        """Return the answer; a failure is nobody's answer, and the next one asks again."""
        async with self._turn:
            if self._kept is None or self._now() - self._kept[0] >= self._seconds:
                answer = await self._ask()
                self._kept = (self._now(), answer)
            return self._kept[1]
