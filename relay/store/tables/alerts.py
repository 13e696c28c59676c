"""What is to be said: alerts, their text in each language, and the groups they go to."""

from sqlalchemy import (
    BigInteger,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    SmallInteger,
    String,
    Table,
    Text,
    UniqueConstraint,
    text,
)

from relay.store.columns import Id, Json
from relay.store.tables.base import Base, at, belongs, count, flag, key, points, word

alert = Table(
    "alert",
    Base.metadata,
    key(),
    belongs(),
    Column("number", Integer, nullable=False),
    word("kind", default=None),
    word("act", default=None),
    word("state", default=None),
    word("severity"),
    word("urgency"),
    word("certainty"),
    Column("gravity", SmallInteger, nullable=False),
    Column("event", String(300), nullable=False),
    Column("areas", Json, nullable=False),
    # ids of the language groups that it goes to; NULL = all, also those that are made later
    Column("groups", Json),
    at("sent_at", null=False),
    at("onset_at"),
    at("expires_at"),
    at("next_news_at"),
    at("act_by_at"),
    points("replaces_id", "alert.id", null=True),
    # where it comes from; the triple makes one CAP message one alert
    word("source"),
    Column("cap_sender", String(300)),
    Column("cap_identifier", String(300)),
    at("cap_sent_at"),
    Column("cap_references", Json),
    Column("document", LargeBinary),
    Column("document_sha256", String(64)),
    Column("notes", Json),
    # why it can never be released as real; "" = it can
    word("never_real", 300),
    # who stands for it
    word("author", 120),
    word("editor", 120),
    word("approver", 120),
    # the same three as users: by these, never by a name, it is told whether they are two persons
    Column("author_id", Id),
    Column("editor_id", Id),
    Column("approver_id", Id),
    word("override_reason", 500),
    at("created_at", null=False),
    at("updated_at", null=False),
    at("approved_at"),
    at("released_at"),
    at("ended_at"),
    # the digits' first digit for this alert: 0, 6, 7 …
    Column("legend", SmallInteger, nullable=False, server_default=text("0")),
    flag("paused"),
    Column("revision", BigInteger, nullable=False, server_default=text("0")),
    UniqueConstraint("municipality_id", "number"),
    UniqueConstraint("municipality_id", "cap_sender", "cap_identifier", "cap_sent_at", name="uq_alert_cap_identity"),
    Index("ix_alert_municipality_state", "municipality_id", "state"),
)

variant = Table(
    "variant",
    Base.metadata,
    key(),
    belongs(),
    points("alert_id", "alert.id"),
    word("language", default=None),
    Column("headline", Text, nullable=False),
    Column("forward", Text, nullable=False),
    Column("ask", Text, nullable=False, server_default=""),
    Column("topic", Text, nullable=False, server_default=""),
    Column("place", Text, nullable=False, server_default=""),
    Column("detail", Text, nullable=False, server_default=""),
    word("review", default="DRAFT"),
    word("source", 120),
    # parameters of the source, and what its template says of it
    Column("extra", Json, nullable=False),
    flag("approved"),
    at("updated_at", null=False),
    word("updated_by", 120),
    UniqueConstraint("alert_id", "language"),
)

#: an address where official messages appear, asked every minute. seen: marks of its links that were followed, or tried
cap_feed = Table(
    "cap_feed",
    Base.metadata,
    key(),
    belongs(),
    Column("url", String(500), nullable=False),
    word("etag", 200),
    word("last_modified", 60),
    Column("seen", Json, nullable=False),
    at("created_at", null=False),
    word("created_by", 120),
    at("looked_at"),
    # since when it cannot be read, and why; "" = it can
    at("failed_at"),
    word("failure", 300),
    UniqueConstraint("municipality_id", "url"),
)

#: one row a group in the plan: who counts toward its quorum, and when it was met
alert_group = Table(
    "alert_group",
    Base.metadata,
    Column("alert_id", Id, ForeignKey("alert.id"), primary_key=True),
    Column("group_id", Id, ForeignKey("language_group.id"), primary_key=True),
    belongs(),
    word("language", default=None),
    Column("name", String(120), nullable=False),
    count("quorum"),
    count("people"),
    count("counted"),
    at("met_at"),
)
