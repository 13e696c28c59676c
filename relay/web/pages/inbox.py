"""The inbox: what people wrote and what is to be done, gravest and oldest first; conversations, and answers in the person's language."""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field

from aiohttp import web
from sqlalchemy.ext.asyncio import AsyncConnection

from messages.alert import Kind
from messages.form import Medium
from messages.frames import Notice, between, mark
from relay.authority import DUTY
from relay.model import BadInput, NotAllowed, TaskKind
from relay.store import alerts, call_list, context, conversations, desk_queue
from relay.store.columns import AnyRow
from relay.store.conversations import Conversation, Way
from relay.store.halts import Halt
from relay.web import words
from relay.web.keys import LIVE, RELAY, WATCHDOG
from relay.web.page import direction_of, draw, language_of, render
from relay.web.who import who
from relay.wording import in_force, say

#: signs of an answer: ten SMS are more than enough
LONGEST = 1500
#: answers that are ready in every language: the house's own notices, in the order in which they are wanted
READY: Mapping[str, tuple[Notice, str]] = {
    "ring": (Notice.ECHO_RING_ME, "We will ring you"),
    "verify": (Notice.VERIFY, "Yes, it is from us"),
    "in_force": (Notice.IN_FORCE, "What is in force now"),
    "menu": (Notice.MENU, "How to answer"),
    "thanks": (Notice.THANKS, "Thank you"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class QueuePage:
    """The queue. `kind`: only tasks of this kind are shown; `mine`: what the reader has taken; `alert`: what is about this one."""

    queue: desk_queue.Queue
    kind: str
    mine: bool
    #: 0 = any, or none
    alert: int
    kinds: tuple[tuple[TaskKind, int], ...]
    may_act: bool
    halts: tuple[Halt, ...]

    @property
    def items(self) -> tuple[desk_queue.Item, ...]:
        """Return the rows of the kind that is wanted."""
        return tuple(item for item in self.queue.items if self.kind in ("", item.kind) and self.alert in (0, item.number))


@dataclass(frozen=True, slots=True, kw_only=True)
class InboxPage:
    """The queue, and whether the reader's copy of the call list is older than the register."""

    queue: QueuePage
    list_old: bool


async def queue(request: web.Request) -> web.Response:
    """Show what waits."""
    relay, asker = request.app[RELAY], who(request)
    async with relay.store.read() as conn:
        copy = await call_list.newest_copy(conn, asker.municipality_id, asker.user_id)
        old = copy is not None and copy.mark != (await call_list.read(conn, asker.municipality_id, relay.clock.now())).mark
    return await render(request, "board/inbox.html", InboxPage(queue=await _queue(request), list_old=old))


async def live(request: web.Request) -> web.StreamResponse:
    """Stream the queue."""
    asker = who(request)
    wanted = (request.query.get("kind", ""), asker.name if "mine" in request.query else "", _alert(request))
    key = ("inbox", asker.municipality_id, language_of(request), direction_of(request), asker.may(DUTY), *wanted)

    async def picture() -> str:
        page = await _queue(request)
        return await draw(request, "board/inbox_live.html", page) + await draw(request, "parts/along.html", page)

    return await request.app[LIVE].stream(request, key, picture)


def _alert(request: web.Request) -> int:
    wanted = request.query.get("alert", "")
    return int(wanted[:9]) if wanted.isascii() and wanted.isdigit() else 0


async def _queue(request: web.Request) -> QueuePage:
    relay, asker = request.app[RELAY], who(request)
    mine = "mine" in request.query
    async with relay.store.read() as conn:
        found = await desk_queue.read(conn, asker.municipality_id, asker.name if mine else "")
    kinds: dict[TaskKind, int] = {}
    for item in found.items:
        kinds[item.kind] = kinds.get(item.kind, 0) + 1
    return QueuePage(
        queue=found,
        kind=request.query.get("kind", ""),
        mine=mine,
        alert=_alert(request),
        kinds=tuple(kinds.items()),
        may_act=asker.may(DUTY),
        halts=await request.app[WATCHDOG].halts(asker.municipality_id),
    )


# --- one conversation ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Ready:
    """An answer that is ready: its name, what it is for, the text as it would be sent, and its Norwegian twin."""

    name: str
    title: str
    text: str
    language: str
    twin: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ConversationPage:
    """A conversation, and how it can be answered."""

    talk: Conversation
    #: that can be rung, for whoever may
    numbers: tuple[AnyRow, ...]
    way: Way | None
    #: why it cannot be answered, in words
    no_way: str
    ready: tuple[Ready, ...]
    #: languages that an answer may be written in
    languages: tuple[str, ...]
    colleagues: tuple[str, ...]
    may_act: bool
    once: str
    text: str = ""
    errors: dict[str, str] = field(default_factory=dict)


async def conversation(request: web.Request) -> web.Response:
    """Show a conversation; reading it marks nothing, since a colleague may still have to answer."""
    return await _conversation(request)


async def _conversation(request: web.Request, *, text: str = "", errors: dict[str, str] | None = None) -> web.Response:
    relay, asker = request.app[RELAY], who(request)
    async with relay.store.read() as conn:
        talk = await conversations.read(conn, asker.municipality_id, int(request.match_info["thread"]))
        numbers = await conversations.numbers(conn, talk) if asker.may(DUTY) else ()
        way, no_way = await _way(conn, talk, request)
        ready = tuple([await _ready(conn, talk, way, name, language_of(request)) for name in READY]) if way and talk.languages else ()
        town = (await context.load(conn, [talk.municipality_id])).municipalities[talk.municipality_id]
        colleagues = await desk_queue.colleagues(conn, asker.municipality_id)
    page = ConversationPage(
        talk=talk,
        numbers=numbers,
        way=way,
        no_way=no_way,
        ready=ready,
        languages=tuple(dict.fromkeys((*talk.languages, town.norwegian, "en"))),
        colleagues=tuple(name for name in colleagues if name != asker.name),
        may_act=asker.may(DUTY),
        once=secrets.token_hex(8),
        text=text,
        errors=errors or {},
    )
    return await render(request, "board/conversation.html", page, status=400 if errors else 200)


async def _way(conn: AsyncConnection, talk: Conversation, request: web.Request) -> tuple[Way | None, str]:
    try:
        return await conversations.way_back(conn, talk.municipality_id, talk.thread_id, request.app[RELAY].clock.now()), ""
    except NotAllowed as error:
        return None, words.refused(language_of(request), error)


async def _ready(conn: AsyncConnection, talk: Conversation, way: Way, name: str, reader: str) -> Ready:
    """Return an answer of the house in the person's language, and in Norwegian for whoever sends it."""
    notice, title = READY[name]
    home = (await context.load(conn, [talk.municipality_id])).home(talk.municipality_id, talk.group_id, way.sender_id)
    own, norwegian = talk.languages[0], home.norwegian
    text, twin = [
        say(notice, home, language, way.channel, await _values(conn, talk, notice, language), of=_kind(talk)).text
        for language in (own, norwegian)
    ]
    return Ready(name=name, title=words.say(reader, title), text=text, language=own, twin="" if own == norwegian else twin)


async def _values(conn: AsyncConnection, talk: Conversation, notice: Notice, language: str) -> dict[str, str | int]:
    if notice not in (Notice.IN_FORCE, Notice.VERIFY):
        return {}
    rows = await alerts.in_force(conn, talk.municipality_id)
    return {"alerts": in_force([await alerts.issue(conn, talk.municipality_id, row.id) for row in rows], language)}


def _kind(talk: Conversation) -> Kind:
    return Kind(talk.alert_kind) if talk.alert_kind else Kind.ACTUAL


async def reply(request: web.Request) -> web.Response:
    """Send an answer: a ready one, or one's own words."""
    relay, asker, form = request.app[RELAY], who(request), await request.post()
    name, text = str(form.get("ready", "")), str(form.get("text", "")).strip()
    try:
        async with relay.store.write() as conn:
            talk = await conversations.read(conn, asker.municipality_id, int(request.match_info["thread"]))
            way = await conversations.way_back(conn, talk.municipality_id, talk.thread_id, relay.clock.now())
            said, language = await _said(conn, talk, way, name, text, str(form.get("language", "")))
            await conversations.reply(
                conn, talk, way, said, language, by=asker.name, once=str(form.get("once", ""))[:40], now=relay.clock.now()
            )
            if form.get("settle"):
                await conversations.settle(conn, talk, asker.name, "answered", relay.clock.now())
    except BadInput as error:
        return await _conversation(request, text=text, errors={"text": words.refused(language_of(request), error)})
    relay.pulse.ring()
    raise web.HTTPSeeOther("/inbox" if form.get("settle") else f"/inbox/{talk.thread_id}")


async def _said(conn: AsyncConnection, talk: Conversation, way: Way, name: str, text: str, language: str) -> tuple[str, str]:
    """Return the text that is sent and its language. What is about an exercise says so at both ends, whoever wrote it."""
    if name in READY and talk.languages:
        ready = await _ready(conn, talk, way, name, "en")
        return ready.text, ready.language
    if not text:
        raise BadInput("Write something, or choose a ready answer.")
    if len(text) > LONGEST:
        raise BadInput("This is too long for a message. Write it shorter, or ring.")
    home = (await context.load(conn, [talk.municipality_id])).municipalities[talk.municipality_id]
    chosen = language if language in (*talk.languages, home.norwegian, "en") else home.norwegian
    sign = mark(_kind(talk), chosen)
    return between(sign, text, " " if way.channel is Medium.SMS else "\n"), chosen


async def settle(request: web.Request) -> web.Response:
    """Note that a conversation has been seen to."""
    relay, asker, form = request.app[RELAY], who(request), await request.post()
    async with relay.store.write() as conn:
        talk = await conversations.read(conn, asker.municipality_id, int(request.match_info["thread"]))
        await conversations.settle(conn, talk, asker.name, str(form.get("outcome", ""))[:200], relay.clock.now())
    raise web.HTTPSeeOther("/inbox")


async def hand_over(request: web.Request) -> web.Response:
    """Let oneself or a colleague see to a conversation."""
    relay, asker, form = request.app[RELAY], who(request), await request.post()
    async with relay.store.write() as conn:
        talk = await conversations.read(conn, asker.municipality_id, int(request.match_info["thread"]))
        owner = str(form.get("owner", "")) or asker.name
        if owner != asker.name and owner not in await desk_queue.colleagues(conn, asker.municipality_id):
            raise BadInput("There is nobody of that name here who could see to it.")
        await conversations.own(conn, talk, owner, asker.name, relay.clock.now())
    raise web.HTTPSeeOther(f"/inbox/{talk.thread_id}")
