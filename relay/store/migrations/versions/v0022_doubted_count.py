"""Which unlikely count was asked back: the same one again confirms it, and another one does not."""

import sqlalchemy as sa
from alembic import op

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("recipient", sa.Column("count_doubted", sa.BigInteger(), nullable=True))


def downgrade() -> None:
    op.drop_column("recipient", "count_doubted")
