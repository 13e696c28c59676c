"""Review before send: who gets what by which way in which language and why, who is left out, who waits, price and time.

The numbers are drawn by the code that release writes the plan with.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from aiohttp import web
from sqlalchemy.ext.asyncio import AsyncConnection

from messages.alert import Kind
from messages.form import Medium
from relay import acts, authority, preview, staff
from relay.desk import Desk
from relay.model import AlertState, LeftOut
from relay.store import alerts, checklist, coverage, drafts, groups, paging, plan, plan_rows, roster, situation, trial
from relay.store.columns import AnyRow
from relay.web.keys import RELAY
from relay.web.page import language_of, render
from relay.web.pages.alert_of import KINDS, STATES, form_of, row_of
from relay.web.pages.compose_seen import Seen, look
from relay.web.pages.friction import Friction, friction
from relay.web.pages.waits import LEFT_OUT, WAITS, WHY
from relay.web.who import Who, who

#: how a medium is called on a page
MEDIA: Mapping[Medium, str] = {Medium.SMS: "SMS", Medium.WHATSAPP: "WhatsApp", Medium.EMAIL: "E-mail"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawn:
    """An alert with its plan as it would be written now."""

    row: AnyRow
    review: preview.Review
    groups: list[coverage.GroupPlan]
    names: Mapping[int, str]
    texts: list[drafts.Text]
    seen: Mapping[str, Seen]
    wake: frozenset[int]
    reason: str
    friction: Friction
    #: which alert it replaces
    before: alerts.Before | None
    #: when approval was asked for, and who was paged
    asked_at: datetime | None
    asked: list[paging.Paged]
    #: people who would be let in by releasing again
    added: int
    #: groups that it does not go to, because its author chose others
    not_chosen: tuple[AnyRow, ...]
    #: people who are planned, and whom trial mode would keep from getting anything
    held: int
    me: Who

    @property
    def planned(self) -> int:
        """People who get something."""
        return self.review.full.planned

    @property
    def left_out(self) -> Mapping[LeftOut, int]:
        """How many get nothing, by reason; the most frequent first."""
        return dict(sorted(self.review.full.left_out.items(), key=lambda pair: -pair[1]))

    @property
    def people(self) -> list[plan.Planned]:
        """Everybody, who gets something first, by name."""
        return sorted(self.review.full.people(), key=lambda one: (bool(one.plan.left_out), self.names[one.person_id].casefold()))

    @property
    def stale(self) -> list[str]:
        """Languages whose text was written before the source was last changed."""
        return [text.variant.language for text in self.texts if text.stale]

    @property
    def waiting(self) -> list[coverage.GroupPlan]:
        """Groups in which somebody waits, or is woken."""
        return [group for group in self.groups if group.waiting or group.row.id in self.wake]

    @property
    def lacking(self) -> list[coverage.GroupPlan]:
        """Groups in which somebody reads another language than the group's."""
        return [group for group in self.groups if any(choice.language != group.row.language for choice in group.texts)]

    @property
    def parts(self) -> int:
        """SMS parts of the first messages."""
        return sum(load.units for load in self.review.loads if load.medium is Medium.SMS)

    @property
    def price(self) -> float:
        """Of the first messages, in NOK."""
        return sum(load.price for load in self.review.loads)

    @property
    def own(self) -> bool:
        """Whether the asker wrote or last edited it."""
        return authority.is_author(self.row, self.me.name, self.me.user_id)

    @property
    def sendable(self) -> bool:
        """Whether anything could be sent at all."""
        return bool(self.texts) and not self.row.never_real and not self.expired and self.planned > 0

    @property
    def expired(self) -> bool:
        """Whether its time is over before it was sent."""
        return self.row.expires_at is not None and self.row.expires_at <= self.review.full.at

    @property
    def may_approve(self) -> bool:
        """Whether the asker may approve it without anything unusual."""
        return authority.may_approve(self.row, self.me.roles, self.me.name, self.me.user_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReviewPage:
    """What the review shows."""

    drawn: Drawn
    errors: Mapping[str, str]
    #: approval was asked for, and no approver can be reached
    unheard: bool = False
    kinds = KINDS
    states = STATES
    left_out = LEFT_OUT
    waits = WAITS
    why = WHY
    media = MEDIA
    first_medium = staticmethod(coverage.first_medium)


async def draw_all(request: web.Request, conn: AsyncConnection, row: AnyRow, wake: frozenset[int] | None = None) -> Drawn:
    """Draw an alert's plan with everything that a person looks at. `wake`: None takes what its author proposed."""
    me, relay = who(request), request.app[RELAY]
    proposed, reason = await checklist.proposed(conn, me.municipality_id, row.id)
    wake = proposed if wake is None else wake
    site = relay.desk.public_url
    review = await preview.review(conn, me.municipality_id, row.id, relay.policy, relay.clock.now(), wake=wake, site=site)
    full = review.full
    norwegian = full.place.norwegian
    texts = await drafts.texts(conn, row.id, norwegian)
    variants = [text.variant for text in texts]
    sight = await look(conn, relay, me.municipality_id, full.issue.alert, variants, norwegian, full.issue.groups)
    usual = await situation.usual_audience(conn, me.municipality_id, row.id)
    return Drawn(
        row=row,
        review=review,
        groups=coverage.by_group(full),
        names=await roster.names(conn, me.municipality_id),
        texts=texts,
        seen=sight.languages,
        wake=wake,
        reason=reason,
        friction=friction(Kind(row.kind), full.planned, usual, language_of(request)),
        before=await alerts.before(conn, row),
        asked_at=await checklist.asked_at(conn, row),
        asked=await paging.paged(conn, me.municipality_id, staff.causes("ask", row.id)),
        added=await plan_rows.added(conn, full),
        not_chosen=await _not_chosen(conn, me.municipality_id, full.issue.groups),
        held=await _held(conn, relay.desk, full),
        me=me,
    )


async def _held(conn: AsyncConnection, desk: Desk, full: plan.FullPlan) -> int:
    """Count who would get nothing of it as long as the trial lasts: on no list, and reached by no emulated sender."""
    mine = full.issue.municipality_id
    if not await trial.is_on(conn, mine):
        return 0
    allowed = await trial.people_allowed(conn, mine, full.at)
    emulated = {medium for medium, sender in full.senders.items() if desk.emulates(sender.account)}
    planned = (lot for lot in full.lots if not lot.plan.left_out and not emulated.intersection(lot.people.media))
    return sum(person_id not in allowed for lot in planned for person_id in lot.members.ids)


async def _not_chosen(conn: AsyncConnection, municipality_id: int, chosen: frozenset[int]) -> tuple[AnyRow, ...]:
    """Return the groups that a choice leaves out; nothing is left out where nobody has chosen."""
    listed = await groups.listed(conn, municipality_id) if chosen else []
    return tuple(group.row for group in listed if group.row.id not in chosen)


def wake_of(request: web.Request) -> frozenset[int] | None:
    """Return the groups that the address asks to wake; None when it says nothing about that."""
    if "night" not in request.query:
        return None
    return frozenset(int(one) for one in request.query.getall("wake", []) if one.isdigit())


async def begin(request: web.Request) -> web.Response:
    """Lead whoever has an alert's number to where it stands: its review before it is out, its board after."""
    async with request.app[RELAY].store.read() as conn:
        row = await row_of(request, conn)
    where = "review" if row.state in (AlertState.DRAFT, AlertState.APPROVED) else "board"
    raise web.HTTPSeeOther(f"/alerts/{row.number}/{where}")


async def show(request: web.Request) -> web.StreamResponse:
    """Show the plan of an alert as it would be written now."""
    async with request.app[RELAY].store.read() as conn:
        row = await row_of(request, conn)
        drawn = await draw_all(request, conn, row, wake_of(request))
    unheard = "asked" in request.query and row.state == AlertState.DRAFT and not drawn.asked
    return await render(request, "compose/review.html", ReviewPage(drawn=drawn, errors={}, unheard=unheard))


async def ask(request: web.Request) -> web.StreamResponse:
    """Ask the approvers."""
    me, relay, form = who(request), request.app[RELAY], await form_of(request)
    wake = frozenset(int(one) for one in (await request.post()).getall("wake", []) if str(one).isdigit())  # type: ignore[arg-type]
    site, now = relay.desk.public_url, relay.clock.now()
    async with relay.store.write() as conn:
        row = await row_of(request, conn)
        if row.state == AlertState.DRAFT:
            await acts.ask(conn, me.municipality_id, row.id, me.name, now, wake=wake, reason=form.get("wake_reason", ""), site=site)
    relay.pulse.ring()
    raise web.HTTPSeeOther(f"/alerts/{row.number}/review?asked=yes")
