"""Answers in words, and in several lines: what is an answer, what was guessed, and what is left for a person to read."""

from typing import Any

import pytest

from messages.reply import GUESSES, Meaning, Reply, understand

RECEIVED, WILL_PASS, PASSED_ON, CANNOT, RING_ME, MESSAGE = (
    Meaning.RECEIVED,
    Meaning.WILL_PASS,
    Meaning.PASSED_ON,
    Meaning.CANNOT,
    Meaning.RING_ME,
    Meaning.MESSAGE,
)


def read(text: str, **known: Any) -> Reply:
    reply = understand(text, **known)
    assert set(reply.guessed) <= set(GUESSES)
    return reply


@pytest.mark.parametrize(
    ("text", "meaning", "guessed"),
    [
        ("Mottatt", RECEIVED, ("language-word",)),
        ("OK!", RECEIVED, ("language-word",)),
        ("ok takk", RECEIVED, ("language-word",)),
        ("ok 👍", RECEIVED, ("language-word",)),
        ("Takk", RECEIVED, ("thanks",)),
        ("hei, tusen takk!", RECEIVED, ("thanks",)),
        ("👍", RECEIVED, ("sign",)),
        ("👍🏾👍", RECEIVED, ("sign",)),
        ("✔", RECEIVED, ("sign",)),
        ("✅ takk", RECEIVED, ("sign",)),
        ("Jeg kan dessverre ikke", CANNOT, ("language-word",)),
        ("JEGKANIKKE", CANNOT, ("language-word",)),
        ("Mottatt. Gir videre.", WILL_PASS, ("language-word", "two-answers")),
        ("mottatt - kan ikke", CANNOT, ("language-word", "two-answers")),
        ("Takk, gir videre", WILL_PASS, ("language-word",)),
        ("sendt videre til 40", PASSED_ON, ("language-word",)),
        ("40 delt", PASSED_ON, ("language-word", "count-first")),
        ("jeg har delt", PASSED_ON, ("language-word",)),
    ],
)
def test_words(text: str, meaning: Meaning, guessed: tuple[str, ...]) -> None:
    assert (read(text).meaning, read(text).guessed) == (meaning, guessed)
    assert read(text).legend is None


@pytest.mark.parametrize(
    "text", ["Mottatt. Og skolen?", "kan ikke jeg sende videre på torsdag", "hei", "Hei!", "gir videre. Kan ikke.", "?", "👎", "❌"]
)
def test_words_that_are_no_answer(text: str) -> None:
    assert read(text).meaning is MESSAGE


def test_a_word_of_another_language_is_understood_and_said() -> None:
    assert read("helay", languages=["so"]).guessed == ("language-word",)
    assert read("helay", languages=["nb"]) == Reply(meaning=RECEIVED, guessed=("language-word", "word-elsewhere"), text="helay")
    assert read("helay", languages=["xx", "so"]).guessed == ("language-word",)


@pytest.mark.parametrize(
    "text", ["STOP", "stopp", "Stop!", "«STOPP»", "STOP\u200f", "stopp takk", "avslutt", "стоп", "توقف", "UNSUBSCRIBE", "StopAll"]
)
def test_stop_is_the_whole_body(text: str) -> None:
    assert read(text).meaning is Meaning.STOP


@pytest.mark.parametrize("text", ["stop det", "Stopp! Ikke mer", "hei\nstopp", "stopp\n1", "mottatt, stopp", "stop 1", "1 stop"])
def test_stop_inside_a_text_is_no_stop(text: str) -> None:
    assert read(text).meaning in (MESSAGE, RECEIVED)


def test_start_and_pause() -> None:
    assert read("START").meaning is Meaning.START
    assert read("Pause.").meaning is Meaning.PAUSE
    assert read("meny").meaning is Meaning.MENU
    assert read("info").meaning is Meaning.MENU


@pytest.mark.parametrize("text", ["YES", "no", "Cancel", "END", "quit!", "Yes."])
def test_words_that_operators_act_on_are_never_answers(text: str) -> None:
    assert read(text) == Reply(meaning=MESSAGE, guessed=("carrier-word",), text=text)


@pytest.mark.parametrize("text", ["ja", "nei", "да", "نعم", "sí", "evet", "no takk", "yes yes"])
def test_yes_and_no_are_never_answers_in_any_language(text: str) -> None:
    assert read(text).meaning in (MESSAGE, RECEIVED)
    assert read(text).legend is None
    assert text == "no takk" or read(text).meaning is MESSAGE


def test_help_shows_the_menu_and_counts_as_a_cry() -> None:
    assert read("HELP") == Reply(meaning=Meaning.MENU, danger=True, guessed=("language-word",), text="HELP")


# --- lines ----------------------------------------------------------------------------------------------------------------


def test_a_greeting_does_not_hide_the_answer() -> None:
    assert read("Hei!\n\n2\n\nTakk") == Reply(meaning=WILL_PASS, legend=0, text="Hei!\n\n2\n\nTakk")


def test_other_lines_are_said() -> None:
    assert read("1\nHva med skolen?").guessed == ("more-text",)
    assert read("Hei\n2\nMvh Ayan").guessed == ("more-text",)
    assert read("a b\nc d\ne f\ng h\n1").meaning is RECEIVED
    assert read("a b\nc d\ne f\ng h\ni j\n1").meaning is MESSAGE
    assert read("1\n👍\n👍\n👍\n👍\n👍").guessed == ("more-text",)
    assert read("Ring meg.\n" + "lang tekst " * 40).guessed == ("language-word", "more-text")


def test_how_much_is_read_at_most() -> None:
    assert read("1" + "." * 299).meaning is RECEIVED
    assert read("1" + "." * 300).meaning is MESSAGE
    assert read("1\n👍\n👍\n👍\n👍").guessed == ()
    assert read("3\n40\n\n").count == 40
    assert read("1\n" * 6).meaning is MESSAGE
    assert read("", payload="999999999.1").alert_number == 999_999_999


def test_thanks_and_signs_give_way() -> None:
    assert read("2\nTakk") == Reply(meaning=WILL_PASS, legend=0, text="2\nTakk")
    assert read("👍\n4") == Reply(meaning=CANNOT, legend=0, text="👍\n4")
    assert read("takk hei").guessed == ("thanks",)
    assert read("Takk\n4\n👍").meaning is CANNOT
    assert read("Takk\n👍").meaning is RECEIVED


@pytest.mark.parametrize("text", ["", "  ", "\n\n", "\u200b\u200f", "\ufeff", "\u2066\u2069 \t"])
def test_nothing_is_empty(text: str) -> None:
    assert read(text).meaning is Meaning.EMPTY


def test_a_machine_answers_nothing_and_may_bring_danger() -> None:
    assert read("1\nbarn savnet", automatic=True) == Reply(meaning=Meaning.AUTO_REPLY, danger=True, text="1\nbarn savnet")
    assert read("1", automatic=True, payload="12.1").meaning is Meaning.AUTO_REPLY


def test_danger_never_hides_the_answer() -> None:
    reply = read("5\nDet brenner her")
    assert (reply.meaning, reply.danger, reply.guessed) == (RING_ME, True, ("more-text",))
    assert read("3 40 whatsapp").danger is False
