"""The dispatcher: a wheel. Each turn writes down what came of the last sends and what the next ones intend, in one commit; then it sends.

An intent is on disk before its call leaves, so a crash leaves at most one window of unknowns, and every unknown can be looked for.
Who may still be sent to is looked up in the same transaction, right before the call. No connection is held while a provider works.
"""

import asyncio
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from enum import Enum, auto
from math import ceil

import structlog
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection

from channels.clock import Clock, monotonic
from relay.breaker import Breakers, Change
from relay.desk import Desk
from relay.dispatch import alone
from relay.dispatch.call import Caller
from relay.dispatch.crew import Crew
from relay.dispatch.hand import Hand
from relay.dispatch.texts import Ready, Shared, Texts, intent_of
from relay.model import Health, NotReady, Policy, Work
from relay.pace import Pacer, SharedPacer
from relay.pulse import Pulse
from relay.store import claim, intent, outcomes, queue, senders
from relay.store.columns import AnyRow
from relay.store.engine import Store
from relay.store.routine import NotRoutineError, beyond_routine, is_routine
from relay.store.workers import Lease

log = structlog.get_logger(__name__)

#: seconds that a wheel with nothing to do waits before it asks the store again
REST = 1.0
#: seconds between a ring and the look that it asks for, where the last look was in vain: callbacks ring without end on a busy night
HEED = 0.02
#: seconds between looks at the store, for something graver, while there is enough in hand
LOOK_ROUND = 0.25
#: a turn costs nearly as much for few as for many: while calls are swift, the next one waits for so much of what leaves at once
COMPANY = 0.75
#: how much is leased at once, and how much is enough in hand, in windows
LEASE_WINDOWS, ENOUGH_WINDOWS = 10, 2
#: a sender has enough in hand for so many seconds
BUSY_SECONDS = 2.0
#: where a turn came upon what is no routine, the next ones are not written as such either, for so long
NO_ROUTINE_SECONDS = 1.0


class More(Enum):
    """Whether a turn leases: for itself, for the next ones, or not at all."""

    NO = auto()
    NEXT = auto()
    NOW = auto()


