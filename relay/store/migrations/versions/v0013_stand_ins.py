"""An answer finds the steps of its deputies without a look at everybody's."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0010"
branch_labels = None
depends_on = None

SOMEBODY = sa.text("stands_for_id IS NOT NULL")


def upgrade() -> None:
    op.create_index("ix_delivery_stands_for", "delivery", ["stands_for_id"], postgresql_where=SOMEBODY, sqlite_where=SOMEBODY)


def downgrade() -> None:
    op.drop_index("ix_delivery_stands_for", table_name="delivery", postgresql_where=SOMEBODY, sqlite_where=SOMEBODY)
