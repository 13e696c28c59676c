"""The `budstikke` command: exit codes that a script can trust, one clear sentence for what went wrong, never a traceback.

0  done
2  the command itself was wrong
3  what was given cannot be used (BadInput)
4  there is no such thing (NotFound)
5  not allowed (NotAllowed)
6  the installation is not ready (NotReady)
7  doctor: messages go out, but something is to be mended
1  anything else; the log says more
"""

import sys
from importlib.metadata import version
from typing import Annotated

import typer
from typer.exceptions import Abort, TyperException

from relay.cli import access, alerts, feeds, forgetting, init, keeping, keys, person, policy, register, service, tasks, tokens, whatsapp
from relay.cli.output import EXIT_CODES, complain
from relay.model import BudstikkeError
from relay.store.acting import acts
from relay.typed import program

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


def _tell_version(asked: bool) -> None:
    if asked:
        sys.stdout.write(f"{version('budstikke')}\n")
        raise typer.Exit


@app.callback()
def budstikke(
    *, _: Annotated[bool, typer.Option("--version", callback=_tell_version, is_eager=True, help="Print which version this is.")] = False
) -> None:
    """Crisis messages in every language, and proof that they arrived."""


alerts.app.command("person")(person.person)
app.add_typer(alerts.app, name="alert", help="Take, look at, approve, release, correct alerts.")
app.add_typer(register.municipality, name="municipality", help="Municipalities of this installation.")
app.add_typer(register.people, name="people", help="Resource persons.")
app.add_typer(register.sender, name="sender", help="From whom messages come.")
app.add_typer(whatsapp.app, name="whatsapp", help="WhatsApp's templates.")
app.add_typer(register.group, name="group", help="Language groups.")
app.add_typer(access.user, name="user", help="Who may come in to the pages, and in which roles.")
app.add_typer(access.audit_app, name="audit", help="The chain of acts: who did what, and that nobody has changed it.")
app.add_typer(access.trial_app, name="trial", help="Trial mode: who is sent to before it is in earnest.")
app.add_typer(tasks.app, name="task", help="Work that waits for a person.")
app.add_typer(feeds.app, name="feed", help="Addresses where official messages appear, asked every minute.")
app.add_typer(tokens.app, name="token", help="What lets programs in.")
app.add_typer(keys.app, name="key", help="A change of the encryption key.")
app.add_typer(service.db, name="db", help="The database.")
init.add_to(app)
forgetting.add_to(app)
service.add_to(app)
policy.add_to(app)
alerts.add_to(app)
keeping.add_to(app, service.db)


def main() -> None:
    """Run the command line."""
    try:
        # typer hands the code of an Exit back when it does not end the program itself
        with acts("cli"):
            sys.exit(app(prog_name=program(), standalone_mode=False) or 0)
    except (Abort, KeyboardInterrupt):
        sys.exit(130)
    except TyperException as wrong:
        complain(f"{wrong}. See: budstikke --help")
        sys.exit(2)
    except BudstikkeError as error:
        complain(str(error))
        sys.exit(EXIT_CODES.get(type(error), 1))
    except Exception as error:  # noqa: BLE001 - the edge of the program: a sentence, and the traceback for whoever asks for it
        complain(f"Something unforeseen went wrong ({type(error).__name__}: {error}). With BUDSTIKKE_LOG_LEVEL=debug you see where.")
        service.show_traceback()
        sys.exit(1)
