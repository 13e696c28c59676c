"""What language a text is labelled with, and whether its script agrees. A wrong label sends people a text they cannot read."""

import regex

from messages.languages import get, normalise, script_of

#: how much of a text is looked at, and how few letters are too few to judge by
_LOOK_AT, _TOO_FEW = 2_000, 12

_TAG = regex.compile(r"[A-Za-z]{1,8}(?:-[A-Za-z0-9]{1,8})*+")
#: longer labels are no tags that anybody uses (RFC 5646, section 4.4.1)
_LONGEST = 35
#: longer tags of languages that are not ours fit in no row; those of ours are far shorter
_KEPT = 20
_LETTER = regex.compile(r"\p{L}")
_ZAWGYI = regex.compile(r"(?:^|[^\u1000-\u109f])\u1031")


def tag(label: str) -> str:
    """Our tag for a language label; one that is not ours stays; what is no tag, or too long a one, is "und" (BCP 47: undetermined)."""
    return known(label) or (label if len(label) <= _KEPT and _TAG.fullmatch(label) else "und")


def known(label: str) -> str | None:
    """Our tag for a language label, or None if it is not one of ours."""
    return normalise(label) if len(label) <= _LONGEST else None


def well_formed(label: str) -> bool:
    """Whether a label is a language tag as CAP and XML want it (RFC 3066)."""
    return _TAG.fullmatch(label) is not None


def mismatch(label: str, text: str) -> str | None:
    """The script (ISO 15924) of a text whose label promises another; None if they agree, or nobody can tell."""
    language, sample = known(label), text[:_LOOK_AT]
    if language is None or len(_LETTER.findall(sample)) < _TOO_FEW:
        return None
    found, wanted = script_of(sample), get(language).script
    agree = found in (wanted, "") or (found == "Hani" and wanted in ("Hans", "Hant")) or found.lower() in label.lower()
    return None if agree else found


def likely_zawgyi(text: str) -> bool:
    """Whether Burmese is written for the Zawgyi font: there the vowel sign E stands before its consonant."""
    return len(_ZAWGYI.findall(text[:_LOOK_AT])) >= 2
