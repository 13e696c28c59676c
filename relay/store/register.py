"""Puts municipalities, senders, groups and people into the register. Every row says who made it, and when."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from math import isfinite
from typing import Any

from sqlalchemy import ColumnElement, Table, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from channels.base import Pace
from messages.form import Medium
from messages.languages import normalise
from relay.model import BadInput, Hours, NotFound, NotReady, Place
from relay.people_csv.cells import Wrong as NoHours, hours as hours_in
from relay.places import find
from relay.store import sealing, tasks
from relay.store.normal import checked_address, normal_address
from relay.store.sql import insert_ignore
from relay.store.tables import Address, ContactPoint, LanguageGroup, Membership, Municipality, ResourcePerson, Sender

NO_CONTACT_POINT = "There is no such contact point in this municipality."
GROUP_IS_THERE = "The group %(name)s (%(language)s) is there already."


@dataclass(frozen=True, slots=True)
class Stamp:
    """Who writes, and when: the audit columns of every row."""

    by: str
    at: datetime

    @property
    def new(self) -> dict[str, Any]:
        """The columns of a row that is made."""
        return {"created_at": self.at, "created_by": self.by, **self.changed}

    @property
    def changed(self) -> dict[str, Any]:
        """The columns of a row that is changed."""
        return {"updated_at": self.at, "updated_by": self.by}


@dataclass(frozen=True, slots=True, kw_only=True)
class NewSender:
    """From whom a medium's messages come."""

    medium: Medium
    #: number, name (one-way SMS only) or mailbox
    address: str
    #: name in channels.registry, and the account its callbacks come to
    provider: str
    account: str
    two_way: bool = True
    #: the number to answer when this sender cannot be answered
    reply_to: str = ""
    pace: Pace = Pace(1.0, 1.0)  # noqa: RUF009 - frozen
    #: of a segment or message, in NOK
    price: float = 0.0
    contents: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class NewContact:
    """A fixed person whom groups may ring."""

    name: str
    phone: str
    #: when they answer ("08-22"); "": always
    hours: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewGroup:
    """A language and a community."""

    language: str
    name: str
    quorum: int = 2
    estimate: int | None = None
    estimate_source: str = ""
    estimate_on: date | None = None
    contact_point_id: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NewPerson:
    """A resource person with addresses that have been checked."""

    name: str
    languages: tuple[str, ...]
    #: ids of groups, their own first; at least one
    groups: tuple[int, ...]
    ways: tuple[tuple[Medium, str], ...]
    kind: str = "volunteer"
    agreed_on: date | None = None
    agreed_until: date | None = None
    adult_confirmed_on: date | None = None
    paused: bool = False
    paused_until: datetime | None = None
    quiet: Hours | None = None
    working: Hours | None = None


# --- municipalities ---------------------------------------------------------------------------------------------------


async def add_municipality(conn: AsyncConnection, place: Place, stamp: Stamp) -> int:
    """Add a municipality and return its id; BadInput when it is there already."""
    row = {
        "number": place.number,
        "name": place.name,
        "latitude": place.point.latitude if place.point else None,
        "longitude": place.point.longitude if place.point else None,
        "timezone": place.timezone,
        "norwegian": place.norwegian,
        **hours("quiet", place.quiet),
    }
    there = BadInput(f"{place.name} ({place.number}) is a municipality of this installation already.")
    municipality_id = await _add(conn, Municipality, row, stamp, there)
    await tasks.acted(conn, stamp.by, "municipality.add", stamp.at, municipality_id=municipality_id)
    return municipality_id


async def find_municipality(conn: AsyncConnection, wanted: str = "") -> int:
    """Return the id of the municipality with this number or name, or of the only one; NotFound or BadInput with what to do."""
    rows = (await conn.execute(select(Municipality.id, Municipality.number, Municipality.name).order_by(Municipality.name))).all()
    if not rows:
        raise NotFound("This installation has no municipality yet. Run: budstikke municipality add NAME")
    named = ", ".join(f"{row.name} ({row.number})" for row in rows)
    if not wanted and len(rows) > 1:
        raise BadInput(f"Say which municipality is meant with --municipality: {named}.")
    own = [row.id for row in rows if not wanted or wanted.strip().casefold() in (row.number, row.name.casefold())]
    if not own:
        own = [row.id for row in rows if row.number == find(wanted).number]
    if not own:
        raise NotFound(f"{wanted} is no municipality of this installation. It has {named}.")
    return int(own[0])


