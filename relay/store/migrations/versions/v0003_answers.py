"""What comes in, what people do about it, and what the house remembers."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
JSON = sa.JSON().with_variant(JSONB(), "postgresql")
MOMENT = sa.DateTime(timezone=True)
SEALED = sa.LargeBinary()


def upgrade() -> None:
    _fact()
    _inbound()
    _status()
    _worker()
    _act_log()
    _event()
    _counter()
    _thread()
    _answer()
    _note()
    _redistribution_report()
    _task()


def downgrade() -> None:
    op.drop_table("task")
    op.drop_table("redistribution_report")
    op.drop_table("note")
    op.drop_table("answer")
    op.drop_table("thread")
    op.drop_table("counter")
    op.drop_table("event")
    op.drop_table("act_log")
    op.drop_table("worker")
    op.drop_table("status")
    op.drop_table("inbound")
    op.drop_table("fact")


def _partial_index(name: str, table: str, columns: list[str], where: str, *, unique: bool = False) -> None:
    op.create_index(name, table, columns, unique=unique, sqlite_where=sa.text(where), postgresql_where=sa.text(where))


def _fact() -> None:
    op.create_table(
        "fact",
        sa.Column("name", sa.String(length=60), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_fact"),
    )


def _inbound() -> None:
    op.create_table(
        "inbound",
        sa.Column("id", ID, nullable=False),
        sa.Column("account", sa.String(length=60), server_default="", nullable=False),
        sa.Column("provider_id", sa.String(length=200), nullable=False),
        sa.Column("channel", sa.String(length=20), server_default="", nullable=False),
        sa.Column("sender", SEALED),
        sa.Column("sender_lookup", sa.String(length=64), server_default="", nullable=False),
        sa.Column("to", sa.String(length=254), server_default="", nullable=False),
        sa.Column("text", SEALED),
        sa.Column("facts", SEALED),
        sa.Column("received_at", MOMENT, nullable=False),
        sa.Column("heard_by", sa.String(length=20), server_default="", nullable=False),
        sa.Column("handled_at", MOMENT),
        sa.Column("verdict", sa.String(length=60), server_default="", nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_inbound"),
        sa.UniqueConstraint("account", "provider_id", name="uq_inbound_account_provider_id"),
    )
    op.create_index("ix_inbound_sender", "inbound", ["sender_lookup", "received_at"])
    _partial_index("ix_inbound_unhandled", "inbound", ["id"], "handled_at IS NULL")


def _status() -> None:
    op.create_table(
        "status",
        sa.Column("id", ID, nullable=False),
        sa.Column("account", sa.String(length=60), server_default="", nullable=False),
        sa.Column("provider_id", sa.String(length=200), nullable=False),
        sa.Column("word", sa.String(length=40), server_default="", nullable=False),
        sa.Column("code", sa.String(length=20), server_default="", nullable=False),
        sa.Column("token", sa.String(length=64), server_default="", nullable=False),
        sa.Column("evidence", sa.SmallInteger(), nullable=False),
        sa.Column("received_at", MOMENT, nullable=False),
        sa.Column("heard_by", sa.String(length=20), server_default="", nullable=False),
        sa.Column("foreign", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_status"),
        sa.UniqueConstraint("account", "provider_id", "word", "code", name="uq_status_account_provider_id_word_code"),
    )


def _worker() -> None:
    op.create_table(
        "worker",
        sa.Column("name", sa.String(length=60), nullable=False),
        sa.Column("started_at", MOMENT, nullable=False),
        sa.Column("seen_at", MOMENT, nullable=False),
        sa.Column("host", sa.String(length=120), server_default="", nullable=False),
        sa.Column("pid", sa.Integer(), nullable=False),
        sa.Column("fence", sa.BigInteger(), nullable=False),
        sa.Column("leader", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_worker"),
    )


def _act_log() -> None:
    op.create_table(
        "act_log",
        sa.Column("id", ID, nullable=False),
        sa.Column("municipality_id", ID),
        sa.Column("at", MOMENT, nullable=False),
        sa.Column("actor", sa.String(length=120), nullable=False),
        sa.Column("act", sa.String(length=60), nullable=False),
        sa.Column("subject", sa.String(length=120), server_default="", nullable=False),
        sa.Column("data", JSON, nullable=False),
        sa.ForeignKeyConstraint(["municipality_id"], ["municipality.id"], name="fk_act_log_municipality_id"),
        sa.PrimaryKeyConstraint("id", name="pk_act_log"),
    )
    op.create_index("ix_act_log_municipality", "act_log", ["municipality_id", "id"])


def _event() -> None:
    op.create_table(
        "event",
        sa.Column("municipality_id", ID, nullable=False),
        sa.Column("number", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("alert_id", ID),
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("data", JSON, nullable=False),
        sa.Column("at", MOMENT, nullable=False),
        sa.ForeignKeyConstraint(["municipality_id"], ["municipality.id"], name="fk_event_municipality_id"),
        sa.PrimaryKeyConstraint("municipality_id", "number", name="pk_event"),
    )
    op.create_index("ix_event_alert", "event", ["alert_id", "number"])


def _counter() -> None:
    op.create_table(
        "counter",
        sa.Column("alert_id", ID, nullable=False),
        sa.Column("group_id", ID, autoincrement=False, nullable=False),
        sa.Column("channel", sa.String(length=20), nullable=False),
        sa.Column("name", sa.String(length=20), nullable=False),
        sa.Column("municipality_id", ID, nullable=False),
        sa.Column("value", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.ForeignKeyConstraint(["alert_id"], ["alert.id"], name="fk_counter_alert_id"),
        sa.ForeignKeyConstraint(["municipality_id"], ["municipality.id"], name="fk_counter_municipality_id"),
        sa.PrimaryKeyConstraint("alert_id", "group_id", "channel", "name", name="pk_counter"),
    )


def _thread() -> None:
    op.create_table(
        "thread",
        sa.Column("id", ID, nullable=False),
        sa.Column("municipality_id", ID, nullable=False),
        sa.Column("person_id", ID),
        sa.Column("alert_id", ID),
        sa.Column("sender_lookup", sa.String(length=64), server_default="", nullable=False),
        sa.Column("state", sa.String(length=20), server_default="open", nullable=False),
        sa.Column("danger", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("owner", sa.String(length=120), server_default="", nullable=False),
        sa.Column("opened_at", MOMENT, nullable=False),
        sa.Column("last_at", MOMENT, nullable=False),
        sa.Column("unread", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.ForeignKeyConstraint(["alert_id"], ["alert.id"], name="fk_thread_alert_id"),
        sa.ForeignKeyConstraint(["municipality_id"], ["municipality.id"], name="fk_thread_municipality_id"),
        sa.ForeignKeyConstraint(["person_id"], ["resource_person.id"], name="fk_thread_person_id"),
        sa.PrimaryKeyConstraint("id", name="pk_thread"),
    )
    op.create_index("ix_thread_municipality", "thread", ["municipality_id", "state"])


def _answer() -> None:
    op.create_table(
        "answer",
        sa.Column("id", ID, nullable=False),
        sa.Column("municipality_id", ID, nullable=False),
        sa.Column("inbound_id", ID),
        sa.Column("alert_id", ID),
        sa.Column("recipient_id", ID),
        sa.Column("person_id", ID),
        sa.Column("meaning", sa.String(length=20), nullable=False),
        sa.Column("count", sa.Integer()),
        sa.Column("danger", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("guessed", JSON, nullable=False),
        sa.Column("bound_by", sa.String(length=20), server_default="", nullable=False),
        sa.Column("at", MOMENT, nullable=False),
        sa.ForeignKeyConstraint(["alert_id"], ["alert.id"], name="fk_answer_alert_id"),
        sa.ForeignKeyConstraint(["inbound_id"], ["inbound.id"], name="fk_answer_inbound_id"),
        sa.ForeignKeyConstraint(["municipality_id"], ["municipality.id"], name="fk_answer_municipality_id"),
        sa.ForeignKeyConstraint(["person_id"], ["resource_person.id"], name="fk_answer_person_id"),
        sa.ForeignKeyConstraint(["recipient_id"], ["recipient.id"], name="fk_answer_recipient_id"),
        sa.PrimaryKeyConstraint("id", name="pk_answer"),
        sa.UniqueConstraint("inbound_id", "recipient_id", name="uq_answer_inbound_id_recipient_id"),
    )
    op.create_index("ix_answer_alert", "answer", ["alert_id"])


def _note() -> None:
    op.create_table(
        "note",
        sa.Column("id", ID, nullable=False),
        sa.Column("municipality_id", ID, nullable=False),
        sa.Column("thread_id", ID, nullable=False),
        sa.Column("direction", sa.String(length=20), nullable=False),
        sa.Column("author", sa.String(length=120), server_default="", nullable=False),
        sa.Column("text", SEALED),
        sa.Column("inbound_id", ID),
        sa.Column("delivery_id", ID),
        sa.Column("at", MOMENT, nullable=False),
        sa.ForeignKeyConstraint(["delivery_id"], ["delivery.id"], name="fk_note_delivery_id"),
        sa.ForeignKeyConstraint(["inbound_id"], ["inbound.id"], name="fk_note_inbound_id"),
        sa.ForeignKeyConstraint(["municipality_id"], ["municipality.id"], name="fk_note_municipality_id"),
        sa.ForeignKeyConstraint(["thread_id"], ["thread.id"], name="fk_note_thread_id"),
        sa.PrimaryKeyConstraint("id", name="pk_note"),
    )
    op.create_index("ix_note_thread", "note", ["thread_id"])


def _redistribution_report() -> None:
    op.create_table(
        "redistribution_report",
        sa.Column("id", ID, nullable=False),
        sa.Column("municipality_id", ID, nullable=False),
        sa.Column("alert_id", ID, nullable=False),
        sa.Column("recipient_id", ID, nullable=False),
        sa.Column("answer_id", ID, nullable=False),
        sa.Column("count", sa.Integer()),
        sa.Column("means", SEALED),
        sa.Column("counts", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("at", MOMENT, nullable=False),
        sa.ForeignKeyConstraint(["alert_id"], ["alert.id"], name="fk_redistribution_report_alert_id"),
        sa.ForeignKeyConstraint(["answer_id"], ["answer.id"], name="fk_redistribution_report_answer_id"),
        sa.ForeignKeyConstraint(["municipality_id"], ["municipality.id"], name="fk_redistribution_report_municipality_id"),
        sa.ForeignKeyConstraint(["recipient_id"], ["recipient.id"], name="fk_redistribution_report_recipient_id"),
        sa.PrimaryKeyConstraint("id", name="pk_redistribution_report"),
    )
    op.create_index("ix_redistribution_report_alert", "redistribution_report", ["alert_id"])


def _task() -> None:
    op.create_table(
        "task",
        sa.Column("id", ID, nullable=False),
        sa.Column("municipality_id", ID, nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("alert_id", ID),
        sa.Column("recipient_id", ID),
        sa.Column("person_id", ID),
        sa.Column("thread_id", ID),
        sa.Column("delivery_id", ID),
        sa.Column("cause", sa.String(length=120), nullable=False),
        sa.Column("words", SEALED),
        sa.Column("gravity", sa.SmallInteger(), nullable=False),
        sa.Column("owner", sa.String(length=120), server_default="", nullable=False),
        sa.Column("opened_at", MOMENT, nullable=False),
        sa.Column("due_at", MOMENT),
        sa.Column("done_at", MOMENT),
        sa.Column("done_by", sa.String(length=120), server_default="", nullable=False),
        sa.Column("outcome", sa.String(length=200), server_default="", nullable=False),
        sa.ForeignKeyConstraint(["alert_id"], ["alert.id"], name="fk_task_alert_id"),
        sa.ForeignKeyConstraint(["delivery_id"], ["delivery.id"], name="fk_task_delivery_id"),
        sa.ForeignKeyConstraint(["municipality_id"], ["municipality.id"], name="fk_task_municipality_id"),
        sa.ForeignKeyConstraint(["person_id"], ["resource_person.id"], name="fk_task_person_id"),
        sa.ForeignKeyConstraint(["recipient_id"], ["recipient.id"], name="fk_task_recipient_id"),
        sa.ForeignKeyConstraint(["thread_id"], ["thread.id"], name="fk_task_thread_id"),
        sa.PrimaryKeyConstraint("id", name="pk_task"),
    )
    _partial_index("uq_task_open", "task", ["municipality_id", "cause"], "done_at IS NULL", unique=True)
