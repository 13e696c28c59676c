"""The words of the pages for resource persons and for everybody they pass a message on to: locales/<tag>/LC_MESSAGES/page.po.

locales/en has every entry. A language that lacks one has it said in the next language that the reader accepts, and in Norwegian
at last: a page names the language of each of its words, and no word is blank.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

from messages.alert import Review
from messages.catalogue import Catalogue, catalogues, fill, read
from messages.languages import normalise

DOMAIN = "page"
#: what speaks where none of the reader's languages does
FALLBACK = "nb"


@dataclass(frozen=True, slots=True)
class Said:
    """One entry with its values, and the language that it is in."""

    text: str
    language: str


def say_on_page(languages: Sequence[str], msgid: str, **values: object) -> Said:
    """Return an entry in the first of `languages` that has it, else in Norwegian; raise FrameError when there is none at all."""
    for tag in (*filter(None, map(normalise, languages)), FALLBACK):
        found = _entry(tag, msgid)
        if found:
            return Said(fill(msgid, found, values), tag)
    return Said(fill(msgid, msgid, values), FALLBACK)


def page_review(language: str) -> Review:
    """Say whether a translator has stood for the page's words in this language; DRAFT where there are none."""
    tag = normalise(language)
    return _catalogue(tag).review if tag in catalogues(DOMAIN) and tag else Review.DRAFT


def page_languages() -> tuple[str, ...]:
    """Return the tags that have words of their own for the pages, sorted."""
    return tuple(sorted(catalogues(DOMAIN)))


def _entry(tag: str, msgid: str) -> str:
    if tag not in catalogues(DOMAIN):
        return ""
    found = _catalogue(tag).texts.gettext(msgid)
    return "" if found == msgid else found


@cache
def _catalogue(tag: str) -> Catalogue:
    return read(tag, DOMAIN, catalogues(DOMAIN)[tag].read_bytes())
