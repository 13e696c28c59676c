"""Person by person: who got what, by which way, and what is proved. A page of people at a time; one person in full."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Select, func, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from channels.base import Evidence
from relay.model import NotFound, Rung
from relay.store.board import Heading
from relay.store.columns import AnyRow
from relay.store.tables import (
    Address,
    LanguageGroup,
    ResourcePerson,
    answer,
    attempt,
    delivery,
    inbound,
    recipient,
    recipient_group,
    redistribution_report,
    status,
)
from relay.store.tables.sending import TWICE

#: people on one page
PAGE = 100


class Show(StrEnum):
    """Which people are wanted."""

    ALL = "all"
    NOT_REACHED = "not_reached"
    UNANSWERED = "unanswered"
    ANSWERED = "answered"
    PASSED_ON = "passed_on"
    UNKNOWN = "unknown"
    FAILED = "failed"
    TWICE = "twice"
    LEFT_OUT = "left_out"


_asked = (recipient.c.left_out == "",)
_WHERE: Mapping[Show, tuple[Any, ...]] = {
    Show.ALL: (),
    # neither their telephone nor they themselves have told
    Show.NOT_REACHED: (*_asked, recipient.c.rung == Rung.NONE, recipient.c.evidence < int(Evidence.DELIVERED)),
    Show.UNANSWERED: (*_asked, recipient.c.rung == Rung.NONE),
    Show.ANSWERED: (*_asked, recipient.c.rung != Rung.NONE),
    Show.PASSED_ON: (recipient.c.rung == Rung.PASSED_ON,),
    Show.UNKNOWN: (*_asked, recipient.c.evidence.in_((int(Evidence.INTENT), int(Evidence.UNKNOWN)))),
    Show.FAILED: (recipient.c.failed,),
    Show.TWICE: (TWICE,),
    Show.LEFT_OUT: (recipient.c.left_out != "",),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One person of an alert."""

    recipient_id: int
    person: str
    group: str
    group_language: str
    language: str
    left_out: str
    rung: str
    reported: int
    answered_at: datetime | None
    evidence: int
    failed: bool
    twice: bool
    waits_until: datetime | None
    wait: str
    deputy: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class People:
    """A page of people, and how many there are."""

    rows: tuple[Row, ...]
    found: int
    page: int
    pages: int


async def people(
    conn: AsyncConnection, which: Heading, *, show: Show = Show.ALL, group_id: int = 0, name: str = "", page: int = 1, size: int = PAGE
) -> People:
    """Return a page of an alert's people. `name`: a part of it; names are sealed, so they are compared here."""
    wanted = _people.where(recipient.c.alert_id == which.alert_id, recipient.c.municipality_id == which.municipality_id, *_WHERE[show])
    if group_id:
        wanted = wanted.where(recipient.c.id.in_(select(recipient_group.c.recipient_id).where(recipient_group.c.group_id == group_id)))
    if name.strip():
        part = name.strip().casefold()
        rows = [row for row in (await conn.execute(wanted)).all() if part in row.person.casefold()]
        return _page(rows[(page - 1) * size : page * size], len(rows), page, size)
    found = (await conn.execute(select(func.count()).select_from(wanted.order_by(None).subquery()))).scalar_one()
    rows = list((await conn.execute(wanted.limit(size).offset((page - 1) * size))).all())
    return _page(rows, found, page, size)


