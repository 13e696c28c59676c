"""The sandbox as a process of its own: `budstikke sandbox`, or `python -m channels.sandbox`.

Prints one line of JSON when it is ready: {"url": …, "smtp": "host:port", "account": …, "ledger": …}. It ends on SIGTERM or SIGINT.
"""

import argparse
import asyncio
import json
import os
import signal
import sys
from collections.abc import Coroutine, Mapping
from datetime import datetime
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from channels.clock import SystemClock
from channels.sandbox.agenda import EmulatedClock
from channels.sandbox.house import ACCOUNT, AUTH_TOKEN
from channels.sandbox.ledger import LedgerDamaged
from channels.sandbox.people import CHARACTERS, Person
from channels.sandbox.sandbox import Sandbox
from channels.sandbox.world import Settings


class CannotStart(Exception):
    """The sandbox cannot start; the sentence says why."""


def run(
    *,
    port: int = 0,
    account_sid: str = ACCOUNT,
    auth_token: str = AUTH_TOKEN,
    ledger: Path | str = "sandbox.jsonl",
    smtp_port: int = 0,
    phones: Path | str | None = None,
    speed: float = 1.0,
    seed: int | str = 0,
    start: datetime | None = None,
    settings: Mapping[str, object] | None = None,
) -> None:
    """Be the provider until somebody ends it. `settings` are those of `world.Settings`. Raises CannotStart."""
    if speed <= 0:
        raise CannotStart("--speed must be more than 0")
    if start and start.tzinfo is None:
        raise CannotStart("--start needs a zone, as in 2026-11-23T18:00:00+01:00")
    try:
        sandbox = Sandbox(
            ledger,
            account=account_sid,
            auth_token=auth_token,
            clock=EmulatedClock(SystemClock(), speed, start),
            seed=seed,
            settings=Settings.model_validate(dict(settings or {})),
        )
    except ValidationError as why:
        raise CannotStart(f"the settings: {why}") from why
    _loop(_serve(sandbox, port, smtp_port, people_in(phones) if phones else []))


def people_in(path: Path | str) -> list[Person]:
    """Return the people in a JSON file. Raises CannotStart with what is wrong in it."""
    try:
        return TypeAdapter(list[Person]).validate_json(Path(path).read_bytes())
    except OSError as why:
        raise CannotStart(f"{path}: {why.strerror}") from why
    except ValidationError as why:
        raise CannotStart(f"{path}: {why}") from why


def _loop(serve: Coroutine[None, None, None]) -> None:
    if sys.platform == "win32":
        asyncio.run(serve)
    else:
        import uvloop

        uvloop.run(serve)


async def _serve(sandbox: Sandbox, port: int, smtp_port: int, people: list[Person]) -> None:
    try:
        await sandbox.start(port, smtp_port)
    except (OSError, LedgerDamaged) as why:
        raise CannotStart(str(why)) from why
    known = sandbox.crowd.minds
    sandbox.add(*(person for person in people if person.addresses[0] not in known))
    ready = {"url": sandbox.url, "smtp": f"{sandbox.host}:{sandbox.smtp_port}", "account": sandbox.world.account}
    sys.stdout.write(json.dumps({**ready, "ledger": str(sandbox.ledger.path), "pid": os.getpid()}) + "\n")
    sys.stdout.flush()
    await _told_to_end()
    await sandbox.stop()


async def _told_to_end() -> None:
    loop, end = asyncio.get_running_loop(), asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, end.set)
    await end.wait()


def parser() -> argparse.ArgumentParser:
    """Return the options of the command."""
    options = argparse.ArgumentParser(prog="sandbox", description="A message provider on this machine, with emulated phones.")
    options.add_argument("--port", type=int, default=0, help="port for HTTP; 0: any free one")
    options.add_argument("--smtp-port", type=int, default=0, help="port for mail; 0: any free one")
    options.add_argument("--account-sid", default=ACCOUNT)
    options.add_argument("--auth-token", default=AUTH_TOKEN)
    options.add_argument("--ledger", type=Path, default=Path("sandbox.jsonl"), help="file that everything is written down in")
    options.add_argument("--phones", type=Path, help=f"JSON list of people; characters: {', '.join(CHARACTERS)}")
    options.add_argument("--speed", type=float, default=1.0, help="how much faster than the wall's its clock runs")
    options.add_argument("--start", type=datetime.fromisoformat, help="emulated time at the start, with zone")
    options.add_argument("--seed", default="0", help="the same seed plays the same night")
    options.add_argument("--set", action="append", default=[], metavar="NAME=JSON", help=f"settings: {', '.join(Settings.model_fields)}")
    options.add_argument("--no-callbacks", action="store_true", help="send no status callbacks")
    return options


def main(arguments: list[str] | None = None) -> int:
    """Run the command; return its exit code (2: cannot start)."""
    asked = vars(parser().parse_args(arguments))
    try:
        settings = dict(_setting(each) for each in asked.pop("set"))
        if asked.pop("no_callbacks"):
            settings["callbacks"] = False
        run(**asked, settings=settings)
    except CannotStart as why:
        sys.stderr.write(f"sandbox: {why}\n")
        return 2
    return 0


def _setting(text: str) -> tuple[str, object]:
    name, equals, value = text.partition("=")
    try:
        return name, json.loads(value)
    except ValueError:
        if not equals:
            raise CannotStart(f"--set {text}: NAME=VALUE is needed") from None
        return name, value


if __name__ == "__main__":
    sys.exit(main())
