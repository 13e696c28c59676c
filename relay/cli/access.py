"""Commands for access: users and their roles, trial mode, the chain of acts."""

import asyncio
import sys
from pathlib import Path
from typing import Annotated

import typer

from relay.app import House
from relay.cli.output import By, Json, Municipality, complain, house, run, say, show_json
from relay.model import BadInput, Role
from relay.store import anchor, audit, trial, users
from relay.store.register import Stamp
from relay.web import passwords

user = typer.Typer(no_args_is_help=True)
audit_app = typer.Typer(no_args_is_help=True)
trial_app = typer.Typer(no_args_is_help=True)

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


# --- trial mode ---------------------------------------------------------------------------------------------------------


@trial_app.command("status")
def trial_status(municipality: Municipality = "") -> None:
    """Say whether the municipality is on trial, how much is held, and who is sent to."""

    async def inside(opened: House, municipality_id: int) -> None:
        async with opened.store.read() as conn:
            on, held = await trial.is_on(conn, municipality_id), await trial.held(conn, municipality_id)
            rows = await trial.listed(conn, municipality_id)
        say(f"Trial mode is on: {held} messages are held." if on else "In earnest: everything leaves.")
        for row in rows:
            say(f"  {row.person or row.value}   (by {row.added_by or 'the command line'})")

    run(inside, municipality)


@trial_app.command("allow")
def trial_allow(
    address: Annotated[str, typer.Argument(help="A number or mailbox that is sent to in trial mode.")],
    by: ByAny = "",
    municipality: Municipality = "",
) -> None:
    """Put a number or mailbox on the allow-list."""

    async def inside(opened: House, municipality_id: int) -> None:
        async with opened.store.write() as conn:
            await trial.allow_address(conn, municipality_id, address, Stamp(by=by, at=opened.relay.clock.now()))

    run(inside, municipality)
    say("It is sent to in trial mode.")


@trial_app.command("end")
def trial_end(by: By, municipality: Municipality = "") -> None:
    """In earnest: from now on everything leaves, to everybody."""

    async def inside(opened: House, municipality_id: int) -> None:
        async with opened.store.write() as conn:
            await trial.go_real(conn, municipality_id, Stamp(by=by, at=opened.relay.clock.now()))

    run(inside, municipality)
    say("In earnest: everything leaves from now on.")


# --- the chain of acts --------------------------------------------------------------------------------------------------


@audit_app.command("verify")
def verify_audit(
    against: Annotated[Path | None, typer.Option("--anchor", help="An anchor that was kept elsewhere, too.")] = None, json: Json = False
) -> None:
    """Check every chain of acts and that its end is there; name the first entry that is not sound. Exit code 1 if one is not."""

    async def inside() -> tuple[list[audit.Verdict], list[str]]:
        async with house() as opened:
            kept = opened.anchor.read() if opened.anchor else anchor.Read()
            more = anchor.read(_text(against)) if against else anchor.Read()
            heads = {
                chain: max(kept.heads.get(chain, audit.Head()), more.heads.get(chain, audit.Head())) for chain in {*kept.heads, *more.heads}
            }
            async with opened.store.read() as conn:
                found = await audit.verify(conn, heads)
            return found, _doubts(opened, kept, more)

    found, doubts = asyncio.run(inside())
    if json:
        show_json(
            [{"chain": one.chain, "sound": one.head.number, "bad": one.bad, "why": one.why} for one in found]
            + [{"doubt": one} for one in doubts]
        )
    else:
        _show_verdicts(found, doubts)
    if doubts or any(one.bad is not None for one in found):
        raise typer.Exit(1)


def _text(file: Path) -> str:
    try:
        return file.read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(f"{file} cannot be read.") from error


def _doubts(opened: House, *read: anchor.Read) -> list[str]:
    foreign = [f"A line of an anchor is not sealed by us: {line}" for one in read for line in one.foreign]
    if opened.anchor is None:
        return ["There is no anchor, so that an end that was cut off is not noticed. Set BUDSTIKKE_AUDIT_ANCHOR to a file.", *foreign]
    return foreign


def _show_verdicts(found: list[audit.Verdict], doubts: list[str]) -> None:
    for one in found:
        name = f"municipality {one.chain}" if one.chain else "the installation"
        if one.bad is None:
            say(f"well      {name}: {one.head.number} acts, none changed, none missing")
        else:
            complain(f"NOT WELL  {name}: entry {one.bad}: {one.why}")
    for doubt in doubts:
        complain(f"NOT WELL  {doubt}")


@audit_app.command("anchor")
def print_anchor() -> None:
    """Print how far each chain has come, sealed: kept elsewhere, it shows later that nothing was cut off."""

    async def inside() -> str:
        async with house() as opened, opened.store.read() as conn:
            found = await audit.verify(conn, opened.anchor.read().heads if opened.anchor else {})
        if bad := next((one for one in found if one.bad is not None), None):
            raise BadInput(f"Entry {bad.bad} of chain {bad.chain} is not sound: {bad.why}. See: budstikke audit verify")
        return anchor.written({one.chain: one.head for one in found})

    print(asyncio.run(inside()), end="")
