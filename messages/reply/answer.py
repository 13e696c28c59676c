"""What a resource person answered, in any language and script."""

from dataclasses import dataclass
from enum import StrEnum


class Meaning(StrEnum):
    """The grammar of answers; the digit people type stands beside each."""

    RECEIVED = "received"  # 1
    WILL_PASS = "will_pass"  # 2
    PASSED_ON = "passed_on"  # 3 40, 40 3, or 40 while the count question is open
    CANNOT = "cannot"  # 4
    RING_ME = "ring_me"  # 5
    MENU = "menu"  # 0
    IN_FORCE = "in_force"  # 8
    VERIFY = "verify"  # 9
    STOP = "stop"
    START = "start"
    PAUSE = "pause"
    MESSAGE = "message"  # anything else: for a person to read
    AUTO_REPLY = "auto_reply"  # a machine wrote it: never "seen"
    EMPTY = "empty"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """One answer as understood. What was guessed is said in `guessed`, so that the echo can say how to change it."""

    meaning: Meaning
    #: people passed on to, where the answer says so
    count: int | None = None
    #: the means or arena named beside the count, in the person's words ("whatsapp", "mosque")
    means: str = ""
    #: danger words were found: instant fixed reply and alarm, whatever else the answer means
    danger: bool = False
    #: the legend's first digit: 0 for bare digits, 6 for "61 62 64", 7 …; None if the answer has no digit
    legend: int | None = None
    #: the first alert's digits were written out ("01"), as they are offered while two are open
    legend_named: bool = False
    #: the alert's number where the answer names it exactly (button payload, "no. 12")
    alert_number: int | None = None
    #: what we assumed, by short name; the names and what they mean are `messages.reply.grammar.GUESSES`
    guessed: tuple[str, ...] = ()
    #: the first unquoted lines, for a person to read
    text: str = ""
