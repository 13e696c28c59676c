"""The token bucket of a sender: never faster than its pace, never slower than it may."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, strategies as st

from relay.pace import Pacer, seconds_to_send

NOW = datetime(2026, 11, 23, 17, 0, tzinfo=UTC)
SENDER, OTHER = 1, 2


def pacer(per_second: float = 1.0, burst: float = 3.0) -> Pacer:
    made = Pacer()
    made.set(SENDER, per_second, burst, NOW)
    return made


def at(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


def test_a_rested_sender_has_a_burst() -> None:
    bucket = pacer()
    assert [bucket.take(SENDER, 1, NOW) for _ in range(4)] == [True, True, True, False]


def test_it_fills_at_its_pace_and_not_beyond_the_burst() -> None:
    bucket = pacer()
    assert bucket.take(SENDER, 3, NOW)
    assert not bucket.take(SENDER, 1, at(0.9))
    assert bucket.take(SENDER, 1, at(1))
    assert [bucket.take(SENDER, 1, at(1000)) for _ in range(4)] == [True, True, True, False]


def test_a_message_of_more_parts_than_the_burst_leaves_and_is_paid_off() -> None:
    bucket = pacer(1.0, 2.0)
    assert bucket.take(SENDER, 5, NOW)
    assert not bucket.take(SENDER, 1, at(3))
    assert bucket.ready_at(SENDER, 1, at(3)) == at(4)
    assert bucket.take(SENDER, 1, at(4))


def test_senders_do_not_wait_for_each_other() -> None:
    bucket = pacer(0.01, 1.0)
    bucket.set(OTHER, 10.0, 10.0, NOW)
    assert bucket.take(SENDER, 1, NOW)
    assert not bucket.take(SENDER, 1, NOW)
    assert all(bucket.take(OTHER, 1, NOW) for _ in range(10))


def test_a_changed_pace_holds_from_now_on() -> None:
    bucket = pacer(1.0, 1.0)
    assert bucket.take(SENDER, 1, NOW)
    bucket.set(SENDER, 10.0, 1.0, NOW)
    assert bucket.take(SENDER, 1, at(0.1))


def test_a_clock_that_goes_back_gives_nothing_away() -> None:
    bucket = pacer(1.0, 1.0)
    assert bucket.take(SENDER, 1, at(10))
    assert not bucket.take(SENDER, 1, at(5))
    assert not bucket.take(SENDER, 1, at(10.5))
    assert bucket.take(SENDER, 1, at(11))


@given(
    per_second=st.floats(0.1, 100),
    burst=st.floats(1, 50),
    steps=st.lists(st.tuples(st.floats(0, 5), st.integers(1, 12)), min_size=1, max_size=60),
)
def test_it_is_never_faster_than_its_pace(per_second: float, burst: float, steps: list[tuple[float, int]]) -> None:
    """Over any stretch: at most the burst, what filled in meanwhile, and what one last long message borrows."""
    bucket, now, taken, last = pacer(per_second, burst), 0.0, 0, 0
    for wait, units in steps:
        now += wait
        if bucket.take(SENDER, units, at(now)):
            taken, last = taken + units, max(last, units)
    assert taken <= burst + per_second * now + max(0.0, last - burst) + 1e-3


@given(per_second=st.floats(0.1, 100), burst=st.floats(1, 50), first=st.integers(1, 100), units=st.integers(1, 100))
def test_when_it_says_ready_it_is(per_second: float, burst: float, first: int, units: int) -> None:
    bucket = pacer(per_second, burst)
    assert bucket.take(SENDER, first, NOW)
    ready = bucket.ready_at(SENDER, units, NOW)
    assert bucket.take(SENDER, units, ready + timedelta(microseconds=2))


@pytest.mark.parametrize(
    ("units", "per_second", "burst", "seconds"), [(10, 1, 1, 9), (10, 2, 4, 3), (3, 1, 5, 0), (0, 1, 1, 0), (1, 0, 0, float("inf"))]
)
def test_how_long_a_broadcast_takes(units: int, per_second: float, burst: float, seconds: float) -> None:
    assert seconds_to_send(units, per_second, burst) == seconds


@given(
    per_second=st.floats(0.1, 100),
    burst=st.floats(1, 50),
    steps=st.lists(st.tuples(st.floats(-1, 5), st.integers(1, 12)), min_size=1, max_size=60),
)
def test_asking_twice_at_one_moment_gives_nothing_away(per_second: float, burst: float, steps: list[tuple[float, int]]) -> None:
    """A turn asks for each of its messages at the same `now`."""
    once, often, now = pacer(per_second, burst), pacer(per_second, burst), 0.0
    for wait, units in steps:
        now += wait
        for _ in range(3):
            often.ready_at(SENDER, units, at(now))
        assert once.take(SENDER, units, at(now)) == often.take(SENDER, units, at(now))


def test_a_smaller_burst_holds_at_once() -> None:
    bucket = pacer(1.0, 10.0)
    bucket.set(SENDER, 1.0, 2.0, NOW)
    assert [bucket.take(SENDER, 1, NOW) for _ in range(3)] == [True, True, False]
