"""The links of resource persons, how often their pages are opened, and where they pass things on."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.add_column("municipality", sa.Column("links_in_sms", sa.Boolean(), server_default=sa.false(), nullable=False))
    _share_link()
    _link_open()
    _arena()


def downgrade() -> None:
    op.drop_table("arena")
    op.drop_table("link_open")
    op.drop_table("share_link")
    op.drop_column("municipality", "links_in_sms")


def _share_link() -> None:
    op.create_table(
        "share_link",
        sa.Column("id", ID, nullable=False),
        sa.Column("municipality_id", ID, nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("alert_id", ID),
        sa.Column("recipient_id", ID),
        sa.Column("person_id", ID, nullable=False),
        sa.Column("seed", sa.String(length=64), nullable=False),
        sa.Column("lookup", sa.String(length=64), nullable=False),
        sa.Column("made_at", MOMENT, nullable=False),
        sa.Column("ends_at", MOMENT),
        sa.Column("revoked_at", MOMENT),
        sa.ForeignKeyConstraint(["municipality_id"], ["municipality.id"], name="fk_share_link_municipality_id"),
        sa.ForeignKeyConstraint(["alert_id"], ["alert.id"], name="fk_share_link_alert_id"),
        sa.ForeignKeyConstraint(["recipient_id"], ["recipient.id"], name="fk_share_link_recipient_id"),
        sa.ForeignKeyConstraint(["person_id"], ["resource_person.id"], name="fk_share_link_person_id"),
        sa.PrimaryKeyConstraint("id", name="pk_share_link"),
        sa.UniqueConstraint("lookup", name="uq_share_link_lookup"),
    )
    where = "recipient_id IS NOT NULL AND revoked_at IS NULL"
    op.create_index(
        "uq_share_link_live",
        "share_link",
        ["recipient_id", "kind"],
        unique=True,
        sqlite_where=sa.text(where),
        postgresql_where=sa.text(where),
    )
    op.create_index("ix_share_link_person", "share_link", ["person_id"])


def _link_open() -> None:
    op.create_table(
        "link_open",
        sa.Column("link_id", ID, nullable=False),
        sa.Column("hour", MOMENT, nullable=False),
        sa.Column("by", sa.String(length=20), nullable=False),
        sa.Column("municipality_id", ID, nullable=False),
        sa.Column("count", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.ForeignKeyConstraint(["link_id"], ["share_link.id"], name="fk_link_open_link_id"),
        sa.ForeignKeyConstraint(["municipality_id"], ["municipality.id"], name="fk_link_open_municipality_id"),
        sa.PrimaryKeyConstraint("link_id", "hour", "by", name="pk_link_open"),
    )


def _arena() -> None:
    op.create_table(
        "arena",
        sa.Column("id", ID, nullable=False),
        sa.Column("municipality_id", ID, nullable=False),
        sa.Column("person_id", ID, nullable=False),
        sa.Column("name", sa.LargeBinary(), nullable=False),
        sa.Column("size", sa.Integer()),
        sa.Column("made_at", MOMENT, nullable=False),
        sa.ForeignKeyConstraint(["municipality_id"], ["municipality.id"], name="fk_arena_municipality_id"),
        sa.ForeignKeyConstraint(["person_id"], ["resource_person.id"], name="fk_arena_person_id"),
        sa.PrimaryKeyConstraint("id", name="pk_arena"),
    )
    op.create_index("ix_arena_person", "arena", ["person_id"])
