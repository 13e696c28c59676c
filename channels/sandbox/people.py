"""People with characters: what somebody does when a message stands on the screen. Tables first, then one function: `react`.

A person knows the text, the buttons and the letter, and nothing of the house's inner life.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from channels.sandbox.phones import Shown
from channels.sandbox.phrases import in_digits, phrases
from channels.sandbox.reading import OFFERED, Legend, asks_for_number, choice, done_digit, legend_of, openings
from channels.sandbox.world import Dice, Span

#: somebody who has answered does not answer the same question again within this time
PATIENCE = timedelta(minutes=30)
#: how many people somebody reaches, unless it is said
REACHED: Span = (5, 80)

QUICK: Span = (5, 40)
SOON: Span = (60, 600)
LATE: Span = (2_700, 5_400)


class Act(StrEnum):
    """What somebody does."""

    TEXT = "text"  # writes
    PRESS = "press"  # presses a button
    PICTURE = "picture"  # sends a picture
    AWAY = "away"  # the mailbox answers by itself
    BOUNCE = "bounce"  # the mail server sends the message back


@dataclass(frozen=True, slots=True)
class Character:
    """One way of being: what they do with a question, how fast, and what becomes of messages to them."""

    words: str
    #: the digit they answer with; 0: no digit
    digit: int = 0
    delay: Span = QUICK
    #: what they write instead: {question}, {danger}, {count}, or as it stands
    text: str = ""
    #: once in a lifetime, not at every message
    once: bool = False
    #: how they answer the question about the count; "": not at all
    count: str = ""
    #: uses the word that stands beside the digit
    wordy: bool = False
    #: writes digits as their language does
    own_digits: bool = False
    act: Act = Act.TEXT
    #: channel ("" = each) -> the code with which messages end
    fails: Mapping[str, int] = field(default_factory=dict)
    no_receipts: bool = False
    opted_out: bool = False


CHARACTERS: dict[str, Character] = {
    "reader": Character("reads it and says so at once", digit=1),
    "helper": Character("will pass it on, and reports when asked", digit=2, count="{count}"),
    "relayer": Character("has passed it on before answering, and says to how many", text="{done} {count} whatsapp", delay=SOON),
    "counter": Character("as helper, and answers the count the long way", digit=2, count="{done} {count} whatsapp"),
    "promiser": Character("will pass it on, and never says to how many", digit=2),
    "late": Character("answers after an hour", digit=2, delay=LATE, count="{count}"),
    "silent": Character("never answers"),
    "asker": Character("asks something that only a person can answer", text="{question}", delay=SOON, once=True),
    "worrier": Character("writes of danger to life", text="{danger}", delay=SOON, once=True),
    "unable": Character("cannot this time", digit=4),
    "caller": Character("wants to be rung", text="{ring}", once=True),
    "wordy": Character("answers with a word instead of a digit", digit=2, wordy=True, count="{count}"),
    "digits": Character("answers in the digits of the own script", digit=2, own_digits=True, count="{count}"),
    "thumb": Character("sends a thumb", text="👍"),
    "photographer": Character("sends a picture", act=Act.PICTURE, delay=SOON, once=True),
    "leaver": Character("writes STOP", text="STOP", once=True),
    "opted_out": Character("wrote STOP long ago", opted_out=True),
    "switched_off": Character("has the phone switched off", fails={"sms": 30003, "whatsapp": 30003}),
    "undelivered": Character("is not reached, nobody knows why", fails={"sms": 30008, "whatsapp": 30008}),
    "unknown": Character("has a number that is not in use any more", fails={"sms": 30005, "whatsapp": 63003}),
    "no_whatsapp": Character("has no WhatsApp", digit=2, count="{count}", fails={"whatsapp": 63003}),
    "no_receipt": Character("reads it; the operator sends no receipts", digit=1, no_receipts=True),
    "away": Character("is on holiday, and the mailbox says so", act=Act.AWAY, delay=(1, 5)),
    "bouncing": Character("has a mailbox that takes mail and sends it back", act=Act.BOUNCE, delay=(1, 30)),
}


class Person(BaseModel):
    """Somebody, as a file or the control API describes them."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    number: str = Field(default="", pattern=r"^(\+[1-9]\d{6,14})?$")
    mail: str = Field(default="", pattern=r"^([^@\s]+@[^@\s]+)?$")
    character: str = "silent"
    language: str = "nb"
    name: str = ""
    #: seconds until they answer; none given: as the character does
    delay: Span | None = None
    #: how many people they reach; none given: the dice say
    reaches: int | None = Field(default=None, ge=0)

    @model_validator(mode="after")
    def _is_somebody(self) -> Self:
        if not (self.number or self.mail):
            raise ValueError("a person needs a number or a mail address")
        if self.character not in CHARACTERS:
            raise ValueError(f"no character is called {self.character!r}; there are {', '.join(CHARACTERS)}")
        return self

    @property
    def addresses(self) -> list[str]:
        """Number and mailbox, as far as there are any."""
        return [each for each in (self.number, self.mail) if each]

    @property
    def nature(self) -> Character:
        """The row of the table."""
        return CHARACTERS[self.character]


