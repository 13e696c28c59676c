"""Trial mode: who is sent to meanwhile, and the switch to earnest."""

from dataclasses import dataclass

from aiohttp import web

from relay.model import NotAllowed
from relay.store import roster, trial, users
from relay.web import second_factor
from relay.web.act import as_number, back, field, number, writing
from relay.web.keys import RELAY
from relay.web.page import render
from relay.web.who import who

CODE_FIRST = "Show your second factor first: the code was missing or not right."


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialPage:
    """Whether it is on, what is held, who is sent to."""

    on: bool
    held: int
    allowed: list[trial.Allowed]
    #: (id, name) of people of the register who are not
    others: tuple[tuple[int, str], ...]
    #: the reader has a second factor, and must show it to switch
    coded: bool


async def shown(request: web.Request) -> web.StreamResponse:
    """Show trial mode."""
    me = who(request)
    async with request.app[RELAY].store.read() as conn:
        allowed = await trial.listed(conn, me.municipality_id)
        listed = {one.person_id for one in allowed}
        everybody = await roster.everybody(conn, me.municipality_id)
        page = TrialPage(
            on=await trial.is_on(conn, me.municipality_id),
            held=await trial.held(conn, me.municipality_id),
            allowed=allowed,
            others=tuple((one.person_id, one.name) for one in everybody if one.person_id not in listed),
            coded=(await users.secrets_of(conn, me.municipality_id, me.user_id)).totp_secret is not None,
        )
    return await render(request, "access/trial.html", page)


async def allow(request: web.Request) -> web.StreamResponse:
    """Put a person of the register on the list, whose every way counts; or a number or mailbox."""
    value, person = await field(request, "value", 254), await field(request, "person", 15)
    async with writing(request) as (conn, town, by):
        if person:
            await trial.allow_person(conn, town, as_number(person), by)
        else:
            await trial.allow_address(conn, town, value, by)
    raise back("/trial")


async def disallow(request: web.Request) -> web.StreamResponse:
    """Take a row off the list."""
    async with writing(request) as (conn, town, by):
        await trial.disallow(conn, town, number(request, "entry"), by)
    raise back("/trial")


async def go_real(request: web.Request) -> web.StreamResponse:
    """In earnest from now on."""
    return await _switch(request, real=True)


async def go_trial(request: web.Request) -> web.StreamResponse:
    """Back to trial mode."""
    return await _switch(request, real=False)


async def _switch(request: web.Request, *, real: bool) -> web.StreamResponse:
    me, code = who(request), await field(request, "code", 40)
    async with writing(request) as (conn, town, by):
        row = await users.secrets_of(conn, town, me.user_id)
        if row.totp_secret is not None and not await second_factor.take(conn, row, code, by.at):
            raise NotAllowed(CODE_FIRST)
        await (trial.go_real if real else trial.go_trial)(conn, town, by)
    raise back("/trial")
