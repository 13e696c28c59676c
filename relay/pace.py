"""How fast each sender may go, in units a second (SMS segments, else messages): a bucket of one's own, or a purse of shared slices."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, TypeAlias

from sqlalchemy.ext.asyncio import AsyncConnection

from relay.store import pace

#: parts of a unit that are lost in sums of floats
ROUNDING = 1e-9
#: what a worker has of the shared pace and does not use goes stale: else every worker could add its own to a burst
STALE = timedelta(seconds=1)

#: what a pacer held at a moment, by sender: to go back to
Kept: TypeAlias = Mapping[int, tuple[Any, ...]]


@dataclass(slots=True)
class _Bucket:
    per_second: float
    burst: float
    level: float
    at: datetime


class Pacer:
    """The buckets of a dispatcher that is alone."""

    def __init__(self) -> None:
        self._buckets: dict[int, _Bucket] = {}

    def set(self, sender_id: int, per_second: float, burst: float, now: datetime) -> None:
        """Tell what a sender bears; a changed pace holds from now on."""
        bucket = self._buckets.setdefault(sender_id, _Bucket(per_second, burst, burst, now))
        bucket.per_second, bucket.burst = per_second, max(burst, 1.0)
        bucket.level = min(bucket.level, bucket.burst)

    def kept(self) -> Kept:
        """What is in the buckets, to go back to."""
        return {sender_id: (bucket.level, bucket.at) for sender_id, bucket in self._buckets.items()}

    def back_to(self, kept: Kept) -> None:
        """Put back what was taken since: it was not used."""
        for sender_id, (level, at) in kept.items():
            self._buckets[sender_id].level, self._buckets[sender_id].at = level, at

    async def reserve(self, _conn: AsyncConnection, _next: Mapping[int, int], _now: datetime) -> None:
        """Nobody else takes of these buckets."""

    def take(self, sender_id: int, units: int, now: datetime) -> bool:
        """Take `units` if the bucket holds them. More than a whole burst leaves from a full bucket, and is paid off afterwards."""
        bucket = self._buckets[sender_id]
        self._fill(bucket, now)
        if bucket.level < min(units, bucket.burst) - ROUNDING:
            return False
        bucket.level -= units
        return True

    def ready_at(self, sender_id: int, units: int, now: datetime) -> datetime:
        """When `take` will say yes."""
        bucket = self._buckets[sender_id]
        self._fill(bucket, now)
        lacking = min(units, bucket.burst) - bucket.level
        return now + timedelta(seconds=max(0.0, lacking / bucket.per_second))

    def soon(self, sender_id: int, seconds: float) -> float:
        """How many units a sender can send in the next `seconds`, at least one burst."""
        bucket = self._buckets[sender_id]
        return max(bucket.burst, bucket.per_second * seconds)

    @staticmethod
    def _fill(bucket: _Bucket, now: datetime) -> None:
        # asked for each message of a turn, at one and the same moment
        if now > bucket.at:
            seconds = (now - bucket.at).total_seconds()
            bucket.level = min(bucket.burst, bucket.level + seconds * bucket.per_second)
            bucket.at = now


@dataclass(slots=True)
class _Purse:
    per_second: float
    burst: float
    units: float
    at: datetime
    free_at: datetime


class SharedPacer:
    """The token buckets of one of several dispatchers, filled from rows that all workers share (relay.store.pace)."""

    def __init__(self) -> None:
        self._purses: dict[int, _Purse] = {}

    def set(self, sender_id: int, per_second: float, burst: float, now: datetime) -> None:
        """Tell what a sender bears; a changed pace holds from the next slice on."""
        purse = self._purses.setdefault(sender_id, _Purse(per_second, burst, 0.0, now, now))
        purse.per_second, purse.burst = per_second, max(burst, 1.0)

    def kept(self) -> Kept:
        """What is in the purses, to go back to."""
        return {sender_id: (purse.units, purse.at, purse.free_at) for sender_id, purse in self._purses.items()}

    def back_to(self, kept: Kept) -> None:
        """Undo what was taken from the purses since, and what came into them: the shared rows were not changed."""
        for sender_id, (units, at, free_at) in kept.items():
            purse = self._purses[sender_id]
            purse.units, purse.at, purse.free_at = units, at, free_at

    async def reserve(self, conn: AsyncConnection, following: Mapping[int, int], now: datetime) -> None:
        """Take a slice for each sender whose next message (sender id -> units) the purse does not cover."""
        for purse in self._purses.values():
            purse.units = purse.units if now - purse.at < STALE else 0.0
        lacking = {sender: units for sender, units in following.items() if self._purses[sender].units < units - ROUNDING}
        for sender, slice_ in (await pace.take(conn, {sender: self._wish(sender, units) for sender, units in lacking.items()})).items():
            purse = self._purses[sender]
            purse.free_at = now + timedelta(seconds=slice_.wait)
            if slice_.units:
                purse.units, purse.at = purse.units + slice_.units, now

    def _wish(self, sender_id: int, units: int) -> pace.Wish:
        purse = self._purses[sender_id]
        return pace.Wish(per_second=purse.per_second, burst=purse.burst, least=units - purse.units)

    def take(self, sender_id: int, units: int, _now: datetime) -> bool:
        """Take `units` if the purse holds them."""
        purse = self._purses[sender_id]
        if purse.units < units - ROUNDING:
            return False
        purse.units -= units
        return True

    def ready_at(self, sender_id: int, units: int, now: datetime) -> datetime:
        """When it is worth while to ask again."""
        purse = self._purses[sender_id]
        return now if purse.units >= units - ROUNDING else max(now, purse.free_at)

    def soon(self, sender_id: int, seconds: float) -> float:
        """How many units all workers together can send in the next `seconds`, at least one burst."""
        purse = self._purses[sender_id]
        return max(purse.burst, purse.per_second * seconds)


def seconds_to_send(units: int, per_second: float, burst: float) -> float:
    """How long a sender needs for so many units from a full bucket."""
    return max(0.0, (units - burst) / per_second) if per_second > 0 else float("inf")
