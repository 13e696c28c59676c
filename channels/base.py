"""The contract between the house and a provider: values in, values out.

A channel sends one message and reads what comes back; it writes no rows and answers no HTTP. Every provider file is a table
of states and codes first, then `send`, then `parse`; one contract suite (tests/channels/contract.py) runs for each.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum, IntEnum, StrEnum
from typing import NamedTuple, Protocol, runtime_checkable

from channels.told import NOTHING, Told
from messages.form import Button, Form


class Evidence(IntEnum):
    """What we can prove about one attempt. A rank that only rises, so late, repeated and shuffled receipts are harmless.

    REFUSED and ACCEPTED exclude one another; a later ACCEPTED (a callback after a time-out read as refusal) wins.
    """

    INTENT = 0  # written before the call
    UNKNOWN = 1  # may or may not have gone
    REFUSED = 2  # the provider said no, or the request never left
    ACCEPTED = 3  # the provider has it
    SENT = 4  # handed to the operator, not yet on the phone
    UNDELIVERED = 5  # given up on the way
    DELIVERED = 6  # on the phone
    READ = 7


class Fault(StrEnum):
    """Whose a failure is: it decides who is told."""

    NONE = "none"
    ADDRESS = "address"  # the number or mailbox: coordinator
    PERSON = "person"  # opted out: coordinator
    CONTENT = "content"  # our text: author
    SENDER = "sender"  # our account, sender or settings: alarm
    PROVIDER = "provider"  # theirs, passing
    US = "us"  # a bug of ours


class Then(StrEnum):
    """What the dispatcher does about it."""

    RETRY = "retry"  # safe to send again, later
    RESOLVE = "resolve"  # unknown: look for evidence first
    NEXT = "next"  # this address will not do: pull the next step forward
    STOP_SENDER = "stop_sender"  # nothing more on this sender until a person has looked
    FAIL = "fail"  # the same text would fail for everybody: tell the author


class Reason(Enum):
    """Why a send failed: (what we do, whose fault, does the address die, what the duty officer reads)."""

    # nothing left the house
    NOT_CONNECTED = (Then.RETRY, Fault.PROVIDER, False, "The provider could not be reached. Nothing was sent; we try again.")
    HELD_UP = (Then.RETRY, Fault.US, False, "Budstikke was held up before it could send. Nothing was sent; we try again.")
    THROTTLED = (Then.RETRY, Fault.PROVIDER, False, "The provider asked us to wait. Nothing was sent; we try again.")
    QUEUE_FULL = (Then.RETRY, Fault.PROVIDER, False, "The provider's queue for this sender is full. We try again.")
    # may have gone
    UNCERTAIN = (Then.RESOLVE, Fault.PROVIDER, False, "It is not known whether this was sent. We are looking for it at the provider.")
    # the address
    ADDRESS_INVALID = (Then.NEXT, Fault.ADDRESS, True, "This number or address does not exist. Correct it in the register.")
    NOT_A_MOBILE = (Then.NEXT, Fault.ADDRESS, True, "This number is not a mobile. Correct it in the register.")
    NOT_ON_WHATSAPP = (Then.NEXT, Fault.ADDRESS, True, "This number is not on WhatsApp.")
    OPTED_OUT = (Then.NEXT, Fault.PERSON, True, "This person has opted out of this channel. Talk to them before using it again.")
    OUT_OF_REACH = (
        Then.NEXT,
        Fault.SENDER,
        False,
        "This sender cannot reach this number or country. Check it at the provider; another channel is used.",
    )
    # on the way
    UNREACHABLE = (Then.RETRY, Fault.NONE, False, "The phone is switched off or out of coverage.")
    EXPIRED_THERE = (Then.NEXT, Fault.PROVIDER, False, "The message waited too long at the provider and was dropped.")
    BLOCKED = (Then.NEXT, Fault.PROVIDER, False, "The operator blocked this message. Another channel is used.")
    FILTERED = (Then.NEXT, Fault.CONTENT, False, "The operator filtered this text. Does it hold a link? Another channel is used.")
    UNDELIVERED = (Then.NEXT, Fault.PROVIDER, False, "The operator could not deliver this message. Another channel is used.")
    BOUNCED_FOR_NOW = (Then.RETRY, Fault.PROVIDER, False, "The receiving mail server asked us to come back later.")
    # WhatsApp's rules
    WINDOW_CLOSED = (Then.RETRY, Fault.NONE, False, "The 24-hour window is closed; the approved template is sent instead.")
    NO_TEMPLATE = (Then.NEXT, Fault.SENDER, False, "No approved WhatsApp template fits this message. Another channel is used.")
    WHATSAPP_LIMIT = (Then.NEXT, Fault.SENDER, False, "WhatsApp's daily limit for this sender is used up. Another channel is used.")
    # our side
    BAD_CONTENT = (Then.FAIL, Fault.CONTENT, False, "The provider refuses this text. Correct the text.")
    BAD_SENDER = (Then.STOP_SENDER, Fault.SENDER, False, "The provider refuses this sender. Check the sender's settings.")
    NOT_AUTHORISED = (Then.STOP_SENDER, Fault.SENDER, False, "The provider refuses our credentials. Check the account and its token.")
    ACCOUNT_SUSPENDED = (Then.STOP_SENDER, Fault.SENDER, False, "The account at the provider is suspended. Ring the provider.")
    NOT_PERMITTED = (Then.STOP_SENDER, Fault.SENDER, False, "The account may not send to this country. Open it in the provider's settings.")
    OUR_BUG = (Then.NEXT, Fault.US, False, "Budstikke sent something that the provider does not understand. Report this.")
    REFUSED = (Then.NEXT, Fault.PROVIDER, False, "The provider refused this message. Another channel is used.")

    @property
    def then(self) -> Then:
        """What the dispatcher does."""
        return self.value[0]

    @property
    def fault(self) -> Fault:
        """Whose it is."""
        return self.value[1]

    @property
    def kills_address(self) -> bool:
        """Whether the address is out of use until a person has looked at it."""
        return self.value[2]

    @property
    def words(self) -> str:
        """One sentence for the duty officer (source text; translated in the ui catalogue)."""
        return self.value[3]


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """A WhatsApp template at the provider: its id there, and the values of its variables "1", "2" …"""

    content_id: str
    variables: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Attached:
    """A file that an e-mail brings: a page that a browser opens."""

    name: str
    content: bytes


class Outbound(NamedTuple):
    """One message to one address, as one attempt."""

    #: 128 random bits or more, made anew for each attempt; comes back in every status
    token: str
    #: E.164 for SMS and WhatsApp (without "whatsapp:"), an address for e-mail
    to: str
    #: our number, name or mailbox
    sender: str
    text: str
    #: public URL for statuses, with the token in it; "" for e-mail
    status_url: str = ""
    #: seconds the provider may keep trying; it drops the message after that
    valid_for: int = 36_000
    #: seconds until we stop waiting for the provider's answer and call it unknown
    deadline: float = 10.0
    content: Content | None = None
    buttons: tuple[Button, ...] = ()
    media: tuple[str, ...] = ()
    # e-mail only
    subject: str = ""
    html: str = ""
    language: str = ""
    #: the same for every attempt of one delivery, so that the receiver recognises a second copy
    message_id: str = ""
    #: token that binds an answer to person and alert (Reply-To `svar+TOKEN@`)
    reply_token: str = ""
    unsubscribe_url: str = ""
    attached: Attached | None = None

    def to_one(self, token: str, to: str, *, status_url: str, valid_for: int, deadline: float) -> "Outbound":
        """Return this text for one address, as one attempt. Every message passes here, and `_replace` goes through all fields by name."""
        return Outbound(
            token,
            to,
            self.sender,
            self.text,
            status_url,
            valid_for,
            deadline,
            self.content,
            self.buttons,
            self.media,
            self.subject,
            self.html,
            self.language,
            self.message_id,
            token,
            self.unsubscribe_url,
            self.attached,
        )


class Sent(NamedTuple):
    """The provider has it."""

    provider_id: str
    evidence: Evidence = Evidence.ACCEPTED
    segments: int | None = None
    #: in the provider's currency, positive, if it says so at once
    price: float | None = None


class SendFailed(Exception):
    """The provider did not take the message, or we cannot tell whether it did."""

    def __init__(self, reason: Reason, *, code: str = "", detail: str = "", retry_after: float | None = None) -> None:
        super().__init__(f"{reason.name} {code} {detail}".strip())
        self.reason = reason
        #: the provider's own code, for people who look closer
        self.code = code
        self.detail = detail
        #: seconds the provider asked us to wait
        self.retry_after = retry_after


class NotGenuine(Exception):
    """This callback is not signed by the provider. It was refused and nothing was changed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Callback:
    """An HTTP request from a provider, as it came; or a mail: `url` is "lmtp:", `body` holds it, `fields` its envelope."""

    #: our public URL of this request, from the settings and the raw path, never from the request's own headers
    url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    #: every form field in order, blanks and repeats kept
    fields: Sequence[tuple[str, str]] = ()
    body: bytes = b""
    received_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Media:
    """A picture or voice note that came in: kept, never parsed."""

    url: str
    content_type: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Inbound:
    """Something a person sent us."""

    provider_id: str
    #: E.164 or mail address; "" when the provider hides it
    sender: str
    #: which of our senders it came to
    to: str
    text: str
    received_at: datetime
    #: payload of the button that was pressed ("12.1")
    payload: str = ""
    #: provider id of our message that this answers
    replied_to: str = ""
    #: token from Reply-To, where there is one
    reply_token: str = ""
    #: STOP | START | HELP, when the provider has already answered the opt-out itself
    opt_out: str = ""
    #: a machine wrote it (out of office, auto-reply)
    automatic: bool = False
    media: tuple[Media, ...] = ()
    #: provider's own id of a person who hides the number (WhatsApp)
    external_id: str = ""
    #: the provider gave it no id: `provider_id` is made of what came, so that an equal message has the same, however much later
    nameless: bool = False


