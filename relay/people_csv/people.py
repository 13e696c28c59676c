"""From records to people: each row by itself, then the rows against each other."""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from enum import StrEnum
from typing import TypeVar

from messages.form import Medium
from relay.model import Hours
from relay.people_csv import cells
from relay.people_csv.cells import Wrong, shown
from relay.people_csv.columns import CHANNELS, EMPLOYEE, VOLUNTEER, YES, Column
from relay.people_csv.sheet import Record, Sheet, open_sheet

T = TypeVar("T")

#: how a cell begins that a spreadsheet would take for a formula
FORMULA = ("=", "+", "-", "@", "\t")


class Kind(StrEnum):
    """On which terms somebody is a resource person."""

    VOLUNTEER = "volunteer"
    EMPLOYEE = "employee"


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong, where, and what to do about it."""

    row: int
    #: the heading as the file has it; "" for the row as a whole
    column: str
    words: str
    #: who stands in the row
    name: str = ""

    def __str__(self) -> str:
        who = f" ({self.name})" if self.name else ""
        return f"Row {self.row}{who}{f', column {self.column}' if self.column else ''}: {self.words}."


def named(problems: Iterable[Problem], names: Mapping[int, str]) -> tuple[Problem, ...]:
    """Return the problems in the order of the rows, each with the name that stands in its row."""
    return tuple(replace(one, name=names.get(one.row, "")) for one in sorted(problems, key=lambda one: one.row))


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One person, as the register takes them."""

    number: int
    name: str
    #: our tags, their own first
    languages: tuple[str, ...]
    #: names of groups as written; empty: the group of their own language
    groups: tuple[str, ...] = ()
    #: (medium, number in E.164 or mailbox) in the person's order
    ways: tuple[tuple[Medium, str], ...] = ()
    agreed_on: date | None = None
    agreed_until: date | None = None
    adult_confirmed_on: date | None = None
    kind: Kind = Kind.VOLUNTEER
    working: Hours | None = None
    #: hours of no length: none at all; None: the municipality's
    quiet: Hours | None = None
    #: name of the person they stand by for
    deputy_of: str = ""
    paused: bool = False
    #: the day they are back; None while `paused`: until further notice
    paused_until: date | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Import:
    """What a file holds. With any `errors` nothing of it may be stored; `notes` are for the person who imports."""

    rows: tuple[Row, ...]
    errors: tuple[Problem, ...] = ()
    notes: tuple[Problem, ...] = ()
    encoding: str = ""
    separator: str = ""
    #: headings that were not understood
    ignored: tuple[str, ...] = ()


def read(data: bytes, *, today: date, region: str = "NO", known: Collection[str] = ()) -> Import:
    """Read a CSV file of people; raises BadInput when the file as a whole cannot be read.

    `today` is written where an age is confirmed without a date; `region` is the country of numbers without a code; `known` are names
    already in the register, for whom somebody may stand by.
    """
    sheet = open_sheet(data)
    readers = [_Reader(sheet, record, today, region) for record in sheet.records]
    rows = tuple(row for reader in readers if (row := reader.person()) is not None)
    errors = [error for reader in readers for error in reader.errors]
    wrong = [reader.record.cells.get(Column.NAME, "") for reader in readers if reader.errors]
    errors += [*_repeats(rows), *_deputies(rows, sheet, [*known, *wrong])]
    notes = [note for reader in readers for note in reader.notes]
    names = {record.number: cells.in_short(record.cells.get(Column.NAME, "")) for record in sheet.records}
    return Import(
        rows=rows,
        errors=named(errors, names),
        notes=named([*notes, *_shared(rows)], names),
        encoding=sheet.encoding,
        separator=sheet.separator,
        ignored=sheet.ignored,
    )


# --- one row --------------------------------------------------------------------------------------------------------------


