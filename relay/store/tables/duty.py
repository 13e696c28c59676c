"""What a duty officer takes along: links to the wall and copies of the call list."""

from sqlalchemy import (
    Column,
    Index,
    String,
    Table,
)

from relay.store.tables.base import Base, at, belongs, key, points, word

#: a link that shows the duty room's wall to whoever holds it, until its alert ends. Of the link only a hash is kept
wall_link = Table(
    "wall_link",
    Base.metadata,
    key(),
    belongs(),
    points("alert_id", "alert.id"),
    Column("token_hash", String(64), nullable=False, unique=True),
    word("made_by", 120),
    at("made_at", null=False),
    at("ended_at"),
    word("ended_by", 120),
    Index("ix_wall_link_alert", "alert_id"),
)

#: a call list that somebody took along: of what register, so that they are told when it is an old one
call_list_copy = Table(
    "call_list_copy",
    Base.metadata,
    key(),
    belongs(),
    points("user_id", "user.id"),
    # keyed fingerprint of what stood in it
    word("mark", 64, None),
    at("made_at", null=False),
    Index("ix_call_list_copy_user", "user_id", "made_at"),
)
