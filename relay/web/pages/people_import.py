"""Import: a file or a pasted list is tried first, row by row; nothing is written before somebody has seen what it would do."""

from dataclasses import dataclass

from aiohttp import web
from aiohttp.web_request import FileField

from messages.zones import zone_of
from relay import people_csv
from relay.model import BadInput
from relay.store import imports, people as places
from relay.store.register import Stamp
from relay.web.keys import RELAY
from relay.web.page import language_of, render
from relay.web.pages.alert_of import form_of
from relay.web.pages.problems import in_words
from relay.web.who import who

#: a list of all resource persons of a large municipality is some hundred kilobytes
LARGEST = 900 * 1024
#: problems that are shown
SHOWN = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Remark:
    """What is to be said about a row."""

    row: int
    #: who stands in it
    name: str
    column: str
    words: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportPage:
    """What a trial, or an import, says."""

    text: str = ""
    #: what is wrong with the file as a whole
    refused: str = ""
    result: imports.ImportResult | None = None
    errors: tuple[Remark, ...] = ()
    notes: tuple[Remark, ...] = ()
    ignored: tuple[str, ...] = ()
    #: it was written
    done: bool = False
    #: it was not, since nobody has said that its new groups are meant
    unconfirmed: bool = False


async def ask(request: web.Request) -> web.StreamResponse:
    """Show where a list is chosen or pasted, and what it must hold."""
    return await render(request, "people/import.html", ImportPage())


async def bring(request: web.Request) -> web.StreamResponse:
    """Try a list, or write what has been tried."""
    form, data = await form_of(request), await _data(request)
    language = language_of(request)
    try:
        write, may_make = form.get("do") == "write", form.get("new_groups") == "yes"
        page = await _bring(request, data, language, write=write, may_make=may_make)
    except BadInput as refused:
        page = ImportPage(text=data.decode("utf-8", "replace"), refused=in_words(language, str(refused)))
    return await render(request, "people/import.html", page, status=422 if page.refused or page.errors or page.unconfirmed else 200)


async def _data(request: web.Request) -> bytes:
    """A chosen file goes before a pasted text."""
    posted = await request.post()
    sent = posted.get("file")
    chosen = sent.file.read(LARGEST + 1) if isinstance(sent, FileField) else b""
    return chosen or str(posted.get("text", "")).encode("utf-8", "replace")


async def _bring(request: web.Request, data: bytes, language: str, *, write: bool, may_make: bool) -> ImportPage:
    me, relay = who(request), request.app[RELAY]
    if not data.strip():
        raise BadInput("Choose a file, or paste a list with its headings.")
    stamp = Stamp(by=me.name, at=relay.clock.now())
    async with relay.store.write() as conn:
        zone = zone_of((await places.place(conn, me.municipality_id)).timezone)
        known = await imports.known_names(conn, me.municipality_id)
        read = people_csv.read(data, today=stamp.at.astimezone(zone).date(), known=known)
        trial = not write or bool(read.errors)
        result = await imports.import_people(conn, me.municipality_id, read.rows, stamp, dry_run=trial, new_groups=may_make)
    # who stands by for whom is certain only when every row can be read
    certain = [one for one in result.errors if not read.errors or one.column != people_csv.Column.DEPUTY_OF]
    errors = sorted([*read.errors, *certain], key=lambda problem: problem.row)
    notes = sorted([*read.notes, *result.notes], key=lambda problem: problem.row)
    # a mistyped group would be one of its own, that nobody writes to: somebody has to have seen its name
    unconfirmed = not trial and not result.errors and bool(result.new_groups) and not may_make
    return ImportPage(
        text=_text(data, read.encoding),
        result=result,
        errors=_remarks(errors, language),
        notes=_remarks(notes, language),
        ignored=read.ignored,
        done=not trial and not result.errors and not unconfirmed,
        unconfirmed=unconfirmed,
    )


def _text(data: bytes, encoding: str) -> str:
    return data.decode(encoding or "utf-8", "replace").removeprefix("\ufeff")


def _remarks(problems: list[people_csv.Problem], language: str) -> tuple[Remark, ...]:
    return tuple(Remark(row=one.row, name=one.name, column=one.column, words=in_words(language, one.words)) for one in problems[:SHOWN])
