"""Who gets what, and what is known of each try: recipients, deliveries, attempts, and what the provider told of them."""

from sqlalchemy import (
    BigInteger,
    Column,
    Float,
    ForeignKey,
    Index,
    LargeBinary,
    SmallInteger,
    String,
    Table,
    UniqueConstraint,
    text,
)

from relay.counting import MAYBE_OUT
from relay.store.columns import Id, Sealed
from relay.store.tables.base import Base, at, belongs, count, flag, key, points, word

#: as the index is asked, word for word: SQLite takes "= 1" for another question, and counts by looking through all rows
TWICE = text("possible_duplicate")
#: an attempt that may still be on its way, in the same manner
ATTEMPT_OPEN = text(f"evidence IN ({', '.join(str(int(evidence)) for evidence in MAYBE_OUT)})")
#: an attempt that the provider has given an id
ATTEMPT_NAMED = text("provider_id IS NOT NULL")
#: a status that no attempt of ours has been found for; as TWICE is asked
FOREIGN = text('"foreign"')

recipient = Table(
    "recipient",
    Base.metadata,
    key(),
    belongs(),
    points("alert_id", "alert.id"),
    points("person_id", "resource_person.id"),
    # the group they answer for first, and the text they read and why
    points("group_id", "language_group.id", null=True),
    word("reader_language", default=None),
    word("language"),
    word("language_why"),
    # why they get nothing; "" = they are planned
    word("left_out"),
    word("wait"),
    at("waits_until"),
    word("pierced"),
    flag("deputy"),
    # passed on the alert that this one updates, withdraws or ends
    flag("had_passed_on"),
    # what came of it
    word("rung", default="none"),
    at("answered_at"),
    count("reported"),
    Column("evidence", SmallInteger, nullable=False, server_default=text("-1")),
    flag("failed"),
    flag("possible_duplicate"),
    at("count_asked_at"),
    at("count_doubted_at"),
    Column("count_doubted", BigInteger),
    UniqueConstraint("alert_id", "person_id"),
    Index("ix_recipient_person", "person_id", "alert_id"),
    Index(
        "ix_recipient_twice",
        "alert_id",
        postgresql_where=TWICE,
        sqlite_where=TWICE,
    ),
)

#: a person in two groups counts in both
recipient_group = Table(
    "recipient_group",
    Base.metadata,
    Column("recipient_id", Id, ForeignKey("recipient.id"), primary_key=True),
    Column("group_id", Id, ForeignKey("language_group.id"), primary_key=True),
    belongs(),
    points("alert_id", "alert.id"),
    word("language"),
    Index("ix_recipient_group_alert", "alert_id", "group_id"),
)

#: one required send. Notices (answers of the house) are deliveries too: with a text, and perhaps without an alert
delivery = Table(
    "delivery",
    Base.metadata,
    key(),
    belongs(),
    points("alert_id", "alert.id", null=True),
    points("recipient_id", "recipient.id", null=True),
    points("person_id", "resource_person.id", null=True),
    points("address_id", "address.id", null=True),
    points("sender_id", "sender.id", null=True),
    word("channel"),
    Column("step", SmallInteger, nullable=False),
    word("action"),
    word("part", default=None),
    # of the text, and of the words around it
    word("language"),
    word("frame_language"),
    # what makes a notice one: "inbound:7:echo_received"; a deputy's row: whom it stands for; "" otherwise
    word("cause", 80),
    Column("text", Sealed("delivery.text")),
    # for a notice to a number that is nobody's
    Column("to", Sealed("delivery.to")),
    Column("gravity", SmallInteger, nullable=False),
    at("planned_at", null=False),
    at("due_at", null=False),
    at("expires_at"),
    # relay.model.Hold: what it waits for although it is due
    word("hold"),
    word("state", default="WAITING"),
    word("spared_by"),
    at("ended_at"),
    points("stands_for_id", "recipient.id", null=True),
    # the claim
    word("claimed_by", 60),
    at("lease_until"),
    Column("fence", BigInteger, nullable=False, server_default=text("0")),
    # what came of it
    count("attempts"),
    Column("evidence", SmallInteger, nullable=False, server_default=text("-1")),
    word("reason", 40),
    word("code"),
    count("segments"),
    UniqueConstraint("recipient_id", "step", "part", "address_id", "language", "cause", name="uq_delivery_required_send"),
    # a notice answers its cause once
    Index(
        "uq_delivery_cause",
        "municipality_id",
        "cause",
        unique=True,
        postgresql_where=text("action = '' AND cause <> ''"),
        sqlite_where=text("action = '' AND cause <> ''"),
    ),
    Index(
        "ix_delivery_due",
        "gravity",
        "due_at",
        "id",
        postgresql_where=text("state = 'WAITING'"),
        sqlite_where=text("state = 'WAITING'"),
    ),
    Index(
        "ix_delivery_claimed",
        "lease_until",
        postgresql_where=text("state = 'CLAIMED'"),
        sqlite_where=text("state = 'CLAIMED'"),
    ),
    Index("ix_delivery_alert", "alert_id"),
    Index(
        "ix_delivery_stands_for",
        "stands_for_id",
        postgresql_where=text("stands_for_id IS NOT NULL"),
        sqlite_where=text("stands_for_id IS NOT NULL"),
    ),
    Index("ix_delivery_address_hold", "address_id", postgresql_where=text("hold <> ''"), sqlite_where=text("hold <> ''")),
)

