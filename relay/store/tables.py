"""Every table. The register is ORM and changes slowly; the facts are plain tables that are written by the thousand.

Every row belongs to a municipality. States are words (relay.model), evidence is a rank (channels.base.Evidence).
"""

from datetime import date, datetime, time
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Date,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    SmallInteger,
    String,
    Table,
    Text,
    Time,
    UniqueConstraint,
    false,
    text,
)
from sqlalchemy.engine.default import DefaultExecutionContext
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship

from relay.store.columns import Id, Json, Moment, Sealed

NAMES = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}


class Base(DeclarativeBase):
    """The register's base; the facts share its metadata."""

    metadata = MetaData(naming_convention=NAMES)
    type_annotation_map = {datetime: Moment(), int: Id, dict[str, Any]: Json, list[str]: Json}


class Audited:
    """Who made a row, who touched it last, and when."""

    created_at: Mapped[datetime]
    created_by: Mapped[str] = mapped_column(String(120))
    updated_at: Mapped[datetime]
    updated_by: Mapped[str] = mapped_column(String(120))


def name_key(name: str) -> str:
    """Return a name as it is compared: nobody becomes a second person by a capital letter or a space."""
    return " ".join(name.split()).casefold()[:120]


def _name_key(context: DefaultExecutionContext) -> str:
    return name_key((context.current_parameters or {}).get("name", ""))


def _tenant() -> Mapped[int]:
    return mapped_column(ForeignKey("municipality.id"), index=True)


# --- the register -----------------------------------------------------------------------------------------------------


class Municipality(Audited, Base):
    """A tenant."""

    __tablename__ = "municipality"
    id: Mapped[int] = mapped_column(primary_key=True)
    number: Mapped[str] = mapped_column(String(4), unique=True)
    name: Mapped[str] = mapped_column(String(120))
    latitude: Mapped[float | None] = mapped_column(Float)
    longitude: Mapped[float | None] = mapped_column(Float)
    timezone: Mapped[str] = mapped_column(String(40), default="Europe/Oslo")
    norwegian: Mapped[str] = mapped_column(String(2), default="nb")
    quiet_from: Mapped[time | None] = mapped_column(Time)
    quiet_to: Mapped[time | None] = mapped_column(Time)
    #: rings or gets an SMS when somebody writes of danger
    duty_phone: Mapped[str | None] = mapped_column(Sealed("municipality.duty_phone"))
    #: SMS may carry a link to the person's own page; without, no SMS has one
    links_in_sms: Mapped[bool] = mapped_column(Boolean, default=False, server_default=false())
    last_number: Mapped[int] = mapped_column(Integer, default=0)
    last_event: Mapped[int] = mapped_column(BigInteger, default=0)
    #: TRIAL: only emulated accounts and the allow-list are sent to | REAL
    mode: Mapped[str] = mapped_column(String(10), default="TRIAL", server_default="TRIAL")
    mode_at: Mapped[datetime | None]


class User(Audited, Base):
    """Somebody who acts for a municipality. One without a login is known by name only: from a command line's --as."""

    __tablename__ = "user"
    __table_args__ = (
        UniqueConstraint("municipality_id", "name"),
        Index("uq_user_name_key", "municipality_id", "name_key", unique=True),
        Index("uq_user_login", "login", unique=True, postgresql_where=text("login <> ''"), sqlite_where=text("login <> ''")),
    )
    id: Mapped[int] = mapped_column(primary_key=True)
    municipality_id: Mapped[int] = _tenant()
    name: Mapped[str] = mapped_column(String(120))
    #: the name as it is compared: without capitals and spare spaces
    name_key: Mapped[str] = mapped_column(String(120), default=_name_key, server_default="")
    active: Mapped[bool] = mapped_column(Boolean, default=True)
    #: what is written in at the door, in small letters; one for the whole installation
    login: Mapped[str] = mapped_column(String(120), default="", server_default="")
    #: argon2id; "" = cannot sign in yet
    password_hash: Mapped[str] = mapped_column(String(200), default="", server_default="")
    password_at: Mapped[datetime | None]
    #: must choose another at the next sign-in: somebody else has seen this one
    password_once: Mapped[bool] = mapped_column(Boolean, default=False, server_default=false())
    totp_secret: Mapped[str | None] = mapped_column(Sealed("user.totp_secret"))
    #: the last time step whose code was taken: no code is good twice
    totp_step: Mapped[int] = mapped_column(BigInteger, default=0, server_default=text("0"))
    #: keyed fingerprints of the recovery codes that are left
    recovery: Mapped[list[str]] = mapped_column(Json, default=list, server_default=text("'[]'"))
    email: Mapped[str | None] = mapped_column(Sealed("user.email"))
    email_lookup: Mapped[str] = mapped_column(String(64), default="", server_default="")
    phone: Mapped[str | None] = mapped_column(Sealed("user.phone"))
    phone_lookup: Mapped[str] = mapped_column(String(64), default="", server_default="")
    #: of the pages: nb | nn | en; "" = as the browser asks
    language: Mapped[str] = mapped_column(String(2), default="", server_default="")
    seen_at: Mapped[datetime | None]


