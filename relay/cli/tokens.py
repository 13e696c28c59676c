"""Commands for programs' tokens: make one for a user, list them, revoke one."""

from typing import Annotated, Any

import typer

from relay.app import House
from relay.cli.output import By, Json, Municipality, run, say, show_json
from relay.model import BadInput, NotFound
from relay.store import tokens, users
from relay.store.columns import AnyRow
from relay.web.api.operation import Scope

app = typer.Typer(no_args_is_help=True)


@app.command()
def add(
    user: Annotated[str, typer.Argument(help="Sign-in name of the user whom it stands for.")],
    name: Annotated[str, typer.Option(help="What it is for.")],
    by: By,
    scope: Annotated[list[str], typer.Option(help="read, people, write, approve, release; several may be given.")],
    municipality: Municipality = "",
) -> None:
    """Make a token and print it: it is shown this once."""
    wanted = frozenset(_scope(word) for word in scope)

    async def inside(opened: House, municipality_id: int) -> str:
        async with opened.store.write() as conn:
            found = await users.by_login(conn, user)
            if found is None:
                raise NotFound(f"Nobody signs in as {user}.")
            return await tokens.add(conn, municipality_id, found.id, name, wanted, by, opened.relay.clock.now())

    print(run(inside, municipality))


def _scope(word: str) -> str:
    try:
        return Scope(word)
    except ValueError as error:
        raise BadInput(f"There is no scope {word!r}. Choose among {', '.join(Scope)}.") from error


@app.command("list")
def listed(json: Json = False, municipality: Municipality = "") -> None:
    """List tokens, newest first; never the tokens themselves."""

    async def inside(opened: House, municipality_id: int) -> list[AnyRow]:
        async with opened.store.read() as conn:
            return await tokens.listed(conn, municipality_id)

    rows = run(inside, municipality)
    if json:
        show_json([_row(row) for row in rows])
        return
    for row in rows:
        state = "revoked" if row.ended_at else f"last used {row.seen_at:%d.%m.%Y}" if row.seen_at else "never used"
        say(f"{row.id:<5} {row.name:24} {row.user_name:24} {', '.join(row.scopes)}  {state}")


def _row(row: AnyRow) -> dict[str, Any]:
    return {name: getattr(row, name) for name in ("id", "name", "user_name", "scopes", "created_at", "seen_at", "ended_at")}


@app.command()
def revoke(token: Annotated[int, typer.Argument(metavar="ID")], by: By, municipality: Municipality = "") -> None:
    """End a token at once."""

    async def inside(opened: House, municipality_id: int) -> None:
        async with opened.store.write() as conn:
            await tokens.revoke(conn, municipality_id, token, by, opened.relay.clock.now())
        say(f"Token {token} lets nobody in any more.")

    run(inside, municipality)
