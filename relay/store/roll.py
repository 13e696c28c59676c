"""The register read out: people with their groups and addresses, by name. Names are sealed, so they are put in order here."""

from collections import defaultdict
from dataclasses import dataclass
from datetime import date

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from relay.store.columns import AnyRow
from relay.store.tables import Address, LanguageGroup, Membership, ResourcePerson


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """A resource person as lists show them."""

    id: int
    name: str
    languages: tuple[str, ...]
    #: names of their groups, their own first
    groups: tuple[str, ...]
    kind: str
    agreed_on: date | None
    adult_confirmed: bool
    paused: bool
    #: (channel, value, state), in the order in which they are tried
    addresses: tuple[tuple[str, str, str], ...]


async def people(conn: AsyncConnection, municipality_id: int, *, language: str = "") -> list[Listed]:
    """Return everybody who has not left, by name; `language`: only those of this language's groups."""
    mine = select(ResourcePerson.__table__).where(ResourcePerson.municipality_id == municipality_id, ResourcePerson.left_at.is_(None))
    if language:
        speaks = select(Membership.person_id).join(LanguageGroup, LanguageGroup.id == Membership.group_id)
        mine = mine.where(ResourcePerson.id.in_(speaks.where(LanguageGroup.language == language)))
    rows = (await conn.execute(mine)).all()
    names = await _groups(conn, municipality_id)
    ways = await _ways(conn, municipality_id)
    return sorted((_listed(row, names[row.id], ways[row.id]) for row in rows), key=lambda one: (one.name.casefold(), one.id))


def _listed(row: AnyRow, groups: list[str], ways: list[tuple[str, str, str]]) -> Listed:
    return Listed(
        id=row.id,
        name=row.name,
        languages=tuple(row.languages),
        groups=tuple(groups),
        kind=row.kind,
        agreed_on=row.agreed_on,
        adult_confirmed=row.adult_confirmed_on is not None,
        paused=row.paused,
        addresses=tuple(ways),
    )


async def _groups(conn: AsyncConnection, municipality_id: int) -> defaultdict[int, list[str]]:
    joined = select(Membership.person_id, LanguageGroup.name).join(LanguageGroup, LanguageGroup.id == Membership.group_id)
    found: defaultdict[int, list[str]] = defaultdict(list)
    for row in await conn.execute(joined.where(Membership.municipality_id == municipality_id).order_by(Membership.position)):
        found[row.person_id].append(row.name)
    return found


async def _ways(conn: AsyncConnection, municipality_id: int) -> defaultdict[int, list[tuple[str, str, str]]]:
    in_use = (Address.municipality_id == municipality_id, Address.state != "REPLACED")
    found: defaultdict[int, list[tuple[str, str, str]]] = defaultdict(list)
    for row in await conn.execute(select(Address.__table__).where(*in_use).order_by(Address.position, Address.id)):
        found[row.person_id].append((row.channel, row.value, row.state))
    return found
