"""People: the register to look at, search and print; one person to add, change, or take out."""

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from io import StringIO
from zoneinfo import ZoneInfo

from aiohttp import web

from messages.languages import name as language_name
from messages.zones import zone_of
from relay.authority import ADMINISTRATORS, WRITERS
from relay.model import BadInput
from relay.store import groups as language_groups, keep, own_page, people as places, roster
from relay.store.register import Stamp
from relay.web import words
from relay.web.keys import RELAY
from relay.web.page import language_of, render
from relay.web.pages import person_form
from relay.web.pages.alert_of import Form, form_of
from relay.web.pages.problems import in_words
from relay.web.pages.review import MEDIA
from relay.web.who import who

#: what keeps messages from somebody, as the filters and the list call it
LACKS: Mapping[str, str] = {
    "agreement": "no dated role agreement",
    "later": "the role agreement begins later",
    "ended": "the role agreement has ended",
    "age": "age of 18 is not confirmed",
    "paused": "on pause",
    "way": "no way that works or may be used",
}
#: what a spreadsheet would take for a formula
FORMULA = ("=", "+", "-", "@", "\t", "\r")


@dataclass(frozen=True, slots=True, kw_only=True)
class PeoplePage:
    """What the list shows."""

    people: Sequence[roster.Person]
    #: how many there are before the filters
    everybody: int
    groups: list[language_groups.Group]
    lacks: Mapping[int, tuple[str, ...]]
    #: who has a number or mailbox that others have too: those others
    sharing: Mapping[int, tuple[roster.Person, ...]]
    search: str
    group: str
    lack: str
    medium: str
    may_write: bool
    address: str
    words = LACKS
    media = MEDIA


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonPage:
    """What the form of a person shows."""

    person: roster.Person | None
    values: Mapping[str, str]
    groups: list[language_groups.Group]
    #: (id, name) of whom somebody may stand by for
    others: tuple[tuple[int, str], ...]
    lacks: tuple[str, ...] = ()
    #: others who have the same number or mailbox
    sharing: tuple[roster.Person, ...] = ()
    errors: Mapping[str, str] = field(default_factory=dict)
    may_erase: bool = False
    words = LACKS
    labels = person_form.LABELS
    media = MEDIA
    themselves = own_page.BY

    def value(self, name: str) -> str:
        """Return what stands in a field."""
        return self.values.get(name, "")

    def error(self, name: str) -> str:
        """Return what is wrong with a field; "" = nothing."""
        return self.errors.get(name, "")

    @property
    def chosen(self) -> tuple[str, ...]:
        """Ids of the groups that are ticked."""
        return tuple(self.value("groups").split(","))


# --- the list ---------------------------------------------------------------------------------------------------------------


async def show(request: web.Request) -> web.StreamResponse:
    """Show the register, filtered as the address says; ?as=csv gives a file."""
    me, relay = who(request), request.app[RELAY]
    now = relay.clock.now()
    async with relay.store.read() as conn:
        everybody = await roster.everybody(conn, me.municipality_id)
        groups = await language_groups.listed(conn, me.municipality_id)
    lacks = {person.person_id: person.lacks(now) for person in everybody}
    asked = {name: request.query.get(name, "").strip() for name in ("q", "group", "lack", "medium")}
    found = [person for person in everybody if _fits(person, asked, lacks[person.person_id])]
    if request.query.get("as") == "csv":
        return _file(found, language_of(request))
    page = PeoplePage(
        people=found,
        everybody=len(everybody),
        groups=groups,
        lacks=lacks,
        sharing=roster.sharing(everybody),
        search=asked["q"],
        group=asked["group"],
        lack=asked["lack"],
        medium=asked["medium"],
        may_write=me.may(WRITERS),
        address=request.query_string,
    )
    return await render(request, "people/people.html", page)


def _fits(person: roster.Person, asked: Mapping[str, str], lacks: tuple[str, ...]) -> bool:
    """Whether every word that is sought is in something of a person, and each filter fits."""
    said = " ".join((person.name, *person.languages, *(name for _, name, _ in person.groups), *(way.value for way in person.ways)))
    searched = said.casefold() + " " + "".join(said.split()).casefold()
    return (
        all(word in searched for word in asked["q"].casefold().split())
        and (not asked["group"] or asked["group"] in {str(group) for group, _, _ in person.groups})
        and (not asked["lack"] or asked["lack"] in lacks or (asked["lack"] == "any" and bool(lacks)))
        and (not asked["medium"] or asked["medium"] in {str(way.medium) for way in person.usable})
    )


