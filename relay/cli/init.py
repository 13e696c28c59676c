"""`budstikke init`: from nothing to an installation on trial. Asks at a terminal, or takes its answers from options and a file."""

import asyncio
import os
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from channels.clock import SystemClock
from relay.cli import founding
from relay.cli.output import Json, complain, say, show_json
from relay.cli.questions import Question, asked, judge_all
from relay.model import BudstikkeError, NotAllowed, Place
from relay.settings import ENV_FILE, PREFIX, Settings
from relay.store import register
from relay.typed import as_typed


def add_to(program: typer.Typer) -> None:
    """Add the command to the program."""
    program.command("init")(init)


def init(
    answers: Annotated[Path | None, typer.Option(help='File of answers (TOML): lines like municipality = "1870".')] = None,
    env_file: Annotated[Path, typer.Option(help="Where the settings and keys are written; nothing may be there yet.")] = Path(".env"),
    municipality: Annotated[str, typer.Option(help="Number or name.")] = "",
    contact: Annotated[str, typer.Option(help="The fixed contact point: NAME,NUMBER[,HOURS].")] = "",
    duty_phone: Annotated[str, typer.Option(help="Gets an SMS when somebody writes of danger.")] = "",
    public_url: Annotated[str, typer.Option(help="Under which address the world reaches us, with https://.")] = "",
    database: Annotated[str, typer.Option(help="sqlite:///FILE or postgresql://USER:PASSWORD@HOST/DATABASE.")] = "",
    provider: Annotated[str, typer.Option(help="twilio, sandbox or none.")] = "",
    sms_number: Annotated[str, typer.Option(help="Number that SMS come from.")] = "",
    administrator: Annotated[str, typer.Option(help="Name of the first administrator.")] = "",
    login: Annotated[str, typer.Option(help="What the administrator signs in with; not given: the name with dots.")] = "",
    listen_port: Annotated[str, typer.Option(help="The port to listen on, behind the reverse proxy.")] = "",
    json: Json = False,
) -> None:
    """Make a new installation: settings and keys in a file of mode 0600, the database, a municipality on trial, an administrator.

    What is not given is asked for at a terminal; elsewhere it is an error. The Twilio token comes from the terminal, from the
    file of answers or from BUDSTIKKE_TWILIO_AUTH_TOKEN, never from the command line, which others can read.
    """
    if env_file.exists():
        raise NotAllowed(founding.THERE.format(env_file))
    os.umask(0o077)
    options = {
        "municipality": municipality, "contact": contact, "duty_phone": duty_phone, "public_url": public_url, "database": database,
        "provider": provider, "sms_number": sms_number, "administrator": administrator, "login": login, "listen_port": listen_port,
    }  # fmt: skip
    said = (founding.answers_in(answers) if answers else {}) | {name: value for name, value in options.items() if value}
    judge_all(said)
    complete = founding.checked(_with_token(_asked(said) if sys.stdin.isatty() and answers is None else said))
    told = founding.environment(complete)
    settings = Settings.of(told)
    _check(settings, complete)
    stamp = register.Stamp(by=complete.administrator, at=SystemClock().now())
    if not json:
        say("Making the keys, the database and its tables. This takes up to half a minute.")
    with founding.new_file(env_file, founding.file_text(told)):
        place, name, password = asyncio.run(founding.found(complete, settings, stamp))
    result = {
        "env_file": str(env_file.absolute()),
        "municipality": place.number,
        "name": place.name,
        "login": name,
        "password": password,
        "next": _next(complete, env_file),
    }
    show_json(result) if json else _tell(result)


def _asked(said: dict[str, str]) -> dict[str, str]:
    """Ask for what is not said yet, in the order of the table."""
    for one in asked(said):
        if one.name not in said:
            said[one.name] = _ask(one)
    return said


def _ask(one: Question) -> str:
    """Ask until the answer will do: what was answered before is not lost for it."""
    while True:
        default = "" if one.optional else one.default or None
        answer = str(typer.prompt(one.words, default=default, hide_input=one.secret, show_default=bool(one.default))).strip()
        try:
            found = one.judge(answer) if answer or not one.optional else None
        except BudstikkeError as error:
            complain(f"  {error}")
            continue
        if isinstance(found, Place):
            say(f"  {found.name}")
        return answer


def _with_token(said: dict[str, str]) -> dict[str, str]:
    if said.get("provider") != "twilio" or said.get("twilio_auth_token"):
        return said
    given = Settings.load()
    found = {"twilio_auth_token": given.twilio_auth_token.get_secret_value(), "twilio_account_sid": given.twilio_account_sid}
    return {name: value for name, value in found.items() if value} | said


def _check(settings: Settings, answers: founding.Answers) -> None:
    """Judge what was answered before anything is written. Raises NotReady."""
    settings.require_public_base_url()
    if answers.provider in ("twilio", "sandbox"):
        settings.require_twilio()


def _next(answers: founding.Answers, env_file: Path) -> list[str]:
    """Return the commands that come next, in their order."""
    place = [] if env_file == Path(".env") else [f"export {ENV_FILE}={env_file.absolute()}"]
    port, mail = founding.SANDBOX_PORT, founding.SANDBOX_MAIL_PORT
    public = answers.public_url.rstrip("/")
    sandbox = [f"budstikke sandbox --port {port} --smtp-port {mail} --public-url {public}"] if answers.provider == "sandbox" else []
    return list(map(as_typed, [*place, *sandbox, "budstikke doctor", "budstikke serve"]))


def _tell(result: dict[str, Any]) -> None:
    say(f"{result['name']} ({result['municipality']}) is set up, on trial: nothing leaves but to those whom you allow.", "bold")
    say(f"Settings and keys are in {result['env_file']}. Keep a copy of the keys apart from the database ({PREFIX}…_KEY).")
    say(f"The administrator signs in as {result['login']} with the password {result['password']} once, and then chooses another.")
    say("Next:")
    for line in result["next"]:
        say(f"    {line}")
