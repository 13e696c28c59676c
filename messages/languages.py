"""The languages of the house: tags, names, scripts, directions, and which text a person gets and why."""

from dataclasses import dataclass
from enum import StrEnum


class Why(StrEnum):
    """Why a person gets the text they get."""

    OWN = "own"  # their first language
    ACCEPTED = "accepted"  # a language they have said they accept, in their order
    NORWEGIAN = "norwegian"  # none of theirs: the municipality's own text
    ENGLISH = "english"  # and no Norwegian either
    ONLY = "only"  # whatever the source has


@dataclass(frozen=True, slots=True)
class Choice:
    """The text's language and the reason."""

    language: str
    why: Why


@dataclass(frozen=True, slots=True, kw_only=True)
class Language:
    """One language as the house knows it."""

    #: BCP 47 tag we store ("fa-AF", never "prs")
    tag: str
    #: Babel locale for dates and numbers; None: Babel has none, fall back to nb
    locale: str | None
    names: dict[str, str]  # in nb, nn, en
    own_name: str
    script: str  # ISO 15924
    rtl: bool
    font: str = ""
    #: languages that readers of this one often accept; a suggestion in the form, never applied by itself
    accepts: tuple[str, ...] = ()
    #: other tags that mean this language ("prs", "kmr", "no")
    aliases: tuple[str, ...] = ()
