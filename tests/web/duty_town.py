"""Sørvik for one night, with its pages open: a duty officer and a viewer are signed in."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import Executable

from relay.model import Role
from relay.store import users
from relay.store.columns import AnyRow
from relay.store.register import Stamp
from tests.stories.town import Town, town
from tests.web.house import Browser, password_hash

WATER = {"ti": "ማይ ኣፍልሑ", "so": "KARI BIYAHA", "ar": "اغلوا الماء", "nb": "KOK VANNET"}


@dataclass
class Duty:
    """The town, and who looks at its pages."""

    town: Town
    officer: Browser
    viewer: Browser
    stack: AsyncExitStack

    async def rows(self, statement: Executable) -> list[AnyRow]:
        async with self.town.store.read() as conn:
            return list((await conn.execute(statement)).all())

    async def change(self, statement: Executable) -> None:
        async with self.town.store.write() as conn:
            await conn.execute(statement)

    async def issue(self, **more: Any) -> int:
        """Send the water alert out; return its number."""
        await self.town.issue(WATER, **more)
        self.town.relay.pulse.ring()
        return 1

    async def release(self) -> None:
        """Release the water alert; nothing of it leaves yet."""
        alert_id = await self.town.draft(WATER)
        await self.town.relay.approve(self.town.municipality_id, alert_id, "Ola")
        await self.town.relay.release(self.town.municipality_id, alert_id, "Ola")

    async def press(self, path: str, **fields: str) -> Any:
        """Let the duty officer open a page and send its form."""
        await self.officer.get(path)
        answer = await self.officer.post(path, **fields)
        await self.town.settle()
        return answer


@asynccontextmanager
async def duty_town(url: str, folder: Path) -> AsyncIterator[Duty]:
    """Open the town with a user of each role, named by the role."""
    async with town(url, folder) as home, AsyncExitStack() as stack:
        async with home.store.write() as conn:
            for role in Role:
                new = users.NewUser(name=f"The {role}", roles=frozenset({role}), login=str(role), language="en")
                await users.add(conn, home.municipality_id, new, Stamp(by="", at=home.clock.now()), password_hash=password_hash())
        officer, viewer = [
            await stack.enter_async_context(Browser(home.relay.desk.public_url, headers={"Sec-Fetch-Site": "same-origin"}))
            for _ in range(2)
        ]
        for browser, login in ((officer, "duty_officer"), (viewer, "viewer")):
            assert (await browser.sign_in(login)).status == 303
        yield Duty(home, officer, viewer, stack)
