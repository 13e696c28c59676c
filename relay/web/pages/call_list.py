"""The call list, for when the net is down: on paper, and as one file on a duty officer's own device that opens with a passphrase alone
(relay.web.call_file), downloaded or sent whenever the register changes (relay.web.call_post).
"""

import asyncio
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial

from aiohttp import web

from relay.model import BadInput
from relay.store import call_list, call_list_post, letters, users
from relay.web import call_file, sheets, words
from relay.web.act import back, stamp, writing
from relay.web.call_post import CallPost
from relay.web.keys import RELAY
from relay.web.page import draw, language_of, render
from relay.web.who import who

#: signs of a passphrase
SHORTEST = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class ListPage:
    """The list, and how old the reader's own copy is."""

    list: call_list.CallList
    made_at: datetime
    copied_at: datetime | None
    #: the register has changed since the copy was made
    old: bool
    #: the reader's mailbox; "" for none, or no sender that could write to it
    mailbox: str
    #: what became of the newest that was sent; None: none is to be sent
    posted: letters.Posted | None
    errors: dict[str, str] = field(default_factory=dict)


async def show(request: web.Request) -> web.Response:
    """Show the list as the register is now, to be printed."""
    return await _show(request)


async def _show(request: web.Request, errors: dict[str, str] | None = None) -> web.Response:
    page = await _page(request, errors or {})
    return await render(request, "board/call_list.html", page, status=400 if errors else 200)


async def _page(request: web.Request, errors: dict[str, str]) -> ListPage:
    relay, asker = request.app[RELAY], who(request)
    async with relay.store.read() as conn:
        found = await call_list.read(conn, asker.municipality_id, relay.clock.now())
        copy = await call_list.newest_copy(conn, asker.municipality_id, asker.user_id)
        sender = await letters.sender(conn, asker.municipality_id)
        user = await users.find(conn, asker.municipality_id, asker.user_id)
        posted = await call_list_post.of_user(conn, asker.municipality_id, asker.user_id)
    return ListPage(
        list=found,
        made_at=relay.clock.now(),
        copied_at=copy.made_at if copy else None,
        old=copy is not None and copy.mark != found.mark,
        mailbox=user.email if sender else "",
        posted=posted,
        errors=errors,
    )


async def take(request: web.Request) -> web.StreamResponse:
    """Do what the pressed button says: download the file that opens with the passphrase in the form, send it from now on, or no more."""
    form = await request.post()
    if form.get("do") == "stop":
        async with writing(request) as (conn, town, by):
            await call_list_post.unsubscribe(conn, town, who(request).user_id, by)
        raise back("/call-list")
    passphrase, again = str(form.get("passphrase", "")), str(form.get("again", ""))
    if errors := _wrong(passphrase, again, language_of(request)):
        return await _show(request, errors)
    key = await asyncio.to_thread(call_file.key_of, passphrase)
    return await (_subscribed if form.get("do") == "post" else _downloaded)(request, key)


async def _downloaded(request: web.Request, key: call_list_post.Key) -> web.StreamResponse:
    """Send the file; of its passphrase nothing is kept."""
    relay, asker, now = request.app[RELAY], who(request), request.app[RELAY].clock.now()
    async with relay.store.read() as conn:
        found = await call_list.read(conn, asker.municipality_id, now)
    file = await call_file.make(partial(draw, request), found, key, now)
    async with relay.store.write() as conn:
        await call_list.taken(conn, asker.municipality_id, asker.user_id, found.mark, asker.name, now)
    headers = {"Content-Disposition": f'attachment; filename="{file.name}"', "Cache-Control": "no-store"}
    return web.Response(body=file.content, content_type="text/html", charset="utf-8", headers=headers)


async def _subscribed(request: web.Request, key: call_list_post.Key) -> web.StreamResponse:
    """Send it now, and whenever the register has changed."""
    relay, asker = request.app[RELAY], who(request)
    try:
        async with relay.store.write() as conn:
            await call_list_post.subscribe(conn, asker.municipality_id, asker.user_id, key, stamp(request))
    except BadInput as refused:
        return await _show(request, {"passphrase": words.refused(language_of(request), refused)})
    await CallPost(relay).at_once(asker.municipality_id, asker.user_id)
    raise back("/call-list")


def _wrong(passphrase: str, again: str, language: str) -> dict[str, str]:
    if len(passphrase) < SHORTEST:
        return {"passphrase": words.say(language, "At least %(n)s signs: four words that belong to no sentence.", n=SHORTEST)}
    if passphrase != again:
        return {"again": words.say(language, "The two are not the same.")}
    return {}


async def as_csv(request: web.Request) -> web.Response:
    """Send the list as a file that a spreadsheet opens. It is not sealed: whoever takes it looks after it."""
    language, page = language_of(request), await _page(request, {})
    heading = [words.say(language, column) for column in ("Group", "Person", "Number", "Languages", "Stands by for")]
    rows = (
        [group.name, person.name, " / ".join(person.numbers), " ".join(person.languages), person.deputy_of]
        for group in page.list.groups
        for person in group.people
    )
    return sheets.response("ringeliste", heading, rows)
