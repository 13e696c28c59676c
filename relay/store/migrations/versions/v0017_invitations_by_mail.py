"""Invitations that are sent: in which language, and to which mailbox."""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("invitation") as table:
        table.add_column(sa.Column("email_lookup", sa.String(length=64), server_default="", nullable=False))
        table.add_column(sa.Column("language", sa.String(length=2), server_default="", nullable=False))


def downgrade() -> None:
    with op.batch_alter_table("invitation") as table:
        table.drop_column("language")
        table.drop_column("email_lookup")
