"""Is the house at work? A due delivery that waits, or a clock that has stopped ticking, makes it not ready."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from channels.clock import Clock
from relay.store.engine import Store
from relay.store.queue import oldest_due
from relay.store.senders import Faring, faring

#: a due row may wait for so long, and a tick stay away
LATE = timedelta(seconds=30)


class Watchdog:
    """Remembers the last tick, and looks at the queue when asked."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store, self._clock = store, clock
        self._ticked_at = clock.now()

    def ticked(self) -> None:
        """Note that the clock's work was done."""
        self._ticked_at = self._clock.now()

    async def troubles(self) -> list[str]:
        """Return what is wrong, in words; an empty list when all is well. Raises NotReady when the database is away."""
        now = self._clock.now()
        async with self._store.read() as conn:
            due, senders = await oldest_due(conn, now), await faring(conn, now)
        return [*_late(due, now), *_stopped(self._ticked_at, now), *_down(senders)]


def _late(due: datetime | None, now: datetime) -> list[str]:
    if due is None or now - due < LATE:
        return []
    return [f"A message has been due for {int((now - due).total_seconds())} seconds and has not been tried."]


def _stopped(ticked_at: datetime, now: datetime) -> list[str]:
    if now - ticked_at < LATE:
        return []
    return [f"The clock's work was last done {int((now - ticked_at).total_seconds())} seconds ago."]


def _down(senders: Sequence[Faring]) -> list[str]:
    """Senders from which nothing leaves, though messages wait for them."""
    return [f"{one.waiting} messages wait for {one.address}: {one.words}" for one in senders if one.waiting and not one.well]
