"""What a delivery does next, row by row, and what holds for every outcome."""

from datetime import UTC, datetime, timedelta
from itertools import accumulate

import pytest
from hypothesis import given, strategies as st

from channels.base import Evidence, Reason, Then
from messages.alert import Gravity
from relay.model import DeliveryState
from relay.verdict import BACKOFF, DONE, FAILED, GRACE, LOOKING, LOOKS, MOST_COPIES, POST_DEADLINE, Verdict, after_attempt

NOW = datetime(2026, 11, 23, 17, 0, tzinfo=UTC)
WAITING = DeliveryState.WAITING


def judged(
    evidence: Evidence, reason: Reason | None = None, *, tries: int = 1, gravity: Gravity = Gravity.LIFE, retry_after: float | None = None
) -> Verdict:
    return after_attempt(evidence, reason, tries=tries, gravity=gravity, now=NOW, retry_after=retry_after)


@pytest.mark.parametrize("evidence", [Evidence.ACCEPTED, Evidence.SENT, Evidence.DELIVERED, Evidence.READ])
def test_what_the_provider_has_is_done(evidence: Evidence) -> None:
    assert judged(evidence) == DONE


def test_what_may_have_gone_is_looked_for() -> None:
    assert judged(Evidence.UNKNOWN, Reason.UNCERTAIN) == LOOKING


@pytest.mark.parametrize(("tries", "seconds"), [(1, 2), (2, 5), (3, 15), (4, 30), (5, 60), (18, 60)])
def test_what_never_left_is_tried_again_ever_later(tries: int, seconds: int) -> None:
    """But never later than a minute: a provider that has healed must not wait for us."""
    verdict = judged(Evidence.REFUSED, Reason.NOT_CONNECTED, tries=tries)
    assert (verdict.state, verdict.due_at) == (WAITING, NOW + timedelta(seconds=seconds))


@pytest.mark.parametrize(("gravity", "tries"), [(Gravity.LIFE, 2), (Gravity.STANDARD, 5), (Gravity.ROUTINE, 19)])
def test_after_so_many_vain_tries_the_next_channel_waits_no_longer(gravity: Gravity, tries: int) -> None:
    pulls = [judged(Evidence.REFUSED, Reason.NOT_CONNECTED, tries=n, gravity=gravity).pull_next for n in (tries - 1, tries)]
    assert pulls == [False, True]


def test_it_is_given_up_in_the_end() -> None:
    assert judged(Evidence.REFUSED, Reason.NOT_CONNECTED, tries=len(BACKOFF) + 1) == FAILED
    assert FAILED.pull_next


@pytest.mark.parametrize(("asked", "seconds"), [(None, 2), (1.0, 2), (30.0, 30), (86_400.0, 60)])
def test_a_provider_that_asks_us_to_wait_is_obeyed(asked: float | None, seconds: int) -> None:
    assert judged(Evidence.REFUSED, Reason.THROTTLED, retry_after=asked).due_at == NOW + timedelta(seconds=seconds)


@pytest.mark.parametrize("reason", [reason for reason in Reason if reason.then in (Then.NEXT, Then.FAIL)])
def test_a_refusal_for_good_brings_the_next_way(reason: Reason) -> None:
    assert judged(Evidence.REFUSED, reason) == FAILED


@pytest.mark.parametrize("reason", [reason for reason in Reason if reason.then is Then.STOP_SENDER])
def test_a_sender_in_trouble_keeps_its_queue(reason: Reason) -> None:
    assert judged(Evidence.REFUSED, reason) == Verdict(state=WAITING, due_at=NOW)


#: gravity, copies so far -> minutes until the next, None: no more
PHONE_OFF = [
    (Gravity.LIFE, 1, 10),
    (Gravity.LIFE, 2, 30),
    (Gravity.LIFE, 3, None),
    (Gravity.STANDARD, 1, 10),
    (Gravity.STANDARD, 2, None),
    (Gravity.ROUTINE, 1, None),
]


@pytest.mark.parametrize(("gravity", "tries", "minutes"), PHONE_OFF)
def test_a_phone_that_is_off_is_tried_as_often_as_the_matter_is_grave(gravity: Gravity, tries: int, minutes: int | None) -> None:
    verdict = judged(Evidence.UNDELIVERED, Reason.UNREACHABLE, tries=tries, gravity=gravity)
    again = None if minutes is None else Verdict(state=WAITING, due_at=NOW + timedelta(minutes=minutes), pull_next=True)
    assert verdict == (again or FAILED)


@pytest.mark.parametrize("gravity", Gravity)
def test_a_closed_window_brings_the_template_at_once(gravity: Gravity) -> None:
    """The text never reached anybody, so the template is no second copy, at any gravity; but it is not tried for ever."""
    first = judged(Evidence.UNDELIVERED, Reason.WINDOW_CLOSED, gravity=gravity)
    assert first == Verdict(state=WAITING, due_at=NOW)
    assert judged(Evidence.UNDELIVERED, Reason.WINDOW_CLOSED, tries=3, gravity=gravity) == FAILED


@given(
    evidence=st.sampled_from([evidence for evidence in Evidence if evidence is not Evidence.INTENT]),
    reason=st.none() | st.sampled_from(Reason),
    tries=st.integers(1, 20),
    gravity=st.sampled_from(Gravity),
    retry_after=st.none() | st.floats(0, 3600),
)
def test_every_outcome_has_a_next_step(
    evidence: Evidence, reason: Reason | None, tries: int, gravity: Gravity, retry_after: float | None
) -> None:
    verdict = judged(evidence, reason, tries=tries, gravity=gravity, retry_after=retry_after)
    assert verdict.state in (WAITING, DeliveryState.CLAIMED, DeliveryState.DONE, DeliveryState.FAILED)
    assert (verdict.state is WAITING) == (verdict.due_at is not None)
    assert (verdict.state is DeliveryState.CLAIMED) == (verdict.hold == "unknown")
    assert verdict.state is not DeliveryState.FAILED or verdict.pull_next
    if verdict.state is WAITING and evidence is Evidence.UNDELIVERED and reason is not Reason.WINDOW_CLOSED:
        assert tries < MOST_COPIES[gravity]


def test_the_figures_of_the_protocol() -> None:
    """Grace, deadlines and copies per class; nothing routine is sent again by itself."""
    assert GRACE == {Gravity.LIFE: 30.0, Gravity.STANDARD: 60.0, Gravity.ROUTINE: None}
    assert POST_DEADLINE == {Gravity.LIFE: 5.0, Gravity.STANDARD: 10.0, Gravity.ROUTINE: 10.0}
    assert MOST_COPIES == {Gravity.LIFE: 3, Gravity.STANDARD: 2, Gravity.ROUTINE: 1}
    assert tuple(accumulate(LOOKS))[:5] == (2.0, 5.0, 10.0, 20.0, 30.0)
