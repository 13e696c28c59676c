"""THE route table. Every path that Budstikke answers stands here."""

import asyncio
from collections.abc import AsyncIterator, Collection
from contextlib import suppress
from functools import partial

from aiohttp import web

from relay import doctor
from relay.authority import ADMINISTRATORS, APPROVERS, DUTY, EVERYBODY, EXAMINERS, STARTERS, STOPPERS, WRITERS
from relay.flow import Relay
from relay.model import Role
from relay.store import links, sessions
from relay.store.batch import Batch
from relay.web import assets, guard, health, hooks, leave, metrics
from relay.web.api import manual, serve
from relay.web.api.operation import ROOT
from relay.web.api.operations import OPERATIONS
from relay.web.call_post import CallPost
from relay.web.drawn import Drawn
from relay.web.keys import DRAWN, EXAMINE, EXAMINED, LIVE, OPENINGS, PHONES, PROXIES, RELAY, WATCHDOG, Examine
from relay.web.lately import Lately
from relay.web.live import Live
from relay.web.pages import (
    account,
    alerts,
    approve,
    audit,
    begin,
    board,
    call_list,
    compose,
    groups,
    hand_over,
    inbox,
    late,
    me,
    message,
    people,
    people_import,
    person_data,
    phones as emulated,
    ready,
    recipient,
    review,
    run_alert,
    settings,
    shared,
    sign_in,
    situation,
    tasks,
    trial,
    users,
    wall,
)
from relay.web.phones import Phones
from relay.web.route import Door, Route
from relay.web.watchdog import Watchdog

#: how old what doctor found may be on a page that people leave open
EXAMINED_SECONDS = 60.0

#: a provider's callback is a few kilobytes
LARGEST_BODY = 1024 * 1024

#: what stands behind /hooks/ACCOUNT/: {secret} is ours, at the end of addresses that a provider cannot sign
HOOKS = ("status/{token}", "status", "status/{token}/{secret}", "inbound", "inbound/{secret}")

#: what is done with an alert that is out, and by whom: to stop, withdraw and end, one person is enough
RUN = {
    "undo": APPROVERS | WRITERS,
    "withdraw": STOPPERS,
    "over": STOPPERS,
    "cancel": STOPPERS,
    "pause": STOPPERS,
    "resume": STOPPERS,
    "looked-over": APPROVERS,
    "channel": STOPPERS,
}

