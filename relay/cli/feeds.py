"""Commands for feeds of official messages: listen to an address, list them, listen no more."""

from typing import Annotated, Any

import typer

from relay import fetching
from relay.app import House
from relay.cli.output import By, Json, Municipality, complain, run, say, show_json
from relay.store import feeds
from relay.store.columns import AnyRow

app = typer.Typer(no_args_is_help=True)


@app.command()
def add(
    url: Annotated[str, typer.Argument(help="Where official messages appear: CAP, Atom or RSS.")], by: By, municipality: Municipality = ""
) -> None:
    """Listen to an address: it is asked every minute, and what concerns the municipality becomes a draft."""
    address = fetching.checked(url)

    async def inside(opened: House, municipality_id: int) -> int:
        async with opened.store.write() as conn:
            return await feeds.add(conn, municipality_id, address, by, opened.relay.clock.now())

    say(f"Feed {run(inside, municipality)} is asked every minute.")


@app.command("list")
def listed(json: Json = False, municipality: Municipality = "") -> None:
    """List the feeds, when each was read last, and what is wrong with it."""

    async def inside(opened: House, municipality_id: int) -> list[AnyRow]:
        async with opened.store.read() as conn:
            return await feeds.listed(conn, municipality_id)

    rows = run(inside, municipality)
    if json:
        show_json([_row(row) for row in rows])
        return
    for row in rows:
        say(f"{row.id:<5} {row.url}   " + (f"read {row.looked_at:%d.%m.%Y %H:%M} UTC" if row.looked_at else "not read yet"))
        if row.failure:
            complain(f"      {row.failure}")


def _row(row: AnyRow) -> dict[str, Any]:
    return {name: getattr(row, name) for name in ("id", "url", "created_at", "created_by", "looked_at", "failed_at", "failure")}


@app.command()
def remove(feed: Annotated[int, typer.Argument(metavar="ID")], by: By, municipality: Municipality = "") -> None:
    """Listen to a feed no more. What came of it stays."""

    async def inside(opened: House, municipality_id: int) -> None:
        async with opened.store.write() as conn:
            await feeds.remove(conn, municipality_id, feed, by, opened.relay.clock.now())
        say(f"Feed {feed} is asked no more.")

    run(inside, municipality)
