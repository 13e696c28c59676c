"""Forgetting: what has been kept long enough goes, here and at the provider. Once a day, by whoever keeps time; or at a word."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal

import structlog

from channels.base import Redactable, SendFailed
from channels.clock import Clock
from relay.desk import Desk
from relay.store import purge, remembered
from relay.store.columns import AnyRow
from relay.store.engine import Store
from relay.store.purge import KINDS, Kind

log = structlog.get_logger(__name__)

DAY = timedelta(days=1)
#: messages that a provider is asked to forget in one go, and at once
MOST, AT_ONCE = 500, 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Periods:
    """How long each kind is kept (days, by the setting's name), and what a provider is to forget after how long."""

    days: Mapping[str, float]
    at_provider: Literal["all", "text", "no"] = "all"
    provider_after: timedelta = timedelta(hours=72)


@dataclass(frozen=True, slots=True)
class Report:
    """How many of each kind were forgotten, or would be."""

    found: dict[str, int] = field(default_factory=dict)
    dry: bool = False


class Forgetter:
    """Forgets by its periods."""

    def __init__(self, store: Store, desk: Desk, clock: Clock, periods: Periods) -> None:
        self.store, self.desk, self.clock, self.periods = store, desk, clock, periods

    async def daily(self) -> Report | None:
        """Forget if that was not done in the last day; else do nothing."""
        async with self.store.read() as conn:
            last = await remembered.moment(conn, remembered.LAST_PURGE)
        if last is not None and self.clock.now() - last < DAY:
            return None
        report = await self.forget()
        log.info("what was kept long enough is forgotten", **report.found)
        return report

    async def forget(self) -> Report:
        """Forget everything that has been kept long enough, in small transactions while everybody works on."""
        found = {kind.name: await self._all_of(kind) for kind in KINDS}
        found["messages at providers"] = await self._at_providers()
        now = self.clock.now()
        async with self.store.write() as conn:
            await remembered.put(conn, remembered.LAST_PURGE, now.isoformat())
            await purge.reported(conn, found, now)
        return Report(found)

    async def would_forget(self) -> Report:
        """Count what `forget` would forget; change nothing."""
        now = self.clock.now()
        async with self.store.read() as conn:
            found = {kind.name: await purge.count(conn, kind, now, self.periods.days[kind.period]) for kind in KINDS}
            found["messages at providers"] = len(await purge.known_to_providers(conn, self._able(), self._provider_cut(), 1_000_000))
        return Report(found, dry=True)

    async def _all_of(self, kind: Kind) -> int:
        forgotten = 0
        while True:
            now = self.clock.now()
            async with self.store.write() as conn:
                ids = await purge.due(conn, kind, now, self.periods.days[kind.period])
                if ids:
                    await kind.forget(conn, ids, now)
            forgotten += len(ids)
            if len(ids) < purge.AT_ONCE:
                return forgotten

    # --- at providers ---------------------------------------------------------------------------------------------------

    def _able(self) -> list[str]:
        """Return the accounts whose provider can be asked to forget."""
        if self.periods.at_provider == "no":
            return []
        return [account for (_, account), channel in self.desk.channels.items() if isinstance(channel, Redactable)]

    def _provider_cut(self) -> datetime:
        return self.clock.now() - self.periods.provider_after

    async def _at_providers(self) -> int:
        """Ask the providers to forget, until nothing is left or one does not answer: the rest comes tomorrow."""
        turns, forgotten = asyncio.Semaphore(AT_ONCE), 0
        while True:
            async with self.store.read() as conn:
                rows = await purge.known_to_providers(conn, self._able(), self._provider_cut(), MOST)
            told = await asyncio.gather(*(self._ask(row, turns) for _, row in rows))
            done = [(name, row.id) for (name, row), went in zip(rows, told, strict=True) if went]
            async with self.store.write() as conn:
                await purge.redacted(conn, done, self.clock.now())
            forgotten += len(done)
            if len(rows) < MOST or len(done) < len(rows):
                return forgotten

    async def _ask(self, row: AnyRow, turns: asyncio.Semaphore) -> bool:
        channel: object = next((one for (_, account), one in self.desk.channels.items() if account == row.account), None)
        if not isinstance(channel, Redactable):
            return False
        try:
            async with turns:
                await channel.redact(row.provider_id, whole=self.periods.at_provider == "all")
        except SendFailed as failed:
            log.warning("the provider does not forget a message yet", account=row.account, reason=failed.reason.name)
            return False
        return True
