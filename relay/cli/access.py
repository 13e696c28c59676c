"""Commands for access: users and their roles."""

import sys
from typing import Annotated

import typer

from relay.app import House
from relay.cli.output import Json, Municipality, run, say, show_json
from relay.model import BadInput, Role
from relay.store import users
from relay.store.register import Stamp
from relay.web import passwords

user = typer.Typer(no_args_is_help=True)

#: nobody must be named: the first user is made before there is anybody
ByAny = Annotated[str, typer.Option("--as", help="Who does this: it is written down.")]
Login = Annotated[str, typer.Argument(help="What the user signs in with.")]


@user.command("add")
def add_user(
    name: Annotated[str, typer.Argument(help="The user's name, as others read it.")],
    role: Annotated[list[Role], typer.Option(help="What they may do; several times for several roles.")],
    login: Annotated[str, typer.Option(help="What they sign in with; not given: their mailbox, or their name with dots.")] = "",
    email: Annotated[str, typer.Option(help="Their mailbox.")] = "",
    phone: Annotated[str, typer.Option(help="Their mobile: approvals that wait are told by SMS.")] = "",
    password_stdin: Annotated[bool, typer.Option("--password-stdin", help="Read the password from the input.")] = False,
    by: ByAny = "",
    municipality: Municipality = "",
) -> None:
    """Add a user. Without --password-stdin a password for one use is made and printed: the user chooses their own with it."""
    sign_in_name = users.login_key(login or email or ".".join(name.split()))
    password = _from_input(name, sign_in_name) if password_stdin else passwords.make()
    new = users.NewUser(name=name, roles=frozenset(role), login=sign_in_name, email=email, phone=phone)

    async def inside(opened: House, municipality_id: int) -> None:
        kept = await passwords.hashed(password)
        stamp = Stamp(by=by, at=opened.relay.clock.now())
        async with opened.store.write() as conn:
            await users.add(conn, municipality_id, new, stamp, password_hash=kept, once=not password_stdin)

    run(inside, municipality)
    say(
        f"{new.name} signs in as {sign_in_name}"
        + ("." if password_stdin else f" with the password {password} once, and then chooses another.")
    )


def _from_input(*names: str) -> str:
    password = sys.stdin.readline().rstrip("\r\n")
    passwords.check(password, names=names)
    return password


@user.command("list")
def list_users(json: Json = False, municipality: Municipality = "") -> None:
    """List who may come in, in which roles, and whether they have a second factor."""

    async def inside(opened: House, municipality_id: int) -> list[users.Known]:
        async with opened.store.read() as conn:
            return await users.listed(conn, municipality_id)

    found = run(inside, municipality)
    if json:
        show_json([{"name": one.name, "login": one.login, "active": one.active, "roles": sorted(one.roles)} for one in found])
        return
    for one in found:
        factor = "second factor" if one.second_factor else "no second factor"
        shut = "" if one.active else "   SHUT OUT"
        say(f"{one.login:24} {one.name:24} {', '.join(sorted(one.roles)):40} {factor}{shut}")


@user.command("password")
def new_password(
    login: Login,
    second_factor_off: Annotated[bool, typer.Option("--second-factor-off", help="Take the second factor off too: it is lost.")] = False,
    by: ByAny = "",
    municipality: Municipality = "",
) -> None:
    """Make a new password for one use and print it. Every session of the user ends."""
    password = passwords.make()

    async def inside(opened: House, municipality_id: int) -> None:
        kept = await passwords.hashed(password)
        stamp = Stamp(by=by, at=opened.relay.clock.now())
        async with opened.store.write() as conn:
            row = await users.by_login(conn, login)
            if row is None or row.municipality_id != municipality_id:
                raise BadInput(f"Nobody signs in as {login} in this municipality. See: budstikke user list")
            await users.set_password(conn, municipality_id, row.id, kept, stamp, once=True)
            if second_factor_off:
                await users.set_second_factor(conn, municipality_id, row.id, None, (), stamp)

    run(inside, municipality)
    say(f"{users.login_key(login)} signs in with the password {password} once, and then chooses another.")
