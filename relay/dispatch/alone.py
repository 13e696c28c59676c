"""After a turn that broke: each of its rows by itself, so that the one that spoils the batch keeps nobody else from being sent to."""

from collections.abc import Sequence
from datetime import datetime
from typing import NoReturn

import structlog

from channels.base import Evidence, Reason
from relay.dispatch.texts import Ready, intent_of
from relay.model import NotReady
from relay.store import aside, intent, outcomes
from relay.store.engine import Store
from relay.store.evidence import Fact
from relay.store.outcomes import Landed

log = structlog.get_logger(__name__)


class _Undo(Exception):
    """No error: raised at the end of a transaction that has shown what it was to show, so that nothing of it stays."""


async def write_down(store: Store, landed: Sequence[Landed], now: datetime) -> list[Landed]:
    """Write down what came of calls, together if that is possible; return what is left where the database is away.

    What cannot be written even by itself is in doubt: it is looked for at the provider, as after a crash.
    """
    left = list(landed)
    try:
        if await _written(store, left, now):
            return []
        while left:
            if not await _written(store, left[:1], now):
                await _written(store, [_in_doubt(left[0])], now)
            del left[0]
    except (NotReady, OSError) as error:
        log.warning("what came of calls waits for the database", error=str(error)[:200])
    return left


async def set_aside(store: Store, chosen: Sequence[Ready], now: datetime) -> set[int]:
    """Find out which deliveries cannot be tried, leaving no trace of it; put those off, show them to a person, and return their ids."""
    if await _can_be_tried(store, chosen, now):
        return set()
    spoilt = {one[0].delivery_id for one in chosen if not await _can_be_tried(store, [one], now)}
    for delivery_id in spoilt:
        async with store.write() as conn:
            await aside.spoilt(conn, delivery_id, now)
    return spoilt


async def _written(store: Store, landed: Sequence[Landed], now: datetime) -> bool:
    try:
        async with store.write() as conn:
            await outcomes.record(conn, landed, now)
    except (NotReady, OSError):
        raise
    except Exception:
        log.exception("what came of calls cannot be written", attempts=[fact.attempt_id for _, fact in landed])
        return False
    return True


def _in_doubt(landed: Landed) -> Landed:
    one, fact = landed
    return one, Fact(attempt_id=fact.attempt_id, evidence=Evidence.UNKNOWN, reason=Reason.UNCERTAIN, code="not-writable")


async def _can_be_tried(store: Store, chosen: Sequence[Ready], now: datetime) -> bool:
    try:
        async with store.write() as conn:
            await intent.intend(conn, intent.tries([intent_of(one) for one in chosen], now), now)
            _leave_nothing()
    except (NotReady, OSError):
        raise
    except _Undo:
        return True
    except Exception:
        log.exception("deliveries cannot be tried", deliveries=[work.delivery_id for work, _ in chosen])
    return False


def _leave_nothing() -> NoReturn:
    raise _Undo
