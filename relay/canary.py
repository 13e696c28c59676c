"""Two alarms that do not need anybody to look: a canary that must answer, and signs of life to a watch outside that misses them.

canary    now and then every SMS sender writes to a number of our own that answers by itself; no answer in time, and the way there
          or the way back is broken, whatever the figures say
signs     as long as all is well, an address outside is fetched; when the signs stop, whoever is there raises the alarm: also when this
          machine is gone, or the loop that does everything stands still
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

import aiohttp
import structlog

from channels.clock import Clock
from messages import frames
from relay.desk import Desk
from relay.pulse import Pulse
from relay.store import canary, remembered
from relay.store.canary import Probe
from relay.store.engine import Store

log = structlog.get_logger(__name__)

#: seconds that the watch outside may take to answer
PATIENCE = 10.0
#: a canary that has not answered is asked again after so many times its patience
AGAIN = 3
TEXT = "{mark} Budstikke prøver linja, {at:%d.%m. %H:%M} UTC. Nummeret svarer av seg selv. {mark}"


@dataclass(frozen=True, kw_only=True)
class Canary:
    """Asks our own number, sender by sender."""

    store: Store
    desk: Desk
    clock: Clock
    pulse: Pulse
    #: "" keeps none
    phone: str
    every: timedelta
    patience: timedelta

    async def probe(self) -> int:
        """Ask whatever sender's turn it is; return how many asked."""
        if not self.phone:
            return 0
        now = self.clock.now()
        async with self.store.write() as conn:
            last = {one.sender_id: one for one in await canary.probes(conn)}
            due = [one for one in await canary.askable(conn, self._emulated()) if self._is_due(last.get(one.id), now)]
            for sender in due:
                await canary.ask(conn, sender, self.phone, words(now), now, self.patience)
        if due:
            self.pulse.ring()
        return len(due)

    def _emulated(self) -> frozenset[str]:
        return frozenset(account for _, account in self.desk.channels if self.desk.emulates(account))

    def _is_due(self, last: Probe | None, now: datetime) -> bool:
        if last is None:
            return True
        return now - last.asked_at >= (self.every if last.answered_at else min(self.every, AGAIN * self.patience))

    async def troubles(self) -> list[str]:
        """Return which canaries have fallen silent, in words."""
        now = self.clock.now()
        async with self.store.read() as conn:
            lost = [one for one in await canary.probes(conn) if self.phone and one.lost(now)]
        return [f"The canary has not answered {one.address}." for one in lost]


def words(now: datetime) -> str:
    """Return what the canary gets: marked at both ends as a test, for whoever may read it."""
    return TEXT.format(mark=frames.say("nb", "mark.test"), at=now)


class Signs:
    """Gives signs of life to a watch outside, as long as there is life and nothing is wrong."""

    def __init__(
        self, url: str, store: Store, clock: Clock, troubles: Callable[[], Awaitable[list[str]]], turned: Callable[[], int]
    ) -> None:
        self._url, self._store, self._clock, self._troubles, self._turned = url, store, clock, troubles, turned
        self._turned_then = -1

    async def give(self) -> bool:
        """Give one, and say whether it was taken. None is given while the dispatcher stands still or something is wrong."""
        turned = self._turned()
        if not self._url or turned == self._turned_then:
            return False
        self._turned_then = turned
        troubles = await self._troubles()
        if troubles:
            log.error("the watch outside gets no sign of life", troubles=troubles)
            return False
        try:
            await _fetch(self._url)
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            log.warning("the watch outside did not take a sign of life", error=type(error).__name__)
            return False
        async with self._store.write() as conn:
            await remembered.put(conn, remembered.LAST_SIGN, self._clock.now().isoformat())
        return True


async def _fetch(url: str) -> None:
    timeout = aiohttp.ClientTimeout(total=PATIENCE)
    async with aiohttp.ClientSession(timeout=timeout) as session, session.get(url) as answer:
        answer.raise_for_status()
