"""Every page that a person can open, with who opens it: what the eyes' tests walk and the picture command photographs."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import select

from relay.model import Role
from relay.store import board, call_list_post, hand_over, invitations, links, users, walls
from relay.store.register import Stamp
from relay.store.tables import LanguageGroup, ResourcePerson, User, attempt, recipient, share_link, task, thread
from relay.web import call_file
from relay.web.call_post import CallPost
from relay.web.route import Door, Route
from relay.web.server import ROUTES
from tests.web.conftest import Web, stand_up
from tests.web.night import some_evening

#: what is fetched and is no page: streams, files, answers for programs, and a choice that leads on to one
NO_PAGES = frozenset({r"/alerts/{number:\d+}/languages", "/healthz", "/readyz", "/static/{name:.+}", "/session/left", "/api/openapi.json"})
ENDINGS = ("/live", "/stream", ".csv", ".json", ".html")

#: who opens a page, where it is not the first of those who may: the one who can do most there
ORDER = (Role.COORDINATOR, Role.DUTY_OFFICER, Role.APPROVER, Role.ADMINISTRATOR, Role.VIEWER)


@dataclass(frozen=True, slots=True)
class Place:
    """A page to open: the route's pattern, the address, and whose browser it is."""

    pattern: str
    address: str
    role: Role | None


def pages() -> list[Route]:
    """Return the routes that show a page to a signed-in user, or to a stranger without a link."""
    got = [route for route in ROUTES if route.method == "GET" and route.who not in (Door.LINK, Door.PROVIDER, Door.TOKEN, Door.MONITOR)]
    return [route for route in got if route.path not in NO_PAGES and not route.path.endswith(ENDINGS)]


def whose(route: Route) -> Role | None:
    """Return whose browser opens it."""
    if isinstance(route.who, Door):
        return None
    return next(role for role in ORDER if role in route.who)


async def places(web: Web) -> list[Place]:
    """Return every page with an address that is there in this town. KeyError names a part that has no value yet: add it below."""
    values = await _values(web)
    return [Place(route.path, _filled(route.path, values), whose(route)) for route in pages()]


def _filled(pattern: str, values: dict[str, str]) -> str:
    address = []
    for part in pattern.split("/"):
        if not part.startswith("{"):
            address.append(part)
            continue
        name = part.strip("{}").split(":")[0]
        address.append(values[f"{name} of {pattern}"] if f"{name} of {pattern}" in values else values[name])
    return "/".join(address)


#: pages of a draft; all others show the alert that is out
OF_A_DRAFT = (r"/alerts/{number:\d+}/edit", r"/alerts/{number:\d+}/review", r"/alerts/{number:\d+}/approve")


async def _values(web: Web) -> dict[str, str]:
    stand = web.stand
    assert stand.issued is not None
    draft = await _draft(web)
    async with stand.house.store.read() as conn:

        async def first(column: Any, *where: Any) -> str:
            return str((await conn.execute(select(column).where(*where).order_by(column).limit(1))).scalar() or 1)

        values = {
            "number": str(stand.issued.number),
            "person": await first(ResourcePerson.id),
            "group": await first(LanguageGroup.id),
            "thread": await first(thread.c.id),
            "task": await first(task.c.id, task.c.done_at.is_(None)),
            "user": await first(User.id),
            "action": "remind",
            "language": "ti",
            "address": "",
        }
        values[r"person of /alerts/{number:\d+}/people/{person:\d+}"] = await first(recipient.c.person_id)
    return values | {f"number of {pattern}": draft for pattern in OF_A_DRAFT}


async def _draft(web: Web) -> str:
    """Write a draft from a template, as the author."""
    from tests.web.night import write_draft

    return str(await write_draft(web))


async def links_held(web: Web) -> list[Place]:
    """Return a page of every kind that somebody holds a link to: of a message, to share, one's own, a wall, an invitation, and to leave."""
    stand = web.stand
    assert stand.issued is not None
    now, town = stand.house.relay.clock.now(), stand.municipality_id
    async with stand.house.store.write() as conn:
        row = (await conn.execute(select(share_link).where(share_link.c.kind == links.LinkKind.MESSAGE))).first()
        assert row is not None
        wall = await walls.make(conn, await board.heading(conn, town, stand.issued.number), "test", now)
        new = users.NewUser(name="Somebody New", roles=frozenset({Role.VIEWER}))
        held = {
            "/m/{token}": links.token_of(links.LinkKind.MESSAGE, row.seed),
            "/s/{token}": await links.share_token(conn, row.recipient_id),
            "/me/{token}": await links.own_page(conn, town, row.person_id, now),
            "/wall/{token}": wall,
            "/invitation/{token}": await invitations.invite(conn, town, new, Stamp(by="test", at=now)),
            "/avmeld/{token}": (await conn.execute(select(attempt.c.token))).scalars().first(),
        }
    held |= {"/m/{token}/share": held["/m/{token}"], "/s/{token}/poster": held["/s/{token}"]}
    return [Place(pattern, pattern.format(token=token), None) for pattern, token in held.items()]


@asynccontextmanager
async def busy_town(folder: Path) -> AsyncIterator[Web]:
    """A town in the middle of its evening: messages are out, people have answered, asked and been in danger."""
    async with stand_up(folder, people=60) as web:
        await some_evening(web)
        await _hand_over(web)
        await _gets_the_list(web)
        yield web


async def _hand_over(web: Web) -> None:
    """Let the officer who goes off duty have told the next one what stands."""
    stamp = Stamp(by="Duty Officer", at=web.stand.house.relay.clock.now())
    async with web.stand.house.store.write() as conn:
        going_on, left = "Kokevarselet er ute; de fleste har svart.", "Ring Tesfay klokka 23.\nSe etter svar fra vannverket."
        await hand_over.write(conn, web.stand.municipality_id, going_on, left, stamp)


async def _gets_the_list(web: Web) -> None:
    """Let the coordinator have asked for the call list by e-mail."""
    stamp = Stamp(by="Coordinator Test", at=web.stand.house.relay.clock.now())
    async with web.stand.house.store.write() as conn:
        known = await users.by_login(conn, "coordinator")
        assert known is not None
        await users.change(conn, web.stand.municipality_id, known.id, stamp, email="koordinator@budvik.test", phone="", language="")
        await call_list_post.subscribe(conn, web.stand.municipality_id, known.id, call_file.key_of("fire ord på rad"), stamp)
    await CallPost(web.stand.house.relay).at_once(web.stand.municipality_id, known.id)
