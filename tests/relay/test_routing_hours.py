"""When somebody may be disturbed, also when the clocks are turned."""

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, strategies as st

from relay.model import Hours, WaitFor
from relay.routing import first_moment
from relay.routing.hours import is_quiet, on_duty

OSLO = ZoneInfo("Europe/Oslo")
NIGHT = Hours(time(21), time(7))
OFFICE = Hours(time(8), time(16))
NIGHT_SHIFT = Hours(time(22), time(6))
QUIET, WORK = WaitFor.QUIET_HOURS, WaitFor.WORKING_HOURS


def oslo(text: str, fold: int = 0) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=OSLO, fold=fold)


# 23 November 2026 is a Monday; clocks go back in the night to Sunday 25 October 2026, forward in the night to Sunday 28 March 2027
@pytest.mark.parametrize(
    ("wanted", "quiet", "working", "at", "wait"),
    [
        (oslo("2026-11-23 18:00"), NIGHT, None, oslo("2026-11-23 18:00"), None),
        (oslo("2026-11-23 20:59:59"), NIGHT, None, oslo("2026-11-23 20:59:59"), None),
        (oslo("2026-11-23 21:00"), NIGHT, None, oslo("2026-11-24 07:00"), QUIET),
        (oslo("2026-11-24 06:59:59"), NIGHT, None, oslo("2026-11-24 07:00"), QUIET),
        (oslo("2026-11-24 07:00"), NIGHT, None, oslo("2026-11-24 07:00"), None),
        (oslo("2026-11-23 13:30"), Hours(time(13), time(14)), None, oslo("2026-11-23 14:00"), QUIET),
        (oslo("2026-11-23 13:30"), Hours(time(13), time(13)), None, oslo("2026-11-23 13:30"), None),
        (oslo("2026-11-23 13:30"), None, None, oslo("2026-11-23 13:30"), None),
        # duty
        (oslo("2026-11-23 12:00"), NIGHT, OFFICE, oslo("2026-11-23 12:00"), None),
        (oslo("2026-11-23 18:00"), NIGHT, OFFICE, oslo("2026-11-24 08:00"), WORK),
        (oslo("2026-11-27 16:00"), NIGHT, OFFICE, oslo("2026-11-30 08:00"), WORK),
        (oslo("2026-11-24 06:30"), NIGHT, Hours(time(6), time(14)), oslo("2026-11-24 07:00"), QUIET),
        (oslo("2026-11-28 03:00"), None, NIGHT_SHIFT, oslo("2026-11-28 03:00"), None),
        (oslo("2026-11-28 07:00"), None, NIGHT_SHIFT, oslo("2026-11-30 22:00"), WORK),
        # quiet hours that cover the whole of duty cannot silence somebody for ever
        (oslo("2026-11-24 12:00"), NIGHT, NIGHT_SHIFT, oslo("2026-11-24 22:00"), WORK),
        # the clocks
        (oslo("2026-10-24 21:30"), NIGHT, None, oslo("2026-10-25 07:00"), QUIET),
        (oslo("2026-10-25 02:30", fold=1), NIGHT, None, oslo("2026-10-25 07:00"), QUIET),
        (oslo("2027-03-27 23:00"), NIGHT, None, oslo("2027-03-28 07:00"), QUIET),
        (oslo("2027-03-27 23:00"), Hours(time(21), time(2, 30)), None, oslo("2027-03-28 03:30"), QUIET),
        (oslo("2026-10-24 23:00"), Hours(time(21), time(2, 30)), None, oslo("2026-10-25 02:30", fold=1), QUIET),
        (oslo("2026-10-25 02:15", fold=1), Hours(time(21), time(2, 30)), None, oslo("2026-10-25 02:30", fold=1), QUIET),
    ],
)
def test_a_message_waits_for_the_hours(
    wanted: datetime, quiet: Hours | None, working: Hours | None, at: datetime, wait: WaitFor | None
) -> None:
    moment = first_moment(wanted, quiet=quiet, working=working, timezone="Europe/Oslo")
    assert moment.at == at.astimezone(UTC), moment.at.astimezone(OSLO)
    assert moment.wait is wait
    assert moment.at.tzinfo is UTC


def test_the_night_of_25_october_is_eleven_hours_and_that_of_28_march_nine() -> None:
    for evening, hours in [("2026-10-24 21:00", 11), ("2027-03-27 21:00", 9), ("2026-11-23 21:00", 10)]:
        wanted = oslo(evening)
        assert first_moment(wanted, quiet=NIGHT, working=None, timezone="Europe/Oslo").at - wanted.astimezone(UTC) == timedelta(hours=hours)


around_the_clocks = st.sampled_from([datetime(2026, 10, 24, 12, tzinfo=UTC), datetime(2027, 3, 27, 12, tzinfo=UTC)])
moments = st.builds(lambda start, minutes: start + timedelta(minutes=minutes), around_the_clocks, st.integers(0, 14 * 24 * 60))
walls = st.builds(time, st.integers(0, 23), st.sampled_from([0, 15, 30, 59]))
hours = st.builds(Hours, walls, walls)


@given(moments, hours)
def test_nothing_is_sent_in_quiet_hours_and_nothing_waits_for_ever(wanted: datetime, quiet: Hours) -> None:
    moment = first_moment(wanted, quiet=quiet, working=None, timezone="Europe/Oslo")
    # two days: where the only free minutes of a day lie in the hour that the clocks skip
    assert timedelta() <= moment.at - wanted <= timedelta(hours=49)
    assert not is_quiet(moment.at.astimezone(OSLO).time(), quiet)
    assert (moment.wait is None) == (moment.at == wanted)


@given(moments, hours, st.none() | hours)
def test_an_employee_is_sent_to_on_duty_alone_within_a_weekend(wanted: datetime, working: Hours, quiet: Hours | None) -> None:
    moment = first_moment(wanted, quiet=quiet, working=working, timezone="Europe/Oslo")
    assert on_duty(moment.at, working, OSLO) == moment.at
    assert moment.at >= wanted
    assert (moment.wait is None) == (moment.at == wanted)
    if quiet is None:
        assert moment.at - wanted <= timedelta(days=3, hours=1)
