"""SMS are counted as they are billed: a table by hand, laws by hypothesis, and another program's opinion."""

import pytest
from hypothesis import given, settings, strategies as st

from messages.segments import LIMITS, Change, Coding, Count, Normalised, alphabet, count, normalise, split, units
from tests.messages.oracle import ESCAPE_RULE, LETTERS, compare

GSM, UCS = Coding.GSM7, Coding.UCS2
FLAG, FAMILY, KEYCAP = "🇳🇴", "👨\u200d👩\u200d👧", "1\ufe0f\u20e3"

COUNTS = [
    ("", Count(GSM, 0, 1, 160)),
    ("a" * 160, Count(GSM, 160, 1, 0)),
    ("a" * 161, Count(GSM, 161, 2, 145)),
    ("a" * 306, Count(GSM, 306, 2, 0)),
    ("a" * 307, Count(GSM, 307, 3, 152)),
    ("æøåÆØÅäöñüßéèìòàÇΔΩ", Count(GSM, 19, 1, 141)),
    ("€" * 80, Count(GSM, 160, 1, 0)),
    # 152 + an escape would cut the pair: it moves to the next part as a whole
    ("a" * 152 + "€" + "a" * 7, Count(GSM, 161, 2, 144)),
    ("ç", Count(UCS, 1, 1, 69)),
    ("я" * 70, Count(UCS, 70, 1, 0)),
    ("я" * 71, Count(UCS, 71, 2, 63)),
    ("я" * 134, Count(UCS, 134, 2, 0)),
    ("я" * 135, Count(UCS, 135, 3, 66)),
    ("😀" * 35, Count(UCS, 70, 1, 0)),
    # 33 pairs fill 66 of 67: one unit stays empty in the first part
    ("😀" * 36, Count(UCS, 72, 2, 61)),
    (FLAG, Count(UCS, 4, 1, 66)),
    ("я" * 65 + FLAG + "я" * 10, Count(UCS, 79, 2, 53)),
    ("\x1b", Count(UCS, 1, 1, 69)),
    ("я" * 66 + "\r\n" + "я" * 10, Count(UCS, 78, 2, 55)),
    ("\ud800", Count(UCS, 1, 1, 69)),
    ("\uffff", Count(UCS, 1, 1, 69)),
]


@pytest.mark.parametrize(("text", "expected"), COUNTS)
def test_counts(text: str, expected: Count) -> None:
    assert count(text) == expected


@pytest.mark.parametrize("cluster", [FLAG, FAMILY, KEYCAP, "က္က", "नि", "é"[0:1] + "\u0301", "\r\n"])
def test_what_a_reader_takes_for_one_letter_stays_whole(cluster: str) -> None:
    for lead in range(60, 68):
        parts = split("я" * lead + cluster + "я" * 30)
        assert any(cluster in part for part in parts), lead


@pytest.mark.parametrize(("text", "parts"), [("a" * 160, 1), ("a" * 161, 2), ("я" * 70, 1), ("я" * 71, 2)])
def test_a_text_that_fits_alone_is_not_cut(text: str, parts: int) -> None:
    assert len(split(text)) == parts


def test_a_letter_that_just_fits_a_part_has_one_of_its_own() -> None:
    big = "я" + "\u0301" * 66
    assert split("я" * 60 + big + "яя") == ["я" * 60, big, "яя"]


def test_a_monstrous_letter_is_cut_between_characters() -> None:
    zalgo = "я" + "\u0301" * 200
    assert "".join(split(zalgo)) == zalgo
    assert [units(part, UCS) for part in split(zalgo)] == [67, 67, 67]


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_smsutil_agrees_on_texts_of_all_scripts_or_a_stated_rule_says_why_not() -> None:
    """Of 20,000; `python -m tests.messages.oracle` compares 100,000 and prints the rules."""
    found = compare(20_000, seed=12)
    assert found.alike > 12_000
    assert set(found.by_rule) == {*LETTERS, ESCAPE_RULE}


