"""The register as the stages see it: who is alike, and where each can be reached. Reads no sealed column."""

import json
from array import array
from collections import defaultdict
from collections.abc import Hashable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time
from typing import NamedTuple, TypeVar

from sqlalchemy import ScalarSelect, Select, Text, bindparam, cast, func, select
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.orm import aliased

from messages.alert import Point
from messages.form import Medium
from relay.model import AddressState, Hours, NotFound, PersonClass, Place
from relay.store.columns import in_clear
from relay.store.tables import Address, LanguageGroup, Membership, Municipality, ResourcePerson

Key = TypeVar("Key", bound=Hashable)

#: rows of the register that are looked at at a time
AT_ONCE = 5_000


@dataclass(slots=True)
class Members:
    """People of a class in the register's order, as columns of ids: a hundred thousand of them take a few megabytes."""

    ids: "array[int]" = field(default_factory=lambda: array("q"))
    #: usable addresses of the first, of the second …: each has as many as the class has media, in their order
    addresses: "array[int]" = field(default_factory=lambda: array("q"))
    #: whom each stands by for; 0: nobody
    principals: "array[int]" = field(default_factory=lambda: array("q"))

    def __len__(self) -> int:
        return len(self.ids)

    def add(self, person_id: int, addresses: Iterable[int], principal: int = 0) -> None:
        """Let somebody in, behind the others."""
        self.ids.append(person_id)
        self.addresses.extend(addresses)
        self.principals.append(principal)

    def addresses_of(self, place: int) -> list[int]:
        """Return the addresses of the one at this place."""
        ways = len(self.addresses) // len(self.ids)
        return self.addresses[place * ways : (place + 1) * ways].tolist()

    def parted(self, keys: Mapping[int, Key]) -> "Iterator[tuple[Key, Members]]":
        """Yield those whose places have the same key together; who has none is left out."""
        places: defaultdict[Key, list[int]] = defaultdict(list)
        for place, key in keys.items():
            places[key].append(place)
        for key, some in places.items():
            yield key, self if len(some) == len(self) else self.at(some)

    def at(self, places: Iterable[int]) -> "Members":
        """Return those at these places."""
        some = Members()
        for place in places:
            some.add(self.ids[place], self.addresses_of(place), self.principals[place])
        return some


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


async def classes(conn: AsyncConnection, municipality_id: int, media: frozenset[Medium]) -> dict[PersonClass, Members]:
    """Group everybody in the register by what routing can tell apart. `media`: those that the municipality has a sender for."""
    # deputy -> whom they stand by for, if that person is still there: otherwise they are asked like everybody
    principals = {row.id: row.deputy_of_id for row in await conn.execute(_deputies, {"municipality_id": municipality_id})}
    with_deputy = frozenset(principals.values())
    by_terms: dict[_Terms, Members] = {}
    alike: dict[PersonClass, Members] = {}
    register = await conn.stream(_people, {"municipality_id": municipality_id})
    async for rows in register.partitions(AT_ONCE):
        for person_id, ways, *rest in rows:
            own = [way.split(":") for way in ways.split(",")] if ways else []
            usable = [(channel, int(address)) for channel, state, address in own if state == AddressState.ACTIVE and channel in media]
            principal = principals.get(person_id, 0)
            channels = tuple(channel for channel, _ in usable)
            terms = _Terms(channels, bool(own), bool(principal), person_id in with_deputy, *rest)
            if terms not in by_terms:
                by_terms[terms] = alike.setdefault(_class(terms), Members())
            by_terms[terms].add(person_id, (address for _, address in usable), principal)
    return alike


class _Terms(NamedTuple):
    """What the database says of people who are alike, of whom one class is made: one for each of a hundred thousand takes seconds."""

    channels: tuple[str, ...]
    has_address: bool
    is_deputy: bool
    has_deputy: bool
    #: "4:so,5:ar"
    groups: str | None
    languages: str
    agreed_on: date | None
    agreed_until: date | None
    adult_confirmed: bool
    paused: bool
    paused_until: datetime | None
    quiet_from: time | None
    quiet_to: time | None
    work_from: time | None
    work_to: time | None


def _class(terms: _Terms) -> PersonClass:
    groups = [group.split(":") for group in terms.groups.split(",")] if terms.groups else []
    return PersonClass(
        groups=tuple((int(group_id), language) for group_id, language in groups),
        languages=tuple(json.loads(terms.languages)),
        media=tuple(Medium(channel) for channel in terms.channels),
        has_address=terms.has_address,
        agreed_on=terms.agreed_on,
        agreed_until=terms.agreed_until,
        adult_confirmed=terms.adult_confirmed,
        paused_until=terms.paused_until,
        paused=terms.paused,
        quiet=Hours.of(terms.quiet_from, terms.quiet_to),
        working=Hours.of(terms.work_from, terms.work_to),
        is_deputy=terms.is_deputy,
        has_deputy=terms.has_deputy,
    )


# --- statements -----------------------------------------------------------------------------------------------------------


def _in_order(belongings: Select[str]) -> ScalarSelect[str]:
    """Return what belongs to a person as one text, in the order of `belongings`: no row of its own for each comes out of the database."""
    (text,) = belongings.subquery().c
    return select(func.aggregate_strings(text, ",")).scalar_subquery()


_here = (ResourcePerson.municipality_id == bindparam("municipality_id"), ResourcePerson.left_at.is_(None))
_groups = (
    select((cast(Membership.group_id, Text) + ":" + LanguageGroup.language).label("group"))
    .select_from(Membership)
    .join(LanguageGroup, LanguageGroup.id == Membership.group_id)
    .where(Membership.person_id == ResourcePerson.id)
    .order_by(Membership.position)
    .correlate(ResourcePerson)
)
_ways = (
    select((Address.channel + ":" + Address.state + ":" + cast(Address.id, Text)).label("way"))
    .where(Address.person_id == ResourcePerson.id, Address.state != AddressState.REPLACED)
    .order_by(Address.position, Address.id)
    .correlate(ResourcePerson)
)
_people = (
    select(
        ResourcePerson.id,
        _in_order(_ways),
        _in_order(_groups),
        # as JSON's text, so that it can be compared; read once for all who are alike
        cast(ResourcePerson.languages, Text),
        ResourcePerson.agreed_on,
        ResourcePerson.agreed_until,
        ResourcePerson.adult_confirmed_on.is_not(None),
        ResourcePerson.paused,
        ResourcePerson.paused_until,
        ResourcePerson.quiet_from,
        ResourcePerson.quiet_to,
        ResourcePerson.work_from,
        ResourcePerson.work_to,
    )
    .where(*_here)
    .order_by(ResourcePerson.id)
)
_principal = aliased(ResourcePerson)
_deputies = (
    select(ResourcePerson.id, ResourcePerson.deputy_of_id)
    .join(_principal, ResourcePerson.deputy_of_id == _principal.id)
    .where(*_here, _principal.left_at.is_(None), _principal.municipality_id == ResourcePerson.municipality_id)
)
