"""One more language for an alert that is out: written beside the source, and sent when a second person has approved it."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from aiohttp import web
from sqlalchemy.ext.asyncio import AsyncConnection

from messages import languages
from messages.alert import Variant
from relay import sense
from relay.model import BadInput
from relay.store import alerts, drafts, people, tasks
from relay.store.columns import AnyRow
from relay.web.keys import RELAY
from relay.web.page import render
from relay.web.pages.alert_of import Form, form_of, row_of, say
from relay.web.pages.compose_form import TEXT_FIELDS, text_of
from relay.web.pages.compose_seen import Seen, look
from relay.web.who import who

UNKNOWN = "Choose a language from the list."


@dataclass(frozen=True, slots=True, kw_only=True)
class LatePage:
    """What the form of one more language shows."""

    row: AnyRow
    tag: str
    source: Variant | None
    values: Mapping[str, str]
    seen: Seen | None
    #: people who got another language
    lacking: int
    errors: Mapping[str, str] = field(default_factory=dict)

    def value(self, name: str) -> str:
        """Return what stands in a field."""
        return self.values.get(f"{name}.{self.tag}", "")

    def error(self, name: str) -> str:
        """Return what is wrong with a field; "" = nothing."""
        return self.errors.get(f"{name}.{self.tag}", "")


async def edit(request: web.Request) -> web.StreamResponse:
    """Show the form of one more language."""
    async with request.app[RELAY].store.read() as conn:
        row = await row_of(request, conn)
        tag = _tag(request)
        texts = {text.variant.language: text.variant for text in await drafts.texts(conn, row.id, "nb")}
        before = texts.get(tag)
        values = {f"{name}.{tag}": getattr(before, name) for name in TEXT_FIELDS} if before else {}
        page = await _page(request, conn, row, tag, values, before, {})
    return await render(request, "compose/late.html", page)


async def save(request: web.Request) -> web.StreamResponse:
    """Keep the text until a second person approves it."""
    me, relay, form = who(request), request.app[RELAY], await form_of(request)
    now, errors = relay.clock.now(), dict[str, str]()
    async with relay.store.write() as conn:
        row = await row_of(request, conn)
        tag = _tag(request)
        text = text_of(form, tag, None, errors)
        if text is None:
            errors[f"headline.{tag}"] = "Begin with what people must do, in a few words."
        elif sense.only_played((text,), row.kind):
            errors[f"headline.{tag}"] = sense.ONLY_PLAYED
        if text is not None and not errors and form.get("do") != "count":
            place = await people.place(conn, me.municipality_id)
            issue = await alerts.issue(conn, me.municipality_id, row.id)
            followed = drafts.follow([*issue.variants.values(), text], place.norwegian)
            await drafts.put_late(conn, me.municipality_id, row.id, followed[-1], me.name, now)
            await tasks.acted(
                conn, me.name, "alert.add_text", now, municipality_id=me.municipality_id, subject=f"alert:{row.id}", language=tag
            )
            page = None
        else:
            page = await _page(request, conn, row, tag, form, text, errors if form.get("do") != "count" else {})
    if page is None:
        raise web.HTTPSeeOther(f"/alerts/{row.number}/run#late")
    return await render(request, "compose/late.html", page, status=422 if page.errors else 200)


def _tag(request: web.Request) -> str:
    tag = languages.normalise(request.match_info.get("language") or request.query.get("language", ""))
    if tag is None:
        raise BadInput(UNKNOWN)
    return tag


async def _page(
    request: web.Request, conn: AsyncConnection, row: AnyRow, tag: str, values: Form, text: Variant | None, errors: Mapping[str, str]
) -> LatePage:
    mine, relay = who(request).municipality_id, request.app[RELAY]
    place = await people.place(conn, mine)
    issue = await alerts.issue(conn, mine, row.id)
    source = drafts.source_of(list(issue.variants.values()), place.norwegian)
    texts = [*(one for one in issue.variants.values() if one.language != tag), *([replace(text, extra={})] if text else [])]
    sight = await look(conn, relay, mine, issue.alert, texts, place.norwegian, issue.groups, given=row.legend)
    return LatePage(
        row=row,
        tag=tag,
        source=source,
        values=values,
        seen=sight.languages.get(tag),
        lacking=(await drafts.fallbacks(conn, row.id)).get(tag, 0),
        errors={name: say(request, sentence) for name, sentence in errors.items()},
    )
