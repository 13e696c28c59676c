"""What a generic HTTP SMS provider is described by: one frozen value, read from a file (`channels.http_file`).

deploy/providers/example.toml shows every field with its meaning; the names here are the names there.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field, with_config

from channels.base import Evidence, Pace, Reason
from channels.http_places import Pattern, Place, is_path

#: what no file may decide: these answers count as unknown, since whoever gave them may have sent the message all the same
ALWAYS_UNKNOWN = frozenset({408})
#: what a status may prove; the rest is ours to say
_TELLABLE = {each.name: each for each in Evidence if each >= Evidence.ACCEPTED}
_REASONS = {each.name: each for each in Reason}
#: a secret that stands in an address
_SECRET = re.compile(r"[A-Za-z0-9_-]{16,100}")

_strict = with_config(ConfigDict(extra="forbid"))


def _named(table: Mapping[str, Enum]) -> BeforeValidator:
    def look_up(name: object) -> object:
        if name in table.values() and isinstance(name, Enum):
            return name
        if not isinstance(name, str) or name not in table:
            raise ValueError(f"must be one of {', '.join(table)}")
        return table[name]

    return BeforeValidator(look_up)


def _as_range(value: object) -> object:
    """Read 200 and "400-499" as (first, last)."""
    if isinstance(value, tuple):
        return value
    found = re.fullmatch(r"([0-9]{3})(?:-([0-9]{3}))?", str(value))
    if not found:
        raise ValueError('must be a status such as 200, or several such as "400-499"')
    return int(found[1]), int(found[2] or found[1])


def _as_word(value: object) -> object:
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _as_path(value: str) -> str:
    if value and not is_path(value):
        raise ValueError('is no path such as "data.messages"')
    return value


TellableEvidence = Annotated[Evidence, _named(_TELLABLE)]
NamedReason = Annotated[Reason, _named(_REASONS)]
Statuses = Annotated[tuple[int, int], BeforeValidator(_as_range)]
ListPath = Annotated[str, AfterValidator(_as_path)]
SenderKind = Literal["number", "short", "name"]
Word = Annotated[str, BeforeValidator(_as_word)]


@_strict
@dataclass(frozen=True, slots=True, kw_only=True)
class Basic:
    """User name and password (HTTP Basic)."""

    user: str
    password: str = field(repr=False)


@_strict
@dataclass(frozen=True, slots=True, kw_only=True)
class Numbers:
    """How the provider writes telephone numbers; the house itself writes +4790000001."""

    #: +4790000001 | 4790000001 | 004790000001
    style: Literal["+47", "47", "0047"] = "+47"
    #: country code of numbers that come with eight digits, as Norwegian ones do; "": leave them as they come
    country: Annotated[str, Field(pattern=r"^([1-9][0-9]{0,2})?$")] = "47"


@_strict
@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """How a message is handed in."""

    endpoint: str = field(repr=False)
    #: GET and PUT may be repeated on their way by clients and proxies, which would send a message twice
    method: Literal["POST"] = "POST"
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    auth: Basic | None = None
    format: Literal["json", "form"]
    body: Mapping[str, Any] = field(repr=False)
    #: seconds: the shortest and longest validity that the provider takes
    valid_for: tuple[int, int] = (60, 172_800)
    #: the provider's words for what {from} is
    from_kinds: Mapping[SenderKind, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Raise ValueError for bounds that hold nothing."""
        if not 0 < self.valid_for[0] <= self.valid_for[1]:
            raise ValueError("valid_for is the shortest and the longest validity in seconds, as in [60, 172800]")


