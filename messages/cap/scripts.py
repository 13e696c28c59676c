"""Which script a text is in, held against the language it is labelled with. A wrong label sends people a text they cannot read."""

import regex

from messages.languages import get, normalise, script_of

#: how much of a text is looked at, and how few letters are too few to judge by
_LOOK_AT, _TOO_FEW = 2_000, 12

_LETTER = regex.compile(r"\p{L}")
_ZAWGYI = regex.compile(r"(?:^|[^\u1000-\u109f])\u1031")


def mismatch(language: str, text: str) -> str | None:
    """The script (ISO 15924) of a text whose label promises another; None if they agree, or nobody can tell."""
    known, sample = normalise(language), text[:_LOOK_AT]
    if known is None or len(_LETTER.findall(sample)) < _TOO_FEW:
        return None
    found, wanted = script_of(sample), get(known).script
    agree = found in (wanted, "") or (found == "Hani" and wanted in ("Hans", "Hant")) or found.lower() in language.lower()
    return None if agree else found


def likely_zawgyi(text: str) -> bool:
    """Whether Burmese is written for the Zawgyi font: there the vowel sign E stands before its consonant."""
    return len(_ZAWGYI.findall(text[:_LOOK_AT])) >= 2
