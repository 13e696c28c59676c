"""Commands for the register: municipalities, senders, groups, people."""

import re
from pathlib import Path
from typing import Annotated

import typer
from sqlalchemy import select

from channels.base import Pace
from messages.form import Medium
from relay import places
from relay.app import WHATSAPP_SUFFIX, House
from relay.cli.output import By, Json, Municipality, complain, house, run, say, show_json
from relay.model import BadInput
from relay.people_csv.cells import shown
from relay.store import imports, register as rows, remembered
from relay.store.normal import checked_address
from relay.store.tables import LanguageGroup

municipality = typer.Typer(no_args_is_help=True)
people = typer.Typer(no_args_is_help=True)
sender = typer.Typer(no_args_is_help=True)
group = typer.Typer(no_args_is_help=True)

#: medium -> registry name and account of a sender that is entered before its provider is set up
STILL = {
    Medium.SMS: ("twilio_sms", "{twilio}"),
    Medium.WHATSAPP: ("twilio_whatsapp", "{twilio}" + WHATSAPP_SUFFIX),
    Medium.EMAIL: ("email", "email"),
}
#: a short number will do too: it is read by people
_NUMBER = re.compile(r"\+?\d[\d ]{1,18}\d")


@municipality.command("add")
def add_municipality(
    name: Annotated[str, typer.Argument(help="Name or kommunenummer.")],
    contact: Annotated[str, typer.Option(help="The fixed contact point: NAME,NUMBER[,HOURS].")],
    by: By,
    duty_phone: Annotated[str, typer.Option(help="Gets an SMS when somebody writes of danger.")] = "",
) -> None:
    """Add a municipality with its contact point."""
    import asyncio

    async def inside() -> None:
        async with house() as opened, opened.store.write() as conn:
            stamp = rows.Stamp(by=by, at=opened.relay.clock.now())
            place = places.find(name)
            made = await rows.add_municipality(conn, place, stamp)
            await rows.add_contact_point(conn, made, read_contact(contact), stamp)
            if duty_phone:
                await remembered.set_duty_phone(conn, made, checked_address(Medium.SMS, duty_phone))
            say(f"{place.name} ({place.number}) is added.")

    asyncio.run(inside())


def read_contact(text: str) -> rows.NewContact:
    """Read NAME,NUMBER[,HOURS]; BadInput for anything else."""
    parts = [part.strip() for part in text.split(",")]
    if len(parts) not in (2, 3) or not all(parts):
        raise BadInput("A contact point is NAME,NUMBER or NAME,NUMBER,HOURS, as in: Kari Nordmann,+4791234567,08-22")
    if not _NUMBER.fullmatch(parts[1]):
        raise BadInput(f"{shown(parts[1])} is no telephone number: write it like +47 912 34 567.")
    return rows.NewContact(name=parts[0], phone=parts[1], hours=rows.contact_hours(parts[2]) if len(parts) == 3 else "")


@sender.command("add")
def add_sender(
    medium: Annotated[Medium, typer.Argument(help="sms, whatsapp or email")],
    address: Annotated[str, typer.Argument(help="Number, name (one-way SMS) or mailbox.")],
    by: By,
    one_way: Annotated[bool, typer.Option("--one-way", help="Nobody can answer it: a name.")] = False,
    reply_to: Annotated[str, typer.Option(help="Number to answer when this sender cannot be answered.")] = "",
    pace: Annotated[float, typer.Option(help="SMS segments, else messages, a second.")] = 1.0,
    price: Annotated[float, typer.Option(help="Of a segment or message, in NOK.")] = 0.0,
    provider: Annotated[str, typer.Option(help="By which channel, if several could: twilio_sms, http_sms.")] = "",
    municipality: Municipality = "",
) -> None:
    """Add a sender of the municipality."""

    async def inside(opened: House, municipality_id: int) -> None:
        chosen, owner = _channel(opened, medium, provider)
        new = rows.NewSender(
            medium=medium,
            address=address,
            provider=chosen,
            account=owner,
            two_way=not one_way,
            reply_to=reply_to,
            pace=Pace(pace, max(1.0, pace)),
            price=price,
        )
        async with opened.store.write() as conn:
            await rows.add_sender(conn, municipality_id, new, rows.Stamp(by=by, at=opened.relay.clock.now()))
        say(f"{address} sends {medium} for this municipality.")

    run(inside, municipality)


