"""The nouns of the journey and their states. Pure values: what crosses the border of the store."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time
from enum import StrEnum
from typing import NamedTuple

from messages.alert import Alert, Gravity, Point, Variant
from messages.form import Medium, Part
from messages.languages import Choice

# --- states -----------------------------------------------------------------------------------------------------------


class AlertState(StrEnum):
    """DRAFT -> APPROVED -> RELEASED -> CLOSED, or RELEASED -> REPLACED | WITHDRAWN."""

    DRAFT = "DRAFT"
    APPROVED = "APPROVED"
    RELEASED = "RELEASED"
    CLOSED = "CLOSED"
    REPLACED = "REPLACED"
    WITHDRAWN = "WITHDRAWN"


class DeliveryState(StrEnum):
    """The plan's state of one required send: WAITING for its time, CLAIMED by a dispatcher, and how it ended."""

    WAITING = "WAITING"
    CLAIMED = "CLAIMED"
    DONE = "DONE"
    FAILED = "FAILED"
    SPARED = "SPARED"
    EXPIRED = "EXPIRED"


class Hold(StrEnum):
    """What a delivery waits for although it is due."""

    NOTHING = ""
    WINDOW = "window"  # WhatsApp's window: until the person writes, or a wake-up is answered
    SENDER = "sender"  # its sender has stopped or is down: it leaves when that is back, or by another
    TRIAL = "trial"  # goes to somebody who is on no list of the trial
    UNKNOWN = "unknown"  # its attempt is looked for; the delivery stays CLAIMED
    RESTORED = "restored"  # may have left before a restore, by a provider that cannot be asked: a person lets it go
    LOOK_FIRST = "look_first"  # planned since a restore, and may have left before it all the same: it is looked for first


class SparedBy(StrEnum):
    """What made a planned send needless."""

    OWN_ANSWER = "own_answer"
    PRINCIPAL = "principal"
    QUORUM = "quorum"
    NEWER_ALERT = "newer_alert"
    CANCELLED = "cancelled"
    CLOSED = "closed"
    LEFT = "left"


class Rung(StrEnum):
    """Where a person stands on the ladder; the last answer wins, all are kept."""

    NONE = "none"
    RECEIVED = "received"
    WILL_PASS = "will_pass"
    PASSED_ON = "passed_on"
    CANNOT = "cannot"
    RING_ME = "ring_me"


#: rungs that count as acknowledged, and those that count toward the group's quorum
ACKNOWLEDGED = frozenset({Rung.RECEIVED, Rung.WILL_PASS, Rung.PASSED_ON, Rung.CANNOT, Rung.RING_ME})
COUNTS_FOR_GROUP = frozenset({Rung.WILL_PASS, Rung.PASSED_ON})


class AddressState(StrEnum):
    """Whether an address may be used."""

    ACTIVE = "ACTIVE"
    INVALID = "INVALID"
    OPTED_OUT = "OPTED_OUT"
    REPLACED = "REPLACED"


class Health(StrEnum):
    """How a sender fares, by its last calls."""

    WELL = ""
    SLOW = "slow"  # answers, but takes seconds: another sender is used, if one is well
    DOWN = "down"  # nothing leaves by it but one message now and then, to see


class TaskKind(StrEnum):
    """Work for people, shown until somebody has done it."""

    DANGER = "danger"  # somebody wrote danger words: now
    RING = "ring"  # asked to be rung
    CALL = "call"  # the last step: nobody has heard from them
    QUESTION = "question"  # a message to be read
    OPTED_OUT = "opted_out"
    ADDRESS = "address"  # a number or mailbox that does not work
    UNREACHABLE = "unreachable"  # every way is used up
    SENDER = "sender"  # a sender or account is stopped
    TEXT = "text"  # a text was refused
    UNKNOWN_SENDER = "unknown_sender"  # a message from a number we do not know
    REVIEW = "review"  # one person approved alone: a second one looks it over afterwards
    RETURNED = "returned"  # an approver sent a draft back, with a reason
    NEW_ADDRESS = "new_address"  # somebody wants another number or mailbox: ring the old one first


