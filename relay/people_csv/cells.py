"""From one cell to a value, or `Wrong`: what is wrong with it and what to do."""

import re
import unicodedata
from collections.abc import Iterable, Mapping
from datetime import date, datetime, time
from difflib import get_close_matches
from functools import cache

import phonenumbers

from messages import languages as registry
from messages.form import Medium
from relay.model import Hours
from relay.people_csv.columns import BY_HEADING, CHANNELS, NO, NONE, YES

#: what lists say for Norwegian: whoever writes so has the commoner of the two in mind
NORWEGIAN = frozenset({"norsk", "norwegian"})
#: what people say every day for a language that the registry calls otherwise; only what can mean no other one
EVERYDAY: Mapping[str, str] = {
    "norsk bokmål": "nb",
    "norsk nynorsk": "nn",
    "farsi": "fa",
    "kurmandsji": "ku",
    "kurmanji": "ku",
    "badini": "ku",
    "sorani": "ckb",
    "pashtu": "ps",
    "pushto": "ps",
    "somalisk": "so",
    "kiswahili": "sw",
    "tagalog": "fil",
    "thailandsk": "th",
    "kambodsjansk": "km",
    "moldovsk": "ro",
}
#: from here on a word is taken for another one that was mistyped (difflib's measure); "klingonsk" and "indonesisk" have 0.63
NEAR = 0.8
LONGEST = 500
LONGEST_NAME = 120
#: what stands between the parts of a list; a group's name may well hold a comma or a stroke
_LIST = re.compile(r"[|,;/]")
_NAMES = re.compile(r"[|;]")
_DATES = ("%Y-%m-%d", "%d.%m.%Y", "%d/%m/%Y")
_HOURS = re.compile(r"(\d{1,2})(?:[:.]?(\d{2}))?\s*[-–—]\s*(\d{1,2})(?:[:.]?(\d{2}))?")
_MAILBOX = re.compile(r"[a-z0-9!#$%&'*+=?^_`{|}~-]+(?:\.[a-z0-9!#$%&'*+=?^_`{|}~-]+)*", re.IGNORECASE)
_DOMAIN = re.compile(r"(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z][a-z0-9-]{0,61}[a-z0-9]", re.IGNORECASE)
_CARRIES_SMS = frozenset({phonenumbers.PhoneNumberType.MOBILE, phonenumbers.PhoneNumberType.FIXED_LINE_OR_MOBILE})
#: invisible signs that belong to words: joiners
_JOINERS = "\u200c\u200d"


class Wrong(Exception):
    """This cell cannot be used as it is."""


def in_short(cell: str) -> str:
    """Return a cell for a message: on one line, its invisible signs written out, and not too long."""
    short = cell if len(cell) <= 40 else f"{cell[:39]}…"
    return "".join(sign if sign.isprintable() else f"U+{ord(sign):04X}" for sign in short)


def shown(cell: str) -> str:
    """Quote a cell in a message."""
    return f"«{in_short(cell)}»"


def text(cell: str, longest: int = LONGEST) -> str:
    """Take a cell as text, whatever it begins with; no signs that cannot be seen, except those inside words."""
    plain = " ".join(cell.split())
    if len(plain) > longest:
        raise Wrong(f"{len(plain)} characters, at most {longest}: shorten it")
    if any(unicodedata.category(sign) in ("Cc", "Cf", "Co", "Cs") and sign not in _JOINERS for sign in plain):
        raise Wrong(f"{shown(plain)} has invisible signs: type it anew")
    return unicodedata.normalize("NFC", plain)


def name(cell: str) -> str:
    """Take a person's name."""
    return text(cell, LONGEST_NAME)


def names(cell: str) -> tuple[str, ...]:
    """Take names of groups, with | or ; between them."""
    return _parts(cell, _NAMES)


