"""The plan: alerts, texts, who gets what, and every try."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
JSON = sa.JSON().with_variant(JSONB(), "postgresql")
MOMENT = sa.DateTime(timezone=True)
SEALED = sa.LargeBinary()


def upgrade() -> None:
    _alert()
    _variant()
    _alert_group()
    _recipient()
    _delivery()
    _recipient_group()
    _attempt()


def downgrade() -> None:
    op.drop_table("attempt")
    op.drop_table("recipient_group")
    op.drop_table("delivery")
    op.drop_table("recipient")
    op.drop_table("alert_group")
    op.drop_table("variant")
    op.drop_table("alert")


def _partial_index(name: str, table: str, columns: list[str], where: str, *, unique: bool = False) -> None:
    op.create_index(name, table, columns, unique=unique, sqlite_where=sa.text(where), postgresql_where=sa.text(where))


def _alert() -> None:
    op.create_table(
        "alert",
        sa.Column("id", ID, nullable=False),
        sa.Column("municipality_id", ID, nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("act", sa.String(length=20), nullable=False),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("severity", sa.String(length=20), server_default="", nullable=False),
        sa.Column("urgency", sa.String(length=20), server_default="", nullable=False),
        sa.Column("certainty", sa.String(length=20), server_default="", nullable=False),
        sa.Column("gravity", sa.SmallInteger(), nullable=False),
        sa.Column("event", sa.String(length=300), nullable=False),
        sa.Column("areas", JSON, nullable=False),
        sa.Column("sent_at", MOMENT, nullable=False),
        sa.Column("onset_at", MOMENT),
        sa.Column("expires_at", MOMENT),
        sa.Column("next_news_at", MOMENT),
        sa.Column("act_by_at", MOMENT),
        sa.Column("replaces_id", ID),
        sa.Column("source", sa.String(length=20), server_default="", nullable=False),
        sa.Column("cap_sender", sa.String(length=300)),
        sa.Column("cap_identifier", sa.String(length=300)),
        sa.Column("cap_sent_at", MOMENT),
        sa.Column("cap_references", JSON),
        sa.Column("document", sa.LargeBinary()),
        sa.Column("document_sha256", sa.String(length=64)),
        sa.Column("notes", JSON),
        sa.Column("never_real", sa.String(length=300), server_default="", nullable=False),
        sa.Column("author", sa.String(length=120), server_default="", nullable=False),
        sa.Column("editor", sa.String(length=120), server_default="", nullable=False),
        sa.Column("approver", sa.String(length=120), server_default="", nullable=False),
        sa.Column("override_reason", sa.String(length=500), server_default="", nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("updated_at", MOMENT, nullable=False),
        sa.Column("approved_at", MOMENT),
        sa.Column("released_at", MOMENT),
        sa.Column("ended_at", MOMENT),
        sa.Column("legend", sa.SmallInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("paused", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("revision", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.ForeignKeyConstraint(["municipality_id"], ["municipality.id"], name="fk_alert_municipality_id"),
        sa.ForeignKeyConstraint(["replaces_id"], ["alert.id"], name="fk_alert_replaces_id"),
        sa.PrimaryKeyConstraint("id", name="pk_alert"),
        sa.UniqueConstraint("municipality_id", "cap_sender", "cap_identifier", "cap_sent_at", name="uq_alert_cap_identity"),
        sa.UniqueConstraint("municipality_id", "number", name="uq_alert_municipality_id_number"),
    )
    op.create_index("ix_alert_municipality_state", "alert", ["municipality_id", "state"])


def _variant() -> None:
    op.create_table(
        "variant",
        sa.Column("id", ID, nullable=False),
        sa.Column("municipality_id", ID, nullable=False),
        sa.Column("alert_id", ID, nullable=False),
        sa.Column("language", sa.String(length=20), nullable=False),
        sa.Column("headline", sa.Text(), nullable=False),
        sa.Column("forward", sa.Text(), nullable=False),
        sa.Column("ask", sa.Text(), server_default="", nullable=False),
        sa.Column("topic", sa.Text(), server_default="", nullable=False),
        sa.Column("place", sa.Text(), server_default="", nullable=False),
        sa.Column("detail", sa.Text(), server_default="", nullable=False),
        sa.Column("review", sa.String(length=20), server_default="DRAFT", nullable=False),
        sa.Column("source", sa.String(length=120), server_default="", nullable=False),
        sa.Column("extra", JSON, nullable=False),
        sa.Column("approved", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("updated_at", MOMENT, nullable=False),
        sa.Column("updated_by", sa.String(length=120), server_default="", nullable=False),
        sa.ForeignKeyConstraint(["alert_id"], ["alert.id"], name="fk_variant_alert_id"),
        sa.ForeignKeyConstraint(["municipality_id"], ["municipality.id"], name="fk_variant_municipality_id"),
        sa.PrimaryKeyConstraint("id", name="pk_variant"),
        sa.UniqueConstraint("alert_id", "language", name="uq_variant_alert_id_language"),
    )


def _alert_group() -> None:
    op.create_table(
        "alert_group",
        sa.Column("alert_id", ID, nullable=False),
        sa.Column("group_id", ID, nullable=False),
        sa.Column("municipality_id", ID, nullable=False),
        sa.Column("language", sa.String(length=20), nullable=False),
        sa.Column("name", sa.String(length=120), nullable=False),
        sa.Column("quorum", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("people", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("counted", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("met_at", MOMENT),
        sa.ForeignKeyConstraint(["alert_id"], ["alert.id"], name="fk_alert_group_alert_id"),
        sa.ForeignKeyConstraint(["group_id"], ["language_group.id"], name="fk_alert_group_group_id"),
        sa.ForeignKeyConstraint(["municipality_id"], ["municipality.id"], name="fk_alert_group_municipality_id"),
        sa.PrimaryKeyConstraint("alert_id", "group_id", name="pk_alert_group"),
    )


def _recipient() -> None:
    op.create_table(
        "recipient",
        sa.Column("id", ID, nullable=False),
        sa.Column("municipality_id", ID, nullable=False),
        sa.Column("alert_id", ID, nullable=False),
        sa.Column("person_id", ID, nullable=False),
        sa.Column("group_id", ID),
        sa.Column("reader_language", sa.String(length=20), nullable=False),
        sa.Column("language", sa.String(length=20), server_default="", nullable=False),
        sa.Column("language_why", sa.String(length=20), server_default="", nullable=False),
        sa.Column("left_out", sa.String(length=20), server_default="", nullable=False),
        sa.Column("wait", sa.String(length=20), server_default="", nullable=False),
        sa.Column("waits_until", MOMENT),
        sa.Column("pierced", sa.String(length=20), server_default="", nullable=False),
        sa.Column("deputy", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("had_passed_on", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("rung", sa.String(length=20), server_default="none", nullable=False),
        sa.Column("answered_at", MOMENT),
        sa.Column("reported", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("evidence", sa.SmallInteger(), server_default=sa.text("(-1)"), nullable=False),
        sa.Column("failed", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("possible_duplicate", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("count_asked_at", MOMENT),
        sa.Column("count_doubted_at", MOMENT),
        sa.ForeignKeyConstraint(["alert_id"], ["alert.id"], name="fk_recipient_alert_id"),
        sa.ForeignKeyConstraint(["group_id"], ["language_group.id"], name="fk_recipient_group_id"),
        sa.ForeignKeyConstraint(["municipality_id"], ["municipality.id"], name="fk_recipient_municipality_id"),
        sa.ForeignKeyConstraint(["person_id"], ["resource_person.id"], name="fk_recipient_person_id"),
        sa.PrimaryKeyConstraint("id", name="pk_recipient"),
        sa.UniqueConstraint("alert_id", "person_id", name="uq_recipient_alert_id_person_id"),
    )
    op.create_index("ix_recipient_person", "recipient", ["person_id", "alert_id"])


def _delivery() -> None:
    op.create_table(
        "delivery",
        sa.Column("id", ID, nullable=False),
        sa.Column("municipality_id", ID, nullable=False),
        sa.Column("alert_id", ID),
        sa.Column("recipient_id", ID),
        sa.Column("person_id", ID),
        sa.Column("address_id", ID),
        sa.Column("sender_id", ID),
        sa.Column("channel", sa.String(length=20), server_default="", nullable=False),
        sa.Column("step", sa.SmallInteger(), nullable=False),
        sa.Column("action", sa.String(length=20), server_default="", nullable=False),
        sa.Column("part", sa.String(length=20), nullable=False),
        sa.Column("language", sa.String(length=20), server_default="", nullable=False),
        sa.Column("frame_language", sa.String(length=20), server_default="", nullable=False),
        sa.Column("cause", sa.String(length=80), server_default="", nullable=False),
        sa.Column("text", SEALED),
        sa.Column("to", SEALED),
        sa.Column("gravity", sa.SmallInteger(), nullable=False),
        sa.Column("planned_at", MOMENT, nullable=False),
        sa.Column("due_at", MOMENT, nullable=False),
        sa.Column("expires_at", MOMENT),
        sa.Column("hold", sa.String(length=20), server_default="", nullable=False),
        sa.Column("state", sa.String(length=20), server_default="WAITING", nullable=False),
        sa.Column("spared_by", sa.String(length=20), server_default="", nullable=False),
        sa.Column("ended_at", MOMENT),
        sa.Column("stands_for_id", ID),
        sa.Column("claimed_by", sa.String(length=60), server_default="", nullable=False),
        sa.Column("lease_until", MOMENT),
        sa.Column("fence", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("attempts", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("evidence", sa.SmallInteger(), server_default=sa.text("(-1)"), nullable=False),
        sa.Column("reason", sa.String(length=40), server_default="", nullable=False),
        sa.Column("code", sa.String(length=20), server_default="", nullable=False),
        sa.Column("segments", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.ForeignKeyConstraint(["address_id"], ["address.id"], name="fk_delivery_address_id"),
        sa.ForeignKeyConstraint(["alert_id"], ["alert.id"], name="fk_delivery_alert_id"),
        sa.ForeignKeyConstraint(["municipality_id"], ["municipality.id"], name="fk_delivery_municipality_id"),
        sa.ForeignKeyConstraint(["person_id"], ["resource_person.id"], name="fk_delivery_person_id"),
        sa.ForeignKeyConstraint(["recipient_id"], ["recipient.id"], name="fk_delivery_recipient_id"),
        sa.ForeignKeyConstraint(["sender_id"], ["sender.id"], name="fk_delivery_sender_id"),
        sa.ForeignKeyConstraint(["stands_for_id"], ["recipient.id"], name="fk_delivery_stands_for_id"),
        sa.PrimaryKeyConstraint("id", name="pk_delivery"),
        sa.UniqueConstraint("recipient_id", "step", "part", "address_id", "language", "cause", name="uq_delivery_required_send"),
    )
    _partial_index("ix_delivery_address_hold", "delivery", ["address_id"], "hold <> ''")
    op.create_index("ix_delivery_alert_state", "delivery", ["alert_id", "state"])
    _partial_index("ix_delivery_claimed", "delivery", ["lease_until"], "state = 'CLAIMED'")
    _partial_index("ix_delivery_due", "delivery", ["gravity", "due_at", "id"], "state = 'WAITING'")
    op.create_index("ix_delivery_recipient", "delivery", ["recipient_id", "state"])
    _partial_index("uq_delivery_cause", "delivery", ["municipality_id", "cause"], "action = '' AND cause <> ''", unique=True)


def _recipient_group() -> None:
    op.create_table(
        "recipient_group",
        sa.Column("recipient_id", ID, nullable=False),
        sa.Column("group_id", ID, nullable=False),
        sa.Column("municipality_id", ID, nullable=False),
        sa.Column("alert_id", ID, nullable=False),
        sa.Column("language", sa.String(length=20), server_default="", nullable=False),
        sa.ForeignKeyConstraint(["alert_id"], ["alert.id"], name="fk_recipient_group_alert_id"),
        sa.ForeignKeyConstraint(["group_id"], ["language_group.id"], name="fk_recipient_group_group_id"),
        sa.ForeignKeyConstraint(["municipality_id"], ["municipality.id"], name="fk_recipient_group_municipality_id"),
        sa.ForeignKeyConstraint(["recipient_id"], ["recipient.id"], name="fk_recipient_group_recipient_id"),
        sa.PrimaryKeyConstraint("recipient_id", "group_id", name="pk_recipient_group"),
    )
    op.create_index("ix_recipient_group_alert", "recipient_group", ["alert_id", "group_id"])


def _attempt() -> None:
    op.create_table(
        "attempt",
        sa.Column("id", ID, nullable=False),
        sa.Column("municipality_id", ID, nullable=False),
        sa.Column("delivery_id", ID, nullable=False),
        sa.Column("alert_id", ID),
        sa.Column("recipient_id", ID),
        sa.Column("sender_id", ID, nullable=False),
        sa.Column("account", sa.String(length=60), server_default="", nullable=False),
        sa.Column("channel", sa.String(length=20), server_default="", nullable=False),
        sa.Column("n", sa.SmallInteger(), nullable=False),
        sa.Column("token", sa.String(length=64), nullable=False),
        sa.Column("fence", sa.BigInteger(), nullable=False),
        sa.Column("provider_id", sa.String(length=200)),
        sa.Column("evidence", sa.SmallInteger(), nullable=False),
        sa.Column("reason", sa.String(length=40), server_default="", nullable=False),
        sa.Column("code", sa.String(length=20), server_default="", nullable=False),
        sa.Column("segments", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("price", sa.Float()),
        sa.Column("body_sha256", sa.String(length=64), server_default="", nullable=False),
        sa.Column("started_at", MOMENT, nullable=False),
        sa.Column("ended_at", MOMENT),
        sa.Column("risen_at", MOMENT),
        sa.Column("found_by", sa.String(length=20), server_default="", nullable=False),
        sa.Column("looks", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("look_at", MOMENT),
        sa.Column("looked_at", MOMENT),
        sa.Column("possible_duplicate_of", ID),
        sa.ForeignKeyConstraint(["delivery_id"], ["delivery.id"], name="fk_attempt_delivery_id"),
        sa.ForeignKeyConstraint(["municipality_id"], ["municipality.id"], name="fk_attempt_municipality_id"),
        sa.ForeignKeyConstraint(["possible_duplicate_of"], ["attempt.id"], name="fk_attempt_possible_duplicate_of"),
        sa.ForeignKeyConstraint(["sender_id"], ["sender.id"], name="fk_attempt_sender_id"),
        sa.PrimaryKeyConstraint("id", name="pk_attempt"),
        sa.UniqueConstraint("account", "provider_id", name="uq_attempt_provider_id"),
        sa.UniqueConstraint("delivery_id", "n", name="uq_attempt_delivery_id_n"),
        sa.UniqueConstraint("token", name="uq_attempt_token"),
    )
    op.create_index("ix_attempt_alert", "attempt", ["alert_id"])
    _partial_index("ix_attempt_evidence", "attempt", ["evidence"], "evidence IN (0, 1)")
    _partial_index("uq_attempt_open", "attempt", ["delivery_id"], "evidence IN (0, 1)", unique=True)