@_strict
@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """Which answers mean what. Every condition must hold; the first rule that fits decides."""

    status: tuple[Statuses, ...]
    #: the provider's own code is one of these
    code: tuple[Word, ...] = ()
    #: the body's text matches this
    body: Pattern = ""
    means: Literal["accepted", "refused", "throttled", "unknown"]
    #: why, if every answer of this kind has the same reason; otherwise [codes] tells
    reason: NamedReason | None = None

    def __post_init__(self) -> None:
        """Raise ValueError for a rule that would call unknown what is known, or the other way round."""
        for low, high in self.status:
            if not (200 <= low <= high <= 299 or 400 <= low <= high <= 499) or {low, high} <= ALWAYS_UNKNOWN:
                raise ValueError("can only judge 200-299 and 400-499 (not 408): after any other answer the message may have been sent")
        if self.reason and self.means != "refused":
            raise ValueError('has a reason, which only goes with means = "refused"')


@_strict
@dataclass(frozen=True, slots=True, kw_only=True)
class Answers:
    """What the answer to a request says."""

    rules: tuple[Rule, ...]
    #: the provider's id of the message
    id: Place
    #: what an id looks like; anything else is not the answer to our request
    id_like: Pattern = r"[!-~]{1,100}"
    #: the provider's own code
    code: Place | None = None
    #: repeats the recipient, or our token: an answer with another one in it is not about our message
    to: Place | None = None
    token: Place | None = None
    segments: Place | None = None
    price: Place | None = None
    #: seconds to wait; None: the header Retry-After
    retry_after: Place | None = None

    def __post_init__(self) -> None:
        """Raise ValueError if nothing could ever be accepted."""
        if all(rule.means != "accepted" for rule in self.rules):
            raise ValueError('needs a rule with means = "accepted"')


@_strict
@dataclass(frozen=True, slots=True, kw_only=True)
class StatusPlaces:
    """Where a message's state stands."""

    #: the provider's id of the message
    id: Place | None = None
    #: the provider's word, looked up in [states]
    state: Place
    #: why it failed, looked up in [codes]
    code: Place | None = None
    #: our token, where the provider repeats it
    token: Place | None = None
    segments: Place | None = None
    price: Place | None = None


@_strict
@dataclass(frozen=True, slots=True, kw_only=True)
class StatusCallback(StatusPlaces):
    """A status that comes to us. Without `token` it is the last part of {status_url}."""

    #: path of the list, if several come at once; the places are then looked for in each of it
    each: ListPath = ""


@_strict
@dataclass(frozen=True, slots=True, kw_only=True)
class MessagePlaces:
    """Where a person's message stands."""

    #: without an id, equal messages of a person within minutes count as one, unless we asked anything in between
    id: Place | None = None
    sender: Annotated[Place, Field(alias="from")]
    to: Place
    text: Place
    each: ListPath = ""


@_strict
@dataclass(frozen=True, slots=True, kw_only=True)
class Hmac:
    """A signature over what came."""

    header: str
    secret: str = field(repr=False)
    #: the other secret, while secrets are being changed
    other_secret: str = field(default="", repr=False)
    algorithm: Literal["sha1", "sha256", "sha384", "sha512"] = "sha256"
    encoding: Literal["hex", "base64"] = "hex"
    #: stands before the signature in the header ("sha256=")
    prefix: str = ""
    #: what is signed: {body}, {url} and {timestamp} in their places
    over: str = "{body}"
    timestamp_header: str = ""
    #: seconds that the timestamp may lie from our time
    tolerance: Annotated[int, Field(ge=1, le=86_400)] = 300

    def __post_init__(self) -> None:
        """Raise ValueError for a signature that would sign nothing, or with nothing."""
        if not self.secret:
            raise ValueError("needs a secret")
        if not ("{body}" in self.over or "{url}" in self.over):
            raise ValueError("must sign {body} or {url}")
        if ("{timestamp}" in self.over) != bool(self.timestamp_header):
            raise ValueError("needs timestamp_header and {timestamp} together, or neither")


