"""Commands for alerts: take, list, show, approve, release, correct; and reach."""

import asyncio
import sys
from collections import Counter
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlsplit

import typer
from rich.table import Table

from messages.alert import Act
from messages.form import Part
from messages.segments import count
from messages.zones import zone_of
from relay import authority, fetching, ingest, preview, reach as numbers
from relay.app import House
from relay.cli.output import By, Json, Municipality, complain, out, run, say, show_json
from relay.demo.board import channels, groups
from relay.model import AlertState, BadInput, NotAllowed, Reach
from relay.store import alerts, tasks, users
from relay.store.columns import AnyRow
from relay.store.tables import name_key
from relay.typed import as_typed

app = typer.Typer(no_args_is_help=True)

Number = Annotated[int, typer.Argument(metavar="ID", help="The alert's number, as people see it: 12 of no. 12.")]


def add_to(program: typer.Typer) -> None:
    """Add `reach` to the program."""
    program.command("reach")(reach)


@app.command()
def take(
    source: Annotated[str, typer.Argument(help="A file, an address, or - for standard input.")],
    by: By,
    replay: Annotated[bool, typer.Option("--replay", help="Move an old message's times to now (for trials).")] = False,
    json: Json = False,
    municipality: Municipality = "",
) -> None:
    """Take an official message (CAP) in as a draft. Nothing leaves."""
    document = _document(source)

    async def inside(opened: House, municipality_id: int) -> list[ingest.Taken]:
        return await opened.relay.take(municipality_id, document, by, replay=replay)

    taken = run(inside, municipality)
    if json:
        show_json([_taken(one) for one in taken])
        return
    for one in taken:
        say(f"Draft no. {one.number}" + (" (it had come before)" if one.again else ""), "bold")
        for note in one.notes:
            say(f"  {note}", "yellow")
        if one.never_real:
            complain(f"  It can never be released as real: {one.never_real}")


def _taken(one: ingest.Taken) -> dict[str, Any]:
    return {"id": one.number, "again": one.again, "never_real": one.never_real, "notes": list(one.notes)}


def _document(source: str) -> bytes:
    if source == "-":
        return sys.stdin.buffer.read()
    if urlsplit(source).scheme in ("http", "https"):
        return asyncio.run(_fetch(fetching.checked(source)))
    try:
        return Path(source).read_bytes()
    except OSError as error:
        raise BadInput(f"{source} cannot be read: {error.strerror}.") from error


async def _fetch(url: str) -> bytes:
    async with fetching.session() as http:
        found = await fetching.fetch(http, url)
    return found.body if found else b""


@app.command("list")
def list_alerts(json: Json = False, municipality: Municipality = "") -> None:
    """List alerts, newest first."""

    async def inside(opened: House, municipality_id: int) -> list[AnyRow]:
        async with opened.store.read() as conn:
            return await alerts.newest(conn, municipality_id)

    rows = run(inside, municipality)
    if json:
        show_json([_row(row) for row in rows])
        return
    for row in rows:
        say(
            f"no. {row.number:<5} {row.state.lower():10} {row.kind.lower():9} {row.event}"
            + (f"   NEVER REAL: {row.never_real}" if row.never_real else "")
        )


def _row(row: AnyRow) -> dict[str, Any]:
    names = ("number", "state", "kind", "act", "event", "severity", "author", "approver", "never_real", "expires_at", "released_at")
    return {name: getattr(row, name) for name in names}


# --- show ---------------------------------------------------------------------------------------------------------------


@app.command()
def show(number: Number, json: Json = False, municipality: Municipality = "") -> None:
    """Show who gets what, in which words, what it costs and how long it takes: what release would write now."""

    async def inside(opened: House, municipality_id: int) -> preview.Review:
        alert_id = await id_of(opened, municipality_id, number)
        return await opened.relay.review(municipality_id, alert_id)

    review = run(inside, municipality)
    if json:
        show_json(_review(review))
    else:
        _show(review)


def _review(review: preview.Review) -> dict[str, Any]:
    full = review.full
    return {
        "alert": _row(review.row) | {"notes": review.row.notes},
        "people": full.size,
        "planned": full.planned,
        "left_out": {str(reason): number for reason, number in full.left_out.items()},
        "waiting": full.waiting,
        "channels": [
            {
                "medium": str(load.medium),
                "people": load.people,
                "messages": load.messages,
                "units": load.units,
                "price": round(load.price, 2),
            }
            for load in review.loads
        ],
        "seconds": round(review.seconds, 1),
        "too_slow": review.too_slow,
        "languages": sorted(review.issue.variants),
    }


