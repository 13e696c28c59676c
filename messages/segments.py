"""How many SMS a text costs, where it is cut, and which look-alikes make it dearer without saying more.

GSM 03.38 and 3GPP 23.040: 160 septets alone, 153 in each of several; or 70 and 67 UTF-16 units when one character is foreign to GSM-7.
Three rules are ours where counters differ: what a reader takes for one letter is not cut in two unless it alone exceeds a part
(so flags, Indic syllables and CRLF may cost one part more, as at the provider); the escape character itself is not text,
so it is foreign to GSM-7; an empty text is one empty message.
"""

import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from itertools import chain

import regex

from messages.languages import get, normalise as language_tag, script_of

_BASIC = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
#: each costs two septets: an escape and itself
_EXTENSION = frozenset("\f^{}\\[~]|€")
_GSM7 = _BASIC | _EXTENSION
_CLUSTER = regex.compile(r"\X")


class Coding(StrEnum):
    """How one text is coded: the whole of it in the one, or the whole of it in the other."""

    GSM7 = "GSM-7"
    UCS2 = "UCS-2"


#: alphabet -> units in a message that stands alone, units in each part of a longer one
LIMITS = {Coding.GSM7: (160, 153), Coding.UCS2: (70, 67)}


@dataclass(frozen=True, slots=True)
class Count:
    """What a text costs. Units are septets in GSM-7 and UTF-16 code units in UCS-2; `left` are those free in the last part."""

    alphabet: Coding
    units: int
    segments: int
    left: int


@dataclass(frozen=True, slots=True)
class Change:
    """One replacement, for the author to see: what stood there, what stands there now, how often."""

    old: str
    new: str
    times: int


@dataclass(frozen=True, slots=True)
class Normalised:
    """A text ready for SMS, and what was changed in it."""

    text: str
    changes: tuple[Change, ...] = ()


def alphabet(text: str) -> Coding:
    """Return the alphabet that `text` must be sent in."""
    return Coding.GSM7 if _GSM7.issuperset(text) else Coding.UCS2


def units(text: str, alphabet: Coding) -> int:
    """Return the length of `text` in the units of `alphabet`."""
    if alphabet is Coding.GSM7:
        return len(text) + sum(map(text.count, _EXTENSION))
    return len(text) + sum(char > "\uffff" for char in text)


def count(text: str) -> Count:
    """Count a text exactly as it will be billed."""
    used = alphabet(text)
    length = units(text, used)
    alone, each = LIMITS[used]
    if length <= alone:
        return Count(used, length, 1, alone - length)
    parts = split(text)
    return Count(used, length, len(parts), each - units(parts[-1], used))


def split(text: str) -> list[str]:
    """Cut a text into its parts; joined they are the text again."""
    used = alphabet(text)
    alone, each = LIMITS[used]
    return [text] if units(text, used) <= alone else list(_fill(text, used, each))


def _fill(text: str, used: Coding, room: int) -> Iterator[str]:
    part, taken = "", 0
    for atom, size in _atoms(text, used, room):
        if taken + size > room:
            yield part
            part, taken = "", 0
        part, taken = part + atom, taken + size
    yield part


def _atoms(text: str, used: Coding, room: int) -> Iterator[tuple[str, int]]:
    """Yield what is not cut, with its size: letters as a reader sees them, single characters of a monstrous one."""
    for match in _CLUSTER.finditer(text):
        cluster = match[0]
        size = units(cluster, used)
        yield from [(cluster, size)] if size <= room else ((char, units(char, used)) for char in cluster)


#: look-alike -> what GSM-7 has for it. Typography only: no letter of any language is touched
_LOOK_ALIKES: dict[str, str] = {
    **dict.fromkeys("\u2018\u2019\u201a\u201b\u2032\u00b4\u0060\u02bc\u02b9\u2039\u203a\uff07", "'"),
    **dict.fromkeys("\u201c\u201d\u201e\u201f\u2033\u00ab\u00bb\uff02", '"'),
    **dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2015\u2212\u2043\uff0d\u2022\u00b7\u2219\u25cf\u25e6", "-"),
    **dict.fromkeys("\t\u00a0\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u205f\u3000", " "),
    **dict.fromkeys("\u200b\u200c\u200d\u200e\u200f\u2060\ufeff\u00ad\ufe0e\ufe0f", ""),
    **{chr(0xFF10 + digit): str(digit) for digit in range(10)},
    "\u2026": "...",
    "\ufb01": "fi",
    "\ufb02": "fl",
    "\u2044": "/",
    "\u00d7": "x",
}
#: never text: line ends of other systems, and direction marks of pages, which old phones show as boxes
_ALWAYS = {
    **dict.fromkeys(("\r\n", "\r", "\u2028", "\u2029"), "\n"),
    **dict.fromkeys("\u2066\u2067\u2068\u2069\u202a\u202b\u202c\u202d\u202e", ""),
}


def normalise(text: str, language: str) -> Normalised:
    """Make a text ready for SMS without changing what it says, and list the changes.

    Always: composed letters, plain line ends, no direction isolates. Look-alikes (quotes, dashes, odd spaces, joiners) only
    in texts of Latin script, and only when that brings the whole text to GSM-7: joiners are spelling in Persian, Sorani, Urdu and Sinhala.
    """
    changes: list[Change] = []
    plain = _replace(unicodedata.normalize("NFC", text), _ALWAYS, changes)
    if not _is_latin(text, language):
        return Normalised(plain, tuple(changes))
    cheaper: list[Change] = []
    tried = _replace(plain, _LOOK_ALIKES, cheaper)
    if alphabet(tried) is Coding.UCS2:
        return Normalised(plain, tuple(changes))
    return Normalised(tried, tuple(chain(changes, cheaper)))


def _replace(text: str, table: dict[str, str], changes: list[Change]) -> str:
    for old, new in table.items():
        if times := text.count(old):
            changes.append(Change(old, new, times))
            text = text.replace(old, new)
    return text


def _is_latin(text: str, language: str) -> bool:
    """Go by the label; by the letters when the language is not one of ours."""
    known = language_tag(language)
    return (get(known).script if known else script_of(text) or "Latn") == "Latn"
