"""What came in while we were down, and statuses that never ended: fetched from the provider, by the same way in as its callbacks.

Twilio repeats a callback for some seconds only, so after every start and every minute we ask for ourselves. Statuses that had come before
we knew whose they are come in that way, too.
"""

import asyncio
from datetime import timedelta
from typing import Protocol

import structlog

from channels.base import Inbound, SendFailed, Status, Sweepable
from channels.clock import Clock
from messages.form import Medium
from relay.desk import Desk
from relay.store import sweeps
from relay.store.columns import AnyRow
from relay.store.engine import Store

log = structlog.get_logger(__name__)

#: we look a little further back than to the last sweep: a provider's list may lag behind
OVERLAP = timedelta(minutes=2)
#: a message without an end is asked about after so long, and again after so long
SILENT, AGAIN = timedelta(minutes=5), timedelta(minutes=30)
#: how many are asked about in one sweep, and at once
MOST, AT_ONCE = 500, 16
#: a status may come before the answer that brings its id is written down; after so long without an attempt it is somebody else's
BELATED = timedelta(hours=1)
#: messages taken in together, in their order
TOGETHER = 100


class Inlet(Protocol):
    """Where everything comes in: relay.receipts."""

    async def take(self, account: str, medium: Medium, one: Inbound | Status, heard_by: str) -> int:
        """Take one thing in; return 1 if it is new."""
        ...


class Sweeper:
    """Asks every provider what we may have missed."""

    def __init__(self, store: Store, desk: Desk, clock: Clock, inlet: Inlet) -> None:
        self.store, self.desk, self.clock, self.inlet = store, desk, clock, inlet

    async def sweep(self) -> int:
        """Fetch what people wrote since the last sweep, and statuses that are overdue or came early; return how many things came in."""
        early = await self._belated()
        able = [account for (_, account), channel in self.desk.channels.items() if isinstance(channel, Sweepable)]
        async with self.store.read() as conn:
            senders = await sweeps.two_way_senders(conn)
            overdue = await sweeps.overdue(conn, able, self.clock.now(), SILENT, AGAIN, MOST)
        came = [await self._inbound(row) for row in senders]
        turns = asyncio.Semaphore(AT_ONCE)
        asked = await asyncio.gather(*(self._status(row, turns) for row in overdue))
        return early + sum(came) + sum(asked)

    async def _belated(self) -> int:
        """Let attempts learn from statuses that came before we knew their ids: no provider repeats what it has told."""
        async with self.store.read() as conn:
            rows = await sweeps.belated(conn, self.clock.now() - BELATED, MOST)
        if not rows:
            return 0
        taken = (self.inlet.take(row.account, Medium(row.channel), sweeps.as_told(row), row.heard_by) for row in rows)
        came = sum(await asyncio.gather(*taken))
        # afterwards: after a crash in between they are taken in once more, which changes nothing
        async with self.store.write() as conn:
            await sweeps.ours(conn, [row.id for row in rows])
        return came

    async def _inbound(self, sender: AnyRow) -> int:
        """Fetch what came to one of our numbers. The mark moves only when all of it is in."""
        channel: object = self.desk.channels.get((sender.provider, sender.account))
        if not isinstance(channel, Sweepable):
            return 0
        now = self.clock.now()
        since = (sender.swept_at or sender.created_at) - OVERLAP
        try:
            messages = [message async for message in channel.sweep(sender.address, since)]
        except SendFailed as failed:
            log.warning("what people wrote cannot be fetched", account=sender.account, reason=failed.reason.name)
            return 0
        # providers list the newest first, and of a person's answers the last one wins
        in_order = sorted(messages, key=lambda one: one.received_at)
        came = 0
        for start in range(0, len(in_order), TOGETHER):
            batch = in_order[start : start + TOGETHER]
            came += sum(await asyncio.gather(*(self.inlet.take(sender.account, Medium(sender.channel), one, "sweep") for one in batch)))
        async with self.store.write() as conn:
            await sweeps.swept(conn, sender.id, now)
        return came

    async def _status(self, attempt: AnyRow, turns: asyncio.Semaphore) -> int:
        channel: object = self.desk.channels.get((attempt.provider, attempt.account))
        if not isinstance(channel, Sweepable):
            return 0
        try:
            async with turns:
                status = await channel.status_of(attempt.provider_id)
        except SendFailed as failed:
            log.warning("a status cannot be fetched", account=attempt.account, reason=failed.reason.name)
            return 0
        async with self.store.write() as conn:
            await sweeps.asked(conn, attempt.id, self.clock.now())
        return await self.inlet.take(attempt.account, Medium(attempt.channel), status, "sweep")
