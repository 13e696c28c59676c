"""Danger to life is found in every language, and neither nonsense nor an everyday word is taken for it."""

import tomllib
from pathlib import Path
from random import Random
from typing import Any

import pytest

from messages.reply import Meaning, reads_as, understand
from messages.reply.danger import danger_words
from messages.reply.fold import compact
from messages.reply.samples import samples
from messages.reply.words import tables

LANGUAGES = list(tables())
#: letters
SHORTEST_BEGINNING = 5
#: of words that mean nothing, how many may begin like danger by chance: one in ten thousand
BY_CHANCE = 2
SYLLABLES = [
    ["b", "bl", "br", "d", "dr", "f", "fl", "g", "gr", "h", "k", "kl", "kn", "l", "m", "n", "p", "r", "s", "sk", "t", "tr", "v"],
    ["a", "e", "i", "o", "u", "y"],
    ["f", "g", "k", "l", "m", "n", "p", "r", "rp", "s", "t"],
]
#: what alerts are about; quoted back, it is no danger
TOPICS = [
    *("vann", "KOK VANNET", "brannfare", "skogbrann", "flom", "ras", "storm", "evakuering", "strømbrudd", "water"),
    *("BOIL THE WATER", "forest fire", "flood", "landslide", "storm", "evacuate", "power cut", "ماء", "فيضان"),
    *("حريق الغابة", "вода", "повінь", "лісова пожежа", "наводнение", "лесной пожар", "biyo", "daad", "dab kaynta ah", "ማይ"),
    *("ዋሕዚ", "እሳት በጫካ", "ውሃ", "آب", "سیل", "اوبه", "av", "lehî", "ئاو", "لافاو", "su", "sel", "orman yangını", "پانی"),
    *("سیلاب", "vanduo", "potvynis", "apă", "inundație", "agua", "incendio forestal", "eau", "inondation", "น้ำ", "น้ำท่วม"),
    *("nước", "lũ lụt", "ရေ", "ရေကြီးခြင်း", "maji", "mafuriko", "čáhci", "dulvi", "woda", "powódź"),
]


def test_what_is_missing_is_named_by_both_words_and_only_on_one_line() -> None:
    assert reads_as("Datteren min er forsvunnet") == ("datter* + forsvunnet",)
    assert reads_as("Dattera og gutten er vekk") == ("datter* + er vekk",)
    padding = "Dette er en lang melding om noe annet. " * 5
    assert reads_as(f"{padding}\nDatteren min spør\nhvorfor nettet forsvant") == ()
    assert reads_as(f"{padding}\nDatteren min forsvant\nTakk") == ("datter* + forsvant",)
    assert reads_as("Nettet forsvant, sier min kone") == ("kone + forsvant",)  # rather one too many


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_beginning_that_stands_for_danger_is_longer_than_what_nonsense_hits(language: str) -> None:
    for entry in tables()[language]["danger"]:
        if "*" in entry and " + " not in entry and not entry.startswith("=") and (word := compact(entry)).isascii():
            assert len(word) >= SHORTEST_BEGINNING, entry


NONSENSE = [
    "blorp",
    "Blorp blorp",
    "blorf!",
    "asdf",
    "qwerty",
    "fnord",
    "xyzzy",
    "grumf",
    "knipvil",
    "dauki",
    "noyeb",
    "drekk",
    "lalala",
    "блорп",
    "بلورب",
]


@pytest.mark.parametrize("text", NONSENSE)
def test_nonsense_is_unclear_and_goes_to_a_person(text: str) -> None:
    said = understand(text, languages=("nb",))
    assert (said.meaning, said.danger, said.guessed) == (Meaning.MESSAGE, False, ())


def test_of_twenty_thousand_words_that_mean_nothing_hardly_one_begins_like_danger() -> None:
    dice = Random(4)
    words = ["".join(dice.choice(part) for part in (*SYLLABLES, *SYLLABLES[:2])) for _ in range(20_000)]
    found = [entry for at in range(0, len(words), 1_000) for entry in danger_words("\n".join(words[at : at + 1_000]))]
    assert len([entry for entry in found if "*" in entry]) <= BY_CHANCE


@pytest.mark.parametrize(
    "text",
    [
        *("Jeg følger nøye med", "Les nøye!", "Ring de gule sidene", "Have a blessed day", "God bless you all", "Am dreptul la un răspuns"),
        *("Drept urmare, am citit", "Kar yere düştü", "Parašykite vardą", "Пропал интернет", "Світло зникло", "پیغام مې ورکړ"),
    ],
)
def test_an_everyday_word_is_no_danger_although_it_resembles_one_elsewhere(text: str) -> None:
    assert reads_as(text) == ()


@pytest.mark.parametrize(
    "text",
    [
        *("Han blør mye", "han blor", "Hun begynte å blø", "Naboen har hjerneblødning", "Ho blødde", "Han ble drept", "En mann med kniv"),
        *(
            "On l'a retrouvé noyé",
            "il est noye",
            "Un homme est blessé",
            "3 blesses",
            "Bi gule lê dan",
            "Aš dūstu",
            "Aš DUSTU",
            "Son vardá",
            "Он пропал",
        ),
    ],
)
def test_the_danger_beside_it_is_still_found(text: str) -> None:
    assert reads_as(text)


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
    assert reads_as(f"Mottatt\n\n{wrote}\n> barn er savnet", mail=True) == ()
    assert reads_as("barn er savnet") == ("savnet", "savner + barn*")[:1]


def test_words_of_one_entry_stand_on_one_line_of_a_long_message() -> None:
    assert "barn* + borte" in reads_as("Barna\ner borte")
    padding = "Dette er en lang melding om noe annet. " * 5
    assert reads_as(f"{padding}\nBarna\ner borte") == ()
    assert reads_as(f"{padding}\nBarna er borte") == ("barn* + borte",)


def test_in_one_sms_lines_may_break_anywhere_and_in_a_longer_text_not() -> None:
    for length, found in ((160, ("barn* + borte",)), (161, ())):
        text = "Barna\ner borte".rjust(length, "-")
        assert (len(text), danger_words(text)) == (length, found)


def test_ten_thousand_characters_are_searched_and_no_more() -> None:
    for length, found in ((10_000, ("savnet",)), (10_001, ())):
        assert danger_words("savnet".rjust(length, "-")) == found


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


@pytest.mark.parametrize("text", ["hjelp " * 17, "HJELP!! " * 40, "Hjelp\n" * 30 + "brann"])
def test_a_cry_may_be_as_long_as_fear_makes_it(text: str) -> None:
    assert understand(text, languages=("nb",)).danger
    assert not understand(text + " vann", languages=("nb",)).danger


def test_nothing_is_no_cry() -> None:
    assert (danger_words(""), danger_words(" \n"), danger_words("…")) == ((), (), ())


@pytest.mark.parametrize(
    ("text", "is_danger"), [("brann, hjelp", True), ("Hjelp! Hjelp!", True), ("hjelp vann", False), ("takk for hjelp", False)]
)
def test_cries_alone_are_danger_however_many(text: str, *, is_danger: bool) -> None:
    assert understand(text, languages=("nb",)).danger is is_danger
