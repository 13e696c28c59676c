"""The words of the journey: an alert, its area, and its text in one language.

Frozen values that every stage passes on; each knows nothing of who gets it or how.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import IntEnum, StrEnum
from typing import NamedTuple


class Kind(StrEnum):
    """What an alert is for. Fixed at creation: no exercise can become real, and nothing real an exercise."""

    ACTUAL = "ACTUAL"
    EXERCISE = "EXERCISE"
    TEST = "TEST"


class Act(StrEnum):
    """What an alert does to the one before it. Withdrawn and over are opposite acts: one was wrong, one was right."""

    ISSUE = "ISSUE"
    UPDATE = "UPDATE"
    WITHDRAW = "WITHDRAW"
    OVER = "OVER"


class Severity(StrEnum):
    """CAP 1.2 severity, gravest first."""

    EXTREME = "Extreme"
    SEVERE = "Severe"
    MODERATE = "Moderate"
    MINOR = "Minor"
    UNKNOWN = "Unknown"


class Urgency(StrEnum):
    """CAP 1.2 urgency."""

    IMMEDIATE = "Immediate"
    EXPECTED = "Expected"
    FUTURE = "Future"
    PAST = "Past"
    UNKNOWN = "Unknown"


class Certainty(StrEnum):
    """CAP 1.2 certainty."""

    OBSERVED = "Observed"
    LIKELY = "Likely"
    POSSIBLE = "Possible"
    UNLIKELY = "Unlikely"
    UNKNOWN = "Unknown"


class Gravity(IntEnum):
    """How hard the house tries, and in which order it sends: a lower number goes first."""

    LIFE = 0
    STANDARD = 1
    ROUTINE = 2


class Review(StrEnum):
    """Who has stood for a text. Drafts of ours stay DRAFT until a qualified translator has read them."""

    DRAFT = "DRAFT"
    REVIEWED = "REVIEWED"


class Point(NamedTuple):
    """A place on earth in WGS 84 degrees. A tuple, since one alert may have forty thousand of them."""

    latitude: float
    longitude: float


@dataclass(frozen=True, slots=True)
class Circle:
    """A CAP circle: centre, and radius in kilometres."""

    centre: Point
    radius_km: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Area:
    """Where an alert applies: the union of its municipalities, polygons and circles. All empty: everywhere the sender is."""

    description: str = ""
    #: kommunenummer, four digits (MET Norway's MunicipalityId, or chosen in the form)
    municipalities: tuple[str, ...] = ()
    #: closed rings, first point = last
    polygons: tuple[tuple[Point, ...], ...] = ()
    circles: tuple[Circle, ...] = ()
    #: geocodes we do not understand, kept as they came: (valueName, value)
    geocodes: tuple[tuple[str, str], ...] = ()
    #: borders that could not be read, as they came: where they run nobody knows
    unreadable: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Identity:
    """What makes a CAP message one message: CAP 1.2 section 3.3.1, `references`."""

    sender: str
    identifier: str
    sent: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """One official message to one municipality's resource persons, without its texts. All times are aware."""

    #: the number people see ("no. 12"); counts up per municipality. 0: a draft that has none yet
    number: int
    kind: Kind
    act: Act = Act.ISSUE
    severity: Severity = Severity.UNKNOWN
    urgency: Urgency = Urgency.UNKNOWN
    certainty: Certainty = Certainty.UNKNOWN
    #: a short label for staff, in the source's own words ("Skogbrannfare")
    event: str = ""
    areas: tuple[Area, ...] = ()
    sent_at: datetime
    onset_at: datetime | None = None
    expires_at: datetime | None = None
    #: when the next news is promised
    next_news_at: datetime | None = None
    #: by when we ask people to pass it on
    act_by_at: datetime | None = None
    #: the number of the alert that this one replaces, withdraws or ends
    replaces: int | None = None
    identity: Identity | None = None

    @property
    def gravity(self) -> Gravity:
        """Corrections count as grave as the gravest alert; exercises never do."""
        if self.kind is not Kind.ACTUAL:
            return Gravity.ROUTINE
        if self.act in (Act.WITHDRAW, Act.OVER):
            return Gravity.LIFE
        grave = self.severity in (Severity.EXTREME, Severity.SEVERE)
        if grave and self.urgency is Urgency.IMMEDIATE:
            return Gravity.LIFE
        return Gravity.ROUTINE if self.severity is Severity.MINOR else Gravity.STANDARD


@dataclass(frozen=True, slots=True, kw_only=True)
class Variant:
    """An alert's text in one language. Two bodies that are never mixed: *forward* for everybody, *ask* for the resource person.

    The frame (sender, number, times, legend) is not in it: `messages.render` puts that around.
    """

    #: BCP 47 tag of our registry ("nb", "fa-AF")
    language: str
    #: the act in capitals, first in every medium: "KOK VANNET"
    headline: str
    #: the rest of what everybody should hear, for SMS: short sentences, no URL
    forward: str
    #: what we ask of the resource person beyond the frame's own question; mostly empty
    ask: str = ""
    #: one or two words that name the matter when two alerts are open: "vann"
    topic: str = ""
    #: the places, as people there say them
    place: str = ""
    #: the long text for e-mail and pages; empty: headline and forward serve
    detail: str = ""
    review: Review = Review.DRAFT
    #: where the text comes from: "cap", "library:boil-water", "written"
    source: str = "written"
    #: parameters of the source that we keep without understanding
    extra: Mapping[str, str] = field(default_factory=dict)
