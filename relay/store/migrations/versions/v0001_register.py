"""The register: who can be reached, in which languages, by which addresses."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
JSON = sa.JSON().with_variant(JSONB(), "postgresql")
MOMENT = sa.DateTime(timezone=True)
SEALED = sa.LargeBinary()


def upgrade() -> None:
    _municipality()
    _contact_point()
    _policy()
    _resource_person()
    _sender()
    _user()
    _address()
    _language_group()
    _policy_step()
    _membership()


def downgrade() -> None:
    op.drop_table("membership")
    op.drop_table("policy_step")
    op.drop_table("language_group")
    op.drop_table("address")
    op.drop_table("user")
    op.drop_table("sender")
    op.drop_table("resource_person")
    op.drop_table("policy")
    op.drop_table("contact_point")
    op.drop_table("municipality")


def _municipality() -> None:
    op.create_table(
        "municipality",
        sa.Column("id", ID, nullable=False),
        sa.Column("number", sa.String(length=4), nullable=False),
        sa.Column("name", sa.String(length=120), nullable=False),
        sa.Column("latitude", sa.Float()),
        sa.Column("longitude", sa.Float()),
        sa.Column("timezone", sa.String(length=40), nullable=False),
        sa.Column("norwegian", sa.String(length=2), nullable=False),
        sa.Column("quiet_from", sa.Time()),
        sa.Column("quiet_to", sa.Time()),
        sa.Column("duty_phone", SEALED),
        sa.Column("last_number", sa.Integer(), nullable=False),
        sa.Column("last_event", sa.BigInteger(), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("created_by", sa.String(length=120), nullable=False),
        sa.Column("updated_at", MOMENT, nullable=False),
        sa.Column("updated_by", sa.String(length=120), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_municipality"),
        sa.UniqueConstraint("number", name="uq_municipality_number"),
    )


def _contact_point() -> None:
    op.create_table(
        "contact_point",
        sa.Column("id", ID, nullable=False),
        sa.Column("municipality_id", ID, nullable=False),
        sa.Column("name", SEALED, nullable=False),
        sa.Column("phone", SEALED, nullable=False),
        sa.Column("hours", sa.String(length=60), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("created_by", sa.String(length=120), nullable=False),
        sa.Column("updated_at", MOMENT, nullable=False),
        sa.Column("updated_by", sa.String(length=120), nullable=False),
        sa.ForeignKeyConstraint(["municipality_id"], ["municipality.id"], name="fk_contact_point_municipality_id"),
        sa.PrimaryKeyConstraint("id", name="pk_contact_point"),
    )
    op.create_index("ix_contact_point_municipality_id", "contact_point", ["municipality_id"])


def _policy() -> None:
    op.create_table(
        "policy",
        sa.Column("id", ID, nullable=False),
        sa.Column("municipality_id", ID, nullable=False),
        sa.Column("name", sa.String(length=60), nullable=False),
        sa.Column("count_after_minutes", sa.Integer(), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("created_by", sa.String(length=120), nullable=False),
        sa.Column("updated_at", MOMENT, nullable=False),
        sa.Column("updated_by", sa.String(length=120), nullable=False),
        sa.ForeignKeyConstraint(["municipality_id"], ["municipality.id"], name="fk_policy_municipality_id"),
        sa.PrimaryKeyConstraint("id", name="pk_policy"),
        sa.UniqueConstraint("municipality_id", "name", name="uq_policy_municipality_id_name"),
    )
    op.create_index("ix_policy_municipality_id", "policy", ["municipality_id"])


def _resource_person() -> None:
    op.create_table(
        "resource_person",
        sa.Column("id", ID, nullable=False),
        sa.Column("municipality_id", ID, nullable=False),
        sa.Column("name", SEALED, nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("languages", JSON, nullable=False),
        sa.Column("agreed_on", sa.Date()),
        sa.Column("agreed_until", sa.Date()),
        sa.Column("adult_confirmed_on", sa.Date()),
        sa.Column("adult_confirmed_by", sa.String(length=120), nullable=False),
        sa.Column("paused", sa.Boolean(), nullable=False),
        sa.Column("paused_until", MOMENT),
        sa.Column("quiet_from", sa.Time()),
        sa.Column("quiet_to", sa.Time()),
        sa.Column("work_from", sa.Time()),
        sa.Column("work_to", sa.Time()),
        sa.Column("deputy_of_id", ID),
        sa.Column("left_at", MOMENT),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("created_by", sa.String(length=120), nullable=False),
        sa.Column("updated_at", MOMENT, nullable=False),
        sa.Column("updated_by", sa.String(length=120), nullable=False),
        sa.ForeignKeyConstraint(["deputy_of_id"], ["resource_person.id"], name="fk_resource_person_deputy_of_id"),
        sa.ForeignKeyConstraint(["municipality_id"], ["municipality.id"], name="fk_resource_person_municipality_id"),
        sa.PrimaryKeyConstraint("id", name="pk_resource_person"),
    )
    op.create_index("ix_resource_person_deputy_of_id", "resource_person", ["deputy_of_id"])
    op.create_index("ix_resource_person_municipality_id", "resource_person", ["municipality_id"])


def _sender() -> None:
    op.create_table(
        "sender",
        sa.Column("id", ID, nullable=False),
        sa.Column("municipality_id", ID, nullable=False),
        sa.Column("channel", sa.String(length=20), nullable=False),
        sa.Column("address", sa.String(length=254), nullable=False),
        sa.Column("provider", sa.String(length=40), nullable=False),
        sa.Column("account", sa.String(length=60), nullable=False),
        sa.Column("two_way", sa.Boolean(), nullable=False),
        sa.Column("reply_to", sa.String(length=254), nullable=False),
        sa.Column("pace_per_second", sa.Float(), nullable=False),
        sa.Column("pace_burst", sa.Float(), nullable=False),
        sa.Column("price", sa.Float(), nullable=False),
        sa.Column("contents", JSON, nullable=False),
        sa.Column("stopped", sa.String(length=200), nullable=False),
        sa.Column("stopped_at", MOMENT),
        sa.Column("swept_at", MOMENT),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("created_by", sa.String(length=120), nullable=False),
        sa.Column("updated_at", MOMENT, nullable=False),
        sa.Column("updated_by", sa.String(length=120), nullable=False),
        sa.ForeignKeyConstraint(["municipality_id"], ["municipality.id"], name="fk_sender_municipality_id"),
        sa.PrimaryKeyConstraint("id", name="pk_sender"),
        sa.UniqueConstraint("municipality_id", "channel", "address", name="uq_sender_municipality_id_channel_address"),
    )
    op.create_index("ix_sender_municipality_id", "sender", ["municipality_id"])


def _user() -> None:
    op.create_table(
        "user",
        sa.Column("id", ID, nullable=False),
        sa.Column("municipality_id", ID, nullable=False),
        sa.Column("name", sa.String(length=120), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("created_by", sa.String(length=120), nullable=False),
        sa.Column("updated_at", MOMENT, nullable=False),
        sa.Column("updated_by", sa.String(length=120), nullable=False),
        sa.ForeignKeyConstraint(["municipality_id"], ["municipality.id"], name="fk_user_municipality_id"),
        sa.PrimaryKeyConstraint("id", name="pk_user"),
        sa.UniqueConstraint("municipality_id", "name", name="uq_user_municipality_id_name"),
    )
    op.create_index("ix_user_municipality_id", "user", ["municipality_id"])


def _address() -> None:
    op.create_table(
        "address",
        sa.Column("id", ID, nullable=False),
        sa.Column("municipality_id", ID, nullable=False),
        sa.Column("person_id", ID, nullable=False),
        sa.Column("channel", sa.String(length=20), nullable=False),
        sa.Column("value", SEALED, nullable=False),
        sa.Column("lookup", sa.String(length=64), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("state_reason", sa.String(length=60), nullable=False),
        sa.Column("state_at", MOMENT),
        sa.Column("verified_at", MOMENT),
        sa.Column("last_inbound_at", MOMENT),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("created_by", sa.String(length=120), nullable=False),
        sa.Column("updated_at", MOMENT, nullable=False),
        sa.Column("updated_by", sa.String(length=120), nullable=False),
        sa.ForeignKeyConstraint(["municipality_id"], ["municipality.id"], name="fk_address_municipality_id"),
        sa.ForeignKeyConstraint(["person_id"], ["resource_person.id"], name="fk_address_person_id"),
        sa.PrimaryKeyConstraint("id", name="pk_address"),
    )
    op.create_index("ix_address_channel_lookup", "address", ["channel", "lookup"])
    op.create_index("ix_address_municipality_id", "address", ["municipality_id"])
    op.create_index("ix_address_person_id", "address", ["person_id"])


def _language_group() -> None:
    op.create_table(
        "language_group",
        sa.Column("id", ID, nullable=False),
        sa.Column("municipality_id", ID, nullable=False),
        sa.Column("language", sa.String(length=20), nullable=False),
        sa.Column("name", sa.String(length=120), nullable=False),
        sa.Column("quorum", sa.Integer(), nullable=False),
        sa.Column("estimate", sa.Integer()),
        sa.Column("estimate_source", sa.String(length=120), nullable=False),
        sa.Column("estimate_on", sa.Date()),
        sa.Column("contact_point_id", ID),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("created_by", sa.String(length=120), nullable=False),
        sa.Column("updated_at", MOMENT, nullable=False),
        sa.Column("updated_by", sa.String(length=120), nullable=False),
        sa.ForeignKeyConstraint(["contact_point_id"], ["contact_point.id"], name="fk_language_group_contact_point_id"),
        sa.ForeignKeyConstraint(["municipality_id"], ["municipality.id"], name="fk_language_group_municipality_id"),
        sa.PrimaryKeyConstraint("id", name="pk_language_group"),
        sa.UniqueConstraint("municipality_id", "language", "name", name="uq_language_group_municipality_id_language_name"),
    )
    op.create_index("ix_language_group_municipality_id", "language_group", ["municipality_id"])


def _policy_step() -> None:
    op.create_table(
        "policy_step",
        sa.Column("policy_id", ID, nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("action", sa.String(length=20), nullable=False),
        sa.Column("life_minutes", sa.Integer()),
        sa.Column("standard_minutes", sa.Integer()),
        sa.Column("routine_minutes", sa.Integer()),
        sa.ForeignKeyConstraint(["policy_id"], ["policy.id"], name="fk_policy_step_policy_id"),
        sa.PrimaryKeyConstraint("policy_id", "position", name="pk_policy_step"),
    )


def _membership() -> None:
    op.create_table(
        "membership",
        sa.Column("person_id", ID, nullable=False),
        sa.Column("group_id", ID, nullable=False),
        sa.Column("municipality_id", ID, nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["group_id"], ["language_group.id"], name="fk_membership_group_id"),
        sa.ForeignKeyConstraint(["municipality_id"], ["municipality.id"], name="fk_membership_municipality_id"),
        sa.ForeignKeyConstraint(["person_id"], ["resource_person.id"], name="fk_membership_person_id"),
        sa.PrimaryKeyConstraint("person_id", "group_id", name="pk_membership"),
    )
    op.create_index("ix_membership_group_id", "membership", ["group_id"])
    op.create_index("ix_membership_municipality_id", "membership", ["municipality_id"])