@_strict
@dataclass(frozen=True, slots=True, kw_only=True)
class Callbacks:
    """How the provider calls us. Every proof that is configured must hold; with none, every callback is refused."""

    format: Literal["json", "form", "query"]
    charset: Literal["utf-8", "iso-8859-1"] = "utf-8"
    hmac: Hmac | None = None
    basic: Basic | None = None
    #: last part of our addresses' path; appended to {status_url} by itself
    path_secret: str = field(default="", repr=False)
    status: StatusCallback | None = None
    inbound: MessagePlaces | None = None

    def __post_init__(self) -> None:
        """Raise ValueError for a proof that proves nothing."""
        if self.path_secret and not _SECRET.fullmatch(self.path_secret):
            raise ValueError("has a path_secret that is not 16 to 100 letters, digits, - and _")
        if self.hmac and self.format == "query" and "{url}" not in self.hmac.over:
            raise ValueError('carries its values in the address: its signature must be over = "{url}" or hold it')

    @property
    def vouched_for(self) -> bool:
        """Whether anything tells a genuine callback from a forged one."""
        return bool(self.hmac or self.basic or self.path_secret)


@_strict
@dataclass(frozen=True, slots=True, kw_only=True)
class Outbox(StatusPlaces):
    """A list of what we have sent; makes the channel Traceable."""

    endpoint: str = field(repr=False)
    #: path of the list; "": the document is the list
    each: ListPath = ""
    #: address of the next page
    next: Place | None = None
    sender: Annotated[Place, Field(alias="from")]
    to: Place
    text: Place
    #: when it was created: ISO 8601, RFC 2822, or seconds since 1970; without a zone it is UTC
    created: Place

    def __post_init__(self) -> None:
        """Raise ValueError without an id, by which a found message is adopted."""
        if self.id is None:
            raise ValueError("needs id: where the provider's id of a message stands")


@_strict
@dataclass(frozen=True, slots=True, kw_only=True)
class Inbox(MessagePlaces):
    """A list of what people have sent us; with [lookup] it makes the channel Sweepable."""

    endpoint: str = field(repr=False)
    next: Place | None = None
    received: Place


@_strict
@dataclass(frozen=True, slots=True, kw_only=True)
class Lookup(StatusPlaces):
    """One message's status."""

    endpoint: str = field(repr=False)


@_strict
@dataclass(frozen=True, slots=True, kw_only=True)
class HttpSmsSettings:
    """SMS through any provider that takes a message by one HTTP request."""

    #: our own name for the account, as in /hooks/NAME/…
    account: Annotated[str, Field(pattern=r"^[a-z0-9-]{1,60}$")]
    pace: Pace = field(default_factory=lambda: Pace(1.0, 1.0))
    #: characters of one message at most
    longest: Annotated[int, Field(ge=160, le=1600)] = 1600
    numbers: Numbers = field(default_factory=Numbers)
    request: Request
    answer: Answers
    states: Mapping[str, TellableEvidence] = field(default_factory=dict)
    codes: Mapping[str, NamedReason] = field(default_factory=dict)
    callbacks: Callbacks | None = None
    outbox: Outbox | None = None
    inbox: Inbox | None = None
    lookup: Lookup | None = None
    #: an address that answers 200 when all is well, for doctor
    check_endpoint: str = field(default="", repr=False)
    #: seconds for connection and TLS handshake together
    connect_timeout: Annotated[float, Field(gt=0, le=30)] = 4.0
    #: connections open at once
    connections: Annotated[int, Field(ge=1, le=1000)] = 100

    def __post_init__(self) -> None:
        """Raise ValueError for parts that do not fit together."""
        if self.pace.per_second <= 0 or self.pace.burst < 1:
            raise ValueError("needs a pace above 0 a second, and at least 1 at once")
        if bool(self.inbox) != bool(self.lookup):
            raise ValueError("needs [inbox] and [lookup] together: what came in while we were down, and what became of a message")
        if self._tells_states and not self.states:
            raise ValueError("needs [states]: what the provider's words for a message's state prove")

    @property
    def _tells_states(self) -> bool:
        return bool(self.outbox or self.lookup or (self.callbacks and self.callbacks.status))
