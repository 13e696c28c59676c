"""What rows of a file change in the register: compared in memory, after opening what is sealed. Writes nothing (relay.store.imports does).

Somebody is the same person when name and one address are. What a row leaves empty stays as it is: a file fills in; it withdraws no
agreement, ends no pause, and opens no address that was closed.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, time
from typing import Any
from zoneinfo import ZoneInfo

from messages.form import Medium
from messages.languages import name as language_name
from relay.people_csv import Column, Kind, Problem, Row, cells
from relay.store import sealing
from relay.store.columns import AnyRow
from relay.store.normal import normal_address
from relay.store.register import hours

#: a group's language, and its name in small letters
GroupKey = tuple[str, str]
#: an address's medium and fingerprint
WayKey = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Known:
    """Somebody in the register today."""

    row: AnyRow
    groups: tuple[GroupKey, ...]
    addresses: Mapping[WayKey, AnyRow]


@dataclass(frozen=True, slots=True)
class Ways:
    """What becomes of somebody's addresses."""

    #: position, medium, value
    new: tuple[tuple[int, Medium, str], ...] = ()
    #: address id -> its new position
    moved: Mapping[int, int] = field(default_factory=dict)
    #: address ids
    gone: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """What one row does."""

    row: Row
    #: None: a new person
    known: Known | None
    #: columns of somebody known, with what they become
    values: Mapping[str, Any]
    ways: Ways
    #: all their groups; empty: as they are
    groups: tuple[GroupKey, ...]
    #: whom they stand by for: a row's number, or a person's id
    principal_row: int | None = None
    principal_id: int | None = None

    @property
    def changes(self) -> bool:
        """Whether anything would be different afterwards."""
        own = self.values or self.ways != Ways() or self.groups
        return bool(own or self.principal_row is not None or self.principal_id is not None)


def folded(name: str) -> str:
    """Compare names by this."""
    return " ".join(name.casefold().split())


class Groups:
    """The municipality's groups, and those that the file adds."""

    def __init__(self, there: Iterable[GroupKey]) -> None:
        self.there = list(there)
        #: key -> name as written
        self.new: dict[GroupKey, str] = {}

    def of(self, row: Row) -> tuple[GroupKey, ...]:
        """Return a row's groups, their own first; raise Wrong when it is not clear which is meant."""
        return tuple(dict.fromkeys(self._named(name, row) for name in row.groups)) or (self._of_language(row.languages[0]),)

    def _named(self, name: str, row: Row) -> GroupKey:
        found = [key for key in (*self.there, *self.new) if key[1] == folded(name)]
        if len(found) > 1:
            found = [key for key in found if key[0] in row.languages]
        if found:
            return found[0]
        language = _language(name)
        return self._of_language(language) if language else self._add(row.languages[0], name)

    def _of_language(self, language: str) -> GroupKey:
        found = [key for key in (*self.there, *self.new) if key[0] == language]
        if len(found) > 1:
            named = " or ".join(f"«{name}»" for _, name in found)
            raise cells.Wrong(f"there is more than one group for {language_name(language, 'en')}: write which, {named}")
        return found[0] if found else self._add(language, language_name(language, "nb"))

    def _add(self, language: str, name: str) -> GroupKey:
        key = (language, folded(name))
        self.new[key] = name[:1].upper() + name[1:]
        return key


def _language(name: str) -> str | None:
    try:
        return cells.languages(name)[0]
    except (cells.Wrong, IndexError):
        return None