class Status(NamedTuple):
    """What the provider says became of one message."""

    evidence: Evidence
    #: the attempt's own token, where the callback carries it
    token: str = ""
    provider_id: str = ""
    reason: Reason | None = None
    code: str = ""
    segments: int | None = None
    price: float | None = None
    #: the provider's own word ("delivered")
    word: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trace:
    """A message found at the provider while looking for an unknown one."""

    provider_id: str
    to: str
    sender: str
    text: str
    created_at: datetime
    status: Status


@dataclass(frozen=True, slots=True)
class Pace:
    """How fast a sender may go: units a second (SMS: segments), and how many at once after a rest."""

    per_second: float
    burst: float


@dataclass(frozen=True, slots=True)
class Check:
    """One line of doctor: what was looked at, whether it is well, and what to do if not."""

    name: Told
    ok: bool
    words: Told
    remedy: Told = NOTHING
    #: messages or answers are lost as long as it is so; else it can wait for the morning
    grave: bool = True


class Channel(Protocol):
    """A way to reach a person. Optional abilities are the small protocols below, found by isinstance."""

    #: registry name ("twilio_sms")
    name: str
    #: which provider account it uses: the `<account>` of /hooks/<account>/…
    account: str
    form: Form
    pace: Pace

    async def send(self, out: Outbound) -> Sent:
        """Hand `out` to the provider within `out.deadline` seconds; raise SendFailed(reason) otherwise. Never repeats a call."""
        ...

    def parse(self, callback: Callback) -> list[Inbound | Status]:
        """Read a callback. Pure. Raises NotGenuine when its signature is not the provider's."""
        ...

    async def close(self) -> None:
        """Let go of connections."""
        ...


