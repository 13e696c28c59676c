"""What is counted and told: counters, progress, events and the log of acts."""

from sqlalchemy import (
    BigInteger,
    Column,
    ForeignKey,
    Index,
    Integer,
    String,
    Table,
    text,
)

from relay.store.columns import Id, Json, Moment
from relay.store.tables.base import Base, at, belongs, key, word

counter = Table(
    "counter",
    Base.metadata,
    Column("alert_id", Id, ForeignKey("alert.id"), primary_key=True),
    Column("group_id", Id, primary_key=True, autoincrement=False),
    Column("channel", String(20), primary_key=True),
    Column("name", String(20), primary_key=True),
    belongs(),
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
    belongs(),
    Column("value", Integer, nullable=False, server_default=text("0")),
)

#: what happened, numbered per municipality without gaps, for "events since"
event = Table(
    "event",
    Base.metadata,
    Column("municipality_id", Id, ForeignKey("municipality.id"), primary_key=True),
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("alert_id", Id),
    word("kind", 40, None),
    Column("data", Json, nullable=False),
    at("at", null=False),
    Index("ix_event_alert", "alert_id", "number"),
)

#: who did what: a chain per municipality (0: the installation's own), each entry sealed with the one before it under the audit key
act_log = Table(
    "act_log",
    Base.metadata,
    key(),
    Column("municipality_id", Id, ForeignKey("municipality.id")),
    at("at", null=False),
    # a user by id, as in user:7, or the house itself
    word("actor", 120, None),
    word("act", 60, None),
    word("subject", 120),
    Column("data", Json, nullable=False),
    # web | cli | api | house
    word("face", 10),
    Column("chain", Id, nullable=False, server_default=text("0")),
    # place in the chain, from 1; empty: written by a program that kept no chain yet
    Column("number", BigInteger),
    # which key, and HMAC-SHA-256 over everything above and the entry before
    word("key_name", 16),
    word("mac", 64),
    Index("ix_act_log_municipality", "municipality_id", "id"),
    Index("uq_act_log_number", "chain", "number", unique=True),
)