class _Reader:
    """Reads one record, collecting everything that is wrong with it instead of the first thing alone."""

    def __init__(self, sheet: Sheet, record: Record, today: date, region: str) -> None:
        self.headings, self.record, self.today, self.region = sheet.headings, record, today, region
        self.errors: list[Problem] = []
        self.notes: list[Problem] = []

    def person(self) -> Row | None:
        """Return the person, or None with `errors` filled."""
        if self.record.surplus:
            self._wrong(None, "more cells than headings: put cells that hold a separator in quotation marks")
        kind, working = self._terms()
        agreed_on = self._take(Column.AGREED_ON, cells.day)
        paused, paused_until = self._take(Column.PAUSE, self._pause) or (False, None)
        row = Row(
            number=self.record.number,
            name=self._needed(Column.NAME, cells.name) or "",
            languages=self._needed(Column.LANGUAGES, cells.languages) or (),
            groups=self._take(Column.GROUPS, cells.names) or (),
            ways=self._ways(),
            agreed_on=agreed_on,
            agreed_until=self._until(agreed_on),
            adult_confirmed_on=self._take(Column.ADULT, self._adult),
            kind=kind,
            working=working,
            quiet=self._take(Column.QUIET, cells.hours),
            deputy_of=self._take(Column.DEPUTY_OF, cells.text) or "",
            paused=paused,
            paused_until=paused_until,
        )
        self._remark(row)
        return None if self.errors else row

    def _cell(self, column: Column) -> str:
        return self.record.cells.get(column, "")

    def _wrong(self, column: Column | None, words: str) -> None:
        heading = "" if column is None else self.headings.get(column, column.value)
        self.errors.append(Problem(self.record.number, heading, words))

    def _note(self, column: Column, words: str) -> None:
        self.notes.append(Problem(self.record.number, self.headings.get(column, ""), words))

    def _take(self, column: Column, reader: Callable[[str], T]) -> T | None:
        """Read one cell; None when it is empty or wrong."""
        cell = self._cell(column)
        try:
            return reader(cell) if cell else None
        except Wrong as why:
            self._wrong(column, str(why))
            return None

    def _needed(self, column: Column, reader: Callable[[str], T]) -> T | None:
        if not self._cell(column):
            self._wrong(column, "is empty: fill it in")
        return self._take(column, reader)

    def _ways(self) -> tuple[tuple[Medium, str], ...]:
        before = len(self.errors)
        found: dict[Medium, str] = {}
        for column, medium in CHANNELS.items():
            if value := self._take(column, self._address(column, found)):
                found[medium] = value
        order = self._take(Column.ORDER, cells.media) or ()
        if len(self.errors) == before:
            self._compare(order, found)
        return tuple((medium, found[medium]) for medium in dict.fromkeys((*order, *found)) if medium in found)

    def _compare(self, order: tuple[Medium, ...], found: Mapping[Medium, str]) -> None:
        if not found:
            self._wrong(None, "no mobile, WhatsApp or e-mail: fill in at least one")
        elif absent := next((medium for medium in order if medium not in found), None):
            self._wrong(Column.ORDER, f"{shown(absent)} has no address in this row: fill it in, or leave it out here")

    def _address(self, column: Column, found: Mapping[Medium, str]) -> Callable[[str], str]:
        if column is Column.EMAIL:
            return cells.mailbox
        if column is Column.SMS:
            return lambda cell: cells.mobile(cell, self.region)
        return lambda cell: self._whatsapp(cell, found.get(Medium.SMS, ""))

    def _whatsapp(self, cell: str, same: str) -> str:
        """«ja» stands for the mobile's number; if that one is wrong, this is not wrong once more."""
        if cell.lower() not in YES:
            return cells.number(cell, self.region)
        if not same and not self._cell(Column.SMS):
            raise Wrong("there is no mobile number that this could mean: write the number")
        return same

    def _until(self, agreed_on: date | None) -> date | None:
        until = self._take(Column.AGREED_UNTIL, cells.day)
        if until and agreed_on and until < agreed_on:
            self._wrong(Column.AGREED_UNTIL, "ends before it begins: look at both dates")
        return until

    def _adult(self, cell: str) -> date | None:
        if not cell[:1].isdigit() or cell in YES:
            return self.today if cells.yes(cell) else None
        confirmed = cells.day(cell)
        if confirmed > self.today:
            raise Wrong(f"{shown(cell)} has not come yet: write the day on which it was confirmed")
        return confirmed

    def _pause(self, cell: str) -> tuple[bool, date | None]:
        if cell[:1].isdigit() and len(cell) > 1:
            until = cells.day(cell)
            return until > self.today, until
        return cells.yes(cell), None

    def _terms(self) -> tuple[Kind, Hours | None]:
        working = self._take(Column.WORKING, cells.hours)
        word = self._cell(Column.KIND).lower()
        if word and word not in VOLUNTEER | EMPLOYEE:
            self._wrong(Column.KIND, f"{shown(word)} is neither: write frivillig or ansatt")
        if working and word in VOLUNTEER:
            self._wrong(Column.WORKING, "a volunteer has no working hours: empty this cell, or write ansatt")
        return (Kind.EMPLOYEE if word in EMPLOYEE or working else Kind.VOLUNTEER), working

    def _remark(self, row: Row) -> None:
        if said := cells.plain_norwegian(self._cell(Column.LANGUAGES)):
            self._note(Column.LANGUAGES, f"{shown(said)} is taken as bokmål; if it is not, write nynorsk")
        if row.agreed_on is None:
            self._note(Column.AGREED_ON, "without a dated agreement nothing will be sent to this person")
        elif row.agreed_on > self.today:
            self._note(
                Column.AGREED_ON, f"the agreement begins on {row.agreed_on:%d.%m.%Y}: nothing will be sent to this person before then"
            )
        if row.agreed_until is not None and row.agreed_until < self.today:
            self._note(Column.AGREED_UNTIL, f"the agreement ended on {row.agreed_until:%d.%m.%Y}: nothing will be sent to this person")
        if row.adult_confirmed_on is None:
            self._note(Column.ADULT, "until the age is confirmed nothing will be sent to this person")
        if row.kind is Kind.EMPLOYEE and row.working is None:
            self._note(Column.WORKING, "an employee without working hours is written to like a volunteer")
        if row.name.startswith(FORMULA):
            self._note(Column.NAME, f"{shown(row.name)} looks like a formula; it is kept as text")


