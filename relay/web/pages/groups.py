"""Groups: a language and a community, whom they may ring, how many must pass it on, how large the community is and who says so."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date

from aiohttp import web

from messages import languages
from relay.authority import WRITERS
from relay.model import BadInput, NotAllowed
from relay.store import groups as kept
from relay.store.columns import AnyRow
from relay.store.register import NewContact, Stamp
from relay.web import words
from relay.web.keys import RELAY
from relay.web.page import language_of, render
from relay.web.pages.alert_of import Form, form_of
from relay.web.pages.problems import in_words
from relay.web.who import who

# in these words the pages' catalogues find them
NO_NAME = "Write a name."
NO_DATE = "This is no date. Write it as 2026-11-24."


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupsPage:
    """What the list of groups shows."""

    groups: list[kept.Group]
    contacts: list[AnyRow]
    may_write: bool
    values: Mapping[str, str] = field(default_factory=dict)
    errors: Mapping[str, str] = field(default_factory=dict)

    def value(self, name: str) -> str:
        """Return what stands in a field of the new contact point."""
        return self.values.get(name, "")


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupPage:
    """What the form of a group shows."""

    #: None: a new one
    row: AnyRow | None
    people: int
    values: Mapping[str, str]
    contacts: list[AnyRow]
    tags: tuple[str, ...]
    errors: Mapping[str, str] = field(default_factory=dict)

    def value(self, name: str) -> str:
        """Return what stands in a field."""
        return self.values.get(name, "")


async def show(request: web.Request) -> web.StreamResponse:
    """Show the groups of the asker's municipality, and whom they may ring."""
    return await _list(request, {}, "")


async def _list(request: web.Request, values: Form, error: str) -> web.Response:
    me, relay = who(request), request.app[RELAY]
    async with relay.store.read() as conn:
        page = GroupsPage(
            groups=await kept.listed(conn, me.municipality_id),
            contacts=await kept.contact_points(conn, me.municipality_id),
            may_write=me.may(WRITERS),
            values=values,
            errors={"name": in_words(language_of(request), error)} if error else {},
        )
    return await render(request, "people/groups.html", page, status=422 if error else 200)


async def add_contact(request: web.Request) -> web.StreamResponse:
    """Add somebody whom groups may ring."""
    me, relay, form = who(request), request.app[RELAY], await form_of(request)
    try:
        new = NewContact(name=_named(form), phone=form.get("phone", "").strip(), hours=form.get("hours", "").strip())
        async with relay.store.write() as conn:
            await kept.add_contact(conn, me.municipality_id, new, Stamp(by=me.name, at=relay.clock.now()))
    except BadInput as refused:
        return await _list(request, form, words.refused(language_of(request), refused))
    raise web.HTTPSeeOther("/people/groups")


# --- one group --------------------------------------------------------------------------------------------------------------


async def edit(request: web.Request) -> web.StreamResponse:
    """Show the form of a group, or of a new one."""
    return await _form(request, None, "")


async def _form(request: web.Request, typed: Form | None, error: str) -> web.Response:
    me, relay = who(request), request.app[RELAY]
    wanted = request.match_info.get("group")
    async with relay.store.read() as conn:
        row = await kept.find(conn, me.municipality_id, int(wanted)) if wanted else None
        listed = await kept.listed(conn, me.municipality_id)
        page = GroupPage(
            row=row,
            people=next((one.people for one in listed if row and one.row.id == row.id), 0),
            values=typed if typed is not None else _values(row),
            contacts=await kept.contact_points(conn, me.municipality_id),
            tags=tuple(one.tag for one in languages.all_languages()),
            errors={"name": in_words(language_of(request), error)} if error else {},
        )
    return await render(request, "people/group.html", page, status=422 if error else 200)


def _values(row: AnyRow | None) -> dict[str, str]:
    if row is None:
        return {"quorum": "2"}
    return {
        "name": row.name,
        "quorum": str(row.quorum),
        "estimate": "" if row.estimate is None else str(row.estimate),
        "estimate_source": row.estimate_source,
        "estimate_on": row.estimate_on.isoformat() if row.estimate_on else "",
        "contact": str(row.contact_point_id or ""),
    }


async def save(request: web.Request) -> web.StreamResponse:
    """Add a group, change it, or remove it: as the address and the pressed button say."""
    me, relay, form = who(request), request.app[RELAY], await form_of(request)
    stamp, wanted = Stamp(by=me.name, at=relay.clock.now()), request.match_info.get("group")
    try:
        async with relay.store.write() as conn:
            if wanted and form.get("do") == "remove":
                await kept.remove(conn, me.municipality_id, int(wanted), stamp)
            elif wanted:
                await kept.change(conn, me.municipality_id, int(wanted), _change(form), stamp)
            else:
                await kept.add(conn, me.municipality_id, form.get("language", ""), _change(form), stamp)
    except (BadInput, NotAllowed) as refused:
        return await _form(request, form, words.refused(language_of(request), refused))
    raise web.HTTPSeeOther("/people/groups")


def _named(form: Form) -> str:
    name = " ".join(form.get("name", "").split())
    if not name:
        raise BadInput(NO_NAME)
    return name[:120]


def _change(form: Form) -> kept.Change:
    contact = form.get("contact", "")
    return kept.Change(
        name=_named(form),
        quorum=_number(form.get("quorum", ""), kept.BAD_QUORUM) or 0,
        estimate=_number(form.get("estimate", ""), kept.BAD_ESTIMATE),
        estimate_source=form.get("estimate_source", "").strip()[:120],
        estimate_on=_day(form.get("estimate_on", "")),
        contact_point_id=int(contact) if contact.isdigit() else None,
    )


def _number(written: str, wrong: str) -> int | None:
    plain = "".join(written.split())
    if plain and not (plain.isascii() and plain.isdigit() and len(plain) < 9):
        raise BadInput(wrong)
    return int(plain) if plain else None


def _day(written: str) -> date | None:
    try:
        return date.fromisoformat(written.strip()) if written.strip() else None
    except ValueError as error:
        raise BadInput(NO_DATE) from error
