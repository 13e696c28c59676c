"""What follows from what a person wrote: every kind of reply in a row, and what holds for every message and writer."""

from dataclasses import replace
from itertools import product
from typing import Any

import pytest
from hypothesis import given, strategies as st

from messages.alert import Kind
from messages.frames import Notice
from messages.reply import Meaning, Reply, understand
from relay.model import Rung, TaskKind
from relay.talk import LADDER, MOST_DANGER_REPLIES, MOST_REPLIES, Asked, Verdict, Writer, decide


def asked(number: int = 12, *, person: int = 1, legend: int = 0, is_open: bool = True, gravity: int = 1, **more: Any) -> Asked:
    return Asked(
        alert_id=number,
        number=number,
        legend=legend,
        gravity=gravity,
        kind=Kind.ACTUAL,
        topic={12: "vann", 13: "skred"}.get(number, "strøm"),
        recipient_id=number * 10 + person,
        person_id=person,
        open=is_open,
        **more,
    )


WATER, SLIDE = asked(12), asked(13, legend=6, gravity=0)
ONE = Writer(person_ids=(1,), alerts=(WATER,))
TWO = Writer(person_ids=(1,), alerts=(SLIDE, WATER))
STRANGER = Writer()


def notices(verdict: Verdict) -> list[Notice]:
    return [one.notice for one in verdict.say]


def said(text: str, writer: Writer, *, automatic: bool = False, count_open: bool = False) -> Verdict:
    """Understand `text` as receipts does, and decide."""
    numbers = tuple(one.number for one in writer.alerts if one.open)
    reply = understand(text, languages=("nb",), open_alerts=numbers, automatic=automatic, count_open=count_open)
    return decide(reply, writer)


# --- the table --------------------------------------------------------------------------------------------------------

#: what is written -> (what it means, the notice, the rung, the task)
ANSWERS = [
    ("1", Meaning.RECEIVED, Notice.ECHO_RECEIVED, Rung.RECEIVED, ()),
    ("2", Meaning.WILL_PASS, Notice.ECHO_WILL_PASS, Rung.WILL_PASS, ()),
    ("3 40", Meaning.PASSED_ON, Notice.ECHO_PASSED_ON, Rung.PASSED_ON, ()),
    ("4", Meaning.CANNOT, Notice.ECHO_CANNOT, Rung.CANNOT, ()),
    ("5", Meaning.RING_ME, Notice.ECHO_RING_ME, Rung.RING_ME, (TaskKind.RING,)),
]


@pytest.mark.parametrize(("text", "meaning", "notice", "rung", "tasks"), ANSWERS)
def test_an_answer(text: str, meaning: Meaning, notice: Notice, rung: Rung, tasks: tuple[TaskKind, ...]) -> None:
    verdict = said(text, ONE)
    assert [(one.asked, one.meaning) for one in verdict.bound] == [(WATER, meaning)]
    assert notices(verdict) == [notice]
    assert LADDER[meaning] is rung
    assert verdict.tasks == tasks
    assert not verdict.thread


#: what is written -> (notice, opens a thread, tasks): none of these is bound to an alert
OTHERS = [
    ("0", Notice.MENU, False, ()),
    ("8", Notice.IN_FORCE, False, ()),
    ("9", Notice.VERIFY, False, ()),
    ("STOPP", Notice.STOPPED, False, (TaskKind.OPTED_OUT,)),
    ("START", Notice.STARTED, False, ()),
    ("PAUSE", Notice.PAUSED, False, ()),
    ("Gjelder det skolen?", Notice.ECHO_MESSAGE, True, (TaskKind.QUESTION,)),
    ("4 barn savnet", Notice.DANGER, True, (TaskKind.DANGER,)),
]


@pytest.mark.parametrize(("text", "notice", "thread", "tasks"), OTHERS)
def test_no_answer(text: str, notice: Notice, *, thread: bool, tasks: tuple[TaskKind, ...]) -> None:
    verdict = said(text, ONE)
    assert verdict.bound == ()
    assert notices(verdict) == [notice]
    assert (verdict.thread, verdict.tasks) == (thread, tasks)


@pytest.mark.parametrize(("text", "flag"), [("STOPP", "opts_out"), ("START", "opts_in"), ("PAUSE", "pauses")])
def test_the_words_that_stop_and_start(text: str, flag: str) -> None:
    verdict = said(text, ONE)
    assert [name for name in ("opts_out", "opts_in", "pauses") if getattr(verdict, name)] == [flag]
    strangers = said(text, STRANGER)
    assert getattr(strangers, flag), "also from a number that we do not know"