@runtime_checkable
class Traceable(Protocol):
    """Can be asked: did you get this one?"""

    async def trace(self, to: str, sender: str, since: datetime) -> list[Trace]:
        """List messages to `to` from `sender` created since `since` (with no filter on the sending date). Raises SendFailed."""
        ...


@runtime_checkable
class Sweepable(Protocol):
    """Can be asked: what came in since, and what became of these?"""

    def sweep(self, to: str, since: datetime) -> AsyncIterator[Inbound]:
        """Yield what people sent to our sender `to` since `since`. Raises SendFailed."""
        ...

    async def status_of(self, provider_id: str) -> Status:
        """Fetch one message's status. Raises SendFailed."""
        ...


@runtime_checkable
class Redactable(Protocol):
    """Can be asked to forget what came to its end: a message of ours, or one from a person."""

    async def redact(self, provider_id: str, *, whole: bool) -> None:
        """Let the provider forget a message's text; `whole`: the number too. What it has forgotten already is well. Raises SendFailed."""
        ...


@runtime_checkable
class Located(Protocol):
    """Can say where its calls go."""

    #: "api.example.com", "127.0.0.1:2525"
    place: str


@runtime_checkable
class Checkable(Protocol):
    """Can say whether it is well."""

    async def check(self) -> list[Check]:
        """Look at credentials, reachability and clock, without sending anything."""
        ...
