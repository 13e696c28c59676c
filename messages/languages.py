"""The languages of the house: tags, names, scripts, directions, and which text a person gets and why.

The registry is languages.toml beside this file; everything here reads it once and is pure after that.
"""

import tomllib
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import Any

import regex
from babel import Locale

from messages.zones import zone_of

NORWEGIAN = ("nb", "nn")
_RTL_SCRIPTS = frozenset({"Arab", "Syrc", "Hebr", "Rohg"})
_ISOLATE, _POP = "\u2068", "\u2069"


class UnknownLanguageError(LookupError):
    """This language is not one of ours. Choose one from the list, or add it to messages/languages.toml."""


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
    #: abbreviated, Monday first
    weekdays: tuple[str, ...] = ()
    #: how a time of day is written, for strftime
    clock: str = "%H:%M"
    #: readers count the hours from sunrise, so the frame says by which clock a time is given
    sun_clock: bool = False
    #: Meta's code for approved templates; "": Meta has none
    whatsapp: str = ""


def all_languages() -> tuple[Language, ...]:
    """Return every language of the house, in the order of languages.toml."""
    return tuple(_registry().values())


def get(tag: str) -> Language:
    """Return the language that `tag` means; raise UnknownLanguageError for one that is not ours."""
    known = normalise(tag)
    if known is None:
        raise UnknownLanguageError(f"unknown language: {tag!r}")
    return _registry()[known]


@cache
def normalise(tag: str) -> str | None:
    """Return our tag for any BCP 47 or ISO 639 tag ("prs" -> "fa-AF", "en_GB" -> "en"), or None if it is not one of ours."""
    parts = tag.strip().replace("_", "-").lower().split("-")
    prefixes = ("-".join(parts[:n]) for n in range(len(parts), 0, -1))
    return next((_spellings()[prefix] for prefix in prefixes if prefix in _spellings()), None)


def choose(person: Sequence[str], available: Collection[str], *, norwegian: str = "nb") -> Choice:
    """Say which of the `available` texts a person gets, and why.

    `person` holds their own language first, then those that they accept, in their order: nothing else is ever assumed.
    `norwegian` is the municipality's form. Raises UnknownLanguageError when there is no text at all.
    """
    if not available:
        raise UnknownLanguageError("there is no text in any language")
    texts = {normalise(tag) or tag: tag for tag in sorted(available, reverse=True)}
    for wanted, why in _wishes(person, norwegian):
        if wanted in texts:
            return Choice(texts[wanted], why)
    return Choice(min(available), Why.ONLY)


def _wishes(person: Sequence[str], norwegian: str) -> list[tuple[str, Why]]:
    own = [(normalise(tag) or tag, Why.ACCEPTED if place else Why.OWN) for place, tag in enumerate(person)]
    forms = sorted(NORWEGIAN, key=lambda tag: tag != normalise(norwegian))
    return [*own, *((tag, Why.NORWEGIAN) for tag in forms), ("en", Why.ENGLISH)]


def is_rtl(tag: str) -> bool:
    """Say whether the language is written from right to left."""
    return get(tag).rtl


def direction(tag: str) -> str:
    """Return "rtl" or "ltr", as HTML's `dir` wants it."""
    return "rtl" if is_rtl(tag) else "ltr"


def name(tag: str, in_language: str = "nb") -> str:
    """Return the language's name in another language; in its own where nobody has named it there."""
    language, teller = get(tag), get(in_language)
    if teller is language:
        return language.own_name
    return language.names.get(teller.tag) or _cldr_name(language, teller) or language.own_name


def _cldr_name(language: Language, teller: Language) -> str:
    if language.locale is None or teller.locale is None:
        return ""
    return Locale.parse(language.locale, sep="-").get_display_name(Locale.parse(teller.locale, sep="-")) or ""


def when(moment: datetime, language: str, timezone: str, now: datetime | None = None, *, told: datetime | None = None) -> str:
    """Write an aware moment for a reader: "man. 23.11 kl. 18.00"; on the same day as `now` only "kl. 18.00".

    In another year than when it is `told` it has its year: "fre. 1.1.2027 kl. 10.00".
    Weekdays are CLDR's. Day and month stand in the Norwegian order in every language: 11/6 and 6/11 would be mistaken.
    """
    known, zone = get(language), zone_of(timezone)
    local = moment.astimezone(zone)
    time = local.strftime(known.clock)
    if now is not None and now.astimezone(zone).date() == local.date():
        return time
    weekday = (known.weekdays or get("nb").weekdays)[local.weekday()]
    year = "" if told is None or told.astimezone(zone).year == local.year else f".{local.year}"
    return f"{weekday} {local.day}.{local.month}{year} {time}"


def number(value: int) -> str:
    """Write a whole number so that no reader takes the separator for a decimal sign: 1200, 12 000."""
    return str(value) if value < 10_000 else f"{value:,}".replace(",", " ")


def isolate(text: str) -> str:
    """Keep `text` from turning around inside a text of the other direction. For pages and WhatsApp; never in SMS."""
    return f"{_ISOLATE}{text}{_POP}" if text else text


def script_of(text: str) -> str:
    """Return the ISO 15924 script of most letters in `text` ("Arab"), or "" when it has no letters that we know."""
    counts = {script: len(pattern.findall(text)) for script, pattern in _script_patterns().items()}
    most = max(counts, key=lambda script: counts[script])
    return most if counts[most] else ""


def fits_label(text: str, tag: str) -> bool:
    """Say whether a text can be in the language of its label: false for Arabic letters labelled "nb". No letters: true."""
    found = script_of(text)
    return not found or found == _shown_as(get(tag).script)


def _shown_as(script: str) -> str:
    # characters do not tell simplified from traditional Chinese
    return "Hani" if script in ("Hans", "Hant") else script


@cache
def _script_patterns() -> MappingProxyType[str, regex.Pattern[str]]:
    scripts = dict.fromkeys(_shown_as(language.script) for language in all_languages())
    return MappingProxyType({script: regex.compile(rf"\p{{Script={script}}}") for script in scripts})


@cache
def _registry() -> MappingProxyType[str, Language]:
    rows = tomllib.loads(files(__package__).joinpath("languages.toml").read_text(encoding="utf-8"))
    return MappingProxyType({tag: _language(tag, row) for tag, row in rows.items()})


def _language(tag: str, row: dict[str, Any]) -> Language:
    lists: dict[str, Any] = {key: tuple(row.pop(key, ())) for key in ("accepts", "aliases", "weekdays")}
    return Language(tag=tag, locale=row.pop("locale", None), rtl=row["script"] in _RTL_SCRIPTS, **lists, **row)


@cache
def _spellings() -> MappingProxyType[str, str]:
    pairs = ((spelling.lower(), language.tag) for language in all_languages() for spelling in (language.tag, *language.aliases))
    return MappingProxyType(dict(pairs))
