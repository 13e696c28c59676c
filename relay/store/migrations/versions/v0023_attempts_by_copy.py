"""An attempt is made of the delivery that its statement has just read, and neither is ever deleted: it need not be looked up again."""

from alembic import op

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None

#: a fifth of what PostgreSQL did for a message was to look these up, row by row
KNOWN = {"delivery_id": "delivery", "possible_duplicate_of": "attempt"}


def upgrade() -> None:
    with op.batch_alter_table("attempt") as table:
        for column in KNOWN:
            table.drop_constraint(f"fk_attempt_{column}", type_="foreignkey")


def downgrade() -> None:
    with op.batch_alter_table("attempt") as table:
        for column, of in KNOWN.items():
            table.create_foreign_key(f"fk_attempt_{column}", of, [column], ["id"])
