"""Do two texts say the same numbers, times and telephone numbers? A check for whoever cannot read both: it warns, and decides nothing."""

import re
import unicodedata
from collections import Counter
from dataclasses import dataclass

#: digits with what holds them together: 18.30, 18:30, 23.11.2026, 22 44 66 88, +47 91 23 45 67
_NUMBER = re.compile(r"\+?\d+(?:[ \u00a0.:/-]\d+)*")
#: a telephone number has at least so many digits, and no other number that people write has
PHONE = 6


@dataclass(frozen=True, slots=True)
class Difference:
    """What one text says and the other does not, as numbers are compared."""

    missing: tuple[str, ...] = ()
    added: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.missing or self.added)


def facts(text: str) -> Counter[str]:
    """Return the numbers of a text in one spelling: Western digits, times with a point, telephone numbers without spaces."""
    return Counter(fact for found in _NUMBER.findall(_western(text)) for fact in _plain(found))


def compare(source: str, text: str) -> Difference:
    """Say which numbers of the source a text lacks, and which it has added. A number written as a word counts as missing."""
    wanted, there = set(facts(source)), set(facts(text))
    return Difference(tuple(sorted(wanted - there)), tuple(sorted(there - wanted)))


def _western(text: str) -> str:
    return "".join(str(unicodedata.decimal(char)) if char.isdecimal() else char for char in text)


def _plain(found: str) -> list[str]:
    digits = re.sub(r"\D", "", found)
    if len(digits) >= PHONE and not re.search(r"[.:/]", found):
        return [digits]
    return [part.replace(":", ".") for part in re.split(r"[ \u00a0/-]", found.lstrip("+"))]
