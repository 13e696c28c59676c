"""The registry, the choice of a text with its reason, and times as readers read them."""

import json
import subprocess
import sys
from datetime import UTC, datetime, timedelta

import pytest
from babel import Locale
from hypothesis import given, strategies as st

from messages.languages import (
    Choice,
    UnknownLanguageError,
    Why,
    all_languages,
    choose,
    direction,
    fits_label,
    get,
    isolate,
    name,
    normalise,
    number,
    script_of,
    when,
)

EVENING = datetime(2026, 11, 23, 17, 0, tzinfo=UTC)


def test_the_registry_holds_what_norway_speaks() -> None:
    tags = [language.tag for language in all_languages()]
    asked = "nb nn en se uk ar ru pl ti so fa fa-AF ps ku ckb tr am ur lt ro es fr th vi my sw"
    assert len(tags) >= 40
    assert set(asked.split()) <= set(tags)
    assert len(tags) == len(set(tags))


@pytest.mark.parametrize("language", all_languages(), ids=lambda language: language.tag)
def test_every_row_is_whole(language: object) -> None:
    assert isinstance(language, type(get("nb")))
    assert set(language.names) == {"nb", "nn", "en"}
    assert all(language.names.values())
    assert language.own_name
    assert len(language.script) == 4
    assert len(language.weekdays) in (0, 7)
    assert bool(language.weekdays) == (language.locale is not None)
    assert all(normalise(tag) == tag for tag in language.accepts)
    assert all(normalise(alias) == language.tag for alias in language.aliases)
    assert fits_label(language.own_name, language.tag)


def test_babel_knows_every_locale() -> None:
    for language in all_languages():
        if language.locale:
            assert Locale.parse(language.locale, sep="-").language == language.tag.split("-")[0]


def test_no_spelling_means_two_languages() -> None:
    spellings = [spelling.lower() for language in all_languages() for spelling in (language.tag, *language.aliases)]
    assert len(spellings) == len(set(spellings))


NORMALISED = [
    ("prs", "fa-AF"),
    ("no", "nb"),
    ("no-NO", "nb"),
    ("nb_NO", "nb"),
    ("NN", "nn"),
    ("kmr", "ku"),
    ("ku-TR", "ku"),
    ("en-GB", "en"),
    ("EN-us", "en"),
    (" ar ", "ar"),
    ("ar-SY", "ar"),
    ("fa-IR", "fa"),
    ("fa_AF", "fa-AF"),
    ("sr", "sr-Cyrl"),
    ("sr-Latn-RS", "sr-Latn"),
    ("zh", "zh-Hans"),
    ("zh_TW", "zh-Hant"),
    ("zh-Hant-HK", "zh-Hant"),
    ("pnb", "pa-Arab"),
    ("pa-PK", "pa-Arab"),
    ("tl", "fil"),
    ("kar", "ksw"),
    ("tir", "ti"),
    ("xx", None),
    ("", None),
    ("-", None),
    ("norsk", None),
]


@pytest.mark.parametrize(("tag", "expected"), NORMALISED)
def test_normalised(tag: str, expected: str | None) -> None:
    assert normalise(tag) == expected


def test_an_unknown_language_is_said() -> None:
    with pytest.raises(UnknownLanguageError, match="'xx'"):
        get("xx")


CHOICES = [
    (["ti"], ["nb", "en", "ti"], "nb", Choice("ti", Why.OWN)),
    (["ti", "am"], ["nb", "am"], "nb", Choice("am", Why.ACCEPTED)),
    (["ti", "am", "ar"], ["ar", "am"], "nb", Choice("am", Why.ACCEPTED)),
    (["prs"], ["fa", "fa-AF", "nb"], "nb", Choice("fa-AF", Why.OWN)),
    # nobody is given a neighbour's language unasked: not even dari readers a persian text
    (["fa-AF"], ["fa", "nb"], "nb", Choice("nb", Why.NORWEGIAN)),
    (["uk"], ["ru", "en"], "nb", Choice("en", Why.ENGLISH)),
    (["ku"], ["tr", "nn"], "nb", Choice("nn", Why.NORWEGIAN)),
    (["ti"], ["nb", "nn", "en"], "nn", Choice("nn", Why.NORWEGIAN)),
    (["nn"], ["nb", "en"], "nn", Choice("nb", Why.NORWEGIAN)),
    ([], ["so", "pl"], "nb", Choice("pl", Why.ONLY)),
    (["en"], ["en"], "nb", Choice("en", Why.OWN)),
    # the text's own label comes back, so that the caller finds it
    (["en"], ["en-GB", "nb"], "nb", Choice("en-GB", Why.OWN)),
    (["xx"], ["xx", "nb"], "nb", Choice("xx", Why.OWN)),
]


@pytest.mark.parametrize(("person", "available", "norwegian", "expected"), CHOICES)
def test_chosen(person: list[str], available: list[str], norwegian: str, expected: Choice) -> None:
    assert choose(person, available, norwegian=norwegian) == expected
    assert choose(person, set(available), norwegian=norwegian) == expected


def test_no_text_at_all_is_said() -> None:
    with pytest.raises(UnknownLanguageError, match="no text"):
        choose(["nb"], [])


TAGS = st.sampled_from([language.tag for language in all_languages()])


@given(st.lists(TAGS, max_size=4), st.sets(TAGS, min_size=1))
def test_a_choice_is_always_one_of_the_texts_and_never_a_guess(person: list[str], available: set[str]) -> None:
    choice = choose(person, available)
    assert choice.language in available
    if choice.why in (Why.OWN, Why.ACCEPTED):
        assert choice.language in person
    else:
        assert not set(person) & available
    if choice.why is Why.ONLY:
        assert not {"nb", "nn", "en"} & available


