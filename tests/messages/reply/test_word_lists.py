"""Every entry of every language's lists, in a sentence: it is understood as what it stands for, and as nothing else."""

import re
from itertools import product

import pytest

from messages.frames import frame_languages, say
from messages.reply import Meaning, reads_as, understand
from messages.reply.danger import TOGETHER, classes, danger_words
from messages.reply.fold import compact
from messages.reply.phrases import COURTESY_WORDS
from messages.reply.words import ANSWERS, meaning_of, tables, vocabulary

LANGUAGES = list(tables())


@pytest.mark.parametrize("language", LANGUAGES)
def test_courtesy_is_short_enough_to_be_found(language: str) -> None:
    for name in ("thanks", "polite"):
        assert all(len(re.split(r"[\s'’-]+", entry)) <= COURTESY_WORDS for entry in tables()[language][name])
        for entry in tables()[language][name]:
            assert understand(f"{entry} 1", languages=[language]).meaning is Meaning.RECEIVED, entry
            assert understand(f"4 {entry}", languages=[language]).meaning is Meaning.CANNOT, entry


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_greeting_is_no_thanks(language: str) -> None:
    for entry in tables()[language]["polite"]:
        assert understand(entry, languages=[language]).guessed != ("thanks",), entry
    for entry in tables()[language]["thanks"]:
        assert understand(entry, languages=[language]).meaning is Meaning.RECEIVED, entry


@pytest.mark.parametrize("language", LANGUAGES)
def test_words_beside_a_count_are_single(language: str) -> None:
    table = tables()[language]
    for name in ("about", "people", "means"):
        for entry in table[name]:
            said = understand(f"3 40 {entry.rstrip('*')}", languages=[language])
            assert (said.meaning, said.count) == (Meaning.PASSED_ON, 40), entry
            assert "means-unknown" not in said.guessed, entry
    for mark in table["number_marks"]:
        assert understand(f"1 {mark} 12", languages=[language]).alert_number == 12 or " " in mark, mark
    for word in table["range"]:
        assert understand(f"30 {word} 40", languages=[language], count_open=True).guessed[0] == "count-range", word


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_word_has_one_meaning_in_its_language_and_no_other_in_another(language: str) -> None:
    for name, meaning in ANSWERS.items():
        for entry in tables()[language][name]:
            assert meaning_of(compact(entry), ()) is not None, entry
            assert {said[compact(entry)] for said in vocabulary().answers.values() if compact(entry) in said} == {meaning}, entry


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_entry_of_danger_is_found_in_a_sentence(language: str) -> None:
    for entry in tables()[language]["danger"]:
        words = " xx ".join(part.strip(" =*") for part in entry.split(" + "))
        assert entry in danger_words(f"xx {words} xx"), entry
        assert entry in danger_words(f"{'xx ' * 100}\n{words.upper()}\n"), entry


@pytest.mark.parametrize("language", LANGUAGES)
def test_whoever_is_missing_is_danger_however_it_is_said(language: str) -> None:
    table = tables()[language]
    for who, gone in product(table["kin"], table["missing"]):
        assert danger_words(f"xx {gone.strip('*')} xx {who.strip('*')} xx"), (who, gone)
    for who in table["kin"]:
        assert danger_words(f"xx {who.strip('*')} xx") == (), who


@pytest.mark.parametrize("language", LANGUAGES)
def test_of_every_rule_the_first_words_of_each_class_are_danger_together(language: str) -> None:
    table = {**tables()[language], **classes()[language]}
    for rule in TOGETHER:
        words = [part.strip("*") for name in rule for part in table[name][0].split(" + ")]
        assert danger_words(f"xx {' xx '.join(words)} xx"), rule


@pytest.mark.parametrize("language", LANGUAGES)
def test_answers_and_courtesy_are_no_danger(language: str) -> None:
    for name in (*ANSWERS, "thanks", "polite", "about", "people", "means", "number_marks"):
        for entry in tables()[language][name]:
            assert danger_words(f"xx {entry.rstrip('*')} xx") == (), entry


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_cry_is_danger_only_by_itself(language: str) -> None:
    for entry in tables()[language]["cry"]:
        assert danger_words(f"{entry}!"), entry
        assert understand(entry).danger, entry


# --- our own voice --------------------------------------------------------------------------------------------------------

NOTICES = [
    *("echo_received", "echo_will_pass", "echo_passed_on_uncounted", "echo_cannot", "echo_ring_me", "echo_message", "media_received"),
    *("which_alert", "nothing_in_force", "verify_how", "danger", "stopped", "started", "paused", "alert_closed", "thanks_uncounted"),
    "alert_replaced",
    *("in_force", "verify", "verify_none", "not_registered"),
]
VALUES = {
    "municipality": "Sørvik",
    "contact": "Kari Nordmann 91234567",
    "danger_number": "112",
    "hours": "08-22",
    "phone": "91234567",
    "choices": "12 (vann): 2, 13 (skred): 62",
    "number": "12",
    "newer": "13",
    "count": "40",
    "answer": "2",
}


@pytest.mark.parametrize("language", frame_languages())
@pytest.mark.parametrize("notice", NOTICES)
@pytest.mark.parametrize("count_open", [True, False])
def test_our_own_answers_sent_back_are_no_answer_and_no_danger(language: str, notice: str, *, count_open: bool) -> None:
    said = understand(say(language, f"notice.{notice}", **VALUES), languages=[language], count_open=count_open)
    assert said.meaning is Meaning.MESSAGE
    assert not said.danger, reads_as(said.text)
