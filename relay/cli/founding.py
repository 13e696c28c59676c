"""How an installation comes to be: from a few answers to an environment file for its owner's eyes, and a database on trial."""

import os
import re
import tomllib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, ValidationError
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from channels.sandbox.house import ACCOUNT, AUTH_TOKEN
from messages.form import Medium
from relay import places
from relay.app import WHATSAPP_SUFFIX
from relay.cli.register import read_contact
from relay.model import BadInput, NotAllowed, NotReady, Place, Role
from relay.settings import PREFIX, Settings
from relay.store import address, register, remembered, schema, sealing, users
from relay.store.engine import Store
from relay.store.normal import checked_address
from relay.store.tables import Municipality
from relay.typed import as_typed
from relay.web import passwords

#: where the emulated provider of a trial listens, on this machine
SANDBOX_PORT, SANDBOX_MAIL_PORT = 8090, 8025
SANDBOX_NUMBER = "+4759440000"

#: the environment file's sections: what stands there, and for whom
HEAD = "# Budstikke: the settings of this installation, for its own user's eyes. `budstikke settings` lists all there are."
KEYS = "# Keys. Keep a copy of them apart from the database and from its backups: without them nothing in it can be read."

THERE = "{} is there already; nothing is overwritten. For another installation name another file: --env-file"

#: what needs no quotes, for a shell, systemd, and a container alike
_PLAIN = re.compile(r"[\w./:@+,=%?&-]*", re.ASCII)


class Answers(BaseModel):
    """What a new installation is asked for; empty: not said."""

    model_config = ConfigDict(extra="forbid", frozen=True, str_strip_whitespace=True)

    #: number (four digits) or name
    municipality: str = ""
    #: NAME,NUMBER[,HOURS] of the fixed person whom groups may ring
    contact: str = ""
    #: mobile that gets an SMS when somebody writes of danger
    duty_phone: str = ""
    #: under which the world reaches us, with https://
    public_url: str = ""
    #: sqlite:///FILE or postgresql://USER:PASSWORD@HOST/DATABASE
    database: str = ""
    provider: Literal["", "none", "sandbox", "twilio"] = ""
    twilio_account_sid: str = ""
    twilio_auth_token: str = ""
    #: number that SMS come from
    sms_number: str = ""
    #: name of the first user, who invites the others
    administrator: str = ""
    #: what they sign in with; empty: their name with dots
    login: str = ""
    #: where `serve` listens, behind the reverse proxy
    listen_host: str = "127.0.0.1"
    listen_port: str = "8080"


#: which answers nobody can do without, and further ones with each provider
NEEDED = ("municipality", "contact", "public_url", "database", "provider", "administrator")
NEEDED_WITH: Mapping[str, tuple[str, ...]] = {"twilio": ("twilio_account_sid", "twilio_auth_token", "sms_number")}


def answers_in(file: Path) -> dict[str, str]:
    """Read answers from a TOML file; BadInput names what is wrong with it."""
    try:
        found = tomllib.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise BadInput(f"{file} cannot be read: {error.strerror}.") from error
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise BadInput(f'{file} is no file of answers: write lines like municipality = "1870". {error}') from error
    return {name: str(value) for name, value in found.items()}


def checked(said: Mapping[str, Any]) -> Answers:
    """Return the answers; BadInput names every one that is missing or strange."""
    try:
        answers = Answers.model_validate(said)
    except ValidationError as wrong:
        words = "; ".join(f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in wrong.errors(include_input=False))
        raise BadInput(f"The answers cannot be used. {words}.") from None
    missing = [name for name in (*NEEDED, *NEEDED_WITH.get(answers.provider, ())) if not getattr(answers, name)]
    if missing:
        raise BadInput(f"Answers are missing: {', '.join(missing)}. Give them as options, in the file of --answers, or at a terminal.")
    return answers


def environment(answers: Answers) -> dict[str, str]:
    """Return the settings of the new installation, keys among them."""
    told = {
        "PUBLIC_BASE_URL": answers.public_url.rstrip("/"),
        "DATABASE_URL": _absolute(answers.database),
        "LISTEN_HOST": answers.listen_host,
        "LISTEN_PORT": answers.listen_port,
        **_provider(answers),
        **{name: sealing.make_key() for name in ("ENCRYPTION_KEY", "LOOKUP_KEY", "AUDIT_KEY")},
    }
    return {PREFIX + name: value for name, value in told.items()}


def _absolute(database: str) -> str:
    """Name a SQLite file so that every command finds it, from whatever folder."""
    url = address.read(database)
    if url.get_backend_name() != "sqlite":
        return database
    return f"sqlite:///{Path(str(url.database)).absolute()}"