ROUTES = (
    Route("GET", "/healthz", health.alive, Door.OPEN),
    Route("GET", "/readyz", health.ready, Door.OPEN),
    Route("GET", "/metrics", metrics.show, Door.MONITOR),
    *(Route("POST", f"/hooks/{{account}}/{what}", hooks.heard, Door.PROVIDER) for what in HOOKS),
    *(Route("GET", f"/hooks/{{account}}/{what}", hooks.heard, Door.PROVIDER) for what in HOOKS),  # some providers know nothing else
    Route("GET", "/static/{name:.+}", assets.serve, Door.OPEN),
    # signing in and out
    Route("GET", "/sign-in", sign_in.ask, Door.OPEN),
    Route("POST", "/sign-in", sign_in.sign_in, Door.OPEN),
    Route("POST", "/sign-out", sign_in.sign_out, EVERYBODY),
    # one's own account
    Route("GET", "/session/left", sign_in.left, EVERYBODY),
    Route("POST", "/session/keep", sign_in.keep, EVERYBODY),
    Route("GET", "/me", account.shown, EVERYBODY),
    Route("POST", "/me", account.change, EVERYBODY),
    Route("GET", "/me/second-factor", account.second_factor, EVERYBODY),
    Route("POST", "/me/second-factor", account.factor_on, EVERYBODY),
    Route("POST", "/me/second-factor/off", account.factor_off, EVERYBODY),
    Route("POST", "/me/second-factor/show", account.factor_shown, EVERYBODY),
    Route("GET", "/sessions", users.open_sessions, EVERYBODY),
    Route("POST", "/sessions/{session}/end", users.end_session, EVERYBODY),
    Route("GET", "/me/password", account.password, EVERYBODY),
    Route("POST", "/me/password", account.new_password, EVERYBODY),
    # how the installation stands
    Route("GET", "/settings", settings.show, ADMINISTRATORS),
    Route("POST", "/settings/senders/start", settings.start_sender, ADMINISTRATORS),
    Route("POST", "/settings/senders/test", settings.try_sender, ADMINISTRATORS),
    Route("GET", "/settings/tokens", settings.list_tokens, ADMINISTRATORS),
    Route("POST", "/settings/tokens", settings.add_token, ADMINISTRATORS),
    Route("POST", r"/settings/tokens/{token:\d+}/revoke", settings.revoke_token, ADMINISTRATORS),
    Route("GET", "/ready", ready.show, ADMINISTRATORS),
    Route("GET", "/doctor", settings.examine, EXAMINERS),
    Route("GET", "/help", settings.helping, EVERYBODY),
    # programs
    *(Route(one.method, ROOT + one.path, serve.handler(one), Door.TOKEN, one.scope) for one in OPERATIONS),
    Route("GET", "/api/openapi.json", manual.description, Door.OPEN),
    Route("GET", "/api", manual.show, Door.OPEN),
    # users, trial mode, the chain of acts
    Route("GET", "/users", users.listed, ADMINISTRATORS),
    Route("POST", "/users/invite", users.invite, ADMINISTRATORS),
    Route("GET", "/users/{user}", users.shown, ADMINISTRATORS),
    Route("POST", "/users/{user}/roles", users.set_roles, ADMINISTRATORS),
    Route("POST", "/users/{user}/shut-out", users.shut_out, ADMINISTRATORS),
    Route("POST", "/users/{user}/let-in", users.let_in, ADMINISTRATORS),
    Route("POST", "/users/{user}/reset", users.reset, ADMINISTRATORS),
    Route("POST", "/invitations/{invitation}/end", users.take_back, ADMINISTRATORS),
    Route("GET", "/trial", trial.shown, ADMINISTRATORS),
    Route("POST", "/trial/allow", trial.allow, ADMINISTRATORS),
    Route("POST", "/trial/allow/{entry}/end", trial.disallow, ADMINISTRATORS),
    Route("POST", "/trial/real", trial.go_real, ADMINISTRATORS),
    Route("POST", "/trial/back", trial.go_trial, ADMINISTRATORS),
    Route("GET", "/audit", audit.listed, ADMINISTRATORS),
    # emulated phones, in a demo and in an exercise
    Route("GET", "/phones", emulated.look, EVERYBODY),
    Route("GET", "/phones/stream", emulated.stream, EVERYBODY),
    Route("POST", "/phones/{address}", emulated.use, EVERYBODY),
    # the duty officer: one alert
    Route("GET", r"/alerts/{number:\d+}/board", board.show, EVERYBODY),
    Route("GET", r"/alerts/{number:\d+}/board/live", board.live, EVERYBODY),
    Route("GET", r"/alerts/{number:\d+}/board.csv", board.as_csv, EVERYBODY),
    Route("GET", r"/alerts/{number:\d+}/sooner/{action}", board.ask_sooner, DUTY),
    Route("POST", r"/alerts/{number:\d+}/sooner/{action}", board.do_sooner, DUTY),
    Route("GET", r"/alerts/{number:\d+}/people", recipient.people, EVERYBODY),
    Route("GET", r"/alerts/{number:\d+}/people.csv", recipient.as_csv, EVERYBODY),
    Route("GET", r"/alerts/{number:\d+}/people/{person:\d+}", recipient.person, EVERYBODY),
    Route("GET", r"/alerts/{number:\d+}/wall", wall.links, DUTY),
    Route("POST", r"/alerts/{number:\d+}/wall", wall.make, DUTY),
    Route("POST", r"/alerts/{number:\d+}/wall/{link:\d+}/end", wall.end, DUTY),
    # the duty officer: what waits
    Route("GET", "/inbox", inbox.queue, EVERYBODY),
    Route("GET", "/inbox/live", inbox.live, EVERYBODY),
    Route("GET", r"/inbox/{thread:\d+}", inbox.conversation, EVERYBODY),
    Route("POST", r"/inbox/{thread:\d+}/reply", inbox.reply, DUTY),
    Route("POST", r"/inbox/{thread:\d+}/own", inbox.hand_over, DUTY),
    Route("POST", r"/inbox/{thread:\d+}/settle", inbox.settle, DUTY),
    Route("GET", r"/tasks/{task:\d+}", tasks.show, EVERYBODY),
    Route("POST", r"/tasks/{task:\d+}/take", tasks.take, DUTY),
    Route("POST", r"/tasks/{task:\d+}/done", tasks.done, DUTY),
    Route("POST", r"/tasks/{task:\d+}/start", tasks.start, STARTERS),
    Route("POST", r"/tasks/{task:\d+}/again", tasks.again, DUTY),
    Route("POST", r"/tasks/{task:\d+}/leave", tasks.leave, DUTY),
    Route("GET", "/hand-over", hand_over.show, EVERYBODY),
    Route("POST", "/hand-over", hand_over.write, DUTY),
    Route("GET", "/call-list", call_list.show, DUTY),
    Route("GET", "/call-list.csv", call_list.as_csv, DUTY),
    Route("POST", "/call-list", call_list.take, DUTY),
    # links that people hold
    Route("GET", "/invitation/{token}", users.invited, Door.LINK),
    Route("POST", "/invitation/{token}", users.accept, Door.LINK),
    Route("GET", "/avmeld/{token}", leave.ask, Door.LINK),
    Route("POST", "/avmeld/{token}", leave.leave, Door.LINK),
    # coordinator: the situation, and alerts from their beginning to their end
    Route("GET", "/", situation.show, EVERYBODY),
    Route("GET", "/alerts", alerts.show, EVERYBODY),
    Route("GET", "/alerts/new", begin.ask, WRITERS),
    Route("POST", "/alerts/new", begin.begin, WRITERS),
    Route("GET", r"/alerts/{number:\d+}", review.begin, EVERYBODY),
    Route("GET", r"/alerts/{number:\d+}/edit", compose.edit, WRITERS),
    Route("POST", r"/alerts/{number:\d+}/edit", compose.save, WRITERS),
    Route("POST", r"/alerts/{number:\d+}/count", compose.count, WRITERS),
    Route("GET", r"/alerts/{number:\d+}/review", review.show, EVERYBODY),
    Route("POST", r"/alerts/{number:\d+}/ask", review.ask, WRITERS),
    Route("GET", r"/alerts/{number:\d+}/approve", approve.show, APPROVERS | WRITERS),
    Route("POST", r"/alerts/{number:\d+}/approve", approve.decide, APPROVERS | WRITERS),
    Route("GET", r"/alerts/{number:\d+}/run", run_alert.show, EVERYBODY),
    *(Route("POST", rf"/alerts/{{number:\d+}}/{{what:{what}}}", run_alert.do, allowed) for what, allowed in RUN.items()),
    Route("POST", r"/alerts/{number:\d+}/extend", run_alert.extend, WRITERS | APPROVERS),
    Route("GET", r"/alerts/{number:\d+}/languages", late.edit, WRITERS),
    Route("GET", r"/alerts/{number:\d+}/languages/{language:[A-Za-z-]+}", late.edit, WRITERS),
    Route("POST", r"/alerts/{number:\d+}/languages/{language:[A-Za-z-]+}", late.save, WRITERS),
    # the register
    Route("GET", "/people", people.show, EVERYBODY),
    Route("GET", "/people/add", people.add, WRITERS),
    Route("POST", "/people/add", people.save, WRITERS),
    Route("GET", "/people/import", people_import.ask, WRITERS),
    Route("POST", "/people/import", people_import.bring, WRITERS),
    Route("GET", "/people/groups", groups.show, EVERYBODY),
    Route("POST", "/people/groups", groups.add_contact, WRITERS),
    Route("GET", "/people/groups/new", groups.edit, WRITERS),
    Route("POST", "/people/groups/new", groups.save, WRITERS),
    Route("GET", r"/people/groups/{group:\d+}", groups.edit, WRITERS),
    Route("POST", r"/people/groups/{group:\d+}", groups.save, WRITERS),
    Route("GET", r"/people/{person:\d+}", people.edit, WRITERS),
    Route("POST", r"/people/{person:\d+}", people.save, WRITERS),
    Route("POST", r"/people/{person:\d+}/leave", people.leave, WRITERS),
    Route("GET", r"/people/{person:\d+}/data.json", person_data.write_out, WRITERS),
    Route("POST", r"/people/{person:\d+}/erase", person_data.erase, ADMINISTRATORS),
    # a resource person's own pages, and the one that they pass on
    Route("GET", "/m/{token}", message.look, Door.LINK),
    Route("POST", "/m/{token}", message.answer, Door.LINK),
    Route("GET", "/m/{token}/share", message.pass_on, Door.LINK),
    Route("POST", "/m/{token}/share", message.pass_on, Door.LINK),
    Route("POST", "/m/{token}/me", message.send_own_page, Door.LINK),
    Route("GET", "/s/{token}", shared.look, Door.LINK),
    Route("GET", "/s/{token}/poster", shared.poster, Door.LINK),
    Route("GET", "/me/{token}", me.look, Door.LINK),
    Route("POST", "/me/{token}", me.change, Door.LINK),
    Route("GET", "/me/{token}/data.json", me.download, Door.LINK),
    Route("GET", r"/wall/{token}", wall.show, Door.LINK),
    Route("GET", r"/wall/{token}/live", wall.live, Door.LINK),
)


