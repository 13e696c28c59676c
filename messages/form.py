"""What a medium carries, and what a rendered copy for it looks like."""

from dataclasses import dataclass, field
from enum import StrEnum


class Medium(StrEnum):
    """The three ways a resource person is reached today."""

    SMS = "sms"
    WHATSAPP = "whatsapp"
    EMAIL = "email"


class Feature(StrEnum):
    """What a channel can do; what it cannot is shown to the duty officer as such."""

    DELIVERED = "delivered"
    READ = "read"
    REPLY = "reply"
    BUTTONS = "buttons"
    RICH = "rich"
    MEDIA = "media"


class Alphabet(StrEnum):
    """How text is counted: SMS has two alphabets and pays for the second."""

    GSM7_OR_UCS2 = "gsm7-or-ucs2"
    UNICODE = "unicode"


@dataclass(frozen=True, slots=True)
class Form:
    """What one medium carries."""

    medium: Medium
    #: characters the provider takes at most
    limit: int
    alphabet: Alphabet
    features: frozenset[Feature]


class Part(StrEnum):
    """Which of a person's messages a copy is. FORWARD and ASK are never mixed; LETTER (e-mail) holds both, each in a box of its own.

    WAKE is WhatsApp's approved template that opens the window when the language has no approved template of its own.
    NOTICE is an answer of the house to something a person wrote (`messages.frames.Notice`).
    """

    FORWARD = "forward"
    ASK = "ask"
    LETTER = "letter"
    WAKE = "wake"
    REMINDER = "reminder"
    COUNT = "count"
    NOTICE = "notice"


#: the parts that are an alert's message: who lacks one of them has not got it whole, and who was sent one has been asked
MESSAGE_PARTS = (Part.FORWARD, Part.ASK, Part.LETTER)


@dataclass(frozen=True, slots=True)
class Button:
    """A quick reply: `title` is shown (at most 20 characters), `payload` comes back ("12.1": alert number, digit)."""

    title: str
    payload: str


@dataclass(frozen=True, slots=True)
class Template:
    """An approved WhatsApp template by our own name, and its variables "1", "2" … in order."""

    name: str
    language: str
    variables: tuple[str, ...] = ()
    #: what the reader sees: the approved text with its variables filled in
    text: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Copy:
    """One rendered message, ready for any channel of its medium."""

    medium: Medium
    part: Part
    language: str
    #: the SMS, the WhatsApp bubble, or the plain-text part of the letter
    text: str
    subject: str = ""
    html: str = ""
    #: WhatsApp outside the 24-hour window; None: this copy cannot be sent there
    template: Template | None = None
    buttons: tuple[Button, ...] = ()
    #: slots left out because they did not fit, by name, for the author to see
    dropped: tuple[str, ...] = ()
