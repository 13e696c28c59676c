"""A house with its pages, the demo's town in it, a user of every role, and a browser."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import pytest
import pytest_asyncio
from sqlalchemy import select

from relay.demo.play import Options, Stand, opened
from relay.model import Role
from relay.store import sealing, sessions, users
from relay.store.register import Stamp
from relay.store.tables import User
from tests.relay.conftest import keyring, migrated_database, migrated_file, migrated_postgres_url, migrated_sqlite_url, migrated_url

__all__ = ["keyring", "migrated_database", "migrated_file", "migrated_postgres_url", "migrated_sqlite_url", "migrated_url"]


@dataclass(frozen=True, kw_only=True)
class Web:
    """A demo that is up, and who may come in."""

    stand: Stand
    #: a session's cookie for each role
    cookies: dict[Role, str]
    keys: sealing.Keyring

    @property
    def url(self) -> str:
        """Where the pages are."""
        return self.stand.url

    @asynccontextmanager
    async def client(self, role: Role | None = None) -> AsyncIterator[aiohttp.ClientSession]:
        """A browser without a screen, signed in as a user of this role; none: a stranger."""
        cookies = {"budstikke": self.cookies[role]} if role else {}
        jar = aiohttp.CookieJar(unsafe=True)
        async with aiohttp.ClientSession(self.url, cookies=cookies, cookie_jar=jar) as session:
            yield session


@pytest.fixture
async def web(tmp_path: Path) -> AsyncIterator[Web]:
    """A small town whose boil-water alert has just been released; nothing is dispatched unless a test does."""
    async with stand_up(tmp_path) as made:
        yield made


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def open_web(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Web]:
    """As `web`, one for all tests of a file, which leave each other alone. The file says `asyncio(loop_scope="module")`."""
    async with stand_up(tmp_path_factory.mktemp("web")) as made:
        yield made


@asynccontextmanager
async def stand_up(folder: Path, *, people: int = 24, issue: bool = True, database: str = "") -> AsyncIterator[Web]:
    """Start the provider and the house, with one user for each role."""
    async with opened(Options(people=people, database=database), folder, issue=issue) as stand:
        cookies = {role: await _signed_in(stand, role) for role in Role}
        yield Web(stand=stand, cookies=cookies, keys=sealing.keyring())


async def _signed_in(stand: Stand, role: Role) -> str:
    house = stand.house
    now = house.relay.clock.now()
    async with house.store.write() as conn:
        new = users.NewUser(name=f"{role.value.replace('_', ' ').title()} Test", roles=frozenset({role}), login=role.value)
        user_id = await users.add(conn, stand.municipality_id, new, Stamp(by="test", at=now))
        row = (await conn.execute(select(User.__table__).where(User.id == user_id))).one()
        return await sessions.begin(conn, row, "test", now, second_factor=True)


@pytest.fixture(scope="session")
def chromium() -> Iterator[str]:
    """Path of a real Chromium; skipped loudly where there is none."""
    for path in ("/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"):
        if Path(path).exists():
            yield path
            return
    pytest.skip("no Chromium: apt install chromium")
