"""A status keeps its reason, and those that no attempt of ours was found for are found by their time: an attempt may get its id later."""

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None

FOREIGN = sa.text('"foreign"')


def upgrade() -> None:
    op.add_column("status", sa.Column("reason", sa.String(length=40), server_default="", nullable=False))
    op.create_index("ix_status_foreign", "status", ["received_at"], postgresql_where=FOREIGN, sqlite_where=FOREIGN)


def downgrade() -> None:
    op.drop_index("ix_status_foreign", "status")
    op.drop_column("status", "reason")
