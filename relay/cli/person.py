"""The command that answers: what happened with this person?"""

from dataclasses import asdict
from typing import Annotated
from zoneinfo import ZoneInfo

import typer

from messages.zones import zone_of
from relay.app import House
from relay.cli.alerts import Number, id_of
from relay.cli.output import Json, Municipality, run, say, show_json
from relay.model import NotFound
from relay.store import people as register, person as people


def person(
    number: Number,
    name: Annotated[str, typer.Argument(metavar="NAME", help="A part of the name; none: everybody.")] = "",
    json: Json = False,
    municipality: Municipality = "",
) -> None:
    """Show person by person what became of an alert: who was left out and why, every message, every answer."""

    async def inside(opened: House, municipality_id: int) -> tuple[list[people.Story], ZoneInfo]:
        alert_id = await id_of(opened, municipality_id, number)
        async with opened.store.read() as conn:
            zone = zone_of((await register.place(conn, municipality_id)).timezone)
            return await people.stories(conn, alert_id, name), zone

    found, zone = run(inside, municipality)
    if not found:
        raise NotFound(f"Nobody{f' whose name holds {name}' if name else ''} is in the plan of alert no. {number}.")
    if json:
        show_json([asdict(one) for one in found])
        return
    for one in found:
        _show(one, zone)


def _show(one: people.Story, zone: ZoneInfo) -> None:
    say(f"{one.name}   {one.group}   {one.language}", "bold")
    if one.left_out:
        say(f"  left out: {one.left_out.replace('_', ' ')}", "yellow")
    if one.failed:
        say("  not reached: every way has failed", "red")
    for message in one.messages:
        when = f"{message.due_at.astimezone(zone):%d.%m %H:%M}"
        why = f"   {message.why}" if message.why else ""
        say(f"  {when}  {message.action or 'answer':13} {message.part:8} {message.channel:9} {message.state:8} {message.evidence}{why}")
    for at, meaning, count in one.answers:
        say(f"  {at.astimezone(zone):%d.%m %H:%M}  answered: {meaning.replace('_', ' ').lower()}{f', {count} people' if count else ''}")
    if one.messages and not one.answers:
        say("  no answer yet")
