"""How a sender fares, judged by its last calls: a table, and what holds for any evening."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, strategies as st

from channels.base import Reason
from relay.breaker import AT_MOST, SLOW_FOR, TRY_AGAIN, Breakers, Call, in_vain
from relay.model import Health

START = datetime(2026, 11, 23, 17, 0, tzinfo=UTC)
ONE = 1


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def state(calls: list[tuple[str, bool, float]]) -> Health:
    breakers, found = Breakers(), Health.WELL
    for n, (to, vain, seconds) in enumerate(calls):
        breakers.heard(ONE, Call(to, vain, seconds, at(n)))
        found = next((change.health for change in breakers.changes(at(n))), found)
    return found


GOOD, BAD, LATE = False, True, 3.0
CASES = [
    ("nothing known", [], Health.WELL),
    ("all well", [(f"{n}", GOOD, 0.1) for n in range(20)], Health.WELL),
    ("two in vain are an accident", [("1", BAD, 0.1), ("2", BAD, 0.1)], Health.WELL),
    ("three in vain, to three people", [("1", BAD, 0.1), ("2", BAD, 0.1), ("3", BAD, 0.1)], Health.DOWN),
    ("one number that breaks every call", [("1", BAD, 0.1)] * 12, Health.WELL),
    ("a third in vain", [(f"{n}", n % 3 == 0, 0.1) for n in range(18)], Health.WELL),
    ("every other in vain", [(f"{n}", n % 2 == 0, 0.1) for n in range(18)], Health.DOWN),
    ("slow", [(f"{n}", GOOD, LATE) for n in range(6)], Health.SLOW),
    ("four slow ones are few", [(f"{n}", GOOD, LATE) for n in range(4)], Health.WELL),
    ("slow, then quick again", [*[(f"{n}", GOOD, LATE) for n in range(5)], *[(f"{n}", GOOD, 0.1) for n in range(6)]], Health.WELL),
]


@pytest.mark.parametrize(("calls", "expected"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_how_it_fares(calls: list[tuple[str, bool, float]], expected: Health) -> None:
    assert state(calls) is expected


@pytest.mark.parametrize(
    ("reason", "counts"),
    [
        (Reason.NOT_CONNECTED, True),
        (Reason.THROTTLED, True),
        (Reason.UNCERTAIN, True),
        (Reason.ADDRESS_INVALID, False),
        (Reason.OPTED_OUT, False),
        (Reason.BAD_CONTENT, False),
        (Reason.NOT_AUTHORISED, False),
        (None, False),
    ],
)
def test_what_counts_against_a_sender(reason: Reason | None, *, counts: bool) -> None:
    """Only what others would meet too: a dead number is nobody's outage."""
    assert in_vain(reason) is counts


def down(breakers: Breakers) -> None:
    for n in range(3):
        breakers.heard(ONE, Call(f"{n}", BAD, 0.1, START))
    assert [change.health for change in breakers.changes(START)] == [Health.DOWN]


def test_one_that_is_down_is_tried_with_one_message_now_and_then() -> None:
    breakers = Breakers()
    down(breakers)
    assert not breakers.may_call(ONE, at(TRY_AGAIN - 0.1))
    assert breakers.may_call(ONE, at(TRY_AGAIN))
    breakers.calls(ONE, at(TRY_AGAIN))
    assert not breakers.may_call(ONE, at(TRY_AGAIN)), "one, and not one for each that waits"
    assert [change.try_at for change in breakers.changes(at(TRY_AGAIN))] == [at(TRY_AGAIN + AT_MOST)], "nor one for each worker"
    breakers.heard(ONE, Call("9", BAD, 0.1, at(TRY_AGAIN)))
    assert not breakers.may_call(ONE, at(2 * TRY_AGAIN))
    assert breakers.may_call(ONE, at(3 * TRY_AGAIN)), "later each time"
    breakers.calls(ONE, at(3 * TRY_AGAIN))
    breakers.heard(ONE, Call("9", GOOD, 0.1, at(3 * TRY_AGAIN)))
    assert [change.health for change in breakers.changes(at(3 * TRY_AGAIN))] == [Health.WELL]
    assert breakers.may_call(ONE, at(3 * TRY_AGAIN))


def test_a_try_that_is_never_heard_of_is_not_the_last() -> None:
    """It was cancelled at the last look: no call was made, and another follows."""
    breakers = Breakers()
    down(breakers)
    breakers.calls(ONE, at(TRY_AGAIN))
    assert breakers.may_call(ONE, at(TRY_AGAIN + AT_MOST))


