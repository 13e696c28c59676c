"""How fast each sender may go: a token bucket in units a second (SMS segments, else messages). Pure but for its own sums."""

from dataclasses import dataclass
from datetime import datetime, timedelta

#: parts of a unit that are lost in sums of floats
ROUNDING = 1e-9


@dataclass(slots=True)
class _Bucket:
    per_second: float
    burst: float
    level: float
    at: datetime


class Pacer:
    """The buckets of one dispatcher."""

    def __init__(self) -> None:
        self._buckets: dict[int, _Bucket] = {}

    def set(self, sender_id: int, per_second: float, burst: float, now: datetime) -> None:
        """Tell what a sender bears; a changed pace holds from now on."""
        bucket = self._buckets.setdefault(sender_id, _Bucket(per_second, burst, burst, now))
        bucket.per_second, bucket.burst = per_second, max(burst, 1.0)

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
        seconds = max(0.0, (now - bucket.at).total_seconds())
        bucket.level = min(bucket.burst, bucket.level + seconds * bucket.per_second)
        bucket.at = max(bucket.at, now)


def seconds_to_send(units: int, per_second: float, burst: float) -> float:
    """How long a sender needs for so many units from a full bucket."""
    return max(0.0, (units - burst) / per_second) if per_second > 0 else float("inf")
