"""Run: what is out is undone, paused, extended, withdrawn, ended. To withdraw or to end takes one person and two presses."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from aiohttp import web
from sqlalchemy.ext.asyncio import AsyncConnection

from messages.alert import Act
from messages.form import Medium, Part
from messages.render import render as put_into_words
from relay import acts, authority, running
from relay.authority import STOPPERS, WRITERS
from relay.model import AlertState, BadInput, NotAllowed, Reach
from relay.store import alerts, checklist, context, drafts, plan, plan_rows, reach, tasks
from relay.store.columns import AnyRow
from relay.web import words
from relay.web.keys import RELAY
from relay.web.page import language_of, render
from relay.web.pages.alert_of import ACTS, KINDS, STATES, form_of, row_of, say
from relay.web.who import Who, who
from relay.wording import facts

APPROVERS_ONLY = "An approver stands for a text before it is sent."
#: the ordinary channels, as they are called
CHANNELS: Mapping[str, str] = {
    "web": "The municipality's web page",
    "municipal_sms": "SMS to inhabitants",
    "nodvarsel": "Nødvarsel (emergency alert to all phones)",
    "radio": "Radio",
    "social": "Social media",
    "posters": "Posters and loudspeakers",
}
#: what the record of an alert says, by the kind of its events
STORY: Mapping[str, str] = {
    "alert.taken": "written down",
    "alert.asked": "approval asked for",
    "alert.sent_back": "sent back by the approver",
    "alert.approved": "approved",
    "alert.released": "released",
    "alert.undone": "undone before anything left",
    "alert.paused": "paused",
    "alert.resumed": "went on",
    "alert.text_approved": "a language added",
    "alert.looked_over": "looked over by a second person",
    "alert.cancelled": "cancelled",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Correction:
    """A withdrawal, or the end, as everybody would read it: (language, text)."""

    act: Act
    texts: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Late:
    """A text that waits for a second person."""

    text: drafts.Text
    own: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class RunPage:
    """What the page of an alert that is out shows."""

    row: AnyRow
    reach: Reach
    #: seconds left in which it can be undone; 0 = none
    undo: int
    corrections: tuple[Correction, ...]
    #: people who would be let in by sending again
    added: int
    late: tuple[Late, ...]
    #: languages that people read and that have no text: how many got another one
    fallbacks: Mapping[str, int]
    ticked: Mapping[str, checklist.Ticked]
    story: list[AnyRow]
    waits_for_review: bool
    replaces: int | None
    may_stop: bool
    may_write: bool
    may_approve: bool
    errors: Mapping[str, str]
    kinds = KINDS
    states = STATES
    acts = ACTS
    channels = CHANNELS
    words = STORY


async def show(request: web.Request) -> web.StreamResponse:
    """Show an alert that is or was out, and what can be done with it."""
    return await _page(request, {})


async def _page(request: web.Request, errors: Mapping[str, str], status: int = 200) -> web.Response:
    me, relay = who(request), request.app[RELAY]
    now, mine = relay.clock.now(), me.municipality_id
    async with relay.store.read() as conn:
        row = await row_of(request, conn)
        if row.state in (AlertState.DRAFT, AlertState.APPROVED):
            raise web.HTTPSeeOther(f"/alerts/{row.number}/review")
        out = row.state == AlertState.RELEASED
        issue = await alerts.issue(conn, mine, row.id)
        page = RunPage(
            row=row,
            reach=await reach.reach(conn, mine, row.id),
            undo=_left(row, now) if out else 0,
            corrections=await _corrections(conn, row, now) if out and row.act != Act.WITHDRAW else (),
            added=await plan_rows.added(conn, await plan.draw(conn, issue, relay.policy, now)) if out else 0,
            late=await _late(conn, row, me.name),
            fallbacks=await drafts.fallbacks(conn, row.id) if out else {},
            ticked=await checklist.ticked(conn, mine, row.id),
            story=[event for event in await checklist.happened(conn, mine, row.id) if event.kind in STORY],
            waits_for_review=await tasks.is_open(conn, mine, f"review:{row.id}"),
            replaces=issue.alert.replaces,
            may_stop=me.may(STOPPERS),
            may_write=me.may(WRITERS),
            may_approve=me.may(authority.approvers_of(row.kind)),
            errors={name: say(request, sentence) for name, sentence in errors.items()},
        )
    return await render(request, "compose/run.html", page, status=status)


def _left(row: AnyRow, now: datetime) -> int:
    """Seconds in which an alert can still be undone, rounded up."""
    left: timedelta = row.released_at + acts.UNDO_WINDOW - now if row.released_at else timedelta()
    return max(0, -(-int(left.total_seconds() * 1000) // 1000))


async def _corrections(conn: AsyncConnection, row: AnyRow, now: datetime) -> tuple[Correction, ...]:
    """Put both opposite corrections into every active language, as they would leave."""
    issue = await alerts.issue(conn, row.municipality_id, row.id)
    known = await context.load(conn, [row.municipality_id])
    home, number = known.home(row.municipality_id, None, None), known.municipalities[row.municipality_id].last_number + 1
    made = []
    for act in (Act.WITHDRAW, Act.OVER):
        new = acts.correction(row, issue.alert, list(issue.variants.values()), act, "", now)
        value = replace(new.alert, number=number)
        copies = [copy for text in new.variants for copy in put_into_words(value, text, facts(home, text.language), Medium.SMS)]
        made.append(Correction(act=act, texts=tuple((copy.language, copy.text) for copy in copies if copy.part is Part.FORWARD)))
    return tuple(made)


async def _late(conn: AsyncConnection, row: AnyRow, name: str) -> tuple[Late, ...]:
    texts = await drafts.texts(conn, row.id, "nb")
    return tuple(Late(text=text, own=text.updated_by == name) for text in texts if not text.approved)


# --- what is done -----------------------------------------------------------------------------------------------------------


async def do(request: web.Request) -> web.StreamResponse:
    """Do what the address names; what is refused is said on the same page."""
    what = request.match_info["what"]
    form = await form_of(request)
    try:
        target = await _do(request, what, form)
    except (BadInput, NotAllowed) as refused:
        return await _page(request, {what: words.refused(language_of(request), refused)}, status=409)
    request.app[RELAY].pulse.ring()
    raise web.HTTPSeeOther(target)


async def _do(request: web.Request, what: str, form: Mapping[str, str]) -> str:
    me, relay = who(request), request.app[RELAY]
    now, mine, site = relay.clock.now(), me.municipality_id, relay.desk.public_url
    async with relay.store.write() as conn:
        row = await row_of(request, conn)
        here = f"/alerts/{row.number}/run"
        if what == "undo":
            await running.undo(conn, mine, row.id, me.name, now)
            return f"/alerts/{row.number}/review?undone=yes"
        if what in ("withdraw", "over"):
            act = Act.WITHDRAW if what == "withdraw" else Act.OVER
            new = await acts.correct(conn, mine, row.id, act, me.name, relay.policy, now, site=site)
            return f"/alerts/{(await alerts.row_of(conn, mine, new)).number}/run"
        if what == "cancel":
            withdrawal = await acts.cancel(conn, mine, row.id, me.name, relay.policy, now, site=site)
            return f"/alerts/{(await alerts.row_of(conn, mine, withdrawal)).number}/run" if withdrawal else here
        if what in ("pause", "resume"):
            await running.pause(conn, mine, row.id, me.name, now, paused=what == "pause")
        elif what == "looked-over":
            await running.looked_over(conn, mine, row.id, me.name, now)
        elif what == "channel":
            channel, used = form.get("channel", ""), form.get("used") == "yes"
            await running.tick(conn, mine, row.id, channel, me.name, now, used=used)
            here += "#channels"
    return here


async def extend(request: web.Request) -> web.StreamResponse:
    """Send to those who have been added since, or a late language to those who got another one."""
    me, relay, form = who(request), request.app[RELAY], await form_of(request)
    now, language = relay.clock.now(), form.get("language", "")
    try:
        async with relay.store.write() as conn:
            row = await row_of(request, conn)
            if language:
                _may_stand_for(row, me)
                await running.approve_text(conn, me.municipality_id, row.id, language, me.name, now)
            await acts.release(conn, me.municipality_id, row.id, me.name, relay.policy, now, site=relay.desk.public_url)
    except (BadInput, NotAllowed) as refused:
        return await _page(request, {"extend": words.refused(language_of(request), refused)}, status=409)
    relay.pulse.ring()
    raise web.HTTPSeeOther(f"/alerts/{row.number}/run")


def _may_stand_for(row: AnyRow, me: Who) -> None:
    if not me.may(authority.approvers_of(row.kind)):
        raise NotAllowed(APPROVERS_ONLY)
