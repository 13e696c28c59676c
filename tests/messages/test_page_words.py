"""The words of the pages: every catalogue says the same with the same placeholders, and what one lacks another says."""

from pathlib import Path

import pytest
import regex
from babel.messages.catalog import Catalog
from babel.messages.pofile import read_po

import locales
from messages.catalogue import FrameError
from messages.frames import frame_languages
from messages.languages import fits_label, get, is_rtl
from messages.library import placeholders
from messages.page_words import page_languages, page_review, say_on_page

FOLDER = Path(locales.__path__[0])
each_language = pytest.mark.parametrize("tag", page_languages())


def source(tag: str) -> str:
    return (FOLDER / tag / "LC_MESSAGES" / "page.po").read_text(encoding="utf-8")


def catalogue(tag: str) -> Catalog:
    with (FOLDER / tag / "LC_MESSAGES" / "page.po").open("rb") as file:
        return read_po(file, abort_invalid=True)


def said(tag: str) -> dict[str, str]:
    return {str(message.id): str(message.string) for message in catalogue(tag) if message.id}


ENGLISH = said("en")


@each_language
def test_every_catalogue_has_every_entry_in_the_same_order(tag: str) -> None:
    assert list(said(tag)) == list(ENGLISH)
    assert [msgid for msgid, text in said(tag).items() if not text] == []
    assert [message.id for message in catalogue(tag) if message.fuzzy] == []


def test_whoever_gets_messages_in_a_language_has_its_pages_too() -> None:
    assert page_languages() == tuple(sorted(frame_languages()))


@each_language
def test_placeholders_are_equal(tag: str) -> None:
    wrong = [(msgid, text) for msgid, text in said(tag).items() if placeholders(text) != placeholders(ENGLISH[msgid])]
    assert wrong == []


@each_language
def test_headers_say_language_and_review(tag: str) -> None:
    assert f'"Language: {tag}\\n"' in source(tag)
    assert regex.search(r'"X-Review: (draft|reviewed)\\n"', source(tag))
    assert get(tag).tag == tag
    assert page_review(tag).value.lower() in source(tag)


@each_language
def test_texts_are_short_lines_in_the_script_of_the_language(tag: str) -> None:
    texts = list(said(tag).values())
    assert fits_label(" ".join(texts), tag)
    assert [text for text in texts if text != text.strip() or "\n" in text or len(text) > 200] == []
    assert [text for text in texts if regex.search(r"[\u202a-\u202e\u2066-\u2069\ufeff\u200b<>&]", text)] == []


@pytest.mark.parametrize("tag", [tag for tag in page_languages() if is_rtl(tag)])
def test_right_to_left_lines_begin_with_a_letter_of_their_own(tag: str) -> None:
    first = regex.compile(r"\{\w+\}|\p{L}")
    letters = {msgid: first.search(text) for msgid, text in said(tag).items()}
    turned = [msgid for msgid, found in letters.items() if not (found and regex.match(r"\p{Script=Arab}|\p{Script=Syrc}", found[0]))]
    assert turned == []


def test_a_word_is_said_in_the_first_language_that_has_it_and_names_it() -> None:
    assert say_on_page(["ar", "en"], "message.read").language == "ar"
    assert say_on_page(["rhg", "en"], "message.read").text == "I have read it"
    assert say_on_page(["rhg"], "message.read").language == "nb"
    assert say_on_page(["no-such-language"], "message.send").text == "Send"


def test_values_are_filled_in_and_what_is_missing_is_said() -> None:
    assert say_on_page(["en"], "page.title", municipality="{x}").text == "Message from {x}"
    with pytest.raises(FrameError, match="municipality"):
        say_on_page(["en"], "page.title")
    with pytest.raises(FrameError, match=r"no entry 'message\.nothing'"):
        say_on_page(["en"], "message.nothing")
