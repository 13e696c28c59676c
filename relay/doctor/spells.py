"""How long something takes or has been, in one unit."""

from collections.abc import Callable
from datetime import timedelta

from channels.told import Told

#: what is shorter than this is told in seconds, minutes, hours
UNITS: tuple[tuple[timedelta, timedelta, Callable[[str], Told]], ...] = (
    (timedelta(minutes=2), timedelta(seconds=1), lambda n: Told("%(n)s s", n=n)),
    (timedelta(hours=2), timedelta(minutes=1), lambda n: Told("%(n)s min", n=n)),
    (timedelta(days=2), timedelta(hours=1), lambda n: Told("%(n)s h", n=n)),
    (timedelta.max, timedelta(days=1), lambda n: Told("%(n)s days", n=n)),
)


def spell(length: timedelta) -> Told:
    """Return a length of time in words; what has not begun is 0 s."""
    length = max(length, timedelta())
    unit, word = next((unit, word) for below, unit, word in UNITS if length < below)
    return word(f"{length / unit:.0f}")