async def add_contact_point(conn: AsyncConnection, municipality_id: int, new: NewContact, stamp: Stamp) -> int:
    """Add the fixed person whom groups may ring; the first one is the municipality's own. BadInput: hours that no reader understands."""
    row = {"municipality_id": municipality_id, "name": new.name, "phone": new.phone, "hours": contact_hours(new.hours), **stamp.new}
    return int((await conn.execute(insert(ContactPoint).values(row).returning(ContactPoint.id))).scalar_one())


def contact_hours(text: str) -> str:
    """Return the hours as written, when they are a stretch of the day: they stand in messages of every language. Else BadInput."""
    try:
        if text:
            hours_in(text)
    except NoHours as why:
        raise BadInput(f"When does the contact point answer? {why}.") from None
    return text


async def add_sender(conn: AsyncConnection, municipality_id: int, new: NewSender, stamp: Stamp) -> int:
    """Add a sender; BadInput when its address cannot be one, or it is there already."""
    row = {
        "municipality_id": municipality_id,
        "channel": new.medium,
        "address": _sender_address(new),
        "provider": new.provider,
        "account": new.account,
        "two_way": new.two_way,
        "reply_to": checked_address(new.medium, new.reply_to) if new.reply_to else "",
        "pace_per_second": _positive(new.pace.per_second, "The pace"),
        "pace_burst": _positive(new.pace.burst, "The pace's burst"),
        "price": _positive(new.price, "The price", or_nothing=True),
        "contents": dict(new.contents),
    }
    sender_id = await _add(conn, Sender, row, stamp, BadInput(f"{new.address} is a sender of this municipality for {new.medium} already."))
    await tasks.acted(conn, stamp.by, "sender.add", stamp.at, municipality_id=municipality_id, subject=f"sender:{sender_id}")
    return sender_id


def _sender_address(new: NewSender) -> str:
    """A name instead of a number is for SMS that nobody can answer; short numbers are senders too, so numbers are not looked up."""
    address = normal_address(new.medium, new.address)
    if new.medium is Medium.EMAIL:
        return checked_address(new.medium, new.address)
    if any(map(str.isalpha, address)):
        if new.medium is not Medium.SMS or new.two_way or len(new.address) > 11:
            raise BadInput(f"{new.address}: a name has at most 11 letters, and can only send SMS that nobody answers. Give a number.")
        return new.address
    return address


def _positive(value: float, what: str, *, or_nothing: bool = False) -> float:
    if not isfinite(value) or value < 0 or (value == 0 and not or_nothing):
        raise BadInput(f"{what} is a number above 0{', or 0' if or_nothing else ''}; {value:g} cannot be used.")
    return value


async def start_sender(conn: AsyncConnection, municipality_id: int, address: str, stamp: Stamp) -> None:
    """Let a stopped sender send again and close the tasks about its stop; NotFound when it is none of this municipality's."""
    if not await _start(conn, municipality_id, Sender.address == address, stamp):
        raise NotFound(f"{address} is no sender of this municipality.")


async def start_sender_of(conn: AsyncConnection, municipality_id: int, sender_id: int, stamp: Stamp) -> None:
    """Let one stopped sender send again and close the tasks about its stop; NotFound when it is none of this municipality's."""
    if not await _start(conn, municipality_id, Sender.id == sender_id, stamp):
        raise NotFound("This sender is not there any more.")


async def _start(conn: AsyncConnection, municipality_id: int, which: ColumnElement[bool], stamp: Stamp) -> list[int]:
    """Return the ids of the senders that send again."""
    mine = (Sender.municipality_id == municipality_id, which)
    started = update(Sender).where(*mine).values(stopped="", stopped_at=None, **stamp.changed).returning(Sender.id)
    ids = list((await conn.execute(started)).scalars())
    for sender_id in ids:
        await tasks.close_sender_tasks(conn, municipality_id, sender_id, stamp.by, stamp.at)
        await tasks.acted(conn, stamp.by, "sender.start", stamp.at, municipality_id=municipality_id, subject=f"sender:{sender_id}")
    return ids


# --- groups and people ------------------------------------------------------------------------------------------------


async def note_contents(conn: AsyncConnection, municipality_id: int, medium: Medium, contents: Mapping[str, str], stamp: Stamp) -> None:
    """Note the provider's templates (name:language -> id) with every sender of a medium; NotReady where there is none."""
    mine = update(Sender).where(Sender.municipality_id == municipality_id, Sender.channel == medium)
    if not (await conn.execute(mine.values(contents=dict(contents), **stamp.changed))).rowcount:
        raise NotReady(f"There is no sender for {medium} yet. Add it first: budstikke sender add {medium} +47…")
    await tasks.acted(conn, stamp.by, "sender.templates", stamp.at, municipality_id=municipality_id, templates=len(contents))


