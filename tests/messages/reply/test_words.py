"""The word lists keep their own rules, so that a translator's change cannot turn one answer into another."""

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

from messages.alert import Review
from messages.frames import frame_languages, say
from messages.languages import get
from messages.reply import Meaning, reads_as, understand
from messages.reply.fold import compact
from messages.reply.phrases import COURTESY_WORDS
from messages.reply.table import samples
from messages.reply.words import ANSWERS, danger_words, meaning_of, tables, vocabulary

LANGUAGES = list(tables())
LISTS = {*ANSWERS, "thanks", "polite", "about", "range", "people", "means", "number_marks", "danger", "cry"}
OPTIONAL = {"numbers", "endings"}
ANSWER_LISTS = ("received", "will_pass", "passed_on", "cannot", "ring_me")
#: yes and no, and what operators act on: never an answer of the ladder
NEVER = [
    *("yes", "no", "cancel", "end", "quit", "ja", "nei", "juo", "ii", "так", "ні", "да", "нет", "نعم", "لا", "tak", "nie", "እወ", "ኣይፋል"),
    *(
        "haa",
        "maya",
        "بله",
        "نه",
        "بلی",
        "نی",
        "هو",
        "erê",
        "belê",
        "na",
        "بەڵێ",
        "نەخێر",
        "evet",
        "hayır",
        "አዎ",
        "አይ",
        "ہاں",
        "نہیں",
        "جی",
    ),
    *("taip", "ne", "nu", "sí", "oui", "non", "ใช่", "ไม่", "vâng", "dạ", "không", "ဟုတ်ကဲ့", "ndiyo", "hapana"),
]
#: what alerts are about; quoted back, it is no danger
TOPICS = [
    *(
        "vann",
        "KOK VANNET",
        "brannfare",
        "skogbrann",
        "flom",
        "ras",
        "storm",
        "evakuering",
        "strømbrudd",
        "water",
        "BOIL THE WATER",
        "forest fire",
    ),
    *(
        "flood",
        "landslide",
        "storm",
        "evacuate",
        "power cut",
        "ماء",
        "فيضان",
        "حريق الغابة",
        "вода",
        "повінь",
        "лісова пожежа",
        "наводнение",
    ),
    *(
        "лесной пожар",
        "biyo",
        "daad",
        "dab kaynta ah",
        "ማይ",
        "ዋሕዚ",
        "እሳት በጫካ",
        "ውሃ",
        "آب",
        "سیل",
        "اوبه",
        "av",
        "lehî",
        "ئاو",
        "لافاو",
        "su",
        "sel",
    ),
    *(
        "orman yangını",
        "پانی",
        "سیلاب",
        "vanduo",
        "potvynis",
        "apă",
        "inundație",
        "agua",
        "incendio forestal",
        "eau",
        "inondation",
        "น้ำ",
        "น้ำท่วม",
    ),
    *("nước", "lũ lụt", "ရေ", "ရေကြီးခြင်း", "maji", "mafuriko", "čáhci", "dulvi", "woda", "powódź"),
]


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_language_has_every_list_and_says_how_far_it_is_reviewed(language: str) -> None:
    table = tables()[language]
    assert get(language).tag == language
    assert set(table) - OPTIONAL == LISTS | {"review"}
    assert Review(str(table["review"]).upper())
    assert all(table[name] for name in LISTS)
    assert all(len(table[name]) >= 6 for name in ANSWER_LISTS)
    assert len(table["danger"]) >= 25


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_entry_stands_twice_or_folds_to_nothing(language: str) -> None:
    for name, entries in tables()[language].items():
        if name != "review":
            assert len(set(entries)) == len(entries), name
            assert all(compact(entry) for entry in entries), name


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_word_has_one_meaning_in_its_language_and_no_other_in_another(language: str) -> None:
    for name, meaning in ANSWERS.items():
        for entry in tables()[language][name]:
            assert meaning_of(compact(entry), ()) is not None, entry
            assert {said[compact(entry)] for said in vocabulary().answers.values() if compact(entry) in said} == {meaning}, entry


