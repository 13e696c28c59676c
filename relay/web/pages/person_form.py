"""A person as a form. What is written is read by the same readers as a file's cells, so that both say the same about the same slip."""

import csv
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time
from io import StringIO
from zoneinfo import ZoneInfo

from messages.form import Medium
from relay import people_csv
from relay.model import Hours
from relay.people_csv import Column
from relay.store import keep, roster
from relay.web.pages.alert_of import Form

#: field of the form -> column of a file
FIELDS: Mapping[str, Column] = {
    "name": Column.NAME,
    "languages": Column.LANGUAGES,
    "sms": Column.SMS,
    "whatsapp": Column.WHATSAPP,
    "email": Column.EMAIL,
    "order": Column.ORDER,
    "agreed_on": Column.AGREED_ON,
    "agreed_until": Column.AGREED_UNTIL,
    "adult": Column.ADULT,
    "kind": Column.KIND,
    "working": Column.WORKING,
    "quiet": Column.QUIET,
    "pause": Column.PAUSE,
}
#: how the form calls its fields, above which its slips are summed up
LABELS: Mapping[str, str] = {
    "name": "Name",
    "languages": "Languages they read",
    "groups": "Groups they answer for",
    "sms": "Mobile, for SMS",
    "whatsapp": "WhatsApp",
    "email": "E-mail",
    "order": "In which order",
    "agreed_on": "Agreement of",
    "agreed_until": "Agreement until",
    "adult": "18 or older, confirmed on",
    "kind": "Position",
    "working": "Working hours",
    "quiet": "Quiet hours of their own",
    "pause": "On pause",
}
#: what a list says in half a sentence behind the name of its column, and a form in a whole one
_SAID_HERE: Mapping[str, str] = {"is empty: fill it in": "Fill this in."}
_FIELD_OF = {column.value: name for name, column in FIELDS.items()}
_WORDS = {Medium.SMS: "mobil", Medium.WHATSAPP: "whatsapp", Medium.EMAIL: "e-post"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Filled:
    """A form that was read; None where something is wrong."""

    person: keep.Changed | None
    #: field -> sentence
    errors: Mapping[str, str] = field(default_factory=dict)


def values_of(person: roster.Person, zone: ZoneInfo) -> dict[str, str]:
    """Return the fields of somebody in the register."""
    ways = {way.medium: way.value for way in reversed(person.ways)}
    until = person.paused_until.astimezone(zone).date() if person.paused_until else None
    return {
        "name": person.name,
        "languages": ", ".join(person.languages),
        "groups": ",".join(str(group) for group, _, _ in person.groups),
        "sms": ways.get(Medium.SMS, ""),
        "whatsapp": ways.get(Medium.WHATSAPP, ""),
        "email": ways.get(Medium.EMAIL, ""),
        "order": ", ".join(dict.fromkeys(_WORDS[way.medium] for way in person.ways)),
        "agreed_on": _day(person.agreed_on),
        "agreed_until": _day(person.agreed_until),
        "adult": _day(person.adult_confirmed_on),
        "kind": "ansatt" if person.kind == "employee" else "frivillig",
        "working": _hours(person.working),
        "quiet": _hours(person.quiet),
        "pause": _day(until) or ("ja" if person.paused else ""),
        "deputy_of": str(person.deputy_of_id or ""),
    }


def _day(day: date | None) -> str:
    return day.isoformat() if day else ""


def _hours(stretch: Hours | None) -> str:
    return f"{stretch.start:%H:%M}-{stretch.end:%H:%M}" if stretch else ""


def read(form: Form, today: date, zone: ZoneInfo) -> Filled:
    """Read a form; every slip is named at once."""
    found = people_csv.read(_as_file(form), today=today)
    # what is wrong with the row as a whole is that there is no way to them
    errors = {_FIELD_OF.get(problem.column, "sms"): _SAID_HERE.get(problem.words, problem.words) for problem in found.errors}
    groups = tuple(int(one) for one in form.get("groups", "").split(",") if one.isdigit())
    if not groups:
        errors["groups"] = keep.NO_GROUP
    if errors or not found.rows:
        return Filled(person=None, errors=errors or {"name": "Fill this in."})
    row = found.rows[0]
    deputy = form.get("deputy_of", "")
    until = datetime.combine(row.paused_until, time(), zone).astimezone(UTC) if row.paused_until else None
    person = keep.Changed(
        name=row.name,
        languages=row.languages,
        groups=groups,
        ways=row.ways,
        kind=row.kind.value,
        agreed_on=row.agreed_on,
        agreed_until=row.agreed_until,
        adult_confirmed_on=row.adult_confirmed_on,
        paused=row.paused,
        paused_until=until,
        quiet=row.quiet,
        working=row.working,
        deputy_of_id=int(deputy) if deputy.isdigit() else None,
    )
    return Filled(person=person)


def _as_file(form: Form) -> bytes:
    """Write a form as a file of one row; an unwritten name is a slip, and not a row that is left out."""
    sheet = StringIO()
    writer = csv.writer(sheet, delimiter=";", lineterminator="\n")
    writer.writerow([column.value for column in FIELDS.values()])
    writer.writerow([" ".join(form.get(name, "").split()) for name in FIELDS])
    return sheet.getvalue().encode("utf-8", "replace")
