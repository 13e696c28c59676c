"""E-mail: both bodies in boxes of their own, each text with its language and direction, plain text and HTML the same."""

import html
from dataclasses import replace
from html.parser import HTMLParser

import pytest
import regex

from messages.alert import Act
from messages.form import Copy, Medium, Part
from messages.frames import frame_languages
from messages.languages import direction
from messages.library import template
from messages.render import render
from tests.messages.night import alert, facts, water

LANGUAGES = [tag for tag in frame_languages() if tag in template("boil_water").texts]
LINK, LEAVE = "https://sorvik.example/s/1?a=1&b=2", "https://sorvik.example/u/1"


def letter(tag: str = "nb", **changes: object) -> Copy:
    told = facts(tag, link=LINK, unsubscribe_url=LEAVE, contact_hours="08-22", **changes)
    (copy,) = render(alert(), water(tag), told, Medium.EMAIL)
    return copy


class Reader(HTMLParser):
    """Collects what a reader sees, and the languages it is marked with."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.texts: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.feed(source)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in ("meta", "br"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "title" not in self.open and data.strip():
            self.texts.append(data.strip())


def test_the_letter_holds_everything() -> None:
    copy = letter()
    assert copy.part is Part.LETTER
    assert copy.subject == "Sørvik: KOK VANNET (nr. 12)"
    for needed in ("KOK VANNET", "2 gir videre", "isbiter", "08-22", LINK, LEAVE, "nummer du har fra før", "frivillig", "Fare: 112"):
        assert needed in copy.text, needed
    assert copy.text.index("KOK VANNET") < copy.text.index("Til deg") < copy.text.index("isbiter")


@pytest.mark.parametrize("tag", LANGUAGES)
def test_plain_text_and_html_say_the_same(tag: str) -> None:
    copy = letter(tag)
    read = Reader(copy.html)
    assert read.open == []
    links = [attributes["href"] for name, attributes in read.tags if name == "a"]
    assert links == [LINK, LEAVE]
    lines = [regex.sub(r": https://\S+$", "", line) for line in copy.text.splitlines() if line]
    assert read.texts == lines


@pytest.mark.parametrize("tag", LANGUAGES)
def test_language_and_direction_are_declared(tag: str) -> None:
    name, attributes = Reader(letter(tag).html).tags[0]
    assert (name, attributes) == ("html", {"lang": tag, "dir": direction(tag)})


def test_a_norwegian_text_in_an_arabic_letter_is_marked() -> None:
    (copy,) = render(alert(), water("nb"), facts("ar"), Medium.EMAIL)
    assert copy.html.startswith('<!doctype html><html lang="ar" dir="rtl">')
    assert '<p style="margin:0 0 8px" lang="nb" dir="ltr">Kok det i 3 minutter' in copy.html


def test_the_norwegian_twin_stands_below() -> None:
    copy = letter("en", twin=("KOK VANNET", "Kok det lenge."))
    assert "The same in Norwegian\nKOK VANNET\nKok det lenge." in copy.text
    assert 'lang="nb" dir="ltr">Kok det lenge.' in copy.html
    assert "Kok det lenge." not in letter("nb", twin=("KOK VANNET", "Kok det lenge.")).text


def test_an_unknown_label_leaves_the_direction_to_the_reader() -> None:
    (copy,) = render(alert(), replace(water(), language="xx"), facts(), Medium.EMAIL)
    assert 'lang="xx" dir="auto"' in copy.html


def test_nothing_in_a_text_becomes_markup() -> None:
    nasty = "<script>alert(1)</script>&\"'"
    told = facts(municipality=nasty, contact_name=nasty, link='https://x.example/"><script>')
    (copy,) = render(alert(), water("nb", headline=nasty, forward=nasty, detail=nasty, topic=nasty), told, Medium.EMAIL)
    assert "<script" not in copy.html
    assert html.escape(nasty) in copy.html
    assert Reader(copy.html).open == []


def test_subjects_of_corrections_say_which() -> None:
    (wrong,) = render(alert(act=Act.WITHDRAW, replaces=11), water(), facts(), Medium.EMAIL)
    assert wrong.subject == "Sørvik: nr. 11 var feil og er trukket tilbake (nr. 12)"
    (over,) = render(alert(act=Act.OVER, replaces=11), water(), facts(), Medium.EMAIL)
    assert over.subject == "Sørvik: faren er over, nr. 11 er slutt (nr. 12)"
    (update,) = render(alert(act=Act.UPDATE, replaces=11), water(), facts(), Medium.EMAIL)
    assert update.subject == "Sørvik: OPPDATERT: KOK VANNET (nr. 12)"


def test_a_subject_is_one_line_and_never_empty() -> None:
    (copy,) = render(alert(event="Vann"), water(headline="", topic="a\nBcc: b"), facts(), Medium.EMAIL)
    assert copy.subject == "Sørvik: a Bcc: b (nr. 12)"
    (bare,) = render(alert(event="Drikkevann"), water(headline="", topic=""), facts(), Medium.EMAIL)
    assert bare.subject == "Sørvik: Drikkevann (nr. 12)"


def test_without_a_number_to_ring_the_letter_names_none() -> None:
    copy = letter(contact_phone="", contact_name="")
    assert "Ring et nummer til kommunen du har fra før" in copy.text
    assert "Spørsmål" not in copy.text


def test_the_second_open_alert_is_answered_with_its_own_digits() -> None:
    assert "61, 62 eller 64" in letter(legend=6).text
