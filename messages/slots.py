"""A body as a list of slots, and how it is made to fit: whole slots go, in a stated order, never a piece of a sentence."""

from collections.abc import Sequence
from dataclasses import dataclass

from messages.form import Part
from messages.segments import Coding, alphabet, count, normalise

#: (part, coding) -> SMS parts at most. Latin texts of two parts hold about as much as others of three. An exercise says all that
#: the real message would say: its mark comes on top, and may cost a part
BUDGET = {
    (Part.FORWARD, Coding.GSM7): 2,
    (Part.FORWARD, Coding.UCS2): 3,
    (Part.ASK, Coding.GSM7): 2,
    (Part.ASK, Coding.UCS2): 2,
    (Part.REMINDER, Coding.GSM7): 2,
    (Part.REMINDER, Coding.UCS2): 2,
    (Part.COUNT, Coding.GSM7): 2,
    (Part.COUNT, Coding.UCS2): 2,
    (Part.NOTICE, Coding.GSM7): 2,
    (Part.NOTICE, Coding.UCS2): 3,
}
#: what goes first when a body is too long. Never in these lists: the act and its text, the number, the question,
#: the answers, the danger number, the line on leaving first, the line on why the text is in another language, the exercise mark
DROPS: dict[Part, tuple[str, ...]] = {
    Part.FORWARD: ("clock-note", "translation-draft", "next-news", "place", "time"),
    Part.ASK: ("answer", "contact-name", "deputy", "norwegian-read", "norwegian-legend", "link", "contact"),
    Part.REMINDER: ("answer", "contact-name", "deputy", "norwegian-read", "norwegian-legend", "link", "contact"),
}
#: said in `Copy.dropped` when even the shortest body is too long: lives hang on it, so it is sent whole
OVER_BUDGET = "over-budget"


@dataclass(frozen=True, slots=True)
class Slot:
    """One line of a body. `shorter` holds what is left of it when the slot of that name is dropped; "" is nothing."""

    text: str
    shorter: tuple[tuple[str, str], ...] = ()
    #: the language of the text where it is not the frame's
    language: str = ""
    href: str = ""

    def without(self, dropped: Sequence[str]) -> str:
        """Return the line as it reads once the slots named in `dropped` are gone."""
        return next((text for name, text in reversed(self.shorter) if name in dropped), self.text)


@dataclass(frozen=True, slots=True)
class Fitted:
    """A body that fits, and what was left out for it."""

    text: str
    dropped: tuple[str, ...]


def optional(name: str, text: str, language: str = "") -> Slot:
    """Return a slot that may be left out under `name`."""
    return Slot(text, ((name, ""),), language)


def lines(slots: Sequence[Slot], dropped: Sequence[str] = ()) -> str:
    """Join the slots, one on each line."""
    return "\n".join(text for slot in slots if (text := slot.without(dropped)))


def fit(slots: Sequence[Slot], part: Part, language: str, mark: str = "") -> Fitted:
    """Leave out slots of an SMS, in the order of DROPS, until it is within BUDGET; then take back what still has room.

    What is over the budget even then costs the parts that it costs, and those are filled.

    `mark` is put before and after what fits.
    """
    dropped = _dropped(slots, part, language)
    marked = [Slot(mark), *slots, Slot(mark)]
    return Fitted(_sms(marked, dropped, language), dropped)


def _dropped(slots: Sequence[Slot], part: Part, language: str) -> tuple[str, ...]:
    droppable = [name for name in DROPS.get(part, ()) if any(slot.text and name == drop for slot in slots for drop, _ in slot.shorter)]
    dropped: list[str] = []
    while _over(slots, dropped, part, language) > 0 and len(dropped) < len(droppable):
        dropped.append(droppable[len(dropped)])
    over = max(0, _over(slots, dropped, part, language))
    for name in reversed(dropped if over else dropped[:-1]):
        others = [other for other in dropped if other != name]
        if lines(slots, others) != lines(slots, dropped) and _over(slots, others, part, language) <= over:
            dropped = others
    return (*dropped, OVER_BUDGET) if over else tuple(dropped)


def _over(slots: Sequence[Slot], dropped: Sequence[str], part: Part, language: str) -> int:
    """By how many parts a body exceeds its budget."""
    text = _sms(slots, dropped, language)
    return count(text).segments - BUDGET[part, alphabet(text)]


def _sms(slots: Sequence[Slot], dropped: Sequence[str], language: str) -> str:
    return normalise(lines(slots, dropped), language).text
