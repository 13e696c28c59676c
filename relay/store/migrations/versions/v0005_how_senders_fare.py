"""How each sender fares: well, slow or down, since when, and when one that is down is tried again."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.add_column("sender", sa.Column("health", sa.String(10), server_default="", nullable=False))
    op.add_column("sender", sa.Column("health_since", MOMENT))
    op.add_column("sender", sa.Column("try_at", MOMENT))


def downgrade() -> None:
    for name in ("try_at", "health_since", "health"):
        op.drop_column("sender", name)
