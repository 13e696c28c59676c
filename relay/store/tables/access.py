"""Who may do what: roles, invitations, sessions, devices, sign-in attempts and the allow-list of trial mode."""

from sqlalchemy import (
    Column,
    ForeignKey,
    Index,
    String,
    Table,
    UniqueConstraint,
    text,
)

from relay.store.columns import Id, Json, Sealed
from relay.store.tables.base import Base, at, belongs, flag, key, points, word

user_role = Table(
    "user_role",
    Base.metadata,
    Column("user_id", Id, ForeignKey("user.id"), primary_key=True),
    Column("role", String(20), primary_key=True),
    belongs(),
    Index("ix_user_role_municipality", "municipality_id", "role"),
)

#: a link that lets one person in once: to become a user, or to choose a new password. Of the link only a hash is kept
invitation = Table(
    "invitation",
    Base.metadata,
    key(),
    belongs(),
    Column("token_hash", String(64), nullable=False, unique=True),
    word("name", 120, None),
    Column("roles", Json, nullable=False),
    Column("email", Sealed("invitation.email")),
    # of a mailbox that the link is sent to: it is no resource person's, and may be written to in trial mode
    word("email_lookup", 64),
    # nb | nn | en; "" = as the browser asks
    word("language", 2),
    # whose password it renews; empty: it makes a new user
    points("user_id", "user.id", null=True),
    points("invited_by_id", "user.id", null=True),
    at("created_at", null=False),
    at("expires_at", null=False),
    # used, or taken back
    at("ended_at"),
    word("ended_by", 20),
    Index("ix_invitation_municipality", "municipality_id"),
)

#: a signed-in browser. Of the cookie only a hash is kept
browser_session = Table(
    "browser_session",
    Base.metadata,
    key(),
    belongs(),
    points("user_id", "user.id"),
    Column("token_hash", String(64), nullable=False, unique=True),
    # what browser it says it is, in a few words
    word("device", 80),
    at("created_at", null=False),
    at("seen_at", null=False),
    # however busy it is, it ends here
    at("ends_at", null=False),
    at("ended_at"),
    word("ended_by", 20),
    at("second_factor_at"),
    Index("ix_browser_session_user", "user_id"),
    Index("ix_browser_session_municipality", "municipality_id"),
)

#: a browser in which a user has signed in before: strangers who guess passwords cannot lock it out
known_device = Table(
    "known_device",
    Base.metadata,
    key(),
    belongs(),
    points("user_id", "user.id"),
    Column("token_hash", String(64), nullable=False, unique=True),
    word("device", 80),
    at("created_at", null=False),
    at("seen_at", null=False),
    at("ended_at"),
    Index("ix_known_device_user", "user_id"),
)

#: tries at the door, for a day: fingerprints of the login, of where from, and of the known device.
#: Of no municipality: the login may be nobody's
login_attempt = Table(
    "login_attempt",
    Base.metadata,
    key(),
    word("login_key", 64),
    word("source_key", 64),
    word("device_key", 64),
    flag("succeeded"),
    at("at", null=False),
    Index("ix_login_attempt_login", "login_key", "at"),
    Index("ix_login_attempt_source", "source_key", "at"),
)

#: who is sent to in trial mode, besides the users themselves: a person of the register, or a number or mailbox
trial_allowed = Table(
    "trial_allowed",
    Base.metadata,
    key(),
    belongs(),
    points("person_id", "resource_person.id", null=True),
    Column("value", Sealed("trial_allowed.value")),
    word("lookup", 64),
    word("added_by", 120),
    at("added_at", null=False),
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
