"""Preparedness templates: the same parameters in every language, short enough, and honest about what they do not know."""

import re
from dataclasses import replace
from datetime import date

import pytest

from messages.alert import Act, Kind, Review, Severity
from messages.form import Copy, Medium, Part
from messages.frames import say
from messages.languages import fits_label
from messages.library import LibraryTemplate, TemplateError, parse, placeholders, template, templates, unfit
from messages.render import render
from messages.segments import Coding, alphabet, count
from messages.show import sample_alert
from messages.slots import DROPS, OVER_BUDGET
from tests.messages.night import facts

ALL = list(templates().values())
TEXTS = [(item, tag) for item in ALL for tag in item.languages()]
each_text = pytest.mark.parametrize(("item", "tag"), TEXTS, ids=[f"{item.id}-{tag}" for item, tag in TEXTS])
TODAY = date(2026, 11, 24)
SAMPLE = {
    "place": "Strand",
    "minutes": "3",
    "meeting_point": "Strand skole",
    "water_point": "Strand torg",
    "disease": "meslinger",
    "health_phone": "116117",
    "authority": "Mattilsynet",
    "advice": "Kok vannet.",
    "advice_date": "23.11.2026",
}
#: what a municipality has at hand on the first night, whichever it is
NEEDED = {
    *("boil-water", "boil-water-over", "evacuation", "landslide", "flood", "forest-fire", "poisonous-smoke"),
    *("power-cut", "water-off", "no-telephone", "infection", "exercise"),
}
#: words per sentence of a long text, by which somebody with little Norwegian still follows
LONGEST_SENTENCE = 16

#: parts of an SMS whose ask tells people how to stay alive, outside GSM-7: it is sent whole
GRAVE_PARTS = 3

#: grave, and yet the area is not what is dangerous: the water, the smoke outside, the sick and the silence are where people are
STAY = frozenset({"boil-water", "boil-water-over", "poisonous-smoke", "no-telephone", "infection"})


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
    assert len(placeholders_out(item.texts[tag]["forward"])) <= 95
    assert len(variant.topic) <= 14
    assert "http" not in variant.forward
    assert fits_label(f"{variant.headline} {variant.forward}", tag)
    assert variant.source == f"library:{item.id}"
    assert variant.place == "Strand"


def placeholders_out(text: str) -> str:
    return re.sub(r"\{\w+\}", "", text)


def test_the_night_s_templates_are_there_in_both_norwegians_and_english() -> None:
    assert set(templates()) == NEEDED
    assert all({"nb", "nn", "en"} <= set(item.languages()) for item in ALL)


def may_cost_a_part_more(item: LibraryTemplate, tag: str, copy: Copy) -> bool:
    """Say whether this is an ask that tells people how to stay alive, in letters of which an SMS holds few."""
    tells = item.leave_first or bool(item.texts[tag]["ask"])
    return copy.part is Part.ASK and tells and alphabet(copy.text) is Coding.UCS2


@each_text
@pytest.mark.parametrize("kind", list(Kind))
def test_both_bodies_are_within_their_budget_and_lose_nothing_that_matters(item: LibraryTemplate, tag: str, kind: Kind) -> None:
    copies = render(sample_alert(item, kind), item.fill(tag, filled(item)), facts(tag), Medium.SMS)
    spared = {*DROPS[Part.ASK]} | {"clock-note", "translation-draft", "next-news"}
    for copy in copies:
        whole = {OVER_BUDGET} if may_cost_a_part_more(item, tag, copy) else set()
        assert set(copy.dropped) <= spared | whole
        # the mark of an exercise comes on top
        assert OVER_BUDGET not in copy.dropped or count(copy.text).segments <= GRAVE_PARTS + (kind is not Kind.ACTUAL)
    if tag in ("nb", "nn", "en") and kind is Kind.ACTUAL and item.act is Act.ISSUE:
        assert not {name for copy in copies for name in copy.dropped} - {"answer", "contact-name"}


@each_text
def test_where_the_area_is_dangerous_the_ask_begins_with_leaving_it(item: LibraryTemplate, tag: str) -> None:
    ask = next(
        copy
        for copy in render(sample_alert(item, Kind.ACTUAL), item.fill(tag, filled(item)), facts(tag), Medium.SMS)
        if copy.part is Part.ASK
    )
    assert ask.text.startswith(say(tag, "ask.leave_first")) == item.leave_first
    if item.severity in {Severity.EXTREME, Severity.SEVERE} and item.id not in STAY:
        assert item.leave_first


@pytest.mark.parametrize("tag", ["nb", "nn", "en"])
def test_whom_smoke_keeps_inside_is_not_asked_to_go_out(tag: str) -> None:
    smoke = template("poisonous-smoke").fill(tag, filled(template("poisonous-smoke")))
    assert any(words in smoke.ask for words in ("Gå ikke ut", "Gå ikkje ut", "Do not go out"))


@each_text
def test_what_english_asks_is_asked_in_every_language(item: LibraryTemplate, tag: str) -> None:
    assert bool(item.texts[tag]["ask"]) == bool(item.texts["en"]["ask"])


