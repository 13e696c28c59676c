"""Is the house at work? A due delivery that waits, or a clock that has stopped ticking in every worker, makes it not ready."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from channels.clock import Clock
from relay.store import workers
from relay.store.engine import Store
from relay.store.queue import oldest_due
from relay.store.senders import Faring, faring

#: a due row may wait for so long, and a tick stay away
LATE = timedelta(seconds=30)


class Watchdog:
    """Looks at the queue, and at the last tick of whichever worker leads, when asked."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store, self._clock = store, clock
        self._opened_at = clock.now()
        #: this process is about to end: whoever shares the load out sends no more to it
        self.closing = False

    async def troubles(self) -> list[str]:
        """Return what is wrong, in words; an empty list when all is well. Raises NotReady when the database is away."""
        now = self._clock.now()
        async with self._store.read() as conn:
            due, senders = await oldest_due(conn, now), await faring(conn, now)
            ticked = await workers.ticked_at(conn)
        since = max(self._opened_at, ticked) if ticked else self._opened_at
        ending = ["Budstikke is shutting down."] if self.closing else []
        return [*ending, *_late(due, now), *_stopped(since, now), *_down(senders)]


def _late(due: datetime | None, now: datetime) -> list[str]:
    if due is None or now - due < LATE:
        return []
    return [f"A message has been due for {int((now - due).total_seconds())} seconds and has not been tried."]


def _stopped(since: datetime, now: datetime) -> list[str]:
    if now - since < LATE:
        return []
    return [f"No worker has kept time for {int((now - since).total_seconds())} seconds. Is `budstikke serve` or `budstikke work` running?"]


def _down(senders: Sequence[Faring]) -> list[str]:
    """Senders from which nothing leaves, though messages wait for them."""
    return [f"{one.waiting} messages wait for {one.address}: {one.words}" for one in senders if one.waiting and not one.well]
