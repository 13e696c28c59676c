"""Commands that forget: what has been kept long enough, and one person; and the one that writes out all that is known of somebody."""

import json as texts
import os
from pathlib import Path
from typing import Annotated, Any

import typer

from relay.app import House
from relay.cli.output import By, Json, Municipality, house, run, say, show_json
from relay.forget import Report
from relay.model import BadInput, NotAllowed
from relay.store import erase as erasing, own_page, tasks
from relay.store.register import Stamp

person = typer.Typer(no_args_is_help=True)

Id = Annotated[int, typer.Argument(metavar="ID", help="The person's number in the register: /people/ID on the pages.")]


def add_to(program: typer.Typer) -> None:
    """Add the commands to the program."""
    program.command("purge")(purge)
    program.add_typer(person, name="person", help="One person: write out all that is known, or erase it.")


def purge(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be forgotten.")] = False, json: Json = False
) -> None:
    """Forget what has been kept long enough (BUDSTIKKE_KEEP_…_DAYS), here and at the provider. Whoever keeps time does it every day."""
    import asyncio

    async def inside() -> Report:
        async with house() as opened:
            return await (opened.forgetter.would_forget() if dry_run else opened.forgetter.forget())

    report = asyncio.run(inside())
    if json:
        show_json({"dry_run": report.dry, **report.found})
        return
    for name, number in report.found.items():
        say(f"{number:>10} {name}")
    say("Nothing was changed." if report.dry else "Forgotten.", "bold")


@person.command("export")
def export(
    person_id: Id,
    file: Annotated[Path | None, typer.Option(help="Where to, for your eyes only; not given: printed.")] = None,
    by: By = "",
    municipality: Municipality = "",
) -> None:
    """Write out everything that is stored about a person, as JSON. That it was done is written down."""

    async def inside(opened: House, municipality_id: int) -> dict[str, Any]:
        now = opened.relay.clock.now()
        async with opened.store.write() as conn:
            found = await own_page.everything(conn, municipality_id, person_id, left=True)
            await tasks.acted(conn, by or "cli", "person.export", now, municipality_id=municipality_id, subject=f"person:{person_id}")
            return found

    text = texts.dumps(run(inside, municipality), ensure_ascii=False, indent=1)
    if file is None:
        print(text)
        return
    try:
        with os.fdopen(os.open(file, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "w", encoding="utf-8") as out:
            out.write(text)
    except FileExistsError:
        raise NotAllowed(f"{file} is there already; nothing is overwritten.") from None
    except OSError as error:
        raise BadInput(f"{file} cannot be written: {error.strerror}.") from error
    say(f"Written to {file}.")


@person.command("erase")
def erase(
    person_id: Id,
    by: By,
    yes: Annotated[bool, typer.Option("--yes", help="I know that it cannot be undone.")] = False,
    municipality: Municipality = "",
) -> None:
    """Erase a person for good: name, addresses, and all that they wrote. What was sent and what came of it stays counted."""
    if not yes:
        raise BadInput("Erasing cannot be undone. Write out what is to be kept (person export), and then say --yes.")

    async def inside(opened: House, municipality_id: int) -> None:
        async with opened.store.write() as conn:
            await erasing.erase(conn, municipality_id, person_id, Stamp(by=by, at=opened.relay.clock.now()))

    run(inside, municipality)
    say(f"Person {person_id} is erased. Backups that were made before hold them until they are thrown away.")
