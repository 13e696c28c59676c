"""Folds letters and digits of every script onto one spelling, so that what people type can be compared.

`ALDIM`, `aldım` and `aldim` become one word; `٤٠`, `４０`, `4️⃣0️⃣` and `፵` become one number. Vocabulary and replies go through
the same fold, so a fold only has to be consistent, not right for a linguist.
"""

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from itertools import groupby

#: signs that say "received" wherever people send them; skin tones and variation selectors are stripped before
SIGNS = frozenset("👍👌✅✔☑✓🆗")
SIGN = "✓"

#: letters that carry no decomposition in Unicode, or that people write for one another
_LETTERS = (
    dict(zip("øđðłıŧŋħґ", "oddlitnhг", strict=True))
    | {"æ": "ae", "œ": "oe"}
    | dict(zip("يىېۍێكةہھەۃٱګںۆڵڕ", "یییییکهههههاگنولر", strict=True))
    | {"ء": "", "ـ": ""}
)
#: Ge'ez rows that sound alike in Amharic and are mixed in Tigrinya: (row, row it is read as)
_GEEZ_ROWS = ((0x1210, 0x1200), (0x1280, 0x1200), (0x1220, 0x1230), (0x12D0, 0x12A0), (0x1340, 0x1338))
_GEEZ = {chr(row + order): chr(read_as + order) for row, read_as in _GEEZ_ROWS for order in range(8)}
_GEEZ_ORDERS = {"ሃ": "ሀ", "ኣ": "አ"}

#: beginnings of the names of characters that only dress another: colours of skin, keycaps, choices of picture
_DRESS = ("COMBINING", "EMOJI MODIFIER", "VARIATION SELECTOR")
#: characters read as another, before anything else: signs, what ends a clause, a minus for a dash, and # for "no."
_SPECIAL = dict.fromkeys(SIGNS, SIGN) | dict.fromkeys(",.;:!?\n，．。；：！？،؛؟۔၊။፡።፣፤፥፦፧", ",") | {"−": "-", "#": "no"}
_GEEZ_NUMBERS = range(0x1369, 0x137D)
#: the Burmese letter wa, typed for zero because it looks the same
_WA_FOR_ZERO = re.compile("(?<=[0-9၀-၉])ဝ+(?![က-႟])")


class Kind(StrEnum):
    """What a token is made of."""

    WORD = "word"
    NUMBER = "number"
    SIGN = "sign"
    DASH = "dash"
    BREAK = "break"


@dataclass(frozen=True, slots=True)
class Token:
    """A run of like characters: folded text, and where it stood in the line."""

    kind: Kind
    text: str
    start: int
    end: int


class _Fold(dict[str, str]):
    """Character -> folded text: "" for what is not there, " " for what only separates. Filled as characters turn up."""

    def __missing__(self, character: str) -> str:
        self[character] = _fold(character)
        return self[character]


def _is_mark(character: str) -> bool:
    """Say whether this is left out as often as written: accents, vowel points. Thai and Burmese marks are letters, of other classes."""
    place = unicodedata.combining(character)
    return 10 <= place <= 36 or place >= 200 or unicodedata.name(character, "").startswith(_DRESS)


def _fold(character: str) -> str:
    special = _SPECIAL.get(character)
    if special is not None or ord(character) in _GEEZ_NUMBERS:
        return special or character
    if _is_mark(character) or unicodedata.category(character) == "Cf":
        return ""
    if unicodedata.category(character) == "Pd":
        return "-"
    digit = unicodedata.digit(character, None)
    return _fold_letter(character) if digit is None else str(digit)


def _fold_letter(character: str) -> str:
    plain = unicodedata.normalize("NFKD", character).casefold()
    folded = "".join(_read_as(letter) for letter in plain if not _is_mark(letter))
    whole = all(unicodedata.category(letter)[0] in "LM" for letter in folded) or folded.isdecimal()
    return folded if whole else " "


def _read_as(letter: str) -> str:
    letter = _GEEZ.get(letter, letter)
    return _LETTERS.get(letter, _GEEZ_ORDERS.get(letter, letter))


FOLD = _Fold()


def _kind(folded: str) -> Kind | None:
    """Return what a folded character is part of; None for separators."""
    first = folded[0]
    if first == " ":
        return None
    if first == SIGN:
        return Kind.SIGN
    if first == "-":
        return Kind.DASH
    if first == ",":
        return Kind.BREAK
    return Kind.NUMBER if first.isdigit() or ord(first) in _GEEZ_NUMBERS else Kind.WORD


def tokens(line: str) -> list[Token]:
    """Cut a line into words, numbers, signs, dashes and breaks; everything invisible or decorative is gone."""
    line = _WA_FOR_ZERO.sub(lambda zeros: "0" * len(zeros[0]), line)
    return list(_runs(line))


def _runs(line: str) -> Iterator[Token]:
    seen = ((at, FOLD[character]) for at, character in enumerate(line))
    for kind, run in groupby(((at, folded) for at, folded in seen if folded), key=lambda pair: _kind(pair[1])):
        if kind is not None:
            pieces = list(run)
            yield Token(kind, "".join(folded for _, folded in pieces), pieces[0][0], pieces[-1][0] + 1)


def compact(text: str) -> str:
    """Fold `text` to its letters and digits alone: spaces, joiners, case, accents and punctuation do not tell words apart."""
    return "".join(token.text for token in tokens(text) if token.kind in (Kind.WORD, Kind.NUMBER))


def spaced(text: str) -> str:
    """Fold `text` to its words and numbers, one space around each: " words of 2 kinds "."""
    inner = " ".join(token.text for token in tokens(text) if token.kind in (Kind.WORD, Kind.NUMBER))
    return f" {inner} "


def accented(text: str) -> str:
    """Like `spaced`, but with the accents as they were written."""
    whole = unicodedata.normalize("NFC", text.lower())  # else an accent may be a character of its own, outside its word
    inner = " ".join(whole[token.start : token.end] for token in tokens(whole) if token.kind in (Kind.WORD, Kind.NUMBER))
    return f" {inner} "


def visible(text: str) -> bool:
    """Say whether a reader would see anything in `text`."""
    return any(FOLD[character] and not character.isspace() for character in text)


def number(text: str) -> int | None:
    """Return the value of a number token: decimal digits (at most nine) or Ge'ez numerals; None if it is neither."""
    if text.isascii():
        return int(text) if len(text) <= 9 else None
    return _geez_number(text)


def _geez_number(text: str) -> int | None:
    """Read Ge'ez numerals: units and tens add up, ፻ multiplies what stands before it by a hundred ("፪፻፵፭" = 245)."""
    total = group = 0
    for numeral in text:
        value = int(unicodedata.numeric(numeral))
        if value == 100:
            total, group = total + max(group, 1) * 100, 0
        elif value == 10_000 or (group and value >= 10):
            return None  # ten thousands are beyond any count here; units before tens are no number
        else:
            group += value
    return total + group
