"""Notes at hand-over."""

import sqlalchemy as sa
from alembic import op

from relay.store.columns import Id, Moment

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "hand_over",
        sa.Column("id", Id, nullable=False),
        sa.Column("municipality_id", Id, nullable=False),
        sa.Column("written_by", sa.String(length=120), server_default="", nullable=False),
        sa.Column("written_at", Moment, nullable=False),
        sa.Column("going_on", sa.LargeBinary(), nullable=False),
        sa.Column("remains", sa.LargeBinary()),
        sa.ForeignKeyConstraint(["municipality_id"], ["municipality.id"], name=op.f("fk_hand_over_municipality_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_hand_over")),
    )
    op.create_index("ix_hand_over_municipality_id_written_at", "hand_over", ["municipality_id", "written_at"])


def downgrade() -> None:
    op.drop_table("hand_over")