@given(st.text(max_size=400))
@settings(max_examples=300, deadline=None)
def test_laws_of_cutting(text: str) -> None:
    used, parts = alphabet(text), split(text)
    alone, each = LIMITS[used]
    assert "".join(parts) == text
    assert all(parts) or text == ""
    assert all(units(part, used) <= (alone if len(parts) == 1 else each) for part in parts)
    assert count(text).segments == len(parts)
    assert count(text).left == (alone if len(parts) == 1 else each) - units(parts[-1], used)


NORMALISED = [
    # text, language, result
    ("«Kok vannet» – nå…", "nb", '"Kok vannet" - nå...'),
    ("kl.\u00a018.00\r\nNr. 12", "nb", "kl. 18.00\nNr. 12"),
    ("cafe\u0301", "en", "café"),
    # one ğ keeps it in UCS-2: then the typography may stay, it costs nothing
    ("“Ağaç” – su", "tr", "“Ağaç” – su"),
    # joiners are spelling in Persian and Sorani
    ("می\u200cخواهم", "fa", "می\u200cخواهم"),
    ("ده\u200cست «٣»", "ckb", "ده\u200cست «٣»"),
    ("word\u200b\u00ad", "en", "word"),
    ("\u2068Nr. 12\u2069", "ar", "Nr. 12"),
    ("１２ ﬁre", "en", "12 fire"),
    ("°C – 10", "nb", "°C – 10"),
    ("„вода“", "uk", "„вода“"),
    ("„woda”", "xx", '"woda"'),
    ("", "nb", ""),
    ("«112»", "xx", '"112"'),
    ("kl：18", "nb", "kl：18"),
]


@pytest.mark.parametrize(("text", "language", "expected"), NORMALISED)
def test_normalised(text: str, language: str, expected: str) -> None:
    assert normalise(text, language).text == expected


#: everything that a Latin text may cost more for, and what an old phone has in its place
LOOK_ALIKES = [
    *((char, "'") for char in "‘’‚‛′´`ʼʹ‹›＇"),
    *((char, '"') for char in "“”„‟″«»＂"),
    *((char, "-") for char in "‐‑‒–—―−⁃－•·∙●◦"),
    *((char, " ") for char in "\t\u00a0\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u205f\u3000"),
    *((char, "") for char in "\u200b\u200c\u200d\u200e\u200f\u2060\ufeff\u00ad\ufe0e\ufe0f"),
    *((chr(0xFF10 + digit), str(digit)) for digit in range(10)),
    *(("…", "..."), ("ﬁ", "fi"), ("ﬂ", "fl"), ("⁄", "/"), ("×", "x")),
]


@pytest.mark.parametrize(("char", "plain"), LOOK_ALIKES)
def test_a_look_alike_is_what_gsm_has_for_it(char: str, plain: str) -> None:
    assert normalise(f"a{char}b", "nb") == Normalised(f"a{plain}b", (Change(char, plain, 1),))


@pytest.mark.parametrize("line_end", ["\r\n", "\r", "\u2028", "\u2029"])
def test_a_line_ends_in_one_way_in_every_script(line_end: str) -> None:
    assert normalise(f"вода{line_end}вода", "uk").text == "вода\nвода"


@pytest.mark.parametrize("mark", "\u2066\u2067\u2068\u2069\u202a\u202b\u202c\u202d\u202e")
def test_direction_marks_of_pages_are_never_sent(mark: str) -> None:
    assert normalise(f"رقم{mark}12", "ar").text == "رقم12"


def test_the_alphabets_are_called_what_the_trade_calls_them() -> None:
    assert [str(coding) for coding in Coding] == ["GSM-7", "UCS-2"]
    assert alphabet("@") is GSM


def test_every_change_is_shown_to_the_author() -> None:
    changed = normalise("«a» «b»\r\n", "nb")
    assert set(changed.changes) == {Change("«", '"', 2), Change("»", '"', 2), Change("\r\n", "\n", 1)}
    assert normalise("a", "nb").changes == ()


@given(st.text(max_size=200), st.sampled_from(["nb", "ar", "fa", "xx", "th"]))
@settings(max_examples=200, deadline=None)
def test_normalising_twice_changes_nothing_more_and_never_costs(text: str, language: str) -> None:
    once = normalise(text, language)
    assert normalise(once.text, language).text == once.text
    assert count(once.text).segments <= count(text).segments or len(once.text) > len(text)
