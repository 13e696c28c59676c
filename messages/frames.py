"""The words around a message: what the house itself says, in the reader's language.

`Facts` is everything a frame needs that is not in the alert or its variant. The words are in locales/<tag>/LC_MESSAGES/frame.po,
under symbolic ids ("ask.question"); they are read at run time, so that a translator sees a change at the next start.
"""

import gettext
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cache

from messages.alert import Kind, Review
from messages.catalogue import Catalogue, FrameError, catalogues, fill, read
from messages.languages import normalise, number

__all__ = [
    "FALLBACK",
    "MARKS",
    "Facts",
    "FrameError",
    "Notice",
    "between",
    "frame_language",
    "frame_languages",
    "mark",
    "review_state",
    "say",
    "say_plural",
]

_DOMAIN = "frame"

#: the frame that stands in where a language has none
FALLBACK = "nb"

#: what is not real says so at both ends, by this word of the frame
MARKS = {Kind.EXERCISE: "mark.exercise", Kind.TEST: "mark.test"}


class Notice(StrEnum):
    """The house's short answers to something a person wrote. Values they take stand beside each, as `Facts.values` keys.

    Those about one alert take its `number` besides, where their reader has several in front of them.
    """

    ECHO_RECEIVED = "echo_received"
    ECHO_WILL_PASS = "echo_will_pass"
    ECHO_PASSED_ON = "echo_passed_on"  # count
    ECHO_CANNOT = "echo_cannot"
    ECHO_RING_ME = "echo_ring_me"
    ECHO_MESSAGE = "echo_message"  # a person will read it
    MEDIA_RECEIVED = "media_received"
    COUNT_UNLIKELY = "count_unlikely"  # count
    WHICH_ALERT = "which_alert"  # choices: "12 (vann): 1, 13 (skred): 61"
    MENU = "menu"
    IN_FORCE = "in_force"  # alerts: one line each, or none
    NOTHING_IN_FORCE = "nothing_in_force"
    VERIFY = "verify"  # alerts
    DANGER = "danger"
    STOPPED = "stopped"
    STARTED = "started"
    PAUSED = "paused"
    ALERT_CLOSED = "alert_closed"  # number
    ALERT_REPLACED = "alert_replaced"  # number, newer: the update's
    THANKS = "thanks"  # count
    NOT_REGISTERED = "not_registered"


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What the frame says besides the alert: who sends, whom to ask, how to answer. Times are shown in `timezone`."""

    #: the reader's language: the frame is in this one, whatever the variant's is
    language: str
    municipality: str
    timezone: str = "Europe/Oslo"
    contact_name: str = ""
    contact_phone: str = ""
    #: "08-22", "" if always
    contact_hours: str = ""
    #: 110, 112 or 113: where the reader rings when somebody is in danger
    danger_number: str = "112"
    #: can the reader answer this sender at all? A one-way sender prints no digits
    two_way: bool = True
    #: number to answer by SMS when the sender itself cannot be answered
    reply_to: str = ""
    #: 0: bare digits 1 2 4; 6: 61 62 64; 7: 71 72 74 (the second and third open alert)
    legend: int = 0
    #: a page of the reader's own, for media that may carry a link; SMS only where `link_in_sms` says so
    link: str = ""
    link_in_sms: bool = False
    #: page to leave this list, for e-mail
    unsubscribe_url: str = ""
    #: nobody has written a text in the reader's own language yet
    missing: bool = False
    #: the Norwegian twin, for e-mail and for frames not yet reviewed: (headline, forward)
    twin: tuple[str, str] | None = None
    #: asked as a deputy, for somebody who cannot or does not answer
    deputy: bool = False
    #: did this reader pass on the alert that is now withdrawn or replaced?
    had_passed_on: bool = False
    #: values of a Notice
    values: dict[str, str | int] = field(default_factory=dict)


def frame_languages() -> tuple[str, ...]:
    """Return the tags that have a frame of their own, sorted."""
    return tuple(sorted(catalogues(_DOMAIN)))


def frame_language(language: str) -> str:
    """Return the tag of the frame that a reader of `language` gets: their own, or Norwegian."""
    tag = normalise(language)
    return tag if tag is not None and tag in catalogues(_DOMAIN) else FALLBACK


def review_state(language: str) -> Review:
    """Say whether a translator has stood for the frame that readers of `language` get."""
    return _catalogue(frame_language(language)).review


def say(language: str, msgid: str, **values: object) -> str:
    """Return one entry of the frame with its values filled in; raise FrameError when there is none or a value is missing."""
    return fill(msgid, _texts(language).gettext(msgid), values)


def say_plural(language: str, msgid: str, count: int, **values: object) -> str:
    """Return one entry of the frame in the plural form for `count`, which is also the value of {count}."""
    return fill(msgid, _texts(language).ngettext(msgid, msgid, count), {"count": number(count), **values})


def mark(kind: Kind, language: str) -> str:
    """Return the word that begins and ends everything that is not real; "" for what is."""
    # whatever is not real must have its mark: a kind without one is an error, and never looks real
    return "" if kind == Kind.ACTUAL else say(language, MARKS[kind])


def between(sign: str, text: str, parted: str = " ") -> str:
    """Put a mark at both ends of a text; none, and the text stands alone."""
    return f"{sign}{parted}{text}{parted}{sign}".strip()


def _texts(language: str) -> gettext.GNUTranslations:
    return _catalogue(frame_language(language)).texts


@cache
def _catalogue(tag: str) -> Catalogue:
    found = read(tag, _DOMAIN, catalogues(_DOMAIN)[tag].read_bytes())
    if tag != FALLBACK:
        found.texts.add_fallback(_catalogue(FALLBACK).texts)
    return found
