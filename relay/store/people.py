"""The register as the stages see it: who is alike, and where each can be reached. Reads no sealed column."""

import json
from collections import defaultdict
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Any, NamedTuple

from sqlalchemy import Executable, Text, cast, select
from sqlalchemy.ext.asyncio import AsyncConnection

from messages.alert import Point
from messages.form import Medium
from relay.model import AddressState, Hours, NotFound, PersonClass, Place
from relay.store.columns import in_clear
from relay.store.tables import Address, LanguageGroup, Membership, Municipality, ResourcePerson


@dataclass(frozen=True, slots=True)
class PersonRow:
    """One person of a class."""

    person_id: int
    #: usable addresses, in the order of the class's media
    address_ids: tuple[int, ...]
    #: stands by for this person
    deputy_of_id: int | None = None


async def place(conn: AsyncConnection, municipality_id: int) -> Place:
    """Return a municipality as routing sees it; NotFound when there is none."""
    row = (await conn.execute(select(*in_clear(Municipality.__table__)).where(Municipality.id == municipality_id))).one_or_none()
    if row is None:
        raise NotFound(f"There is no municipality with id {municipality_id}.")
    return Place(
        number=row.number,
        name=row.name,
        point=Point(row.latitude, row.longitude) if row.latitude is not None else None,
        timezone=row.timezone,
        norwegian=row.norwegian,
        quiet=Hours.of(row.quiet_from, row.quiet_to),
    )


async def classes(conn: AsyncConnection, municipality_id: int, media: frozenset[Medium]) -> dict[PersonClass, list[PersonRow]]:
    """Group everybody in the register by what routing can tell apart. `media`: those that the municipality has a sender for."""
    rows = (await conn.execute(_people.where(ResourcePerson.municipality_id == municipality_id))).all()
    groups = await _by_person(conn, _groups.where(Membership.municipality_id == municipality_id))
    addresses = await _by_person(conn, _addresses.where(Address.municipality_id == municipality_id))
    present = {row.id for row in rows}
    # deputy -> whom they stand by for, if that person is still there: otherwise they are asked like everybody
    principals = {row.id: row.deputy_of_id for row in rows if row.deputy_of_id in present}
    with_deputy = frozenset(principals.values())
    by_terms: defaultdict[_Terms, list[PersonRow]] = defaultdict(list)
    for person_id, _, *rest in rows:
        own = addresses.get(person_id, ())
        usable = [(address_id, channel) for address_id, channel, state in own if state == AddressState.ACTIVE and channel in media]
        channels, ids = tuple(channel for _, channel in usable), tuple(address_id for address_id, _ in usable)
        deputy = (person_id in principals, person_id in with_deputy)
        terms = _Terms(tuple(groups.get(person_id, ())), channels, bool(own), *deputy, *rest)
        by_terms[terms].append(PersonRow(person_id, ids, principals.get(person_id)))
    alike: defaultdict[PersonClass, list[PersonRow]] = defaultdict(list)
    for terms, members in by_terms.items():
        alike[_class(terms)].extend(members)
    return dict(alike)


class _Terms(NamedTuple):
    """What the database says of people who are alike, of whom one class is made: one for each of a hundred thousand takes seconds."""

    groups: tuple[tuple[int, str], ...]
    channels: tuple[str, ...]
    has_address: bool
    is_deputy: bool
    has_deputy: bool
    languages: str
    agreed_on: date | None
    agreed_until: date | None
    adult_confirmed_on: date | None
    paused: bool
    paused_until: datetime | None
    quiet_from: time | None
    quiet_to: time | None
    work_from: time | None
    work_to: time | None


def _class(terms: _Terms) -> PersonClass:
    return PersonClass(
        groups=terms.groups,
        languages=tuple(json.loads(terms.languages)),
        media=tuple(Medium(channel) for channel in terms.channels),
        has_address=terms.has_address,
        agreed_on=terms.agreed_on,
        agreed_until=terms.agreed_until,
        adult_confirmed=terms.adult_confirmed_on is not None,
        paused_until=terms.paused_until,
        paused=terms.paused,
        quiet=Hours.of(terms.quiet_from, terms.quiet_to),
        working=Hours.of(terms.work_from, terms.work_to),
        is_deputy=terms.is_deputy,
        has_deputy=terms.has_deputy,
    )


async def _by_person(conn: AsyncConnection, statement: Executable) -> dict[int, list[tuple[Any, ...]]]:
    """Return what belongs to each person, whose id comes first."""
    found: defaultdict[int, list[tuple[Any, ...]]] = defaultdict(list)
    for person_id, *rest in (await conn.execute(statement)).all():
        found[person_id].append(tuple(rest))
    return found


_people = (
    select(
        ResourcePerson.id,
        ResourcePerson.deputy_of_id,
        # as JSON's text, so that it can be compared; read once for all who are alike
        cast(ResourcePerson.languages, Text),
        ResourcePerson.agreed_on,
        ResourcePerson.agreed_until,
        ResourcePerson.adult_confirmed_on,
        ResourcePerson.paused,
        ResourcePerson.paused_until,
        ResourcePerson.quiet_from,
        ResourcePerson.quiet_to,
        ResourcePerson.work_from,
        ResourcePerson.work_to,
    )
    .where(ResourcePerson.left_at.is_(None))
    .order_by(ResourcePerson.id)
)
_groups = (
    select(Membership.person_id, Membership.group_id, LanguageGroup.language)
    .join(LanguageGroup, LanguageGroup.id == Membership.group_id)
    .order_by(Membership.person_id, Membership.position)
)
_addresses = (
    select(Address.person_id, Address.id, Address.channel, Address.state)
    .where(Address.state != AddressState.REPLACED)
    .order_by(Address.person_id, Address.position, Address.id)
)
