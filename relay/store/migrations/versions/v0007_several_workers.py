"""Several workers: how far a worker's clock is off, and the pace that they share."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.add_column("worker", sa.Column("off_seconds", sa.Float(), server_default=sa.text("0"), nullable=False))
    op.create_table(
        "pace",
        sa.Column("sender_id", ID, nullable=False, autoincrement=False),
        sa.Column("free_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["sender_id"], ["sender.id"], name="fk_pace_sender_id"),
        sa.PrimaryKeyConstraint("sender_id", name="pk_pace"),
    )


def downgrade() -> None:
    op.drop_table("pace")
    op.drop_column("worker", "off_seconds")
