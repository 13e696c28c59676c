"""WhatsApp: buttons bind an answer to its alert, and templates say the same outside the window."""

import pytest
import regex

from messages.alert import Act, Kind
from messages.form import Button, Copy, Medium, Part, Template
from messages.frames import frame_languages, say
from messages.languages import get
from messages.library import template
from messages.render import render
from messages.whatsapp import TEMPLATE_LIMIT, TEMPLATES, approval, template_name
from tests.messages.night import alert, facts, water

LANGUAGES = [tag for tag in frame_languages() if tag in template("boil_water").texts]
each_language = pytest.mark.parametrize("tag", LANGUAGES)


def bubbles(tag: str = "nb", **changes: object) -> tuple[Copy, ...]:
    return render(alert(**changes), water(tag), facts(tag), Medium.WHATSAPP)


def test_three_copies() -> None:
    assert [copy.part for copy in bubbles()] == [Part.FORWARD, Part.ASK, Part.WAKE]


def test_buttons_carry_number_and_digit() -> None:
    _, ask, wake = bubbles()
    assert ask.buttons == (Button("Lest", "12.1"), Button("Jeg gir videre", "12.2"), Button("Jeg kan ikke", "12.4"))
    assert wake.buttons == (Button("Les meldingen", "12.8"),)
    # the buttons are the legend; a second one in digits would only confuse
    assert "1 lest" not in ask.text


def test_templates_in_norwegian() -> None:
    forward, ask, wake = bubbles()
    assert forward.template is not None
    assert forward.template.name == "budstikke_forward"
    assert forward.template.variables[0] == "Sørvik"
    assert forward.template.variables[1].startswith("Sørvik: KOK VANNET · Kok det i 3 minutter")
    assert "\n" not in forward.template.variables[1]
    assert ask.template == Template("budstikke_ask", "nb", ("Sørvik", "12 (vann)", "kl. 07.00", "Kari Nordmann 91234567", "112", "12"))
    assert wake.template == Template("budstikke_wake", "nb", ("Sørvik", "12", "12"))


@each_language
def test_a_reader_whose_language_meta_lacks_is_woken_in_norwegian(tag: str) -> None:
    forward, ask, wake = bubbles(tag)
    assert wake.template is not None
    if get(tag).whatsapp:
        assert forward.template is not None
        assert ask.template is not None
        assert forward.template.language == ask.template.language == wake.template.language == get(tag).whatsapp
    else:
        assert (forward.template, ask.template, wake.template.language, wake.language) == (None, None, "nb", "nb")


def test_dari_has_metas_own_code() -> None:
    assert get("fa-AF").whatsapp == "prs_AF"
    assert get("ti").whatsapp == get("so").whatsapp == get("ckb").whatsapp == ""


def test_a_text_too_long_for_a_template_has_none() -> None:
    long = water("nb", forward="Kok vannet. " * 90)
    forward = render(alert(), long, facts(), Medium.WHATSAPP)[0]
    assert len(forward.text) > TEMPLATE_LIMIT
    assert forward.template is None


def test_without_a_time_the_ask_has_no_template() -> None:
    assert bubbles(act_by_at=None)[1].template is None


@pytest.mark.parametrize("act", [Act.WITHDRAW, Act.OVER])
def test_corrections_have_no_answer_buttons_and_no_ask_template(act: Act) -> None:
    forward, ask, _ = bubbles(act=act, replaces=11)
    assert (ask.buttons, ask.template) == ((), None)
    assert forward.template is not None


@each_language
@pytest.mark.parametrize("part", list(TEMPLATES))
@pytest.mark.parametrize("kind", list(Kind))
def test_what_is_submitted_for_approval(tag: str, part: Part, kind: Kind) -> None:
    text, buttons = approval(part, tag, kind)
    used = regex.findall(r"\{\{(\d)\}\}", text)
    texts = [name for name in TEMPLATES[part].variables if name != "payload"]
    assert sorted(used) == [str(place) for place in range(1, len(texts) + 1)]
    assert all(button.payload.startswith("{{") and len(button.title) <= 20 for button in buttons)
    assert len(text) <= TEMPLATE_LIMIT
    if kind is not Kind.ACTUAL:
        mark = say(tag, f"mark.{kind.value.lower()}")
        assert text.startswith(mark)
        assert text.endswith(mark)
        assert template_name(part, kind) != template_name(part, Kind.ACTUAL)


def test_right_to_left_bubbles_keep_numbers_and_names_together() -> None:
    text = bubbles("ar")[1].text
    assert "\u206891234567\u2069" in text or "\u2068Kari Nordmann 91234567\u2069" in text
    assert "\u2068" not in bubbles("nb")[1].text


def test_a_link_is_never_wrapped() -> None:
    told = facts("ar", link="https://sorvik.example/s/1")
    text = render(alert(), water("ar"), told, Medium.WHATSAPP)[1].text
    assert "https://sorvik.example/s/1" in text
    assert "\u2068https" not in text
