"""What no alert may say, whoever wrote it: a real one that it is an exercise, and times that cannot be meant."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta

from messages.alert import Alert, Kind, Variant
from messages.library import unfit
from relay.model import BadInput

# in these words the pages' catalogues find them
ONLY_PLAYED = "This text is made for testing the alerts, and cannot go out as a real alert. Choose “Exercise”, or another text."

#: no warning of ours begins, ends or promises anything so far from now: it is a slip of the pen, which texts without a year would hide
FARTHEST = timedelta(days=366)
#: the moments of an alert
MOMENTS = ("onset_at", "expires_at", "next_news_at", "act_by_at")
#: a line of courtesy each, which is left out once its moment has passed
COURTESIES = ("next_news_at", "act_by_at")
FAR = "This is more than a year from now. Look at the year."
PASSED = "This time has passed already. Choose a later one, or none."
OVER = "This is over already. Choose a later time, or none."
BACKWARDS = "It ends before it begins. Look at both times."


def far(alert: Alert, now: datetime) -> tuple[str, ...]:
    """Return which moments are so far from now that they cannot be meant."""
    return tuple(name for name in MOMENTS if (moment := getattr(alert, name)) is not None and abs(moment - now) > FARTHEST)


def amiss(alert: Alert, now: datetime) -> Mapping[str, BadInput]:
    """Return why moments of an alert that is being written are refused, by the moment's name."""
    found = dict.fromkeys(passed(alert, now), BadInput(PASSED))
    if alert.expires_at is not None and alert.expires_at <= now:
        found["expires_at"] = BadInput(OVER)
    if alert.expires_at is not None and alert.onset_at is not None and alert.expires_at <= alert.onset_at:
        found["expires_at"] = BadInput(BACKWARDS)
    return found | dict.fromkeys(far(alert, now), BadInput(FAR))


def timely(alert: Alert, now: datetime, names: Iterable[str] = COURTESIES) -> Alert:
    """Return the alert without the lines of courtesy whose moment passed while it waited: it waits no longer, and says nothing untrue."""
    return without(alert, passed(alert, now, names))


def without(alert: Alert, names: Iterable[str]) -> Alert:
    """Return the alert without some of its moments."""
    return replace(alert, **dict.fromkeys(names))  # type: ignore[arg-type]


def passed(alert: Alert, now: datetime, names: Iterable[str] = COURTESIES) -> tuple[str, ...]:
    """Return which of these moments are no longer ahead."""
    return tuple(name for name in names if (moment := getattr(alert, name)) is not None and moment <= now)


def only_played(texts: Iterable[Variant], kind: Kind) -> tuple[str, ...]:
    """Return the languages whose text is of a template that is not for alerts of this kind."""
    return tuple(text.language for text in texts if unfit(text, kind))


def fits(texts: Iterable[Variant], kind: Kind) -> None:
    """Raise BadInput when one of the texts may not be used for an alert of this kind."""
    if only_played(texts, kind):
        raise BadInput(ONLY_PLAYED)
