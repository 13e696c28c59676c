"""What goes in and out of the API. Names are the house's words; times carry an offset; nothing undeclared is taken."""

from datetime import date
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field

from messages import languages
from messages.alert import Act, Certainty, Kind, Review, Severity, Urgency
from relay.model import AlertState
from relay.store.groups import MOST_ESTIMATE, MOST_QUORUM

LONGEST_TEXT = 2000


class Shape(BaseModel):
    """Nothing undeclared is taken, and nothing is guessed."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)


def _clean(text: str) -> str:
    """Control characters have no business in a message; a lone surrogate is half a letter."""
    text.encode("utf-8")
    if any(ord(letter) < 32 and letter not in "\n\t" for letter in text):
        raise ValueError("holds control characters")
    return text


def _known(tag: str) -> str:
    known = languages.normalise(tag)
    if known is None:
        raise ValueError(f"{tag!r} is no language of the house")
    return known


Words = Annotated[str, AfterValidator(_clean), Field(max_length=LONGEST_TEXT)]
Line = Annotated[str, AfterValidator(_clean), Field(max_length=300)]
Tag = Annotated[str, AfterValidator(_known), Field(max_length=20, examples=["nb", "fa-AF"])]


# --- alerts -------------------------------------------------------------------------------------------------------------


class Text(Shape):
    """An alert in one language: `forward` for everybody, `ask` for the resource person; what frames them is added by the house."""

    language: Tag
    headline: Line = Field(min_length=1, description="The act in capitals, first in every medium.")
    forward: Words = ""
    ask: Words = ""
    topic: Line = ""
    place: Line = ""
    detail: Words = ""
    review: Review = Review.DRAFT


class NewAlert(Shape):
    """A draft to be written. Its kind never changes."""

    kind: Literal[Kind.ACTUAL, Kind.EXERCISE]
    event: Line = Field(min_length=1, description="A short label for staff.")
    severity: Severity = Severity.UNKNOWN
    urgency: Urgency = Urgency.UNKNOWN
    certainty: Certainty = Certainty.UNKNOWN
    area: Line = Field(default="", description="Where, in words; empty: the whole municipality.")
    onset_at: AwareDatetime | None = None
    expires_at: AwareDatetime | None = None
    next_news_at: AwareDatetime | None = None
    act_by_at: AwareDatetime | None = None
    texts: list[Text] = Field(default=[], max_length=80)


class Taken(Shape):
    """A draft as it was stored."""

    number: int
    again: bool = Field(description="It had come before; nothing was stored anew.")
    never_real: str = Field(description="Why it can never be released as real; empty: it can.")
    notes: list[str] = Field(description="What its author should know.")


class TakenList(Shape):
    """Every alert of what was sent."""

    alerts: list[Taken]


class AlertLine(Shape):
    """An alert, without its texts."""

    number: int
    kind: Kind
    act: Act
    state: AlertState
    event: str
    severity: Severity
    urgency: Urgency
    certainty: Certainty
    author: str
    editor: str
    approver: str
    #: grows with every change; an approval names the one that was read
    revision: int
    never_real: str
    sent_at: AwareDatetime
    expires_at: AwareDatetime | None
    released_at: AwareDatetime | None
    ended_at: AwareDatetime | None


class AlertWhole(AlertLine):
    """An alert with its texts."""

    texts: list[Text]
    notes: list[str]


class AlertList(Shape):
    """Alerts, newest first."""

    alerts: list[AlertLine]


class AlertQuery(Shape):
    """Which alerts are listed, and how many."""

    state: AlertState | None = Field(default=None, description="Only these.")
    limit: int = Field(default=50, ge=1, le=500, description="At most so many.")


class ChannelLoad(Shape):
    """What one channel's first messages cost."""

    channel: str
    people: int
    messages: int
    units: int = Field(description="SMS parts, else messages.")
    price: float = Field(description="In NOK.")
    seconds: float


class Plan(Shape):
    """The plan as release would write it now."""

    people: int
    planned: int
    waiting: int
    left_out: dict[str, int] = Field(description="How many get nothing, by reason.")
    channels: list[ChannelLoad]
    seconds: float
    too_slow: bool


class Approval(Shape):
    """Approval of an alert by a second person; who must approve alone does so on a page, with the second factor."""

    revision: int = Field(ge=0, le=2**31 - 1, description="Of the alert as it was read: what was seen is what is approved.")