TIMES = [
    ("nb", None, "man. 23.11 kl. 18.00"),
    ("nn", None, "må. 23.11 kl. 18.00"),
    ("en", None, "Mon 23.11 18:00"),
    ("uk", None, "пн 23.11 18:00"),
    ("ar", None, "الاثنين 23.11 18:00"),
    ("ti", None, "ሰኑ 23.11 18:00"),
    ("vi", None, "Th 2 23.11 18:00"),
    # Babel knows no Dinka: Norwegian weekdays
    ("din", None, "man. 23.11 18:00"),
    ("nb", EVENING - timedelta(hours=9), "kl. 18.00"),
    ("ar", EVENING, "18:00"),
    # the day is the reader's, not UTC's: 23:30 UTC is the next day in Norway
    ("nb", EVENING - timedelta(hours=17, minutes=30), "kl. 18.00"),
    ("nb", EVENING - timedelta(hours=18, minutes=30), "man. 23.11 kl. 18.00"),
]


@pytest.mark.parametrize(("language", "now", "expected"), TIMES)
def test_when(language: str, now: datetime | None, expected: str) -> None:
    assert when(EVENING, language, "Europe/Oslo", now) == expected


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        (EVENING, "man. 23.11 kl. 18.00"),
        (EVENING.replace(month=1), "man. 23.11 kl. 18.00"),
        (EVENING.replace(year=2025), "man. 23.11.2026 kl. 18.00"),
        # the year is the reader's, not UTC's: 23:30 UTC on New Year's Eve is the next year in Norway
        (datetime(2025, 12, 31, 23, 30, tzinfo=UTC), "man. 23.11 kl. 18.00"),
    ],
)
def test_a_moment_in_another_year_than_when_it_is_told_has_its_year(told: datetime, expected: str) -> None:
    assert when(EVENING, "nb", "Europe/Oslo", told=told) == expected


def test_when_knows_summer_time() -> None:
    assert when(datetime(2026, 6, 1, 5, 5, tzinfo=UTC), "en", "Europe/Oslo") == "Mon 1.6 07:05"


def test_no_time_outgrows_an_sms() -> None:
    week = [EVENING + timedelta(days=days) for days in range(7)]
    longest = max((when(moment, language.tag, "Europe/Oslo") for moment in week for language in all_languages()), key=len)
    assert len(longest) <= 23, longest


BABEL = """
import json, sys
from babel import Locale
days = Locale.parse(sys.argv[1], sep="-").days["format"]["abbreviated"]
print(json.dumps([days[day] for day in range(7)]))
"""


@pytest.mark.parametrize("tag", ["nb", "ar", "fa", "ti", "sw", "my", "uk"])
def test_weekdays_are_those_of_cldr(tag: str) -> None:
    # a process of its own: once Babel has read a skeleton locale it may answer "Mon" in Arabic
    told = subprocess.run([sys.executable, "-c", BABEL, get(tag).locale or ""], capture_output=True, text=True, check=True)
    assert tuple(json.loads(told.stdout)) == get(tag).weekdays


NAMES = [
    ("fa-AF", "nb", "dari"),
    ("fa-AF", "en", "Dari"),
    ("ckb", "ckb", "کوردیی ناوەندی"),
    ("so", "uk", "сомалі"),
    ("din", "uk", "Thuɔŋjäŋ"),
    ("pl", "din", "polski"),
]


@pytest.mark.parametrize(("tag", "teller", "expected"), NAMES)
def test_name(tag: str, teller: str, expected: str) -> None:
    assert name(tag, teller) == expected


def test_direction_and_isolates() -> None:
    assert {tag: direction(tag) for tag in ("ar", "fa-AF", "ps", "ckb", "ur", "aii")} == dict.fromkeys(
        ("ar", "fa-AF", "ps", "ckb", "ur", "aii"), "rtl"
    )
    assert {direction(tag) for tag in ("nb", "ti", "ku", "my")} == {"ltr"}
    assert isolate("112") == "\u2068112\u2069"
    assert isolate("") == ""


SCRIPTS = [
    ("Kok vannet", "Latn"),
    ("Кип'ятіть воду", "Cyrl"),
    ("اغلوا الماء in Sørvik", "Arab"),
    ("ማይ ኣፍልሑ", "Ethi"),
    ("煮沸饮用水", "Hani"),
    ("112 +47 !", ""),
    ("", ""),
    # the letters of most, not of the first
    ("Sørvik: ማይ ኣፍልሑ ቅድሚ ምስታይኩም", "Ethi"),
]


@pytest.mark.parametrize(("text", "expected"), SCRIPTS)
def test_script_of(text: str, expected: str) -> None:
    assert script_of(text) == expected


LABELS = [
    ("Кип'ятіть воду", "nb", False),
    ("Kok vannet", "ar", False),
    ("Kok vannet", "so", True),
    ("112", "ar", True),
    ("煮沸饮用水", "zh-Hant", True),
]


@pytest.mark.parametrize(("text", "tag", "fits"), LABELS)
def test_wrong_labels_are_seen(text: str, tag: str, fits: bool) -> None:  # noqa: FBT001
    assert fits_label(text, tag) is fits


@pytest.mark.parametrize(
    ("value", "expected"), [(0, "0"), (40, "40"), (1200, "1200"), (9999, "9999"), (10000, "10 000"), (1234567, "1 234 567")]
)
def test_number(value: int, expected: str) -> None:
    assert number(value) == expected
