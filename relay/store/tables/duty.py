"""What a duty officer takes along, and leaves to the next: links to the wall, copies of the call list, notes at hand-over."""

from sqlalchemy import (
    Column,
    Index,
    String,
    Table,
)

from relay.store.columns import Sealed
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
