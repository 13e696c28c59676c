"""A worker at its work: it dispatches, gives its signs of life, and, if it leads, keeps time for all."""

import asyncio
import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass

import structlog
from apscheduler.schedulers.asyncio import AsyncIOScheduler
from asyncpg import InterfaceError
from sqlalchemy.exc import DBAPIError

from channels.clock import monotonic
from relay.flow import Relay
from relay.model import BudstikkeError
from relay.store import schema, watch, workers
from relay.store.leader import Leader

log = structlog.get_logger(__name__)

#: the metronome: seconds between two strokes of the clock's work
TICK = 1.0
#: seconds between two sweeps of the providers
SWEEP = 60.0
#: seconds that a stopping worker gives its last calls
DRAIN = 20.0
#: what a database or a provider that is away may raise: the next stroke tries again
PASSING = (BudstikkeError, DBAPIError, InterfaceError, OSError)


@dataclass(kw_only=True)
class Worker:
    """One process's work. On PostgreSQL it is one of any number; on SQLite it is alone, and leads."""

    relay: Relay
    leader: Leader
    #: what else every stroke brings
    also: Sequence[Callable[[], Awaitable[None]]] = ()
    #: whether this worker's clock is fit to go by
    well: bool = True
    #: false until what left before a restore is known: only then does an answer find what it answers
    known: bool = False
    #: on the monotonic clock: when the providers are to be swept again
    sweep_at: float = 0.0

    async def work(self) -> None:
        """Dispatch, give signs of life and keep time until the dispatcher is stopped; what is in flight is finished."""
        metronome = AsyncIOScheduler(timezone="UTC")
        for job in (self._stroke, self._look, self._reconcile, self._sweep, *self.also):
            metronome.add_job(job, "interval", seconds=TICK, max_instances=1, coalesce=True, misfire_grace_time=None)
        self.relay.dispatcher.claims = False
        async with _passing("the first sign of life waits"):
            await self.beat(leads=False)
        metronome.start()
        beside = [asyncio.create_task(listen(self.relay)), asyncio.create_task(self.leader.campaign())]
        try:
            await self.relay.dispatcher.run()
        finally:
            for task in beside:
                task.cancel()
            metronome.shutdown(wait=False)

    @property
    def leads(self) -> bool:
        """Whether this worker keeps time for all: never with a clock that is off."""
        return self.leader.leads and self.well

    async def beat(self, *, leads: bool) -> None:
        """Give a sign of life; a worker whose clock is off says so, and claims nothing until it goes right."""
        dispatcher = self.relay.dispatcher
        beat = await workers.beat(self.relay.store, dispatcher.worker, self.relay.clock, dispatcher.lease, leads=leads)
        if beat.well != self.well:
            tell = log.info if beat.well else log.error
            tell("this worker's clock against the database's", off_seconds=round(beat.off.total_seconds(), 1), claims=beat.well)
        self.well = dispatcher.claims = beat.well

    async def _stroke(self) -> None:
        async with _passing("the clock's work waits"):
            leads = self.leads
            if leads:
                await self.relay.clockwork()
            await self.beat(leads=leads)

    async def _look(self) -> None:
        if self.leads:
            async with _passing("the search for sends in doubt waits"):
                await self.relay.look()

    async def _reconcile(self) -> None:
        if self.leads:
            async with _passing("the search for what left since the backup waits"):
                self.known = await self.relay.reconcile()

    async def _sweep(self) -> None:
        """Ask the providers what we have missed: as soon as we lead, and every minute."""
        if self.leads and self.known and monotonic() >= self.sweep_at:
            self.sweep_at = monotonic() + SWEEP
            async with _passing("the sweep waits"):
                await self.relay.sweep()


class Seldom:
    """What is done now and then by whoever keeps time: at once, and again `seconds` after it was last begun."""

    def __init__(self, job: Callable[[], Awaitable[object]], seconds: float, leads: Callable[[], bool]) -> None:
        self._job, self._seconds, self._leads = job, seconds, leads
        self._next_at = 0.0

    async def stroke(self) -> None:
        """Do it if it is time."""
        if self._leads() and monotonic() >= self._next_at:
            self._next_at = monotonic() + self._seconds
            async with _passing(f"{getattr(self._job, '__qualname__', 'a job')} waits"):
                await self._job()


@asynccontextmanager
async def _passing(words: str) -> AsyncIterator[None]:
    """What goes wrong in one stroke is logged, and the next one tries again. Cut short when the house closes."""
    try:
        yield
    except asyncio.CancelledError:
        return
    except PASSING as error:
        log.warning(words, error=str(error)[:200])
    except Exception:
        log.exception(words)


async def listen(relay: Relay) -> None:
    """Ring the pulse for what other processes write. Runs until cancelled."""
    await relay.pulse.across(watch.changes(relay.store))


async def asked_to_stop(*others: asyncio.Task[None]) -> None:
    """Return at SIGTERM or SIGINT, or when one of the others ends by itself."""
    asked = asyncio.Event()
    for stop in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(stop, asked.set)
    asking = asyncio.create_task(asked.wait())
    await asyncio.wait([asking, *others], return_when=asyncio.FIRST_COMPLETED)
    asking.cancel()


async def outgrown(relay: Relay) -> None:
    """Return when somebody has upgraded the tables under us: what we would write may no longer be what they hold."""
    fits = True
    while fits:
        await asyncio.sleep(TICK)
        with suppress(*PASSING):
            fits = await schema.fits(relay.store)
    log.error("the tables are of another version now: this program ends, and must be started anew", program=schema.newest())


async def drain(relay: Relay, working: asyncio.Task[None]) -> None:
    """Begin nothing new, and give what is in the air DRAIN seconds to come back and be written down."""
    relay.dispatcher.stop()
    await asyncio.wait([working], timeout=DRAIN)
    if not working.done():
        working.cancel()
    async with _passing("the last calls were not written down; the next worker looks for what is in doubt"):
        await working
    async with _passing("nobody was told that this worker has ended"):
        await workers.gone(relay.store, relay.dispatcher.worker)