class Released(Shape):
    """What a release wrote down."""

    number: int
    deliveries: int


class Corrected(Shape):
    """The alert that tells of the end."""

    number: int | None = Field(description="The number of the withdrawal or end; null: nothing had left, so there is nobody to tell.")


class Nothing(Shape):
    """An act without details."""


# --- reach, events ------------------------------------------------------------------------------------------------------


class Numbers(Shape):
    """Distinct people, and reported reach, which is what they say."""

    people: int
    skipped: int
    planned: int
    sent: int
    delivered: int
    acknowledged: int
    relayed: int
    reported_reach: int
    opened: int = Field(description="Openings of shared pages; never added to what is reported.")
    failed: int
    unknown: int


class GroupNumbers(Numbers):
    """The numbers of one group."""

    language: str
    name: str


class ChannelNumbers(Shape):
    """How many messages one channel carried."""

    sent: int
    delivered: int
    failed: int


class ReachWhole(Shape):
    """How far an alert has come. Figures of an exercise are of nothing real."""

    number: int
    kind: Kind
    groups: list[GroupNumbers]
    totals: Numbers
    channels: dict[str, ChannelNumbers]
    questions: int
    possible_duplicates: int


class Event(Shape):
    """Something that happened, with its number in the municipality."""

    number: int
    kind: str
    alert: int | None
    at: AwareDatetime
    data: dict[str, Any]


class EventList(Shape):
    """Events in order; ask next with `since` = `last`."""

    events: list[Event]
    last: int


class EventQuery(Shape):
    """From where."""

    since: int = Field(default=0, ge=0, le=2**62, description="Events after this number.")
    limit: int = Field(default=100, ge=1, le=1000, description="At most so many.")


# --- the register -------------------------------------------------------------------------------------------------------


class Way(Shape):
    """An address of a person."""

    channel: str
    value: str
    state: str


class Person(Shape):
    """A resource person."""

    id: int
    name: str
    languages: list[str]
    groups: list[str]
    kind: str
    agreed_on: date | None
    adult_confirmed: bool
    paused: bool
    addresses: list[Way]


class PersonList(Shape):
    """Resource persons, in order of their names."""

    people: list[Person]


class PersonQuery(Shape):
    """Which people."""

    language: str = Field(default="", max_length=20, description="Only those of this language's groups.")


class Imported(Shape):
    """What came of a file: everything or nothing."""

    added: int
    changed: int
    unchanged: int


class ImportQuery(Shape):
    """How to import."""

    dry_run: bool = Field(default=False, description="Say what would happen, and do nothing.")


class GroupChange(Shape):
    """What may be written of a language group."""

    name: Line = Field(min_length=1, max_length=120, description="Of the community.")
    quorum: int = Field(default=2, ge=1, le=MOST_QUORUM, description="How many must pass it on.")
    estimate: int | None = Field(default=None, ge=0, le=MOST_ESTIMATE, description="About how many people it has; with a source and a day.")
    estimate_source: Line = Field(default="", max_length=120, description="Who says so, such as SSB, table 09817.")
    estimate_on: date | None = Field(default=None, description="Of which day the estimate is.")
    contact: int | None = Field(default=None, ge=1, le=2**31 - 1, description="The contact point's id; null: the municipality's first one.")


class NewGroup(GroupChange):
    """A group to be added. Its language never changes."""

    language: Tag


class Group(NewGroup):
    """A language group."""

    id: int
    people: int = Field(description="How many are in the register for it.")


#: what a group's row and its shape call by the same name
GROUP_COLUMNS = ("id", "language", "name", "quorum", "estimate", "estimate_source", "estimate_on")


class GroupList(Shape):
    """Language groups, in order of their names."""

    groups: list[Group]


class NewContact(Shape):
    """A fixed person whom groups may ring. The number stands in every message that asks something."""

    name: Line = Field(min_length=1, max_length=120)
    phone: Line = Field(min_length=1, max_length=40)
    hours: Line = Field(default="", max_length=60, description="When they answer, such as 08-22; empty: always.")


class Contact(NewContact):
    """A contact point."""

    id: int


class ContactList(Shape):
    """Contact points; the first is everybody's who has no other."""

    contacts: list[Contact]
