"""The word lists keep their own rules, so that a translator's change cannot turn one answer into another."""

import pytest

from messages.alert import Review
from messages.languages import get
from messages.reply import Meaning, understand
from messages.reply.danger import TOGETHER, Phrase, _phrase, classes, danger_words, dangers
from messages.reply.fold import compact
from messages.reply.words import ANSWERS, Vocabulary, meaning_of, tables, vocabulary

LANGUAGES = list(tables())
LISTS = {*ANSWERS, "thanks", "polite", "about", "range", "people", "means", "denied", "number_marks", "danger", "cry", "kin", "missing"}
OPTIONAL = {"numbers", "endings"}
CLASSES = {name for together in TOGETHER for name in together} - {"kin", "missing"} | {"danger", "calm"}
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
def test_every_language_has_every_class_of_danger_and_no_word_twice(language: str) -> None:
    table = classes()[language]
    assert set(table) == CLASSES | {"review"}
    assert Review(str(table["review"]).upper())
    for name in CLASSES:
        assert table[name], name
        assert len(set(table[name])) == len(table[name]), name
        assert all(len(compact(entry)) > 0 for entry in table[name]), name


@pytest.mark.parametrize("word", sorted(set(NEVER)))
def test_yes_no_and_operators_words_are_nobodys_answer(word: str) -> None:
    assert not any(compact(word) in said for said in vocabulary().answers.values())
    assert understand(word).meaning is Meaning.MESSAGE


# --- how the lists are read -----------------------------------------------------------------------------------------------

EMPTY_TABLE: dict[str, list[str]] = {name: [] for name in (*LISTS, *OPTIONAL)}
#: two made-up languages
MADE = {
    "nb": EMPTY_TABLE | {"received": ["Ja vel"], "numbers": ["en", "to"], "endings": ["Krap"], "danger": ["=élg + rév*", "barn* + borte"]},
    "se": EMPTY_TABLE
    | {"received": ["hm"], "cannot": ["Javel", "nope"], "means": ["moske*", "kafé"], "kin": ["sønn*"], "missing": ["vekk"]},
}
NO_CLASSES: dict[str, list[str]] = {name: [] for name in CLASSES}
MADE_CLASSES = {
    "nb": NO_CLASSES | {"mass": ["tre"], "struck": ["falt"], "place": ["hus*"], "calm": ["i fjor"], "danger": ["angrep"]},
    "se": NO_CLASSES | {"who": ["son"], "harm": ["rev + bitt"]},
}


@pytest.fixture(name="made")
def _made(monkeypatch: pytest.MonkeyPatch) -> Vocabulary:
    vocabulary_of_these, dangers_of_these = vocabulary.__wrapped__, dangers.__wrapped__
    monkeypatch.setattr("messages.reply.words.tables", lambda: MADE)
    monkeypatch.setattr("messages.reply.danger.tables", lambda: MADE)
    monkeypatch.setattr("messages.reply.danger.classes", lambda: MADE_CLASSES)
    made, dangers_made = vocabulary_of_these(), dangers_of_these()
    monkeypatch.setattr("messages.reply.danger.dangers", lambda: dangers_made)
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


@pytest.mark.usefixtures("made")
def test_a_word_of_each_class_of_one_language_on_one_line_is_danger_in_any_order() -> None:
    padding = "-" * 160
    assert danger_words("Huset! Et tre falt") == danger_words("falt, tre\nhuset") == ("tre + falt + hus*",)
    assert danger_words(f"{padding}\nEt tre falt\nhuset") == danger_words("Et tre i huset") == danger_words("tre falt, son") == ()
    assert danger_words("bitt av rev er son") == ("son + rev + bitt",)
    assert danger_words("bitt er son") == ()
    assert danger_words("angrep") == ("angrep",)


@pytest.mark.usefixtures("made")
def test_a_clause_that_says_all_is_well_counts_for_nothing_and_the_next_clause_counts() -> None:
    padding = "-" * 160
    assert danger_words("I fjor falt et tre på huset") == danger_words("I fjor falt et tre, huset står") == ()
    assert danger_words("Som i fjor: nå falt et tre på huset") == ("tre + falt + hus*",)
    assert danger_words(f"{padding}\nsom i fjor\nEt tre falt på huset") == ("tre + falt + hus*",)
    assert danger_words("I fjor kom et angrep") == ("angrep",)  # what is never everyday stays danger


@pytest.mark.parametrize(("phrase", "language"), [("jeg gir videre", "nb"), ("eg gir vidare", "nn"), ("will do", "en")])
def test_everybody_may_answer_in_the_languages_of_the_country_and_in_english(phrase: str, language: str) -> None:
    assert [tag for tag, said in vocabulary().answers.items() if compact(phrase) in said] == [language]
    assert understand(phrase, languages=("ti",)).guessed == ("language-word",)


@pytest.mark.parametrize(
    ("entry", "needles", "exact"),
    [
        ("=blør", (" blør ",), True),
        ("=*brann", ("brann ",), True),
        ("=hus* + brann", (" hus", " brann "), True),
        ("*brann*", ("brann",), False),
    ],
)
def test_a_danger_entry_says_which_ends_are_open_and_whether_accents_count(entry: str, needles: tuple[str, ...], *, exact: bool) -> None:
    assert _phrase(entry) == Phrase(entry, needles, exact=exact)
