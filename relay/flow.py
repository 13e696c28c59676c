"""The journey in five verbs, one direction: take, release, tick, hear, reach.

    take     an official message becomes a draft
    release  an approved draft becomes a plan: one row for every send, with its time
    tick     what is due is sent; what is unknown is looked for; what the clock ends is ended
    hear     what comes back becomes evidence and answers, and crosses out what they make needless
    reach    the numbers, group by group

Each verb reads rows that the one before wrote. Nothing is remembered in between: a restart goes on where the rows stand.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import timedelta

from channels.base import Callback
from channels.clock import Clock
from messages.alert import Act
from messages.cap import CapAlert
from relay import acts, ingest, preview
from relay.desk import Desk
from relay.dispatch import Dispatcher
from relay.feeds import Poller
from relay.model import Policy, Reach
from relay.pulse import Pulse
from relay.receipts import Receipts
from relay.reconcile import Reconciler
from relay.resolve import Resolver
from relay.store import doubts, ending, queue, reach as numbers, senders, workers
from relay.store.engine import Store
from relay.sweep import Sweeper


@dataclass(frozen=True, slots=True, kw_only=True)
class Relay:
    """Everything between an official message and its reach."""

    store: Store
    desk: Desk
    clock: Clock
    pulse: Pulse
    policy: Policy
    dispatcher: Dispatcher
    resolver: Resolver
    receipts: Receipts
    sweeper: Sweeper
    reconciler: Reconciler
    poller: Poller

    async def take(
        self, municipality_id: int, document: bytes, by: str, *, replay: bool = False, unattended: bool = False
    ) -> list[ingest.Taken]:
        """Store an official message as a draft. BadInput when it is refused, with why. `unattended`: a grave one wakes somebody."""
        async with self.store.write() as conn:
            wake = self.desk.public_url if unattended else None
            taken = await ingest.take_cap(conn, municipality_id, document, by, self.clock.now(), replay=replay, wake=wake)
        self.pulse.ring()
        return taken

    async def approve(self, municipality_id: int, alert_id: int, by: str, *, override: str = "") -> None:
        """Let a second person stand for a draft. NotAllowed when it is the same one."""
        async with self.store.write() as conn:
            await acts.approve(conn, municipality_id, alert_id, by, self.clock.now(), override=override, site=self.desk.public_url)
        self.pulse.ring()

    async def release(
        self,
        municipality_id: int,
        alert_id: int,
        by: str,
        *,
        inside: bool = False,
        wake: Collection[int] = (),
        reason: str = "",
        hold: timedelta = timedelta(),
    ) -> int:
        """Write the whole plan down and return how many sends it holds. NotAllowed when the alert may not leave."""
        now, site = self.clock.now(), self.desk.public_url
        async with self.store.write() as conn:
            planned = await acts.release(
                conn, municipality_id, alert_id, by, self.policy, now, inside=inside, wake=wake, reason=reason, hold=hold, site=site
            )
        self.pulse.ring()
        return planned

    async def correct(self, municipality_id: int, alert_id: int, act: Act, by: str) -> int:
        """Withdraw or end an alert for everybody who has, or may have, got it; return the correction's id."""
        async with self.store.write() as conn:
            corrected = await acts.correct(
                conn, municipality_id, alert_id, act, by, self.policy, self.clock.now(), site=self.desk.public_url
            )
        self.pulse.ring()
        return corrected

    async def cancel(self, municipality_id: int, alert_id: int, by: str) -> int | None:
        """Stop what has not left, and withdraw what may have."""
        async with self.store.write() as conn:
            now, site = self.clock.now(), self.desk.public_url
            withdrawal = await acts.cancel(conn, municipality_id, alert_id, by, self.policy, now, site=site)
        self.pulse.ring()
        return withdrawal

    async def poll(self) -> int:
        """Ask every feed of official messages for what is new; return how many drafts came of it."""
        came = await self.poller.poll(self._take_from_feed)
        if came:
            self.pulse.ring()
        return came

    async def _take_from_feed(self, municipality_id: int, document: bytes, found: Sequence[CapAlert], source: str) -> int:
        async with self.store.write() as conn:
            now, site = self.clock.now(), self.desk.public_url
            taken = await ingest.take_cap(conn, municipality_id, document, source, now, only_ours=True, wake=site, found=found)
        return sum(not one.again for one in taken)

    async def tick(self) -> int:
        """Do the clock's work, then send all that is due; return how many attempts were made.

        For stories: a worker does the same side by side (relay.worker).
        """
        await self.clockwork()
        await self.reconcile()
        await self.look()
        return await self.dispatcher.drain()

    async def clockwork(self) -> None:
        """What time alone brings: expired leases and alerts, due calls; and messages that nobody has handled are taken up again."""
        now = self.clock.now()
        async with self.store.write() as conn:
            await doubts.recover(conn, now, over=self.dispatcher.lease.now(now))
            await queue.expire(conn, now)
            await senders.stand_in(conn, now)
            await queue.open_calls(conn, now)
            await ending.close_lapsed(conn, now)
            await workers.forget(conn, now)
        self.receipts.handle_soon()

    async def look(self) -> int:
        """Look for sends in doubt at their providers. Apart from the clock's work, which must not wait for a silent provider."""
        return await self.resolver.look()

    async def reconcile(self) -> bool:
        """After a restore: look for what left since the backup. Returns whether everything is known, and may leave."""
        return await self.reconciler.look()

    async def sweep(self) -> int:
        """Fetch what came in while we were away or a callback was lost; return how many things were new."""
        return await self.sweeper.sweep()

    async def hear(self, account: str, callback: Callback) -> int:
        """Take in what a provider brings; on return it is committed. NotGenuine when the provider did not sign it."""
        return await self.receipts.hear(account, callback)

    async def reach(self, municipality_id: int, alert_id: int) -> Reach:
        """Return what came of an alert."""
        async with self.store.read() as conn:
            return await numbers.reach(conn, municipality_id, alert_id)

    async def review(self, municipality_id: int, alert_id: int, *, inside: bool = False, wake: Collection[int] = ()) -> preview.Review:
        """Draw the plan as release would write it now."""
        async with self.store.write() as conn:
            site = self.desk.public_url
            return await preview.review(conn, municipality_id, alert_id, self.policy, self.clock.now(), inside=inside, wake=wake, site=site)