class Reading:
    """Compares a file with the register, and collects everything that is wrong instead of the first thing alone."""

    def __init__(self, register: Iterable[Known], groups: Groups, by: str, zone: ZoneInfo) -> None:
        self.groups, self.by, self.zone = groups, by, zone
        self.errors: list[Problem] = []
        self.notes: list[Problem] = []
        self._register: defaultdict[str, list[Known]] = defaultdict(list)
        for one in register:
            self._register[folded(one.row.name)].append(one)

    def steps(self, rows: Sequence[Row]) -> list[Step]:
        """Say what each row does; with `errors`, nothing of it may be written."""
        same = {row.number: self._same_person(row) for row in rows}
        self._refuse_twice(rows, same)
        return [self._step(row, same[row.number], rows, same) for row in rows]

    def _same_person(self, row: Row) -> Known | None:
        namesakes = self._register.get(folded(row.name), [])
        keys = {way_key(*way) for way in row.ways}
        found = next((one for one in namesakes if keys & set(one.addresses)), None)
        if namesakes and found is None:
            words = "somebody of this name is in the register with other addresses; this is taken for another person"
            self.notes.append(Problem(row.number, Column.NAME, words))
        return found

    def _refuse_twice(self, rows: Sequence[Row], same: Mapping[int, Known | None]) -> None:
        first: dict[int, int] = {}
        for row in rows:
            known = same[row.number]
            if known is not None and first.setdefault(known.row.id, row.number) != row.number:
                words = f"the same person as row {first[known.row.id]}, by the register: put both addresses into one row"
                self.errors.append(Problem(row.number, "", words))

    def _step(self, row: Row, known: Known | None, rows: Sequence[Row], same: Mapping[int, Known | None]) -> Step:
        groups = self._groups(row, known)
        principal_row, principal_id = self._principal(row, known, rows, same) if row.deputy_of else (None, None)
        return Step(
            row=row,
            known=known,
            values=_values(row, known.row, self.by, self.zone) if known else {},
            ways=_ways(row, known.addresses if known else {}),
            groups=groups,
            principal_row=principal_row,
            principal_id=principal_id,
        )

    def _groups(self, row: Row, known: Known | None) -> tuple[GroupKey, ...]:
        if known is not None and not row.groups:
            return ()
        try:
            wanted = self.groups.of(row)
        except cells.Wrong as why:
            self.errors.append(Problem(row.number, Column.GROUPS, str(why)))
            return ()
        return () if known is not None and known.groups == wanted else wanted

    def _principal(
        self, row: Row, known: Known | None, rows: Sequence[Row], same: Mapping[int, Known | None]
    ) -> tuple[int | None, int | None]:
        """Find whom a row stands by for: in the file first, then in the register. Both None: nobody new, or an error."""
        named = next((other for other in rows if folded(other.name) == folded(row.deputy_of)), None)
        if named is not None and same[named.number] is None:
            return named.number, None
        there = [same[named.number]] if named is not None else self._register.get(folded(row.deputy_of), [])
        people = [one for one in there if one is not None]
        if len(people) != 1:
            words = f"{len(people) or 'no'} people of this name are in the register: it must be one, so make the names differ"
            self.errors.append(Problem(row.number, Column.DEPUTY_OF, words))
            return None, None
        principal = int(people[0].row.id)
        return None, None if known is not None and known.row.deputy_of_id == principal else principal


def way_key(medium: Medium, value: str) -> WayKey:
    """Return what an address is found again by."""
    return medium, sealing.keyring().lookup(normal_address(medium, value))


def _ways(row: Row, there: Mapping[WayKey, AnyRow]) -> Ways:
    wanted = {way_key(*way): (n, *way) for n, way in enumerate(row.ways)}
    return Ways(
        new=tuple(way for key, way in wanted.items() if key not in there),
        moved={there[key].id: way[0] for key, way in wanted.items() if key in there and there[key].position != way[0]},
        gone=tuple(one.id for key, one in there.items() if key not in wanted),
    )


def back_at(row: Row, zone: ZoneInfo) -> datetime | None:
    """When a paused person is back: as that day begins in the municipality."""
    return datetime.combine(row.paused_until, time(0), zone).astimezone(UTC) if row.paused and row.paused_until else None


def _values(row: Row, there: AnyRow, by: str, zone: ZoneInfo) -> dict[str, Any]:
    """The columns that a row fills in and that are not so already."""
    said: dict[str, Any] = {"languages": list(row.languages), "agreed_on": row.agreed_on, "agreed_until": row.agreed_until}
    if row.kind is Kind.EMPLOYEE:
        said |= {"kind": row.kind.value}
    if there.adult_confirmed_on is None and row.adult_confirmed_on:
        said |= {"adult_confirmed_on": row.adult_confirmed_on, "adult_confirmed_by": by}
    if row.paused:
        said |= {"paused": True, "paused_until": back_at(row, zone)}
    said |= (hours("quiet", row.quiet) if row.quiet else {}) | (hours("work", row.working) if row.working else {})
    return {name: value for name, value in said.items() if value is not None and value != getattr(there, name)}
