"""The policy: how hard the house tries, printed, and a municipality's own from a file."""

from pathlib import Path
from typing import Annotated

import typer

from relay.app import House
from relay.cli.output import By, Municipality, run, say
from relay.model import BadInput, Policy
from relay.routing import DEFAULT_POLICY, describe
from relay.routing.policy_file import read, written
from relay.store import policies
from relay.store.register import Stamp


def add_to(app: typer.Typer) -> None:
    """Add the command to the program."""
    app.command()(policy)


def policy(
    municipality: Municipality = "",
    file: Annotated[Path | None, typer.Option("--set", help="Let the policy in this file hold for the municipality.")] = None,
    reset: Annotated[bool, typer.Option("--reset", help="Let the policy that ships hold again.")] = False,
    as_file: Annotated[bool, typer.Option("--as-file", help="Print it as a file, to be changed and set.")] = False,
    language: Annotated[str, typer.Option(help="nb or en")] = "nb",
    by: By = "",
) -> None:
    """Print the policy step by step: the one that ships, or with --municipality the one that holds there."""
    if file is not None or reset:
        if not by.strip():
            raise BadInput("Say who does this: --as NAME.")
        holds = _change(municipality, _read(file) if file is not None else None, by)
    else:
        holds = _of(municipality) if municipality else DEFAULT_POLICY
    if as_file:
        print(written(holds), end="")
        return
    for line in describe(holds, "en" if language == "en" else "nb"):
        say(line)


def _read(file: Path) -> Policy:
    try:
        return read(file.read_text(encoding="utf-8"), policies.OWN)
    except (OSError, UnicodeDecodeError) as why:
        raise BadInput(f"{file} cannot be read: {why}.") from why


def _of(municipality: str) -> Policy:
    async def inside(opened: House, municipality_id: int) -> Policy:
        async with opened.store.read() as conn:
            return await policies.of(conn, municipality_id, DEFAULT_POLICY)

    return run(inside, municipality)


def _change(municipality: str, new: Policy | None, by: str) -> Policy:
    async def inside(opened: House, municipality_id: int) -> Policy:
        stamp = Stamp(by=by, at=opened.relay.clock.now())
        async with opened.store.write() as conn:
            if new is None:
                await policies.reset(conn, municipality_id, stamp)
            else:
                await policies.put(conn, municipality_id, new, stamp)
            return await policies.of(conn, municipality_id, DEFAULT_POLICY)

    return run(inside, municipality)