def _file(found: Sequence[roster.Person], language: str) -> web.Response:
    """Return the people as a CSV that the import reads, and that no spreadsheet takes for formulas."""
    sheet = StringIO()
    writer = csv.writer(sheet, delimiter=";", lineterminator="\r\n")
    writer.writerow([*(column.value for column in person_form.FIELDS.values()), "gruppe"])
    for person in found:
        values = person_form.values_of(person, ZoneInfo("UTC"))
        cells = [*(values[name] for name in person_form.FIELDS), " | ".join(name for _, name, _ in person.groups)]
        writer.writerow([harmless(cell) for cell in cells])
    body = ("\ufeff" + sheet.getvalue()).encode()
    headers = {"Content-Disposition": f'attachment; filename="{say_file(language)}.csv"', "Cache-Control": "no-store"}
    return web.Response(body=body, content_type="text/csv", charset="utf-8", headers=headers)


def say_file(language: str) -> str:
    """Return the name of the file."""
    return {"nb": "ressurspersoner", "nn": "ressurspersonar"}.get(language, "resource-people")


def harmless(cell: str) -> str:
    """Return a cell as text: what would be a formula begins with an apostrophe; a telephone number does not need it."""
    number = cell[:1] == "+" and cell[1:].replace(" ", "").isdigit()
    return f"'{cell}" if cell.startswith(FORMULA) and not number else cell


# --- one person -------------------------------------------------------------------------------------------------------------


async def add(request: web.Request) -> web.StreamResponse:
    """Show an empty form."""
    group = request.query.get("group", "")
    return await _form(request, None, {"groups": group, "kind": "frivillig"}, {})


async def edit(request: web.Request) -> web.StreamResponse:
    """Show somebody, to be changed."""
    me, relay = who(request), request.app[RELAY]
    async with relay.store.read() as conn:
        person = await roster.find(conn, me.municipality_id, int(request.match_info["person"]))
        place = await places.place(conn, me.municipality_id)
    return await _form(request, person, person_form.values_of(person, zone_of(place.timezone)), {})


async def save(request: web.Request) -> web.StreamResponse:
    """Add somebody, or write them anew."""
    me, relay = who(request), request.app[RELAY]
    form = {**await form_of(request), "groups": ",".join(str(one) for one in (await request.post()).getall("groups", []))}
    stamp = Stamp(by=me.name, at=relay.clock.now())
    there = request.match_info.get("person")
    person: roster.Person | None = None
    try:
        async with relay.store.write() as conn:
            zone = zone_of((await places.place(conn, me.municipality_id)).timezone)
            person = await roster.find(conn, me.municipality_id, int(there)) if there else None
            filled = person_form.read(form, stamp.at.astimezone(zone).date(), zone)
            if filled.person and person:
                await keep.change(conn, me.municipality_id, person.person_id, filled.person, stamp)
            elif filled.person:
                await keep.add(conn, me.municipality_id, filled.person, stamp)
    except BadInput as refused:
        return await _form(request, person, form, {"deputy_of": words.refused(language_of(request), refused)})
    if filled.person is None:
        return await _form(request, person, form, filled.errors)
    raise web.HTTPSeeOther(f"/people?q={form['name'].split()[0]}" if form.get("name") else "/people")


async def leave(request: web.Request) -> web.StreamResponse:
    """Take somebody out of the register."""
    me, relay = who(request), request.app[RELAY]
    async with relay.store.write() as conn:
        await keep.leave(conn, me.municipality_id, int(request.match_info["person"]), Stamp(by=me.name, at=relay.clock.now()))
    raise web.HTTPSeeOther("/people")


async def _form(request: web.Request, person: roster.Person | None, values: Form, errors: Mapping[str, str]) -> web.Response:
    me, relay = who(request), request.app[RELAY]
    language = language_of(request)
    async with relay.store.read() as conn:
        groups = await language_groups.listed(conn, me.municipality_id)
        everybody = await roster.everybody(conn, me.municipality_id)
    asked_first = [other for other in everybody if other.deputy_of_id is None and (person is None or other.person_id != person.person_id)]
    page = PersonPage(
        person=person,
        values=values,
        groups=sorted(groups, key=lambda group: (language_name(group.row.language, language), group.row.name)),
        others=tuple((other.person_id, other.name) for other in asked_first),
        lacks=person.lacks(relay.clock.now()) if person else (),
        sharing=roster.sharing(everybody).get(person.person_id, ()) if person else (),
        errors={name: in_words(language, sentence) for name, sentence in errors.items()},
        may_erase=me.may(ADMINISTRATORS),
    )
    return await render(request, "people/person.html", page, status=422 if errors else 200)
