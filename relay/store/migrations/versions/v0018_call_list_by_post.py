"""The call list by post: who gets it, and the files that letters bring."""

import sqlalchemy as sa
from alembic import op

from relay.store.columns import Id, Moment

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "delivery_file",
        sa.Column("delivery_id", Id, nullable=False),
        sa.Column("municipality_id", Id, nullable=False),
        sa.Column("name", sa.String(length=120), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["delivery_id"], ["delivery.id"], name=op.f("fk_delivery_file_delivery_id")),
        sa.ForeignKeyConstraint(["municipality_id"], ["municipality.id"], name=op.f("fk_delivery_file_municipality_id")),
        sa.PrimaryKeyConstraint("delivery_id", name=op.f("pk_delivery_file")),
    )
    op.create_index("ix_delivery_file_municipality_id", "delivery_file", ["municipality_id"])
    op.create_table(
        "call_list_post",
        sa.Column("user_id", Id, nullable=False),
        sa.Column("municipality_id", Id, nullable=False),
        sa.Column("rounds", sa.Integer(), nullable=False),
        sa.Column("salt", sa.String(length=64), nullable=False),
        sa.Column("key", sa.LargeBinary(), nullable=False),
        sa.Column("since", Moment, nullable=False),
        sa.Column("mark", sa.String(length=64), server_default="", nullable=False),
        sa.Column("posted_at", Moment),
        sa.Column("delivery_id", Id),
        sa.ForeignKeyConstraint(["user_id"], ["user.id"], name=op.f("fk_call_list_post_user_id")),
        sa.ForeignKeyConstraint(["municipality_id"], ["municipality.id"], name=op.f("fk_call_list_post_municipality_id")),
        sa.ForeignKeyConstraint(["delivery_id"], ["delivery.id"], name=op.f("fk_call_list_post_delivery_id")),
        sa.PrimaryKeyConstraint("user_id", name=op.f("pk_call_list_post")),
    )
    op.create_index("ix_call_list_post_municipality_id", "call_list_post", ["municipality_id"])


def downgrade() -> None:
    op.drop_table("call_list_post")
    op.drop_table("delivery_file")
