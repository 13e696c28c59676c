"""The unknown, resolved: attempts that may or may not have gone are looked for at the provider, then adopted, or sent again and flagged.

The cheapest evidence comes by itself: a callback with the attempt's token, or an answer. This looks for the rest.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from channels.base import SendFailed, Trace, Traceable
from channels.clock import Clock
from messages.alert import Gravity
from relay.desk import Desk
from relay.model import DeliveryState, NotReady
from relay.pulse import Pulse
from relay.store import doubts, evidence
from relay.store.columns import AnyRow
from relay.store.engine import Store
from relay.verdict import FORGOTTEN, GRACE, MEANWHILE, MOST_COPIES
from relay.wording import body_hash

log = structlog.get_logger(__name__)

#: the provider's clock and ours may differ by so much
SKEW = timedelta(seconds=5)
#: seconds that a provider may work on a request before the message shows in its list
SLOWEST = 30.0
#: questions to providers at once: a silent one must not keep the others from being asked
AT_ONCE = 16
#: reads of the provider's list without a find before we believe it
LOOKS_NEEDED = 2


@dataclass(frozen=True, slots=True)
class _Look:
    """What one look at the provider told: its list, or that it could not be read."""

    traces: Sequence[Trace]
    answered: bool


class Resolver:
    """Looks for unknown attempts when their time comes."""

    def __init__(self, store: Store, desk: Desk, clock: Clock, pulse: Pulse) -> None:
        self.store, self.desk, self.clock, self.pulse = store, desk, clock, pulse

    async def look(self) -> int:
        """Look once for every unknown whose look is due; return how many there were."""
        async with self.store.read() as conn:
            rows = await doubts.unknowns(conn, self.clock.now())
            settled = await doubts.asked_and_settled(conn)
        if settled:
            async with self.store.write() as conn:
                await doubts.ask_no_more(conn, settled, self.clock.now())
        turns = asyncio.Semaphore(AT_ONCE)
        broken = await asyncio.gather(*(self._look_for(row, turns) for row in rows), return_exceptions=True)
        for row, error in zip(rows, broken, strict=True):
            _report(row, error)
        if rows:
            self.pulse.ring()
        return len(rows)

    async def _look_for(self, row: AnyRow, turns: asyncio.Semaphore) -> None:
        async with turns:
            await self._resolve(row, await self._ask(row))

    async def _ask(self, row: AnyRow) -> _Look:
        channel: object = self.desk.channels.get((row.provider, row.account))
        if not isinstance(channel, Traceable):
            return _Look((), answered=True)
        number = row.address_value or row.to
        if not number:
            log.error("no key opens the number that a send in doubt went to", attempt=row.id)
            return _Look((), answered=False)
        try:
            return _Look(await channel.trace(number, row.sender_address, row.started_at - SKEW), answered=True)
        except SendFailed as failed:
            log.warning("provider list cannot be read", account=row.account, reason=failed.reason.name)
            return _Look((), answered=False)

    async def _resolve(self, row: AnyRow, look: _Look) -> None:
        now = self.clock.now()
        async with self.store.write() as conn:
            taken = await doubts.taken_ids(conn, row.account, [trace.provider_id for trace in look.traces])
            found = next((trace for trace in look.traces if trace.provider_id not in taken and _is_it(trace, row)), None)
            if found is not None:
                await evidence.learn(conn, [_adopted(row, found)], now)
                return
            await self._go_on(conn, row, look, now)

    async def _go_on(self, conn: AsyncConnection, row: AnyRow, look: _Look, now: datetime) -> None:
        """Not found: look again later, let the gravest go another way meanwhile, send again, give up what is needless, or ask a person."""
        waited, gravity = (now - row.started_at).total_seconds(), Gravity(row.gravity)
        if not await doubts.looked(conn, row, now, answered=look.answered, again=waited < FORGOTTEN):
            return
        if _is_needless(row):
            if waited >= SLOWEST:
                await doubts.give_up(conn, row, now)
            return
        if gravity is Gravity.LIFE and waited >= MEANWHILE:
            await doubts.do_not_wait(conn, row, now)
        if _may_send_again(row, look, waited):
            await doubts.give_up(conn, row, now)
        elif _is_for_a_person(row, look, waited):
            await doubts.ask_a_person(conn, row, now)


def _report(row: AnyRow, error: BaseException | None) -> None:
    """One look that breaks keeps no other from being noted; that the database is away is everybody's trouble."""
    if isinstance(error, Exception) and not isinstance(error, NotReady):
        log.error("a send in doubt cannot be looked for", attempt=row.id, account=row.account, exc_info=error)
    elif error is not None:
        raise error


def _is_it(trace: Trace, row: AnyRow) -> bool:
    return bool(body_hash(trace.text) == row.body_sha256 and trace.created_at >= row.started_at - SKEW)


def _adopted(row: AnyRow, found: Trace) -> evidence.Fact:
    return evidence.Fact(
        attempt_id=row.id,
        evidence=found.status.evidence,
        provider_id=found.provider_id,
        reason=found.status.reason,
        code=found.status.code[:20],
        segments=found.status.segments,
        price=found.status.price,
        found_by="list",
    )


def _is_needless(row: AnyRow) -> bool:
    """Whether nobody misses it: another copy has arrived, or an answer has come meanwhile."""
    return bool(row.state == DeliveryState.DONE or row.spared_by)


def _may_send_again(row: AnyRow, look: _Look, waited: float) -> bool:
    """Only after the class's silence, within its copies, and after enough reads; the gravest is sent again also unseen."""
    grace = GRACE[Gravity(row.gravity)]
    if grace is None or waited < grace or row.copies >= MOST_COPIES[Gravity(row.gravity)]:
        return False
    looks = row.looks + int(look.answered)
    seen_enough = look.answered and looks >= LOOKS_NEEDED and waited >= SLOWEST
    return seen_enough or (Gravity(row.gravity) is Gravity.LIFE and not look.answered)


def _is_for_a_person(row: AnyRow, look: _Look, waited: float) -> bool:
    """A routine message is never sent again by itself, a used-up one no more, and one whose provider cannot be asked waits for somebody."""
    gravity = Gravity(row.gravity)
    grace = GRACE[gravity]
    if grace is None:
        return True
    used_up = row.copies >= MOST_COPIES[gravity]
    return waited >= grace and (used_up or not look.answered)
