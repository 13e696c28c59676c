"""Drafts the next version from what the tables have and the newest version lacks: `python -m relay.store.migrations.draft "why"`.

Read the draft before you commit it; tests/relay/store/test_schema.py says whether it gives exactly the tables, on both databases.
"""

import asyncio
import sys
import tempfile

from alembic import command
from sqlalchemy import Connection

from relay.store import schema
from relay.store.engine import Store


async def draft(why: str) -> None:
    """Write the next version's file."""
    with tempfile.TemporaryDirectory() as folder:
        store = await Store.open(f"sqlite:///{folder}/budstikke.db")
        await schema.upgrade(store)
        async with store.remodel() as conn:
            await conn.run_sync(_draft, why)
        await store.close()


def _draft(connection: Connection, why: str) -> None:
    command.revision(schema.config(connection), why, autogenerate=True, rev_id=f"{int(schema.newest()) + 1:04}")


if __name__ == "__main__":
    asyncio.run(draft(" ".join(sys.argv[1:])))
