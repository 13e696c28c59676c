"""Person by person: everybody of an alert, and of one person every attempt with its evidence, in words."""

from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlencode

from aiohttp import web

from messages.alert import Kind
from relay.authority import DUTY
from relay.store import board, desk_queue, people_of_alert
from relay.store.columns import AnyRow
from relay.store.people_of_alert import Show
from relay.web import sentences, sheets, words
from relay.web.keys import RELAY
from relay.web.page import language_of, render
from relay.web.pages.board import which
from relay.web.who import who

SHOWN = {
    Show.ALL: "Everybody",
    Show.NOT_REACHED: "Neither delivered nor answered",
    Show.UNANSWERED: "Have not answered",
    Show.ANSWERED: "Have answered",
    Show.PASSED_ON: "Have passed it on",
    Show.UNKNOWN: "Not known",
    Show.FAILED: "Failed",
    Show.TWICE: "Perhaps twice",
    Show.LEFT_OUT: "Left out",
}
#: rows of a file: more than any municipality has people
MOST = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """The filter, as it stands in the address."""

    show: Show = Show.ALL
    group: int = 0
    name: str = ""
    page: int = 1

    def query(self, **changed: object) -> str:
        """Return the address's query with something changed."""
        values = {"show": self.show, "group": self.group, "q": self.name, "page": self.page} | changed
        return urlencode({key: str(value) for key, value in values.items() if value and (key, value) not in (("show", "all"), ("page", 1))})


@dataclass(frozen=True, slots=True, kw_only=True)
class PeoplePage:
    """A page of people."""

    heading: board.Heading
    wanted: Wanted
    people: people_of_alert.People
    groups: tuple[tuple[str, str], ...]
    shows: tuple[tuple[str, str], ...]

    @property
    def here(self) -> str:
        """The alert's address."""
        return f"/alerts/{self.heading.number}"


async def people(request: web.Request) -> web.Response:
    """Show a page of people."""
    relay = request.app[RELAY]
    language = language_of(request)
    one, wanted = await which(request), _wanted(request)
    async with relay.store.read() as conn:
        found = await people_of_alert.people(conn, one, show=wanted.show, group_id=wanted.group, name=wanted.name, page=wanted.page)
        lines = await board.lines(conn, one, {})
    groups = sorted((line.reach.name, str(line.reach.group_id)) for line in lines)
    page = PeoplePage(
        heading=one,
        wanted=wanted,
        people=found,
        groups=(("", words.say(language, "All groups")), *((key, name) for name, key in groups)),
        shows=tuple((str(show), words.say(language, text)) for show, text in SHOWN.items()),
    )
    return await render(request, "board/people.html", page)


def _wanted(request: web.Request) -> Wanted:
    """Read the filter; what is no filter is none."""
    asked = request.query
    show = asked.get("show", "all")
    return Wanted(
        show=Show(show) if show in list(Show) else Show.ALL,
        group=_number(asked.get("group", "")) or 0,
        name=asked.get("q", "")[:120],
        page=max(1, _number(asked.get("page", "")) or 1),
    )


def _number(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else None


COLUMNS = ("Person", "Group", "Language", "Stands", "Answered at", "Reported reached", "Evidence", "Remarks")


async def as_csv(request: web.Request) -> web.Response:
    """Send everybody whom the filter shows as a file."""
    relay = request.app[RELAY]
    language = language_of(request)
    one, wanted = await which(request), _wanted(request)
    async with relay.store.read() as conn:
        found = await people_of_alert.people(conn, one, show=wanted.show, group_id=wanted.group, name=wanted.name, size=MOST)
    heading = [words.say(language, column) for column in COLUMNS]
    return sheets.of_alert(f"personer-{one.number}", Kind(one.kind), language, heading, (_cells(row, language) for row in found.rows))


def _cells(row: people_of_alert.Row, language: str) -> list[object]:
    rung = words.say(language, sentences.RUNGS[row.rung][0])
    proof = words.say(language, sentences.EVIDENCE[row.evidence][0])
    return [row.person, row.group, row.language, rung, _moment(row.answered_at), row.reported or "", proof, remarks(row, language)]


def _moment(at: datetime | None) -> str:
    return at.isoformat(timespec="seconds") if at else ""


def remarks(row: people_of_alert.Row, language: str) -> str:
    """Return what else is to be known of a person, in words."""
    told = []
    if row.left_out:
        told.append(words.say(language, sentences.LEFT_OUT.get(row.left_out, row.left_out)))
    if row.failed:
        told.append(words.say(language, "Every way has failed"))
    if row.twice:
        told.append(words.say(language, "Has perhaps got it twice"))
    if row.deputy:
        told.append(words.say(language, "Stands by for somebody"))
    return "; ".join(told)


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonPage:
    """One person in full."""

    heading: board.Heading
    story: people_of_alert.Story
    may_ring: bool
    #: their addresses, for whoever rings
    ways: tuple[AnyRow, ...]

    @property
    def here(self) -> str:
        """The alert's address."""
        return f"/alerts/{self.heading.number}"


async def person(request: web.Request) -> web.Response:
    """Show everything about one person of an alert."""
    relay, asker = request.app[RELAY], who(request)
    one = await which(request)
    async with relay.store.read() as conn:
        story = await people_of_alert.story(conn, one, int(request.match_info["person"]))
        may_ring = asker.may(DUTY)
        ways = await desk_queue.ways(conn, asker.municipality_id, story.person_id) if may_ring else []
    return await render(request, "board/person.html", PersonPage(heading=one, story=story, may_ring=may_ring, ways=tuple(ways)))
