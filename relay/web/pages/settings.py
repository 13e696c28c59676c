"""How the installation stands: senders and their state, the steps of the policy, what doctor says; tokens of programs; help."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from aiohttp import web

from channels.base import Check
from relay.model import BadInput
from relay.routing import DEFAULT_POLICY, describe
from relay.store import front, policies, register, selftest, senders, tokens, users
from relay.store.columns import AnyRow
from relay.store.register import Stamp
from relay.store.users import Known
from relay.web import words
from relay.web.api.operation import Scope
from relay.web.keys import EXAMINE, RELAY
from relay.web.page import language_of, render
from relay.web.who import Who, who


@dataclass(frozen=True, slots=True, kw_only=True)
class SettingsPage:
    """What the page shows."""

    senders: tuple[AnyRow, ...]
    #: what became of the reader's newest test message, by sender
    tried: Mapping[int, selftest.Tried]
    #: why no test could be sent; "" = one could
    refused: str
    #: the policy, step by step, in the page's language
    policy: tuple[str, ...]


async def show(request: web.Request) -> web.Response:
    """Show senders, policy, and the ways to everything that an administrator looks after."""
    return await _show(request)


async def _show(request: web.Request, refused: str = "") -> web.Response:
    me = who(request)
    async with request.app[RELAY].store.read() as conn:
        found = await senders.listed(conn, me.municipality_id)
        tried = await selftest.newest(conn, me.municipality_id, me.user_id)
        holds = await policies.of(conn, me.municipality_id, DEFAULT_POLICY)
    steps = describe(holds, "en" if language_of(request) == "en" else "nb")
    page = SettingsPage(senders=tuple(found), tried=tried, refused=refused, policy=tuple(steps))
    return await render(request, "settings/settings.html", page, status=422 if refused else 200)


async def try_sender(request: web.Request) -> web.Response:
    """Send the reader a message by one sender, as every message goes."""
    form, me, relay = await request.post(), who(request), request.app[RELAY]
    sender, language, now = str(form.get("sender", "")), language_of(request), relay.clock.now()
    try:
        async with relay.store.write() as conn:
            town = (await front.glance(conn, me.municipality_id)).name
            text = words.say(language, "A test of Budstikke in %(town)s, sent to you by yourself. Nothing has happened.", town=town)
            await selftest.send(conn, me.municipality_id, int(sender) if sender.isdigit() else 0, me.user_id, text, now)
    except BadInput as error:
        return await _show(request, words.refused(language, error))
    relay.pulse.ring()
    raise web.HTTPSeeOther("/settings#senders")


async def start_sender(request: web.Request) -> web.Response:
    """Let a stopped sender send again."""
    form, me, relay = await request.post(), who(request), request.app[RELAY]
    async with relay.store.write() as conn:
        await register.start_sender(conn, me.municipality_id, str(form.get("address", "")), Stamp(by=me.name, at=relay.clock.now()))
    relay.pulse.ring()
    raise web.HTTPSeeOther("/settings")


# --- doctor -------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class DoctorPage:
    """What is well and what is not; what is not comes first."""

    checks: tuple[Check, ...]

    @property
    def ill(self) -> int:
        """How many are not well."""
        return sum(not one.ok for one in self.checks)


async def examine(request: web.Request) -> web.Response:
    """Run every check and show what to do about each that is not well."""
    found = await request.app[EXAMINE]()
    return await render(request, "settings/doctor.html", DoctorPage(checks=tuple(sorted(found, key=lambda one: (one.ok, not one.grave)))))


# --- tokens -------------------------------------------------------------------------------------------------------------


#: what a token lets a program do: in a word, and what that is
SCOPES: Mapping[Scope, tuple[str, str]] = {
    Scope.READ: ("See alerts", "alerts, reach and events, no names"),
    Scope.PEOPLE: ("The register of people", "with names and numbers"),
    Scope.WRITE: ("Write alerts", "drafts and texts"),
    Scope.APPROVE: ("Approve alerts", "stand for what another wrote"),
    Scope.RELEASE: ("Send and end alerts", "send, withdraw, end"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class TokensPage:
    """Tokens that are there, users for whom one can be made, and the one that was made just now."""

    tokens: tuple[AnyRow, ...]
    users: tuple[Known, ...]
    scopes: Mapping[Scope, tuple[str, str]] = field(default_factory=lambda: SCOPES)
    #: shown this once
    made: str = ""
    error: str = ""


async def list_tokens(request: web.Request) -> web.Response:
    """Show what lets programs in."""
    return await _tokens(request, who(request))


async def _tokens(request: web.Request, me: Who, *, made: str = "", error: str = "") -> web.Response:
    async with request.app[RELAY].store.read() as conn:
        there = await tokens.listed(conn, me.municipality_id)
        people = await users.listed(conn, me.municipality_id)
    page = TokensPage(tokens=tuple(there), users=tuple(one for one in people if one.active), made=made, error=error)
    return await render(request, "settings/tokens.html", page, status=422 if error else 200)


async def add_token(request: web.Request) -> web.Response:
    """Make a token and show it this once."""
    form, me, relay = await request.post(), who(request), request.app[RELAY]
    wanted = frozenset(str(scope) for scope in form.getall("scope", []) if str(scope) in set(Scope))
    user = str(form.get("user", ""))
    user_id = int(user) if user.isascii() and user.isdecimal() else 0
    try:
        async with relay.store.write() as conn:
            made = await tokens.add(conn, me.municipality_id, user_id, str(form.get("name", "")), wanted, me.name, relay.clock.now())
    except BadInput as error:
        return await _tokens(request, me, error=words.refused(language_of(request), error))
    return await _tokens(request, me, made=made)


async def revoke_token(request: web.Request) -> web.Response:
    """End a token at once."""
    me, relay = who(request), request.app[RELAY]
    async with relay.store.write() as conn:
        await tokens.revoke(conn, me.municipality_id, int(request.match_info["token"]), me.name, relay.clock.now())
    raise web.HTTPSeeOther("/settings/tokens")


# --- help ---------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class HelpPage:
    """What somebody new should know, and the keys."""


async def helping(request: web.Request) -> web.Response:
    """Show help."""
    return await render(request, "settings/help.html", HelpPage())
