"""Tables to take along, as CSV that a spreadsheet opens as it is: semicolons, a byte-order mark, and no cell that is a formula."""

import csv
from collections.abc import Iterable, Mapping, Sequence
from io import StringIO

from aiohttp import web

from messages.alert import Kind
from messages.frames import mark

#: what a spreadsheet would take for the beginning of a formula
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")
#: how a file's name begins by the kind of its alert: in ASCII, which every computer writes alike
_BEGINS: Mapping[Kind, str] = {Kind.ACTUAL: "", Kind.EXERCISE: "OVELSE-", Kind.TEST: "TEST-"}


def harmless(cell: object) -> str:
    """Return a cell as text that no spreadsheet runs; numbers stay numbers."""
    if isinstance(cell, int | float):
        return str(cell)
    text = "" if cell is None else str(cell)
    return f"'{text}" if text.startswith(_FORMULA) or text.lstrip().startswith(_FORMULA) else text


def table(heading: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Return the rows as CSV."""
    written = StringIO()
    sheet = csv.writer(written, delimiter=";", lineterminator="\r\n")
    sheet.writerow([harmless(cell) for cell in heading])
    sheet.writerows([harmless(cell) for cell in row] for row in rows)
    return "\ufeff" + written.getvalue()


def response(name: str, heading: Sequence[str], rows: Iterable[Sequence[object]]) -> web.Response:
    """Send the rows as a file called `name`.csv."""
    headers = {"Content-Disposition": f'attachment; filename="{name}.csv"', "Cache-Control": "no-store"}
    return web.Response(text=table(heading, rows), content_type="text/csv", charset="utf-8", headers=headers)


def of_alert(name: str, kind: Kind, language: str, heading: Sequence[str], rows: Iterable[Sequence[object]]) -> web.Response:
    """Send a table about an alert. What is not real says so in the name of the file and first in every row: rows are copied out."""
    first = [sign] if (sign := mark(kind, language)) else []
    return response(f"{_BEGINS[kind]}{name}", [*first, *heading], ([*first, *row] for row in rows))
