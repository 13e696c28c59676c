"""Alembic's way in: runs the versions on the connection that relay.store.schema hands over, and drafts new ones in frozen types."""

from typing import Any, Literal

from alembic import context
from alembic.autogenerate.api import AutogenContext

from relay.store.columns import Id, Json, Moment, Sealed
from relay.store.tables import Base


def in_frozen_types(kind: str, item: Any, _autogen: AutogenContext) -> str | Literal[False]:
    """Name our types by what they are in the database, so that a version keeps its meaning when ours change."""
    if kind != "type":
        return False
    if isinstance(item, Moment):
        return "sa.DateTime(timezone=True)"
    if isinstance(item, Sealed):
        return "sa.LargeBinary()"
    return "ID" if item is Id else "JSON" if item is Json else False


context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Base.metadata,
    render_as_batch=True,
    render_item=in_frozen_types,
)
with context.begin_transaction():
    context.run_migrations()
