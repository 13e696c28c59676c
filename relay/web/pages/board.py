"""The reach board: which group needs us most, what came of the alert, what is to be done, and the button that does it."""

from collections.abc import Hashable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime

from aiohttp import web
from markupsafe import Markup

from messages.alert import Kind
from relay.authority import DUTY
from relay.model import Action, TaskKind
from relay.store import board, hand_over, sooner
from relay.store.columns import AnyRow
from relay.store.halts import Halt
from relay.web import charts, sentences, sheets, words
from relay.web.keys import DRAWN, LIVE, RELAY, WATCHDOG
from relay.web.page import direction_of, draw, language_of, render
from relay.web.who import who

#: groups in need that are named among what is to be done; the table holds the rest
MOST_NAMED = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Todo:
    """Something that needs a person, and where it is done."""

    color: str
    title: str
    text: str = ""
    to: str = ""
    button: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A group's row of the board."""

    group: board.GroupLine
    pieces: tuple[charts.Piece, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """An event as a sentence."""

    happened: board.Happened
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class BoardPage:
    """What the board shows. The live part of it is the same for everybody who may do the same."""

    board: board.Board
    lines: tuple[Line, ...]
    todo: tuple[Todo, ...]
    events: tuple[Event, ...]
    curve: charts.Curve | None
    #: "": nothing, or nothing leaves by itself just now
    next: str
    may_act: bool
    as_table: bool
    halts: tuple[Halt, ...]
    #: the part that moves, drawn
    live: Markup = field(default=Markup(), compare=False)
    #: what the last duty officer told the next
    told: AnyRow | None = field(compare=False)

    @property
    def here(self) -> str:
        """The alert's address."""
        return f"/alerts/{self.board.heading.number}"


async def show(request: web.Request) -> web.Response:
    """Show the board."""
    page = await _page(request)
    # made of our own template, as the stream sends it
    return await render(request, "board/board.html", replace(page, live=Markup(await _drawn(request, page))))  # noqa: S704


async def live(request: web.Request) -> web.StreamResponse:
    """Stream the part of the board that moves: drawn once for all who see the same."""
    await which(request)

    async def picture() -> str:
        page = await _page(request)
        return await _drawn(request, page) + await draw(request, "board/along.html", page)

    return await request.app[LIVE].stream(request, _kind(request), picture)


def _kind(request: web.Request) -> Hashable:
    """All that what a viewer sees of an alert's board depends on, besides the alert."""
    asker = who(request)
    town, number = asker.municipality_id, request.match_info["number"]
    return ("board", town, number, language_of(request), direction_of(request), asker.may(DUTY), _as_table(request))


async def _drawn(request: web.Request, page: BoardPage) -> str:
    """Return the part that moves: drawn once a minute, and whenever something has changed, however many look on."""
    minute = request.app[RELAY].clock.now().replace(second=0, microsecond=0)
    return await request.app[DRAWN].of(_kind(request), (minute, page), lambda: draw(request, "board/live.html", page))


def _as_table(request: web.Request) -> bool:
    return request.query.get("as") == "table"


async def which(request: web.Request) -> board.Heading:
    """Return the alert in the address, of the user's own municipality; NotFound when there is none."""
    relay = request.app[RELAY]
    async with relay.store.read() as conn:
        return await board.heading(conn, who(request).municipality_id, int(request.match_info["number"]), language_of(request))


async def _page(request: web.Request) -> BoardPage:
    relay = request.app[RELAY]
    language = language_of(request)
    now = relay.clock.now().replace(second=0, microsecond=0)
    async with relay.store.read() as conn:
        one = await board.heading(conn, who(request).municipality_id, int(request.match_info["number"]), language)
        found = await board.read(conn, one, relay.clock.now())
        told = await hand_over.standing(conn, who(request).municipality_id)
    mirrored = direction_of(request) == "rtl"
    halts = await request.app[WATCHDOG].halts(who(request).municipality_id)
    goes_on = one.asks and not any(halt.stops(one.gravity) for halt in halts)
    return BoardPage(
        board=found,
        told=told,
        lines=tuple(Line(group=group, pieces=charts.ladder(group, mirrored=mirrored)) for group in found.groups),
        todo=tuple(_todo(found, language)),
        events=tuple(Event(happened=one, text=sentences.happened(language, one)) for one in found.events),
        curve=_curve(found, now, mirrored=mirrored),
        next=_next(found.next, language) if goes_on else "",
        may_act=who(request).may(DUTY),
        as_table=_as_table(request),
        halts=halts,
    )


def _curve(found: board.Board, now: datetime, *, mirrored: bool) -> charts.Curve | None:
    begun = found.heading.released_at
    if begun is None:
        return None
    return charts.curve(found.points, found.totals.reach.planned, begun, found.heading.ended_at or now, mirrored=mirrored)


def _next(step: board.Next | None, language: str) -> str:
    """What the plan does next, in words; "" when there is nothing left in it."""
    if step is None:
        return ""
    what = words.say(language, sentences.ACTIONS[step.action])
    if step.messages <= board.MOST_COUNTED:
        return words.count(language, "%(what)s, %(n)s message", "%(what)s, %(n)s messages", step.messages, what=what)
    return words.say(language, "%(what)s, more than %(n)s messages", what=what, n=board.MOST_COUNTED)


# --- what is to be done ---------------------------------------------------------------------------------------------------

#: kind of task -> colour, words for one and for many, button
TASKS = (
    (TaskKind.DANGER, "danger", "%(n)s person has written of danger", "%(n)s people have written of danger", "Read now"),
    (TaskKind.RING, "danger", "%(n)s person asks to be rung", "%(n)s people ask to be rung", "Ring"),
    (TaskKind.SENDER, "danger", "%(n)s sender has stopped", "%(n)s senders have stopped", "See why"),
    (TaskKind.TEXT, "danger", "%(n)s text was refused", "%(n)s texts were refused", "See why"),
    (TaskKind.QUESTION, "info", "%(n)s message to read", "%(n)s messages to read", "Answer"),
    (TaskKind.CALL, "warning", "%(n)s person to ring", "%(n)s people to ring", "Call list"),
)


def _todo(found: board.Board, language: str) -> Iterator[Todo]:
    for kind, color, one, many, button in TASKS:
        number = found.tasks.get(kind, 0)
        if number:
            title = words.count(language, one, many, number)
            yield Todo(color=color, title=title, to=f"/inbox?kind={kind}", button=words.say(language, button))
    if found.heading.open:
        yield from (_need(found, group, language) for group in found.in_need[:MOST_NAMED])
    yield from _trouble(found, language)


def _need(found: board.Board, group: board.GroupLine, language: str) -> Todo:
    """A group that lacks somebody: remind those who have not answered, or, where all have, ask somebody else."""
    lacking = words.count(
        language, "%(group)s lacks %(n)s who passes it on", "%(group)s lacks %(n)s who pass it on", group.missing, group=group.reach.name
    )
    here, whose = f"/alerts/{found.heading.number}", f"?group={group.reach.group_id}"
    if group.unanswered:
        text = words.count(language, "%(n)s has not answered", "%(n)s have not answered", group.unanswered)
    elif group.underway and found.heading.held:
        text = words.count(language, "It is held back from %(n)s person", "It is held back from %(n)s people", group.underway)
    elif group.underway:
        text = words.count(language, "It is still on its way to %(n)s person", "It is still on its way to %(n)s people", group.underway)
    else:
        text = words.say(language, "Everybody who could be asked has answered")
    if group.unanswered and found.heading.asks:
        to, button = f"{here}/sooner/{Action.REMIND}{whose}", words.say(language, "Remind %(n)s", n=group.unanswered)
    else:
        to, button = f"{here}/people{whose}", words.say(language, "See who")
    return Todo(color="warning", title=lacking, text=text, to=to, button=button)


def _trouble(found: board.Board, language: str) -> Iterator[Todo]:
    if found.held:
        one, many = "Trial mode holds what goes to %(n)s person", "Trial mode holds what goes to %(n)s people"
        not_reached = words.say(language, "They are not reached, and will not be as long as the trial lasts.")
        yield Todo(color="warning", title=words.count(language, one, many, found.held), text=not_reached)
    people = f"/alerts/{found.heading.number}/people?show="
    reach = found.totals.reach
    if reach.failed:
        title = words.count(language, "%(n)s person cannot be reached", "%(n)s people cannot be reached", reach.failed)
        yield Todo(color="danger", title=title, to=f"{people}failed", button=words.say(language, "See why"))
    if reach.unknown:
        title = words.count(language, "Of %(n)s person it is not known", "Of %(n)s people it is not known", reach.unknown)
        text = words.say(language, "We look for it at the provider; an answer settles it too.")
        yield Todo(color="warning", title=title, text=text, to=f"{people}unknown", button=words.say(language, "See who"))
    if found.perhaps_twice:
        title = words.count(
            language, "%(n)s person has perhaps got it twice", "%(n)s people have perhaps got it twice", found.perhaps_twice
        )
        yield Todo(color="neutral", title=title, to=f"{people}twice", button=words.say(language, "See who"))


# --- a step sooner -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class SoonerPage:
    """What bringing a step forward would do, before it is done."""

    heading: board.Heading
    action: Action
    group_id: int
    #: "" for all groups that lack somebody
    group: str
    groups: tuple[tuple[str, str], ...]
    seen: sooner.Outlook

    @property
    def here(self) -> str:
        """The alert's address."""
        return f"/alerts/{self.heading.number}"


async def ask_sooner(request: web.Request) -> web.Response:
    """Say what will happen; nothing is done yet."""
    relay = request.app[RELAY]
    async with relay.store.read() as conn:
        one = await _that_asks(request)
        lines = await board.lines(conn, one, {})
        action, group = _asked(request, lines)
        seen = await sooner.outlook(conn, one, action, group, relay.policy, relay.clock.now())
    names = {line.reach.group_id: line.reach.name for line in lines}
    groups = (("0", words.say(language_of(request), "All groups that lack somebody")), *((str(key), name) for key, name in names.items()))
    page = SoonerPage(heading=one, action=action, group_id=group, group=names.get(group, ""), groups=groups, seen=seen)
    return await render(request, "board/sooner.html", page)


async def do_sooner(request: web.Request) -> web.Response:
    """Bring the step forward for those who still have not answered, and go back to the board."""
    relay = request.app[RELAY]
    one = await _that_asks(request)
    async with relay.store.write() as conn:
        action, group = _asked(request, await board.lines(conn, one, {}))
        seen = await sooner.outlook(conn, one, action, group, relay.policy, relay.clock.now())
        await sooner.bring(conn, one, group, seen, who(request).name, relay.clock.now())
    relay.pulse.ring()
    raise web.HTTPSeeOther(f"/alerts/{one.number}/board")


async def _that_asks(request: web.Request) -> board.Heading:
    """Return the alert in the address; while it is paused its board, which says so and leads to where it goes on."""
    one = await which(request)
    if one.held:
        raise web.HTTPSeeOther(f"/alerts/{one.number}/board")
    return one


def _asked(request: web.Request, lines: tuple[board.GroupLine, ...]) -> tuple[Action, int]:
    """Return which step, and for which group; 404 for a step that cannot come forward, and a group that is not in the alert."""
    try:
        action, group = Action(request.match_info["action"]), int(request.query.get("group", "0"))
    except ValueError as error:
        raise web.HTTPNotFound from error
    if action not in sooner.MAY_COME or (group and group not in {line.reach.group_id for line in lines}):
        raise web.HTTPNotFound
    return action, group


# --- to take along -----------------------------------------------------------------------------------------------------------

COLUMNS = (
    "Group",
    "Language",
    "Quorum",
    "Pass it on",
    "Planned",
    "Left out",
    "Sent",
    "Delivered",
    "Answered",
    "Passed on",
    "Not known",
    "Failed",
    "Reported reached",
    "Openings",
    "Estimated size",
    "Source",
    "Date",
)


async def as_csv(request: web.Request) -> web.Response:
    """Send the board's table as a file."""
    relay = request.app[RELAY]
    language = language_of(request)
    one = await which(request)
    async with relay.store.read() as conn:
        found = await board.read(conn, one, relay.clock.now())
    heading = [words.say(language, column) for column in COLUMNS]
    return sheets.of_alert(f"rekkevidde-{one.number}", Kind(one.kind), language, heading, (_cells(line) for line in found.groups))


def _cells(line: board.GroupLine) -> list[object]:
    reach = line.reach
    people = (reach.planned, reach.skipped, reach.sent, reach.delivered, reach.acknowledged, reach.relayed, reach.unknown, reach.failed)
    size = (line.estimate, line.estimate_source, line.estimate_on)
    return [reach.name, reach.language, reach.quorum, reach.counted, *people, reach.reported_reach, line.opened, *size]