def _show(review: preview.Review) -> None:
    row = review.row
    say(f"No. {row.number}  {row.kind}  {row.state}  {row.event}", "bold")
    say(f"written by {row.author}" + (f", approved by {row.approver}" if row.approver else ", not approved yet"))
    if row.never_real:
        complain(f"It can never be released as real: {row.never_real}")
    for note in row.notes or ():
        say(f"  {note}", "yellow")
    _texts(review)
    _people(review)
    _loads(review)


def _texts(review: preview.Review) -> None:
    for one in review.readings:
        variant = review.issue.variants[one.language]
        read = "reviewed" if variant.review == "REVIEWED" else "draft translation, not reviewed"
        to = f"{one.language} to {one.people} who read {one.reads} and have no text of their own" if one.fallback else one.language
        say(f"\n{to}  {read}", "bold")
        for part, copy in ((Part.FORWARD, one.forward), (Part.ASK, one.ask)):
            counted = count(copy.text)
            dropped = f", left out: {', '.join(copy.dropped)}" if copy.dropped else ""
            say(f"  {part} · {counted.segments} SMS part{'s' if counted.segments > 1 else ''} ({counted.units} units){dropped}", "dim")
            say("\n".join(f"    {line}" for line in copy.text.splitlines()))


def _people(review: preview.Review) -> None:
    full = review.full
    say(f"\n{full.planned} of {full.size} people get it.", "bold")
    for reason, number in sorted(full.left_out.items()):
        say(f"  {number} left out: {reason.replace('_', ' ')}")
    waiting: Counter[datetime] = Counter()
    for lot in full.lots:
        if lot.plan.waits_until and not lot.plan.left_out:
            waiting[lot.plan.waits_until] += len(lot)
    for until, number in sorted(waiting.items()):
        say(f"  {number} wait until {until.astimezone(zone_of(review.home.timezone)):%a %d.%m %H:%M} (quiet or working hours)")


def _loads(review: preview.Review) -> None:
    table = Table(box=None, pad_edge=False)
    for name in ("Channel", "People", "Messages", "Parts", "Price NOK", "Minutes"):
        table.add_column(name, justify="left" if name == "Channel" else "right")
    for load in review.loads:
        way = "" if load.two_way else " (cannot be answered)"
        table.add_row(
            f"{load.medium}{way}", str(load.people), str(load.messages), str(load.units), f"{load.price:.2f}", f"{load.seconds / 60:.1f}"
        )
    out.print(table)
    if review.too_slow:
        say(f"At this sender's pace it takes {review.seconds / 60:.0f} minutes: it cannot finish before the alert expires.", "bold red")


# --- acts ---------------------------------------------------------------------------------------------------------------


@app.command()
def approve(
    number: Number,
    by: By,
    override: Annotated[str, typer.Option(help="Why one person must do both. Everybody can read it.")] = "",
    municipality: Municipality = "",
) -> None:
    """Stand for a draft's texts: a second person, not the author. Where users may approve, one of them must be named."""

    async def inside(opened: House, municipality_id: int) -> bool:
        alert_id = await id_of(opened, municipality_id, number)
        known = await _may_approve(opened, municipality_id, alert_id, by)
        await opened.relay.approve(municipality_id, alert_id, by, override=override)
        return known

    if not run(inside, municipality):
        complain(f"There is no approver among the users yet: that {by} may approve is taken on trust. `budstikke user add` makes users.")
    say(f"No. {number} is approved by {by}.")


async def _may_approve(opened: House, municipality_id: int, alert_id: int, by: str) -> bool:
    """Whether `by` is a user who may approve this alert; NotAllowed where there are approvers and they may not; false: there are none."""
    async with opened.store.read() as conn:
        row = await alerts.row_of(conn, municipality_id, alert_id)
        approvers = await users.holders(conn, municipality_id, authority.APPROVERS)
        holders = await users.holders(conn, municipality_id, authority.approvers_of(row.kind))
    if approvers and name_key(by) not in map(name_key, holders):
        raise NotAllowed("%(name)s may not approve here. These may: %(holders)s.", name=by, holders=", ".join(sorted(holders)))
    return bool(approvers)