@pytest.mark.parametrize("text", ["STOPP", "START"])
def test_what_the_provider_has_answered_is_not_answered_twice(text: str) -> None:
    assert said(text, replace(ONE, provider_answered=True)).say == ()


def test_a_machine_gets_no_answer() -> None:
    assert said("Jeg er ikke på kontoret", ONE, automatic=True) == Verdict(name="auto_reply")


def test_nothing_written_is_nothing() -> None:
    assert said(" ", ONE) == Verdict(name="empty")


def test_a_picture_alone_is_for_a_person_to_see() -> None:
    verdict = said("", replace(ONE, has_media=True))
    assert (verdict.name, notices(verdict), verdict.thread) == ("media", [Notice.MEDIA_RECEIVED], True)
    assert verdict.spares_reminders == (WATER,)


def test_a_stranger_is_told_so_and_read_by_a_person() -> None:
    verdict = said("1", STRANGER)
    assert (verdict.bound, notices(verdict), verdict.thread) == ((), [Notice.NOT_REGISTERED], True)
    assert verdict.tasks == (TaskKind.UNKNOWN_SENDER,)


def test_a_digit_from_somebody_who_was_asked_nothing_is_read_by_a_person() -> None:
    verdict = said("1", Writer(person_ids=(1,)))
    assert (verdict.bound, notices(verdict), verdict.thread) == ((), [Notice.ECHO_MESSAGE], True)


# --- which alert ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("digit", "meaning"), [("1", "received"), ("2", "will_pass"), ("4", "cannot"), ("5", "ring_me")])
def test_a_bare_digit_fits_neither_of_two(digit: str, meaning: str) -> None:
    verdict = said(digit, TWO)
    assert verdict.bound == ()
    assert verdict.spares_reminders == ()
    [question] = verdict.say
    assert question.notice is Notice.WHICH_ALERT
    assert [(one.number, one.legend, answer) for one, answer in question.offers] == [(13, 6, digit), (12, 0, digit)], "gravest first"
    assert Meaning(meaning) in LADDER


#: what is written while 12 (bare digits) and 13 (6x) are open -> (alert, meaning)
EXACT = [
    ("01", 12, Meaning.RECEIVED),
    ("61", 13, Meaning.RECEIVED),
    ("62", 13, Meaning.WILL_PASS),
    ("63 40", 13, Meaning.PASSED_ON),
    ("1 13", 13, Meaning.RECEIVED),
    ("12: 4", 12, Meaning.CANNOT),
    ("nr. 13 2", 13, Meaning.WILL_PASS),
]


@pytest.mark.parametrize(("text", "number", "meaning"), EXACT)
def test_an_answer_that_names_its_alert(text: str, number: int, meaning: Meaning) -> None:
    assert [(one.asked.number, one.meaning) for one in said(text, TWO).bound] == [(number, meaning)]


@pytest.mark.parametrize("meaning", [Meaning.RECEIVED, Meaning.WILL_PASS, Meaning.CANNOT, Meaning.RING_ME])
def test_every_choice_that_we_offer_is_an_answer(meaning: Meaning) -> None:
    """Up to five alerts, each with a legend of its own: what stands behind each colon binds to what stands before it."""
    alerts = tuple(asked(20 + n, legend=legend) for n, legend in enumerate((0, 6, 7, 8, 9)))
    writer = Writer(person_ids=(1,), alerts=alerts)
    [question] = decide(Reply(meaning=meaning, legend=0), writer).say
    for one, digit in question.offers:
        [bound] = said(f"{one.legend}{digit}", writer).bound
        assert (bound.asked, bound.meaning) == (one, meaning)


def test_what_names_an_alert_beyond_doubt_outweighs_digits() -> None:
    writer = replace(TWO, exact_recipient_id=WATER.recipient_id)
    assert [one.asked for one in said("1", writer).bound] == [WATER]
    assert [one.by for one in said("1", writer).bound] == ["exact"]


def test_one_open_and_one_closed_leave_no_doubt() -> None:
    closed = asked(11, is_open=False)
    assert [one.asked for one in said("1", Writer(person_ids=(1,), alerts=(WATER, closed))).bound] == [WATER]


def test_an_answer_to_what_is_closed_says_so() -> None:
    writer = Writer(person_ids=(1,), alerts=(asked(10, is_open=False), asked(11, is_open=False)))
    verdict = said("1", writer)
    assert [one.asked.number for one in verdict.bound] == [11], "the newest"
    assert [(one.notice, one.values) for one in verdict.say] == [(Notice.ALERT_CLOSED, {"number": 11})]


