"""What a duty officer takes along, gets by post, and leaves to the next: links to the wall, call lists, notes at hand-over."""

from sqlalchemy import (
    Column,
    ForeignKey,
    Index,
    Integer,
    String,
    Table,
)

from relay.store.columns import Id, Sealed
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

#: who gets the call list by post at each change of the register, and the key by which it is sealed for them
call_list_post = Table(
    "call_list_post",
    Base.metadata,
    Column("user_id", Id, ForeignKey("user.id"), primary_key=True),
    belongs(),
    # of the passphrase: rounds and salt (hex) stand in every file; the key (hex) is made of it by them
    Column("rounds", Integer, nullable=False),
    word("salt", 64, None),
    Column("key", Sealed("call_list_post.key"), nullable=False),
    at("since", null=False),
    # of the newest one: keyed fingerprint of what stood in it, when it was planned, and its letter
    word("mark", 64),
    at("posted_at"),
    points("delivery_id", "delivery.id", null=True),
    Index("ix_call_list_post_municipality_id", "municipality_id"),
)

#: what a duty officer tells the next; it holds until another is written
hand_over = Table(
    "hand_over",
    Base.metadata,
    key(),
    belongs(),
    word("written_by", 120),
    at("written_at", null=False),
    Column("going_on", Sealed("hand_over.going_on"), nullable=False),
    Column("remains", Sealed("hand_over.remains")),
    Index("ix_hand_over_municipality_id_written_at", "municipality_id", "written_at"),
)