def _provider(answers: Answers) -> dict[str, str]:
    if answers.provider == "twilio":
        return {"TWILIO_ACCOUNT_SID": answers.twilio_account_sid, "TWILIO_AUTH_TOKEN": answers.twilio_auth_token}
    if answers.provider == "sandbox":
        return {
            "TWILIO_ACCOUNT_SID": ACCOUNT,
            "TWILIO_AUTH_TOKEN": AUTH_TOKEN,
            "TWILIO_BASE_URL": f"http://127.0.0.1:{SANDBOX_PORT}",
            "SMTP_HOST": "127.0.0.1",
            "SMTP_PORT": str(SANDBOX_MAIL_PORT),
            "SMTP_SECURITY": "none",
            "MAIL_DOMAIN": "svar.example",
        }
    return {}


def file_text(told: Mapping[str, str]) -> str:
    """Return the environment file: one NAME=VALUE a line, read alike by systemd, containers, a shell and Budstikke itself."""
    keys = {name: value for name, value in told.items() if name.endswith("_KEY")}
    plain = [f"{name}={_quoted(name, value)}" for name, value in told.items() if name not in keys]
    return "\n".join([as_typed(HEAD), *plain, "", KEYS, *(f"{name}={value}" for name, value in keys.items()), ""])


def _quoted(name: str, value: str) -> str:
    if _PLAIN.fullmatch(value):
        return value
    if re.search(r"['\\\n\r]|\$\{", value):
        raise BadInput(f"{name} holds a quote, a backslash or ${{, which environment files read in different ways. Choose another value.")
    return f"'{value}'"


@contextmanager
def new_file(file: Path, text: str) -> Iterator[None]:
    """Write the environment file, readable by its owner alone (0600); take it back if what follows fails. NotAllowed where one is."""
    try:
        out = os.open(file, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    except FileExistsError:
        raise NotAllowed(
            f"{file} is there already; nothing is overwritten. For another installation name another file: --env-file"
        ) from None
    except OSError as error:
        raise NotReady(f"{file} cannot be written: {error.strerror}.") from error
    with os.fdopen(out, "w", encoding="utf-8") as opened:
        opened.write(text)
        opened.flush()
        os.fsync(opened.fileno())
    try:
        yield
    except BaseException:
        file.unlink()
        raise


async def found(answers: Answers, settings: Settings, stamp: register.Stamp) -> tuple[Place, str, str]:
    """Make the database: its tables, the municipality on trial, and the first administrator; all of it or nothing.

    Return the municipality, and name and password (for one use) with which the administrator signs in. NotAllowed where somebody lives
    already. BadInput for a municipality, number or name that is none.
    """
    place, password = places.find(answers.municipality), passwords.make()
    login = users.login_key(answers.login or ".".join(answers.administrator.split()))
    kept = await passwords.hashed(password)
    sealing.use(sealing.build(*settings.require_keys()))
    store = await Store.open(settings.database_url.get_secret_value())
    try:
        await schema.upgrade(store)
        async with store.write() as conn:
            await _refuse_inhabited(conn)
            municipality_id = await _town(conn, answers, place, stamp)
            await _sender(conn, municipality_id, answers, settings, stamp)
            new = users.NewUser(name=answers.administrator, roles=frozenset({Role.ADMINISTRATOR}), login=login)
            await users.add(conn, municipality_id, new, stamp, password_hash=kept, once=True)
    finally:
        await store.close()
    return place, login, password


async def _refuse_inhabited(conn: AsyncConnection) -> None:
    if (await conn.execute(select(func.count(Municipality.id)))).scalar_one():
        raise NotAllowed(
            "This database holds an installation already; nothing was changed. Start that one with its own environment file and keys, "
            "or name an empty database."
        )


async def _town(conn: AsyncConnection, answers: Answers, place: Place, stamp: register.Stamp) -> int:
    made = await register.add_municipality(conn, place, stamp)
    await register.add_contact_point(conn, made, read_contact(answers.contact), stamp)
    if answers.duty_phone:
        await remembered.set_duty_phone(conn, made, checked_address(Medium.SMS, answers.duty_phone))
    return made


async def _sender(conn: AsyncConnection, municipality_id: int, answers: Answers, settings: Settings, stamp: register.Stamp) -> None:
    """Enter the number that SMS come from; of the sandbox, a number and a mailbox of each kind."""
    account = settings.twilio_account
    number = answers.sms_number or (SANDBOX_NUMBER if answers.provider == "sandbox" else "")
    senders = [(Medium.SMS, number, "twilio_sms", account)] if number else []
    if answers.provider == "sandbox":
        senders.append((Medium.WHATSAPP, number, "twilio_whatsapp", account + WHATSAPP_SUFFIX))
        senders.append((Medium.EMAIL, f"beredskap@{settings.mail_domain}", "email", "email"))
    for medium, value, provider, owner in senders:
        new = register.NewSender(medium=medium, address=value, provider=provider, account=owner)
        await register.add_sender(conn, municipality_id, new, stamp)