class Sender(Audited, Base):
    """From whom a channel's messages come: number, name or mailbox at one provider account."""

    __tablename__ = "sender"
    __table_args__ = (UniqueConstraint("municipality_id", "channel", "address"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    municipality_id: Mapped[int] = _tenant()
    #: sms | whatsapp | email
    channel: Mapped[str] = mapped_column(String(20))
    address: Mapped[str] = mapped_column(String(254))
    #: registry name of the channel ("twilio_sms"), and the account its callbacks come to
    provider: Mapped[str] = mapped_column(String(40))
    account: Mapped[str] = mapped_column(String(60))
    two_way: Mapped[bool] = mapped_column(Boolean, default=True)
    #: number to answer when this sender cannot be answered
    reply_to: Mapped[str] = mapped_column(String(254), default="")
    #: SMS segments, else messages
    pace_per_second: Mapped[float] = mapped_column(Float, default=1.0)
    pace_burst: Mapped[float] = mapped_column(Float, default=1.0)
    #: what one segment or message costs, in NOK
    price: Mapped[float] = mapped_column(Float, default=0.0)
    #: provider's content ids: {"forward:nb": "HX…"}
    contents: Mapped[dict[str, Any]] = mapped_column(Json, default=dict)
    #: why nothing more leaves by it until a person has looked; "" = open
    stopped: Mapped[str] = mapped_column(String(200), default="")
    stopped_at: Mapped[datetime | None]
    swept_at: Mapped[datetime | None]
    #: relay.model.Health as the last calls show it, since when, and when one that is down is tried with one message
    health: Mapped[str] = mapped_column(String(10), default="", server_default="")
    health_since: Mapped[datetime | None]
    try_at: Mapped[datetime | None]


class ContactPoint(Audited, Base):
    """The fixed person a group may ring."""

    __tablename__ = "contact_point"
    id: Mapped[int] = mapped_column(primary_key=True)
    municipality_id: Mapped[int] = _tenant()
    name: Mapped[str] = mapped_column(Sealed("contact_point.name"))
    phone: Mapped[str] = mapped_column(Sealed("contact_point.phone"))
    hours: Mapped[str] = mapped_column(String(60), default="")


class LanguageGroup(Audited, Base):
    """A language and a community that is reached through it."""

    __tablename__ = "language_group"
    __table_args__ = (UniqueConstraint("municipality_id", "language", "name"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    municipality_id: Mapped[int] = _tenant()
    language: Mapped[str] = mapped_column(String(20))
    name: Mapped[str] = mapped_column(String(120))
    #: how many must say that they will pass it on
    quorum: Mapped[int] = mapped_column(Integer, default=2)
    estimate: Mapped[int | None] = mapped_column(Integer)
    estimate_source: Mapped[str] = mapped_column(String(120), default="")
    estimate_on: Mapped[date | None] = mapped_column(Date)
    contact_point_id: Mapped[int | None] = mapped_column(ForeignKey("contact_point.id"))
    contact_point: Mapped[ContactPoint | None] = relationship(lazy="raise_on_sql")


class ResourcePerson(Audited, Base):
    """A trusted person who links the authorities to a group."""

    __tablename__ = "resource_person"
    id: Mapped[int] = mapped_column(primary_key=True)
    municipality_id: Mapped[int] = _tenant()
    name: Mapped[str] = mapped_column(Sealed("resource_person.name"))
    #: volunteer | employee
    kind: Mapped[str] = mapped_column(String(20), default="volunteer")
    #: languages they read, their own first
    languages: Mapped[list[str]] = mapped_column(Json)
    agreed_on: Mapped[date | None] = mapped_column(Date)
    agreed_until: Mapped[date | None] = mapped_column(Date)
    adult_confirmed_on: Mapped[date | None] = mapped_column(Date)
    adult_confirmed_by: Mapped[str] = mapped_column(String(120), default="")
    paused: Mapped[bool] = mapped_column(Boolean, default=False)
    paused_until: Mapped[datetime | None]
    quiet_from: Mapped[time | None] = mapped_column(Time)
    quiet_to: Mapped[time | None] = mapped_column(Time)
    work_from: Mapped[time | None] = mapped_column(Time)
    work_to: Mapped[time | None] = mapped_column(Time)
    #: stands by for this person
    deputy_of_id: Mapped[int | None] = mapped_column(ForeignKey("resource_person.id"), index=True)
    left_at: Mapped[datetime | None]
    addresses: Mapped[list["Address"]] = relationship(lazy="raise_on_sql", order_by="Address.position")
    memberships: Mapped[list["Membership"]] = relationship(lazy="raise_on_sql", order_by="Membership.position")


class Membership(Base):
    """A person answers for a group; the lowest position is their own."""

    __tablename__ = "membership"
    person_id: Mapped[int] = mapped_column(ForeignKey("resource_person.id"), primary_key=True)
    group_id: Mapped[int] = mapped_column(ForeignKey("language_group.id"), primary_key=True, index=True)
    municipality_id: Mapped[int] = _tenant()
    position: Mapped[int] = mapped_column(Integer, default=0)


class Address(Audited, Base):
    """A channel and a value. Never changed: a new value is a new row, the old one becomes REPLACED."""

    __tablename__ = "address"
    __table_args__ = (Index("ix_address_channel_lookup", "channel", "lookup"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    municipality_id: Mapped[int] = _tenant()
    person_id: Mapped[int] = mapped_column(ForeignKey("resource_person.id"), index=True)
    channel: Mapped[str] = mapped_column(String(20))
    value: Mapped[str] = mapped_column(Sealed("address.value"))
    #: keyed fingerprint of the normalised value
    lookup: Mapped[str] = mapped_column(String(64))
    position: Mapped[int] = mapped_column(Integer, default=0)
    state: Mapped[str] = mapped_column(String(20), default="ACTIVE")
    state_reason: Mapped[str] = mapped_column(String(60), default="")
    state_at: Mapped[datetime | None]
    verified_at: Mapped[datetime | None]
    #: opens WhatsApp's 24-hour window
    last_inbound_at: Mapped[datetime | None]


class PolicyRow(Audited, Base):
    """A municipality's own policy; without one, relay.routing.DEFAULT_POLICY holds."""

    __tablename__ = "policy"
    __table_args__ = (UniqueConstraint("municipality_id", "name"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    municipality_id: Mapped[int] = _tenant()
    name: Mapped[str] = mapped_column(String(60))
    count_after_minutes: Mapped[int] = mapped_column(Integer, default=60)
    steps: Mapped[list["PolicyStep"]] = relationship(lazy="raise_on_sql", order_by="PolicyStep.position")


class PolicyStep(Base):
    """One step: minutes per gravity, absent where the step is not for that gravity."""

    __tablename__ = "policy_step"
    policy_id: Mapped[int] = mapped_column(ForeignKey("policy.id"), primary_key=True)
    position: Mapped[int] = mapped_column(Integer, primary_key=True)
    action: Mapped[str] = mapped_column(String(20))
    life_minutes: Mapped[int | None] = mapped_column(Integer)
    standard_minutes: Mapped[int | None] = mapped_column(Integer)
    routine_minutes: Mapped[int | None] = mapped_column(Integer)


# --- the facts --------------------------------------------------------------------------------------------------------


def _key() -> Column[int]:
    return Column("id", Id, primary_key=True)


def _belongs() -> Column[int]:
    return Column("municipality_id", Id, ForeignKey("municipality.id"), nullable=False)


def _points(name: str, to: str, *, null: bool = False) -> Column[int]:
    return Column(name, Id, ForeignKey(to), nullable=null)


def _word(name: str, size: int = 20, default: str | None = "") -> Column[str]:
    return Column(name, String(size), nullable=False, server_default=default)


def _count(name: str) -> Column[int]:
    return Column(name, Integer, nullable=False, server_default=text("0"))


def _flag(name: str) -> Column[bool]:
    return Column(name, Boolean, nullable=False, server_default=false())


def _at(name: str, *, null: bool = True) -> Column[datetime]:
    return Column(name, Moment, nullable=null)


alert = Table(
    "alert",
    Base.metadata,
    _key(),
    _belongs(),
    Column("number", Integer, nullable=False),
    _word("kind", default=None),
    _word("act", default=None),
    _word("state", default=None),
    _word("severity"),
    _word("urgency"),
    _word("certainty"),
    Column("gravity", SmallInteger, nullable=False),
    Column("event", String(300), nullable=False),
    Column("areas", Json, nullable=False),
    _at("sent_at", null=False),
    _at("onset_at"),
    _at("expires_at"),
    _at("next_news_at"),
    _at("act_by_at"),
    _points("replaces_id", "alert.id", null=True),
    # where it comes from; the triple makes one CAP message one alert
    _word("source"),
    Column("cap_sender", String(300)),
    Column("cap_identifier", String(300)),
    _at("cap_sent_at"),
    Column("cap_references", Json),
    Column("document", LargeBinary),
    Column("document_sha256", String(64)),
    Column("notes", Json),
    # why it can never be released as real; "" = it can
    _word("never_real", 300),
    # who stands for it
    _word("author", 120),
    _word("editor", 120),
    _word("approver", 120),
    # the same three as users: by these, never by a name, it is told whether they are two persons
    Column("author_id", Id),
    Column("editor_id", Id),
    Column("approver_id", Id),
    _word("override_reason", 500),
    _at("created_at", null=False),
    _at("updated_at", null=False),
    _at("approved_at"),
    _at("released_at"),
    _at("ended_at"),
    # the digits' first digit for this alert: 0, 6, 7 …
    Column("legend", SmallInteger, nullable=False, server_default=text("0")),
    _flag("paused"),
    Column("revision", BigInteger, nullable=False, server_default=text("0")),
    UniqueConstraint("municipality_id", "number"),
    UniqueConstraint("municipality_id", "cap_sender", "cap_identifier", "cap_sent_at", name="uq_alert_cap_identity"),
    Index("ix_alert_municipality_state", "municipality_id", "state"),
)

variant = Table(
    "variant",
    Base.metadata,
    _key(),
    _belongs(),
    _points("alert_id", "alert.id"),
    _word("language", default=None),
    Column("headline", Text, nullable=False),
    Column("forward", Text, nullable=False),
    Column("ask", Text, nullable=False, server_default=""),
    Column("topic", Text, nullable=False, server_default=""),
    Column("place", Text, nullable=False, server_default=""),
    Column("detail", Text, nullable=False, server_default=""),
    _word("review", default="DRAFT"),
    _word("source", 120),
    # parameters of the source, and what its template says of it
    Column("extra", Json, nullable=False),
    _flag("approved"),
    _at("updated_at", null=False),
    _word("updated_by", 120),
    UniqueConstraint("alert_id", "language"),
)

#: one row a group in the plan: who counts toward its quorum, and when it was met
alert_group = Table(
    "alert_group",
    Base.metadata,
    Column("alert_id", Id, ForeignKey("alert.id"), primary_key=True),
    Column("group_id", Id, ForeignKey("language_group.id"), primary_key=True),
    _belongs(),
    _word("language", default=None),
    Column("name", String(120), nullable=False),
    _count("quorum"),
    _count("people"),
    _count("counted"),
    _at("met_at"),
)

recipient = Table(
    "recipient",
    Base.metadata,
    _key(),
    _belongs(),
    _points("alert_id", "alert.id"),
    _points("person_id", "resource_person.id"),
    # the group they answer for first, and the text they read and why
    _points("group_id", "language_group.id", null=True),
    _word("reader_language", default=None),
    _word("language"),
    _word("language_why"),
    # why they get nothing; "" = they are planned
    _word("left_out"),
    _word("wait"),
    _at("waits_until"),
    _word("pierced"),
    _flag("deputy"),
    # passed on the alert that this one updates, withdraws or ends
    _flag("had_passed_on"),
    # what came of it
    _word("rung", default="none"),
    _at("answered_at"),
    _count("reported"),
    Column("evidence", SmallInteger, nullable=False, server_default=text("-1")),
    _flag("failed"),
    _flag("possible_duplicate"),
    _at("count_asked_at"),
    _at("count_doubted_at"),
    UniqueConstraint("alert_id", "person_id"),
    Index("ix_recipient_person", "person_id", "alert_id"),
    Index(
        "ix_recipient_twice",
        "alert_id",
        postgresql_where=text("possible_duplicate"),
        sqlite_where=text("possible_duplicate"),
    ),
)

#: a person in two groups counts in both
recipient_group = Table(
    "recipient_group",
    Base.metadata,
    Column("recipient_id", Id, ForeignKey("recipient.id"), primary_key=True),
    Column("group_id", Id, ForeignKey("language_group.id"), primary_key=True),
    _belongs(),
    _points("alert_id", "alert.id"),
    _word("language"),
    Index("ix_recipient_group_alert", "alert_id", "group_id"),
)

#: one required send. Notices (answers of the house) are deliveries too: with a text, and perhaps without an alert
delivery = Table(
    "delivery",
    Base.metadata,
    _key(),
    _belongs(),
    _points("alert_id", "alert.id", null=True),
    _points("recipient_id", "recipient.id", null=True),
    _points("person_id", "resource_person.id", null=True),
    _points("address_id", "address.id", null=True),
    _points("sender_id", "sender.id", null=True),
    _word("channel"),
    Column("step", SmallInteger, nullable=False),
    _word("action"),
    _word("part", default=None),
    # of the text, and of the words around it
    _word("language"),
    _word("frame_language"),
    # what makes a notice one: "inbound:7:echo_received"; a deputy's row: whom it stands for; "" otherwise
    _word("cause", 80),
    Column("text", Sealed("delivery.text")),
    # for a notice to a number that is nobody's
    Column("to", Sealed("delivery.to")),
    Column("gravity", SmallInteger, nullable=False),
    _at("planned_at", null=False),
    _at("due_at", null=False),
    _at("expires_at"),
    # "" | "window": waits for WhatsApp's window to open | "quiet_hours" …
    _word("hold"),
    _word("state", default="WAITING"),
    _word("spared_by"),
    _at("ended_at"),
    _points("stands_for_id", "recipient.id", null=True),
    # the claim
    _word("claimed_by", 60),
    _at("lease_until"),
    Column("fence", BigInteger, nullable=False, server_default=text("0")),
    # what came of it
    _count("attempts"),
    Column("evidence", SmallInteger, nullable=False, server_default=text("-1")),
    _word("reason", 40),
    _word("code"),
    _count("segments"),
    UniqueConstraint("recipient_id", "step", "part", "address_id", "language", "cause", name="uq_delivery_required_send"),
    # a notice answers its cause once
    Index(
        "uq_delivery_cause",
        "municipality_id",
        "cause",
        unique=True,
        postgresql_where=text("action = '' AND cause <> ''"),
        sqlite_where=text("action = '' AND cause <> ''"),
    ),
    Index(
        "ix_delivery_due",
        "gravity",
        "due_at",
        "id",
        postgresql_where=text("state = 'WAITING'"),
        sqlite_where=text("state = 'WAITING'"),
    ),
    Index(
        "ix_delivery_claimed",
        "lease_until",
        postgresql_where=text("state = 'CLAIMED'"),
        sqlite_where=text("state = 'CLAIMED'"),
    ),
    Index("ix_delivery_alert_state", "alert_id", "state"),
    Index("ix_delivery_recipient", "recipient_id", "state"),
    Index("ix_delivery_address_hold", "address_id", postgresql_where=text("hold <> ''"), sqlite_where=text("hold <> ''")),
)

#: one try. Written and committed before its POST; the token comes back in every status
attempt = Table(
    "attempt",
    Base.metadata,
    _key(),
    _belongs(),
    _points("delivery_id", "delivery.id"),
    Column("alert_id", Id),
    Column("recipient_id", Id),
    _points("sender_id", "sender.id"),
    _word("account", 60),
    _word("channel"),
    Column("n", SmallInteger, nullable=False),
    Column("token", String(64), nullable=False),
    Column("fence", BigInteger, nullable=False),
    Column("provider_id", String(200)),
    Column("evidence", SmallInteger, nullable=False),
    _word("reason", 40),
    _word("code"),
    _count("segments"),
    Column("price", Float),
    # of the text as sent: to recognise it at the provider
    _word("body_sha256", 64),
    _at("started_at", null=False),
    _at("ended_at"),
    # evidence rose last
    _at("risen_at"),
    _word("found_by"),
    # an unknown one, looked for so often, next at
    _count("looks"),
    _at("look_at"),
    _at("looked_at"),
    _points("possible_duplicate_of", "attempt.id", null=True),
    UniqueConstraint("token"),
    UniqueConstraint("delivery_id", "n"),
    UniqueConstraint("account", "provider_id", name="uq_attempt_provider_id"),
    # at most one that may still be on its way
    Index(
        "uq_attempt_open",
        "delivery_id",
        unique=True,
        postgresql_where=text("evidence IN (0, 1)"),
        sqlite_where=text("evidence IN (0, 1)"),
    ),
    Index("ix_attempt_evidence", "evidence", postgresql_where=text("evidence IN (0, 1)"), sqlite_where=text("evidence IN (0, 1)")),
    Index("ix_attempt_alert", "alert_id"),
)

#: every status a provider told us, once
status = Table(
    "status",
    Base.metadata,
    _key(),
    _word("account", 60),
    Column("provider_id", String(200), nullable=False),
    _word("word", 40),
    _word("code"),
    _word("token", 64),
    Column("evidence", SmallInteger, nullable=False),
    _at("received_at", null=False),
    _word("heard_by"),
    # no attempt of ours was found for it (yet)
    _flag("foreign"),
    UniqueConstraint("account", "provider_id", "word", "code"),
)

#: everything people sent us, once
inbound = Table(
    "inbound",
    Base.metadata,
    _key(),
    _word("account", 60),
    Column("provider_id", String(200), nullable=False),
    _word("channel"),
    Column("sender", Sealed("inbound.sender")),
    _word("sender_lookup", 64),
    _word("to", 254),
    Column("text", Sealed("inbound.text")),
    Column("facts", Sealed("inbound.facts")),  # JSON: payload, replied_to, media …
    _at("received_at", null=False),
    _word("heard_by"),
    _at("handled_at"),
    _word("verdict", 60),
    UniqueConstraint("account", "provider_id"),
    Index(
        "ix_inbound_unhandled",
        "id",
        postgresql_where=text("handled_at IS NULL"),
        sqlite_where=text("handled_at IS NULL"),
    ),
    Index("ix_inbound_sender", "sender_lookup", "received_at"),
)

answer = Table(
    "answer",
    Base.metadata,
    _key(),
    _belongs(),
    _points("inbound_id", "inbound.id", null=True),
    _points("alert_id", "alert.id", null=True),
    _points("recipient_id", "recipient.id", null=True),
    _points("person_id", "resource_person.id", null=True),
    _word("meaning", default=None),
    Column("count", Integer),
    _flag("danger"),
    Column("guessed", Json, nullable=False),
    _word("bound_by"),
    _at("at", null=False),
    UniqueConstraint("inbound_id", "recipient_id"),
    Index("ix_answer_alert", "alert_id"),
)

redistribution_report = Table(
    "redistribution_report",
    Base.metadata,
    _key(),
    _belongs(),
    _points("alert_id", "alert.id"),
    _points("recipient_id", "recipient.id"),
    _points("answer_id", "answer.id"),
    Column("count", Integer),
    Column("means", Sealed("redistribution_report.means")),
    # the last one of a person counts, all are kept
    _flag("counts"),
    _at("at", null=False),
    Index("ix_redistribution_report_alert", "alert_id"),
)

#: a random link: to the message page, to the person's own page, or to the page that everybody may read. The token itself is not kept
share_link = Table(
    "share_link",
    Base.metadata,
    _key(),
    _belongs(),
    _word("kind", default=None),
    _points("alert_id", "alert.id", null=True),
    _points("recipient_id", "recipient.id", null=True),
    _points("person_id", "resource_person.id"),
    # the token is made of it and of a key that is not in the database
    _word("seed", 64, None),
    # keyed fingerprint of the token, by which it is found
    _word("lookup", 64, None),
    _at("made_at", null=False),
    _at("ends_at"),
    _at("revoked_at"),
    UniqueConstraint("lookup"),
    Index(
        "uq_share_link_live",
        "recipient_id",
        "kind",
        unique=True,
        postgresql_where=text("recipient_id IS NOT NULL AND revoked_at IS NULL"),
        sqlite_where=text("recipient_id IS NOT NULL AND revoked_at IS NULL"),
    ),
    Index("ix_share_link_person", "person_id"),
)

#: how often a page was opened in an hour, and by what kind of visitor; nothing that could tell one reader from another
link_open = Table(
    "link_open",
    Base.metadata,
    Column("link_id", Id, ForeignKey("share_link.id"), primary_key=True),
    Column("hour", Moment, primary_key=True),
    Column("by", String(20), primary_key=True),
    _belongs(),
    _count("count"),
)

#: a place or group in which a person passes things on
arena = Table(
    "arena",
    Base.metadata,
    _key(),
    _belongs(),
    _points("person_id", "resource_person.id"),
    Column("name", Sealed("arena.name"), nullable=False),
    Column("size", Integer),
    _at("made_at", null=False),
    Index("ix_arena_person", "person_id"),
)

thread = Table(
    "thread",
    Base.metadata,
    _key(),
    _belongs(),
    _points("person_id", "resource_person.id", null=True),
    _points("alert_id", "alert.id", null=True),
    _word("sender_lookup", 64),
    _word("state", default="open"),
    _flag("danger"),
    _word("owner", 120),
    _at("opened_at", null=False),
    _at("last_at", null=False),
    _count("unread"),
    Index("ix_thread_municipality", "municipality_id", "state"),
)

note = Table(
    "note",
    Base.metadata,
    _key(),
    _belongs(),
    _points("thread_id", "thread.id"),
    # in | out
    _word("direction", default=None),
    _word("author", 120),
    Column("text", Sealed("note.text")),
    _points("inbound_id", "inbound.id", null=True),
    _points("delivery_id", "delivery.id", null=True),
    _at("at", null=False),
    Index("ix_note_thread", "thread_id"),
)

task = Table(
    "task",
    Base.metadata,
    _key(),
    _belongs(),
    _word("kind", default=None),
    _points("alert_id", "alert.id", null=True),
    _points("recipient_id", "recipient.id", null=True),
    _points("person_id", "resource_person.id", null=True),
    _points("thread_id", "thread.id", null=True),
    _points("delivery_id", "delivery.id", null=True),
    # makes the same open task one
    Column("cause", String(120), nullable=False),
    Column("words", Sealed("task.words")),
    Column("gravity", SmallInteger, nullable=False),
    _word("owner", 120),
    _at("opened_at", null=False),
    _at("due_at"),
    _at("done_at"),
    _word("done_by", 120),
    _word("outcome", 200),
    # what has been done may have to be done again
    Index(
        "uq_task_open",
        "municipality_id",
        "cause",
        unique=True,
        postgresql_where=text("done_at IS NULL"),
        sqlite_where=text("done_at IS NULL"),
    ),
)

#: the numbers, kept in the same transaction as the facts. group 0 = the whole alert, channel "" = people, else messages
counter = Table(
    "counter",
    Base.metadata,
    Column("alert_id", Id, ForeignKey("alert.id"), primary_key=True),
    Column("group_id", Id, primary_key=True, autoincrement=False),
    Column("channel", String(20), primary_key=True),
    Column("name", String(20), primary_key=True),
    _belongs(),
    Column("value", BigInteger, nullable=False, server_default=text("0")),
)

#: how the numbers grew, minute by minute: what the curve of the reach board is drawn from
progress = Table(
    "progress",
    Base.metadata,
    Column("alert_id", Id, ForeignKey("alert.id"), primary_key=True),
    Column("minute", Moment, primary_key=True),
    # acknowledged | relayed | reminded
    Column("name", String(20), primary_key=True),
    _belongs(),
    Column("value", Integer, nullable=False, server_default=text("0")),
)

#: what happened, numbered per municipality without gaps, for "events since"
event = Table(
    "event",
    Base.metadata,
    Column("municipality_id", Id, ForeignKey("municipality.id"), primary_key=True),
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("alert_id", Id),
    _word("kind", 40, None),
    Column("data", Json, nullable=False),
    _at("at", null=False),
    Index("ix_event_alert", "alert_id", "number"),
)

#: who did what: a chain per municipality (0: the installation's own), each entry sealed with the one before it under the audit key
act_log = Table(
    "act_log",
    Base.metadata,
    _key(),
    Column("municipality_id", Id, ForeignKey("municipality.id")),
    _at("at", null=False),
    # a user by id, as in user:7, or the house itself
    _word("actor", 120, None),
    _word("act", 60, None),
    _word("subject", 120),
    Column("data", Json, nullable=False),
    # web | cli | api | house
    _word("face", 10),
    Column("chain", Id, nullable=False, server_default=text("0")),
    # place in the chain, from 1; empty: written by a program that kept no chain yet
    Column("number", BigInteger),
    # which key, and HMAC-SHA-256 over everything above and the entry before
    _word("key_name", 16),
    _word("mac", 64),
    Index("ix_act_log_municipality", "municipality_id", "id"),
    Index("uq_act_log_number", "chain", "number", unique=True),
)

# --- access -----------------------------------------------------------------------------------------------------------

user_role = Table(
    "user_role",
    Base.metadata,
    Column("user_id", Id, ForeignKey("user.id"), primary_key=True),
    Column("role", String(20), primary_key=True),
    _belongs(),
    Index("ix_user_role_municipality", "municipality_id", "role"),
)

#: a link that lets one person in once: to become a user, or to choose a new password. Of the link only a hash is kept
invitation = Table(
    "invitation",
    Base.metadata,
    _key(),
    _belongs(),
    Column("token_hash", String(64), nullable=False, unique=True),
    _word("name", 120, None),
    Column("roles", Json, nullable=False),
    Column("email", Sealed("invitation.email")),
    # whose password it renews; empty: it makes a new user
    _points("user_id", "user.id", null=True),
    _points("invited_by_id", "user.id", null=True),
    _at("created_at", null=False),
    _at("expires_at", null=False),
    # used, or taken back
    _at("ended_at"),
    _word("ended_by", 20),
    Index("ix_invitation_municipality", "municipality_id"),
)

#: a signed-in browser. Of the cookie only a hash is kept
browser_session = Table(
    "browser_session",
    Base.metadata,
    _key(),
    _belongs(),
    _points("user_id", "user.id"),
    Column("token_hash", String(64), nullable=False, unique=True),
    # what browser it says it is, in a few words
    _word("device", 80),
    _at("created_at", null=False),
    _at("seen_at", null=False),
    # however busy it is, it ends here
    _at("ends_at", null=False),
    _at("ended_at"),
    _word("ended_by", 20),
    _at("second_factor_at"),
    Index("ix_browser_session_user", "user_id"),
    Index("ix_browser_session_municipality", "municipality_id"),
)

#: a browser in which a user has signed in before: strangers who guess passwords cannot lock it out
known_device = Table(
    "known_device",
    Base.metadata,
    _key(),
    _belongs(),
    _points("user_id", "user.id"),
    Column("token_hash", String(64), nullable=False, unique=True),
    _word("device", 80),
    _at("created_at", null=False),
    _at("seen_at", null=False),
    _at("ended_at"),
    Index("ix_known_device_user", "user_id"),
)

#: tries at the door, for a day: fingerprints of the login, of where from, and of the known device.
#: Of no municipality: the login may be nobody's
login_attempt = Table(
    "login_attempt",
    Base.metadata,
    _key(),
    _word("login_key", 64),
    _word("source_key", 64),
    _word("device_key", 64),
    _flag("succeeded"),
    _at("at", null=False),
    Index("ix_login_attempt_login", "login_key", "at"),
    Index("ix_login_attempt_source", "source_key", "at"),
)

#: who is sent to in trial mode, besides the users themselves: a person of the register, or a number or mailbox
trial_allowed = Table(
    "trial_allowed",
    Base.metadata,
    _key(),
    _belongs(),
    _points("person_id", "resource_person.id", null=True),
    Column("value", Sealed("trial_allowed.value")),
    _word("lookup", 64),
    _word("added_by", 120),
    _at("added_at", null=False),
    UniqueConstraint("municipality_id", "person_id"),
    Index(
        "uq_trial_allowed_lookup",
        "municipality_id",
        "lookup",
        unique=True,
        postgresql_where=text("lookup <> ''"),
        sqlite_where=text("lookup <> ''"),
    ),
)

# --- programs ---------------------------------------------------------------------------------------------------------

#: by what a program is let in, as which user, and how far. Of the token only a hash is kept
api_token = Table(
    "api_token",
    Base.metadata,
    _key(),
    _belongs(),
    _points("user_id", "user.id"),
    _word("name", 120, None),
    Column("scopes", Json, nullable=False),
    Column("token_hash", String(64), nullable=False, unique=True),
    _at("created_at", null=False),
    _at("seen_at"),
    _at("ended_at"),
    Index("ix_api_token_municipality", "municipality_id"),
)

#: what requests with an Idempotency-Key were answered, for a day. status 0: not answered yet
api_answer = Table(
    "api_answer",
    Base.metadata,
    Column("token_id", Id, ForeignKey("api_token.id"), primary_key=True),
    Column("key_hash", String(64), primary_key=True),
    _word("request_sha256", 64, None),
    _count("status"),
    Column("body", Sealed("api_answer.body")),
    _at("at", null=False),
    Index("ix_api_answer_at", "at"),
)

# --- the duty officer -------------------------------------------------------------------------------------------------

#: a link that shows the duty room's wall to whoever holds it, until its alert ends. Of the link only a hash is kept
wall_link = Table(
    "wall_link",
    Base.metadata,
    _key(),
    _belongs(),
    _points("alert_id", "alert.id"),
    Column("token_hash", String(64), nullable=False, unique=True),
    _word("made_by", 120),
    _at("made_at", null=False),
    _at("ended_at"),
    _word("ended_by", 120),
    Index("ix_wall_link_alert", "alert_id"),
)

#: a call list that somebody took along: of what register, so that they are told when it is an old one
call_list_copy = Table(
    "call_list_copy",
    Base.metadata,
    _key(),
    _belongs(),
    _points("user_id", "user.id"),
    # keyed fingerprint of what stood in it
    _word("mark", 64, None),
    _at("made_at", null=False),
    Index("ix_call_list_copy_user", "user_id", "made_at"),
)

# --- the installation -------------------------------------------------------------------------------------------------

worker = Table(
    "worker",
    Base.metadata,
    Column("name", String(60), primary_key=True),
    _at("started_at", null=False),
    _at("seen_at", null=False),
    _word("host", 120),
    Column("pid", Integer, nullable=False),
    Column("fence", BigInteger, nullable=False),
    _flag("leader"),
    # how far its clock is off the database's
    Column("off_seconds", Float, nullable=False, server_default=text("0")),
)

#: until when each sender's pace is given out to workers; one row that all of them take slices from (PostgreSQL)
pace = Table(
    "pace",
    Base.metadata,
    Column("sender_id", Id, ForeignKey("sender.id"), primary_key=True, autoincrement=False),
    _at("free_at", null=False),
)

#: the little that the installation remembers about itself
fact = Table("fact", Base.metadata, Column("name", String(60), primary_key=True), Column("value", Text, nullable=False))
