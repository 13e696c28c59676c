"""E-mail: one letter with both bodies in boxes of their own; the plain text is made of the same lines as the HTML."""

from collections.abc import Iterator
from dataclasses import dataclass
from html import escape

from messages.alert import Act, Alert, Variant
from messages.bodies import ask, forward, headline
from messages.form import Copy, Medium, Part
from messages.frames import Facts, between
from messages.languages import NORWEGIAN, direction, get, normalise
from messages.slots import Slot
from messages.voice import Voice, number_of, replaced

_BODY = "margin:0;padding:16px;background:#fff;color:#1a1a1a;font:16px/1.5 {fonts}"
_BOX = "max-width:640px;margin:0 auto 16px;padding:12px 16px;border:1px solid {border};border-radius:8px;background:{ground}"
_MARK = "max-width:640px;margin:0 auto 16px;padding:8px 16px;background:#ffdd00;color:#000;font-weight:bold;text-align:center"
#: box -> border, ground. Never colour alone: each box says in its heading what it is
_COLOURS = {"forward": ("#1e5b9c", "#eef5fc"), "ask": ("#8a5a00", "#fff7e6"), "": ("#c9c9c9", "#ffffff")}


@dataclass(frozen=True, slots=True)
class Box:
    """One box of the letter: a heading and lines, each with its own language where it is not the frame's."""

    heading: str
    lines: tuple[Slot, ...]
    look: str = ""


def letter(alert: Alert, variant: Variant, facts: Facts) -> Copy:
    """Return the whole letter: what to pass on, what we ask, the long text, the Norwegian, how to check it, why you get it."""
    voice = Voice(facts, Medium.EMAIL)
    boxes = [
        Box(voice.say("email.forward_heading"), tuple(forward(alert, variant, voice)), "forward"),
        Box(voice.say("email.ask_heading"), (*ask(alert, variant, voice), *_answer(alert, voice)), "ask"),
        Box(voice.say("email.detail_heading"), _detail(variant)),
        Box(voice.say("email.norwegian_heading"), _twin(variant, facts)),
        Box(voice.say("email.verify_heading"), tuple(_verify(alert, voice))),
        Box(voice.say("email.why_heading"), tuple(_why(voice))),
    ]
    return posted(Part.LETTER, subject(alert, variant, voice), boxes, voice.mark(alert.kind), voice)


def posted(part: Part, title: str, boxes: list[Box], mark: str, voice: Voice) -> Copy:
    """Put boxes into a mail: subject, plain text and HTML, each with the mark at both ends."""
    full = [box for box in boxes if any(line.text for line in box.lines)]
    return Copy(
        medium=Medium.EMAIL,
        part=part,
        language=voice.language,
        subject=between(mark, title),
        text="\n\n".join(filter(None, (mark, *map(_plain, full), mark))),
        html=_page(title, full, mark, voice.language),
    )


def subject(alert: Alert, variant: Variant, voice: Voice) -> str:
    """Return the subject line."""
    names = {"municipality": voice.facts.municipality, "number": number_of(alert)}
    if alert.act is Act.WITHDRAW:
        return _unisolated(voice).say("email.subject_withdrawn", replaces=replaced(alert), **names)
    if alert.act is Act.OVER:
        return _unisolated(voice).say("email.subject_over", replaces=replaced(alert), **names)
    what = headline(alert, variant, voice) or variant.topic or alert.event
    return _unisolated(voice).say("email.subject", headline=what, **names)


def _unisolated(voice: Voice) -> Voice:
    # a subject is no page: some readers of mail show isolates as boxes
    return Voice(voice.facts, Medium.SMS)


def _answer(alert: Alert, voice: Voice) -> list[Slot]:
    """Say how to answer; a correction asks for no answer but the one that its ask names."""
    facts = voice.facts
    link = [Slot(voice.say("email.answer_link"), href=facts.link)] if facts.link else []
    if not facts.two_way or alert.act in (Act.WITHDRAW, Act.OVER):
        return link
    digits = {name: voice.digit(digit) for name, digit in (("read", 1), ("will_pass", 2), ("cannot", 4))}
    return [*link, Slot(voice.say("email.answer_mail", **digits))]


def _detail(variant: Variant) -> tuple[Slot, ...]:
    return tuple(Slot(line.strip(), language=variant.language) for line in variant.detail.splitlines() if line.strip())


def _twin(variant: Variant, facts: Facts) -> tuple[Slot, ...]:
    if facts.twin is None or variant.language in NORWEGIAN:
        return ()
    return tuple(Slot(text, language="nb") for text in facts.twin if text)


def _verify(alert: Alert, voice: Voice) -> Iterator[Slot]:
    facts, number = voice.facts, number_of(alert)
    if facts.contact_phone:
        yield Slot(voice.say("email.verify", phone=facts.contact_phone, number=number))
    else:
        yield Slot(voice.say("email.verify_no_phone", number=number))
    if facts.contact_hours:
        yield Slot(voice.say("email.contact_hours", hours=facts.contact_hours))


def _why(voice: Voice) -> Iterator[Slot]:
    yield Slot(voice.say("email.why", municipality=voice.facts.municipality))
    if voice.facts.unsubscribe_url:
        yield Slot(voice.say("email.leave"), href=voice.facts.unsubscribe_url)


def _plain(box: Box) -> str:
    lines = [f"{line.text}: {line.href}" if line.href else line.text for line in box.lines if line.text]
    return "\n".join(filter(None, (box.heading, *lines)))


def _page(title: str, boxes: list[Box], mark: str, language: str) -> str:
    fonts = ", ".join(filter(None, (get(language).font and f"'{get(language).font}'", "system-ui", "sans-serif")))
    band = f'<p style="{_MARK}">{escape(mark)}</p>' if mark else ""
    return (
        f'<!doctype html><html lang="{language}" dir="{direction(language)}"><head><meta charset="utf-8">'
        f'<meta name="viewport" content="width=device-width"><title>{escape(title)}</title></head>'
        f'<body style="{_BODY.format(fonts=fonts)}">{band}{"".join(_html_box(box, language) for box in boxes)}{band}</body></html>'
    )


def _html_box(box: Box, language: str) -> str:
    border, ground = _COLOURS[box.look]
    heading = f'<h2 style="font-size:18px;margin:0 0 8px">{escape(box.heading)}</h2>' if box.heading else ""
    lines = "".join(_html_line(line, language) for line in box.lines if line.text)
    return f'<section style="{_BOX.format(border=border, ground=ground)}">{heading}{lines}</section>'


def _html_line(line: Slot, language: str) -> str:
    own = line.language if line.language != language else ""
    attributes = f' lang="{escape(own)}" dir="{direction(own) if normalise(own) else "auto"}"' if own else ""
    text = escape(line.text).replace("\n", "<br>")
    inner = f'<a href="{escape(line.href)}">{text}</a>' if line.href else text
    return f'<p style="margin:0 0 8px"{attributes}>{inner}</p>'
