"""Alert + variant + facts -> the copies that a channel sends. Pure: the same words for the same values, whoever asks and when.

`render` makes the first messages, `remind` and `count_question` what may follow, `notice` the answer to something a person wrote.
Every copy of an alert that is not real is checked for its exercise mark before it leaves this file.
"""

from collections.abc import Callable
from dataclasses import replace

from messages.alert import Alert, Kind, Variant
from messages.bodies import ask, forward, marked, reminder
from messages.form import Copy, Medium, Part
from messages.frames import Facts, Notice
from messages.letter import Box, letter, posted
from messages.notices import notice_slots
from messages.slots import Slot, fit, lines
from messages.voice import RenderError, Voice, reference
from messages.whatsapp import ask_bubble, bubbles


class UnmarkedExerciseError(RenderError):
    """An exercise was about to leave without its mark. It was not sent; report this."""


def render(alert: Alert, variant: Variant, facts: Facts, medium: Medium) -> tuple[Copy, ...]:
    """Return the first messages of an alert to one reader.

    SMS: FORWARD and ASK, without links. WhatsApp: FORWARD, ASK with buttons, WAKE. E-mail: one LETTER.
    Raises RenderError when the alert cannot be put into words (a withdrawal that names no alert).
    """
    return tuple(sealed(alert.kind, copy, facts) for copy in _FIRST[medium](alert, variant, facts))


def remind(alert: Alert, variant: Variant, facts: Facts, medium: Medium) -> Copy:
    """Return the reminder of an ask that has no answer."""
    voice = Voice(facts, medium)
    slots = reminder(alert, variant, voice)
    if medium is Medium.WHATSAPP:
        copy = ask_bubble(alert, variant, voice, Part.REMINDER, slots)
    else:
        title = voice.say("email.subject_reminder", municipality=facts.municipality, number=reference(alert, variant))
        copy = _short(Part.REMINDER, title, slots, alert.kind, voice)
    return sealed(alert.kind, copy, facts)


def count_question(alert: Alert, variant: Variant, facts: Facts, medium: Medium) -> Copy:
    """Return the question that follows "I will pass it on": about how many people?"""
    voice, number = Voice(facts, medium), reference(alert, variant)
    title = voice.say("email.subject_count", municipality=facts.municipality, number=number)
    copy = _short(Part.COUNT, title, [Slot(_how_many(number, voice))], alert.kind, voice)
    return sealed(alert.kind, copy, facts)


def notice(kind: Notice, facts: Facts, medium: Medium, *, of: Kind = Kind.ACTUAL) -> Copy:
    """Return the house's answer to something a person wrote; `of` is the kind of the alert that it is about.

    Raises FrameError when `facts.values` lacks what the Notice says it takes.
    """
    voice = Voice(facts, medium)
    # what to do in danger is never an exercise
    told = Kind.ACTUAL if kind is Notice.DANGER else of
    title = voice.say("email.subject_notice", municipality=facts.municipality)
    return sealed(told, _short(Part.NOTICE, title, notice_slots(kind, voice), told, voice), facts)


def sealed(kind: Kind, copy: Copy, facts: Facts) -> Copy:
    """Return `copy` if it is real or says at both ends that it is not; raise UnmarkedExerciseError otherwise."""
    if kind is Kind.ACTUAL:
        return copy
    # the template that wakes may speak another language than the reader's
    speaks = replace(facts, language=copy.language) if copy.part is Part.WAKE else facts
    mark = Voice(speaks, copy.medium).mark(kind)
    shown = [copy.text, copy.subject] if copy.medium is Medium.EMAIL else [copy.text]
    if not mark or not all(text.startswith(mark) and text.endswith(mark) for text in shown):
        raise UnmarkedExerciseError(f"{copy.part} in {copy.language} is not marked as {kind}")
    return copy


def _sms(alert: Alert, variant: Variant, facts: Facts) -> tuple[Copy, ...]:
    voice = Voice(facts, Medium.SMS)
    mark = voice.mark(alert.kind)
    heard = fit(forward(alert, variant, voice), Part.FORWARD, variant.language, mark)
    asked = fit(ask(alert, variant, voice), Part.ASK, voice.language, mark)
    return (
        Copy(medium=Medium.SMS, part=Part.FORWARD, language=variant.language, text=heard.text, dropped=heard.dropped),
        Copy(medium=Medium.SMS, part=Part.ASK, language=voice.language, text=asked.text, dropped=asked.dropped),
    )


def _letter(alert: Alert, variant: Variant, facts: Facts) -> tuple[Copy, ...]:
    return (letter(alert, variant, facts),)


_FIRST: dict[Medium, Callable[[Alert, Variant, Facts], tuple[Copy, ...]]] = {
    Medium.SMS: _sms,
    Medium.WHATSAPP: bubbles,
    Medium.EMAIL: _letter,
}


def _how_many(number: str, voice: Voice) -> str:
    if not voice.facts.two_way:
        return voice.say("count.question_one_way", number=number, contact=voice.contact() or voice.facts.municipality)
    return voice.say("count.question", number=number, answer="40" if not voice.facts.legend else f"{voice.digit(3)} 40")


def _short(part: Part, title: str, slots: list[Slot], kind: Kind, voice: Voice) -> Copy:
    """Put a few lines into any medium: an SMS that fits, a bubble, or a small mail."""
    if voice.medium is Medium.EMAIL:
        return posted(part, title, [Box("", tuple(slots))], voice.mark(kind), voice)
    if voice.medium is Medium.WHATSAPP:
        return Copy(medium=voice.medium, part=part, language=voice.language, text=lines(marked(slots, kind, voice)))
    fitted = fit(slots, part, voice.language, voice.mark(kind))
    return Copy(medium=voice.medium, part=part, language=voice.language, text=fitted.text, dropped=fitted.dropped)
