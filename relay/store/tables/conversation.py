"""What comes back: messages, answers, reports of passing on, links that were opened, threads, notes and tasks."""

from sqlalchemy import (
    Column,
    ForeignKey,
    Index,
    Integer,
    SmallInteger,
    String,
    Table,
    UniqueConstraint,
    text,
)

from relay.store.columns import Id, Json, Moment, Sealed
from relay.store.tables.base import Base, at, belongs, count, flag, key, points, word

inbound = Table(
    "inbound",
    Base.metadata,
    key(),
    word("account", 60),
    Column("provider_id", String(200), nullable=False),
    word("channel"),
    Column("sender", Sealed("inbound.sender")),
    word("sender_lookup", 64),
    word("to", 254),
    Column("text", Sealed("inbound.text")),
    Column("facts", Sealed("inbound.facts")),  # JSON: payload, replied_to, media …
    at("received_at", null=False),
    word("heard_by"),
    at("handled_at"),
    word("verdict", 60),
    at("redacted_at"),
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
    key(),
    belongs(),
    points("inbound_id", "inbound.id", null=True),
    points("alert_id", "alert.id", null=True),
    points("recipient_id", "recipient.id", null=True),
    points("person_id", "resource_person.id", null=True),
    word("meaning", default=None),
    Column("count", Integer),
    flag("danger"),
    Column("guessed", Json, nullable=False),
    word("bound_by"),
    at("at", null=False),
    UniqueConstraint("inbound_id", "recipient_id"),
    Index("ix_answer_alert", "alert_id"),
)

redistribution_report = Table(
    "redistribution_report",
    Base.metadata,
    key(),
    belongs(),
    points("alert_id", "alert.id"),
    points("recipient_id", "recipient.id"),
    points("answer_id", "answer.id"),
    Column("count", Integer),
    Column("means", Sealed("redistribution_report.means")),
    # the last one of a person counts, all are kept
    flag("counts"),
    at("at", null=False),
    Index("ix_redistribution_report_alert", "alert_id"),
)

#: a random link: to the message page, to the person's own page, or to the page that everybody may read. The token itself is not kept
share_link = Table(
    "share_link",
    Base.metadata,
    key(),
    belongs(),
    word("kind", default=None),
    points("alert_id", "alert.id", null=True),
    points("recipient_id", "recipient.id", null=True),
    points("person_id", "resource_person.id"),
    # the token is made of it and of a key that is not in the database
    word("seed", 64, None),
    # keyed fingerprint of the token, by which it is found
    word("lookup", 64, None),
    at("made_at", null=False),
    at("ends_at"),
    at("revoked_at"),
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
    belongs(),
    count("count"),
)

#: a place or group in which a person passes things on
arena = Table(
    "arena",
    Base.metadata,
    key(),
    belongs(),
    points("person_id", "resource_person.id"),
    Column("name", Sealed("arena.name"), nullable=False),
    Column("size", Integer),
    at("made_at", null=False),
    Index("ix_arena_person", "person_id"),
)

thread = Table(
    "thread",
    Base.metadata,
    key(),
    belongs(),
    points("person_id", "resource_person.id", null=True),
    points("alert_id", "alert.id", null=True),
    word("sender_lookup", 64),
    word("state", default="open"),
    flag("danger"),
    word("owner", 120),
    at("opened_at", null=False),
    at("last_at", null=False),
    count("unread"),
    Index("ix_thread_municipality", "municipality_id", "state"),
)

note = Table(
    "note",
    Base.metadata,
    key(),
    belongs(),
    points("thread_id", "thread.id"),
    # in | out
    word("direction", default=None),
    word("author", 120),
    Column("text", Sealed("note.text")),
    points("inbound_id", "inbound.id", null=True),
    points("delivery_id", "delivery.id", null=True),
    at("at", null=False),
    Index("ix_note_thread", "thread_id"),
)

task = Table(
    "task",
    Base.metadata,
    key(),
    belongs(),
    word("kind", default=None),
    points("alert_id", "alert.id", null=True),
    points("recipient_id", "recipient.id", null=True),
    points("person_id", "resource_person.id", null=True),
    points("thread_id", "thread.id", null=True),
    points("delivery_id", "delivery.id", null=True),
    # makes the same open task one
    Column("cause", String(120), nullable=False),
    Column("words", Sealed("task.words")),
    Column("gravity", SmallInteger, nullable=False),
    word("owner", 120),
    at("opened_at", null=False),
    at("due_at"),
    at("done_at"),
    word("done_by", 120),
    word("outcome", 200),
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