async def add_group(conn: AsyncConnection, municipality_id: int, new: NewGroup, stamp: Stamp) -> int:
    """Add a language group; BadInput for an unknown language, another municipality's contact point, or when it is there already."""
    language = normalise(new.language)
    if language is None:
        raise BadInput("%(language)s is no language that we know.", language=new.language)
    await require_contact_point(conn, municipality_id, new.contact_point_id)
    row = {
        "municipality_id": municipality_id,
        "language": language,
        "name": new.name,
        "quorum": new.quorum,
        "estimate": new.estimate,
        "estimate_source": new.estimate_source,
        "estimate_on": new.estimate_on,
        "contact_point_id": new.contact_point_id,
    }
    there = BadInput(GROUP_IS_THERE, name=new.name, language=language)
    return await _add(conn, LanguageGroup, row, stamp, there)


async def require_contact_point(conn: AsyncConnection, municipality_id: int, contact_point_id: int | None) -> None:
    """Raise BadInput for a contact point that this municipality does not have; None is nobody."""
    mine = select(ContactPoint.id).where(ContactPoint.id == contact_point_id, ContactPoint.municipality_id == municipality_id)
    if contact_point_id is not None and (await conn.execute(mine)).scalar() is None:
        raise BadInput(NO_CONTACT_POINT)


async def add_people(conn: AsyncConnection, municipality_id: int, people: Sequence[NewPerson], stamp: Stamp) -> list[int]:
    """Add people with their groups and addresses; return their ids in the same order."""
    if not people:
        return []
    own = {"municipality_id": municipality_id}
    made = insert(ResourcePerson).returning(ResourcePerson.id, sort_by_parameter_order=True)
    ids = list((await conn.execute(made, [{**own, **_person(one, stamp), **stamp.new} for one in people])).scalars())
    pairs = list(zip(ids, people, strict=True))
    members = [{**own, **row} for person_id, one in pairs for row in memberships(person_id, one.groups)]
    await conn.execute(insert(Membership), members)
    ways = [{**own, **address(person_id, n, *way), **stamp.new} for person_id, one in pairs for n, way in enumerate(one.ways)]
    if ways:
        await conn.execute(insert(Address), ways)
    return ids


async def set_deputies(conn: AsyncConnection, principals: Mapping[int, int], stamp: Stamp) -> None:
    """Let people (keys) stand by for others (values)."""
    for person_id, principal in sorted(principals.items()):
        mine = update(ResourcePerson).where(ResourcePerson.id == person_id)
        await conn.execute(mine.values(deputy_of_id=principal, **stamp.changed))


def _person(new: NewPerson, stamp: Stamp) -> dict[str, Any]:
    return {
        "name": new.name,
        "kind": new.kind,
        "languages": list(new.languages),
        "agreed_on": new.agreed_on,
        "agreed_until": new.agreed_until,
        "adult_confirmed_on": new.adult_confirmed_on,
        "adult_confirmed_by": stamp.by if new.adult_confirmed_on else "",
        "paused": new.paused,
        "paused_until": new.paused_until,
        **hours("quiet", new.quiet),
        **hours("work", new.working),
    }


def memberships(person_id: int, groups: Sequence[int]) -> list[dict[str, Any]]:
    """Return the rows that put a person into groups, the first their own."""
    if not groups:
        raise BadInput("Everybody in the register belongs to a language group.")
    return [{"person_id": person_id, "group_id": group, "position": n} for n, group in enumerate(groups)]


def address(person_id: int, position: int, medium: Medium, value: str) -> dict[str, Any]:
    """Return the row of a person's address."""
    lookup = sealing.keyring().lookup(normal_address(medium, value))
    return {"person_id": person_id, "channel": medium, "value": value, "lookup": lookup, "position": position}


def hours(name: str, stretch: Hours | None) -> dict[str, Any]:
    """Return the two columns of a stretch of the day."""
    return {f"{name}_from": stretch.start if stretch else None, f"{name}_to": stretch.end if stretch else None}


async def _add(conn: AsyncConnection, kind: Any, row: Mapping[str, Any], stamp: Stamp, there: BadInput) -> int:
    """Insert a row of a table of the register; `there` is raised when one with its key is there."""
    table: Table = kind.__table__
    added = await conn.execute(insert_ignore(table).values({**row, **stamp.new}).returning(table.c.id))
    found = added.scalar_one_or_none()
    if found is None:
        raise there
    return int(found)
