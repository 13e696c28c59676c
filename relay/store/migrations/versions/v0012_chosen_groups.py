"""An alert may go to some language groups only; NULL is all, as before."""

import sqlalchemy as sa
from alembic import op

from relay.store.columns import Json

revision = "0012"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("alert", sa.Column("groups", Json))


def downgrade() -> None:
    with op.batch_alter_table("alert") as batch:
        batch.drop_column("groups")
