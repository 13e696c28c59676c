"""What an installation is told: environment variables `BUDSTIKKE_…`, and the same in a file: the one that BUDSTIKKE_ENV_FILE
names, else `.env`. Secrets are never printed.

Each `require_…` either returns what its caller needs, checked, or raises NotReady with the variable to set.
"""

import os
from collections.abc import Mapping
from ipaddress import ip_address
from pathlib import Path
from typing import Any, Literal, Self
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, DotEnvSettingsSource, SettingsConfigDict

from channels import http_file
from channels.http_settings import HttpSmsSettings
from channels.settings import BadSettings, EmailSettings, Security, TwilioAccount
from relay.model import NotReady

PREFIX = "BUDSTIKKE_"
#: names the file of settings; not set: `.env` in the folder that we stand in
ENV_FILE = f"{PREFIX}ENV_FILE"

# in these words the pages' catalogues find them
UNREACHABLE = "No provider can reach %(address)s. Set %(setting)s to the address under which they reach us."
NO_TWILIO = "SMS and WhatsApp need a Twilio account. Set %(sid)s and %(token)s."
NO_HTTP_SMS = "No SMS provider is described. Set %(setting)s to a file like deploy/providers/example.toml."
NO_EMAIL = "E-mail needs a mail relay and a domain for answers. Set %(host)s and %(domain)s."
NO_FILE = (
    "No settings file was read: %(setting)s is not set, and there is no .env in %(folder)s. The keys of this installation are missing. "
    "Set %(setting)s to the file that `budstikke init` wrote. New keys are for a new installation only: they cannot read what others have "
    "sealed."
)
LOOK_AT = "%(why)s Look at %(settings)s."


