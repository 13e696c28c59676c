"""Hand-over between duty officers: a note of what is going on and what is left, and those that were written before."""

from collections.abc import Mapping
from dataclasses import dataclass

from aiohttp import web

from relay.authority import DUTY
from relay.model import BadInput
from relay.store import hand_over
from relay.store.columns import AnyRow
from relay.web import words
from relay.web.act import back, field, writing
from relay.web.keys import RELAY
from relay.web.page import language_of, render
from relay.web.who import who


@dataclass(frozen=True, slots=True, kw_only=True)
class HandOverPage:
    """The form, and the newest notes."""

    notes: list[AnyRow]
    may_write: bool
    #: of the form that was refused: its fields, and what is wrong, by field
    written: Mapping[str, str]
    errors: Mapping[str, str]


async def show(request: web.Request) -> web.StreamResponse:
    """Show the newest notes of the asker's municipality, and the form for the next."""
    return await _show(request, {}, {})


async def _show(request: web.Request, written: Mapping[str, str], errors: Mapping[str, str]) -> web.Response:
    me = who(request)
    async with request.app[RELAY].store.read() as conn:
        notes = await hand_over.newest(conn, me.municipality_id)
    page = HandOverPage(notes=notes, may_write=me.may(DUTY), written=written, errors=errors)
    return await render(request, "board/hand_over.html", page, status=422 if errors else 200)


async def write(request: web.Request) -> web.StreamResponse:
    """Write a note; it stands on the situation and on every board until the next one."""
    written = {name: await field(request, name, hand_over.LONGEST) for name in ("going_on", "remains")}
    try:
        async with writing(request) as (conn, town, by):
            await hand_over.write(conn, town, written["going_on"], written["remains"], by)
    except BadInput as refused:
        return await _show(request, written, {"going_on": words.refused(language_of(request), refused)})
    raise back("/hand-over")
