"""Commands for the work that waits for a person: list it, and say that it is done."""

from typing import Annotated, Any
from zoneinfo import ZoneInfo

import typer

from messages.zones import zone_of
from relay.app import House
from relay.cli.output import By, Json, Municipality, run, say, show_json
from relay.store import doubts, people, tasks
from relay.store.columns import AnyRow

app = typer.Typer(no_args_is_help=True)


@app.command("list")
def list_tasks(json: Json = False, municipality: Municipality = "") -> None:
    """List open tasks, gravest and oldest first."""

    async def inside(opened: House, municipality_id: int) -> tuple[list[AnyRow], ZoneInfo]:
        async with opened.store.read() as conn:
            zone = zone_of((await people.place(conn, municipality_id)).timezone)
            return await tasks.listed(conn, municipality_id), zone

    rows, zone = run(inside, municipality)
    if json:
        show_json([_row(row) for row in rows])
        return
    for row in rows:
        about = " ".join(filter(None, (f"no. {row.number}" if row.number else "", row.person)))
        say(f"{row.id:<5} {row.kind:12} {row.opened_at.astimezone(zone):%d.%m %H:%M}  {about}  {row.words or ''}".rstrip())
    if not rows:
        say("Nothing waits for anybody.")


def _row(row: AnyRow) -> dict[str, Any]:
    return {name: getattr(row, name) for name in ("id", "kind", "gravity", "number", "person", "words", "owner", "opened_at", "due_at")}


@app.command()
def done(
    task: Annotated[int, typer.Argument(metavar="ID", help="The task's number, as the list has it.")],
    by: By,
    outcome: Annotated[str, typer.Option(help="What came of it.")] = "",
    municipality: Municipality = "",
) -> None:
    """Say that a task is done; it is written down who said so."""

    async def inside(opened: House, municipality_id: int) -> None:
        async with opened.store.write() as conn:
            await tasks.done(conn, municipality_id, task, by, opened.relay.clock.now(), outcome=outcome)

    run(inside, municipality)
    say(f"Task {task} is done.")


@app.command()
def again(
    task: Annotated[int, typer.Argument(metavar="ID", help="A task that asks whether to send a message again, as the list has it.")],
    by: By,
    municipality: Municipality = "",
) -> None:
    """Send a message again of which nobody knows whether it was sent: its reader may get it twice. To leave it, call the task done."""

    async def inside(opened: House, municipality_id: int) -> None:
        async with opened.store.write() as conn:
            await doubts.send_again_on_request(conn, municipality_id, task, by, opened.relay.clock.now())

    run(inside, municipality)
    say("It is sent again.")
