"""What the house says to its own staff by SMS: who is asked to approve, whom a grave message that comes in wakes, and what everybody who
answers for alerts is told at once.
"""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncConnection

from messages.alert import Gravity, Severity
from messages.frames import between, mark
from relay.model import Role
from relay.store import paging
from relay.store.columns import AnyRow

#: minutes until the next approver is asked too, by the alert's gravity
NEXT_APPROVER = {Gravity.LIFE: 2, Gravity.STANDARD: 10, Gravity.ROUTINE: 30}
#: who is told of what was done alone, or is out
SECOND_EYES = frozenset({Role.ADMINISTRATOR, Role.APPROVER})

#: who is woken when an official message comes in: the first of these roles that somebody with a telephone has
WOKEN = (Role.DUTY_OFFICER, Role.COORDINATOR)

#: where each leads, behind the alert's own page
PAGES = {"came": "/review", "ask": "/approve", "override": "/run", "release": "", "withdraw": "", "over": ""}

#: what an official message says of itself
GRADES: dict[str, dict[str, str]] = {
    Severity.EXTREME: {"nb": "ekstremt", "nn": "ekstremt", "en": "extreme"},
    Severity.SEVERE: {"nb": "alvorlig", "nn": "alvorleg", "en": "severe"},
}

#: in the languages of the pages; the alert's number, its event and the address of its page are filled in
WORDS: dict[str, dict[str, str]] = {
    "came": {
        "nb": "Inn kom ({grade}): {event}. Fra {source}. Ingenting er sendt; utkast nr. {number} venter: {url}",
        "nn": "Inn kom ({grade}): {event}. Frå {source}. Ingenting er sendt; utkast nr. {number} ventar: {url}",
        "en": "Came in ({grade}): {event}. From {source}. Nothing is sent; draft no. {number} waits: {url}",
    },
    "ask": {
        "nb": "Til godkjenning: varsel nr. {number}, {event}. Se og godkjenn: {url}",
        "nn": "Til godkjenning: varsel nr. {number}, {event}. Sjå og godkjenn: {url}",
        "en": "For approval: alert no. {number}, {event}. Look and approve: {url}",
    },
    "override": {
        "nb": "Varsel nr. {number}, {event}, er godkjent av én person alene. Se over det nå: {url}",
        "nn": "Varsel nr. {number}, {event}, er godkjent av éin person åleine. Sjå over det no: {url}",
        "en": "Alert no. {number}, {event}, was approved by one person alone. Look it over now: {url}",
    },
    "release": {
        "nb": "Varsel nr. {number}, {event}, sendes nå. Se hva som går ut: {url}",
        "nn": "Varsel nr. {number}, {event}, blir sendt no. Sjå kva som går ut: {url}",
        "en": "Alert no. {number}, {event}, is being sent now. See what goes out: {url}",
    },
    "withdraw": {
        "nb": "Varsel nr. {number}, {event}, er trukket tilbake: det var feil. {url}",
        "nn": "Varsel nr. {number}, {event}, er trekt tilbake: det var feil. {url}",
        "en": "Alert no. {number}, {event}, is withdrawn: it was wrong. {url}",
    },
    "over": {
        "nb": "Faren er over: varsel nr. {number}, {event}, er avsluttet. {url}",
        "nn": "Faren er over: varsel nr. {number}, {event}, er avslutta. {url}",
        "en": "The danger is over: alert no. {number}, {event}, has ended. {url}",
    },
}


def told(name: str, row: AnyRow, site: str, source: str = "") -> Callable[[str], str]:
    """Return what to say about an alert, by language; what is not real is marked at both ends.

    `site`: where the pages are; `source`: who says what came in.
    """
    url = f"{site}/alerts/{row.number}{PAGES.get(name, '')}" if site else ""

    def text(language: str) -> str:
        known = language if language in WORDS[name] else "nb"
        grade = GRADES.get(row.severity, {}).get(known, "")
        words = WORDS[name][known].format(number=row.number, event=row.event[:60], url=url, grade=grade, source=source[:60]).strip()
        return between(mark(row.kind, language), words)

    return text


def causes(name: str, alert_id: int) -> str:
    """Return how every cause of such messages about an alert begins."""
    return f"{name}:{alert_id}."


async def wake(conn: AsyncConnection, row: AnyRow, source: str, site: str, now: datetime) -> int:
    """Wake all who are on duty; where nobody of them has a telephone, the coordinators. Returns how many can be reached."""
    for role in WOKEN:
        people = await paging.colleagues(conn, row.municipality_id, {role})
        text, gravity, cause = told("came", row, site, source), Gravity(row.gravity), f"{causes('came', row.id)}{row.revision}"
        reached = await paging.page(conn, row.municipality_id, people, cause, text, now, gravity=gravity)
        if reached:
            return reached
    return 0


async def ask(conn: AsyncConnection, row: AnyRow, by: str, site: str, now: datetime) -> int:
    """Ask the approvers, one after the other; never who wrote or edited it. Returns how many can be reached."""
    people = await paging.colleagues(conn, row.municipality_id, {Role.APPROVER}, but=(by, row.author, row.editor))
    every = timedelta(minutes=NEXT_APPROVER[Gravity(row.gravity)])
    return await _page(conn, row, "ask", people, site, now, every)


async def tell(conn: AsyncConnection, row: AnyRow, name: str, by: str, site: str, now: datetime) -> int:
    """Tell every administrator and approver but the one who did it. Returns how many can be reached."""
    people = await paging.colleagues(conn, row.municipality_id, SECOND_EYES, but=(by,))
    return await _page(conn, row, name, people, site, now, timedelta())


async def _page(
    conn: AsyncConnection, row: AnyRow, name: str, people: Sequence[paging.Colleague], site: str, now: datetime, every: timedelta
) -> int:
    cause = f"{causes(name, row.id)}{row.revision}"
    text, gravity = told(name, row, site), Gravity(row.gravity)
    return await paging.page(conn, row.municipality_id, people, cause, text, now, every=every, gravity=gravity)
