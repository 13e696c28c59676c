"""The register: municipalities, users, senders, groups, people, addresses and policies. ORM, since it changes slowly."""

from datetime import date, datetime, time
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Date,
    Float,
    ForeignKey,
    Index,
    Integer,
    String,
    Time,
    UniqueConstraint,
    false,
    text,
)
from sqlalchemy.engine.default import DefaultExecutionContext
from sqlalchemy.orm import Mapped, mapped_column, relationship

from relay.store.columns import Json, Sealed
from relay.store.tables.base import Audited, Base, tenant


def name_key(name: str) -> str:
    """Return a name as it is compared: nobody becomes a second person by a capital letter or a space."""
    return " ".join(name.split()).casefold()[:120]


def _name_key(context: DefaultExecutionContext) -> str:
    return name_key((context.current_parameters or {}).get("name", ""))


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
    municipality_id: Mapped[int] = tenant()
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
    municipality_id: Mapped[int] = tenant()
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
    municipality_id: Mapped[int] = tenant()
    name: Mapped[str] = mapped_column(Sealed("contact_point.name"))
    phone: Mapped[str] = mapped_column(Sealed("contact_point.phone"))
    hours: Mapped[str] = mapped_column(String(60), default="")


class LanguageGroup(Audited, Base):
    """A language and a community that is reached through it."""

    __tablename__ = "language_group"
    __table_args__ = (UniqueConstraint("municipality_id", "language", "name"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    municipality_id: Mapped[int] = tenant()
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
    municipality_id: Mapped[int] = tenant()
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
    #: nothing that names them is left; what was sent stays counted
    erased_at: Mapped[datetime | None]
    addresses: Mapped[list["Address"]] = relationship(lazy="raise_on_sql", order_by="Address.position")
    memberships: Mapped[list["Membership"]] = relationship(lazy="raise_on_sql", order_by="Membership.position")


class Membership(Base):
    """A person answers for a group; the lowest position is their own."""

    __tablename__ = "membership"
    person_id: Mapped[int] = mapped_column(ForeignKey("resource_person.id"), primary_key=True)
    group_id: Mapped[int] = mapped_column(ForeignKey("language_group.id"), primary_key=True, index=True)
    municipality_id: Mapped[int] = tenant()
    position: Mapped[int] = mapped_column(Integer, default=0)


class Address(Audited, Base):
    """A channel and a value. Never changed: a new value is a new row, the old one becomes REPLACED."""

    __tablename__ = "address"
    __table_args__ = (Index("ix_address_channel_lookup", "channel", "lookup"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    municipality_id: Mapped[int] = tenant()
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
    municipality_id: Mapped[int] = tenant()
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