class Role(StrEnum):
    """What a user may do in their municipality; one user may have several."""

    ADMINISTRATOR = "administrator"  # users, senders, settings
    COORDINATOR = "coordinator"  # writes and sends
    APPROVER = "approver"  # stands for what another wrote
    DUTY_OFFICER = "duty_officer"  # watches, answers, rings, withdraws
    VIEWER = "viewer"  # looks


# --- the register, as routing sees it ---------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Hours:
    """A daily stretch of local time; may cross midnight (21:00-07:00)."""

    start: time
    end: time

    @classmethod
    def of(cls, start: time | None, end: time | None) -> "Hours | None":
        """Return the stretch that two columns hold; None where one is empty."""
        return cls(start, end) if start is not None and end is not None else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A municipality as routing sees it."""

    number: str
    name: str
    point: Point | None
    timezone: str = "Europe/Oslo"
    #: the municipality's own form of Norwegian
    norwegian: str = "nb"
    quiet: Hours | None = Hours(time(21), time(7))


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonClass:
    """People whom routing cannot tell apart. The store groups the register by this value and expands the answer to rows."""

    #: the groups they answer for: (group id, the group's language); the first is their own
    groups: tuple[tuple[int, str], ...]
    #: languages they read, in their order; the first is their own
    languages: tuple[str, ...]
    #: media of their usable addresses, in their order, only those the municipality has a sender for
    media: tuple[Medium, ...]
    #: why no address is usable, where there are some
    has_address: bool = True
    agreed_on: date | None = None
    agreed_until: date | None = None
    adult_confirmed: bool = False
    paused_until: datetime | None = None
    paused: bool = False
    #: the person's own quiet hours; None: the municipality's
    quiet: Hours | None = None
    #: an employee's duty hours, Monday to Friday; None: a volunteer
    working: Hours | None = None
    #: stands by for somebody, and is asked only when a DEPUTY step comes due
    is_deputy: bool = False
    has_deputy: bool = False


# --- the policy ---------------------------------------------------------------------------------------------------------


class Action(StrEnum):
    """What a step does."""

    MESSAGE = "message"  # the first message, first channel
    REMIND = "remind"  # once more, same channel
    OTHER_CHANNEL = "other_channel"  # the message, next channel
    DEPUTY = "deputy"  # the message, to who stands by
    CALL = "call"  # a task for the duty officer: ring


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One step of a policy: minutes after the person's first message, per gravity; absent: not for that gravity."""

    position: int
    action: Action
    after_minutes: Mapping[Gravity, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """How hard the house tries, as steps in order of time."""

    name: str
    steps: tuple[Step, ...]
    #: gravities that pierce quiet and working hours
    pierces: frozenset[Gravity] = frozenset({Gravity.LIFE})
    #: minutes from "will pass on" to the question "about how many?"
    count_after_minutes: int = 60


# --- the plan -----------------------------------------------------------------------------------------------------------


class LeftOut(StrEnum):
    """Why a person gets nothing."""

    NO_AGREEMENT = "no_agreement"
    AGREEMENT_LATER = "agreement_later"  # it begins on a later day
    AGREEMENT_ENDED = "agreement_ended"
    AGE_NOT_CONFIRMED = "age_not_confirmed"
    PAUSED = "paused"
    NO_ADDRESS = "no_address"
    NO_USABLE_ADDRESS = "no_usable_address"  # all invalid, opted out, or without a sender
    NO_TEXT = "no_text"  # no variant that this person can read
    OUTSIDE_AREA = "outside_area"
    NEVER_GOT_ORIGINAL = "never_got_original"  # a withdrawal goes only to those who got or may have got the original
    ENDS_FIRST = "ends_first"  # the alert expires before the hours allow the first message
    NOT_ASKED = "not_asked"  # stands by, and the policy asks no deputy at this gravity


class WaitFor(StrEnum):
    """Why a send waits."""

    QUIET_HOURS = "quiet_hours"
    WORKING_HOURS = "working_hours"


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedSend:
    """One required send of a class: the store makes a Delivery of it for each person (a DEPUTY one for the deputy)."""

    step: int
    action: Action
    part: Part
    #: which of the class's media, by index; -1 for a CALL, which has no address
    way: int
    language: str
    due_at: datetime
    wait: WaitFor | None = None
    #: the hours that this very send disregards
    pierced: WaitFor | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassPlan:
    """What a class of people gets, or why nothing."""

    left_out: LeftOut | None = None
    #: per group: the text's language and why
    choices: tuple[tuple[int, Choice], ...] = ()
    sends: tuple[PlannedSend, ...] = ()
    #: set when even the first message waits
    waits_until: datetime | None = None
    wait: WaitFor | None = None
    #: sent in spite of quiet or working hours (effort to be recorded)
    pierced: WaitFor | None = None


# --- what dispatch handles ----------------------------------------------------------------------------------------------


class Work(NamedTuple):
    """A claimed delivery with all that is needed to send it; number and name are decrypted only here."""

    delivery_id: int
    municipality_id: int
    alert_id: int | None
    recipient_id: int | None
    person_id: int | None
    sender_id: int
    address_id: int
    medium: Medium
    part: Part
    step: int
    language: str
    reader_language: str
    to: str
    #: the text of a notice, ready; "" for what is rendered from the alert
    text: str
    gravity: Gravity
    legend: int
    revision: int
    attempt_n: int
    fence: int
    expires_at: datetime | None
    window_open: bool
    #: the group whose contact point the text names
    group_id: int | None
    is_deputy: bool
    had_passed_on: bool
    #: the plan of this person disregards their hours
    may_wake: bool = False
    #: the reader's own quiet and duty hours
    quiet: Hours | None = None
    working: Hours | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Issue:
    """A released alert as the stages see it: the alert, its approved texts, and where it stands."""

    alert_id: int
    municipality_id: int
    state: AlertState
    revision: int
    alert: Alert
    variants: Mapping[str, Variant]
    #: language groups that it goes to; none = all
    groups: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Home:
    """What the frame says of the municipality, the group's contact point and the sender."""

    municipality: str
    timezone: str
    norwegian: str
    contact_name: str = ""
    contact_phone: str = ""
    contact_hours: str = ""
    two_way: bool = True
    reply_to: str = ""
    #: where this installation's pages are; "": it has no public address, so that no text carries a link
    site: str = ""
    links_in_sms: bool = False


# --- reach --------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupReach:
    """The numbers of one group: distinct people. Reported and opened are never added."""

    group_id: int
    language: str
    name: str
    people: int = 0
    skipped: int = 0
    planned: int = 0
    sent: int = 0
    delivered: int = 0
    acknowledged: int = 0
    relayed: int = 0
    reported_reach: int = 0
    failed: int = 0
    unknown: int = 0
    #: times that people opened a page passed on by somebody of this group; of nobody's reach
    opened: int = 0
    quorum: int = 0
    counted: int = 0  # people who count toward the quorum


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelReach:
    """The numbers of one channel: messages."""

    sent: int = 0
    delivered: int = 0
    failed: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Reach:
    """What came of one alert."""

    alert_id: int
    number: int
    revision: int
    groups: tuple[GroupReach, ...]
    totals: GroupReach
    channels: Mapping[Medium, ChannelReach]
    questions: int = 0
    #: (person's name, why in words)
    unreachable: tuple[tuple[str, str], ...] = ()
    #: names of people of whom we cannot tell whether they got two copies
    perhaps_twice: tuple[str, ...] = ()
    extra: Mapping[str, object] = field(default_factory=dict)

    @property
    def possible_duplicates(self) -> int:
        """How many people may have got two copies."""
        return len(self.perhaps_twice)


# --- errors -------------------------------------------------------------------------------------------------------------


class BudstikkeError(Exception):
    """Something went wrong that a person can mend: an English sentence, and what its %(places)s are filled with.

    Both are kept apart, so that a page can say it in its reader's language.
    """

    def __init__(self, sentence: str = "", /, **values: object) -> None:
        super().__init__(sentence % values if values else sentence)
        self.sentence, self.values = sentence, values


class BadInput(BudstikkeError):
    """What was given cannot be used as it is."""


class NotFound(BudstikkeError):
    """There is no such thing in this municipality."""


class NotAllowed(BudstikkeError):
    """This act is not allowed: for this person, or for this alert."""


class NotReady(BudstikkeError):
    """The installation is not ready: a key, a database or a provider is missing."""


class Unreadable(BudstikkeError):
    """One sealed value that no key of ours opens. All others can be read: it must hold up nobody but those whose it is."""
