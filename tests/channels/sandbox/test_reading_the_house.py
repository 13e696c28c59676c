"""Emulated people read what the house really writes: in every language, by SMS and by mail, for a first and a second alert."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from channels.sandbox.people import Mind, Person, react
from channels.sandbox.phones import Shown
from channels.sandbox.phrases import PHRASES
from channels.sandbox.world import Dice
from messages.alert import Act, Alert, Kind, Severity, Variant
from messages.form import Copy, Medium, Part
from messages.frames import Facts, Notice
from messages.render import count_question, notice, remind, render
from messages.reply import Meaning, understand

NOW = datetime(2026, 11, 23, 17, 0, tzinfo=UTC)
BOIL = Alert(number=12, kind=Kind.ACTUAL, severity=Severity.SEVERE, sent_at=NOW, onset_at=NOW, act_by_at=NOW + timedelta(hours=13))
WRONG = Alert(number=13, kind=Kind.ACTUAL, act=Act.WITHDRAW, replaces=12, sent_at=NOW)
DICE = Dice(1)
PREFIX = {0: "", 6: "6"}


def variant(language: str) -> Variant:
    return Variant(language=language, headline="KOK VANNET", forward="Kok i 3 minutter før du drikker.", topic="vann", place="Sørbyen")


def facts(language: str, legend: int = 0, **more: object) -> Facts:
    made = Facts(language=language, municipality="Sørby", contact_name="Kari", contact_phone="+4790000000", legend=legend)
    return replace(made, **more)  # type: ignore[arg-type]


def said(mind: Mind, copy: Copy) -> str | None:
    buttons = tuple((button.title, button.payload) for button in copy.buttons)
    screen = Shown(id="1", channel=copy.medium.value, sender="+4759440000", to="+4790000001", text=copy.text, at=NOW, buttons=buttons)
    deed = react(mind, screen, DICE)
    return (deed.payload or deed.text) if deed else None


def somebody(character: str, language: str) -> Mind:
    return Mind(Person(number="+4790000001", character=character, language=language, reaches=30))


@pytest.mark.parametrize("legend", PREFIX)
@pytest.mark.parametrize("language", PHRASES)
def test_a_helper_gets_through_a_whole_alert_by_sms(language: str, legend: int) -> None:
    mind, prefix = somebody("helper", language), PREFIX[legend]
    forward, ask = render(BOIL, variant(language), facts(language, legend), Medium.SMS)
    assert said(mind, forward) is None
    assert said(mind, ask) == f"{prefix}2"
    assert said(mind, remind(BOIL, variant(language), facts(language, legend), Medium.SMS)) is None, "just answered"
    assert said(mind, notice(Notice.ECHO_WILL_PASS, facts(language), Medium.SMS)) is None
    question = count_question(BOIL, variant(language), facts(language, legend), Medium.SMS)
    assert said(mind, question) == (f"{prefix}3 30" if prefix else "30")
    echo = notice(Notice.ECHO_PASSED_ON, facts(language, values={"count": 63}), Medium.SMS)
    assert said(mind, echo) is None
    correction = render(WRONG, variant(language), facts(language, legend, had_passed_on=True), Medium.SMS)
    assert [said(mind, copy) for copy in correction if copy.part is Part.FORWARD] == [None]
    assert [said(mind, copy) for copy in correction if copy.part is Part.ASK] == [f"{prefix}3"]


@pytest.mark.parametrize("legend", PREFIX)
@pytest.mark.parametrize("language", PHRASES)
def test_a_helper_gets_through_a_whole_alert_by_mail(language: str, legend: int) -> None:
    mind, prefix = somebody("helper", language), PREFIX[legend]
    (letter,) = render(BOIL, variant(language), facts(language, legend), Medium.EMAIL)
    assert said(mind, letter) == f"{prefix}2"
    question = count_question(BOIL, variant(language), facts(language, legend), Medium.EMAIL)
    assert said(mind, question) == (f"{prefix}3 30" if prefix else "30")
    (correction,) = render(WRONG, variant(language), facts(language, legend, had_passed_on=True), Medium.EMAIL)
    assert said(mind, correction) == f"{prefix}3"


@pytest.mark.parametrize("language", PHRASES)
def test_a_helper_gets_through_a_whole_alert_by_whatsapp(language: str) -> None:
    mind = somebody("helper", language)
    copies = {copy.part: copy for copy in render(BOIL, variant(language), facts(language), Medium.WHATSAPP)}
    assert said(mind, copies[Part.WAKE]) == copies[Part.WAKE].buttons[0].payload
    assert (said(mind, copies[Part.FORWARD]), said(mind, copies[Part.ASK])) == (None, "12.2")
    assert said(mind, count_question(BOIL, variant(language), facts(language), Medium.WHATSAPP)) == "30"
    correction = render(WRONG, variant(language), facts(language, had_passed_on=True), Medium.WHATSAPP)
    assert [said(mind, copy) for copy in correction if copy.part is Part.ASK] == ["3"]


@pytest.mark.parametrize("language", PHRASES)
def test_a_reminder_is_enough(language: str) -> None:
    assert said(somebody("unable", language), remind(BOIL, variant(language), facts(language), Medium.SMS)) == "4"


@pytest.mark.parametrize("language", PHRASES)
def test_which_one_do_you_mean(language: str) -> None:
    mind = somebody("helper", language)
    _, ask = render(BOIL, variant(language), facts(language), Medium.SMS)
    said(mind, ask)
    choices = facts(language, values={"choices": "12 (vann): 2, 13 (skred): 62"})
    assert said(mind, notice(Notice.WHICH_ALERT, choices, Medium.SMS)) == "2"


@pytest.mark.parametrize("language", PHRASES)
def test_a_name_is_answered_in_words_at_the_number_it_gives(language: str) -> None:
    one_way = facts(language, two_way=False, reply_to="+4759440000")
    for character, meaning in [("helper", Meaning.WILL_PASS), ("unable", Meaning.CANNOT), ("reader", Meaning.RECEIVED)]:
        copies = render(BOIL, variant(language), one_way, Medium.SMS)
        (answer,) = [text for copy in copies if (text := said(somebody(character, language), copy))]
        assert understand(answer, languages=[language]).meaning is meaning


@pytest.mark.parametrize("language", PHRASES)
def test_a_word_beside_a_digit_says_what_the_digit_says(language: str) -> None:
    _, ask = render(BOIL, variant(language), facts(language), Medium.SMS)
    answer = said(somebody("wordy", language), ask)
    assert answer is not None
    assert not answer.isdigit()
    assert understand(answer, languages=[language]).meaning is Meaning.WILL_PASS