def test_what_was_in_the_air_when_it_went_down_decides_nothing() -> None:
    breakers = Breakers()
    down(breakers)
    breakers.heard(ONE, Call("8", GOOD, 4.0, at(1)))
    assert not breakers.may_call(ONE, at(2))


def test_a_provider_that_asks_for_a_pause_gets_it() -> None:
    """But no longer than the longest of ours."""
    for asked, waits in ((20.0, 20.0), (86_400.0, AT_MOST)):
        breakers = Breakers()
        for n in range(3):
            breakers.heard(ONE, Call(f"{n}", BAD, 0.1, START), asked)
        assert not breakers.may_call(ONE, at(waits - 0.1))
        assert breakers.may_call(ONE, at(waits))


def test_a_slow_one_that_nobody_uses_any_more_is_believed_well_again() -> None:
    breakers = Breakers()
    for n in range(5):
        breakers.heard(ONE, Call(f"{n}", GOOD, LATE, START))
    assert breakers.may_call(ONE, START), "slow is not down"
    assert [change.health for change in breakers.changes(START)] == [Health.SLOW]
    assert list(breakers.changes(START + SLOW_FOR / 2)) == []
    assert [change.health for change in breakers.changes(START + SLOW_FOR)] == [Health.WELL]


def test_a_sender_that_is_down_is_tried_at_the_moment_that_all_workers_know() -> None:
    """What waits for it is leased from then on: a worker that went by a moment of its own would take it and give it back."""
    breakers = Breakers()
    breakers.told(ONE, Health.DOWN, START, at(30))
    breakers.told(ONE, Health.DOWN, START, at(5))
    assert not breakers.may_call(ONE, at(4))
    assert breakers.may_call(ONE, at(5))


def test_another_workers_word_is_taken_over_and_ones_own_news_first() -> None:
    breakers = Breakers()
    breakers.told(ONE, Health.DOWN, START, at(5))
    assert not breakers.may_call(ONE, at(4))
    breakers.told(ONE, Health.WELL, at(4), None)
    assert breakers.may_call(ONE, at(4))
    for n in range(3):
        breakers.heard(ONE, Call(f"{n}", BAD, 0.1, at(5)))
    breakers.told(ONE, Health.WELL, at(4), None)
    assert not breakers.may_call(ONE, at(6)), "what nobody has been told yet is not forgotten"


def test_what_could_not_be_written_down_is_said_again() -> None:
    breakers = Breakers()
    for n in range(3):
        breakers.heard(ONE, Call(f"{n}", BAD, 0.1, START))
    changes = list(breakers.changes(START))
    assert list(breakers.changes(START)) == []
    breakers.unsaid(changes)
    assert list(breakers.changes(START)) == changes


@given(st.lists(st.tuples(st.sampled_from("12345"), st.booleans(), st.floats(0, 10), st.floats(0, 90)), max_size=60))
def test_it_always_comes_back(evening: list[tuple[str, bool, float, float]]) -> None:
    """Whatever happened, after half a minute at most one message is let through, and its success opens the sender."""
    breakers, now = Breakers(), START
    for to, vain, seconds, pause in evening:
        if breakers.may_call(ONE, now):
            breakers.calls(ONE, now)
            breakers.heard(ONE, Call(to, vain, seconds, now))
        now += timedelta(seconds=pause)
    now += timedelta(seconds=AT_MOST)
    assert breakers.may_call(ONE, now)
    breakers.calls(ONE, now)
    breakers.heard(ONE, Call("1", GOOD, 0.1, now))
    assert breakers.may_call(ONE, now)


@given(st.lists(st.tuples(st.sampled_from("12345"), st.booleans(), st.floats(0, 10), st.floats(0, 90)), max_size=60))
def test_of_whoever_is_not_down_nobody_need_ask(evening: list[tuple[str, bool, float, float]]) -> None:
    """A turn asks once who is down: any other may call, and that it does changes nothing."""
    breakers, now = Breakers(), START
    for to, vain, seconds, pause in evening:
        if ONE not in breakers.down():
            assert breakers.may_call(ONE, now)
            breakers.calls(ONE, now)
            assert ONE not in breakers.down()
        breakers.calls(ONE, now)
        breakers.heard(ONE, Call(to, vain, seconds, now))
        now += timedelta(seconds=pause)
