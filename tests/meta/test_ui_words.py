"""The staff pages speak Bokmål, Nynorsk and English: every sentence is in both catalogues, with its values and both its forms."""

import re

import pytest
from babel.messages.catalog import Message

from messages.languages import fits_label
from tests.meta.ui_words import TRANSLATED, catalogue, sentences

SENTENCES = sentences()
in_each_language = pytest.mark.parametrize("language", TRANSLATED)

#: words of the one form that are wrong in the other
FOREIGN = {
    "nb": r"(?i)\b(ikkje|eit|ein|frå|dei|kva|kven|korleis|nokon|vere|òg|berre|sjølv|meir|blir teke\w*|vart)\b",
    "nn": r"(?i)(?<!-)\b(ikke|et|en|fra|hva|hvem|hvordan|noen|være|også|bare|selv|mer|ble|jeg|hun|mye)\b",
}


def entries(language: str) -> list[Message]:
    return [entry for entry in catalogue(language) if entry.id]


def forms(entry: Message) -> list[tuple[str, str]]:
    """Each English form with what it is called here."""
    ids = [entry.id] if isinstance(entry.id, str) else list(entry.id)
    said = [entry.string] if isinstance(entry.string, str) else list(entry.string or ())
    return list(zip(ids, said, strict=True))


def values(text: str) -> list[str]:
    return sorted(re.findall(r"%\(\w+\)s", text))


def test_the_pages_have_sentences_in_templates_and_in_code() -> None:
    places = [each.where for each in SENTENCES]
    assert any(".html:" in place for place in places)
    assert any(".py:" in place for place in places)


@in_each_language
def test_no_sentence_is_missing(language: str) -> None:
    """`python -m tests.meta.ui_words` prints what is, ready to fill in."""
    known = catalogue(language)
    missing = [f"{each.where} {each.one}" for each in SENTENCES if each.one not in known]
    assert missing == []


@in_each_language
def test_what_is_counted_has_both_its_forms(language: str) -> None:
    known = catalogue(language)
    counted = [each for each in SENTENCES if each.many]
    assert counted
    assert [each for each in counted if known[each.one].id != (each.one, each.many)] == []


@in_each_language
def test_every_entry_is_said_whole_and_none_is_fuzzy(language: str) -> None:
    assert [entry.id for entry in entries(language) if entry.fuzzy or not all(said.strip() for _, said in forms(entry))] == []
    assert [
        entry.id
        for entry in entries(language)
        for english, said in forms(entry)
        if said != said.strip() or english[-1:] == "." != said[-1:]
    ] == []


@in_each_language
def test_values_agree(language: str) -> None:
    wrong = [(english, said) for entry in entries(language) for english, said in forms(entry) if values(english) != values(said)]
    assert wrong == []


@in_each_language
def test_each_catalogue_keeps_to_its_own_form_of_norwegian(language: str) -> None:
    mixed = [said for entry in entries(language) for _, said in forms(entry) if re.search(FOREIGN[language], said)]
    assert mixed == []
    assert fits_label(" ".join(said for entry in entries(language) for _, said in forms(entry)), language)


def test_both_catalogues_have_the_same_entries_in_the_same_order() -> None:
    assert [entry.id for entry in entries("nb")] == [entry.id for entry in entries("nn")]
