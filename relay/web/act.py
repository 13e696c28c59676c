"""What every act of a page needs: who does it and when, the form's fields, the id in the path, the way back."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp import web
from sqlalchemy.ext.asyncio import AsyncConnection

from relay.model import NotFound
from relay.store.register import Stamp
from relay.web.keys import RELAY
from relay.web.who import who


def stamp(request: web.Request) -> Stamp:
    """Return who acts, and when."""
    return Stamp(by=who(request).name, at=request.app[RELAY].clock.now())


@asynccontextmanager
async def writing(request: web.Request) -> AsyncIterator[tuple[AsyncConnection, int, Stamp]]:
    """Open a transaction of the user's municipality: connection, municipality, who and when."""
    async with request.app[RELAY].store.write() as conn:
        yield conn, who(request).municipality_id, stamp(request)


async def field(request: web.Request, name: str, longest: int = 500) -> str:
    """Return a field of the form, without spaces around it."""
    value = (await request.post()).get(name, "")
    return value.strip()[:longest] if isinstance(value, str) else ""


def number(request: web.Request, name: str) -> int:
    """Return the number in the path; NotFound when it is none."""
    return as_number(request.match_info[name])


def as_number(told: str) -> int:
    """Return the number that was told; NotFound when it is none."""
    if not told.isascii() or not told.isdigit() or len(told) > 15:
        raise NotFound("There is nothing here.")
    return int(told)


def back(to: str) -> web.HTTPSeeOther:
    """Return the answer that leads back to a page."""
    return web.HTTPSeeOther(to)
