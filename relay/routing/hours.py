"""When may somebody be disturbed? Quiet hours and duty hours, in the municipality's local time, also on the two nights of the year
when the clocks are turned. Public holidays are working days here: a municipality's duty list knows better.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from messages.zones import zone_of
from relay.model import Hours, WaitFor

#: duty starts and quiet ends that are tried before they count as leaving no time at all: more than a week of them
TURNS = 16
SATURDAY = 5


@dataclass(frozen=True, slots=True)
class Moment:
    """A time to send (UTC), what it waits for, and which hours it disregards."""

    at: datetime
    wait: WaitFor | None = None
    pierced: WaitFor | None = None


def first_moment(wanted: datetime, *, quiet: Hours | None, working: Hours | None, timezone: str) -> Moment:
    """Find the first time, from `wanted` on, outside quiet hours and inside duty hours. Where the two leave none, duty decides."""
    zone = zone_of(timezone)
    moment = Moment(wanted.astimezone(UTC))
    for _ in range(TURNS):
        if working and (start := on_duty(moment.at, working, zone)) > moment.at:
            moment = Moment(start, WaitFor.WORKING_HOURS)
        elif quiet and (end := after_quiet(moment.at, quiet, zone)) > moment.at:
            moment = Moment(end, WaitFor.QUIET_HOURS)
        else:
            return moment
    return first_moment(wanted, quiet=None, working=working, timezone=timezone) if working else moment


def after_quiet(at: datetime, quiet: Hours, zone: ZoneInfo) -> datetime:
    """When quiet ends, or `at` itself outside it. Hours that end where they start are none."""
    local = at.astimezone(zone)
    wall = local.time()
    if not is_quiet(wall, quiet):
        return at
    tomorrow = quiet.end <= quiet.start and wall >= quiet.start
    return _moment(local.date() + timedelta(days=tomorrow), quiet.end, zone)


def is_quiet(wall: time, quiet: Hours) -> bool:
    """Say whether a time on the wall lies in the stretch, which may cross midnight; its end is outside."""
    if quiet.start < quiet.end:
        return quiet.start <= wall < quiet.end
    return quiet.start != quiet.end and (wall >= quiet.start or wall < quiet.end)


def on_duty(at: datetime, working: Hours, zone: ZoneInfo) -> datetime:
    """When duty starts, or `at` itself during it. Monday to Friday by the day it starts; hours that end where they start last a day."""
    today = at.astimezone(zone).date()
    days = (today + timedelta(days=n) for n in range(-1, 8))
    shifts = (_shift(day, working, zone) for day in days if day.weekday() < SATURDAY)
    return next(max(start, at) for start, end in shifts if end > at)


def _shift(day: date, working: Hours, zone: ZoneInfo) -> tuple[datetime, datetime]:
    overnight = timedelta(days=working.end <= working.start)
    return _moment(day, working.start, zone), _moment(day + overnight, working.end, zone)


def _moment(day: date, wall: time, zone: ZoneInfo) -> datetime:
    """Turn a time on the wall to UTC: of an hour that comes twice the second, of one that is skipped the time after the skip."""
    return max(datetime.combine(day, wall.replace(fold=fold), zone).astimezone(UTC) for fold in (0, 1))
