"""What is true of the whole installation: workers, pace and facts."""

from sqlalchemy import (
    BigInteger,
    Column,
    Float,
    ForeignKey,
    Integer,
    String,
    Table,
    Text,
    text,
)

from relay.store.columns import Id
from relay.store.tables.base import Base, at, flag, word

worker = Table(
    "worker",
    Base.metadata,
    Column("name", String(60), primary_key=True),
    at("started_at", null=False),
    at("seen_at", null=False),
    word("host", 120),
    Column("pid", Integer, nullable=False),
    Column("fence", BigInteger, nullable=False),
    flag("leader"),
    # how far its clock is off the database's
    Column("off_seconds", Float, nullable=False, server_default=text("0")),
)

#: until when each sender's pace is given out to workers; one row that all of them take slices from (PostgreSQL)
pace = Table(
    "pace",
    Base.metadata,
    Column("sender_id", Id, ForeignKey("sender.id"), primary_key=True, autoincrement=False),
    at("free_at", null=False),
)

#: the little that the installation remembers about itself
fact = Table("fact", Base.metadata, Column("name", String(60), primary_key=True), Column("value", Text, nullable=False))
