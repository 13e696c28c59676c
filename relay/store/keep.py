"""The register kept by hand: one person added, changed, or taken out. A new number is a new row; whoever leaves stays in what has been."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import delete, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from messages.form import Medium
from relay.model import AddressState, BadInput, Hours
from relay.store import answers, roster, tasks
from relay.store.register import NewPerson, Stamp, add_people, address, hours, memberships, set_deputies
from relay.store.tables import Address, LanguageGroup, Membership, ResourcePerson

# in these words the pages' catalogues find them
NO_GROUP = "Choose at least one group."
OWN_DEPUTY = "Nobody stands by for themselves."
DEPUTYS_DEPUTY = "That person stands by for somebody else. Choose one who is asked first."


@dataclass(frozen=True, slots=True, kw_only=True)
class Changed:
    """A person as a form has them; everything is said, and what is left out is taken away."""

    name: str
    languages: tuple[str, ...]
    groups: tuple[int, ...]
    ways: tuple[tuple[Medium, str], ...]
    kind: str
    agreed_on: date | None
    agreed_until: date | None
    adult_confirmed_on: date | None
    paused: bool
    paused_until: datetime | None
    quiet: Hours | None
    working: Hours | None
    deputy_of_id: int | None


async def add(conn: AsyncConnection, municipality_id: int, new: Changed, stamp: Stamp) -> int:
    """Add a person and return the id. BadInput for a group that is not ours."""
    await _ours(conn, municipality_id, new.groups)
    fields = {name: getattr(new, name) for name in NewPerson.__slots__}
    [person_id] = await add_people(conn, municipality_id, [NewPerson(**fields)], stamp)
    await _stand_by(conn, municipality_id, person_id, new.deputy_of_id, stamp)
    await tasks.acted(conn, stamp.by, "person.add", stamp.at, municipality_id=municipality_id, subject=f"person:{person_id}")
    return person_id


async def change(conn: AsyncConnection, municipality_id: int, person_id: int, new: Changed, stamp: Stamp) -> None:
    """Write a person anew. NotFound in any other municipality."""
    before = await roster.find(conn, municipality_id, person_id)
    await _ours(conn, municipality_id, new.groups)
    mine = (ResourcePerson.id == person_id, ResourcePerson.municipality_id == municipality_id)
    await conn.execute(update(ResourcePerson).where(*mine).values(**_columns(new, before, stamp), **stamp.changed))
    await conn.execute(delete(Membership).where(Membership.person_id == person_id, Membership.municipality_id == municipality_id))
    rows = [{"municipality_id": municipality_id, **row} for row in memberships(person_id, new.groups)]
    await conn.execute(insert(Membership), rows)
    await _ways(conn, municipality_id, before, new.ways, stamp)
    await _stand_by(conn, municipality_id, person_id, new.deputy_of_id, stamp)
    await tasks.acted(conn, stamp.by, "person.change", stamp.at, municipality_id=municipality_id, subject=f"person:{person_id}")


async def leave(conn: AsyncConnection, municipality_id: int, person_id: int, stamp: Stamp) -> None:
    """Take somebody out of the register: nothing is sent to them any more; what was sent stays known."""
    await roster.find(conn, municipality_id, person_id)
    mine = (ResourcePerson.id == person_id, ResourcePerson.municipality_id == municipality_id, ResourcePerson.left_at.is_(None))
    await conn.execute(update(ResourcePerson).where(*mine).values(left_at=stamp.at, **stamp.changed))
    await answers.left(conn, person_id, stamp.at)
    # whatever is planned later all the same, a late text say, stops at the last look
    unused = {"state": AddressState.REPLACED, "state_reason": "left", "state_at": stamp.at, **stamp.changed}
    await conn.execute(update(Address).where(Address.person_id == person_id, Address.state == AddressState.ACTIVE).values(**unused))
    await tasks.acted(conn, stamp.by, "person.leave", stamp.at, municipality_id=municipality_id, subject=f"person:{person_id}")


def _columns(new: Changed, before: roster.Person, stamp: Stamp) -> Mapping[str, Any]:
    """Who confirmed the age is noted where it is confirmed anew."""
    confirmed = new.adult_confirmed_on is not None and new.adult_confirmed_on != before.adult_confirmed_on
    kept_by = stamp.by if confirmed else before.adult_confirmed_by if new.adult_confirmed_on else ""
    plain = ("name", "kind", "agreed_on", "agreed_until", "adult_confirmed_on", "paused", "paused_until")
    return {
        **{name: getattr(new, name) for name in plain},
        "languages": list(new.languages),
        "adult_confirmed_by": kept_by,
        **hours("quiet", new.quiet),
        **hours("work", new.working),
    }


async def _ours(conn: AsyncConnection, municipality_id: int, groups: Collection[int]) -> None:
    mine = select(LanguageGroup.id).where(LanguageGroup.municipality_id == municipality_id, LanguageGroup.id.in_(groups))
    if not groups or set((await conn.execute(mine)).scalars()) != set(groups):
        raise BadInput(NO_GROUP)


async def _ways(
    conn: AsyncConnection, municipality_id: int, before: roster.Person, wanted: Sequence[tuple[Medium, str]], stamp: Stamp
) -> None:
    """Keep what is still said, with its state and its place; replace what is not, and add what is new."""
    there = {(way.medium, way.value): way for way in before.ways}
    for position, way in enumerate(wanted):
        if way in there:
            mine = update(Address).where(Address.id == there[way].address_id)
            await conn.execute(mine.values(position=position, **stamp.changed))
        else:
            row = {"municipality_id": municipality_id, **address(before.person_id, position, *way), **stamp.new}
            await conn.execute(insert(Address).values(**row))
    gone = [way.address_id for key, way in there.items() if key not in wanted]
    replaced = {"state": AddressState.REPLACED, "state_reason": "edit", "state_at": stamp.at, **stamp.changed}
    await conn.execute(update(Address).where(Address.id.in_(gone)).values(**replaced))


async def _stand_by(conn: AsyncConnection, municipality_id: int, person_id: int, principal_id: int | None, stamp: Stamp) -> None:
    if principal_id is None:
        mine = (ResourcePerson.id == person_id, ResourcePerson.municipality_id == municipality_id)
        await conn.execute(update(ResourcePerson).where(*mine).values(deputy_of_id=None))
        return
    principal = await roster.find(conn, municipality_id, principal_id)
    if principal_id == person_id:
        raise BadInput(OWN_DEPUTY)
    if principal.deputy_of_id is not None:
        raise BadInput(DEPUTYS_DEPUTY)
    await set_deputies(conn, {person_id: principal_id}, stamp)
