"""Texts of others made fit for people: cleaned, cut into whole sentences, and fitted into an SMS without cutting any of them."""

import html
from collections.abc import Callable
from itertools import takewhile

import regex

from messages.languages import script_of
from messages.segments import Coding, alphabet, normalise, units

#: units in the parts that a forward may have (two of GSM-7, three of UCS-2), and those of them that the frame takes: sender, act,
#: times and number, in the longest of our languages
ROOM = {Coding.GSM7: 306, Coding.UCS2: 201}
FRAME = {Coding.GSM7: 105, Coding.UCS2: 65}

#: what senders write where they have nothing to say
_NOTHING = frozenset({"", "-", "--", ".", "n/a", "na", "none", "nil", "null", "not applicable", "ingen", "ikke relevant", "test"})
#: after these a full stop does not end a sentence
_ABBREVIATIONS = frozenset(
    {
        *("kl", "ca", "nr", "bl.a", "f.eks", "dvs", "osv", "evt", "inkl", "maks", "min", "tlf", "gt", "av", "str"),
        *("no", "st", "mr", "mrs", "dr", "approx", "e.g", "i.e", "p.m", "a.m", "u.s", "z.b", "u.a", "bzw", "vgl"),
    }
)
#: HTML that senders put into texts; only what it has names for, so that "<5 m and >3 m" stays
_TAG = regex.compile(
    r"</?(?:b|big|center|em|font|i|img|s|small|span|strong|sub|sup|table|tbody|td|th|u)\b[^<>]{0,200}>|<a\s[^<>]{0,500}>|</a>",
    regex.IGNORECASE,
)
_BREAK = regex.compile(r"</?(?:br|p|li|ul|ol|div|tr|h[1-6])\b[^<>]{0,200}>", regex.IGNORECASE)
#: control characters, and marks that turn or hide text; joiners stay, since Persian and Sorani need them
_HIDDEN = regex.compile(r"[\p{Cc}\u00ad\u200b\u200e\u200f\u202a-\u202e\u2060-\u2064\u2066-\u2069\ufeff\ufff9-\ufffb]")
#: addresses with and without scheme; runs are bounded, so that no text takes long. "vann.De" only lacks a space
_URL = regex.compile(
    r"(?i:https?://)|(?<![\w.@-])(?:(?i:www\.)|[\w-]{1,63}(?:\.[\w-]{1,63}){0,4}\.(?:no|com|org|net|gov|int|eu|uk|au|nz|ca|se|dk|fi|de)(?![\w-]))"
)
_PARAGRAPH = regex.compile(r"(?:^|\n)\s*[*•-]\s+|\n\s*\n")
_END = regex.compile(r"[.!?\u061f\u06d4\u0964\u1362\u1367\u104b\u3002]+[\"'»”)]*(?=\s|$)")
#: how far back the last word of a sentence is looked for, and how much of a text tells its script
_WORD, _SAMPLE = 40, 500
_LOOK_AT = 10_000
#: scripts whose sentences end with a full stop
_FULL_STOP = frozenset({"Latn", "Cyrl", "Grek", "Arab", "Hebr", "Geor"})


def clean(text: str) -> str:
    """One line of plain text: no markup, no control characters, single spaces; of a very long one the beginning."""
    return " ".join(_plain(text[:_LOOK_AT]).split())


def clean_lines(text: str) -> str:
    """Plain text in paragraphs: wrapped lines are joined, empty lines and bullets kept apart. For e-mail and pages."""
    return "\n".join(line for part in _paragraphs(text) if (line := " ".join(part.split())))


def is_nothing(text: str) -> bool:
    """Whether a text only says that there is nothing to say ("Not Applicable")."""
    return clean(text).strip(" .").lower() in _NOTHING


def has_url(text: str) -> bool:
    """Whether a text names a page of the web."""
    return _URL.search(text) is not None


def sentences(text: str) -> list[str]:
    """The whole sentences of a text, in order; where a language ends none by a sign, a paragraph is one sentence.

    Only its first 10,000 characters are looked at, far more than an SMS can say; a sentence cut there is left out.
    """
    found = [sentence for part in _paragraphs(text[:_LOOK_AT]) for sentence in _split(" ".join(part.split()))]
    return found[:-1] if len(text) > _LOOK_AT else found


def fit(parts: list[list[str]], fits: Callable[[str], bool]) -> str:
    """As many whole sentences as fit, first parts first. A part ends at its first sentence that does not fit, so that no exception
    is lost while its rule is kept; sentences with links are never taken. If none fits: the shortest, whole.
    """
    chosen: list[str] = []
    for part in parts:
        for sentence in takewhile(lambda sentence: not has_url(sentence), part):
            longer = [*dict.fromkeys([*chosen, sentence])]
            if not fits(" ".join(longer)):
                break
            chosen = longer
    usable = [sentence for part in parts for sentence in part if not has_url(sentence)]
    return " ".join(chosen) or min(usable, key=len, default="")


def fits_sms(text: str, language: str) -> bool:
    """Whether a text and the frame around it stay within the parts of an SMS that a forward may have."""
    whole = normalise(text, language).text
    used = alphabet(whole)
    return units(whole, used) <= ROOM[used] - FRAME[used]


def as_sentence(text: str) -> str:
    """A text that begins and ends as a sentence does."""
    begun = text[:1].upper() + text[1:]
    return f"{begun}." if begun[-1:].isalnum() and script_of(begun[:_SAMPLE]) in _FULL_STOP else begun


def capitals(text: str, language: str) -> str:
    """A text in capitals by the rules of its language; unchanged in scripts that have none."""
    if language in ("tr", "az"):
        text = text.replace("i", "İ").replace("ı", "I")
    return text.upper()


def _plain(text: str) -> str:
    for _ in range(2):  # some feeds escape twice
        text = html.unescape(text)
    text = _TAG.sub("", _BREAK.sub("\n\n", text))
    return _HIDDEN.sub(lambda found: "\n" if found[0] == "\n" else " " if found[0] in "\t\r\x0b\x0c\x85" else "", text)


def _paragraphs(text: str) -> list[str]:
    return [part for part in _PARAGRAPH.split(_plain(text.replace("\r\n", "\n"))) if part.strip()]


def _split(line: str) -> list[str]:
    found, start = [], 0
    for end in _END.finditer(line):
        if _ends_here(line, start, end.start(), end.end()):
            found.append(line[start : end.end()].strip())
            start = end.end()
    rest = line[start:].strip()
    return [*found, as_sentence(rest)] if rest else found


def _ends_here(line: str, start: int, stop: int, after: int) -> bool:
    """Whether the sign at `stop` ends a sentence: not after an abbreviation or an ordinal, not before a small letter."""
    following = line[after : after + 2].strip()
    if following and following[0].islower():
        return False
    before = line[max(start, stop - _WORD) : stop].rsplit(maxsplit=1)
    word = before[-1].lower().lstrip("(\"'«") if before else ""
    return not following or line[stop] != "." or not (word.isdigit() or word in _ABBREVIATIONS or len(word) == 1)
