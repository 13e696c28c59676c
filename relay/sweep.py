"""What came in while we were down, and statuses that never ended: fetched from the provider, by the same way in as its callbacks.

Twilio repeats a callback for some seconds only, so after every start and every minute we ask for ourselves. Statuses that had come before
we knew whose they are come in that way, too.
"""

import asyncio
from collections.abc import Awaitable
from datetime import timedelta
from typing import Protocol

import structlog

from channels.base import Inbound, SendFailed, Status, Sweepable
from channels.clock import Clock
from messages.form import Medium
from relay.desk import Desk
from relay.model import NotReady, TaskKind
from relay.store import sweeps, tasks
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
        came = [await _alone(self._inbound(row), row.account, "what people wrote cannot be fetched") for row in senders]
        turns = asyncio.Semaphore(AT_ONCE)
        asked = (_alone(self._status(row, turns), row.account, "a status cannot be fetched") for row in overdue)
        return early + sum(came) + sum(await asyncio.gather(*asked))

    async def _belated(self) -> int:
        """Let attempts learn from statuses that came before we knew their ids: no provider repeats what it has told."""
        async with self.store.read() as conn:
            rows = await sweeps.belated(conn, self.clock.now() - BELATED, MOST)
        if not rows:
            return 0
        learnt: list[int] = []
        taken = (_alone(self._learn(row, learnt), row.account, "a status that came early cannot be learnt") for row in rows)
        came = sum(await asyncio.gather(*taken))
        # afterwards: after a crash in between they are taken in once more, which changes nothing
        async with self.store.write() as conn:
            await sweeps.ours(conn, learnt)
        return came

    async def _learn(self, row: AnyRow, learnt: list[int]) -> int:
        new = await self.inlet.take(row.account, Medium(row.channel), sweeps.as_told(row), row.heard_by)
        learnt.append(row.id)
        return new

    async def _inbound(self, sender: AnyRow) -> int:
        """Fetch what came to one of our numbers. The mark moves only when all of it is in."""
        channel: object = self.desk.channels.get((sender.provider, sender.account))
        if not isinstance(channel, Sweepable):
            return 0
        now = self.clock.now()
        since = (sender.swept_at or sender.created_at) - OVERLAP
        messages = [message async for message in channel.sweep(sender.address, since)]
        # providers list the newest first, and of a person's answers the last one wins
        in_order = sorted(messages, key=lambda one: one.received_at)
        came = 0
        for start in range(0, len(in_order), TOGETHER):
            batch = in_order[start : start + TOGETHER]
            came += sum(await asyncio.gather(*(self._take(sender, one) for one in batch)))
        async with self.store.write() as conn:
            await sweeps.swept(conn, sender.id, now)
        return came

    async def _take(self, sender: AnyRow, one: Inbound) -> int:
        """Take in what a person wrote; what cannot be kept is a person's to read at the provider, and holds up nothing that comes after."""
        try:
            return await self.inlet.take(sender.account, Medium(sender.channel), one, "sweep")
        except (NotReady, OSError):
            raise
        except Exception as error:
            log.exception("a message cannot be kept", account=sender.account, sender=sender.id, error=type(error).__name__)
            await self._ask_a_person(sender)
            return 0

    async def _ask_a_person(self, sender: AnyRow) -> None:
        """With a task as grave as danger: nobody here has read it."""
        words = "A message that came to one of our numbers cannot be kept here. Read it in the provider's own list."
        cause = f"unkept:{sender.id}"
        new = tasks.NewTask(municipality_id=sender.municipality_id, kind=TaskKind.DANGER, cause=cause, words=words)
        async with self.store.write() as conn:
            await tasks.open_task(conn, new, self.clock.now())

    async def _status(self, attempt: AnyRow, turns: asyncio.Semaphore) -> int:
        channel: object = self.desk.channels.get((attempt.provider, attempt.account))
        if not isinstance(channel, Sweepable):
            return 0
        async with turns:
            status = await channel.status_of(attempt.provider_id)
        async with self.store.write() as conn:
            await sweeps.asked(conn, attempt.id, self.clock.now())
        return await self.inlet.take(attempt.account, Medium(attempt.channel), status, "sweep")


async def _alone(one: Awaitable[int], account: str, words: str) -> int:
    """Do one thing of a sweep: what goes wrong with it keeps no other from being done. The database's absence is everybody's trouble."""
    try:
        return await one
    except SendFailed as failed:
        log.warning(words, account=account, reason=failed.reason.name)
    except (NotReady, OSError):
        raise
    except Exception as error:
        log.exception(words, account=account, error=type(error).__name__)
    return 0