def _page(rows: Sequence[AnyRow], found: int, page: int, size: int) -> People:
    return People(rows=tuple(_row(row) for row in rows), found=found, page=page, pages=max(1, -(-found // size)))


def _row(row: AnyRow) -> Row:
    names = ("person", "language", "left_out", "rung", "reported", "answered_at", "evidence", "failed", "waits_until", "wait", "deputy")
    return Row(
        recipient_id=row.id,
        group=row.group or "",
        group_language=row.group_language or "",
        twice=row.possible_duplicate,
        **{name: getattr(row, name) for name in names},
    )


_people = (
    select(
        recipient, ResourcePerson.name.label("person"), LanguageGroup.name.label("group"), LanguageGroup.language.label("group_language")
    )
    .join(ResourcePerson, ResourcePerson.id == recipient.c.person_id)
    .join(LanguageGroup, LanguageGroup.id == recipient.c.group_id, isouter=True)
    .order_by(LanguageGroup.name, recipient.c.id)
)


# --- one person in full ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Try:
    """One attempt, and every status that was heard of it."""

    n: int
    started_at: datetime
    evidence: int
    risen_at: datetime | None
    found_by: str
    reason: str
    code: str
    account: str
    provider_id: str
    segments: int
    perhaps_second: bool
    #: (when, the provider's word, its code)
    heard: tuple[tuple[datetime, str, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Send:
    """One required send with its attempts."""

    part: str
    action: str
    channel: str
    to: str
    language: str
    state: str
    spared_by: str
    reason: str
    hold: str
    planned_at: datetime
    due_at: datetime
    tries: tuple[Try, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """One thing that the person told us."""

    at: datetime
    meaning: str
    count: int | None
    text: str
    channel: str
    guessed: bool
    #: by what means they passed it on, in their own words
    means: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """One person of one alert, with every attempt and its evidence."""

    row: Row
    person_id: int
    #: why they get this text
    language_why: str
    pierced: str
    groups: tuple[str, ...]
    sends: tuple[Send, ...]
    answers: tuple[Answered, ...]


async def story(conn: AsyncConnection, which: Heading, recipient_id: int) -> Story:
    """Return everything about one person of an alert; NotFound when it has no such person."""
    mine = (recipient.c.alert_id == which.alert_id, recipient.c.municipality_id == which.municipality_id, recipient.c.id == recipient_id)
    row = (await conn.execute(_people.where(*mine))).one_or_none()
    if row is None:
        raise NotFound("Alert no. %(number)s has no person %(person)s.", number=which.number, person=recipient_id)
    groups = (
        select(LanguageGroup.name)
        .join(recipient_group, recipient_group.c.group_id == LanguageGroup.id)
        .where(recipient_group.c.recipient_id == recipient_id)
    )
    return Story(
        row=_row(row),
        person_id=row.person_id,
        language_why=row.language_why,
        pierced=row.pierced,
        groups=tuple((await conn.execute(groups.order_by(LanguageGroup.name))).scalars()),
        sends=await _sends(conn, recipient_id),
        answers=await _answers(conn, recipient_id),
    )


async def _sends(conn: AsyncConnection, recipient_id: int) -> tuple[Send, ...]:
    rows = (await conn.execute(_deliveries.where(delivery.c.recipient_id == recipient_id))).all()
    tries = (await conn.execute(select(attempt).where(attempt.c.delivery_id.in_([row.id for row in rows])).order_by(attempt.c.id))).all()
    heard = await _statuses(conn, tries)
    by_delivery: defaultdict[int, list[Try]] = defaultdict(list)
    for row in tries:
        by_delivery[row.delivery_id].append(_try(row, heard.get((row.account, row.provider_id or ""), ())))
    return tuple(_send(row, by_delivery[row.id]) for row in rows)


async def _statuses(conn: AsyncConnection, tries: Sequence[AnyRow]) -> dict[tuple[str, str], list[AnyRow]]:
    ids = [row.provider_id for row in tries if row.provider_id]
    accounts = {row.account for row in tries}
    told = select(status).where(status.c.provider_id.in_(ids), status.c.account.in_(accounts))
    found: dict[tuple[str, str], list[AnyRow]] = {}
    for row in (await conn.execute(told.order_by(status.c.received_at, status.c.id))).all():
        found.setdefault((row.account, row.provider_id), []).append(row)
    return found


def _try(row: AnyRow, heard: Sequence[AnyRow]) -> Try:
    names = ("n", "started_at", "evidence", "risen_at", "found_by", "reason", "code", "account", "segments")
    return Try(
        provider_id=row.provider_id or "",
        perhaps_second=row.possible_duplicate_of is not None,
        heard=tuple((one.received_at, one.word, one.code) for one in heard),
        **{name: getattr(row, name) for name in names},
    )


def _send(row: AnyRow, tries: Sequence[Try]) -> Send:
    names = ("part", "action", "channel", "language", "state", "spared_by", "reason", "hold", "planned_at", "due_at")
    return Send(to=row.value or "", tries=tuple(tries), **{name: getattr(row, name) for name in names})


_deliveries: Select[Any] = (
    select(delivery, Address.value)
    .join(Address, Address.id == delivery.c.address_id, isouter=True)
    # what the house answered belongs to the conversation
    .where(or_(delivery.c.action != "", delivery.c.part == "count"))
    .order_by(delivery.c.due_at, delivery.c.id)
)


async def _answers(conn: AsyncConnection, recipient_id: int) -> tuple[Answered, ...]:
    told = (
        select(answer, answer.c.count.label("people"), inbound.c.text, inbound.c.channel, redistribution_report.c.means)
        .join(inbound, inbound.c.id == answer.c.inbound_id, isouter=True)
        .join(redistribution_report, redistribution_report.c.answer_id == answer.c.id, isouter=True)
        .where(answer.c.recipient_id == recipient_id)
    )
    rows = (await conn.execute(told.order_by(answer.c.id))).all()
    return tuple(
        Answered(
            at=row.at,
            meaning=row.meaning,
            count=row.people,
            text=row.text or "",
            channel=row.channel or "",
            guessed=bool(row.guessed),
            means=row.means or "",
        )
        for row in rows
    )
