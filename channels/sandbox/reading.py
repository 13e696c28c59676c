"""How a person reads a message: which digits does it offer, does it ask for a number, where may one answer?

Nothing here knows how the house writes: a person only has the text on the screen.
"""

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field

#: what people know the digits for: read, will pass on, cannot
OFFERED = (1, 2, 4)
#: behind 0, or behind the first digit of a second and third legend: 61, 71 …
DONE = (3, 63, 73, 83, 93)

_LINE = re.compile(r"^\W*(\d{1,2})[\s.):\u2013-]+(.+)$")
_IN_A_ROW = re.compile(r"\b(\d{1,2})\b\D{1,12}\b(\d{1,2})\b\D{1,12}\b(\d{1,2})\b")
_WORDS = re.compile(r"(\+?\d[\d ]{6,}\d)\W+([^/\n]+) / ([^/\n]+) / ([^/\n]+)$", re.MULTILINE)
_CHOICE = re.compile(r"(\d+)\s*\([^)]*\)\s*:\s*(\d+)")
_ASKED = re.compile(r"[?؟፧?]([^\n]*\d[^\n]*)")
#: marks of direction, which nobody sees
_UNSEEN = re.compile("[\u200e\u200f\u202a-\u202e\u2066-\u2069]")


@dataclass(frozen=True, slots=True)
class Legend:
    """The answers that a message offers."""

    #: "", or the first digit of each answer ("6" of 61 62 64)
    prefix: str = ""
    #: 1, 2, 4 -> the word beside the digit, the first of two; "" in a sentence
    words: Mapping[int, str] = field(default_factory=dict)
    #: another number to answer, when digits are not offered but words
    to: str = ""


def plain(text: str) -> str:
    """Return `text` with every script's digits as 0-9 and without unseen marks."""
    return "".join(_digit(char) for char in _UNSEEN.sub("", text))


def _digit(char: str) -> str:
    value = unicodedata.decimal(char, None)
    return char if value is None else str(value)


def legend_of(text: str) -> Legend | None:
    """Return the answers that `text` offers, or None if it offers none."""
    seen = plain(text)
    return _by_lines(seen) or _by_words(seen) or _in_a_row(seen)


def _by_lines(text: str) -> Legend | None:
    found = [(int(line[1]), line[2].partition("/")[0].strip()) for line in map(_LINE.match, text.splitlines()) if line]
    for tens in dict.fromkeys(number // 10 for number, _ in found):
        words = {number % 10: word for number, word in found if number // 10 == tens and number % 10 in OFFERED}
        if len(words) >= 2:
            return Legend(str(tens or ""), words)
    return None


def _in_a_row(text: str) -> Legend | None:
    """Find "1, 2 or 4" in a sentence, as a mail has it."""
    for row in _IN_A_ROW.finditer(text):
        numbers = [int(each) for each in row.groups()]
        tens = numbers[0] // 10
        if [number - 10 * tens for number in numbers] == list(OFFERED):
            return Legend(str(tens or ""), dict.fromkeys(OFFERED, ""))
    return None


def _by_words(text: str) -> Legend | None:
    """Find "answer by SMS to NUMBER: read / will pass on / cannot"."""
    line = _WORDS.search(text)
    if line is None:
        return None
    to = re.sub(r"\s", "", line[1])
    words = (word.rpartition(":")[2].strip() for word in line.groups()[1:])
    return Legend("", dict(zip(OFFERED, words, strict=True)), to)


def asks_for_number(text: str) -> str | None:
    """Return what to write before the number ("" or "63") if `text` asks for one, an example behind the question mark; else None."""
    asked = _ASKED.search(plain(text))
    if asked is None:
        return None
    two = re.search(r"\b([6-9]3) \d+\b", asked[1])
    return two[1] if two else ""


def openings(text: str) -> frozenset[str]:
    """Return how the lines above the offered answers begin (all lines, where buttons offer them): by these one knows a question again."""
    lines = _UNSEEN.sub("", text).splitlines()
    first = next((number for number, line in enumerate(lines) if _LINE.match(plain(line))), len(lines))
    return frozenset(line.strip()[:6] for line in lines[max(first - 3, 0) : first] if len(line.strip()) >= 6)


def done_digit(text: str, known: frozenset[str]) -> str | None:
    """Return the digit that a question to oneself wants when something is done ("3", "63"), or None."""
    lines = _UNSEEN.sub("", text).splitlines()
    starts = [number for number, line in enumerate(lines) if line.strip()[:6] in known]
    near = plain("\n".join(lines[starts[0] : starts[0] + 3])) if starts else ""
    offered = [number for number in re.findall(r"\b\d+\b", near) if int(number) in DONE]
    return offered[-1] if offered else None


def choice(text: str, prefix: str) -> str | None:
    """Return the answer to "which one: 12 (water): 2, 13 (landslide): 62?" for the legend that was meant, or None."""
    offered = [answer for _, answer in _CHOICE.findall(plain(text))]
    return next((answer for answer in offered if answer[:-1].strip("0") == prefix), offered[0]) if offered else None
