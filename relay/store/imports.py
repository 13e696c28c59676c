"""Brings rows of people into the register: all of them, or none if anything is wrong with one."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from zoneinfo import ZoneInfo

from sqlalchemy import delete, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from messages.languages import all_languages, name as language_name
from messages.zones import zone_of
from relay import people_csv
from relay.model import AddressState
from relay.people_csv import Problem, Row, named
from relay.people_csv.cells import NEAR
from relay.store import tasks
from relay.store.columns import AnyRow
from relay.store.merge import GroupKey, Groups, Known, Reading, Step, Ways, back_at, folded
from relay.store.register import NewGroup, NewPerson, Stamp, add_group, add_people, address, memberships, set_deputies
from relay.store.tables import Address, LanguageGroup, Membership, Municipality, ResourcePerson


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportResult:
    """What an import did, or would do; with any `errors` nothing was written."""

    added: int = 0
    changed: int = 0
    same: int = 0
    #: names of groups that were not there before
    new_groups: tuple[str, ...] = ()
    #: new group -> the name that may have been meant
    meant: Mapping[str, str] = field(default_factory=dict)
    errors: tuple[Problem, ...] = ()
    notes: tuple[Problem, ...] = ()


async def known_names(conn: AsyncConnection, municipality_id: int) -> list[str]:
    """Return the names in the register, for whom somebody in a file may stand by."""
    mine = select(ResourcePerson.name).where(ResourcePerson.municipality_id == municipality_id, ResourcePerson.left_at.is_(None))
    return list((await conn.execute(mine)).scalars())


async def import_file(conn: AsyncConnection, municipality_id: int, data: bytes, stamp: Stamp, *, dry_run: bool = False) -> ImportResult:
    """Read a file and do what it says: all of it, or nothing if a row is wrong; with `dry_run`, only say what that would do."""
    read = people_csv.read(data, today=stamp.at.date(), known=await known_names(conn, municipality_id))
    if read.errors:
        return ImportResult(errors=tuple(read.errors), notes=tuple(read.notes))
    return await import_people(conn, municipality_id, read.rows, stamp, dry_run=dry_run)


async def import_people(
    conn: AsyncConnection, municipality_id: int, rows: Sequence[Row], stamp: Stamp, *, dry_run: bool = False, new_groups: bool = True
) -> ImportResult:
    """Add and change people as `rows` say; with `dry_run`, only say what that would do. Without `new_groups` so where there are such."""
    zone = zone_of((await conn.execute(select(Municipality.timezone).where(Municipality.id == municipality_id))).scalar_one())
    ids = await _group_ids(conn, municipality_id)
    groups = Groups(ids)
    reading = Reading(await _register(conn, municipality_id), groups, stamp.by, zone)
    steps = reading.steps(rows)
    names = {row.number: row.name for row in rows}
    notes = named(reading.notes, names)
    if reading.errors:
        return ImportResult(errors=named(reading.errors, names), notes=notes)
    changed = [step for step in steps if step.known is not None and step.changes]
    added = [step for step in steps if step.known is None]
    result = ImportResult(
        added=len(added),
        changed=len(changed),
        same=len(steps) - len(added) - len(changed),
        new_groups=tuple(groups.new.values()),
        meant=await _meant(conn, municipality_id, tuple(groups.new.values())),
        notes=notes,
    )
    if not dry_run and (added or changed) and (new_groups or not groups.new):
        ids |= await _add_groups(conn, municipality_id, groups, stamp)
        desk = _Desk(conn=conn, municipality_id=municipality_id, groups=ids, zone=zone, stamp=stamp)
        await _write(desk, added, changed)
        await tasks.acted(
            conn, stamp.by, "people.import", stamp.at, municipality_id=municipality_id, added=result.added, changed=result.changed
        )
    return result


# --- what is there ----------------------------------------------------------------------------------------------------


async def _group_ids(conn: AsyncConnection, municipality_id: int) -> dict[GroupKey, int]:
    mine = select(LanguageGroup.id, LanguageGroup.language, LanguageGroup.name).where(LanguageGroup.municipality_id == municipality_id)
    return {(row.language, folded(row.name)): row.id for row in (await conn.execute(mine.order_by(LanguageGroup.id))).all()}


async def _meant(conn: AsyncConnection, municipality_id: int, new: Sequence[str]) -> dict[str, str]:
    """Name, for each new group that looks mistyped, the group or the language that may have been meant."""
    if not new:
        return {}
    there = (await conn.execute(select(LanguageGroup.name).where(LanguageGroup.municipality_id == municipality_id))).scalars()
    languages = (language_name(language.tag, "nb").capitalize() for language in all_languages())
    known = {folded(name): name for name in (*languages, *there)}
    near = {name: get_close_matches(folded(name), known, n=1, cutoff=NEAR) for name in new if folded(name) not in known}
    return {name: known[found[0]] for name, found in near.items() if found}


async def _register(conn: AsyncConnection, municipality_id: int) -> list[Known]:
    """Everybody, with their names opened."""
    people = select(ResourcePerson.__table__).where(ResourcePerson.municipality_id == municipality_id, ResourcePerson.left_at.is_(None))
    groups: defaultdict[int, list[GroupKey]] = defaultdict(list)
    mine = (
        select(Membership.person_id, LanguageGroup.language, LanguageGroup.name)
        .join(LanguageGroup, LanguageGroup.id == Membership.group_id)
        .where(Membership.municipality_id == municipality_id)
        .order_by(Membership.position)
    )
    for row in (await conn.execute(mine)).all():
        groups[row.person_id].append((row.language, folded(row.name)))
    addresses: defaultdict[int, dict[tuple[str, str], AnyRow]] = defaultdict(dict)
    today = select(Address.id, Address.person_id, Address.channel, Address.lookup, Address.position).where(
        Address.municipality_id == municipality_id, Address.state != AddressState.REPLACED
    )
    for way in (await conn.execute(today)).all():
        addresses[way.person_id][way.channel, way.lookup] = way
    found = (await conn.execute(people.order_by(ResourcePerson.id))).all()
    return [Known(row, tuple(groups[row.id]), addresses[row.id]) for row in found]


# --- writing ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class _Desk:
    """What every write of one import needs."""

    conn: AsyncConnection
    municipality_id: int
    groups: Mapping[GroupKey, int]
    zone: ZoneInfo
    stamp: Stamp


async def _add_groups(conn: AsyncConnection, municipality_id: int, groups: Groups, stamp: Stamp) -> dict[GroupKey, int]:
    return {key: await add_group(conn, municipality_id, NewGroup(language=key[0], name=name), stamp) for key, name in groups.new.items()}


async def _write(desk: _Desk, added: Sequence[Step], changed: Sequence[Step]) -> None:
    ids = await add_people(desk.conn, desk.municipality_id, [_new(desk, step) for step in added], desk.stamp)
    by_row = {step.row.number: person_id for step, person_id in zip(added, ids, strict=True)}
    for step in changed:
        by_row[step.row.number] = await _change(desk, step)
    principals = {by_row[step.row.number]: by_row.get(step.principal_row or 0, step.principal_id) for step in (*added, *changed)}
    await set_deputies(desk.conn, {person: principal for person, principal in principals.items() if principal is not None}, desk.stamp)


def _new(desk: _Desk, step: Step) -> NewPerson:
    row = step.row
    return NewPerson(
        name=row.name,
        languages=row.languages,
        groups=tuple(desk.groups[key] for key in step.groups),
        ways=row.ways,
        kind=row.kind.value,
        agreed_on=row.agreed_on,
        agreed_until=row.agreed_until,
        adult_confirmed_on=row.adult_confirmed_on,
        paused=row.paused,
        paused_until=back_at(row, desk.zone),
        quiet=row.quiet,
        working=row.working,
    )


async def _change(desk: _Desk, step: Step) -> int:
    """Change somebody known, and return their id."""
    if step.known is None:
        raise ValueError("a new person is added, not changed")
    person_id = int(step.known.row.id)
    mine = update(ResourcePerson).where(ResourcePerson.id == person_id)
    await desk.conn.execute(mine.values(**step.values, **desk.stamp.changed))
    await _change_ways(desk, person_id, step.ways)
    if step.groups:
        await desk.conn.execute(delete(Membership).where(Membership.person_id == person_id))
        rows = memberships(person_id, [desk.groups[key] for key in step.groups])
        await desk.conn.execute(insert(Membership), [{"municipality_id": desk.municipality_id, **row} for row in rows])
    return person_id


async def _change_ways(desk: _Desk, person_id: int, ways: Ways) -> None:
    """A new value is a new row: the old one stays as what earlier messages went to."""
    for address_id, position in ways.moved.items():
        mine = update(Address).where(Address.id == address_id)
        await desk.conn.execute(mine.values(position=position, **desk.stamp.changed))
    replaced = {"state": AddressState.REPLACED, "state_reason": "import", "state_at": desk.stamp.at, **desk.stamp.changed}
    for address_id in ways.gone:
        await desk.conn.execute(update(Address).where(Address.id == address_id).values(**replaced))
    for way in ways.new:
        row = {"municipality_id": desk.municipality_id, **address(person_id, *way), **desk.stamp.new}
        await desk.conn.execute(insert(Address).values(**row))