def make_app(
    relay: Relay,
    watchdog: Watchdog,
    proxies: frozenset[str] = frozenset(),
    phones: Phones | None = None,
    examine: Examine | None = None,
    kept: metrics.Metrics | None = None,
) -> web.Application:
    """Return the application that serves `relay`; `proxies` are believed about who calls, `phones` are emulated ones to be shown,
    `examine` is what doctor shows (without it: what can be said without the settings),
    `kept` is what the monitoring is told beside what the database says.
    """
    app = web.Application(client_max_size=LARGEST_BODY)
    app[RELAY] = relay
    app[WATCHDOG] = watchdog
    app[PROXIES] = proxies
    app[EXAMINE] = examine or (lambda: doctor.checks(relay.store, relay.desk, relay.clock.now()))
    examined: Examine = Lately(app[EXAMINE], EXAMINED_SECONDS)
    app[EXAMINED] = examined
    app[metrics.METRICS] = kept or metrics.Metrics()
    app[DRAWN] = Drawn()
    app[LIVE] = Live(relay.pulse.branch(), partial(_roles, relay))
    if phones is not None:
        app[PHONES] = phones
    app[OPENINGS] = Batch(relay.store, links.opened)
    app.cleanup_ctx.append(_live)
    app.cleanup_ctx.append(_call_post)
    app.cleanup_ctx.append(_openings)
    guard.install(app, ROUTES)
    return app


async def _roles(relay: Relay, open_streams: Collection[int]) -> dict[int, frozenset[Role]]:
    """Say what the users of these sessions may do now; none of one that is over."""
    async with relay.store.read() as conn:
        return await sessions.roles_of(conn, open_streams, relay.clock.now())


async def _openings(app: web.Application) -> AsyncIterator[None]:
    """Write down what was counted before the store closes."""
    yield
    await app[OPENINGS].close()


async def _call_post(app: web.Application) -> AsyncIterator[None]:
    """Send call lists that have changed while the application runs."""
    looking = asyncio.create_task(CallPost(app[RELAY]).run())
    yield
    looking.cancel()
    with suppress(asyncio.CancelledError):
        await looking


async def _live(app: web.Application) -> AsyncIterator[None]:
    """Draw what moves while the application runs; end its streams when it stops, before it waits for its viewers."""
    drawing = asyncio.create_task(app[LIVE].run())

    async def end(_: web.Application) -> None:
        drawing.cancel()
        with suppress(asyncio.CancelledError):
            await drawing

    app.on_shutdown.append(end)
    yield
    await end(app)