def test_an_answer_to_what_an_update_has_replaced_names_the_update() -> None:
    """It holds, and may not have reached them: nothing may be said to be over."""
    verdict = said("2", Writer(person_ids=(1,), alerts=(asked(11, is_open=False, newer=14),)))
    assert [one.asked.number for one in verdict.bound] == [11], "it is kept where it belongs"
    assert [(one.notice, one.values) for one in verdict.say] == [(Notice.ALERT_REPLACED, {"number": 11, "newer": 14})]


def test_a_count_answers_the_alert_that_asked_for_one() -> None:
    """Two are open, one of them has asked about how many: a bare number is no riddle."""
    asking = replace(WATER, count_open=True)
    verdict = said("40", replace(TWO, alerts=(SLIDE, asking)), count_open=True)
    assert [(one.asked, one.count) for one in verdict.bound] == [(asking, 40)]


def test_an_echo_says_which_alert_it_is_about_where_another_may_be_meant() -> None:
    asking = replace(WATER, count_open=True)
    for text in ("61", "12: 4", "40", "90000"):
        [echo] = said(text, replace(TWO, alerts=(SLIDE, asking)), count_open=True).say
        assert echo.about is not None
        assert echo.values["number"] == echo.about.number, text
    closed = asked(11, is_open=False)
    for text in ("1", "3 40"):
        [echo] = said(text, Writer(person_ids=(1,), alerts=(WATER, closed))).say
        assert "number" not in echo.values, "there is but one"


def test_another_number_corrects_the_one_that_was_told() -> None:
    told = replace(WATER, counted=True)
    verdict = said("40", replace(TWO, alerts=(SLIDE, told)), count_open=True)
    assert [(one.asked, one.count) for one in verdict.bound] == [(told, 40)]


def test_an_implausible_count_is_asked_back_and_the_same_one_again_confirms_it() -> None:
    first = said("3 9000", ONE)
    assert (first.bound, notices(first), first.doubts) == ((), [Notice.COUNT_UNLIKELY], (WATER,))
    doubted = replace(ONE, alerts=(replace(WATER, doubted=9000, count_open=True),))
    second = said("9000", doubted, count_open=True)
    assert ([one.count for one in second.bound], second.doubts) == ([9000], ())
    another = said("1234567", doubted, count_open=True)
    assert (another.bound, notices(another)) == ((), [Notice.COUNT_UNLIKELY]), "another one is no confirmation"
    assert [one.count for one in said("90", doubted, count_open=True).bound] == [90]


@pytest.mark.parametrize("rung", [Rung.WILL_PASS, Rung.PASSED_ON, Rung.CANNOT, Rung.RING_ME])
def test_a_thumb_takes_no_answer_back(rung: Rung) -> None:
    """It is a thank-you for our last words; the digit still does."""
    stands = replace(ONE, alerts=(replace(WATER, rung=rung),))
    assert said("👍", stands).bound == ()
    assert [one.meaning for one in said("1", stands).bound] == [Meaning.RECEIVED]
    assert [one.meaning for one in said("👍", ONE).bound] == [Meaning.RECEIVED]


def test_nobody_promises_to_pass_on_what_was_withdrawn() -> None:
    """A late "2" to the alert comes with the digits that its withdrawal has too: its writer reads that it was wrong."""
    withdrawal = replace(ONE, alerts=(replace(WATER, withdraws=True),))
    late = said("2", withdrawal)
    assert (late.bound, notices(late)) == ((), [Notice.IN_FORCE])
    assert [one.meaning for one in said("3", withdrawal).bound] == [Meaning.PASSED_ON]


def test_two_who_share_a_phone_answer_together_and_count_once() -> None:
    shared = Writer(person_ids=(1, 2), alerts=(WATER, asked(12, person=2)))
    verdict = said("3 40", shared)
    assert [(one.asked.person_id, one.count) for one in verdict.bound] == [(1, 40), (2, None)]
    assert len(verdict.say) == 1


def test_a_text_beside_the_answer_is_read_by_a_person_too() -> None:
    verdict = said("2\nmen jeg har ikke bil", ONE)
    assert [one.meaning for one in verdict.bound] == [Meaning.WILL_PASS]
    assert (verdict.thread, verdict.tasks) == (True, (TaskKind.QUESTION,))


@pytest.mark.parametrize(("writer", "spared"), [(ONE, (WATER,)), (TWO, ()), (replace(TWO, exact_recipient_id=131), (SLIDE,))])
def test_a_message_spares_the_reminder_of_what_it_can_only_be_about(writer: Writer, spared: tuple[Asked, ...]) -> None:
    assert said("Gjelder det skolen?", writer).spares_reminders == spared


