"""The call list: whom to ring when the net is down, group by group, and who took which one along."""

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime

from sqlalchemy import insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from messages.form import Medium
from messages.zones import zone_of
from relay.model import AddressState, LeftOut
from relay.store import sealing, tasks
from relay.store.columns import AnyRow
from relay.store.tables import Address, ContactPoint, LanguageGroup, Membership, Municipality, ResourcePerson, call_list_copy

#: numbers that one can ring
RINGS = (Medium.SMS, Medium.WHATSAPP)


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One person to ring."""

    name: str
    #: none: somebody who can only be found in another way
    numbers: tuple[str, ...]
    languages: tuple[str, ...]
    #: the name of whom they stand by for
    deputy_of: str = ""
    paused: bool = False
    #: why no message is sent to them: they may be rung, but have not agreed to pass anything on; "" = nothing is missing
    lacks: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupList:
    """A group, its contact point, and its people, principals first."""

    language: str
    name: str
    quorum: int
    contact_name: str
    contact_phone: str
    contact_hours: str
    people: tuple[Entry, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class CallList:
    """The list as the register is now."""

    municipality: str
    groups: tuple[GroupList, ...]

    @property
    def people(self) -> int:
        """How many rows there are."""
        return sum(len(group.people) for group in self.groups)

    @property
    def mark(self) -> str:
        """A keyed fingerprint of all that stands in it: another one, and the register has changed, or an agreement's day has come."""
        return sealing.keyring().lookup("call-list:" + json.dumps(asdict(self), ensure_ascii=True, sort_keys=True))


async def read(conn: AsyncConnection, municipality_id: int, now: datetime) -> CallList:
    """Return the list of everybody in the register but those who have left; whoever has opted out of a number is not rung there."""
    town = (await conn.execute(select(Municipality.name, Municipality.timezone).where(Municipality.id == municipality_id))).one()
    today = now.astimezone(zone_of(town.timezone)).date()
    groups = (await conn.execute(_groups.where(LanguageGroup.municipality_id == municipality_id))).all()
    people = {row.id: row for row in (await conn.execute(_people.where(ResourcePerson.municipality_id == municipality_id))).all()}
    numbers = await _numbers(conn, municipality_id)
    members: defaultdict[int, list[int]] = defaultdict(list)
    for row in (await conn.execute(_members.where(Membership.municipality_id == municipality_id))).all():
        members[row.group_id].append(row.person_id)
    entries = {person.id: _entry(person, people, numbers, today) for person in people.values()}
    lists = (_group(row, [entries[one] for one in members[row.id] if one in entries]) for row in groups)
    return CallList(municipality=town.name, groups=tuple(one for one in lists if one.people))


async def _numbers(conn: AsyncConnection, municipality_id: int) -> Mapping[int, Sequence[str]]:
    mine = (Address.municipality_id == municipality_id, Address.state == AddressState.ACTIVE, Address.channel.in_(RINGS))
    rows = await conn.execute(
        select(Address.person_id, Address.value).where(*mine).order_by(Address.person_id, Address.position, Address.id)
    )
    found: defaultdict[int, dict[str, None]] = defaultdict(dict)
    for row in rows.all():
        found[row.person_id][row.value] = None
    return {person: tuple(values) for person, values in found.items()}


def _group(row: AnyRow, entries: Sequence[Entry]) -> GroupList:
    return GroupList(
        language=row.language,
        name=row.name,
        quorum=row.quorum,
        contact_name=row.contact_name or "",
        contact_phone=row.contact_phone or "",
        contact_hours=row.contact_hours or "",
        people=tuple(sorted(entries, key=lambda one: (one.deputy_of != "", one.name.casefold()))),
    )


def _entry(person: AnyRow, people: Mapping[int, AnyRow], numbers: Mapping[int, Sequence[str]], today: date) -> Entry:
    principal = people.get(person.deputy_of_id or 0)
    return Entry(
        name=person.name,
        numbers=tuple(numbers.get(person.id, ())),
        languages=tuple(person.languages),
        deputy_of=principal.name if principal else "",
        paused=person.paused,
        lacks=_lacks(person, today),
    )


def _lacks(person: AnyRow, today: date) -> str:
    if person.agreed_on is None:
        return LeftOut.NO_AGREEMENT
    if person.agreed_on > today:
        return LeftOut.AGREEMENT_LATER
    if person.agreed_until is not None and person.agreed_until < today:
        return LeftOut.AGREEMENT_ENDED
    return "" if person.adult_confirmed_on else LeftOut.AGE_NOT_CONFIRMED


async def taken(conn: AsyncConnection, municipality_id: int, user_id: int, mark: str, by: str, now: datetime) -> None:
    """Note that a user has taken the list along."""
    row = {"municipality_id": municipality_id, "user_id": user_id, "mark": mark, "made_at": now}
    await conn.execute(insert(call_list_copy).values(row))
    await tasks.acted(conn, by, "call_list.taken", now, municipality_id=municipality_id)


async def newest_copy(conn: AsyncConnection, municipality_id: int, user_id: int) -> AnyRow | None:
    """Return when a user last took the list along, and the mark of what stood in it."""
    mine = (call_list_copy.c.municipality_id == municipality_id, call_list_copy.c.user_id == user_id)
    columns = (call_list_copy.c.made_at, call_list_copy.c.mark)
    newest = select(*columns).where(*mine).order_by(call_list_copy.c.made_at.desc(), call_list_copy.c.id.desc()).limit(1)
    return (await conn.execute(newest)).one_or_none()


_groups = (
    select(
        LanguageGroup.id,
        LanguageGroup.language,
        LanguageGroup.name,
        LanguageGroup.quorum,
        ContactPoint.name.label("contact_name"),
        ContactPoint.phone.label("contact_phone"),
        ContactPoint.hours.label("contact_hours"),
    )
    .join(
        ContactPoint,
        (ContactPoint.id == LanguageGroup.contact_point_id) & (ContactPoint.municipality_id == LanguageGroup.municipality_id),
        isouter=True,
    )
    .order_by(LanguageGroup.name, LanguageGroup.id)
)
_people = select(
    ResourcePerson.id,
    ResourcePerson.name,
    ResourcePerson.languages,
    ResourcePerson.paused,
    ResourcePerson.deputy_of_id,
    ResourcePerson.agreed_on,
    ResourcePerson.agreed_until,
    ResourcePerson.adult_confirmed_on,
).where(ResourcePerson.left_at.is_(None))
_members = select(Membership.group_id, Membership.person_id).order_by(Membership.group_id, Membership.person_id)
