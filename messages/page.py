"""A message as a page shows it: the lines of both bodies, what is new in an update, what was said before, and the text to pass on."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from messages.alert import Act, Alert, Variant
from messages.bodies import ask, forward, headline, marked
from messages.form import Medium
from messages.frames import Facts
from messages.slots import Slot, lines
from messages.voice import Voice

#: where a sentence ends, in every script of the house; "kl. 18.45 til tir. 24.11" is none and has no end within
_SENTENCE = re.compile(r"(?<=[.!?…؟۔。।॥၊။።፧])\s+(?=[^\W\d_a-zæøå])|\n+")
ENDS = frozenset({Act.WITHDRAW, Act.OVER})


@dataclass(frozen=True, slots=True)
class Piece:
    """A sentence, and whether the version before had it."""

    text: str
    new: bool = False


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a body in its language."""

    pieces: tuple[Piece, ...]
    language: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Sheet:
    """An alert in one language, for a page."""

    language: str
    headline: Line
    #: what everybody should hear, without sender and headline
    forward: tuple[Line, ...]
    #: what we ask of the resource person
    ask: tuple[Line, ...]
    detail: tuple[Line, ...]
    #: sentences of the version before that no longer hold
    gone: tuple[Piece, ...] = ()


def sheet(alert: Alert, variant: Variant, facts: Facts, before: tuple[Alert, Variant] | None = None) -> Sheet:
    """Return an alert as a page shows it; `before` is the version that it replaces, in the same language."""
    voice = Voice(facts, Medium.EMAIL)
    # a correction has one thing to say, and says it in its headline
    compared = before if alert.act not in ENDS else None
    old = _sentences(_body(*compared, voice)) if compared else []
    known = frozenset(old) if compared else None
    body = _body(alert, variant, voice)
    new = _sentences(body)
    return Sheet(
        language=variant.language,
        headline=_line(Slot(headline(alert, variant, voice), language=variant.language), voice, None),
        # the number is another one in every version
        forward=(*(_line(slot, voice, known) for slot in body[:-1]), _line(body[-1], voice, None)),
        ask=tuple(_line(slot, voice, None) for slot in _ask(alert, variant, voice)),
        detail=tuple(Line((Piece(text.strip()),), variant.language) for text in variant.detail.splitlines() if text.strip()),
        gone=tuple(Piece(text) for text in old if text not in new),
    )


def _ask(alert: Alert, variant: Variant, voice: Voice) -> list[Slot]:
    """The lines of the ask without digits to type: a page has buttons, as WhatsApp has."""
    asking = Voice(voice.facts, Medium.WHATSAPP)
    digits = asking.say("ask.done", answer=asking.digit(3))
    return [slot for slot in ask(alert, variant, asking) if slot.text and slot.text != digits]


def _body(alert: Alert, variant: Variant, voice: Voice) -> list[Slot]:
    slots = forward(alert, variant, voice)[1:]
    return [replace(slot, text=line.strip()) for slot in slots for line in slot.text.splitlines() if line.strip()]


def _sentences(body: Sequence[Slot]) -> list[str]:
    """The sentences of a body but for its number, which is the last line."""
    return [text for slot in body[:-1] for text in _split(slot.text)]


def _split(text: str) -> list[str]:
    return [" ".join(part.split()) for part in _SENTENCE.split(text) if part.strip()]


def _line(slot: Slot, voice: Voice, known: frozenset[str] | None) -> Line:
    pieces = tuple(Piece(text, new=known is not None and text not in known) for text in _split(slot.text))
    return Line(pieces, slot.language or voice.language)


def text_to_pass_on(alert: Alert, variant: Variant, facts: Facts, own_line: str, newest_here: str, link: str) -> str:
    """Return the text that a resource person passes on: their own line, the facts as they stand, and where the newest version is."""
    voice = Voice(facts, Medium.SMS)
    own = Slot(" ".join(own_line.split()))
    return lines(marked([own, *forward(alert, variant, voice), Slot(f"{newest_here} {link}")], alert.kind, voice))
