"""Compose: every language of a draft side by side, counted as it is written. Nothing that somebody typed is lost by an error."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from aiohttp import web
from sqlalchemy.ext.asyncio import AsyncConnection

from messages import languages
from messages.alert import Variant
from relay.model import AlertState, Place
from relay.routing import inside
from relay.store import alerts, checklist, drafts, groups as language_groups, people, tasks
from relay.store.columns import AnyRow
from relay.web.keys import RELAY
from relay.web.page import draw, render
from relay.web.pages.alert_of import KINDS, STATES, Form, form_of, row_of, say
from relay.web.pages.compose_form import GRAVITY_WORDS, LABELS, Filled, languages_of, read, values_of
from relay.web.pages.compose_seen import Seen, Sight, look
from relay.web.who import who

#: a form that was read before somebody else saved
OVERTAKEN = "%(name)s has saved this draft since you opened it. What you wrote stands here still: compare, and save once more."
#: the languages that every municipality writes besides its groups'
ALWAYS = ("en",)


@dataclass(frozen=True, slots=True, kw_only=True)
class ComposePage:
    """What the form of a draft shows."""

    row: AnyRow
    values: Mapping[str, str]
    #: in order: the source, the groups' languages, the others
    tags: tuple[str, ...]
    source: str
    sight: Sight
    groups: Sequence[language_groups.Group]
    #: those that it goes to; none = all
    chosen: frozenset[int]
    #: their people by language
    people: Mapping[str, int]
    others: tuple[str, ...]
    #: why the area is taken to hold us, or not
    area: str
    concerns: bool
    texts: Mapping[str, drafts.Text]
    #: which alert it replaces, and when approval of it was asked for
    before: alerts.Before | None
    asked_at: datetime | None
    #: what an approver wanted changed; "" = nothing
    returned: str = ""
    errors: Mapping[str, str] = field(default_factory=dict)
    kinds = KINDS
    states = STATES
    gravities = GRAVITY_WORDS
    labels = LABELS

    def value(self, name: str, tag: str = "") -> str:
        """Return what stands in a field."""
        return self.values.get(f"{name}.{tag}" if tag else name, "")

    def error(self, name: str, tag: str = "") -> str:
        """Return what is wrong with a field; "" = nothing."""
        return self.errors.get(f"{name}.{tag}" if tag else name, "")

    def seen(self, tag: str) -> Seen | None:
        """Return one language as it would look, where it has a text."""
        return self.sight.languages.get(tag)


async def edit(request: web.Request) -> web.StreamResponse:
    """Show a draft to be written; what is out is looked at instead."""
    me, relay = who(request), request.app[RELAY]
    async with relay.store.read() as conn:
        row = await row_of(request, conn)
        if row.state not in (AlertState.DRAFT, AlertState.APPROVED):
            raise web.HTTPSeeOther(f"/alerts/{row.number}/run")
        place = await people.place(conn, me.municipality_id)
        issue = await alerts.issue(conn, me.municipality_id, row.id, approved_only=False)
        values = values_of(issue, place, row.revision)
        filled = Filled(alert=issue.alert, texts=tuple(issue.variants.values()), groups=issue.groups)
        page = await _page(request, conn, row, values, filled, place)
    return await render(request, "compose/edit.html", page)


async def save(request: web.Request) -> web.StreamResponse:
    """Save a draft, count it, or add a language, as the pressed button says."""
    me, relay, form = who(request), request.app[RELAY], await _form(request)
    now, pressed = relay.clock.now(), form.get("do", "save")
    page: ComposePage | None = None
    async with relay.store.write() as conn:
        row = await row_of(request, conn)
        place, filled = await _read(request, conn, row, form)
        errors = {**filled.errors, **_overtaken(request, row, form)}
        if pressed in ("save", "review") and not errors:
            await drafts.change(conn, me.municipality_id, row.id, filled.alert, filled.texts, me.name, now, groups=filled.groups)
            await tasks.acted(conn, me.name, "alert.edit", now, municipality_id=me.municipality_id, subject=f"alert:{row.id}")
        else:
            shown = errors if pressed in ("save", "review") else {}
            page = await _page(request, conn, row, _with_added(form, str(row.revision)), filled, place, shown)
    if page is None:
        raise web.HTTPSeeOther(f"/alerts/{row.number}/{'review' if pressed == 'review' else 'edit?saved=yes'}")
    return await render(request, "compose/edit.html", page, status=422 if page.errors else 200)


async def count(request: web.Request) -> web.StreamResponse:
    """Return the counts and pictures of a form that is being written, to be put in place."""
    relay, form = request.app[RELAY], await _form(request)
    async with relay.store.read() as conn:
        row = await row_of(request, conn)
        place, filled = await _read(request, conn, row, form)
        page = await _page(request, conn, row, form, filled, place)
    return web.Response(text=await draw(request, "compose/count.html", page), content_type="text/html")


async def _form(request: web.Request) -> Form:
    """Return what the form says; of the groups, all that are ticked."""
    form = {**await form_of(request)}
    form.pop("groups", None)
    if "groups_shown" in form:
        form["groups"] = ",".join(str(one) for one in (await request.post()).getall("groups", []))
    return form


async def _read(request: web.Request, conn: AsyncConnection, row: AnyRow, form: Form) -> tuple[Place, Filled]:
    me, relay = who(request), request.app[RELAY]
    place = await people.place(conn, me.municipality_id)
    issue = await alerts.issue(conn, me.municipality_id, row.id, approved_only=False)
    known = [group.row.id for group in await language_groups.listed(conn, me.municipality_id)]
    return place, read(form, issue, place, relay.clock.now(), known)


def _overtaken(request: web.Request, row: AnyRow, form: Form) -> dict[str, str]:
    """Somebody else saved meanwhile: said once, and the next save goes over theirs knowingly."""
    seen = form.get("revision", "")
    return {} if seen in ("", str(row.revision)) else {"event": say(request, OVERTAKEN, name=row.editor)}


def _with_added(form: Form, revision: str) -> dict[str, str]:
    """What was typed, with the fields of a language that was asked for."""
    tag = languages.normalise(form.get("add", "")) if form.get("do") == "add" else None
    added = {f"headline.{tag}": form.get(f"headline.{tag}", "")} if tag else {}
    return {**form, **added, "revision": revision}


async def _page(
    request: web.Request,
    conn: AsyncConnection,
    row: AnyRow,
    values: Mapping[str, str],
    filled: Filled,
    place: Place,
    errors: Mapping[str, str] | None = None,
) -> ComposePage:
    mine, relay = who(request).municipality_id, request.app[RELAY]
    groups = await language_groups.listed(conn, mine)
    in_use = _people_of(groups, filled.groups)
    tags = _tags(place.norwegian, in_use, languages_of(values))
    found = inside(filled.alert.areas, place)
    return ComposePage(
        row=row,
        values=values,
        tags=tags,
        source=_source(filled.texts, place.norwegian),
        sight=await look(conn, relay, mine, filled.alert, filled.texts, place.norwegian, filled.groups),
        groups=groups,
        chosen=filled.groups,
        people=in_use,
        others=tuple(one.tag for one in languages.all_languages() if one.tag not in tags),
        area=" ".join(say(request, one.sentence, **one.values) for one in found.said),
        concerns=bool(found),
        texts={text.variant.language: text for text in await drafts.texts(conn, row.id, place.norwegian)},
        before=await alerts.before(conn, row),
        asked_at=await checklist.asked_at(conn, row),
        returned=await tasks.words_of(conn, mine, f"returned:{row.id}"),
        errors={name: say(request, sentence) for name, sentence in (errors or {}).items()},
    )


def _people_of(groups: Sequence[language_groups.Group], chosen: frozenset[int]) -> dict[str, int]:
    """Return how many people the groups that it goes to have, by language."""
    found: dict[str, int] = {}
    for group in groups:
        if not chosen or group.row.id in chosen:
            found[group.row.language] = found.get(group.row.language, 0) + group.people
    return found


def _source(texts: Sequence[Variant], norwegian: str) -> str:
    source = drafts.source_of(texts, norwegian)
    return source.language if source else norwegian


def _tags(norwegian: str, in_use: Mapping[str, int], written: Sequence[str]) -> tuple[str, ...]:
    by_people = sorted(in_use, key=lambda tag: (-in_use[tag], tag))
    return tuple(dict.fromkeys((norwegian, *by_people, *ALWAYS, *written)))
