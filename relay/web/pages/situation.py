"""Situation: what is out, what waits for somebody, whom an alert would not reach tonight, and what to do first in an empty house."""

from dataclasses import dataclass
from datetime import timedelta

from aiohttp import web

from relay.authority import ADMINISTRATORS, DUTY
from relay.store import coverage, feeds, front, hand_over, situation, tasks
from relay.store.columns import AnyRow
from relay.web.keys import RELAY
from relay.web.page import render
from relay.web.pages.alert_of import KINDS, STATES
from relay.web.pages.waits import LEFT_OUT, NEXT_STEPS, WAITS, Gap, Step, gaps, steps
from relay.web.who import who

#: an alert that expires within this time is pointed out
SOON = timedelta(hours=2)


@dataclass(frozen=True, slots=True, kw_only=True)
class SituationPage:
    """What the first page shows."""

    out: list[situation.Listed]
    waiting: list[situation.Listed]
    #: where official messages are looked for
    feeds: list[AnyRow]
    expiring: list[AnyRow]
    gaps: list[Gap]
    groups: int
    people: int
    tasks: front.Glance
    #: what the last duty officer told the next
    told: AnyRow | None
    kinds: dict[str, int]
    steps: tuple[Step, ...]
    may_write: bool
    #: is shown the whole way from empty to ready
    manages: bool
    on_duty: bool
    states = STATES
    alert_kinds = KINDS
    waits = WAITS
    left_out = LEFT_OUT


async def show(request: web.Request) -> web.StreamResponse:
    """Show the situation of the asker's municipality."""
    me, relay = who(request), request.app[RELAY]
    now = relay.clock.now()
    async with relay.store.read() as conn:
        groups = await coverage.tonight(conn, me.municipality_id, relay.policy, now)
        has = await situation.set_up(conn, me.municipality_id)
        waiting = await situation.listed(conn, me.municipality_id, states=situation.WAITING)
        page = SituationPage(
            out=await situation.listed(conn, me.municipality_id, states=situation.OPEN),
            # what somebody is asked to approve comes before drafts that nobody has finished
            waiting=sorted(waiting, key=lambda one: one.asked_at is None),
            feeds=await feeds.listed(conn, me.municipality_id),
            expiring=await situation.expires_soon(conn, me.municipality_id, now + SOON),
            gaps=gaps(groups),
            groups=has.groups,
            people=has.people,
            tasks=await front.glance(conn, me.municipality_id),
            told=await hand_over.standing(conn, me.municipality_id),
            kinds=await tasks.open_kinds(conn, me.municipality_id),
            steps=steps(has, me),
            may_write=me.may(NEXT_STEPS),
            manages=me.may(ADMINISTRATORS),
            on_duty=me.may(DUTY),
        )
    return await render(request, "situation/situation.html", page)
