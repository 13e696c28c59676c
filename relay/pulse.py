"""Says "look again" to whoever waits. What there is to see is in the store: a pulse that is missed costs time and nothing else."""

import asyncio
from collections.abc import AsyncIterable
from contextlib import suppress


class Pulse:
    """A bell for one waiter; a ring between two waits is kept for the next."""

    def __init__(self) -> None:
        self._rung = asyncio.Event()
        self._branches: list[Pulse] = []

    def branch(self) -> "Pulse":
        """Return a bell for another waiter, which rings whenever this one does: so nobody takes another's ring."""
        branch = Pulse()
        self._branches.append(branch)
        return branch

    def ring(self) -> None:
        """Wake the waiter. Only from the event loop's own thread."""
        self._rung.set()
        for branch in self._branches:
            branch.ring()

    async def wait(self, timeout: float) -> bool:  # noqa: ASYNC109 - the net under the bell is what callers are about
        """Wait for a ring, at most `timeout` seconds; return whether it rang."""
        if not self._rung.is_set():
            # not wait_for: where a ring and a cancellation come together, Python 3.11's forgets that it was to end
            with suppress(TimeoutError):
                async with asyncio.timeout(timeout):
                    await self._rung.wait()
        rang = self._rung.is_set()
        self._rung.clear()
        return rang

    async def across(self, changes: AsyncIterable[object]) -> None:
        """Ring for each of `changes`, as relay.store.watch sees them made by other processes. Runs until cancelled."""
        async for _ in changes:
            self.ring()
