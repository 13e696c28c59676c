"""Commands that run or look after an installation: serve, work, sandbox, demo, doctor, db, keys, settings."""

import asyncio
import os
import sys
import traceback
from dataclasses import asdict
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

import typer
from pydantic import SecretStr

from channels.base import Check
from channels.sandbox import __main__ as sandbox_process
from channels.sandbox.house import ACCOUNT, AUTH_TOKEN
from channels.told import Told
from relay import doctor, log
from relay.app import open_house, run
from relay.cli.output import Json, house, out, say, show_json
from relay.demo import play
from relay.model import BadInput, NotReady
from relay.settings import PREFIX, Settings
from relay.store import schema, sealing
from relay.store.engine import Store
from relay.typed import as_typed

db = typer.Typer(no_args_is_help=True)


def add_to(app: typer.Typer) -> None:
    """Add the commands to the program."""
    for command in (serve, work, sandbox, demo, doctor_, keys, settings):
        app.command(command.__name__.rstrip("_"))(command)


def serve(
    no_work: Annotated[bool, typer.Option("--no-work", help="Serve only; the command `work` sends.")] = False,
) -> None:
    """Serve callbacks and pages, and send: all that one machine needs."""

    async def inside() -> None:
        async with house(dispatches=not no_work) as opened:
            opened.settings.require_public_base_url()
            say(f"Budstikke listens on {await opened.listen()}")
            await opened.until_stopped(works=not no_work)

    run(inside())


def work() -> None:
    """Send only: any number of these beside one `serve`, on PostgreSQL."""

    async def inside() -> None:
        async with house(dispatches=True) as opened:
            opened.settings.require_public_base_url()
            say("Budstikke works.")
            await opened.until_stopped()

    run(inside())


def sandbox(
    port: Annotated[int, typer.Option(help="Port to listen on; 0 takes a free one.")] = 0,
    account_sid: Annotated[str, typer.Option(help="The account that it answers as.")] = ACCOUNT,
    auth_token: Annotated[str, typer.Option(help="Signs the callbacks.")] = AUTH_TOKEN,
    ledger: Annotated[Path, typer.Option(help="Everything that happens is written here.")] = Path("sandbox.jsonl"),
    smtp_port: Annotated[int, typer.Option(help="Port for mail; 0 takes a free one.")] = 0,
    phones: Annotated[Path | None, typer.Option(help="JSON list of people and their characters.")] = None,
    speed: Annotated[float, typer.Option(help="How fast its time runs.")] = 1.0,
    seed: Annotated[int, typer.Option(help="The same seed plays the same night.")] = 0,
    inbound_url: Annotated[str, typer.Option(help="Where answers go: http://127.0.0.1:8080/hooks/twilio/inbound")] = "",
    public_url: Annotated[str, typer.Option(help="The installation's public address: statuses and answers go there, and may.")] = "",
) -> None:
    """Be a provider: Twilio's HTTP, mail, and emulated phones. Costs nothing and reaches nobody."""
    try:
        sandbox_process.run(
            port=port,
            account_sid=account_sid,
            auth_token=auth_token,
            ledger=ledger,
            smtp_port=smtp_port,
            phones=phones,
            speed=speed,
            seed=seed,
            settings=_calls(inbound_url, public_url.rstrip("/")),
        )
    except sandbox_process.CannotStart as why:
        raise NotReady(f"The sandbox cannot start: {why}.") from why


def _calls(inbound_url: str, public_url: str) -> dict[str, object]:
    """Return whom the sandbox calls: besides this machine only an installation that is named."""
    origin = "://".join(urlsplit(public_url)[:2]) if public_url else ""
    inbound = inbound_url or (f"{public_url}/hooks/twilio/inbound" if public_url else "")
    return {"inbound_url": inbound, "may_call": [origin] if origin else []}


def demo(
    people: Annotated[int, typer.Option(min=1, help="How many resource persons.")] = 60,
    seed: Annotated[int, typer.Option(help="The same seed plays the same evening.")] = 1,
    exit: Annotated[bool, typer.Option("--exit", help="End when the plan has settled.")] = False,  # noqa: A002
    json: Json = False,
    cap: Annotated[Path | None, typer.Option(help="An official CAP message to send instead of our own.")] = None,
    replay: Annotated[bool, typer.Option("--replay", help="Move an old message's times to now.")] = False,
    database: Annotated[str, typer.Option(help="A database to use instead of a file of the demo's own.")] = "",
    state: Annotated[Path | None, typer.Option(help="Keep database and ledger here; a killed demo goes on from it.")] = None,
) -> None:
    """Send a message to a made-up town and watch it come back as reach."""
    log.configure("error")
    document = _read(cap) if cap else None
    options = play.Options(people=people, seed=seed, exit=exit, as_json=json, cap=document, replay=replay, database=database, state=state)
    play.main(options)


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise BadInput(f"{path} cannot be read: {error.strerror}.") from error


def doctor_(json: Json = False) -> None:
    """Look at the installation and say what to do about each thing that is not well.

    Exit code 0: all is well. 7: something can wait for the morning. 6: messages or answers are lost as it is.
    """
    checks = asyncio.run(_examine())
    if json:
        show_json([asdict(one) | {"remedy": as_typed(one.remedy)} for one in checks])
    else:
        for one in checks:
            _tell(one)
    ill = [one for one in checks if not one.ok]
    if ill:
        raise typer.Exit(6 if any(one.grave for one in ill) else 7)


def _tell(one: Check) -> None:
    if one.ok:
        say(f"{'well':9} {one.name}: {one.words}")
        return
    say(f"{'NOT WELL' if one.grave else 'to mend':9} {one.name}: {one.words}", "bold red" if one.grave else "yellow")
    if one.remedy:
        say(f"{'':9} {as_typed(one.remedy)}")


async def _examine() -> list[Check]:
    settings = Settings.load()
    try:
        async with open_house(settings, dispatches=False) as opened:
            return await opened.examine()
    except NotReady as error:
        return [*doctor.settings_checks(settings), Check(Told("database and keys"), ok=False, words=Told(error.sentence, **error.values))]


def keys() -> None:
    """Print new keys for this installation's environment. Keep them as safe as the database, and apart from it."""
    print(sealing.new_settings())


def settings() -> None:
    """Print every setting of the environment, with what it means and what holds if it is not set."""
    for name, field in Settings.model_fields.items():
        default = field.get_default(call_default_factory=True)
        shown = "" if isinstance(default, SecretStr) or default in ("", {}) else f" [{default}]"
        say(f"{PREFIX}{name.upper()}{shown}", "bold")
        say(f"    {field.description}")


@db.command("upgrade")
def upgrade() -> None:
    """Bring the database's tables to this program's version."""

    async def inside() -> str | None:
        store = await Store.open(Settings.load().database_url.get_secret_value())
        try:
            await schema.upgrade(store)
            return await schema.version(store)
        finally:
            await store.close()

    say(f"The database has version {asyncio.run(inside())}.")


def show_traceback() -> None:
    """Print where it went wrong, for whoever asked to see it."""
    if os.environ.get("BUDSTIKKE_LOG_LEVEL", "").lower() == "debug":
        traceback.print_exc(file=sys.stderr)
        out.file.flush()
