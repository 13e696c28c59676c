"""Is the house at work? A due delivery that waits, or a clock that has stopped ticking in every worker, makes it not ready."""

from collections.abc import Sequence
from datetime import datetime
from functools import partial

from channels.clock import Clock
from relay.store import halts, workers
from relay.store.engine import Store
from relay.store.halts import Halt, is_late
from relay.store.queue import oldest_due
from relay.store.senders import Faring, faring
from relay.web.lately import Lately

#: seconds that a page may be behind with what it says about sending
KEPT = 2.0


class Watchdog:
    """Looks at the queue, and at the last tick of whichever worker leads, when asked."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store, self._clock = store, clock
        self._opened_at = clock.now()
        #: this process is about to end: whoever shares the load out sends no more to it
        self.closing = False
        self._lately: dict[int, Lately[tuple[Halt, ...]]] = {}

    async def halts(self, municipality_id: int) -> tuple[Halt, ...]:
        """Return why a municipality's messages do not leave, for a stream: it asks once for all who look on."""
        now = self._clock.now()
        async with self._store.read() as conn:
            return await halts.read(conn, municipality_id, self._opened_at, now)

    async def lately(self, municipality_id: int) -> tuple[Halt, ...]:
        """Return the same as of a moment ago, for pages that many open at once."""
        asked = self._lately.setdefault(municipality_id, Lately(partial(self.halts, municipality_id), KEPT))
        return await asked()

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
    if due is None or not is_late(due, now):
        return []
    return [f"A message has been due for {int((now - due).total_seconds())} seconds and has not been tried."]


def _stopped(since: datetime, now: datetime) -> list[str]:
    if not is_late(since, now):
        return []
    return [f"No worker has kept time for {int((now - since).total_seconds())} seconds. Is `budstikke serve` or `budstikke work` running?"]


def _down(senders: Sequence[Faring]) -> list[str]:
    """Senders from which nothing leaves, though messages wait for them."""
    return [f"{one.waiting} messages wait for {one.address}: {one.words}" for one in senders if one.waiting and not one.well]