@pytest.mark.parametrize("word", sorted(set(NEVER)))
def test_yes_no_and_operators_words_are_nobodys_answer(word: str) -> None:
    assert not any(compact(word) in said for said in vocabulary().answers.values())
    assert understand(word).meaning is Meaning.MESSAGE


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


# --- danger ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_entry_of_danger_is_found_in_a_sentence(language: str) -> None:
    for entry in tables()[language]["danger"]:
        words = " xx ".join(part.strip(" =*") for part in entry.split(" + "))
        assert entry in danger_words(f"xx {words} xx"), entry
        assert entry in danger_words(f"{'xx ' * 100}\n{words.upper()}\n"), entry


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_cry_is_danger_only_by_itself(language: str) -> None:
    for entry in tables()[language]["cry"]:
        assert danger_words(f"{entry}!"), entry
        assert understand(entry).danger, entry


@pytest.mark.parametrize("language", LANGUAGES)
def test_answers_and_courtesy_are_no_danger(language: str) -> None:
    for name in (*ANSWERS, "thanks", "polite", "about", "people", "means", "number_marks"):
        for entry in tables()[language][name]:
            assert danger_words(f"xx {entry.rstrip('*')} xx") == (), entry


@pytest.mark.parametrize("topic", sorted(set(TOPICS)))
def test_the_topic_of_an_alert_is_no_danger(topic: str) -> None:
    assert reads_as(f"Er {topic} over?") == ()


def _texts(node: Any) -> list[str]:
    if isinstance(node, str):
        return [node]
    return [text for value in node.values() for text in _texts(value)] if isinstance(node, dict) else []


@pytest.mark.parametrize("path", sorted(Path("messages/library").glob("*.toml")), ids=lambda path: path.stem)
def test_a_template_quoted_back_is_no_danger(path: Path) -> None:
    for language, table in tomllib.loads(path.read_text("utf-8")).items():
        if language in LANGUAGES:
            for text in (table.get(name, "") for name in ("headline", "forward", "topic")):
                assert reads_as(text) == (), (language, text)


def test_danger_is_looked_for_in_what_the_person_wrote() -> None:
    wrote = samples()["nb"]["wrote"]
    assert reads_as(f"Mottatt\n\n{wrote}\n> barn er savnet") == ()
    assert reads_as("barn er savnet") == ("savnet", "savner + barn*")[:1]


def test_words_of_one_entry_stand_on_one_line_of_a_long_message() -> None:
    assert "barn* + borte" in reads_as("Barna\ner borte")
    padding = "Dette er en lang melding om noe annet. " * 5
    assert reads_as(f"{padding}\nBarna\ner borte") == ()
    assert reads_as(f"{padding}\nBarna er borte") == ("barn* + borte",)


def test_danger_far_down_is_found_and_farther_is_left() -> None:
    assert reads_as("ord " * 2_400 + "\ndet brenner her")
    assert not reads_as("ord " * 2_600 + "\ndet brenner her")


def test_accents_decide_where_an_everyday_word_stands_without_them() -> None:
    assert reads_as("Komşu öldü") == ("=öldü*",)
    assert reads_as("KOMŞU ÖLDÜ") == ("=öldü*",)
    assert reads_as("Ne oldu, tamam oldu") == ()
    assert reads_as("Tone ringer") == ()
    assert reads_as("On to\u0328ne\u0328") == ()
    assert reads_as("tone\u0328") == ("=tonę",)


# --- our own voice --------------------------------------------------------------------------------------------------------

NOTICES = [
    *("echo_received", "echo_will_pass", "echo_passed_on_uncounted", "echo_cannot", "echo_ring_me", "echo_message", "media_received"),
    *("which_alert", "nothing_in_force", "verify_how", "danger", "stopped", "started", "paused", "alert_closed", "thanks_uncounted"),
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


@pytest.mark.parametrize(
    ("text", "is_danger"), [("brann, hjelp", True), ("Hjelp! Hjelp!", True), ("hjelp vann", False), ("takk for hjelp", False)]
)
def test_cries_alone_are_danger_however_many(text: str, *, is_danger: bool) -> None:
    assert understand(text, languages=("nb",)).danger is is_danger
