"""From bytes to records: which encoding, which separator, which columns. Whatever makes the file as a whole unreadable is BadInput."""

import csv
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from io import StringIO

from relay.model import BadInput
from relay.people_csv.columns import BY_HEADING, CHANNELS, Column

MOST_BYTES = 10 * 2**20
MOST_ROWS = 20_000
SEPARATORS = ";,\t"
_WORKBOOKS = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0")
_SAVE_AS = "Save it as «CSV UTF-8» in the spreadsheet program."


@dataclass(frozen=True, slots=True)
class Record:
    """One row of the sheet, numbered as a spreadsheet does (the headings are row 1)."""

    number: int
    cells: Mapping[Column, str]
    #: cells beyond the last heading
    surplus: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Sheet:
    """What the file holds, and how it was read."""

    encoding: str
    separator: str
    #: the file's own words for the columns it has
    headings: Mapping[Column, str]
    #: headings that mean nothing to us
    ignored: tuple[str, ...]
    records: tuple[Record, ...]


def open_sheet(data: bytes) -> Sheet:
    """Read a CSV file; raises BadInput with what to do when it is none, is too large or lacks the columns we need."""
    encoding, text = _decode(data)
    separator, text = _separator(text)
    rows = _rows(text, separator)
    first = next(rows, [])
    columns = [BY_HEADING.get(_plain(heading)) for heading in first]
    headings = _headings(first, columns)
    ignored = tuple(heading.strip() for heading, column in zip(first, columns, strict=True) if column is None and heading.strip())
    records = tuple(_record(number, columns, row) for number, row in enumerate(rows, 2) if any(map(str.strip, row)))
    if len(records) > MOST_ROWS:
        raise BadInput(f"The file has {len(records):,} people, at most {MOST_ROWS:,} can be imported at once. Divide it.")
    return Sheet(encoding, separator, headings, ignored, records)


def _decode(data: bytes) -> tuple[str, str]:
    if len(data) > MOST_BYTES:
        raise BadInput(f"The file has {len(data):,} bytes, at most {MOST_BYTES:,} can be imported. Divide it.")
    if data.startswith(_WORKBOOKS):
        raise BadInput(f"This is a workbook, not a CSV file. {_SAVE_AS}")
    utf_16 = data.startswith((b"\xff\xfe", b"\xfe\xff"))
    for encoding in ("utf-16",) if utf_16 else ("utf-8-sig", "cp1252"):
        try:
            text = data.decode(encoding)
        except UnicodeDecodeError:
            continue
        if "\0" not in text:
            return encoding, text
    raise BadInput(f"This is not a text file that can be read. {_SAVE_AS}")


def _separator(text: str) -> tuple[str, str]:
    """Take the separator that makes out most headings; a first line `sep=;`, as spreadsheets write it, is left out."""
    first, _, rest = text.partition("\n")
    if first.strip().lower().startswith("sep=") and first.strip()[4:] in tuple(SEPARATORS):
        return first.strip()[4:], rest
    known = {separator: sum(_plain(cell) in BY_HEADING for cell in first.split(separator)) for separator in SEPARATORS}
    return max(SEPARATORS, key=lambda separator: known[separator]), text


def _rows(text: str, separator: str) -> Iterator[list[str]]:
    reader = csv.reader(StringIO(text, newline=""), delimiter=separator, strict=True)
    try:
        yield from reader
    except csv.Error as why:
        raise BadInput(
            f"The file cannot be read from line {reader.line_num} on: {why}. Look for a quotation mark that is not closed."
        ) from why


def _headings(first: Sequence[str], columns: Sequence[Column | None]) -> dict[Column, str]:
    found: dict[Column, str] = {}
    for heading, column in zip(first, columns, strict=True):
        if column in found:
            raise BadInput(f"The columns «{found[column]}» and «{heading.strip()}» mean the same. Leave one out.")
        if column is not None:
            found[column] = heading.strip()
    missing = [column for column in (Column.NAME, Column.LANGUAGES) if column not in found]
    if missing or not any(column in found for column in CHANNELS):
        wanted = [*(missing or ()), *(() if any(column in found for column in CHANNELS) else CHANNELS)]
        raise BadInput(f"The first line must hold the headings. These are missing: {', '.join(wanted)}.")
    return found


def _record(number: int, columns: Sequence[Column | None], row: Sequence[str]) -> Record:
    named = {column: cell.strip() for column, cell in zip(columns, row, strict=False) if column is not None}
    return Record(number, named, tuple(cell for cell in row[len(columns) :] if cell.strip()))


def _plain(heading: str) -> str:
    return " ".join(heading.strip().strip('"').lower().split())
