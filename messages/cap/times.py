"""CAP's times: `YYYY-MM-DDThh:mm:ss±hh:mm`, and what real senders write instead."""

import re
from datetime import UTC, datetime, timedelta, timezone, tzinfo

#: outside these years a time is a mistake or means "never", and zones cannot be reckoned at the calendar's ends
YEARS = range(1900, 3000)

_TIME = re.compile(
    r"(?P<date>[0-9]{4}-[0-9]{2}-[0-9]{2})T(?P<hour>[0-9]{2}):(?P<minute>[0-9]{2}):(?P<second>[0-9]{2})"
    r"(?P<fraction>\.[0-9]+)?(?P<zone>Z|[+-][0-9]{2}:[0-9]{2})?"
)


class NotATime(ValueError):
    """A text is no CAP time."""


def parse(text: str, zone: tzinfo = UTC) -> tuple[datetime, bool, bool]:
    """(aware time in whole seconds, has an offset of its own, is in the form CAP wants). Raises NotATime.

    `zone` stands in for a missing offset. A second's fraction is dropped; 24:00:00 is the next day's 00:00:00.
    """
    found = _TIME.fullmatch(text.strip())
    if found is None or int(found["date"][:4]) not in YEARS:
        raise NotATime(text[:60])
    try:
        return _moment(found, zone), found["zone"] is not None, found["zone"] != "Z" and found["fraction"] is None
    except (ValueError, OverflowError):
        raise NotATime(text[:60]) from None


def _moment(found: re.Match[str], zone: tzinfo) -> datetime:
    midnight = found["hour"] == "24" and found["minute"] == found["second"] == "00"
    clock = "00:00:00" if midnight else f"{found['hour']}:{found['minute']}:{found['second']}"
    day = datetime.fromisoformat(f"{found['date']}T{clock}") + timedelta(days=int(midnight))
    return day.replace(tzinfo=_zone(found["zone"]) if found["zone"] else zone)


def _zone(text: str) -> timezone:
    if text == "Z":
        return UTC
    sign = -1 if text[0] == "-" else 1
    return timezone(sign * timedelta(hours=int(text[1:3]), minutes=int(text[4:6])))


def odd_offset(moment: datetime) -> bool:
    """Whether no country has a time with that offset: outside -12 to +14 hours, or no quarter of an hour."""
    minutes = (moment.utcoffset() or timedelta()).total_seconds() / 60
    return not -12 * 60 <= minutes <= 14 * 60 or minutes % 15 != 0


def maybe(text: str | None) -> datetime | None:
    """A time that some parameter may hold; None if it holds none, or one without an offset."""
    try:
        moment, own_offset, _ = parse(text or "")
    except NotATime:
        return None
    return moment if own_offset else None


def write(moment: datetime) -> str:
    """An aware time in CAP's form, in whole seconds; UTC as -00:00, as CAP asks."""
    offset = moment.utcoffset()
    if offset is None:
        raise NotATime(f"{moment} has no offset")
    if offset.total_seconds() % 60:
        moment = moment.astimezone(UTC)
    text = moment.replace(microsecond=0).isoformat()
    return text.removesuffix("+00:00") + "-00:00" if text.endswith("+00:00") else text