# --- danger, and the cap ----------------------------------------------------------------------------------------------

replies = st.builds(
    Reply,
    meaning=st.sampled_from([meaning for meaning in Meaning if meaning is not Meaning.AUTO_REPLY]),
    count=st.none() | st.integers(0, 9000),
    legend=st.sampled_from([None, 0, 6, 7]),
    legend_named=st.booleans(),
    alert_number=st.sampled_from([None, None, 12, 13, 99]),
    guessed=st.lists(st.sampled_from(["more-text", "count-implausible", "count-without-3"]), unique=True).map(tuple),
)
alerts = st.lists(
    st.builds(
        asked,
        number=st.integers(11, 14),
        person=st.integers(1, 2),
        legend=st.sampled_from([0, 6, 7]),
        is_open=st.booleans(),
        gravity=st.integers(0, 2),
        count_open=st.booleans(),
        doubted=st.sampled_from([None, 9000]),
        withdraws=st.booleans(),
        rung=st.sampled_from(Rung),
    ),
    max_size=4,
    unique_by=lambda one: one.recipient_id,
).map(tuple)
writers = st.builds(
    Writer,
    person_ids=st.sampled_from([(), (1,), (1, 2)]),
    alerts=alerts,
    exact_recipient_id=st.sampled_from([None, None, 121, 132]),
    replies_last_hour=st.integers(0, 25),
    has_media=st.booleans(),
    provider_answered=st.booleans(),
)
#: what happens apart from words: the same, whatever is said
DEEDS = ("bound", "opts_out", "opts_in", "pauses", "spares_reminders", "doubts")


@given(replies, writers)
def test_danger_is_heard_and_hides_nothing(reply: Reply, writer: Writer) -> None:
    calm, danger = decide(reply, writer), decide(replace(reply, danger=True), writer)
    assert {name: getattr(danger, name) for name in DEEDS} == {name: getattr(calm, name) for name in DEEDS}
    assert danger.thread
    assert danger.tasks[0] is TaskKind.DANGER
    assert set(calm.tasks) - set(danger.tasks) <= {TaskKind.QUESTION}
    assert (Notice.DANGER in notices(danger)) is (writer.replies_last_hour < MOST_DANGER_REPLIES)
    assert notices(danger)[:1] in ([], [Notice.DANGER]), "and it comes first"


@given(reply=replies, writer=writers, danger=st.booleans())
def test_the_cap_stops_words_and_no_deeds(reply: Reply, writer: Writer, *, danger: bool) -> None:
    reply = replace(reply, danger=danger)
    talkative = decide(reply, replace(writer, replies_last_hour=0))
    capped = decide(reply, replace(writer, replies_last_hour=max(writer.replies_last_hour, MOST_REPLIES)))
    assert set(notices(capped)) <= {Notice.DANGER}
    assert replace(capped, say=()) == replace(talkative, say=())


@given(replies, writers)
def test_an_answer_is_to_one_alert_and_its_people_count_once(reply: Reply, writer: Writer) -> None:
    verdict = decide(reply, writer)
    assert len({one.asked.alert_id for one in verdict.bound}) <= 1
    assert sum(one.count is not None for one in verdict.bound) <= 1
    assert {one.asked for one in verdict.bound} <= set(writer.alerts)
    assert not (verdict.bound and reply.meaning not in LADDER)
    assert not (verdict.doubts and verdict.bound)


@given(replies, writers)
def test_nobody_is_answered_twice_and_nothing_is_dropped(reply: Reply, writer: Writer) -> None:
    """Every message is bound, read by a person, acted upon or answered; only emptiness is passed over."""
    verdict = decide(reply, replace(writer, replies_last_hour=0))
    assert len(verdict.say) <= 1
    deeds = verdict.bound or verdict.thread or verdict.say or verdict.opts_out or verdict.opts_in or verdict.pauses
    assert deeds or reply.meaning is Meaning.EMPTY


def test_the_cap_row_by_row() -> None:
    """Four replies in the last hour leave room for one more; the twentieth call for help is answered, the twenty-first is not."""
    for danger, last_hour in product((False, True), (4, 5, 19, 20)):
        verdict = decide(Reply(meaning=Meaning.RECEIVED, legend=0, danger=danger), replace(ONE, replies_last_hour=last_hour))
        room = last_hour < MOST_REPLIES or (danger and last_hour < MOST_DANGER_REPLIES)
        assert bool(verdict.say) is room, (danger, last_hour)
