"""What a channel must be told: one frozen value per provider. Secrets are never printed."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from urllib.parse import urlsplit

from channels.base import Pace
from channels.http_settings import HttpSmsSettings

_LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})
_SID = re.compile(r"AC[0-9a-fA-F]{32}")
#: belongs to nobody: its token may cross a network in the clear
SANDBOX_SID = "AC" + "0" * 32
_DOMAIN = re.compile(r"[a-z0-9-]+(\.[a-z0-9-]+)*")

#: what a sender bears unless it says otherwise: segments (SMS) or messages a second, and at once
_SMS_PACE = Pace(1.0, 1.0)
_WHATSAPP_PACE = Pace(80.0, 80.0)
_EMAIL_PACE = Pace(20.0, 20.0)


class BadSettings(ValueError):
    """A channel's settings do not make sense."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TwilioAccount:
    """An account at Twilio, or at the sandbox that answers in its place."""

    #: the `<account>` of /hooks/<account>/…
    key: str
    sid: str
    #: signs the callbacks; also the password, unless there is an API key
    auth_token: str = field(repr=False)
    #: the other token while tokens are being changed: callbacks signed with either are genuine
    other_auth_token: str = field(default="", repr=False)
    api_key: str = ""
    api_secret: str = field(default="", repr=False)
    #: (key id, secret) of SharedKeys that may sign callbacks with SHA-256
    shared_keys: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    #: where to go in place of https://*.twilio.com
    base_url: str = ""
    #: Twilio's own words for where it handles our data ("ie1") and where we enter ("dublin")
    region: str = ""
    edge: str = ""
    #: seconds for connection and TLS handshake together
    connect_timeout: float = 4.0
    #: connections open at once
    connections: int = 100

    def __post_init__(self) -> None:
        """Raise BadSettings for what could never work, or would show the password to the network."""
        _need(_SID.fullmatch(self.sid), "The Twilio account SID is AC and 32 hexadecimal digits.")
        _need(self.auth_token, "The Twilio auth token is missing.")
        _need(bool(self.api_key) == bool(self.api_secret), "A Twilio API key needs its secret, and the other way round.")
        safe = not self.base_url or safe_base_url(self.base_url) or self.sid == SANDBOX_SID
        _need(safe, "Twilio's base URL must be https, or http on this machine.")


@dataclass(frozen=True, slots=True, kw_only=True)
class SmsSettings:
    """SMS through one Twilio account."""

    account: TwilioAccount
    pace: Pace = _SMS_PACE


@dataclass(frozen=True, slots=True, kw_only=True)
class WhatsAppSettings:
    """WhatsApp through one Twilio account."""

    account: TwilioAccount
    pace: Pace = _WHATSAPP_PACE
    #: number of buttons -> ContentSid of the quick reply that carries them inside the 24-hour window
    quick_replies: Mapping[int, str] = field(default_factory=dict)


class Security(StrEnum):
    """How the connection to the mail relay is protected."""

    TLS = "tls"  # from the first byte (465)
    STARTTLS = "starttls"  # demanded, not merely tried (587, 25)
    NONE = "none"  # a relay in the same network, which asks for no password


@dataclass(frozen=True, slots=True, kw_only=True)
class EmailSettings:
    """E-mail out through a relay, and in through our own listener at `domain`."""

    #: the account that inbound mail counts for
    key: str = "email"
    host: str
    port: int = 587
    security: Security = Security.STARTTLS
    username: str = ""
    password: str = field(default="", repr=False)
    #: file of certificates to trust in place of the machine's
    ca_file: str = ""
    #: its MX (or LMTP transport) leads to our listener: svar+…, retur+… and avmeld+… live there
    domain: str
    #: name in our EHLO; "": `domain`
    hostname: str = ""
    #: connections to the relay at once
    connections: int = 4
    pace: Pace = _EMAIL_PACE

    def __post_init__(self) -> None:
        """Raise BadSettings for what could never work, or would show the password to the network."""
        _need(self.host, "The mail relay's host name is missing.")
        _need(_DOMAIN.fullmatch(self.domain), "The domain of our own mail addresses is missing or misspelt (lower case, no @).")
        _need(not self.username or self.security is not Security.NONE, "A password is not sent to a mail relay without TLS.")
        _need(self.connections > 0, "At least one connection to the mail relay is needed.")


ChannelSettings = SmsSettings | WhatsAppSettings | EmailSettings | HttpSmsSettings


def safe_base_url(url: str) -> bool:
    """Whether a password may be sent to `url`: over TLS, or without leaving this machine."""
    parts = urlsplit(url)
    return bool(parts.hostname) and (parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in _LOOPBACK))


def on_this_machine(place: str) -> bool:
    """Whether "host" or "host:port" is this machine itself."""
    return urlsplit(f"//{place}").hostname in _LOOPBACK


def _need(condition: object, words: str) -> None:
    if not condition:
        raise BadSettings(words)