def _channel(opened: House, medium: Medium, named: str) -> tuple[str, str]:
    """Return registry name and account of a new sender: as named, or the first that is set up, or the one still to be set up."""
    there = [key for key, channel in opened.relay.desk.channels.items() if channel.form.medium is medium]
    found = next((key for key in there if named in ("", key[0])), None)
    if found is not None:
        return found
    if named:
        names = ", ".join(name for name, _ in there) or "none"
        raise BadInput(f"No channel {named!r} is set up for {medium}. There is: {names}.")
    name, account = STILL[medium]
    return name, account.format(twilio=opened.settings.twilio_account)


@sender.command("start")
def start_sender(address: str, by: By, municipality: Municipality = "") -> None:
    """Let a stopped sender send again; its queue leaves."""

    async def inside(opened: House, municipality_id: int) -> None:
        stamp = rows.Stamp(by=by, at=opened.relay.clock.now())
        async with opened.store.write() as conn:
            await rows.start_sender(conn, municipality_id, address, stamp)
        say(f"{address} sends again.")

    run(inside, municipality)


@group.command("list")
def list_groups(json: Json = False, municipality: Municipality = "") -> None:
    """List language groups with their quorums and estimates."""

    async def inside(opened: House, municipality_id: int) -> None:
        async with opened.store.read() as conn:
            mine = select(LanguageGroup.__table__).where(LanguageGroup.municipality_id == municipality_id)
            found = (await conn.execute(mine.order_by(LanguageGroup.name))).all()
        if json:
            show_json([{"language": row.language, "name": row.name, "quorum": row.quorum, "estimate": row.estimate} for row in found])
            return
        for row in found:
            say(f"{row.language:8} {row.name:24} quorum {row.quorum}   about {row.estimate or '?'} people {row.estimate_source}")

    run(inside, municipality)


@people.command("import")
def import_people(
    file: Annotated[Path, typer.Argument(help="A CSV file; `;` or `,`, headings in Norwegian or English.")],
    by: By,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be done.")] = False,
    json: Json = False,
    municipality: Municipality = "",
) -> None:
    """Add and change resource persons from a file: all of them, or none if a row is wrong."""
    try:
        data = file.read_bytes()
    except OSError as error:
        raise BadInput(f"{file} cannot be read: {error.strerror}.") from error

    async def inside(opened: House, municipality_id: int) -> imports.ImportResult:
        now = opened.relay.clock.now()
        async with opened.store.write() as conn:
            return await imports.import_file(conn, municipality_id, data, rows.Stamp(by=by, at=now), dry_run=dry_run)

    result = run(inside, municipality)
    _show(result, dry_run=dry_run, as_json=json)
    if result.errors:
        raise typer.Exit(3)


def _show(result: imports.ImportResult, *, dry_run: bool, as_json: bool) -> None:
    if as_json:
        problems = [str(one) for one in result.errors]
        show_json({"added": result.added, "changed": result.changed, "same": result.same, "errors": problems, "dry_run": dry_run})
        return
    for one in result.errors:
        complain(str(one))
    for one in result.notes:
        say(str(one), "yellow")
    if result.errors:
        complain(f"Nothing was imported: {len(result.errors)} things to mend in the file.")
        return
    would = "would be " if dry_run else ""
    say(
        f"{result.added} {would}added, {result.changed} {would}changed, {result.same} the same."
        + (" Nothing was written." if dry_run else "")
    )
    if result.new_groups:
        say(f"New language groups: {', '.join(_new_group(name, result) for name in result.new_groups)}.")


def _new_group(name: str, result: imports.ImportResult) -> str:
    return f"{name} (is {result.meant[name]} meant?)" if name in result.meant else name
