"""WhatsApp: bubbles inside the 24-hour window, approved templates outside it.

A template's text is fixed at approval, so exercises have templates of their own that begin and end with the mark. Where Meta has no
code for a language, its readers are woken with the Norwegian template; a tap on its button opens the window for any text.
"""

from dataclasses import dataclass

from messages.alert import Act, Alert, Kind, Variant
from messages.bodies import ask, forward, marked
from messages.form import Button, Copy, Medium, Part, Template
from messages.frames import FALLBACK, Facts, say
from messages.languages import get
from messages.slots import Slot, lines
from messages.voice import Voice, number_of, one_line, reference

#: characters of a template after its values are filled in; beyond it the provider refuses (63021)
TEMPLATE_LIMIT = 1024

#: what a press on each button means, as the digit people would type
_ANSWERS = (("button.read", 1), ("button.will_pass", 2), ("button.cannot", 4))
#: shows the message: the answer to "what is in force?"
_SHOW = (("button.show", 8),)


@dataclass(frozen=True, slots=True)
class Approved:
    """One template as it is submitted for approval. `variables` are the values "1", "2" … in order; `payload` is the button's."""

    name: str
    msgid: str
    variables: tuple[str, ...]
    buttons: tuple[tuple[str, int], ...] = ()


TEMPLATES = {
    Part.WAKE: Approved("budstikke_wake", "whatsapp.wake", ("municipality", "number", "payload"), _SHOW),
    Part.FORWARD: Approved("budstikke_forward", "whatsapp.forward", ("municipality", "text", "number")),
    Part.ASK: Approved(
        "budstikke_ask", "whatsapp.ask", ("municipality", "number", "time", "contact", "danger_number", "payload"), _ANSWERS
    ),
}


def template_name(part: Part, kind: Kind) -> str:
    """Return the template's name at the provider: exercises and tests have their own."""
    return TEMPLATES[part].name if kind is Kind.ACTUAL else f"{TEMPLATES[part].name}_{kind.value.lower()}"


def approval(part: Part, language: str, kind: Kind) -> tuple[str, tuple[Button, ...]]:
    """Return a template's text and buttons as they are submitted, with {{1}}, {{2}} … for its variables."""
    approved, voice = TEMPLATES[part], Voice(Facts(language=language, municipality=""), Medium.SMS)
    marks = {name: f"{{{{{place}}}}}" for place, name in enumerate(approved.variables, 1)}
    text = lines(marked([Slot(voice.say(approved.msgid, **marks))], kind, voice))
    return text, buttons(approved.buttons, marks.get("payload", ""), voice)


def buttons(titles: tuple[tuple[str, int], ...], payload: str, voice: Voice) -> tuple[Button, ...]:
    """Return buttons whose payload is the alert's number and the answer's digit: "12.2"."""
    return tuple(Button(voice.say(msgid), f"{payload}.{digit}") for msgid, digit in titles)


def bubbles(alert: Alert, variant: Variant, facts: Facts) -> tuple[Copy, ...]:
    """Return the forward bubble, the ask bubble with its buttons, and the template that wakes."""
    voice = Voice(facts, Medium.WHATSAPP)
    text = lines(marked(forward(alert, variant, voice), alert.kind, voice))
    shown = Copy(
        medium=Medium.WHATSAPP, part=Part.FORWARD, language=variant.language, text=text, template=_forward_template(alert, variant, voice)
    )
    return shown, ask_bubble(alert, variant, voice, Part.ASK, ask(alert, variant, voice)), _wake(alert, voice)


def ask_bubble(alert: Alert, variant: Variant, voice: Voice, part: Part, slots: list[Slot]) -> Copy:
    """Return an ask or a reminder with its buttons, and the template that says it outside the window."""
    asks = alert.act in (Act.ISSUE, Act.UPDATE)
    return Copy(
        medium=Medium.WHATSAPP,
        part=part,
        language=voice.language,
        text=lines(marked(slots, alert.kind, voice)),
        buttons=buttons(_ANSWERS, number_of(alert), voice) if asks and voice.facts.two_way else (),
        template=_ask_template(alert, variant, voice) if asks and voice.facts.two_way else None,
    )


def _forward_template(alert: Alert, variant: Variant, voice: Voice) -> Template | None:
    # a variable takes no line breaks
    flat = Voice(voice.facts, Medium.SMS)
    text = " · ".join(one_line(slot.text) for slot in forward(alert, variant, flat) if slot.text)
    return _filled(Part.FORWARD, alert, flat, {"text": text})


def _ask_template(alert: Alert, variant: Variant, voice: Voice) -> Template | None:
    if alert.act_by_at is None:  # the text names a time; without one the reader is woken instead
        return None
    facts = voice.facts
    values = {
        "number": reference(alert, variant),
        "time": voice.by(alert.act_by_at, alert.sent_at),
        "contact": voice.contact() or facts.municipality,
        "danger_number": facts.danger_number,
    }
    return _filled(Part.ASK, alert, voice, values)


def _filled(part: Part, alert: Alert, voice: Voice, values: dict[str, str]) -> Template | None:
    """Fill in a template in the reader's language; None when Meta has no code for it, or the text would be too long."""
    approved, code = TEMPLATES[part], voice.known.whatsapp
    given = {"municipality": voice.facts.municipality, "number": number_of(alert), "payload": number_of(alert), **values}
    text = lines(marked([Slot(say(voice.language, approved.msgid, **given))], alert.kind, voice))
    if not code or len(text) > TEMPLATE_LIMIT:
        return None
    return Template(template_name(part, alert.kind), code, tuple(one_line(given[name]) for name in approved.variables), text)


def _wake(alert: Alert, voice: Voice) -> Copy:
    """Return the template that opens the window, in the reader's language or else in Norwegian."""
    tag = voice.language if voice.known.whatsapp else FALLBACK
    told = Voice(Facts(language=tag, municipality=voice.facts.municipality), Medium.WHATSAPP)
    values = {"municipality": one_line(voice.facts.municipality), "number": number_of(alert), "payload": number_of(alert)}
    text = told.say("whatsapp.wake", municipality=values["municipality"], number=values["number"])
    variables = tuple(values[name] for name in TEMPLATES[Part.WAKE].variables)
    shown = lines(marked([Slot(text)], alert.kind, told))
    return Copy(
        medium=Medium.WHATSAPP,
        part=Part.WAKE,
        language=tag,
        text=shown,
        buttons=buttons(_SHOW, number_of(alert), told),
        template=Template(template_name(Part.WAKE, alert.kind), get(tag).whatsapp, variables, shown),
    )
