"""A house with its pages open: users of every role in two towns, and browsers that are signed in."""

import re
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from types import TracebackType
from typing import Self

import aiohttp

from channels.clock import ManualClock
from relay.app import House, open_house
from relay.model import Place, Role
from relay.settings import Settings
from relay.store import sealing, users
from relay.store.register import Stamp, add_municipality
from relay.web.passwords import _hasher

START = datetime(2026, 11, 23, 17, 0, tzinfo=UTC)
PASSWORD = "fire ord på rad"
CSRF = re.compile(r'name="csrf" value="([0-9a-f]*)"')


@cache
def password_hash() -> str:
    return _hasher.hash(PASSWORD)


@dataclass
class Browser:
    """Somebody at a keyboard: keeps cookies, follows nothing, sends forms with the token that a page carries."""

    url: str
    http: aiohttp.ClientSession = field(init=False)
    csrf: str = ""
    headers: Mapping[str, str] = field(default_factory=lambda: {"Sec-Fetch-Site": "same-origin"})

    async def __aenter__(self) -> Self:
        self.http = aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True), headers=dict(self.headers))
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        await self.http.close()

    async def ask(
        self, method: str, path: str, *, data: Mapping[str, str | list[str]] | None = None, headers: Mapping[str, str] | None = None
    ) -> "Answer":
        async with self.http.request(method, self.url + path, data=data, headers=headers, allow_redirects=False) as response:
            text = await response.text()
            found = CSRF.search(text)
            self.csrf = found[1] if found and found[1] else self.csrf
            return Answer(response.status, text, response.headers.get("Location", ""), dict(response.headers))

    async def get(self, path: str) -> "Answer":
        return await self.ask("GET", path)

    async def post(self, path: str, **fields: str | list[str]) -> "Answer":
        data: dict[str, str | list[str]] = {"csrf": self.csrf, **fields}
        return await self.ask("POST", path, data=data)

    async def sign_in(self, login: str, password: str = PASSWORD, code: str = "") -> "Answer":
        answer = await self.ask("POST", "/sign-in", data={"login": login, "password": password, "code": code, "next": "/me"})
        if answer.status == 303:
            await self.get("/me/password")
        return answer

    def cookie(self, name: str = "budstikke") -> str:
        return next((one.value for one in self.http.cookie_jar if one.key == name), "")


@dataclass(frozen=True)
class Answer:
    status: int
    text: str
    location: str
    headers: Mapping[str, str]


@dataclass
class Open:
    """The house, its clock, the towns, and who is who: login -> user id."""

    house: House
    clock: ManualClock
    url: str
    town: int
    other: int
    users: dict[str, int]
    stack: AsyncExitStack

    async def browser(self, login: str = "", **headers: str) -> Browser:
        """Open a browser, signed in if a login is named."""
        made = Browser(self.url, headers={"Sec-Fetch-Site": "same-origin", **headers})
        await self.stack.enter_async_context(made)
        if login:
            assert (await made.sign_in(login)).status == 303
        return made

    def passes(self, **spell: float) -> None:
        self.clock.advance(**spell)


def settings(url: str, **more: str) -> Settings:
    keys = {"encryption_key": sealing.make_key(), "lookup_key": sealing.make_key(), "audit_key": sealing.make_key()}
    return Settings(_env_file=None, database_url=url, listen_port=0, **keys | more)  # type: ignore[arg-type]


@asynccontextmanager
async def opened(told: Settings) -> AsyncIterator[Open]:
    """Open a house with two towns: one user of each role in the first, named by the role, and an administrator of the other."""
    clock = ManualClock(START)
    async with AsyncExitStack() as stack:
        house = await stack.enter_async_context(open_house(told, clock=clock, dispatches=False))
        stamp = Stamp(by="", at=START)
        found = {}
        async with house.store.write() as conn:
            town, other = [
                await add_municipality(conn, Place(number=number, name=name, point=None), stamp)
                for number, name in (("9998", "Budvik"), ("9997", "Sorby"))
            ]
            for role in Role:
                new = users.NewUser(name=f"The {role}", roles=frozenset({role}), login=str(role))
                found[str(role)] = await users.add(conn, town, new, stamp, password_hash=password_hash())
            boss = users.NewUser(name="Another administrator", roles=frozenset({Role.ADMINISTRATOR}), login="elsewhere")
            found["elsewhere"] = await users.add(conn, other, boss, stamp, password_hash=password_hash())
        url = await house.listen()
        yield Open(house, clock, url, town, other, found, await stack.enter_async_context(AsyncExitStack()))
