"""One of all workers keeps time for all: whoever holds PostgreSQL's advisory lock. On SQLite there is one worker, which leads."""

import asyncio
from contextlib import suppress
from typing import Any

from asyncpg import InterfaceError

from relay.model import NotReady
from relay.store.engine import Store
from relay.store.faults import told

#: PostgreSQL: whoever leads holds this lock, as long as its connection lives
LOCK = 0x6275_646C
#: seconds between two signs of a leader, and between two tries of the others
ASK = 1.0
#: seconds after which PostgreSQL itself drops a leader that gives no sign: a stopped process would hold its lock for ever
SILENT = 5


class Leader:
    """Whether this process leads."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.leads = store.dialect == "sqlite"

    async def campaign(self) -> None:
        """Stand for leader, and lead when it is our turn. Outlives lost connections; runs until cancelled."""
        if self._store.dialect == "sqlite":
            return
        while True:
            with suppress(NotReady, InterfaceError), told():
                await self._stand()
            await asyncio.sleep(ASK)

    async def _stand(self) -> None:
        async with self._store.bare() as conn:
            driver: Any = (await conn.get_raw_connection()).driver_connection
            await driver.execute(f"SET idle_session_timeout = '{SILENT}s'")
            try:
                while True:
                    # asked as a leader it only shows that we are there
                    self.leads = await driver.fetchval("SELECT $1 OR pg_try_advisory_lock($2)", self.leads, LOCK)
                    await asyncio.sleep(ASK)
            finally:
                self.leads = False
