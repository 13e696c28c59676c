"""What is forgotten, and when it was: at the provider, and in the register."""

import sqlalchemy as sa
from alembic import op

from relay.store.columns import Moment

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

#: table -> its new column
NEW = (("attempt", "redacted_at"), ("inbound", "redacted_at"), ("resource_person", "erased_at"))


def upgrade() -> None:
    for table, column in NEW:
        op.add_column(table, sa.Column(column, Moment))


def downgrade() -> None:
    for table, column in reversed(NEW):
        with op.batch_alter_table(table) as batch:
            batch.drop_column(column)
