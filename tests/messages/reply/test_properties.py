"""What holds for every text there is."""

from typing import Any

import pytest
from hypothesis import given, settings, strategies as st

from messages.reply import GUESSES, Meaning, Reply, is_automatic, reads_as, text_of_html, understand, unquoted
from messages.reply.danger import danger_words
from messages.reply.fold import visible
from messages.reply.grammar import own_words
from messages.reply.samples import FULL_WIDTH, KEYCAP, OWN_DIGITS
from messages.reply.words import tables

LANGUAGES = list(tables())
#: characters that this grammar knows something about, more often than chance would bring them
LETTERS = st.text(
    st.sampled_from("0123456789 \n.,:-#+()>@aAbİıéæøй٤۴၄๔፬፵👍✔\u200f\u2067\ufe0f\u20e3\u200c\u0301یكةሐሀเด็กကလေး") | st.characters()
)
ENTRIES = [entry for table in tables().values() for name, entries in table.items() if name != "review" for entry in entries]
TEXTS = LETTERS | st.lists(st.sampled_from(ENTRIES) | st.sampled_from(["1", "3", "40", "63", "\n", "-", "👍"]), max_size=8).map(" ".join)
SCRIPTS = st.sampled_from(["0123456789", FULL_WIDTH, *OWN_DIGITS.values(), "०१२३४५६७८९", "𝟎𝟏𝟐𝟑𝟒𝟓𝟔𝟕𝟖𝟗"])


@settings(max_examples=1_000, deadline=None)
@given(
    TEXTS,
    st.fixed_dictionaries(
        {},
        optional={
            "languages": st.lists(st.sampled_from([*LANGUAGES, "xx"]), max_size=3),
            "payload": st.text(max_size=8),
            "count_open": st.booleans(),
            "automatic": st.booleans(),
            "mail": st.booleans(),
            "open_alerts": st.lists(st.integers(-5, 200), max_size=3),
        },
    ),
)
def test_it_never_raises_and_keeps_its_word(text: str, known: dict[str, Any]) -> None:
    said = understand(text, **known)
    automatic = known.get("automatic", False)
    assert set(said.guessed) <= set(GUESSES)
    assert said.text == own_words(text, mail=known.get("mail", False))
    assert said.count is None or (said.meaning is Meaning.PASSED_ON and said.count >= 0)
    assert said.legend in (None, 0, 6, 7, 8, 9)
    assert said.means == "" or said.count is not None
    assert said.means in text
    assert (said.meaning is Meaning.AUTO_REPLY) is automatic
    assert said.meaning is not Meaning.EMPTY or said.text == "" or not any(map(visible, said.text))
    assert said.danger is bool(danger_words(said.text))


@settings(max_examples=300, deadline=None)
@given(TEXTS)
def test_what_is_unquoted_stays_so(text: str) -> None:
    once = unquoted(text)
    assert unquoted(once) == once
    assert len(once) <= len(text)
    assert not once or understand(once, mail=True) == understand(text, mail=True)


@settings(max_examples=300, deadline=None)
@given(TEXTS, st.booleans())
def test_danger_is_the_same_by_either_door(text: str, mail: bool) -> None:  # noqa: FBT001
    assert understand(text, mail=mail).danger is bool(reads_as(text, mail=mail))


@settings(max_examples=300, deadline=None)
@given(st.text(st.sampled_from("<>/!-[]&;#\"'= \nabpdivgmail_quoteclas1") | st.characters()), st.dictionaries(st.text(), st.text()))
def test_markup_and_headers_never_raise(text: str, headers: dict[str, str]) -> None:
    assert isinstance(text_of_html(text), str)
    assert isinstance(is_automatic(headers, text), bool)


@settings(max_examples=300)
@given(st.integers(1, 99_999), SCRIPTS, st.sampled_from([" ", ": ", ", ", "\n", " - ", " = "]))
def test_every_count_in_every_script_both_ways(count: int, script: str, between: str) -> None:
    digits = str.maketrans("0123456789", script)
    said = understand(f"3{between}{count}".translate(digits))
    assert (said.meaning, said.count, said.legend) == (Meaning.PASSED_ON, count, 0)
    assert ("count-implausible" in said.guessed) is (count > 5_000)
    turned = understand(f"{count} 3".translate(digits))
    if count in (1, 2, 4, 5, 8, 9):
        assert turned.count is None  # two answers, and no count
        return
    assert (turned.meaning, turned.legend) == (Meaning.PASSED_ON, int(str(count)[0]) if count in (63, 73, 83, 93) else 0)
    assert turned.count == (3 if count in (3, 63, 73, 83, 93) else count)
    assert understand(str(count).translate(digits), count_open=True).count == count


@settings(max_examples=300)
@given(st.integers(0, 9), st.sampled_from(LANGUAGES), st.data())
def test_a_digit_and_an_unknown_word_is_for_a_person(digit: int, language: str, data: st.DataObject) -> None:
    word = data.draw(st.text("qxzw", min_size=2, max_size=12))
    for text in (f"{digit} {word}", f"{word} {digit}", f"{digit}{word}", f"{digit} {word}", f"{digit}: {word} {word}"):
        assert understand(text, languages=[language]).meaning is Meaning.MESSAGE
        assert understand(text, languages=[language], count_open=True).meaning is Meaning.MESSAGE


@settings(max_examples=200)
@given(st.text("\u200b\u200e\u200f\u202a\u202c\u2067\u2069\ufeff\ufe0f\u00ad \t.!«»()*_", max_size=12), st.sampled_from("124589"))
def test_what_is_not_seen_changes_nothing(around: str, digit: str) -> None:
    bare = understand(digit)
    assert understand(f"{around}{digit}{around}").meaning is bare.meaning
    assert understand(f"{around}{digit}{KEYCAP}").meaning is bare.meaning


@pytest.mark.parametrize(
    "text",
    [
        "barn savnet " * 90_000,
        "3 " * 500_000,
        "👍" * 1_000_000,
        "1\n" * 500_000,
        "hei " * 75,
        "a\u0300\u0316" * 400_000,
        "mottatt, " * 30 + "x",
    ],
    ids=lambda text: repr(text[:8]),
)
def test_a_megabyte_is_read_to_its_end(text: str) -> None:
    """What takes more than a pass or two over a megabyte takes hours, and the clock over all tests ends it."""
    assert isinstance(understand(text), Reply)
