"""What programs may do: tokens, and the answers kept for a repeated request."""

from sqlalchemy import (
    Column,
    ForeignKey,
    Index,
    String,
    Table,
)

from relay.store.columns import Id, Json, Sealed
from relay.store.tables.base import Base, at, belongs, count, key, points, word

#: by what a program is let in, as which user, and how far. Of the token only a hash is kept
api_token = Table(
    "api_token",
    Base.metadata,
    key(),
    belongs(),
    points("user_id", "user.id"),
    word("name", 120, None),
    Column("scopes", Json, nullable=False),
    Column("token_hash", String(64), nullable=False, unique=True),
    at("created_at", null=False),
    at("seen_at"),
    at("ended_at"),
    Index("ix_api_token_municipality", "municipality_id"),
)

#: what requests with an Idempotency-Key were answered, for a day. status 0: not answered yet
api_answer = Table(
    "api_answer",
    Base.metadata,
    Column("token_id", Id, ForeignKey("api_token.id"), primary_key=True),
    Column("key_hash", String(64), primary_key=True),
    word("request_sha256", 64, None),
    count("status"),
    Column("body", Sealed("api_answer.body")),
    at("at", null=False),
    Index("ix_api_answer_at", "at"),
)
