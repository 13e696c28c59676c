"""How each sender fares: well, slow or down. A sender that is down is not called but for one message now and then. Own sums, no I/O.

It is down when half of its last calls came to nothing, to several people: one number that breaks every call says nothing about a sender.
"""

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from statistics import median
from typing import NamedTuple

from channels.base import Fault, Reason, Then
from relay.model import Health

#: how many of the last calls are looked at, and for how long
LAST, RECENT = 20, timedelta(seconds=60)
#: so many calls in vain, to so many people, and this share of all, and it is down
VAIN, PEOPLE, SHARE = 3, 3, 0.5
#: half of so many calls took so many seconds, and it is slow
FEW, SLOW = 5, 2.0
#: seconds until a sender that is down is tried with one message; doubled each time it fails, up to the second
TRY_AGAIN, AT_MOST = 5.0, 30.0
#: a slow sender from which everything was taken away is believed well again after so long: nothing else would tell
SLOW_FOR = timedelta(seconds=60)


class Call(NamedTuple):
    """One call that came back, or ran out of time."""

    to: str
    vain: bool
    seconds: float
    at: datetime


@dataclass(slots=True)
class _Sender:
    calls: deque[Call] = field(default_factory=lambda: deque(maxlen=LAST))
    #: so many calls in a row were neither in vain nor slow
    good: int = 0
    health: Health = Health.WELL
    since: datetime | None = None
    #: down: when one message is let through, and whether one is under way
    try_at: datetime | None = None
    wait: float = TRY_AGAIN
    trying: bool = False
    #: has something to say that nobody was told yet
    changed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What everybody should know about a sender."""

    sender_id: int
    health: Health
    since: datetime
    try_at: datetime | None


def in_vain(reason: Reason | None) -> bool:
    """Whether a failure is the provider's passing trouble, so that others of this sender will meet it too."""
    return reason is not None and reason.fault is Fault.PROVIDER and reason.then in (Then.RETRY, Then.RESOLVE)


class Breakers:
    """The senders of one dispatcher."""

    def __init__(self) -> None:
        self._senders: dict[int, _Sender] = {}

    def told(self, sender_id: int, health: Health, since: datetime | None, try_at: datetime | None) -> None:
        """Take over what another worker, or an earlier life, has found out."""
        mine = self._senders.setdefault(sender_id, _Sender())
        if mine.changed or mine.trying:
            return
        if mine.health is not health:
            mine.health, mine.since = health, since
            mine.calls.clear()
        # by the same moment as all others: what waits for it is leased from then on
        mine.try_at = try_at

    def down(self) -> set[int]:
        """The senders of which `may_call` may say no, and `calls` takes note."""
        return {sender_id for sender_id, mine in self._senders.items() if mine.health is Health.DOWN}

    def may_call(self, sender_id: int, now: datetime) -> bool:
        """Whether a message may leave by this sender now."""
        mine = self._senders.get(sender_id)
        return mine is None or mine.health is not Health.DOWN or mine.try_at is None or now >= mine.try_at

    def calls(self, sender_id: int, now: datetime) -> None:
        """Note that a message leaves. While its sender is down it is the one probe; should no outcome come, another may follow."""
        mine = self._senders.get(sender_id)
        if mine is not None and mine.health is Health.DOWN:
            mine.trying, mine.try_at, mine.changed = True, now + timedelta(seconds=AT_MOST), True

    def heard(self, sender_id: int, call: Call, wanted: float | None = None) -> None:
        """Learn from a call; `wanted`: seconds for which the provider asked us to stay away."""
        mine = self._senders.get(sender_id) or self._senders.setdefault(sender_id, _Sender())
        if mine.health is Health.DOWN:
            _tried(mine, call, wanted)
            return
        mine.calls.append(call)
        mine.good = 0 if call.vain or call.seconds >= SLOW else mine.good + 1
        # most evenings every call is good: then there is nothing to judge
        health = Health.WELL if mine.good >= LAST else _judged(mine.calls, call.at)
        if health is not mine.health:
            _become(mine, health, call.at)
            mine.wait = TRY_AGAIN
            mine.try_at = call.at + timedelta(seconds=_wait(mine, wanted)) if health is Health.DOWN else None

    def changes(self, now: datetime) -> Iterator[Change]:
        """Yield what has changed since it was last asked."""
        for sender_id, mine in self._senders.items():
            if mine.health is Health.SLOW and mine.since is not None and now - mine.since >= SLOW_FOR:
                mine.calls.clear()
                _become(mine, Health.WELL, now)
            if mine.changed:
                mine.changed = False
                yield Change(sender_id=sender_id, health=mine.health, since=mine.since or now, try_at=mine.try_at)

    def unsaid(self, changes: Iterable[Change]) -> None:
        """Say these again next time: they could not be written down."""
        for change in changes:
            self._senders[change.sender_id].changed = True


def _tried(mine: _Sender, call: Call, wanted: float | None) -> None:
    """The outcome of a call while its sender is down: only the probe counts, not calls that were under way when it went down."""
    if not mine.trying:
        return
    mine.trying = False
    if call.vain:
        mine.wait = min(2 * mine.wait, AT_MOST)
        mine.try_at = call.at + timedelta(seconds=_wait(mine, wanted))
        mine.changed = True
        return
    mine.calls.clear()
    mine.try_at = None
    _become(mine, Health.WELL, call.at)


def _wait(mine: _Sender, wanted: float | None) -> float:
    return max(mine.wait, min(wanted or 0.0, AT_MOST))


def _become(mine: _Sender, health: Health, now: datetime) -> None:
    mine.health, mine.since, mine.changed = health, now, True


def _judged(calls: deque[Call], now: datetime) -> Health:
    recent = [call for call in calls if now - call.at <= RECENT]
    vain = [call for call in recent if call.vain]
    if len(vain) >= VAIN and len({call.to for call in vain}) >= PEOPLE and len(vain) >= SHARE * len(recent):
        return Health.DOWN
    if len(recent) >= FEW and median(call.seconds for call in recent) >= SLOW:
        return Health.SLOW
    return Health.WELL