# --- the rows against each other ------------------------------------------------------------------------------------------


def _folded(name: str) -> str:
    return " ".join(name.casefold().split())


def _repeats(rows: Iterable[Row]) -> Iterable[Problem]:
    """Somebody stands in the file twice when name and one address are the same."""
    seen: dict[tuple[str, tuple[Medium, str]], int] = {}
    for row in rows:
        before = [seen[key] for way in row.ways if (key := (_folded(row.name), way)) in seen]
        seen.update({(_folded(row.name), way): row.number for way in row.ways})
        if before:
            yield Problem(row.number, "", f"the same person as in row {before[0]}: leave one of them out")


def _shared(rows: Iterable[Row]) -> Iterable[Problem]:
    """Name each address that two people have: it is allowed, and often a slip."""
    seen: dict[tuple[Medium, str], Row] = {}
    for row in rows:
        for medium, value in row.ways:
            first = seen.setdefault((medium, value), row)
            if _folded(first.name) != _folded(row.name):
                yield Problem(row.number, "", f"the same {medium} address as in row {first.number}; kept, if the two share it")


def _deputies(rows: Iterable[Row], sheet: Sheet, known: Collection[str]) -> Iterable[Problem]:
    named: defaultdict[str, list[Row]] = defaultdict(list)
    for row in rows:
        named[_folded(row.name)].append(row)
    heading = sheet.headings.get(Column.DEPUTY_OF, Column.DEPUTY_OF.value)
    register = {_folded(name) for name in known}
    for row in rows:
        if row.deputy_of and (words := _no_deputy(row, named.get(_folded(row.deputy_of), []), register)):
            yield Problem(row.number, heading, words)


def _no_deputy(row: Row, found: list[Row], register: Collection[str]) -> str:
    if _folded(row.deputy_of) == _folded(row.name):
        return "nobody can stand by for themselves: write another name"
    if len(found) > 1:
        return f"{shown(row.deputy_of)} is the name of {len(found)} people in this file: make the names differ"
    if not found and _folded(row.deputy_of) not in register:
        return f"{shown(row.deputy_of)} is neither in this file nor in the register: write the name as it stands there"
    if found and found[0].deputy_of:
        return f"{shown(row.deputy_of)} stands by for somebody else: name a person who is asked first"
    return ""
