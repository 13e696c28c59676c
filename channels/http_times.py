"""Moments as providers write them."""

import re
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

#: seconds since 1970 beyond this are milliseconds (it is the year 5138)
_MILLISECONDS_FROM = 1e11


def moment(text: str) -> datetime | None:
    """Return a moment in UTC: ISO 8601, RFC 2822, or (milli)seconds since 1970; without a zone it is UTC. None: it is none of these."""
    for read in (_counted, datetime.fromisoformat, parsedate_to_datetime):
        try:
            found = read(text.strip())
            return found.replace(tzinfo=found.tzinfo or UTC).astimezone(UTC)
        except (ValueError, TypeError, OverflowError, OSError):
            continue
    return None


def _counted(text: str) -> datetime:
    if not re.fullmatch(r"(?:[0-9]{9,10}|[0-9]{13})(?:\.[0-9]{1,9})?", text):
        raise ValueError("no count of seconds")
    seconds = float(text)
    return datetime.fromtimestamp(seconds / 1000 if seconds >= _MILLISECONDS_FROM else seconds, UTC)
