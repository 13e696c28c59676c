"""The register as the stages see it: who is alike, and where each can be reached. Reads no sealed column."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import time
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from messages.alert import Point
from messages.form import Medium
from relay.model import AddressState, Hours, NotFound, PersonClass, Place
from relay.store.columns import AnyRow
from relay.store.tables import Address, LanguageGroup, Membership, Municipality, ResourcePerson


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonRow:
    """One person of a class."""

    person_id: int
    #: usable addresses, in the order of the class's media
    address_ids: tuple[int, ...]
    #: stands by for this person
    deputy_of_id: int | None = None


@dataclass(frozen=True, slots=True)
class _Register:
    """What belongs to the people of a municipality, by person."""

    groups: Mapping[int, Sequence[AnyRow]]
    addresses: Mapping[int, Sequence[AnyRow]]
    #: deputy -> whom they stand by for, if that person is still there: otherwise they are asked like everybody
    principals: Mapping[int, int]
    with_deputy: frozenset[int]


async def place(conn: AsyncConnection, municipality_id: int) -> Place:
    """Return a municipality as routing sees it; NotFound when there is none."""
    row = (await conn.execute(select(Municipality.__table__).where(Municipality.id == municipality_id))).one_or_none()
    if row is None:
        raise NotFound(f"There is no municipality with id {municipality_id}.")
    return Place(
        number=row.number,
        name=row.name,
        point=Point(row.latitude, row.longitude) if row.latitude is not None else None,
        timezone=row.timezone,
        norwegian=row.norwegian,
        quiet=hours_of(row.quiet_from, row.quiet_to),
    )


async def classes(conn: AsyncConnection, municipality_id: int, media: frozenset[Medium]) -> dict[PersonClass, list[PersonRow]]:
    """Group everybody in the register by what routing can tell apart. `media`: those that the municipality has a sender for."""
    rows = (await conn.execute(_people.where(ResourcePerson.municipality_id == municipality_id))).all()
    present = {row.id for row in rows}
    principals = {row.id: row.deputy_of_id for row in rows if row.deputy_of_id in present}
    register = _Register(
        groups=await _by_person(conn, _groups.where(Membership.municipality_id == municipality_id)),
        addresses=await _by_person(conn, _addresses.where(Address.municipality_id == municipality_id)),
        principals=principals,
        with_deputy=frozenset(principals.values()),
    )
    alike: defaultdict[PersonClass, list[PersonRow]] = defaultdict(list)
    for row in rows:
        usable = [address for address in register.addresses.get(row.id, ()) if _is_usable(address, media)]
        person = PersonRow(person_id=row.id, address_ids=tuple(address.id for address in usable), deputy_of_id=principals.get(row.id))
        alike[_class(row, usable, register)].append(person)
    return dict(alike)


def _class(row: AnyRow, usable: Sequence[AnyRow], register: _Register) -> PersonClass:
    return PersonClass(
        groups=tuple((group.group_id, group.language) for group in register.groups.get(row.id, ())),
        languages=tuple(row.languages),
        media=tuple(Medium(address.channel) for address in usable),
        has_address=row.id in register.addresses,
        agreed_on=row.agreed_on,
        agreed_until=row.agreed_until,
        adult_confirmed=row.adult_confirmed_on is not None,
        paused_until=row.paused_until,
        paused=row.paused,
        quiet=hours_of(row.quiet_from, row.quiet_to),
        working=hours_of(row.work_from, row.work_to),
        is_deputy=row.id in register.principals,
        has_deputy=row.id in register.with_deputy,
    )


def _is_usable(address: AnyRow, media: frozenset[Medium]) -> bool:
    return address.state == AddressState.ACTIVE and address.channel in media


def hours_of(start: time | None, end: time | None) -> Hours | None:
    """Return a stretch of the day, or None where a column is empty."""
    return Hours(start, end) if start is not None and end is not None else None


async def _by_person(conn: AsyncConnection, statement: Any) -> dict[int, list[AnyRow]]:
    found: defaultdict[int, list[AnyRow]] = defaultdict(list)
    for row in (await conn.execute(statement)).all():
        found[row.person_id].append(row)
    return dict(found)


_people = (
    select(
        ResourcePerson.id,
        ResourcePerson.languages,
        ResourcePerson.agreed_on,
        ResourcePerson.agreed_until,
        ResourcePerson.adult_confirmed_on,
        ResourcePerson.paused,
        ResourcePerson.paused_until,
        ResourcePerson.quiet_from,
        ResourcePerson.quiet_to,
        ResourcePerson.work_from,
        ResourcePerson.work_to,
        ResourcePerson.deputy_of_id,
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
    select(Address.id, Address.person_id, Address.channel, Address.state)
    .where(Address.state != AddressState.REPLACED)
    .order_by(Address.person_id, Address.position, Address.id)
)
