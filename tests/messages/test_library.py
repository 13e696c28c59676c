"""Preparedness templates: the same parameters in every language, short enough, and honest about what they do not know."""

import pytest

from messages.alert import Act, Review
from messages.languages import fits_label
from messages.library import LibraryTemplate, TemplateError, parse, placeholders, template, templates

ALL = list(templates().values())
TEXTS = [(item, tag) for item in ALL for tag in item.languages()]
each_text = pytest.mark.parametrize(("item", "tag"), TEXTS, ids=[f"{item.id}-{tag}" for item, tag in TEXTS])
SAMPLE = {"place": "Strand", "minutes": "3", "authority": "Mattilsynet", "advice": "Kok vannet.", "advice_date": "23.11.2026"}


def filled(item: LibraryTemplate) -> dict[str, str]:
    return {name: SAMPLE[name] for name in item.parameters}


@each_text
def test_parameters_are_those_of_english_field_by_field(item: LibraryTemplate, tag: str) -> None:
    fields = ("headline", "forward", "topic", "ask", "detail")
    wanted = {name: placeholders(item.texts["en"].get(name, "")) for name in fields}
    assert {name: placeholders(item.texts[tag].get(name, "")) for name in fields} == wanted
    assert frozenset().union(*wanted.values()) <= set(item.parameters)


@each_text
def test_texts_are_whole_and_short(item: LibraryTemplate, tag: str) -> None:
    variant = item.fill(tag, filled(item))
    assert variant.headline
    assert variant.forward
    assert len(variant.headline) <= 30
    assert len(variant.topic) <= 14
    assert "http" not in variant.forward
    assert fits_label(f"{variant.headline} {variant.forward}", tag)
    assert variant.source == f"library:{item.id}"
    assert variant.place == "Strand"


@each_text
def test_review_is_declared(item: LibraryTemplate, tag: str) -> None:
    assert item.texts[tag]["review"] in ("draft", "reviewed")


def test_what_the_authority_says_must_be_filled_in() -> None:
    with pytest.raises(TemplateError, match="boil-water needs advice, advice_date, authority, place"):
        template("boil_water").fill("nb", {})


def test_unknown_parameters_and_languages_are_said() -> None:
    with pytest.raises(TemplateError, match="no parameter colour"):
        template("boil_water").fill("nb", {"colour": "brown"})
    with pytest.raises(TemplateError, match="no text in mfz"):
        template("boil_water").fill("mfz", SAMPLE)
    with pytest.raises(TemplateError, match="no template 'flood'; there are: boil-water"):
        template("flood")


def test_values_stay_on_one_line() -> None:
    variant = template("boil-water").fill("no", SAMPLE | {"place": "Strand\r\n og  Vik"})
    assert variant.place == "Strand og Vik"
    assert variant.language == "nb"
    assert variant.review is Review.DRAFT


GOOD = """
id = "x"
version = 1
act = "ISSUE"
severity = "Severe"
urgency = "Immediate"
certainty = "Likely"
life_and_health = true
leave_first = true
[parameters]
[nb]
headline = "A"
forward = "B"
review = "reviewed"
"""


def test_a_template_says_whether_to_leave_first() -> None:
    variant = parse(GOOD).fill("nb", {})
    assert variant.extra["leave_first"] == "yes"
    assert variant.review is Review.REVIEWED
    assert parse(GOOD).act is Act.ISSUE


BROKEN = [
    ("id =", "cannot be read"),
    (GOOD.replace('"ISSUE"', '"SHOUT"'), "SHOUT"),
    (GOOD.replace("[nb]", "[klingon]"), "klingon"),
    (GOOD.replace("version = 1\n", ""), "version"),
    (GOOD.replace("version = 1", 'version = "one"'), "one"),
]


@pytest.mark.parametrize(("source", "named"), BROKEN)
def test_broken_templates_are_refused_by_name(source: str, named: str) -> None:
    with pytest.raises(TemplateError, match=named):
        parse(source)


def test_unmatched_braces_are_refused() -> None:
    with pytest.raises(TemplateError, match="braces"):
        placeholders("boil {minutes")