class Settings(BaseSettings):
    """Everything that can be set. What is set wrong is told by `load`, what is missing by whoever needs it."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, env_file=".env", env_file_encoding="utf-8", env_ignore_empty=True, extra="ignore", frozen=True
    )

    # where things are
    database_url: SecretStr = Field(
        SecretStr("sqlite+aiosqlite:///budstikke.db"),
        description="The database: sqlite:///FILE or postgresql://USER:PASSWORD@HOST/DATABASE.",
    )
    public_base_url: str = Field("", description="Under which address the world reaches us, with https://. Providers call back to it.")
    listen_host: str = Field("127.0.0.1", description="The address to listen on; put a reverse proxy with TLS in front.")
    listen_port: int = Field(8080, ge=0, le=65535, description="The port to listen on; 0 takes a free one.")
    log_level: Literal["debug", "info", "warning", "error"] = Field("info", description="How much is logged. Numbers and texts never are.")
    log_format: Literal["console", "json"] = Field("console", description="For people (console) or for a log collector (json).")

    # what doctor finds fault with
    backup_hours: float = Field(26.0, gt=0, description="How old the newest backup may be (hours).")
    disk_free_mb: int = Field(1024, ge=0, description="How much of the disk under a SQLite database must be free (MiB).")

    metrics_token: SecretStr = Field(
        SecretStr(""), description="The monitoring shows it to read /metrics (Authorization: Bearer …). Not set: this machine alone may."
    )

    # who notices when nobody looks
    canary_phone: str = Field(
        "",
        pattern=r"^(\+[1-9]\d{6,14})?$",
        description="A number of our own that answers by itself: each SMS sender writes to it and must hear.",
    )
    canary_hours: float = Field(6.0, gt=0, description="How often the canary is asked (hours).")
    canary_minutes: float = Field(
        10.0, gt=0, description="How long its answer may take, before doctor and the monitoring say so (minutes)."
    )
    watch_url: SecretStr = Field(
        SecretStr(""), description="Is fetched while all is well: an address outside that alarms somebody when it is not."
    )
    watch_seconds: float = Field(60.0, ge=10, description="How often it is fetched (seconds).")

    # how long things are kept; alerts, plans, numbers and acts stay
    keep_texts_days: float = Field(90, gt=0, description="How long what people wrote and were answered is kept (days).")
    keep_left_days: float = Field(30, gt=0, description="How long somebody who has left stays in the register before being erased (days).")
    keep_statuses_days: float = Field(90, gt=0, description="How long a provider's own statuses are kept (days).")
    keep_sessions_days: float = Field(30, gt=0, description="How long ended sessions, invitations and tries at the door are kept (days).")
    redact_at_provider: Literal["all", "text", "no"] = Field(
        "all", description="What the provider is asked to forget: the whole message with its number, its text alone, or nothing."
    )
    redact_after_hours: float = Field(
        72.0, ge=1, description="How long after it left a message may be answered, before the provider is asked to forget it (hours)."
    )

    # keys, made by `budstikke keys`
    encryption_key: SecretStr = Field(
        SecretStr(""), description="Encrypts names, numbers and texts at rest. Several for a change of keys: 2:NEW,1:OLD, newest first."
    )
    lookup_key: SecretStr = Field(SecretStr(""), description="Finds numbers and addresses again without opening them. Never change it.")

    audit_key: SecretStr = Field(
        SecretStr(""), description="Seals the chain of acts. After a change of keys: NEW,OLD. Not set: one made of the look-up key."
    )
    audit_anchor: str = Field(
        "",
        description="File that remembers how far the chain of acts has come. Not set: beside a SQLite database, and none for PostgreSQL.",
    )
    trusted_proxies: str = Field("127.0.0.1,::1", description="Addresses of the reverse proxies whose X-Forwarded-For is believed.")

    # how fast, and how surely
    in_flight: int = Field(50, ge=1, le=1000, description="How many sends may be under way at once: as many are unknown after a crash.")
    lease_seconds: float = Field(30.0, ge=15, le=600, description="How long a worker keeps what it claimed, if it falls silent (seconds).")

    # SMS and WhatsApp, through Twilio
    twilio_account: str = Field("twilio", pattern=r"^[a-z0-9-]{1,60}$", description="Our own name for the account, as in /hooks/NAME/….")
    twilio_account_sid: str = Field("", description="The account's SID: AC and 32 digits.")
    twilio_auth_token: SecretStr = Field(SecretStr(""), description="The account's auth token; it signs the callbacks.")
    twilio_other_auth_token: SecretStr = Field(SecretStr(""), description="The other auth token, while tokens are being changed.")
    twilio_api_key: str = Field("", description="An API key (SK…) to send with, in place of the auth token.")
    twilio_api_secret: SecretStr = Field(SecretStr(""), description="The API key's secret.")
    twilio_base_url: str = Field("", description="Where to go in place of https://api.twilio.com: the sandbox.")
    twilio_region: str = Field("", description="Where Twilio handles our data, in its own words (ie1).")
    twilio_edge: str = Field("", description="Where we enter Twilio's network, in its own words (dublin).")
    whatsapp_quick_replies: dict[int, str] = Field(
        default_factory=dict, description='Templates that carry buttons inside the 24-hour window: {"3": "HX…"}, by number of buttons.'
    )

    # SMS through another provider, described by a file (deploy/providers/example.toml)
    http_sms_file: str = Field("", description="File that describes an SMS provider: its requests, answers and callbacks.")

    # e-mail out through a relay, and in through our own listener
    smtp_host: str = Field("", description="The mail relay's host name.")
    smtp_port: int = Field(587, ge=1, le=65535, description="The mail relay's port.")
    smtp_security: Security = Field(Security.STARTTLS, description="tls (port 465), starttls (587) or none (in our own network).")
    smtp_user: str = Field("", description="User name at the mail relay.")
    smtp_password: SecretStr = Field(SecretStr(""), description="Password at the mail relay.")
    smtp_ca_file: str = Field("", description="File of certificates to trust in place of the machine's.")
    mail_domain: str = Field("", description="The domain at which answers and bounces reach our listener (svar+…@DOMAIN).")
    mail_listen_host: str = Field("127.0.0.1", description="Where our mail listener listens.")
    mail_listen_port: int = Field(0, ge=0, le=65535, description="The port of our mail listener; 0: no listener.")
    mail_listen_protocol: Literal["lmtp", "smtp"] = Field("lmtp", description="lmtp behind a mail server, smtp as the MX of our domain.")

    @field_validator("public_base_url", "twilio_base_url")
    @classmethod
    def _is_url(cls, value: str) -> str:
        parts = urlsplit(value)
        if value and (parts.scheme not in {"http", "https"} or not parts.hostname or parts.query or parts.fragment):
            raise ValueError("must be an address like https://varsel.kommune.example")
        return value.rstrip("/")

    @field_validator("watch_url")
    @classmethod
    def _is_secret_url(cls, value: SecretStr) -> SecretStr:
        parts = urlsplit(value.get_secret_value())
        if value.get_secret_value() and (parts.scheme not in {"http", "https"} or not parts.hostname):
            raise ValueError("must be an address like https://watch.example/mark")
        return value

    @classmethod
    def load(cls) -> Self:
        """Read the environment and the file; NotReady names each variable that is wrong, and never shows its value."""
        return cls._read(_env_file=_env_file())

    @classmethod
    def of(cls, told: Mapping[str, str]) -> Self:
        """Return the settings of these variables, whatever else the environment and the file say; raises as `load`."""
        return cls._read(_env_file=None, **{name.removeprefix(PREFIX).lower(): value for name, value in told.items()})

    @classmethod
    def _read(cls, **given: Any) -> Self:
        try:
            return cls(**given)
        except ValidationError as wrong:
            found = ((".".join(map(str, one["loc"])), one["msg"]) for one in wrong.errors(include_input=False))
            words = "; ".join(f"{PREFIX}{name.upper()}: {problem}" for name, problem in found)
            raise NotReady("The settings are wrong. %(why)s.", why=words) from None

    def require_keys(self) -> tuple[str, str, str]:
        """Return the keys that seal, look up and prove; a file that was not read is told before anything else."""
        encryption, lookup, audit = (key.get_secret_value() for key in (self.encryption_key, self.lookup_key, self.audit_key))
        if not (encryption or lookup) and not Path(_env_file()).is_file():
            raise NotReady(NO_FILE, setting=ENV_FILE, folder=Path.cwd())
        return encryption, lookup, audit

    def require_public_base_url(self) -> str:
        """Return the public address that a provider in the world can call."""
        setting = f"{PREFIX}PUBLIC_BASE_URL"
        if not self.public_base_url:
            raise NotReady(
                "Providers must be able to call back. Set %(setting)s to the address under which they reach us.", setting=setting
            )
        if _is_loopback(self.public_base_url) and not (self.twilio_base_url and _is_loopback(self.twilio_base_url)):
            raise NotReady(UNREACHABLE, address=self.public_base_url, setting=setting)
        return self.public_base_url

    def has_twilio(self) -> bool:
        """Whether SMS and WhatsApp are set up."""
        return bool(self.twilio_account_sid or self.twilio_auth_token.get_secret_value())

    def require_twilio(self) -> TwilioAccount:
        """Return the account for SMS and WhatsApp."""
        if not (self.twilio_account_sid and self.twilio_auth_token.get_secret_value()):
            raise NotReady(NO_TWILIO, sid=f"{PREFIX}TWILIO_ACCOUNT_SID", token=f"{PREFIX}TWILIO_AUTH_TOKEN")
        try:
            return TwilioAccount(
                key=self.twilio_account,
                sid=self.twilio_account_sid,
                auth_token=self.twilio_auth_token.get_secret_value(),
                other_auth_token=self.twilio_other_auth_token.get_secret_value(),
                api_key=self.twilio_api_key,
                api_secret=self.twilio_api_secret.get_secret_value(),
                base_url=self.twilio_base_url,
                region=self.twilio_region,
                edge=self.twilio_edge,
            )
        except BadSettings as wrong:
            raise NotReady(LOOK_AT, why=wrong, settings=f"{PREFIX}TWILIO_…") from wrong

    def has_http_sms(self) -> bool:
        """Whether an SMS provider is described by a file."""
        return bool(self.http_sms_file)

    def require_http_sms(self) -> HttpSmsSettings:
        """Return the SMS provider that the file describes; its secrets stand in the environment or in `.env`."""
        if not self.http_sms_file:
            raise NotReady(NO_HTTP_SMS, setting=f"{PREFIX}HTTP_SMS_FILE")
        beside = DotEnvSettingsSource(type(self), env_file=_env_file(), case_sensitive=True).env_vars
        secrets = {name: value for name, value in beside.items() if value} | dict(os.environ)
        try:
            return http_file.load(self.http_sms_file, secrets)
        except BadSettings as wrong:
            raise NotReady(LOOK_AT, why=wrong, settings=f"{PREFIX}HTTP_SMS_FILE") from wrong

    def has_email(self) -> bool:
        """Whether e-mail is set up."""
        return bool(self.smtp_host or self.mail_domain)

    def require_email(self) -> EmailSettings:
        """Return what the e-mail channel needs."""
        if not (self.smtp_host and self.mail_domain):
            raise NotReady(NO_EMAIL, host=f"{PREFIX}SMTP_HOST", domain=f"{PREFIX}MAIL_DOMAIN")
        try:
            return EmailSettings(
                host=self.smtp_host,
                port=self.smtp_port,
                security=self.smtp_security,
                username=self.smtp_user,
                password=self.smtp_password.get_secret_value(),
                ca_file=self.smtp_ca_file,
                domain=self.mail_domain.lower(),
            )
        except BadSettings as wrong:
            raise NotReady(LOOK_AT, why=wrong, settings=f"{PREFIX}SMTP_…, {PREFIX}MAIL_DOMAIN") from wrong


def _env_file() -> str:
    named = os.environ.get(ENV_FILE, "")
    if named and not os.access(named, os.R_OK):
        raise NotReady(f"{ENV_FILE} names {named}, which this user cannot read. Name the file that `budstikke init` wrote.")
    return named or ".env"


def _is_loopback(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    try:
        return ip_address(host).is_loopback or ip_address(host).is_unspecified
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")