def _parts(cell: str, between: re.Pattern[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(part for raw in between.split(text(cell)) if (part := raw.strip())))


def languages(cell: str) -> tuple[str, ...]:
    """Take languages, by tag or by name in Norwegian, English or themselves, with a comma or | ; / between them."""
    return tuple(dict.fromkeys(map(_language, _parts(cell, _LIST))))


def plain_norwegian(cell: str) -> str:
    """Return the word that says Norwegian and not which of the two, as it stands in a cell of languages; else ""."""
    return next((part for part in _LIST.split(cell) if part.strip().casefold() in NORWEGIAN), "").strip()


def _language(word: str) -> str:
    tag = _named().get(word.casefold()) or registry.normalise(word)
    if tag is None:
        close = get_close_matches(word.casefold(), _named(), n=1, cutoff=NEAR)
        told = f"did you mean {registry.name(_named()[close[0]], 'nb')}? Write" if close else "write"
        raise Wrong(f"{shown(word)} is no language that we know: {told} its name or its code, like tigrinja or ti")
    return tag


@cache
def _named() -> dict[str, str]:
    pairs = ((said, language.tag) for language in registry.all_languages() for said in _sayings(language.tag))
    named = {said.casefold(): tag for said, tag in reversed([*pairs])}  # of two languages with one name the first holds
    return {**named, **dict.fromkeys(NORWEGIAN, "nb"), **EVERYDAY}


def _sayings(tag: str) -> Iterable[str]:
    return (*(registry.name(tag, teller) for teller in ("nb", "nn", "en")), registry.name(tag, tag))


def number(cell: str, region: str) -> str:
    """Take a telephone number in E.164; one without a country code is of `region`."""
    if re.fullmatch(r"\d+[.,]?\d*e\+?\d+", cell, re.IGNORECASE):
        raise Wrong(f"{shown(cell)} has lost its digits to the spreadsheet: format the column as text and type it anew")
    if any(sign.isalpha() for sign in cell):
        raise Wrong(f"{shown(cell)} is no telephone number: leave only the number, like +47 412 34 567")
    try:
        parsed = phonenumbers.parse(cell, region)
    except phonenumbers.NumberParseException:
        raise Wrong(f"{shown(cell)} is no telephone number: write it like +47 412 34 567") from None
    if not phonenumbers.is_valid_number(parsed):
        raise Wrong(f"{shown(cell)} is no number in use: look for a missing or wrong digit, or a missing country code")
    return phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164)


def mobile(cell: str, region: str) -> str:
    """Take a number that can get SMS."""
    found = number(cell, region)
    if phonenumbers.number_type(phonenumbers.parse(found)) not in _CARRIES_SMS:
        raise Wrong(f"{shown(cell)} is no mobile and cannot get SMS: give a mobile number")
    return found


def mailbox(cell: str) -> str:
    """Take an e-mail address; its domain in small letters, and as ASCII where it is in another script."""
    local, at, domain = cell.rpartition("@")
    try:
        ascii_domain = domain.lower().encode("idna").decode("ascii")
    except UnicodeError:
        ascii_domain = ""
    sound = at and len(cell) <= 254 and len(local) <= 64 and _MAILBOX.fullmatch(local) and _DOMAIN.fullmatch(ascii_domain)
    if not sound:
        raise Wrong(f"{shown(cell)} is no e-mail address that we can write to: it must look like name@example.no")
    return f"{local}@{ascii_domain}"


def media(cell: str) -> tuple[Medium, ...]:
    """Take channels in a person's order."""
    return tuple(dict.fromkeys(map(_medium, _parts(cell, _LIST))))


def _medium(word: str) -> Medium:
    column = BY_HEADING.get(word.lower())
    if column is None or column not in CHANNELS:
        raise Wrong(f"{shown(word)} is no channel: write sms, whatsapp or e-post")
    return CHANNELS[column]


def day(cell: str) -> date:
    """Take a day: 2026-11-23 or 23.11.2026."""
    for form in _DATES:
        try:
            return datetime.strptime(cell, form).date()  # noqa: DTZ007 - a day has no time zone
        except ValueError:
            continue
    raise Wrong(f"{shown(cell)} is no date: write it like 2026-11-23 or 23.11.2026")


def hours(cell: str) -> Hours:
    """Take a stretch of the day: 08:00-16:00, 8-16, 21.00-07.00; «ingen» is a stretch of no length."""
    if cell.lower() in NONE:
        return Hours(time(0), time(0))
    match = _HOURS.fullmatch(cell)
    try:
        parts = [int(part or 0) for part in match.groups()] if match else []
        found = Hours(_wall(*parts[:2]), _wall(*parts[2:]))
    except (TypeError, ValueError):
        raise Wrong(f"{shown(cell)} are no hours: write them like 08:00-16:00") from None
    if found.start == found.end:
        raise Wrong(f"{shown(cell)} begins where it ends: write hours like 21:00-07:00, or «ingen»")
    return found


def _wall(hour: int, minute: int) -> time:
    return time() if (hour, minute) == (24, 0) else time(hour, minute)


def yes(cell: str) -> bool:
    """Take yes or no, where a day would do as well; an empty cell is no."""
    word = cell.lower()
    if word not in YES | NO | {""}:
        raise Wrong(f"{shown(cell)} is neither yes, no nor a day: write ja, nei or a day like 2026-11-23")
    return word in YES