async def _must_be_known(opened: House, municipality_id: int, by: str) -> None:
    """Raise NotAllowed where there are users who could do this on the pages, and none of the municipality's is called `by`."""
    async with opened.store.read() as conn:
        known = await users.holders(conn, municipality_id, authority.EVERYBODY)
        acting = await users.holders(conn, municipality_id, authority.STOPPERS)
    if acting and name_key(by) not in map(name_key, known):
        raise NotAllowed("No user here is called %(name)s. Name yourself as `budstikke user list` shows you.", name=by)


@app.command()
def release(number: Number, by: By, municipality: Municipality = "") -> None:
    """Send it: the whole plan is written down and what is due leaves. Again: adds people and texts that are new."""

    async def inside(opened: House, municipality_id: int) -> int:
        alert_id = await id_of(opened, municipality_id, number)
        await _must_be_known(opened, municipality_id, by)
        return await opened.relay.release(municipality_id, alert_id, by)

    planned = run(inside, municipality)
    say(f"No. {number} is released: {planned} sends are planned.")


@app.command()
def withdraw(number: Number, by: By, municipality: Municipality = "") -> None:
    """It was wrong: tell everybody who got it, at once."""
    _correct(number, Act.WITHDRAW, by, municipality)


@app.command()
def over(number: Number, by: By, municipality: Municipality = "") -> None:
    """It was right and the danger has ended: tell everybody who got it."""
    _correct(number, Act.OVER, by, municipality)


def _correct(number: int, act: Act, by: str, municipality: str) -> None:
    async def inside(opened: House, municipality_id: int) -> int:
        alert_id = await id_of(opened, municipality_id, number)
        await _must_be_known(opened, municipality_id, by)
        made = await opened.relay.correct(municipality_id, alert_id, act, by)
        async with opened.store.read() as conn:
            return int((await alerts.row_of(conn, municipality_id, made)).number)

    say(f"No. {run(inside, municipality)} goes out about no. {number}.")


@app.command()
def cancel(number: Number, by: By, municipality: Municipality = "") -> None:
    """Stop what has not left, and withdraw what may have."""

    async def inside(opened: House, municipality_id: int) -> str:
        alert_id = await id_of(opened, municipality_id, number)
        await _must_be_known(opened, municipality_id, by)
        if await opened.relay.cancel(municipality_id, alert_id, by):
            return "Some may have it: a withdrawal goes to them."
        return "Nobody had it." + await _again(opened, municipality_id, alert_id)

    say(f"No. {number} is stopped. {run(inside, municipality)}")


async def _again(opened: House, municipality_id: int, alert_id: int) -> str:
    """Say that what a cancelled update had replaced is in force again."""
    async with opened.store.read() as conn:
        before = (await alerts.row_of(conn, municipality_id, alert_id)).replaces_id
        old = await alerts.row_of(conn, municipality_id, before) if before else None
    return f" No. {old.number} is in force again." if old and old.state == AlertState.RELEASED else ""


async def id_of(opened: House, municipality_id: int, number: int) -> int:
    """Return the id of the municipality's alert no. `number`."""
    async with opened.store.read() as conn:
        return await alerts.id_of_number(conn, municipality_id, number)


def reach(number: Number, json: Json = False, municipality: Municipality = "") -> None:
    """Print how far an alert has come, group by group."""

    async def inside(opened: House, municipality_id: int) -> tuple[Reach, dict[str, int]]:
        found = await opened.relay.reach(municipality_id, await id_of(opened, municipality_id, number))
        async with opened.store.read() as conn:
            return found, await tasks.open_kinds(conn, municipality_id)

    found, waiting = run(inside, municipality)
    if json:
        show_json(numbers.as_json(found) | {"tasks": waiting})
        return
    out.print(groups(found))
    out.print(channels(found))
    if waiting:
        words = ", ".join(f"{count_} {kind.replace('_', ' ')}" for kind, count_ in waiting.items())
        say(as_typed(f"For the duty officer: {words}. See: budstikke task list"), "bold red" if "danger" in waiting else "bold")
    for name, why in found.unreachable:
        say(f"Not reached: {name} - {why}", "red")
