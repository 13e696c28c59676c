"""The house speaking to one reader: the frame in their language, with times, numbers and names as the medium wants them."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from messages.alert import Alert, Kind, Review, Variant
from messages.form import Medium
from messages.frames import Facts, frame_language, mark, review_state, say, say_plural
from messages.languages import NORWEGIAN, Language, get, isolate, when

#: frames that staff read and correct themselves: nobody needs the Norwegian words beside them
_SOURCES = frozenset({*NORWEGIAN, "en"})


class RenderError(ValueError):
    """This alert cannot be put into words as it is. Correct what the message names."""


@dataclass(frozen=True, slots=True)
class Voice:
    """Speaks the frame that readers of `facts.language` get, for one medium."""

    facts: Facts
    medium: Medium

    @property
    def language(self) -> str:
        """The tag of the frame: the reader's own, or Norwegian where there is none."""
        return frame_language(self.facts.language)

    @property
    def known(self) -> Language:
        """The frame's language as the registry has it."""
        return get(self.language)

    @property
    def beside(self) -> bool:
        """Whether the Norwegian words stand beside the legend: the frame is a draft and not one of our own."""
        return self.language not in _SOURCES and review_state(self.language) is Review.DRAFT

    def say(self, msgid: str, **values: str) -> str:
        """Return one entry of the frame with its values on one line."""
        return say(self.language, msgid, **{name: self._value(value) for name, value in values.items()})

    def say_plural(self, msgid: str, count: int, **values: str) -> str:
        """Return one entry of the frame in the plural form for `count`."""
        return say_plural(self.language, msgid, count, **{name: self._value(value) for name, value in values.items()})

    def when(self, moment: datetime, sent_at: datetime, near: datetime | None = None) -> str:
        """Write a moment for the reader; without the date when it is the same day as `near`, with its year when that is not `sent_at`'s."""
        return when(moment, self.language, self.facts.timezone, near, told=sent_at)

    def by(self, moment: datetime, sent_at: datetime) -> str:
        """Write a time limit: less than a day ahead of `sent_at` it needs no date."""
        return self.when(moment, sent_at, moment if timedelta() <= moment - sent_at < timedelta(days=1) else None)

    def mark(self, kind: Kind) -> str:
        """Return the word that begins and ends everything that is not real; "" for what is."""
        return mark(kind, self.language)

    def contact(self) -> str:
        """Return the contact's name and telephone number, as far as there are any."""
        return f"{self.facts.contact_name} {self.facts.contact_phone}".strip()

    def digit(self, meaning: int) -> str:
        """Return what people type for the answer `meaning` to this alert: "2", or "62" for the second open one."""
        return f"{self.facts.legend or ''}{meaning}"

    def _value(self, value: str) -> str:
        line = one_line(value)
        # phones that only know SMS show isolates as boxes, and what finds links in a text would take one along
        bare = self.medium is Medium.SMS or not self.known.rtl or line.startswith("https:")
        return line if bare else isolate(line)


def one_line(text: str) -> str:
    """Return `text` without line breaks and repeated blanks: names and numbers come from registers and alerts."""
    return " ".join(text.split())


def number_of(alert: Alert) -> str:
    """Return the number people see; "-" for a draft that has none yet."""
    return str(alert.number or "-")


def reference(alert: Alert, variant: Variant) -> str:
    """Return how a question names the alert: "12 (water)"."""
    return f"{number_of(alert)} ({one_line(variant.topic)})" if variant.topic else number_of(alert)


def replaced(alert: Alert) -> str:
    """Return the number of the alert that this one withdraws, ends or replaces; raise RenderError when it names none."""
    if not alert.replaces:
        raise RenderError(f"no. {alert.number} is a {alert.act} and does not say of which alert")
    return str(alert.replaces)