@each_text
def test_what_is_advised_is_quoted_with_who_said_it_and_when(item: LibraryTemplate, tag: str) -> None:
    if item.act is Act.ISSUE and item.id != "exercise":
        assert {"authority", "advice", "advice_date"} <= placeholders(item.texts[tag]["detail"])


@pytest.mark.parametrize("item", ALL, ids=[item.id for item in ALL])
def test_long_texts_are_short_sentences(item: LibraryTemplate) -> None:
    for tag in ("nb", "nn", "en"):
        sentences = re.split(r"(?<=[.?!])\s+", placeholders_out(item.texts[tag]["detail"]).partition("«")[0])
        assert max(len(sentence.split()) for sentence in sentences) <= LONGEST_SENTENCE


@each_text
def test_review_is_declared(item: LibraryTemplate, tag: str) -> None:
    assert item.texts[tag]["review"] in ("draft", "reviewed")


def test_what_the_authority_says_must_be_filled_in() -> None:
    with pytest.raises(TemplateError, match="boil-water needs advice, advice_date, authority, place"):
        template("boil_water").fill("nb", {})


@pytest.mark.parametrize(
    ("name", "value", "stands"),
    [
        ("minutes", " 5 ", "5"),
        ("minutes", "mange", None),
        ("minutes", "0", None),
        ("minutes", "3-5", None),
        ("advice_date", "2.2.2026", "02.02.2026"),
        ("advice_date", "2026-02-02", "02.02.2026"),
        ("advice_date", "31.02.2026", None),
        ("advice_date", "i går", None),
    ],
)
def test_a_number_and_a_date_are_taken_as_such_or_not_at_all(name: str, value: str, stands: str | None) -> None:
    water, given = template("boil-water"), filled(template("boil-water")) | {name: value}
    assert water.wrong(given, TODAY) == (() if stands else (name,))
    if stands:
        assert stands in water.fill("nb", given).detail
    else:
        with pytest.raises(TemplateError, match=rf"boil-water cannot take what is given for {name}"):
            water.fill("nb", given)


@pytest.mark.parametrize("item", ALL, ids=[item.id for item in ALL])
def test_kinds_belong_to_parameters(item: LibraryTemplate) -> None:
    assert set(item.kinds) <= set(item.parameters)
    assert not item.wrong(item.defaults, TODAY)


def test_unknown_parameters_and_languages_are_said() -> None:
    with pytest.raises(TemplateError, match="no parameter colour"):
        template("boil_water").fill("nb", {"colour": "brown"})
    with pytest.raises(TemplateError, match="no text in mfz"):
        template("boil_water").fill("mfz", SAMPLE)
    with pytest.raises(TemplateError, match="no template 'quake'; there are: boil-water"):
        template("quake")


@pytest.mark.parametrize(
    ("value", "taken"), [("24.11.2026", True), ("25.11.2026", False), ("2025-11-24", True), ("2.2.2025", False), ("2.2.0202", False)]
)
def test_a_page_was_read_today_or_not_long_ago(value: str, taken: bool) -> None:  # noqa: FBT001 - a row of the table
    water = template("boil-water")
    assert water.wrong(filled(water) | {"advice_date": value}, TODAY) == (() if taken else ("advice_date",))


def test_values_stay_on_one_line() -> None:
    variant = template("boil-water").fill("no", filled(template("boil-water")) | {"place": "Strand\r\n og  Vik"})
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


def test_what_is_about_an_exercise_is_never_told_as_real() -> None:
    exercise, water = template("exercise"), template("boil-water")
    assert exercise.alert_kinds == {Kind.EXERCISE, Kind.TEST}
    assert all(item.alert_kinds == set(Kind) for item in ALL if item is not exercise)
    text = exercise.fill("nb", {"place": "Strand"})
    for same in (text, replace(text, headline="Noe annet"), replace(text, source="written", headline="vi prøver  varslingen")):
        assert [kind for kind in Kind if unfit(same, kind)] == [Kind.ACTUAL]
    assert not unfit(replace(text, source="written", headline="KOK VANNET"), Kind.ACTUAL)
    assert not unfit(water.fill("nb", filled(water)), Kind.ACTUAL)


BROKEN = [
    ("id =", "cannot be read"),
    (GOOD.replace('"ISSUE"', '"SHOUT"'), "SHOUT"),
    (GOOD.replace("[nb]", "[klingon]"), "klingon"),
    (GOOD.replace("version = 1\n", ""), "version"),
    (GOOD.replace("version = 1", 'version = "one"'), "one"),
    (GOOD.replace("leave_first = true", 'leave_first = true\nalert_kinds = ["REHEARSAL"]'), "REHEARSAL"),
]


@pytest.mark.parametrize(("source", "named"), BROKEN)
def test_broken_templates_are_refused_by_name(source: str, named: str) -> None:
    with pytest.raises(TemplateError, match=named):
        parse(source)


def test_unmatched_braces_are_refused() -> None:
    with pytest.raises(TemplateError, match="braces"):
        placeholders("boil {minutes")
