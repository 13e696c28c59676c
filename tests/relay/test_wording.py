"""From rows to words: which text a planned send says, in whose words, once for all who read the same."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Any

import pytest
from hypothesis import given, strategies as st

from messages.alert import Act, Alert, Gravity, Kind, Severity, Urgency, Variant
from messages.form import Copy, Medium, Part
from messages.frames import Notice, say as frame
from messages.render import render
from messages.segments import count
from relay import wording
from relay.model import AlertState, BadInput, Home, Issue, Work
from relay.wording import Wording, body_hash, in_force, say, segments, units

NOW = datetime(2026, 11, 23, 17, 0, tzinfo=UTC)
HOME = Home(municipality="Sørvik", timezone="Europe/Oslo", norwegian="nb", contact_name="Kari", contact_phone="91234567")
ALERT = Alert(
    number=12,
    kind=Kind.ACTUAL,
    severity=Severity.SEVERE,
    urgency=Urgency.IMMEDIATE,
    event="vann",
    sent_at=NOW,
    expires_at=NOW + timedelta(hours=24),
    act_by_at=NOW + timedelta(hours=3),
)
TEXTS = {
    tag: Variant(language=tag, headline=text, forward=f"({tag})", topic="vann") for tag, text in (("nb", "KOK VANNET"), ("so", "KARI"))
}
ISSUE = Issue(alert_id=1, municipality_id=1, state=AlertState.RELEASED, revision=3, alert=ALERT, variants=MappingProxyType(TEXTS))
WORK = Work(
    delivery_id=1,
    municipality_id=1,
    alert_id=1,
    recipient_id=1,
    person_id=1,
    sender_id=1,
    address_id=1,
    medium=Medium.SMS,
    part=Part.FORWARD,
    step=0,
    language="so",
    reader_language="so",
    to="+4741000001",
    text="",
    gravity=Gravity.LIFE,
    legend=0,
    revision=3,
    attempt_n=1,
    fence=1,
    expires_at=None,
    window_open=False,
    group_id=1,
    is_deputy=False,
    had_passed_on=False,
)


def words(issue: Issue = ISSUE, home: Home = HOME, **changes: object) -> Copy:
    return Wording().of(WORK._replace(**changes), issue, home)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("medium", "parts"),
    [
        (Medium.SMS, {Part.FORWARD, Part.ASK, Part.REMINDER, Part.COUNT}),
        (Medium.WHATSAPP, {Part.FORWARD, Part.ASK, Part.WAKE, Part.REMINDER, Part.COUNT}),
        (Medium.EMAIL, {Part.LETTER, Part.REMINDER, Part.COUNT}),
    ],
)
def test_every_part_of_a_medium_has_words(medium: Medium, parts: set[Part]) -> None:
    for part in parts:
        copy = words(medium=medium, part=part)
        assert (copy.medium, copy.part) == (medium, part)
        assert copy.text


@pytest.mark.parametrize(("medium", "part"), [(Medium.SMS, Part.LETTER), (Medium.EMAIL, Part.FORWARD), (Medium.SMS, Part.WAKE)])
def test_what_a_medium_has_not_is_said_in_words(medium: Medium, part: Part) -> None:
    with pytest.raises(BadInput, match=f"Alert no. 12 has no {part} for {medium}"):
        words(medium=medium, part=part)


def test_a_text_that_is_gone_is_said_in_words() -> None:
    with pytest.raises(BadInput, match="no approved text in ti"):
        words(language="ti")


def test_forward_and_ask_are_never_mixed() -> None:
    forward, ask = words(part=Part.FORWARD).text, words(part=Part.ASK).text
    assert "KARI" in forward
    assert "KARI" not in ask
    assert "91234567" in ask
    assert "91234567" not in forward


def test_a_reader_without_a_text_of_their_own_reads_why_in_their_own_words() -> None:
    copy = words(language="nb", reader_language="ti")
    assert "KOK VANNET" in copy.text
    assert frame("ti", "missing.no_text") in copy.text
    assert frame("so", "missing.no_text") not in words().text


@pytest.mark.parametrize(("legend", "digits"), [(0, ("\n1 ", "\n2 ", "\n4 ")), (6, ("\n61 ", "\n62 ", "\n64 "))])
def test_the_digits_are_the_alerts_own(legend: int, digits: tuple[str, ...]) -> None:
    text = words(part=Part.ASK, legend=legend).text
    assert all(digit in text for digit in digits)


def test_a_deputy_reads_that_they_are_one() -> None:
    assert frame("so", "ask.deputy") in words(part=Part.ASK, is_deputy=True).text
    assert frame("so", "ask.deputy") not in words(part=Part.ASK).text


def test_a_sender_that_cannot_be_answered_prints_no_digits() -> None:
    text = words(home=replace(HOME, two_way=False), part=Part.ASK).text
    assert "\n1 " not in text


def test_whoever_passed_it_on_is_asked_to_say_that_it_was_wrong() -> None:
    withdrawn = replace(ISSUE, alert=replace(ALERT, act=Act.WITHDRAW, replaces=11))
    done = frame("so", "ask.done", answer="3")
    assert done in words(withdrawn, part=Part.ASK, had_passed_on=True).text
    assert done not in words(withdrawn, part=Part.ASK).text


@pytest.mark.parametrize("kind", [Kind.EXERCISE, Kind.TEST])
@pytest.mark.parametrize("medium", Medium)
def test_what_is_not_real_says_so_first_and_last(kind: Kind, medium: Medium) -> None:
    exercise = replace(ISSUE, alert=replace(ALERT, kind=kind))
    mark = frame("so", f"mark.{kind.lower()}")
    for part in (Part.LETTER,) if medium is Medium.EMAIL else (Part.FORWARD, Part.ASK, Part.REMINDER, Part.COUNT):
        text = words(exercise, medium=medium, part=part).text
        assert text.startswith(mark), part
        assert text.endswith(mark), part
    assert say(Notice.ECHO_RECEIVED, HOME, "so", medium, {}, of=kind).text.startswith(mark)


# --- made once --------------------------------------------------------------------------------------------------------


def counting(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Return a list that grows by one whenever texts are made."""
    made: list[int] = []

    def counted(*given: Any) -> tuple[Copy, ...]:
        made.append(len(made))
        return render(*given)

    monkeypatch.setattr(wording, "render", counted)
    return made


