"""A CAP message as it came, whole: nothing the sender wrote is lost here, understood or not."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from messages.alert import Certainty, Circle, Identity, Point, Severity, Urgency
from messages.cap.faults import CapRefused
from messages.cap.terms import Carrier, Evidence, FlagKind, MsgType, NeverReal, Scope, Status

#: how long a message without `expires` counts, from its last known start
DEFAULT_LIFE = timedelta(hours=24)
#: how far a sender's clock may be ahead of ours
CLOCK_GRACE = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Flag:
    """Something odd that did not stop us: where (a line of the document, 0 if nowhere in particular) and which value."""

    kind: FlagKind
    line: int = 0
    detail: str = ""

    @property
    def words(self) -> str:
        """The oddity as one sentence for the author, with its place."""
        where = f"line {self.line}" if self.line else ""
        place = ", ".join(part for part in (where, self.detail) if part)
        return f"{self.kind.words} ({place})" if place else self.kind.words


@dataclass(frozen=True, slots=True)
class Named:
    """A name and a value, as in CAP's eventCode, parameter and geocode."""

    name: str
    value: str


@dataclass(frozen=True, slots=True)
class Signature:
    """What a signature proves, in one phrase, and who signed (the certificate's subject, "" if unknown)."""

    evidence: Evidence = Evidence.NONE
    detail: str = ""
    signer: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class CapResource:
    """A file that belongs to an alert; nothing is ever fetched from here."""

    description: str = ""
    mime_type: str = ""
    #: bytes
    size: int | None = None
    uri: str = ""
    #: the file itself in base64, as it came
    deref_uri: str = ""
    #: SHA-1 in hexadecimal, as it came
    digest: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class CapArea:
    """One area as written; heights are in feet above mean sea level."""

    description: str = ""
    polygons: tuple[tuple[Point, ...], ...] = ()
    circles: tuple[Circle, ...] = ()
    geocodes: tuple[Named, ...] = ()
    altitude: float | None = None
    ceiling: float | None = None
    #: polygons and circles that could not be read, as they came
    unreadable: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class CapInfo:
    """One info block: a text in one language, for one time and area."""

    #: as written, or the source's default where the sender was silent
    language: str
    #: False: the sender named no language, and the source's default was put in
    language_given: bool = True
    categories: tuple[str, ...] = ()
    event: str = ""
    responses: tuple[str, ...] = ()
    urgency: Urgency = Urgency.UNKNOWN
    severity: Severity = Severity.UNKNOWN
    certainty: Certainty = Certainty.UNKNOWN
    audience: str = ""
    event_codes: tuple[Named, ...] = ()
    effective: datetime | None = None
    onset: datetime | None = None
    expires: datetime | None = None
    sender_name: str = ""
    headline: str = ""
    description: str = ""
    instruction: str = ""
    web: str = ""
    contact: str = ""
    parameters: tuple[Named, ...] = ()
    resources: tuple[CapResource, ...] = ()
    areas: tuple[CapArea, ...] = ()

    def parameter(self, name: str) -> str | None:
        """The first parameter of that name; None if there is none."""
        return next((item.value for item in self.parameters if item.name == name), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class CapAlert:
    """One CAP message. `identity` tells it from all others; `raw_sha256` tells its bytes."""

    identifier: str
    sender: str
    sent: datetime
    status: Status
    msg_type: MsgType
    scope: Scope
    source: str = ""
    restriction: str = ""
    addresses: str = ""
    codes: tuple[str, ...] = ()
    note: str = ""
    references: tuple[Identity, ...] = ()
    incidents: str = ""
    infos: tuple[CapInfo, ...] = ()
    #: the CAP version it was written in
    version: str = "1.2"
    #: distributionStatus of the EDXL-DE envelope, "" without one
    carrier_status: str = ""
    signature: Signature = Signature()
    flags: tuple[Flag, ...] = ()
    #: of the document, or of the canonical form of an alert inside a feed
    raw_sha256: str = ""

    @property
    def identity(self) -> Identity:
        """The triple that updates refer to."""
        return Identity(self.sender, self.identifier, self.sent)

    @property
    def valid_until(self) -> datetime:
        """The last moment of the info that lasts longest; without `expires`, DEFAULT_LIFE after its start."""
        ends = [info.expires or max(self.sent, info.onset or self.sent) + DEFAULT_LIFE for info in self.infos]
        return max(ends, default=self.sent + DEFAULT_LIFE)

    def why_never_real(self, now: datetime, *, replay: bool = False) -> NeverReal | None:
        """Why this can never be released as a real message, or None. A replay may be old, but nothing else."""
        return _by_status(self) or _by_type(self) or _by_time(self, now, replay=replay)


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """A feed entry that points to a CAP file; empty where the feed is silent."""

    url: str
    #: CAP identifier, where the feed gives one
    identifier: str = ""
    #: whole identity, where the feed gives all three parts
    identity: Identity | None = None
    updated: datetime | None = None
    title: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """What a document held: alerts, links to alerts, and alerts inside a feed that had to be refused."""

    carrier: Carrier
    alerts: tuple[CapAlert, ...] = ()
    links: tuple[Link, ...] = ()
    refused: tuple[CapRefused, ...] = field(default=())


_STATUS = {
    Status.EXERCISE: NeverReal.EXERCISE,
    Status.TEST: NeverReal.TEST,
    Status.DRAFT: NeverReal.DRAFT,
    Status.SYSTEM: NeverReal.SYSTEM,
}
_SCOPE = {Scope.PRIVATE: NeverReal.PRIVATE, Scope.RESTRICTED: NeverReal.RESTRICTED}
_TYPE = {MsgType.ACK: NeverReal.ACK, MsgType.ERROR: NeverReal.ERROR}


def _by_status(alert: CapAlert) -> NeverReal | None:
    if alert.status is not Status.ACTUAL:
        return _STATUS[alert.status]
    if alert.carrier_status not in ("", Status.ACTUAL):
        return NeverReal.CARRIER_NOT_ACTUAL
    return None


def _by_type(alert: CapAlert) -> NeverReal | None:
    return _SCOPE.get(alert.scope) or _TYPE.get(alert.msg_type)


def _by_time(alert: CapAlert, now: datetime, *, replay: bool) -> NeverReal | None:
    if alert.sent > now + CLOCK_GRACE:
        return NeverReal.FROM_FUTURE
    return NeverReal.EXPIRED if not replay and alert.valid_until < now else None