#: a file that a letter to a colleague brings, until it has left; sealed for its reader before it comes here
delivery_file = Table(
    "delivery_file",
    Base.metadata,
    Column("delivery_id", Id, ForeignKey("delivery.id"), primary_key=True),
    belongs(),
    word("name", 120, None),
    Column("content", LargeBinary, nullable=False),
    Index("ix_delivery_file_municipality_id", "municipality_id"),
)

#: what another send of the same message to the same person takes over
ALIKE = (
    "municipality_id",
    "alert_id",
    "recipient_id",
    "person_id",
    "address_id",
    "sender_id",
    "channel",
    "language",
    "frame_language",
    "gravity",
    "expires_at",
)

#: one try. Written and committed before its POST; the token comes back in every status
attempt = Table(
    "attempt",
    Base.metadata,
    key(),
    # the delivery from which its row is made (never deleted: PostgreSQL would look it up again for each), and copies of what that held
    # when this was tried
    Column("municipality_id", Id, nullable=False),
    Column("delivery_id", Id, nullable=False),
    Column("alert_id", Id),
    Column("recipient_id", Id),
    Column("sender_id", Id, nullable=False),
    word("account", 60),
    word("channel"),
    Column("n", SmallInteger, nullable=False),
    Column("token", String(64), nullable=False),
    Column("fence", BigInteger, nullable=False),
    Column("provider_id", String(200)),
    Column("evidence", SmallInteger, nullable=False),
    word("reason", 40),
    word("code"),
    count("segments"),
    Column("price", Float),
    # of the text as sent: to recognise it at the provider
    word("body_sha256", 64),
    at("started_at", null=False),
    at("ended_at"),
    # evidence rose last
    at("risen_at"),
    word("found_by"),
    # an unknown one, looked for so often, next at
    count("looks"),
    at("look_at"),
    at("looked_at"),
    # the provider has forgotten it, at our word
    at("redacted_at"),
    Column("possible_duplicate_of", Id),
    UniqueConstraint("token"),
    UniqueConstraint("delivery_id", "n"),
    Index("uq_attempt_provider_id", "account", "provider_id", unique=True, postgresql_where=ATTEMPT_NAMED, sqlite_where=ATTEMPT_NAMED),
    # at most one that may still be on its way
    Index(
        "uq_attempt_open",
        "delivery_id",
        unique=True,
        postgresql_where=ATTEMPT_OPEN,
        sqlite_where=ATTEMPT_OPEN,
    ),
    Index("ix_attempt_look", "look_at", postgresql_where=text("look_at IS NOT NULL"), sqlite_where=text("look_at IS NOT NULL")),
)

#: every status a provider told us, once
status = Table(
    "status",
    Base.metadata,
    key(),
    word("account", 60),
    Column("provider_id", String(200), nullable=False),
    word("word", 40),
    word("code"),
    word("reason", 40),
    word("token", 64),
    Column("evidence", SmallInteger, nullable=False),
    at("received_at", null=False),
    word("heard_by"),
    # no attempt of ours was found for it (yet)
    flag("foreign"),
    UniqueConstraint("account", "provider_id", "word", "code"),
    Index("ix_status_foreign", "received_at", postgresql_where=FOREIGN, sqlite_where=FOREIGN),
)

#: everything people sent us, once
