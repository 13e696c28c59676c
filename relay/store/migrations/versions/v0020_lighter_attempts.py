"""An attempt copies its delivery's town and sender, which point to them; and only what has a provider's id stands in the index of those."""

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None

NAMED = sa.text("provider_id IS NOT NULL")
#: what is checked for a delivery is not checked again for each of its attempts
COPIED = {"municipality_id": "municipality", "sender_id": "sender"}


def upgrade() -> None:
    # an alert's are found by its deliveries
    op.drop_index("ix_attempt_alert", "attempt")
    with op.batch_alter_table("attempt") as table:
        for column in COPIED:
            table.drop_constraint(f"fk_attempt_{column}", type_="foreignkey")
        table.drop_constraint("uq_attempt_provider_id", type_="unique")
    op.create_index(
        "uq_attempt_provider_id", "attempt", ["account", "provider_id"], unique=True, postgresql_where=NAMED, sqlite_where=NAMED
    )


def downgrade() -> None:
    op.drop_index("uq_attempt_provider_id", "attempt")
    with op.batch_alter_table("attempt") as table:
        table.create_unique_constraint("uq_attempt_provider_id", ["account", "provider_id"])
        for column, of in COPIED.items():
            table.create_foreign_key(f"fk_attempt_{column}", of, [column], ["id"])
    op.create_index("ix_attempt_alert", "attempt", ["alert_id"])
