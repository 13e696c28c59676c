"""Who may come in: users with roles, invitations, sessions; the chain of acts; trial mode."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
JSON = sa.JSON().with_variant(JSONB(), "postgresql")
MOMENT = sa.DateTime(timezone=True)
SEALED = sa.LargeBinary()


def upgrade() -> None:
    _user()
    _municipality()
    _alert()
    _act_log()
    _login_attempt()
    _browser_session()
    _invitation()
    _known_device()
    _trial_allowed()
    _user_role()


def downgrade() -> None:
    op.drop_index("uq_user_name_key", table_name="user")
    op.drop_index("uq_user_login", table_name="user", postgresql_where=sa.text("login <> ''"), sqlite_where=sa.text("login <> ''"))
    op.drop_column("user", "seen_at")
    op.drop_column("user", "language")
    op.drop_column("user", "phone_lookup")
    op.drop_column("user", "phone")
    op.drop_column("user", "email_lookup")
    op.drop_column("user", "email")
    op.drop_column("user", "recovery")
    op.drop_column("user", "totp_step")
    op.drop_column("user", "totp_secret")
    op.drop_column("user", "password_once")
    op.drop_column("user", "password_at")
    op.drop_column("user", "password_hash")
    op.drop_column("user", "login")
    op.drop_column("user", "name_key")
    op.drop_column("municipality", "mode_at")
    op.drop_column("municipality", "mode")
    op.drop_column("alert", "approver_id")
    op.drop_column("alert", "editor_id")
    op.drop_column("alert", "author_id")
    op.drop_index("uq_act_log_number", table_name="act_log")
    op.drop_column("act_log", "mac")
    op.drop_column("act_log", "key_name")
    op.drop_column("act_log", "number")
    op.drop_column("act_log", "chain")
    op.drop_column("act_log", "face")
    op.drop_index("ix_user_role_municipality", table_name="user_role")
    op.drop_table("user_role")
    op.drop_index(
        "uq_trial_allowed_lookup",
        table_name="trial_allowed",
        postgresql_where=sa.text("lookup <> ''"),
        sqlite_where=sa.text("lookup <> ''"),
    )
    op.drop_table("trial_allowed")
    op.drop_index("ix_known_device_user", table_name="known_device")
    op.drop_table("known_device")
    op.drop_index("ix_invitation_municipality", table_name="invitation")
    op.drop_table("invitation")
    op.drop_index("ix_browser_session_user", table_name="browser_session")
    op.drop_index("ix_browser_session_municipality", table_name="browser_session")
    op.drop_table("browser_session")
    op.drop_index("ix_login_attempt_source", table_name="login_attempt")
    op.drop_index("ix_login_attempt_login", table_name="login_attempt")
    op.drop_table("login_attempt")


def _login_attempt() -> None:
    op.create_table(
        "login_attempt",
        sa.Column("id", ID, nullable=False),
        sa.Column("login_key", sa.String(length=64), server_default="", nullable=False),
        sa.Column("source_key", sa.String(length=64), server_default="", nullable=False),
        sa.Column("device_key", sa.String(length=64), server_default="", nullable=False),
        sa.Column("succeeded", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_login_attempt"),
    )
    op.create_index("ix_login_attempt_login", "login_attempt", ["login_key", "at"], unique=False)
    op.create_index("ix_login_attempt_source", "login_attempt", ["source_key", "at"], unique=False)


def _browser_session() -> None:
    op.create_table(
        "browser_session",
        sa.Column("id", ID, nullable=False),
        sa.Column("municipality_id", ID, nullable=False),
        sa.Column("user_id", ID, nullable=False),
        sa.Column("token_hash", sa.String(length=64), nullable=False),
        sa.Column("device", sa.String(length=80), server_default="", nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("seen_at", MOMENT, nullable=False),
        sa.Column("ends_at", MOMENT, nullable=False),
        sa.Column("ended_at", MOMENT),
        sa.Column("ended_by", sa.String(length=20), server_default="", nullable=False),
        sa.Column("second_factor_at", MOMENT),
        sa.ForeignKeyConstraint(["municipality_id"], ["municipality.id"], name="fk_browser_session_municipality_id"),
        sa.ForeignKeyConstraint(["user_id"], ["user.id"], name="fk_browser_session_user_id"),
        sa.PrimaryKeyConstraint("id", name="pk_browser_session"),
        sa.UniqueConstraint("token_hash", name="uq_browser_session_token_hash"),
    )
    op.create_index("ix_browser_session_municipality", "browser_session", ["municipality_id"], unique=False)
    op.create_index("ix_browser_session_user", "browser_session", ["user_id"], unique=False)


def _invitation() -> None:
    op.create_table(
        "invitation",
        sa.Column("id", ID, nullable=False),
        sa.Column("municipality_id", ID, nullable=False),
        sa.Column("token_hash", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=120), nullable=False),
        sa.Column("roles", JSON, nullable=False),
        sa.Column("email", SEALED),
        sa.Column("user_id", ID),
        sa.Column("invited_by_id", ID),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("expires_at", MOMENT, nullable=False),
        sa.Column("ended_at", MOMENT),
        sa.Column("ended_by", sa.String(length=20), server_default="", nullable=False),
        sa.ForeignKeyConstraint(["invited_by_id"], ["user.id"], name="fk_invitation_invited_by_id"),
        sa.ForeignKeyConstraint(["municipality_id"], ["municipality.id"], name="fk_invitation_municipality_id"),
        sa.ForeignKeyConstraint(["user_id"], ["user.id"], name="fk_invitation_user_id"),
        sa.PrimaryKeyConstraint("id", name="pk_invitation"),
        sa.UniqueConstraint("token_hash", name="uq_invitation_token_hash"),
    )
    op.create_index("ix_invitation_municipality", "invitation", ["municipality_id"], unique=False)


def _known_device() -> None:
    op.create_table(
        "known_device",
        sa.Column("id", ID, nullable=False),
        sa.Column("municipality_id", ID, nullable=False),
        sa.Column("user_id", ID, nullable=False),
        sa.Column("token_hash", sa.String(length=64), nullable=False),
        sa.Column("device", sa.String(length=80), server_default="", nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("seen_at", MOMENT, nullable=False),
        sa.Column("ended_at", MOMENT),
        sa.ForeignKeyConstraint(["municipality_id"], ["municipality.id"], name="fk_known_device_municipality_id"),
        sa.ForeignKeyConstraint(["user_id"], ["user.id"], name="fk_known_device_user_id"),
        sa.PrimaryKeyConstraint("id", name="pk_known_device"),
        sa.UniqueConstraint("token_hash", name="uq_known_device_token_hash"),
    )
    op.create_index("ix_known_device_user", "known_device", ["user_id"], unique=False)


def _trial_allowed() -> None:
    op.create_table(
        "trial_allowed",
        sa.Column("id", ID, nullable=False),
        sa.Column("municipality_id", ID, nullable=False),
        sa.Column("person_id", ID),
        sa.Column("value", SEALED),
        sa.Column("lookup", sa.String(length=64), server_default="", nullable=False),
        sa.Column("added_by", sa.String(length=120), server_default="", nullable=False),
        sa.Column("added_at", MOMENT, nullable=False),
        sa.ForeignKeyConstraint(["municipality_id"], ["municipality.id"], name="fk_trial_allowed_municipality_id"),
        sa.ForeignKeyConstraint(["person_id"], ["resource_person.id"], name="fk_trial_allowed_person_id"),
        sa.PrimaryKeyConstraint("id", name="pk_trial_allowed"),
        sa.UniqueConstraint("municipality_id", "person_id", name="uq_trial_allowed_municipality_id_person_id"),
    )
    op.create_index(
        "uq_trial_allowed_lookup",
        "trial_allowed",
        ["municipality_id", "lookup"],
        unique=True,
        postgresql_where=sa.text("lookup <> ''"),
        sqlite_where=sa.text("lookup <> ''"),
    )


def _user_role() -> None:
    op.create_table(
        "user_role",
        sa.Column("user_id", ID, nullable=False),
        sa.Column("role", sa.String(length=20), nullable=False),
        sa.Column("municipality_id", ID, nullable=False),
        sa.ForeignKeyConstraint(["municipality_id"], ["municipality.id"], name="fk_user_role_municipality_id"),
        sa.ForeignKeyConstraint(["user_id"], ["user.id"], name="fk_user_role_user_id"),
        sa.PrimaryKeyConstraint("user_id", "role", name="pk_user_role"),
    )
    op.create_index("ix_user_role_municipality", "user_role", ["municipality_id", "role"], unique=False)


def _user() -> None:
    op.add_column("user", sa.Column("login", sa.String(length=120), server_default="", nullable=False))
    op.add_column("user", sa.Column("password_hash", sa.String(length=200), server_default="", nullable=False))
    op.add_column("user", sa.Column("password_at", MOMENT))
    op.add_column("user", sa.Column("password_once", sa.Boolean(), server_default=sa.false(), nullable=False))
    op.add_column("user", sa.Column("totp_secret", SEALED))
    op.add_column("user", sa.Column("totp_step", sa.BigInteger(), server_default=sa.text("0"), nullable=False))
    op.add_column("user", sa.Column("recovery", JSON, server_default=sa.text("'[]'"), nullable=False))
    op.add_column("user", sa.Column("email", SEALED))
    op.add_column("user", sa.Column("email_lookup", sa.String(length=64), server_default="", nullable=False))
    op.add_column("user", sa.Column("phone", SEALED))
    op.add_column("user", sa.Column("phone_lookup", sa.String(length=64), server_default="", nullable=False))
    op.add_column("user", sa.Column("language", sa.String(length=2), server_default="", nullable=False))
    op.add_column("user", sa.Column("seen_at", MOMENT))
    _name_keys()
    op.create_index(
        "uq_user_login", "user", ["login"], unique=True, postgresql_where=sa.text("login <> ''"), sqlite_where=sa.text("login <> ''")
    )
    op.create_index("uq_user_name_key", "user", ["municipality_id", "name_key"], unique=True)


def _name_keys() -> None:
    """Whoever is there already is compared by the name that they have."""
    op.add_column("user", sa.Column("name_key", sa.String(length=120), nullable=False, server_default=""))
    user = sa.table("user", sa.column("id", ID), sa.column("name", sa.String), sa.column("name_key", sa.String))
    rows = op.get_bind().execute(sa.select(user.c.id, user.c.name)).all()
    for row in rows:
        op.get_bind().execute(sa.update(user).where(user.c.id == row.id).values(name_key=" ".join(row.name.split()).casefold()))


def _act_log() -> None:
    op.add_column("act_log", sa.Column("face", sa.String(length=10), server_default="", nullable=False))
    op.add_column("act_log", sa.Column("chain", ID, server_default=sa.text("0"), nullable=False))
    op.add_column("act_log", sa.Column("number", sa.BigInteger()))
    op.add_column("act_log", sa.Column("key_name", sa.String(length=16), server_default="", nullable=False))
    op.add_column("act_log", sa.Column("mac", sa.String(length=64), server_default="", nullable=False))
    op.create_index("uq_act_log_number", "act_log", ["chain", "number"], unique=True)


def _alert() -> None:
    op.add_column("alert", sa.Column("author_id", ID))
    op.add_column("alert", sa.Column("editor_id", ID))
    op.add_column("alert", sa.Column("approver_id", ID))


def _municipality() -> None:
    op.add_column("municipality", sa.Column("mode", sa.String(length=10), server_default="TRIAL", nullable=False))
    op.add_column("municipality", sa.Column("mode_at", MOMENT))
    # whoever is at work already has no trial before them: what they send must not stay behind silently
    op.execute("UPDATE municipality SET mode = 'REAL'")
