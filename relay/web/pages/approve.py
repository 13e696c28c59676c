"""Approve: a second person reads every language on one page, confirms by hand, and sends, with ten seconds to undo. Or sends back.

Alone only in an emergency: with a reason, the second factor where there is one, notice to all, and a second person who looks afterwards.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from aiohttp import web
from sqlalchemy.ext.asyncio import AsyncConnection

from relay import acts, authority
from relay.authority import APPROVERS
from relay.model import AlertState, BadInput, NotAllowed
from relay.store import users
from relay.web import second_factor, words
from relay.web.keys import RELAY
from relay.web.page import language_of, render
from relay.web.pages.alert_of import Form, form_of, row_of, say
from relay.web.pages.review import Drawn, ReviewPage, draw_all, wake_of
from relay.web.who import Who, who

CHANGED = "The draft has been changed since you opened this page. Read it again."
NOT_WRITTEN = "Write exactly what stands above the field: it says how many get it."
NOT_TICKED = "Tick that this many are meant: it is more than usual."
NOT_COMPARED = "Some translations are older than the Norwegian text. Let them be corrected, or tick that they are sent as they are."
NO_REASON = "Say why nobody else can approve. Everybody who answers for alerts reads it."
NO_CODE = "The code of your second factor is not right, or was used already."
NOT_YOURS = "Your roles do not reach here. An administrator of your municipality can give you others."
OWN = "You wrote or edited this alert. A second person approves it."
NOT_SENDABLE = "There is nothing to send: no text, or nobody who would get it."


@dataclass(frozen=True, slots=True, kw_only=True)
class ApprovePage(ReviewPage):
    """What an approver sees."""

    values: Mapping[str, str]
    second_factor: bool
    #: it would be one person alone
    alone: bool


async def show(request: web.Request) -> web.StreamResponse:
    """Show everything that approving stands for."""
    return await _page(request, {}, {})


async def _page(request: web.Request, values: Form, errors: Mapping[str, str], status: int = 200) -> web.Response:
    me, relay = who(request), request.app[RELAY]
    async with relay.store.read() as conn:
        row = await row_of(request, conn)
        if row.state not in (AlertState.DRAFT, AlertState.APPROVED):
            raise web.HTTPSeeOther(f"/alerts/{row.number}/run")
        drawn = await draw_all(request, conn, row, _wake(values) if values else wake_of(request))
        coded = (await users.secrets_of(conn, me.municipality_id, me.user_id)).totp_secret is not None
    page = ApprovePage(
        drawn=drawn,
        errors={name: say(request, sentence) for name, sentence in errors.items()},
        values=values,
        second_factor=coded and not _fresh(me, relay.clock.now()),
        alone=row.state == AlertState.DRAFT and authority.needs_second_person(row.kind) and drawn.own,
    )
    return await render(request, "compose/approve.html", page, status=status)


def _wake(form: Form) -> frozenset[int]:
    return frozenset(int(one) for one in form.get("wake", "").split(",") if one.isdigit())


def _fresh(me: Who, now: datetime) -> bool:
    return me.second_factor_at is not None and now - me.second_factor_at < second_factor.FRESH


async def decide(request: web.Request) -> web.StreamResponse:
    """Approve and send, approve only, or send back: as the pressed button says."""
    posted = await request.post()
    form = {**await form_of(request), "wake": ",".join(str(one) for one in posted.getall("wake", []))}
    relay = request.app[RELAY]
    try:
        async with relay.store.write() as conn:
            row = await row_of(request, conn)
            target = await _decide(request, conn, row.id, form)
    except _WrongError as wrong:
        return await _page(request, form, wrong.errors, status=422)
    except (BadInput, NotAllowed) as refused:
        return await _page(request, form, {"confirm": words.refused(language_of(request), refused)}, status=422)
    relay.pulse.ring()
    raise web.HTTPSeeOther(f"/alerts/{row.number}/{target}")


class _WrongError(Exception):
    """What is wrong with a form, by field. Undoes the transaction."""

    def __init__(self, errors: Mapping[str, str]) -> None:
        super().__init__()
        self.errors = errors


async def _decide(request: web.Request, conn: AsyncConnection, alert_id: int, form: Form) -> str:
    me, relay = who(request), request.app[RELAY]
    now, site = relay.clock.now(), relay.desk.public_url
    pressed = form.get("do", "")
    row = await row_of(request, conn)
    if pressed == "back":
        if not me.may(APPROVERS):
            raise NotAllowed(NOT_YOURS)
        await acts.send_back(conn, me.municipality_id, alert_id, me.name, form.get("back_reason", ""), now)
        return "edit"
    drawn = await draw_all(request, conn, row, _wake(form))
    if errors := _wrong(drawn, form, sends=pressed == "send"):
        raise _WrongError(errors)
    override = await _alone(conn, drawn, form, now)
    if row.state == AlertState.DRAFT:
        await acts.approve(conn, me.municipality_id, alert_id, me.name, now, override=override, site=site)
    if pressed != "send":
        return "review"
    why = form.get("wake_reason", "")
    await acts.release(
        conn, me.municipality_id, alert_id, me.name, relay.policy, now, wake=drawn.wake, reason=why, hold=acts.UNDO_WINDOW, site=site
    )
    return "run"


def _wrong(drawn: Drawn, form: Form, *, sends: bool) -> dict[str, str]:
    """What was seen is what is approved, and what is sent is what was confirmed."""
    errors: dict[str, str] = {}
    if form.get("revision") != str(drawn.row.revision):
        errors["confirm"] = CHANGED
    elif not drawn.sendable:
        errors["confirm"] = NOT_SENDABLE
    elif sends and not drawn.friction.confirmed(form.get("confirm", "")):
        errors["confirm"] = NOT_WRITTEN
    if sends and drawn.friction.unusual and form.get("unusual") != "yes":
        errors["unusual"] = NOT_TICKED
    if sends and drawn.stale and form.get("stale") != "yes":
        errors["stale"] = NOT_COMPARED
    if sends and drawn.wake and not form.get("wake_reason", "").strip():
        errors["wake_reason"] = acts.WHY_WAKE
    return errors


async def _alone(conn: AsyncConnection, drawn: Drawn, form: Form, now: datetime) -> str:
    """Return the reason of somebody who approves alone; "" where a second person does, or it was approved before."""
    if drawn.row.state != AlertState.DRAFT or drawn.may_approve:
        return ""
    if not drawn.me.may(APPROVERS):
        raise NotAllowed(NOT_YOURS)
    if form.get("override") != "yes":
        raise NotAllowed(OWN)
    reason = form.get("override_reason", "").strip()
    if not reason:
        raise _WrongError({"override_reason": NO_REASON})
    if not _fresh(drawn.me, now) and not await _coded(conn, drawn.me, form.get("code", ""), now):
        raise _WrongError({"code": NO_CODE})
    return reason


async def _coded(conn: AsyncConnection, me: Who, code: str, now: datetime) -> bool:
    """Whether the second factor was shown, by whoever has one."""
    secrets = await users.secrets_of(conn, me.municipality_id, me.user_id)
    return secrets.totp_secret is None or await second_factor.take(conn, secrets, code, now)
