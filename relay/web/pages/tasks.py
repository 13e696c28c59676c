"""One task: whom it is about, how to reach them, and that it has been done, with what came of it."""

from dataclasses import dataclass

from aiohttp import web

from relay.authority import DUTY, STARTERS
from relay.model import NotAllowed, TaskKind
from relay.store import desk_queue, doubts, register, tasks
from relay.store.columns import AnyRow
from relay.store.register import Stamp
from relay.web.keys import RELAY
from relay.web.page import render
from relay.web.who import who

#: does not end a task
NO_ANSWER = "No answer"
#: what can come of a task of each kind; the first is the usual one
OUTCOMES: dict[TaskKind, tuple[str, ...]] = {
    TaskKind.CALL: ("Spoke with them: they pass it on", "Spoke with them: they cannot", NO_ANSWER, "Wrong number"),
    TaskKind.RING: ("Rang them", NO_ANSWER, "A colleague rings"),
    TaskKind.DANGER: ("Rang them", "The emergency services know", "It was no danger"),
    TaskKind.UNREACHABLE: ("Reached in another way", "Somebody else of the group was asked", "Nothing more can be done now"),
    TaskKind.ADDRESS: ("Corrected in the register", "They have no other"),
    TaskKind.OPTED_OUT: ("Talked with them", "Respected: they are not asked again"),
    TaskKind.SENDER: ("The provider has been told", "It sends again"),
    TaskKind.TEXT: ("Text corrected",),
    TaskKind.UNKNOWN_SENDER: ("Registered", "Not for us"),
    TaskKind.QUESTION: ("Answered", "Nothing to answer"),
    TaskKind.REVIEW: ("Looked over: it was right", "Looked over: it should have been done otherwise"),
    TaskKind.RETURNED: ("Changed, and asked for again", "Not needed any more"),
    TaskKind.NEW_ADDRESS: ("Rang the old one, and corrected the register", "They did not ask for it"),
}
#: what each asks of a person
ASKS: dict[TaskKind, str] = {
    TaskKind.DANGER: "Somebody may be in danger. They were told at once to ring 110, 112 or 113: we are not a rescue line. Ring them now.",
    TaskKind.RING: "They asked to be rung, and were told who rings and when.",
    TaskKind.CALL: "Nobody has heard from them. Ring, and ask whether they have got the message and can pass it on.",
    TaskKind.QUESTION: "A message to be read.",
    TaskKind.OPTED_OUT: "They do not want messages here any more. Talk with them before anybody uses this address again.",
    TaskKind.ADDRESS: "A number or mailbox does not work. Find the right one, and correct the register.",
    TaskKind.UNREACHABLE: "Every way to them has failed. Ring, or ask somebody else of the group.",
    TaskKind.SENDER: "Nothing leaves by this sender until somebody has put it right.",
    TaskKind.TEXT: "The provider refuses a text. Correct it, and send it to those who lack it.",
    TaskKind.UNKNOWN_SENDER: "A number that we do not know has written. Is it one of our people with a new number?",
    TaskKind.REVIEW: "One person approved an alert alone. Somebody else looks it over: the texts, and the reason.",
    TaskKind.RETURNED: "The approver sent a draft back to be changed.",
    TaskKind.NEW_ADDRESS: "They want another number or mailbox. Ring the old one first: whoever asks may be somebody else.",
}
#: of a message that may or may not have gone
DOUBT = "It is not known whether a message was sent. Sent again, they may get it twice; left, they may have nothing."


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskPage:
    """A task, and the ways to the person it is about."""

    task: desk_queue.Item
    ways: tuple[AnyRow, ...]
    outcomes: tuple[str, ...]
    asks: str
    may_act: bool
    #: it is about a sender that is stopped, and the reader may start it again
    may_start: bool
    colleagues: tuple[str, ...]


async def show(request: web.Request) -> web.Response:
    """Show a task."""
    relay, asker = request.app[RELAY], who(request)
    async with relay.store.read() as conn:
        item = await desk_queue.one(conn, asker.municipality_id, int(request.match_info["task"]))
        ways = await desk_queue.ways(conn, asker.municipality_id, item.person_id) if item.person_id else []
        colleagues = await desk_queue.colleagues(conn, asker.municipality_id)
    page = TaskPage(
        task=item,
        ways=tuple(ways),
        outcomes=() if item.asks_again else OUTCOMES[item.kind],
        asks=DOUBT if item.asks_again else ASKS[item.kind],
        may_act=asker.may(DUTY),
        may_start=bool(item.sender and item.sender.stopped) and asker.may(STARTERS),
        colleagues=tuple(name for name in colleagues if name != asker.name),
    )
    return await render(request, "board/task.html", page)


async def take(request: web.Request) -> web.Response:
    """Let oneself, or a colleague, see to a task."""
    relay, asker, form = request.app[RELAY], who(request), await request.post()
    task_id = int(request.match_info["task"])
    async with relay.store.write() as conn:
        owner = str(form.get("owner", ""))
        known = owner in await desk_queue.colleagues(conn, asker.municipality_id)
        await desk_queue.take(conn, asker.municipality_id, task_id, owner if known else asker.name, asker.name, relay.clock.now())
    raise web.HTTPSeeOther(f"/tasks/{task_id}")


async def done(request: web.Request) -> web.Response:
    """Note what came of a task; it ends with that, unless nobody was spoken with."""
    relay, asker, form = request.app[RELAY], who(request), await request.post()
    said = ". ".join(part for part in (str(form.get("outcome", "")), str(form.get("more", "")).strip()) if part)
    task_id, now = int(request.match_info["task"]), relay.clock.now()
    async with relay.store.write() as conn:
        if tried := form.get("outcome") == NO_ANSWER:
            await desk_queue.tried(conn, asker.municipality_id, task_id, asker.name, now, said)
        else:
            await tasks.done(conn, asker.municipality_id, task_id, asker.name, now, outcome=said)
    relay.pulse.ring()
    raise web.HTTPSeeOther(f"/tasks/{task_id}" if tried else "/inbox")


async def start(request: web.Request) -> web.Response:
    """Let the sender that a task is about send again; what waits for it leaves, and the task is done."""
    relay, asker = request.app[RELAY], who(request)
    async with relay.store.write() as conn:
        item = await desk_queue.one(conn, asker.municipality_id, int(request.match_info["task"]))
        if item.sender is None:
            raise NotAllowed("This is not about a sender.")
        await register.start_sender_of(conn, asker.municipality_id, item.sender.id, Stamp(by=asker.name, at=relay.clock.now()))
    relay.pulse.ring()
    raise web.HTTPSeeOther("/inbox")


async def again(request: web.Request) -> web.Response:
    """Send a message in doubt once more."""
    relay, asker = request.app[RELAY], who(request)
    task_id = int(request.match_info["task"])
    async with relay.store.write() as conn:
        await doubts.send_again_on_request(conn, asker.municipality_id, task_id, asker.name, relay.clock.now())
    relay.pulse.ring()
    raise web.HTTPSeeOther("/inbox")


async def leave(request: web.Request) -> web.Response:
    """Leave a message in doubt as it is."""
    relay, asker = request.app[RELAY], who(request)
    async with relay.store.write() as conn:
        await tasks.done(
            conn, asker.municipality_id, int(request.match_info["task"]), asker.name, relay.clock.now(), outcome="left as it is"
        )
    raise web.HTTPSeeOther("/inbox")
