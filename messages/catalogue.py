"""Catalogues of words, one gettext file a language: locales/<tag>/LC_MESSAGES/<domain>.po, under symbolic ids ("ask.question").

They are read at run time, so that a translator sees a change at the next start.
"""

import gettext
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from io import BytesIO
from types import MappingProxyType

from babel.messages.mofile import write_mo
from babel.messages.pofile import PoFileError, read_po

from messages.alert import Review

_X_REVIEW = re.compile(rb'^(?:msgstr )?"X-Review: *(\w+)', re.MULTILINE)


class FrameError(ValueError):
    """A word of the house is missing or does not fit its placeholders. Correct locales/<tag>/LC_MESSAGES/frame.po or page.po."""


@dataclass(frozen=True, slots=True)
class Catalogue:
    """One file as it is used: its texts, and who has stood for them."""

    texts: gettext.GNUTranslations
    review: Review


@cache
def catalogues(domain: str) -> Mapping[str, Traversable]:
    """Return the files of a domain ("frame", "page") by the tag of their language."""
    found = {folder.name: folder / "LC_MESSAGES" / f"{domain}.po" for folder in files("locales").iterdir() if folder.is_dir()}
    return MappingProxyType({tag: file for tag, file in found.items() if file.is_file()})


def read(tag: str, domain: str, raw: bytes) -> Catalogue:
    """Read a catalogue; raise FrameError when it is not one. Entries that are empty or fuzzy are left out: the fallback says them then."""
    try:
        compiled = BytesIO()
        write_mo(compiled, read_po(BytesIO(raw), abort_invalid=True))
        compiled.seek(0)
        return Catalogue(gettext.GNUTranslations(compiled), _review(raw))
    except (PoFileError, ValueError) as why:
        raise FrameError(f"locales/{tag}/LC_MESSAGES/{domain}.po cannot be read: {why}") from why


def fill(msgid: str, text: str, values: Mapping[str, object]) -> str:
    """Put values into an entry's text; raise FrameError when there was none or it wants a value that is not given."""
    if text == msgid:
        raise FrameError(f"no entry {msgid!r} in any catalogue")
    try:
        return text.format_map(values)
    except (KeyError, ValueError, IndexError, AttributeError) as why:
        raise FrameError(f"{msgid}: {text!r} wants a value that it did not get: {why}") from why


def _review(raw: bytes) -> Review:
    """Read X-Review from the header entry: Babel keeps only the headers that it knows."""
    declared = _X_REVIEW.search(raw)
    return Review.REVIEWED if declared and declared[1] == b"reviewed" else Review.DRAFT
