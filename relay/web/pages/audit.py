"""The acts of a municipality, for its administrators: who did what, with a search."""

from collections.abc import Mapping
from dataclasses import dataclass

from aiohttp import web

from relay.store import audit, identity
from relay.store.columns import AnyRow
from relay.web.keys import RELAY
from relay.web.page import render
from relay.web.who import who

EACH = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditPage:
    """Acts, the newest first."""

    rows: list[AnyRow]
    #: "user:7" -> name, as it is now
    names: Mapping[str, str]
    search: str
    #: number below which the next page begins; 0 = there is none
    before: int


async def listed(request: web.Request) -> web.StreamResponse:
    """List the municipality's acts."""
    search, told = request.query.get("search", "")[:100], request.query.get("before", "")
    before = int(told) if told.isascii() and told.isdigit() and len(told) < 16 else 0
    async with request.app[RELAY].store.read() as conn:
        town = who(request).municipality_id
        names = {f"user:{user_id}": name for user_id, name in (await identity.names(conn, town)).items()}
        rows = await audit.listed(conn, town, search=_by_id(search, names), before=before, limit=EACH + 1)
    more = rows[EACH - 1].number if len(rows) > EACH else 0
    return await render(request, "access/audit.html", AuditPage(rows=rows[:EACH], names=names, search=search, before=more))


def _by_id(search: str, names: Mapping[str, str]) -> str:
    """Return the search with a whole name in it made the id that the acts hold."""
    found = next((actor for actor, name in names.items() if name.casefold() == search.strip().casefold()), None)
    return found or search
