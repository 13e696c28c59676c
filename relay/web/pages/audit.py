"""The acts of a municipality, for its administrators: who did what, with a search."""

from dataclasses import dataclass

from aiohttp import web
from sqlalchemy.ext.asyncio import AsyncConnection

from relay.store import alerts, audit, groups, identity
from relay.web import words
from relay.web.keys import RELAY
from relay.web.page import language_of, render
from relay.web.pages import audit_words
from relay.web.who import who

EACH = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditPage:
    """Acts, the newest first."""

    acts: tuple[audit_words.Said, ...]
    search: str
    #: number below which the next page begins; 0 = there is none
    before: int


async def listed(request: web.Request) -> web.StreamResponse:
    """List the municipality's acts."""
    search, told = request.query.get("search", "")[:100], request.query.get("before", "")
    before = int(told) if told.isascii() and told.isdigit() and len(told) < 16 else 0
    language, town = language_of(request), who(request).municipality_id
    async with request.app[RELAY].store.read() as conn:
        names = await _names(conn, town, language)
        around = audit_words.Around(language=language, names=names)
        rows = await audit.listed(conn, town, _terms(around, search), before=before, limit=EACH + 1)
    page = AuditPage(
        acts=tuple(audit_words.said(around, row) for row in rows[:EACH]),
        search=search,
        before=rows[EACH - 1].number if len(rows) > EACH else 0,
    )
    return await render(request, "access/audit.html", page)


async def _names(conn: AsyncConnection, town: int, language: str) -> dict[str, str]:
    """Return what is known by a name, as it is now: "user:7" -> Kari."""
    numbers = await alerts.numbers(conn, town)
    return {
        **{f"user:{user_id}": name for user_id, name in (await identity.names(conn, town)).items()},
        **{f"group:{group_id}": name for group_id, name in (await groups.names(conn, town)).items()},
        **{f"alert:{alert_id}": words.say(language, audit_words.ALERT, number=number) for alert_id, number in numbers.items()},
    }


def _terms(around: audit_words.Around, search: str) -> list[audit.Term]:
    """Return what a search asks for: whom or what it names as a whole, else each of its words, which may be one of the page's own."""
    if code := audit_words.meant(around, search):
        return [audit.Term(code=code)]
    return [audit.Term(text=word, acts=audit_words.acts_with(around.language, word)) for word in search.split()]
