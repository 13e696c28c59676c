"""The list of alerts, with its filters in the address."""

from collections.abc import Mapping
from dataclasses import dataclass

from aiohttp import web

from messages.alert import Kind
from relay.authority import WRITERS
from relay.model import AlertState
from relay.store import situation
from relay.web.keys import RELAY
from relay.web.page import render
from relay.web.pages.alert_of import KINDS, STATES
from relay.web.who import who

#: what may stand behind ?state=
FILTERS: Mapping[str, tuple[str, tuple[AlertState, ...]]] = {
    "": ("All", ()),
    "waiting": ("Not sent", situation.WAITING),
    "out": ("Out", situation.OPEN),
    "ended": ("Ended", (AlertState.CLOSED, AlertState.REPLACED, AlertState.WITHDRAWN)),
}
MOST = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertsPage:
    """What the list shows."""

    alerts: list[situation.Listed]
    state: str
    kind: str
    may_write: bool
    filters = FILTERS
    states = STATES
    kinds = KINDS


async def show(request: web.Request) -> web.StreamResponse:
    """Show the alerts of the asker's municipality, newest first."""
    me = who(request)
    state, kind = request.query.get("state", ""), request.query.get("kind", "")
    state, kind = state if state in FILTERS else "", kind if kind in set(Kind) else ""
    async with request.app[RELAY].store.read() as conn:
        found = await situation.listed(conn, me.municipality_id, states=FILTERS[state][1], kind=kind, limit=MOST)
    return await render(request, "alerts/alerts.html", AlertsPage(alerts=found, state=state, kind=kind, may_write=me.may(WRITERS)))
