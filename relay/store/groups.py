"""Language groups as their page keeps them: who is in them, whom they may ring, how large the community is, and by which source."""

from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import delete, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from relay.model import BadInput, NotAllowed, NotFound
from relay.store import tasks
from relay.store.columns import AnyRow
from relay.store.register import GROUP_IS_THERE, NewContact, NewGroup, Stamp, add_contact_point, add_group, require_contact_point
from relay.store.tables import ContactPoint, LanguageGroup, Membership, ResourcePerson, alert_group

MOST_ESTIMATE = 1_000_000
MOST_QUORUM = 1000

# in these words the pages' catalogues find them
NO_GROUP = "There is no such group in this municipality."
STILL_IN_IT = "Somebody is still in this group. Move them first."
HAS_HISTORY = "Alerts have gone to this group, so that it stays. Rename it, or leave it empty."
BAD_QUORUM = "How many are needed is a number from 1 to 1000."
BAD_ESTIMATE = "How many people there are is a number from 0 to 1,000,000, or empty."
NO_SOURCE = "Say where the number comes from, and of which day it is."


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """A group as its page shows it."""

    row: AnyRow
    people: int
    contact: AnyRow | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What may be changed of a group; its language stays what it is."""

    name: str
    quorum: int
    estimate: int | None = None
    estimate_source: str = ""
    estimate_on: date | None = None
    contact_point_id: int | None = None


async def languages_in_use(conn: AsyncConnection, municipality_id: int) -> dict[str, int]:
    """Return the languages of the groups with how many people answer for each."""
    mine = (
        select(LanguageGroup.language, func.count(func.distinct(Membership.person_id)).label("people"))
        .join(Membership, Membership.group_id == LanguageGroup.id, isouter=True)
        .where(LanguageGroup.municipality_id == municipality_id)
        .group_by(LanguageGroup.language)
    )
    return {row.language: row.people for row in (await conn.execute(mine)).all()}


async def names(conn: AsyncConnection, municipality_id: int) -> dict[int, str]:
    """Return each group's name by its id."""
    mine = select(LanguageGroup.id, LanguageGroup.name).where(LanguageGroup.municipality_id == municipality_id)
    return {row.id: row.name for row in (await conn.execute(mine)).all()}


async def listed(conn: AsyncConnection, municipality_id: int) -> list[Group]:
    """Return every group by name, with how many people it has and whom they may ring."""
    points = await contact_points(conn, municipality_id)
    by_id = {point.id: point for point in points}
    counted = (
        select(Membership.group_id, func.count().label("people"))
        .join(ResourcePerson, ResourcePerson.id == Membership.person_id)
        .where(Membership.municipality_id == municipality_id, ResourcePerson.left_at.is_(None))
        .group_by(Membership.group_id)
    )
    people = {row.group_id: row.people for row in (await conn.execute(counted)).all()}
    mine = select(LanguageGroup.__table__).where(LanguageGroup.municipality_id == municipality_id).order_by(LanguageGroup.name)
    rows = (await conn.execute(mine)).all()
    return [Group(row=row, people=people.get(row.id, 0), contact=by_id.get(row.contact_point_id)) for row in rows]


async def contact_points(conn: AsyncConnection, municipality_id: int) -> list[AnyRow]:
    """Return whom groups may ring; the first is everybody's who has no other."""
    mine = select(ContactPoint.__table__).where(ContactPoint.municipality_id == municipality_id)
    return list((await conn.execute(mine.order_by(ContactPoint.id))).all())


async def find(conn: AsyncConnection, municipality_id: int, group_id: int) -> AnyRow:
    """Return a group's row; NotFound in any other municipality."""
    mine = (LanguageGroup.id == group_id, LanguageGroup.municipality_id == municipality_id)
    row = (await conn.execute(select(LanguageGroup.__table__).where(*mine))).one_or_none()
    if row is None:
        raise NotFound(NO_GROUP)
    return row


async def add(conn: AsyncConnection, municipality_id: int, language: str, new: Change, stamp: Stamp) -> int:
    """Add a group and return its id. BadInput names what is wrong."""
    group_id = await add_group(conn, municipality_id, NewGroup(language=language, **_checked(new)), stamp)
    await tasks.acted(conn, stamp.by, "group.add", stamp.at, municipality_id=municipality_id, subject=f"group:{group_id}")
    return group_id


async def change(conn: AsyncConnection, municipality_id: int, group_id: int, new: Change, stamp: Stamp) -> None:
    """Change a group. BadInput names what is wrong."""
    row = await find(conn, municipality_id, group_id)
    columns = _checked(new)
    await require_contact_point(conn, municipality_id, new.contact_point_id)
    alike = (LanguageGroup.municipality_id == municipality_id, LanguageGroup.language == row.language, LanguageGroup.id != group_id)
    named = select(LanguageGroup.id).where(*alike, LanguageGroup.name == columns["name"])
    if (await conn.execute(named)).scalar() is not None:
        raise BadInput(GROUP_IS_THERE, name=columns["name"], language=row.language)
    mine = (LanguageGroup.id == group_id, LanguageGroup.municipality_id == municipality_id)
    await conn.execute(update(LanguageGroup).where(*mine).values(**columns, **stamp.changed))
    await tasks.acted(conn, stamp.by, "group.change", stamp.at, municipality_id=municipality_id, subject=f"group:{group_id}")


async def add_contact(conn: AsyncConnection, municipality_id: int, new: NewContact, stamp: Stamp) -> int:
    """Add somebody whom groups may ring, and return their id. BadInput names what is wrong."""
    contact_id = await add_contact_point(conn, municipality_id, new, stamp)
    await tasks.acted(conn, stamp.by, "contact.add", stamp.at, municipality_id=municipality_id, subject=f"contact:{contact_id}")
    return contact_id


def _checked(new: Change) -> dict[str, Any]:
    """Return the columns of a change that makes sense; BadInput otherwise."""
    if not 1 <= new.quorum <= MOST_QUORUM:
        raise BadInput(BAD_QUORUM)
    if new.estimate is not None and not 0 <= new.estimate <= MOST_ESTIMATE:
        raise BadInput(BAD_ESTIMATE)
    if new.estimate is not None and not (new.estimate_source.strip() and new.estimate_on):
        raise BadInput(NO_SOURCE)
    return {name: getattr(new, name) for name in Change.__slots__} | {"name": " ".join(new.name.split())[:120]}


async def remove(conn: AsyncConnection, municipality_id: int, group_id: int, stamp: Stamp) -> None:
    """Remove a group that is empty and that no alert has gone to."""
    await find(conn, municipality_id, group_id)
    if (await conn.execute(select(Membership.person_id).where(Membership.group_id == group_id).limit(1))).scalar() is not None:
        raise NotAllowed(STILL_IN_IT)
    if (await conn.execute(select(alert_group.c.alert_id).where(alert_group.c.group_id == group_id).limit(1))).scalar() is not None:
        raise NotAllowed(HAS_HISTORY)
    await conn.execute(delete(LanguageGroup).where(LanguageGroup.id == group_id, LanguageGroup.municipality_id == municipality_id))
    await tasks.acted(conn, stamp.by, "group.remove", stamp.at, municipality_id=municipality_id, subject=f"group:{group_id}")
