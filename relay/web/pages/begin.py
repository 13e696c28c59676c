"""Begin an alert: real or exercise first, for good; then from an official message, a template, an earlier alert, or nothing."""

import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from urllib.parse import urlencode

from aiohttp import web
from aiohttp.web_request import FileField
from sqlalchemy.ext.asyncio import AsyncConnection

from messages import library
from messages.alert import Act, Alert, Area, Certainty, Kind, Severity, Urgency, Variant
from messages.zones import zone_of
from relay import ingest, sense
from relay.model import AlertState, BadInput, Place
from relay.store import alerts, drafts, people, situation
from relay.store.columns import AnyRow
from relay.store.groups import languages_in_use
from relay.web import words
from relay.web.keys import RELAY
from relay.web.page import language_of, render
from relay.web.pages.alert_of import KINDS, Form, form_of
from relay.web.pages.compose import ALWAYS
from relay.web.who import Who, who

#: an official message is a few kilobytes; some carry whole coastlines
LARGEST = 1024 * 1024


#: what stands in a template for something that somebody fills in
PARAMETER = re.compile(r"\{\w+\}")


#: what is said beside a field that cannot be taken, by what it takes
ASKED: Mapping[library.FieldKind, str] = {
    library.FieldKind.TEXT: "Fill this in.",
    library.FieldKind.NUMBER: "Write a whole number in digits, such as 3.",
    library.FieldKind.DATE: "Write a date, such as 23.11.2026.",
    library.FieldKind.PAST_DATE: "Write a date, such as 23.11.2026: today or earlier, and within a year.",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class BeginPage:
    """What one chooses among."""

    kind: str
    #: what it begins with: cap | template | earlier | blank | update
    start: str
    templates: tuple[library.LibraryTemplate, ...]
    earlier: list[situation.Listed]
    template: library.LibraryTemplate | None = None
    #: the alert that is to be updated
    updates: AnyRow | None = None
    values: Mapping[str, str] = field(default_factory=dict)
    errors: Mapping[str, str] = field(default_factory=dict)
    kinds = KINDS

    def value(self, name: str) -> str:
        """Return what stands in a field."""
        return self.values.get(name, "")

    @property
    def labels(self) -> Mapping[str, str]:
        """How the fields of the template are called, above which its slips are summed up."""
        return {f"parameter.{name}": asked for name, asked in self.template.parameters.items()} if self.template else {}

    @staticmethod
    def called(template: library.LibraryTemplate, language: str) -> str:
        """Return a template's headline, with an ellipsis for what is yet to be filled in."""
        text = template.texts.get(language)
        return PARAMETER.sub("…", text["headline"]) if text else template.id


async def ask(request: web.Request) -> web.StreamResponse:
    """Ask what kind of alert it is and what it begins with."""
    return await _show(request, dict(request.query), {})


async def begin(request: web.Request) -> web.StreamResponse:
    """Make the draft that was asked for, and go on to write it."""
    form = {**await form_of(request), **await _document(request)}
    if wrong := _wrong(form, await _today(request)):
        return await _show(request, form, {name: words.say(language_of(request), said) for name, said in wrong.items()}, status=422)
    if "start" not in form and (chosen := _template(form)):
        # its fields come next, at an address that holds nothing else of this form
        raise web.HTTPSeeOther(f"/alerts/new?{urlencode({'kind': form.get('kind', ''), 'template': chosen.id})}")
    try:
        number = await _begin(request, form)
    except BadInput as refused:
        return await _show(request, form, {form.get("start", "") or "kind": words.refused(language_of(request), refused)}, status=422)
    raise web.HTTPSeeOther(f"/alerts/{number}/edit")


async def _document(request: web.Request) -> dict[str, str]:
    """A chosen file goes before a pasted text."""
    sent = (await request.post()).get("file")
    if not isinstance(sent, FileField):
        return {}
    body = sent.file.read(LARGEST + 1)
    return {"document": body.decode("utf-8", "surrogateescape")} if body else {}


async def _show(request: web.Request, values: Mapping[str, str], errors: Mapping[str, str], status: int = 200) -> web.Response:
    me, relay = who(request), request.app[RELAY]
    async with relay.store.read() as conn:
        earlier = [one for one in await situation.listed(conn, me.municipality_id, limit=30) if one.row.act != Act.WITHDRAW]
        updates = await _updated(conn, me, values)
    chosen = _template(values)
    kind = updates.kind if updates else values.get("kind", "")
    start = "update" if updates else "template" if chosen else values.get("start", "")
    page = BeginPage(
        kind=kind if kind in (Kind.ACTUAL, Kind.EXERCISE) else "",
        start=start,
        templates=tuple(library.templates().values()),
        earlier=earlier,
        template=chosen,
        updates=updates,
        values=values,
        errors=errors,
    )
    return await render(request, "compose/begin.html", page, status=status)


async def _updated(conn: AsyncConnection, me: Who, values: Mapping[str, str]) -> AnyRow | None:
    wanted = values.get("update", "")
    if not wanted.isdigit():
        return None
    alert_id = await alerts.id_of_number(conn, me.municipality_id, int(wanted))
    row = await alerts.row_of(conn, me.municipality_id, alert_id)
    return row if row.state == AlertState.RELEASED else None


def _template(values: Mapping[str, str]) -> library.LibraryTemplate | None:
    wanted = values.get("template", "")
    return library.templates().get(wanted) if values.get("start", "template") == "template" else None


async def _today(request: web.Request) -> date:
    me, relay = who(request), request.app[RELAY]
    async with relay.store.read() as conn:
        place = await people.place(conn, me.municipality_id)
    return relay.clock.now().astimezone(zone_of(place.timezone)).date()


def _wrong(form: Form, today: date) -> dict[str, str]:
    """Say beside each field of a template what is to be written there; first of all that it is not for an alert of this kind."""
    chosen = _template(form)
    if chosen and form.get("kind", "") in frozenset(Kind) - chosen.alert_kinds:
        return {"kind": sense.ONLY_PLAYED}
    if chosen is None or form.get("start") != "template":
        return {}
    given = _given(chosen, form)
    wrong = {name for name, value in given.items() if not value.strip()} | {*chosen.wrong(given, today)}
    return {f"parameter.{name}": ASKED[chosen.kind(name)] for name in chosen.parameters if name in wrong}


def _given(chosen: library.LibraryTemplate, form: Form) -> dict[str, str]:
    return {name: form.get(f"parameter.{name}", "") for name in chosen.parameters}


async def _begin(request: web.Request, form: Form) -> int:
    """Make a draft and return its number."""
    if form.get("kind") not in (Kind.ACTUAL, Kind.EXERCISE):
        raise BadInput("Choose first whether it is a real alert or an exercise.")
    start = _STARTS.get(form.get("start", ""))
    if start is None:
        raise BadInput("Choose what the alert begins with.")
    relay = request.app[RELAY]
    async with relay.store.write() as conn:
        number = await start(request, conn, form)
    relay.pulse.ring()
    return number


# --- the five beginnings ----------------------------------------------------------------------------------------------------


async def _from_cap(request: web.Request, conn: AsyncConnection, form: Form) -> int:
    document = form.get("document", "").encode("utf-8", "surrogateescape")
    if not document.strip():
        raise BadInput("Choose the file of an official message, or paste its text.")
    me, now = who(request), request.app[RELAY].clock.now()
    exercise = form["kind"] == Kind.EXERCISE
    taken = await ingest.take_cap(conn, me.municipality_id, document.lstrip(), me.name, now, as_exercise=exercise)
    return taken[0].number


async def _from_template(request: web.Request, conn: AsyncConnection, form: Form) -> int:
    chosen = _template(form)
    if chosen is None:
        raise BadInput("Choose a template.")
    me, now = who(request), request.app[RELAY].clock.now()
    place = await people.place(conn, me.municipality_id)
    wanted = dict.fromkeys((place.norwegian, *await languages_in_use(conn, me.municipality_id), *ALWAYS))
    given = _given(chosen, form)
    try:
        texts = [chosen.fill(tag, given) for tag in wanted if tag in chosen.texts]
    except library.TemplateError as error:
        raise BadInput("The template cannot be filled in like this.") from error
    source = drafts.source_of(texts, place.norwegian)
    alert = replace(
        _blank(form, place, now=now, event=source.headline.capitalize() if source else chosen.id),
        severity=chosen.severity,
        urgency=chosen.urgency if chosen.act is Act.ISSUE else Urgency.EXPECTED,
        certainty=chosen.certainty,
    )
    return await _store(request, conn, alert, texts, place)


async def _from_earlier(request: web.Request, conn: AsyncConnection, form: Form) -> int:
    me, now = who(request), request.app[RELAY].clock.now()
    if not form.get("alert", "").isdigit():
        raise BadInput("Choose an earlier alert.")
    place = await people.place(conn, me.municipality_id)
    earlier = await alerts.id_of_number(conn, me.municipality_id, int(form["alert"]))
    issue = await alerts.issue(conn, me.municipality_id, earlier, approved_only=False)
    alert = _again(issue.alert, Kind(form["kind"]), now)
    return await _store(request, conn, alert, list(issue.variants.values()), place, groups=issue.groups)


async def _from_nothing(request: web.Request, conn: AsyncConnection, form: Form) -> int:
    me, now = who(request), request.app[RELAY].clock.now()
    event = " ".join(form.get("event", "").split())
    if not event:
        raise BadInput("Say in a few words what it is about.")
    place = await people.place(conn, me.municipality_id)
    return await _store(request, conn, _blank(form, place, now=now, event=event[:200]), [], place)


async def _as_update(request: web.Request, conn: AsyncConnection, form: Form) -> int:
    me, now = who(request), request.app[RELAY].clock.now()
    row = await _updated(conn, me, form)
    if row is None:
        raise BadInput("Only an alert that is out can be updated.")
    place = await people.place(conn, me.municipality_id)
    issue = await alerts.issue(conn, me.municipality_id, row.id)
    alert = replace(sense.timely(issue.alert, now), number=0, act=Act.UPDATE, sent_at=now, identity=None, replaces=row.number)
    return await _store(request, conn, alert, list(issue.variants.values()), place, replaces_id=row.id, groups=issue.groups)


_STARTS: Mapping[str, Callable[[web.Request, AsyncConnection, Form], Awaitable[int]]] = {
    "cap": _from_cap,
    "template": _from_template,
    "earlier": _from_earlier,
    "blank": _from_nothing,
    "update": _as_update,
}


def _blank(form: Form, place: Place, *, now: datetime, event: str) -> Alert:
    return Alert(
        number=0,
        kind=Kind(form["kind"]),
        severity=Severity.MODERATE,
        urgency=Urgency.EXPECTED,
        certainty=Certainty.OBSERVED,
        event=event,
        areas=(Area(description=place.name, municipalities=(place.number,)),),
        sent_at=now,
    )


def _again(alert: Alert, kind: Kind, now: datetime) -> Alert:
    """The same matter once more: its words stay, its times and its source do not."""
    timeless = replace(alert, onset_at=None, expires_at=None, next_news_at=None, act_by_at=None)
    return replace(timeless, number=0, kind=kind, act=Act.ISSUE, sent_at=now, identity=None, replaces=None)


async def _store(
    request: web.Request,
    conn: AsyncConnection,
    alert: Alert,
    texts: list[Variant],
    place: Place,
    *,
    replaces_id: int | None = None,
    groups: frozenset[int] = frozenset(),
) -> int:
    me = who(request)
    followed = drafts.follow(texts, place.norwegian)
    chosen = {"groups": sorted(groups) or None}
    new = alerts.NewAlert(alert=alert, variants=followed, author=me.name, source="form", replaces_id=replaces_id, values=chosen)
    return (await ingest.store(conn, me.municipality_id, new, request.app[RELAY].clock.now())).number
