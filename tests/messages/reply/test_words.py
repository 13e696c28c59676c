"""The word lists keep their own rules, so that a translator's change cannot turn one answer into another."""

import re

import pytest

from messages.alert import Review
from messages.frames import frame_languages, say
from messages.languages import get
from messages.reply import Meaning, reads_as, understand
from messages.reply.fold import compact
from messages.reply.phrases import COURTESY_WORDS
from messages.reply.words import ANSWERS, Vocabulary, danger_words, meaning_of, tables, vocabulary

LANGUAGES = list(tables())
LISTS = {*ANSWERS, "thanks", "polite", "about", "range", "people", "means", "number_marks", "danger", "cry", "kin", "missing"}
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


# --- how the lists are read -----------------------------------------------------------------------------------------------

EMPTY_TABLE: dict[str, list[str]] = {name: [] for name in (*LISTS, *OPTIONAL)}
#: two made-up languages
MADE = {
    "nb": EMPTY_TABLE | {"received": ["Ja vel"], "numbers": ["en", "to"], "endings": ["Krap"], "danger": ["=élg + rév*", "barn* + borte"]},
    "se": EMPTY_TABLE
    | {"received": ["hm"], "cannot": ["Javel", "nope"], "means": ["moske*", "kafé"], "kin": ["sønn*"], "missing": ["vekk"]},
}


@pytest.fixture(name="made")
def _made(monkeypatch: pytest.MonkeyPatch) -> Vocabulary:
    vocabulary_of_these = vocabulary.__wrapped__
    monkeypatch.setattr("messages.reply.words.tables", lambda: MADE)
    made = vocabulary_of_these()
    monkeypatch.setattr("messages.reply.words.vocabulary", lambda: made)
    return made


def test_a_word_with_two_meanings_is_agreed_on_by_nobody(made: Vocabulary) -> None:
    assert made.agreed == {"hm": Meaning.RECEIVED, "nope": Meaning.CANNOT}
    assert [meaning_of("javel", of) for of in ((), ["se"])] == [(Meaning.RECEIVED, False), (Meaning.CANNOT, False)]
    assert meaning_of("nope", ()) == (Meaning.CANNOT, True)


def test_endings_and_numbers_are_read_from_their_lists(made: Vocabulary) -> None:
    assert made.numbers == {"nb": {"en": 1, "to": 2}, "se": {}}
    assert meaning_of("hmkrap", ()) == (Meaning.RECEIVED, True)
    assert meaning_of("hmkrop", ()) is None


def test_a_star_leaves_the_end_open_and_nothing_else_does(made: Vocabulary) -> None:
    assert [word in made.means for word in ("moske", "moskeen", "mosk", "kafe", "kafeen")] == [True, True, False, True, False]


@pytest.mark.usefixtures("made")
def test_needles_stand_on_one_line_with_and_without_their_accents() -> None:
    padding = "-" * 160
    assert danger_words("RÉVER jager en élg") == ("=élg + rév*",)
    assert danger_words("rever jager en elg") == danger_words(f"{padding}\nélg\nrév") == ()
    assert danger_words(f"{padding}\nélg, rév\n") == ("=élg + rév*",)
    assert danger_words("Barna er borte, sønnen vår er vekk") == ("barn* + borte", "sønn* + vekk")
    assert danger_words(f"{padding}\nsønnen\ner vekk") == danger_words("en bar er borte") == ()


@pytest.mark.parametrize(("phrase", "language"), [("jeg gir videre", "nb"), ("eg gir vidare", "nn"), ("will do", "en")])
def test_everybody_may_answer_in_the_languages_of_the_country_and_in_english(phrase: str, language: str) -> None:
    assert [tag for tag, said in vocabulary().answers.items() if compact(phrase) in said] == [language]
    assert understand(phrase, languages=("ti",)).guessed == ("language-word",)


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
