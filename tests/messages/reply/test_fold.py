"""The fold: what is one word, one number, one sign."""

import unicodedata

import pytest

from messages.reply.fold import Kind, accented, compact, number, spaced, tokens, visible


@pytest.mark.parametrize(
    "spellings",
    [
        ("aldım", "ALDIM", "aldim", "Aldım", "ALDİM"),
        ("jeg kan ikke", "JEG  KAN IKKE!", "jegkanikke", "jeg-kan-ikke"),
        ("čálii", "calii", "ČÁLII"),
        ("لا أستطيع", "لا استطیع", "لاأستطیع", "لَا أَسْتَطِيعُ", "لا أستطيـــع"),
        ("می‌رسانم", "می رسانم", "میرسانم", "مي‌رسانم"),
        ("کتاب", "كتاب"),
        ("ሓገዝ", "ሀገዝ", "ኀገዝ"),
        ("ሰላም", "ሠላም"),
        ("ዓለም", "አለም", "ኣለም"),
        ("ጸሎት", "ፀሎት"),
        ("отримав їх", "ОТРИМАВ ЇХ"),
        ("ещё", "еще"),
        ("đã nhận", "ĐÃ NHẬN", "da nhan", unicodedata.normalize("NFD", "đã nhận")),
        ("gitt", "ɢitt".replace("ɢ", "ｇ")),
        ("straße", "STRASSE"),
        ("œuvre", "oeuvre"),
        ("blåbær", "BLÅBÆR", "blabaer"),
        ("łódź", "lodz"),
        ("ŧŋđ", "tnd"),
        ("ឧ\u200bទ", "ឧទ"),
        ("👍", "👍🏽", "👍🏿"),
        ("شيء", "شی"),
    ],
)
def test_one_word_many_spellings(spellings: tuple[str, ...]) -> None:
    assert len({compact(spelling) for spelling in spellings}) == 1


@pytest.mark.parametrize(
    ("one", "other"), [("นำ", "น้า"), ("เด็ก", "เดก"), ("ရေ", "ရ"), ("ب", "ت"), ("ድ", "ደ"), ("ሐመ", "ሰመ"), ("መ", "ለ"), ("ሸ", "ሀ")]
)
def test_letters_that_only_look_like_marks_stay(one: str, other: str) -> None:
    assert compact(one) != compact(other)


#: (consonant, its marks), lowest and highest combining class of each script that may be left out; and those that may not
MARKS = [("ب", "\u064b\u0652\u0670"), ("ܒ", "\u0711"), ("ב", "\u05b0\u05bf"), ("a", "\u0321\u0301\u0345")]
LETTERS = [("ก", "\u0e38\u0e48"), ("က", "\u1037\u1039"), ("क", "\u093c\u094d"), ("ཀ", "\u0f71")]


@pytest.mark.parametrize(("letter", "mark"), [(letter, mark) for letter, marks in MARKS for mark in marks])
def test_a_mark_is_left_out_as_often_as_written(letter: str, mark: str) -> None:
    assert compact(letter + mark) == compact(letter)


@pytest.mark.parametrize(("letter", "sign"), [(letter, sign) for letter, signs in LETTERS for sign in signs])
def test_vowels_tones_and_killers_of_the_indic_scripts_and_thai_are_letters(letter: str, sign: str) -> None:
    assert compact(letter + sign) != compact(letter)


def test_the_numbers_of_ge_ez_are_no_words_from_the_first_to_the_last() -> None:
    for number_ in ("፩", "፼"):
        assert [token.kind for token in tokens(number_)] == [Kind.NUMBER]
    assert [token.text for token in tokens("፩")] == ["፩"]


@pytest.mark.parametrize(
    ("text", "kinds"),
    [
        ("3 40", "number number"),
        ("3-40", "number dash number"),
        ("3–40", "number dash number"),
        ("3−40", "number dash number"),
        ("3: 40, ja.", "number break number break word break"),
        ("40personer", "number word"),
        ("👍🏽 ok", "sign word"),
        ("👍👍", "sign"),
        ("❤️ ½ € 🔟", ""),
        ("#12", "word number"),
        ("፫፵ ፤ ab", "number break word"),
        ("4ဝ", "number"),
        ("ဝပ်", "word"),
        ("4ဝပ်", "number word"),
        ("don't", "word word"),
        ("", ""),
    ],
)
def test_tokens(text: str, kinds: str) -> None:
    assert " ".join(token.kind for token in tokens(text)) == kinds


def test_tokens_know_where_they_stood() -> None:
    line = "  3️⃣ på \u2067Åsen\u2069"
    assert [line[token.start : token.end] for token in tokens(line) if token.kind is Kind.WORD] == ["på", "Åsen"]
    assert [token.text for token in tokens(line)] == ["3", "pa", "asen"]


def test_spaced_and_accented() -> None:
    assert spaced("Å, nei: 3!") == " a nei 3 "
    assert accented("Å, nei: 3!") == " å nei 3 "
    assert accented("A\u030a ÖLDÜ") == " å öldü "
    assert spaced("…") == "  "
    assert spaced("أستطيـــع جزاء") == " استطیع جزا "
    assert spaced("20 kr½ ~ a") == " 20 kr a "


def test_a_wave_is_no_thumb() -> None:
    assert not any(token.kind is Kind.SIGN for token in tokens("~ ¬ v ❌ 👎 👋"))
    assert [token.text for token in tokens("👍 👌 ✅ ✔ ☑ ✓ 🆗")] == ["✓"] * 7


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("0", 0),
        ("007", 7),
        ("999999999", 999_999_999),
        ("1234567890", None),
        ("፩", 1),
        ("፲", 10),
        ("፵፭", 45),
        ("፻", 100),
        ("፪፻", 200),
        ("፪፻፵፭", 245),
        ("፻፩", 101),
        ("፭፵", None),
        ("፩፲", None),
        ("፵፵", None),
        ("፼", None),
        ("፻፼", None),
    ],
)
def test_numbers(text: str, value: int | None) -> None:
    assert number(text) == value


@pytest.mark.parametrize(
    ("text", "seen"), [("", False), (" \t\u00a0", False), ("\u200f\ufe0f\u200b", False), ("?", True), ("❤", True), ("x", True)]
)
def test_visible(text: str, seen: bool) -> None:  # noqa: FBT001 - a column of the table
    assert visible(text) is seen


def test_every_digit_that_unicode_knows_is_read() -> None:
    for code in range(0x110000):
        character = chr(code)
        if unicodedata.category(character) == "Nd":
            (token,) = tokens(character)
            assert number(token.text) == unicodedata.decimal(character)


def test_a_colour_of_skin_alone_is_nothing_to_see() -> None:
    assert not visible("\U0001f3fd")
    assert [token.kind for token in tokens("👍\U0001f3fd")] == [Kind.SIGN]


def test_what_stands_behind_the_last_geez_numeral_is_no_number() -> None:
    assert [token.kind for token in tokens("\u137c")] == [Kind.NUMBER]
    assert tokens("\u137d") == []


def test_a_hamza_of_its_own_divides_no_word() -> None:
    assert spaced("جزءا") == spaced("جزا")