def test_a_text_is_made_once_for_all_who_read_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    made = counting(monkeypatch)
    desk = Wording()
    for person in range(5):
        for part in (Part.FORWARD, Part.ASK, Part.REMINDER):
            desk.of(WORK._replace(person_id=person, part=part), ISSUE, HOME)
    assert made == [0]


@pytest.mark.parametrize(
    "other",
    [
        {"issue": replace(ISSUE, revision=4)},
        {"issue": replace(ISSUE, alert_id=2)},
        {"home": replace(HOME, contact_phone="98765432")},
        {"legend": 6},
        {"is_deputy": True},
        {"medium": Medium.WHATSAPP},
        {"language": "nb"},
    ],
    ids=str,
)
def test_whatever_may_change_the_words_makes_them_anew(other: dict[str, object], monkeypatch: pytest.MonkeyPatch) -> None:
    made = counting(monkeypatch)
    desk = Wording()
    desk.of(WORK, ISSUE, HOME)
    issue, home = other.pop("issue", ISSUE), other.pop("home", HOME)
    desk.of(WORK._replace(**other), issue, home)  # type: ignore[arg-type]
    assert made == [0, 1]


def test_what_is_kept_has_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wording, "KEPT", 3)
    desk = Wording()
    for revision in range(10):
        desk.of(WORK, replace(ISSUE, revision=revision), HOME)
    assert len(desk._copies) <= 3


# --- what it costs ----------------------------------------------------------------------------------------------------


@given(st.text(max_size=400))
def test_units_are_segments_for_sms_and_one_for_everything_else(text: str) -> None:
    copy = Copy(medium=Medium.SMS, part=Part.NOTICE, language="nb", text=text)
    assert units(copy) == segments(text) == count(text).segments
    assert units(replace(copy, medium=Medium.EMAIL)) == 1


@given(st.text(max_size=50), st.text(max_size=50))
def test_a_fingerprint_tells_texts_apart(one: str, other: str) -> None:
    assert (body_hash(one) == body_hash(other)) is (one == other)
    assert len(body_hash(one)) == 64


# --- what is in force -------------------------------------------------------------------------------------------------


def test_what_is_in_force_is_one_line_each_in_the_readers_language() -> None:
    without = replace(ISSUE, alert=replace(ALERT, number=13), variants={})
    assert in_force([ISSUE, without], "so") == "12: KARI\n13: vann"
    many = replace(ISSUE, variants={"ar": replace(TEXTS["so"], language="ar"), **TEXTS})
    assert in_force([many], "ti") == "12: KOK VANNET", "and in Norwegian for who has none, not in whichever comes first"
    assert in_force([], "so") == ""


def test_what_withdraws_or_ends_says_so_among_what_is_in_force() -> None:
    """Neither has a headline of its own."""
    text = replace(next(iter(ISSUE.variants.values())), headline="")
    for act, words in ((Act.WITHDRAW, "WITHDRAWN. No. 11 was wrong"), (Act.OVER, "DANGER OVER. No. 11 has ended")):
        ends = replace(ISSUE, alert=replace(ISSUE.alert, act=act, replaces=11), variants={text.language: text})
        assert in_force([ends], "en").startswith(f"12: {words}")
