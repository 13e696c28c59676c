"""The matrix of who may do what, walked whole over the real server: every route, every kind of caller, every method."""

import re
import sys
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import aiohttp
import pytest
from sqlalchemy import select

from relay.model import Place, Role
from relay.store import sessions, users
from relay.store.register import Stamp, add_municipality
from relay.store.tables import User
from relay.web.guard import csrf_of
from relay.web.route import Door
from relay.web.server import ROUTES
from tests.web import matrix

if TYPE_CHECKING:
    from tests.web.conftest import Web

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")
STRANGER, ELSEWHERE = "anonymous", "another town's administrator"
#: what stands in a path, where it is not "1"
NAMES = re.compile(r"\{(\w+)(?::([^{}]*))?\}")
#: what a part of a path may be, where it is one word only
WORD = re.compile(r"[a-z-]+")
#: the file that is asked for in place of any
NAMED = {"name": "css/app.css", "language": "ti"}


def test_every_route_stands_in_the_matrix_as_it_is() -> None:
    known, found = matrix.written(), {matrix.row(route): matrix.told(route) for route in ROUTES}
    assert not matrix.lacking(), "look at these and put them into tests/web/matrix.toml:\n" + "\n".join(matrix.lacking())
    assert not (gone := sorted(set(known) - set(found))), f"these are no routes any more; take them out of tests/web/matrix.toml: {gone}"
    assert found == known, "a route lets others in than the matrix says: one of the two is wrong"


@dataclass(frozen=True)
class Caller:
    name: str
    user_id: int | None
    roles: frozenset[Role]


@dataclass
class Walk:
    """The house and its callers; every request comes with a session of its own, so that signing out spoils nothing."""

    web: "Web"
    http: aiohttp.ClientSession
    callers: list[Caller]
    values: Mapping[str, str]

    async def ask(self, method: str, path: str, caller: Caller, *, csrf: bool = True) -> tuple[int, str]:
        token = await self._session(caller) if caller.user_id else ""
        headers = {"Cookie": f"budstikke={token}"} if token else {}
        data = {"csrf": csrf_of(token)} if csrf and token and method == "POST" else {}
        where = self.web.url + NAMES.sub(self._part, path)
        async with self.http.request(method, where, data=data or None, headers=headers, allow_redirects=False) as answer:
            return answer.status, answer.headers.get("Location", "")

    def _part(self, found: "re.Match[str]") -> str:
        """Fill a part of a path: with a value that is there, with the one word that it may be, or with 1."""
        one_word = found[2] if found[2] and WORD.fullmatch(found[2]) else "1"
        return self.values.get(found[1], one_word)

    async def _session(self, caller: Caller) -> str:
        house = self.web.stand.house
        async with house.store.write() as conn:
            row = (await conn.execute(select(User.__table__).where(User.id == caller.user_id))).one()
            return await sessions.begin(conn, row, "walk", house.relay.clock.now(), second_factor=True)


@pytest.fixture(name="walk")
async def _walk(web: "Web") -> Walk:
    """A demo with an alert, a caller of every kind, and somebody whom administrators may do things to."""
    house, town = web.stand.house, web.stand.municipality_id
    stamp = Stamp(by="", at=house.relay.clock.now())
    async with house.store.write() as conn:
        victim = await users.add(conn, town, users.NewUser(name="Somebody", roles=frozenset({Role.VIEWER}), login="somebody"), stamp)
        other = await add_municipality(conn, Place(number="9997", name="Sorby", point=None), stamp)
        boss = users.NewUser(name="Elsewhere", roles=frozenset({Role.ADMINISTRATOR}), login="elsewhere")
        elsewhere = await users.add(conn, other, boss, stamp)
        row = (await conn.execute(select(User.__table__).where(User.id == victim))).one()
        token = await sessions.begin(conn, row, "victim", stamp.at, second_factor=False)
        mine = await sessions.find(conn, token, stamp.at)
        ids = {user.login: user.user_id for user in await users.listed(conn, town)}
    assert mine
    callers = [Caller(STRANGER, None, frozenset())]
    callers += [Caller(str(role), ids[str(role)], frozenset({role})) for role in Role]
    callers.append(Caller(ELSEWHERE, elsewhere, frozenset({Role.ADMINISTRATOR})))
    values = NAMED | {"user": str(victim), "session": str(mine.session_id)}
    return Walk(web, aiohttp.ClientSession(), callers, values)


def expected(who: str | None, caller: Caller, method: str, path: str, status: int, location: str) -> bool:
    """Whether an answer is as the matrix has it. `who`: None where the path knows no such method; another path may (/users/invite)."""
    to_the_door = status == 303 and location.startswith("/sign-in")
    looks = method in ("GET", "HEAD")
    doors: dict[str | None, bool] = {
        None: to_the_door or status in (403, 404, 405),
        Door.PROVIDER: status in (403, 404),
        Door.TOKEN: status == 401,
        Door.MONITOR: looks or 400 <= status < 500,
        Door.OPEN: looks or 400 <= status < 500,
        Door.LINK: looks or 400 <= status < 500,
    }
    if who in doors:
        return doors[who]
    if caller.user_id is None:
        return to_the_door
    if not caller.roles & matrix.roles(str(who)):
        return status == 403
    if caller.name == ELSEWHERE and "{" in path:
        return status in ((404,) if looks else (400, 403, 404))
    return status < 500 and (status != 403 or not looks) and (not to_the_door or path == "/sign-out")


@pytest.mark.slow
@pytest.mark.timeout(600)
async def test_the_whole_matrix(walk: Walk) -> None:
    """0 unexpected answers; and no form is taken without its token."""
    rows, table = Counter[int](), matrix.written()
    wrong, forms = [], 0
    async with walk.http:
        for path in dict.fromkeys(route.path for route in ROUTES):
            for caller in walk.callers:
                for method in METHODS:
                    who = table.get(f"{'GET' if method == 'HEAD' else method} {path}")
                    if method == "HEAD" and who == Door.PROVIDER:
                        who = None
                    status, location = await walk.ask(method, path, caller)
                    rows[status] += 1
                    if not expected(who, caller, method, path, status, location):
                        wrong.append(f"{caller.name}: {method} {path} -> {status} {location}, the matrix says: {who or 'nobody'}")
                    if method == "POST" and who not in (None, *Door) and caller.user_id:
                        forms += 1
                        if (await walk.ask(method, path, caller, csrf=False))[0] != 403:
                            wrong.append(f"{caller.name}: {method} {path} is taken without its token")
    said = f"{rows.total()} requests over {len(table)} routes: {dict(sorted(rows.items()))}; {forms} forms without their token refused"
    sys.stdout.write(f"\n{said}; {len(wrong)} answers not as the matrix has them\n")
    assert wrong == []
