"""Moments as providers write them."""

import re
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

#: seconds since 1970 beyond this are milliseconds (it is the year 5138)
_MILLISECONDS_FROM = 1e11
#: outside these a date tells nothing (.NET writes the year 1 for none, others 9999 for never), and two clocks cannot be compared
YEARS = range(2000, 3000)


def moment(text: str) -> datetime | None:
    """Return a moment in UTC: ISO 8601, RFC 2822, or (milli)seconds since 1970; without a zone it is UTC.

    None: it is none of these, or lies outside YEARS.
    """
    found = _read(text.strip())
    return found if found is not None and found.year in YEARS else None


def _read(text: str) -> datetime | None:
    for read in (_counted, datetime.fromisoformat, parsedate_to_datetime):
        try:
            found = read(text)
            return found.replace(tzinfo=found.tzinfo or UTC).astimezone(UTC)
        except (ValueError, TypeError, OverflowError, OSError):
            continue
    return None


def on_our_clock(date: str, skew: timedelta, now: datetime) -> datetime:
    """Return when a list says that something was, by our clock; what has no readable date counts as new, so that it is not overlooked.

    `skew`: the provider's clock less ours.
    """
    when = moment(date)
    return when - skew if when else now


def _counted(text: str) -> datetime:
    if not re.fullmatch(r"(?:[0-9]{9,10}|[0-9]{13})(?:\.[0-9]{1,9})?", text):
        raise ValueError("no count of seconds")
    seconds = float(text)
    return datetime.fromtimestamp(seconds / 1000 if seconds >= _MILLISECONDS_FROM else seconds, UTC)
