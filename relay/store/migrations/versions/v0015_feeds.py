"""Feeds of official messages, and what is known of each."""

import sqlalchemy as sa
from alembic import op

from relay.store.columns import Id, Json, Moment

revision = "0015"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "cap_feed",
        sa.Column("id", Id, nullable=False),
        sa.Column("municipality_id", Id, nullable=False),
        sa.Column("url", sa.String(length=500), nullable=False),
        sa.Column("etag", sa.String(length=200), server_default="", nullable=False),
        sa.Column("last_modified", sa.String(length=60), server_default="", nullable=False),
        sa.Column("seen", Json, nullable=False),
        sa.Column("created_at", Moment, nullable=False),
        sa.Column("created_by", sa.String(length=120), server_default="", nullable=False),
        sa.Column("looked_at", Moment),
        sa.Column("failed_at", Moment),
        sa.Column("failure", sa.String(length=300), server_default="", nullable=False),
        sa.ForeignKeyConstraint(["municipality_id"], ["municipality.id"], name=op.f("fk_cap_feed_municipality_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_cap_feed")),
        sa.UniqueConstraint("municipality_id", "url", name=op.f("uq_cap_feed_municipality_id_url")),
    )


def downgrade() -> None:
    op.drop_table("cap_feed")
