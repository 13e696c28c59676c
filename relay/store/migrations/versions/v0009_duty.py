"""For the duty officer: how the numbers grew, links to the wall, copies of the call list."""

from collections import Counter

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
MOMENT = sa.DateTime(timezone=True)
TWICE = sa.text("possible_duplicate")


def upgrade() -> None:
    _progress()
    _wall_link()
    _call_list_copy()
    op.create_index("ix_recipient_twice", "recipient", ["alert_id"], postgresql_where=TWICE, sqlite_where=TWICE)
    _grown_so_far()


def downgrade() -> None:
    op.drop_index("ix_recipient_twice", table_name="recipient", postgresql_where=TWICE, sqlite_where=TWICE)
    op.drop_table("call_list_copy")
    op.drop_table("wall_link")
    op.drop_table("progress")


def _progress() -> None:
    op.create_table(
        "progress",
        sa.Column("alert_id", ID, nullable=False),
        sa.Column("minute", MOMENT, nullable=False),
        sa.Column("name", sa.String(length=20), nullable=False),
        sa.Column("municipality_id", ID, nullable=False),
        sa.Column("value", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.ForeignKeyConstraint(["alert_id"], ["alert.id"], name="fk_progress_alert_id"),
        sa.ForeignKeyConstraint(["municipality_id"], ["municipality.id"], name="fk_progress_municipality_id"),
        sa.PrimaryKeyConstraint("alert_id", "minute", "name", name="pk_progress"),
    )


def _wall_link() -> None:
    op.create_table(
        "wall_link",
        sa.Column("id", ID, nullable=False),
        sa.Column("municipality_id", ID, nullable=False),
        sa.Column("alert_id", ID, nullable=False),
        sa.Column("token_hash", sa.String(length=64), nullable=False),
        sa.Column("made_by", sa.String(length=120), server_default="", nullable=False),
        sa.Column("made_at", MOMENT, nullable=False),
        sa.Column("ended_at", MOMENT),
        sa.Column("ended_by", sa.String(length=120), server_default="", nullable=False),
        sa.ForeignKeyConstraint(["municipality_id"], ["municipality.id"], name="fk_wall_link_municipality_id"),
        sa.ForeignKeyConstraint(["alert_id"], ["alert.id"], name="fk_wall_link_alert_id"),
        sa.PrimaryKeyConstraint("id", name="pk_wall_link"),
        sa.UniqueConstraint("token_hash", name="uq_wall_link_token_hash"),
    )
    op.create_index("ix_wall_link_alert", "wall_link", ["alert_id"])


def _call_list_copy() -> None:
    op.create_table(
        "call_list_copy",
        sa.Column("id", ID, nullable=False),
        sa.Column("municipality_id", ID, nullable=False),
        sa.Column("user_id", ID, nullable=False),
        sa.Column("mark", sa.String(length=64), nullable=False),
        sa.Column("made_at", MOMENT, nullable=False),
        sa.ForeignKeyConstraint(["municipality_id"], ["municipality.id"], name="fk_call_list_copy_municipality_id"),
        sa.ForeignKeyConstraint(["user_id"], ["user.id"], name="fk_call_list_copy_user_id"),
        sa.PrimaryKeyConstraint("id", name="pk_call_list_copy"),
    )
    op.create_index("ix_call_list_copy_user", "call_list_copy", ["user_id", "made_at"])


def _grown_so_far() -> None:
    """Tell of alerts that are under way how their numbers grew, by each person's last answer."""
    recipient = sa.table(
        "recipient",
        sa.column("municipality_id", ID),
        sa.column("alert_id", ID),
        sa.column("rung", sa.String()),
        sa.column("answered_at", MOMENT),
    )
    progress = sa.table(
        "progress",
        sa.column("municipality_id", ID),
        sa.column("alert_id", ID),
        sa.column("minute", MOMENT),
        sa.column("name", sa.String()),
        sa.column("value", sa.Integer()),
    )
    answered = sa.select(recipient).where(recipient.c.rung != "none", recipient.c.answered_at.is_not(None))
    grown: Counter[tuple[int, int, object, str]] = Counter()
    for row in op.get_bind().execute(answered):
        minute = row.answered_at.replace(second=0, microsecond=0)
        grown[row.municipality_id, row.alert_id, minute, "acknowledged"] += 1
        grown[row.municipality_id, row.alert_id, minute, "relayed"] += row.rung == "passed_on"
    names = ("municipality_id", "alert_id", "minute", "name")
    rows = [dict(zip(names, key, strict=True), value=value) for key, value in grown.items() if value]
    if rows:
        op.bulk_insert(progress, rows)