@dataclass(frozen=True, slots=True)
class Deed:
    """One thing that somebody will do."""

    at: datetime
    act: Act
    #: the message that it answers
    shown: Shown
    text: str = ""
    payload: str = ""
    #: another number than the one it came from
    to: str = ""


@dataclass(slots=True)
class Mind:
    """What somebody remembers."""

    person: Person
    #: legend -> when they last answered it, or made up their mind to
    answered: dict[str, datetime] = field(default_factory=dict)
    #: legend of what they promised to pass on, until they have said to how many
    promised: str | None = None
    #: how questions to oneself begin; empty until one has helped
    openings: frozenset[str] = frozenset()
    spoke: bool = False
    #: how often they were asked which alert they meant
    doubts: int = 0


def react(mind: Mind, shown: Shown, dice: Dice) -> Deed | None:
    """Return what this person does about a message, or None. Changes what they remember."""
    nature = mind.person.nature
    if nature.act in (Act.AWAY, Act.BOUNCE):
        return _deed(mind, shown, dice, nature.act) if shown.channel == "email" else None
    if not (nature.digit or nature.text or nature.act is Act.PICTURE):
        return None
    if len(shown.buttons) == 1:  # a bell at the door: one opens
        return _press(mind, shown, dice, 0)
    legend = _legend(shown)
    if legend is not None and (any(legend.words.values()) or not done_digit(shown.text, mind.openings)):
        return _answer(mind, shown, legend, dice)
    return _follow_up(mind, shown, dice)


def _legend(shown: Shown) -> Legend | None:
    if shown.buttons:
        return Legend("button", {digit: title for digit, (title, _) in zip(OFFERED, shown.buttons, strict=False)})
    return legend_of(shown.text)


def _answer(mind: Mind, shown: Shown, legend: Legend, dice: Dice) -> Deed | None:
    nature, last = mind.person.nature, mind.answered.get(legend.prefix)
    if (last and shown.at - last < PATIENCE) or (nature.once and mind.spoke):
        return None
    mind.answered[legend.prefix], mind.spoke = shown.at, True
    if nature.digit == 2:
        mind.promised = "" if shown.buttons else legend.prefix
    if nature.digit == 2 or "{count}" in nature.text:
        mind.openings |= openings(shown.text)
    if nature.digit and shown.buttons:
        return _press(mind, shown, dice, OFFERED.index(nature.digit))
    if nature.act is Act.PICTURE:
        return _deed(mind, shown, dice, Act.PICTURE)
    word = legend.words.get(nature.digit, "") if nature.wordy or legend.to else ""
    prefix = "" if shown.buttons else legend.prefix
    text = nature.text or word or f"{prefix}{nature.digit}"
    return _deed(mind, shown, dice, Act.TEXT, text=_fill(mind.person, text, prefix, dice), to=legend.to)


def _follow_up(mind: Mind, shown: Shown, dice: Dice) -> Deed | None:
    """Answer the house's own questions: which one, to how many, is it done?"""
    nature = mind.person.nature
    if mind.answered and (which := choice(shown.text, mind.promised or "")):
        mind.doubts += 1
        return _deed(mind, shown, dice, Act.TEXT, text=which) if mind.doubts <= 2 else None
    if done := done_digit(shown.text, mind.openings):
        return _deed(mind, shown, dice, Act.TEXT, text=done)
    before = asks_for_number(shown.text)
    if mind.promised is None or not nature.count or before is None:
        return None
    prefix, mind.promised = mind.promised, None
    text = nature.count if not before or "{done}" in nature.count else f"{before} {nature.count}"
    return _deed(mind, shown, dice, Act.TEXT, text=_fill(mind.person, text, prefix or before[:-1], dice))


def _fill(person: Person, text: str, prefix: str, dice: Dice) -> str:
    said = phrases(person.language)
    count = person.reaches if person.reaches is not None else round(dice.between(REACHED, *person.addresses, "reaches"))
    filled = text.format(question=said.question, danger=said.danger, count=count, done=f"{prefix}3", ring=f"{prefix}5")
    return in_digits(filled, said.digits) if person.nature.own_digits else filled


def _press(mind: Mind, shown: Shown, dice: Dice, place: int) -> Deed:
    title, payload = shown.buttons[min(place, len(shown.buttons) - 1)]
    return _deed(mind, shown, dice, Act.PRESS, text=title, payload=payload)


def _deed(mind: Mind, shown: Shown, dice: Dice, act: Act, *, text: str = "", payload: str = "", to: str = "") -> Deed:
    span = mind.person.delay or mind.person.nature.delay
    wait = dice.between(span, *mind.person.addresses, shown.channel, shown.text, "delay")
    return Deed(shown.at + timedelta(seconds=wait), act, shown, text, payload, to)