class Dispatcher:
    """One worker's wheel. `window` is the most attempts that may be without an outcome at once: what a crash can leave unknown."""

    def __init__(
        self, store: Store, desk: Desk, clock: Clock, pulse: Pulse, policy: Policy, *, worker: str, fence: int, window: int, lease: Lease
    ) -> None:
        self.store, self.desk, self.clock, self.pulse = store, desk, clock, pulse
        self.worker, self.fence, self.window, self.lease = worker, fence, window, lease
        #: how many leave at once while calls are swift: a worker that is alone has one half out while what came of the other is written
        self.portion = window if lease.by_database else ceil(window / 2)
        self.pacer = SharedPacer() if lease.by_database else Pacer()
        self.breakers = Breakers()
        self.texts = Texts(desk, policy)
        self.crew = Crew(Caller(desk, clock, self.breakers, lease.seconds - lease.renewal))
        self.waiting = Hand()
        #: what the last turn was to send, from the moment it was chosen
        self.chosen: Sequence[Ready] = ()
        #: a turn has broken: until a round is through, a lease is on disk before any of it is tried, and so stays ours to try one by one
        self.careful = False
        #: leased by the last turn without words: the next one looks at it first, with the database at hand
        self.unread: Sequence[AnyRow] = ()
        self.renew_at = clock.now()
        #: when to look round next; until when turns are not routine (relay.store.routine), since one came upon something else
        self.look_at = self.no_routine_until = monotonic()
        self.stopping = False
        #: false while this worker's clock is off: it takes nothing new
        self.claims = True
        #: how often the wheel has come round, in vain too: the watchdog looks at it
        self.turns = 0
        #: the last round sent what could leave and wrote down what came of it; not after one that broke. Read by the demo, which then
        #: lets time jump
        self.idle = False

    # --- the wheel ----------------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Turn until `stop`; then finish what is in flight and give back what was not begun."""
        while not self.stopping:
            sent = 0
            try:
                sent = await self.drain()
                self.careful = False
                # it may stop short for a sender's pace, with what came of the last calls still in hand
                self.idle = not self.crew.landed
            except (NotReady, OSError) as error:
                log.warning("dispatch waits for the database", error=str(error)[:200])
            except Exception:
                log.exception("a turn broke; nothing was written, and what spoils it is looked for")
                self.careful = True
                await self._part()
            self.turns += 1
            await self.pulse.wait(REST)
            if not sent:
                await asyncio.sleep(HEED)
            self.idle = False
        await self._finish()

    async def _part(self) -> None:
        """Write each row of a turn that broke by itself: the one that spoils it drops nothing else, and the next turn goes without it."""
        now = self.clock.now()
        try:
            await self._write_down(now)
            spoilt = await alone.set_aside(self.store, self.chosen, now)
        except (NotReady, OSError) as error:
            log.warning("dispatch waits for the database", error=str(error)[:200])
        else:
            self.waiting.drop(lambda work: work.delivery_id in spoilt)

    async def _write_down(self, now: datetime) -> None:
        landed, self.crew.landed = self.crew.landed, []
        self.crew.landed[:0] = await alone.write_down(self.store, landed, now)

    def stop(self) -> None:
        """Begin nothing new."""
        self.stopping = True
        self.pulse.ring()

    async def drain(self) -> int:
        """Send all that is due; return how many attempts were made. Stops short when only a standing clock holds the pace up."""
        sent = 0
        try:
            while not self.stopping:
                made, taken = await self._turn()
                sent += made
                self.turns += 1
                if self.unread or (made and taken):
                    continue
                if self.crew.flying:
                    # looking round now and then meanwhile
                    await self.crew.land(COMPANY * self.portion, LOOK_ROUND)
                elif self.waiting:
                    if not await self._rest_for_pace():
                        break
                # what was taken may have been set aside, and something else put in its place: a wake-up, the next step
                elif not self.crew.landed and not taken:
                    break
        finally:
            self.crew.dismiss()
        return sent

    async def _turn(self) -> tuple[int, int]:
        """Turn once, as routine where nothing else is to be expected; return what `_round` does."""
        if not self._expects_routine():
            return await self._round(routine=False)
        try:
            return await self._round(routine=True)
        except (NotRoutineError, DBAPIError) as error:
            if isinstance(error, DBAPIError) and self.store.dialect == "sqlite":
                raise  # nobody stands in the way there: it would break again
            log.info("a routine turn is done again as any other", error=type(error).__name__)
            # nothing was written, and what it came upon seldom comes alone. An error: another's turn may have stood in the way, as where
            # a provider gives both of us the same id
            self.no_routine_until = monotonic() + NO_ROUTINE_SECONDS
            return await self._round(routine=False)

    def _expects_routine(self) -> bool:
        """Whether the next turn most likely only records first copies that were taken, and sends what is in hand."""
        otherwise = (
            self.unread or self.careful or self.breakers.down() or self.clock.now() >= self.renew_at or monotonic() < self.no_routine_until
        )
        return bool(self.waiting) and not otherwise and all(outcomes.is_plain(one) for one in self.crew.landed)

    async def _round(self, *, routine: bool) -> tuple[int, int]:
        """Look round, record, intend, lease: one transaction. Then send. Return how many attempts were made, and deliveries taken in hand.

        Where nothing is in hand, or something graver has come, it is leased and sent in this very turn; else a lease serves the next ones,
        and its words are found while the disk has the commit.
        """
        now, begun = self.clock.now(), monotonic()
        landed, self.crew.landed = self.crew.landed, []
        held, paced, moments = self.waiting.copy(), self.pacer.kept(), (self.renew_at, self.look_at)
        changes = list(self.breakers.changes(now))
        words: asyncio.Task[list[Ready] | None] | None = None
        self.chosen = []
        try:
            async with self.store.write(routine=routine and not changes) as conn:
                await self._read(conn, self.unread, now)
                taken, wanted = len(self.unread), await self._look(conn, now)
                if wanted is More.NOW:
                    beyond_routine(conn)
                    at_once = await self._lease(conn, now)
                    await self._read(conn, at_once, now)
                    taken += len(at_once)
                await self.pacer.reserve(conn, self.waiting.following(), now)
                intended = await self._write(conn, landed, changes, now)
                leased = await self._lease(conn, now) if wanted is More.NEXT else []
                words = asyncio.create_task(self._words(leased, now))
        except BaseException:
            # nothing was written, or (a connection lost in the commit) it is met again as no longer ours: what we know and what we hold
            # stays in hand for the next turn
            self.crew.landed[:0] = landed
            self.waiting, (self.renew_at, self.look_at) = held, moments
            self.pacer.back_to(paced)
            self.breakers.unsaid(changes)
            if words is not None:
                words.cancel()
            raise
        self.unread = leased
        self.crew.send(intended, {work.delivery_id: shared for work, shared in self.chosen}, begun)
        self.desk.sending = bool(self.crew.flying)
        found = await words
        if found is not None:
            self.waiting.add(found)
            self.unread = ()
        return len(intended), taken + len(leased)

    async def _write(
        self, conn: AsyncConnection, landed: Sequence[outcomes.Landed], changes: Sequence[Change], now: datetime
    ) -> list[intent.Intended]:
        """Write down what came of calls, choose the next ones meanwhile (after it where senders changed), and write their intents."""
        if changes:
            await outcomes.record(conn, landed, now)
            await self._mind_senders(conn, changes, now)
            return await intent.intend(conn, self._tries(now), now)
        if is_routine(conn) and self.store.dialect == "sqlite":
            recorded = outcomes.begin(conn, landed, now)
            # asked for before it is known what came of that: if not what most bring, both are undone
            written = intent.begin(conn, self._tries(now), now)
            await recorded()
            return await written()
        choosing = asyncio.create_task(self._tries_soon(now))
        try:
            await outcomes.record(conn, landed, now)
        except BaseException:
            choosing.cancel()
            raise
        return await intent.intend(conn, await choosing, now)

    async def _tries_soon(self, now: datetime) -> intent.Tries:
        # the database's work goes first
        await asyncio.sleep(0)
        return self._tries(now)

    def _tries(self, now: datetime) -> intent.Tries:
        self.chosen = self._choose(now)
        return intent.tries([intent_of(one) for one in self.chosen], now)

    async def _words(self, leased: Sequence[AnyRow], now: datetime) -> list[Ready] | None:
        """Tell of the last calls, and find words for what was leased, while the disk has the commit; None: some need the database."""
        # the commit goes first
        await asyncio.sleep(0)
        try:
            self.crew.caller.tell()
            return self.texts.simple(claim.works(leased, now), now)
        except Exception as error:  # noqa: BLE001 - these are ours: `_read` finds out whose trouble it is
            log.info("what was leased is looked at one by one", error=type(error).__name__)
            return None

    async def _read(self, conn: AsyncConnection, leased: Sequence[AnyRow], now: datetime) -> None:
        """Take in hand what was leased, with the database: for links and files, and for what must be set aside."""
        if leased:
            self.waiting.add(await self.texts.ready(conn, await claim.works_that_open(conn, leased, now), now))

    def _choose(self, now: datetime) -> list[Ready]:
        """Take the next ones that their senders' pace allows, up to the window; a slow sender holds nobody else up.

        One call at a time to one address, once it is known what came of the last: the forward comes before the ask, a correction after what
        it corrects, and nothing comes after a refusal that stops the sender or the address.
        """
        # what has landed since this turn began is written down by the next: until then it has no outcome either
        room = min(self.portion if self.crew.swift else self.window, self.window - len(self.crew.flying) - len(self.crew.landed))
        spoken_to = {*self.crew.flying.values(), *(one.intent.work.to for one, _ in self.crew.landed)}
        down = self.breakers.down()

        def goes(work: Work, shared: Shared) -> bool:
            sender = work.sender_id
            if work.to in spoken_to or (sender in down and not self.breakers.may_call(sender, now)):
                return False
            if not self.pacer.take(sender, shared.units, now):
                return False
            if sender in down:
                self.breakers.calls(sender, now)
            spoken_to.add(work.to)
            return True

        return self.waiting.take(room, goes)

    async def _look(self, conn: AsyncConnection, now: datetime) -> More:
        """Say whether to lease more: when little is in hand. What is graver than others in hand goes first: the others go back."""
        await self._renew(conn, now)
        if self.stopping or not self.claims:
            return More.NO
        await self._let_go(conn, now)
        if len(self.waiting) >= ENOUGH_WINDOWS * self.window and monotonic() < self.look_at:
            return More.NO
        self.look_at = monotonic() + LOOK_ROUND
        gravest = await queue.gravest_due(conn, now)
        if gravest is None:
            return More.NO
        gone = await self._give_back(conn, lambda work: work.gravity > gravest)
        return More.NOW if (gone or not self.waiting) and not self.careful else More.NEXT

    async def _lease(self, conn: AsyncConnection, now: datetime) -> Sequence[AnyRow]:
        """Take more, unless enough is in hand of senders that can send it soon."""
        busy = self._busy()
        if sum(work.sender_id not in busy for work, _ in self.waiting) >= self.window:
            return []
        leased = await claim.lease(conn, self.worker, self.fence, now, limit=LEASE_WINDOWS * self.window, term=self.lease, without=busy)
        if leased:
            await self.texts.learn(conn, leased, self.pacer, self.breakers, now)
        return leased

    async def _renew(self, conn: AsyncConnection, now: datetime) -> None:
        """What waits for its sender's pace stays ours; what was spared or cancelled meanwhile holds up nothing behind it."""
        if now < self.renew_at:
            return
        self.renew_at = now + timedelta(seconds=self.lease.renewal)
        held = [work.delivery_id for work, _ in self.waiting]
        ours = await claim.renew(conn, self.fence, held, self.lease.until(now))
        self.waiting.drop(lambda work: work.delivery_id not in ours)

    async def _mind_senders(self, conn: AsyncConnection, changes: Sequence[Change], now: datetime) -> None:
        """Write down how senders fare now; what is in hand of one that is slow or down goes back, to leave another way."""
        for change in changes:
            await senders.became(conn, change, now)
        ill = {change.sender_id for change in changes if change.health is not Health.WELL}
        await self._give_back(conn, lambda work: work.sender_id in ill)
        await senders.stand_in(conn, now)

    async def _let_go(self, conn: AsyncConnection, now: datetime) -> None:
        """Give back what waits for a sender that is down: another sender or channel may take it."""
        shut = {sender for sender in self.breakers.down() if not self.breakers.may_call(sender, now)}
        if shut:
            await self._give_back(conn, lambda work: work.sender_id in shut)

    async def _give_back(self, conn: AsyncConnection, which: Callable[[Work], bool]) -> int:
        """Let others, or ourselves later, lease these of what is in hand; return how many they are."""
        if ids := self.waiting.drop(which):
            await claim.give_back(conn, self.fence, ids)
        return len(ids)

    def _busy(self) -> set[int]:
        """Senders with more in hand than they can send in the next moments: leasing more for them would block the others."""
        return {sender for sender, held in self.waiting.units().items() if held >= self.pacer.soon(sender, BUSY_SECONDS)}

    async def _rest_for_pace(self) -> bool:
        """Wait until a sender may go on; false when the clock stands still."""
        now = self.clock.now()
        alike = {(work.sender_id, shared.units) for work, shared in self.waiting}
        ready = min(self.pacer.ready_at(sender, units, now) for sender, units in alike)
        if ready <= now:
            return True
        await self.clock.sleep(min(LOOK_ROUND, max(0.001, (ready - now).total_seconds())))
        return self.clock.now() > now

    async def _finish(self) -> None:
        await self.crew.finish()
        await self._write_down(self.clock.now())
        async with self.store.write() as conn:
            unsent = [*(work.delivery_id for work, _ in self.waiting), *(row.id for row in self.unread)]
            await claim.give_back(conn, self.fence, unsent)
        self.waiting, self.unread = Hand(), ()
        self.crew.caller.tell()
