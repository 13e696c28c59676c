"""The register as people look at it: names, numbers and groups opened, to be searched in memory. Nothing here is written."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from messages.form import Medium
from relay.model import AddressState, Hours, NotFound
from relay.store import sealing
from relay.store.columns import AnyRow
from relay.store.normal import normal_address
from relay.store.tables import Address, LanguageGroup, Membership, ResourcePerson

NO_PERSON = "There is no such person in this register."


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """An address of a person."""

    address_id: int
    medium: Medium
    value: str
    state: AddressState
    #: why it is not used, as the provider or the person said it
    state_reason: str
    verified_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """Somebody of the register."""

    person_id: int
    name: str
    kind: str
    languages: tuple[str, ...]
    #: (id, name, language), their own first
    groups: tuple[tuple[int, str, str], ...]
    ways: tuple[Way, ...]
    agreed_on: date | None
    agreed_until: date | None
    adult_confirmed_on: date | None
    adult_confirmed_by: str
    paused: bool
    paused_until: datetime | None
    quiet: Hours | None
    working: Hours | None
    deputy_of_id: int | None
    deputy_of: str
    left_at: datetime | None
    updated_at: datetime
    updated_by: str

    @property
    def usable(self) -> tuple[Way, ...]:
        """The ways that may be used."""
        return tuple(way for way in self.ways if way.state is AddressState.ACTIVE)

    def lacks(self, now: datetime) -> tuple[str, ...]:
        """Say what keeps messages from this person: agreement, age, pause, way."""
        today = now.date()
        resting = self.paused if self.paused_until is None else self.paused_until > now
        found = {
            "agreement": self.agreed_on is None,
            "later": self.agreed_on is not None and self.agreed_on > today,
            "ended": self.agreed_until is not None and self.agreed_until < today,
            "age": self.adult_confirmed_on is None,
            "paused": resting,
            "way": not self.usable,
        }
        return tuple(name for name, missing in found.items() if missing)


async def names(conn: AsyncConnection, municipality_id: int) -> dict[int, str]:
    """Return everybody's name by id, also of those who have left."""
    mine = select(ResourcePerson.id, ResourcePerson.name).where(ResourcePerson.municipality_id == municipality_id)
    return {row.id: row.name for row in (await conn.execute(mine)).all()}


async def everybody(conn: AsyncConnection, municipality_id: int) -> list[Person]:
    """Return everybody who has not left, by name."""
    mine = (ResourcePerson.municipality_id == municipality_id, ResourcePerson.left_at.is_(None))
    rows = (await conn.execute(select(ResourcePerson.__table__).where(*mine))).all()
    return sorted(await _opened(conn, municipality_id, rows), key=lambda person: person.name.casefold())


def sharing(people: Sequence[Person]) -> dict[int, tuple[Person, ...]]:
    """Return, for whoever has a number or mailbox that others have too, those others: an answer from there may be any of theirs."""
    having: defaultdict[str, dict[int, Person]] = defaultdict(dict)
    for person in people:
        for way in person.ways:
            having[normal_address(way.medium, way.value)][person.person_id] = person
    found: defaultdict[int, dict[int, Person]] = defaultdict(dict)
    for owners in having.values():
        for one in owners:
            found[one] |= {other: person for other, person in owners.items() if other != one}
    return {one: tuple(others.values()) for one, others in found.items() if others}


async def find(conn: AsyncConnection, municipality_id: int, person_id: int) -> Person:
    """Return one person; NotFound in any other municipality."""
    mine = (ResourcePerson.municipality_id == municipality_id, ResourcePerson.id == person_id)
    rows = (await conn.execute(select(ResourcePerson.__table__).where(*mine))).all()
    if not rows:
        raise NotFound(NO_PERSON)
    return (await _opened(conn, municipality_id, rows))[0]


async def _opened(conn: AsyncConnection, municipality_id: int, rows: Sequence[AnyRow]) -> list[Person]:
    groups, ways = await _groups(conn, municipality_id), await _ways(conn, municipality_id)
    called = await names(conn, municipality_id) if any(row.deputy_of_id for row in rows) else {}
    return [_person(row, groups.get(row.id, ()), ways.get(row.id, ()), called) for row in rows]


async def _groups(conn: AsyncConnection, municipality_id: int) -> dict[int, list[AnyRow]]:
    mine = (
        select(Membership.person_id, LanguageGroup.id, LanguageGroup.name, LanguageGroup.language)
        .join(LanguageGroup, LanguageGroup.id == Membership.group_id)
        .where(Membership.municipality_id == municipality_id)
        .order_by(Membership.person_id, Membership.position)
    )
    found: defaultdict[int, list[AnyRow]] = defaultdict(list)
    for row in (await conn.execute(mine)).all():
        found[row.person_id].append(row)
    return found


async def _ways(conn: AsyncConnection, municipality_id: int) -> dict[int, list[AnyRow]]:
    mine = (Address.municipality_id == municipality_id, Address.state != AddressState.REPLACED)
    found: defaultdict[int, list[AnyRow]] = defaultdict(list)
    for row in (await conn.execute(select(Address.__table__).where(*mine).order_by(Address.person_id, Address.position, Address.id))).all():
        found[row.person_id].append(row)
    return found


def _person(row: AnyRow, groups: Sequence[AnyRow], ways: Sequence[AnyRow], called: Mapping[int, str]) -> Person:
    return Person(
        person_id=row.id,
        name=row.name,
        kind=row.kind,
        languages=tuple(row.languages),
        groups=tuple((group.id, group.name, group.language) for group in groups),
        ways=tuple(_way(way) for way in ways),
        agreed_on=row.agreed_on,
        agreed_until=row.agreed_until,
        adult_confirmed_on=row.adult_confirmed_on,
        adult_confirmed_by=row.adult_confirmed_by,
        paused=row.paused,
        paused_until=row.paused_until,
        quiet=Hours.of(row.quiet_from, row.quiet_to),
        working=Hours.of(row.work_from, row.work_to),
        deputy_of_id=row.deputy_of_id,
        deputy_of=called.get(row.deputy_of_id or 0, ""),
        left_at=row.left_at,
        updated_at=row.updated_at,
        updated_by=row.updated_by,
    )


def _way(row: AnyRow) -> Way:
    return Way(
        address_id=row.id,
        medium=Medium(row.channel),
        value=row.value,
        state=AddressState(row.state),
        state_reason=row.state_reason,
        verified_at=row.verified_at,
    )


async def addresses(conn: AsyncConnection, municipality_id: int, wanted: Collection[str]) -> set[str]:
    """Return those of these numbers and mailboxes that somebody of a municipality's register has."""
    keys = {value: sealing.keyring().lookup(normal_address(Medium.EMAIL if "@" in value else Medium.SMS, value)) for value in wanted}
    mine = (Address.municipality_id == municipality_id, Address.lookup.in_(set(keys.values())))
    known = set((await conn.execute(select(Address.lookup).where(*mine))).scalars())
    return {value for value, key in keys.items() if key in known}
