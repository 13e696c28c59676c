"""`budstikke init` makes an installation on trial out of a few answers, for its owner's eyes, and never a second one over the first."""

import asyncio
import contextlib
import json
import os
import pty
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from dotenv import dotenv_values
from sqlalchemy import select
from typer.testing import CliRunner, Result

from relay.cli import app
from relay.model import BadInput, NotAllowed, NotFound, NotReady
from relay.settings import ENV_FILE, PREFIX, Settings
from relay.store import sealing, trial, users
from relay.store.engine import Store
from relay.store.tables import ContactPoint, Municipality, Sender
from relay.typed import TYPED
from relay.web import passwords

ANSWERS = {
    "municipality": "1870",
    "contact": "Kari Nordmann,+4791234567,08-22",
    "duty-phone": "+4790000001",
    "public-url": "https://varsel.sortland.example/",
    "provider": "none",
    "administrator": "Kari Nordmann",
}


@pytest.fixture(autouse=True)
def _bare(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in Settings.model_fields:
        monkeypatch.delenv(f"{PREFIX}{name.upper()}", raising=False)
    monkeypatch.delenv(ENV_FILE, raising=False)
    monkeypatch.chdir(tmp_path)


def init(database: str, *more: str, env_file: str = "settings.env", **changed: str) -> Result:
    said = ANSWERS | {"database": database, "env-file": env_file} | changed
    options = [word for name, value in said.items() if value for word in (f"--{name}", value)]
    return CliRunner().invoke(app, ["init", *options, *more])


async def _inside(env_file: Path) -> dict[str, Any]:
    """What stands in the database that the environment file opens."""
    told = Settings.of({name: value or "" for name, value in dotenv_values(env_file).items()})
    keys = (told.encryption_key, told.lookup_key, told.audit_key)
    sealing.use(sealing.build(*(key.get_secret_value() for key in keys)))
    store = await Store.open(told.database_url.get_secret_value())
    try:
        async with store.read() as conn:
            town = (await conn.execute(select(Municipality.id, Municipality.name, Municipality.duty_phone))).one()
            [user] = await users.listed(conn, town.id)
            kept = await users.by_login(conn, user.login)
            assert kept is not None
            return {
                "town": (town.name, town.duty_phone),
                "contact": (await conn.execute(select(ContactPoint.name))).scalar_one(),
                "trial": await trial.is_on(conn, town.id),
                "user": (user.name, user.login, sorted(user.roles)),
                "once": kept.password_once,
                "hash": kept.password_hash,
                "senders": (await conn.execute(select(Sender.channel, Sender.address).order_by(Sender.id))).all(),
            }
    finally:
        await store.close()


def test_a_new_installation_is_on_trial_and_its_administrator_gets_in_once(database_url: str, tmp_path: Path) -> None:
    done = init(database_url, "--json")
    assert done.exit_code == 0, done.output
    told = json.loads(done.stdout)
    assert told["next"][-2:] == ["budstikke doctor", "budstikke serve"]
    made = asyncio.run(_inside(tmp_path / "settings.env"))
    assert made["town"] == ("Sortland", "+4790000001")
    assert made["contact"] == "Kari Nordmann"
    assert made["trial"]
    assert made["user"] == ("Kari Nordmann", "kari.nordmann", ["administrator"])
    assert made["once"]
    assert asyncio.run(passwords.right(made["hash"], told["password"]))
    assert made["senders"] == []


def test_settings_and_database_are_for_their_owners_eyes(sqlite_url: str, tmp_path: Path) -> None:
    assert init(sqlite_url).exit_code == 0
    modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in tmp_path.iterdir()}
    assert modes["settings.env"] == modes["budstikke.db"] == 0o600


def test_the_file_opens_the_installation_from_any_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert init("sqlite:///here.db").exit_code == 0
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    monkeypatch.setenv(ENV_FILE, str(tmp_path / "settings.env"))
    assert Settings.load().public_base_url == "https://varsel.sortland.example"
    assert Settings.load().database_url.get_secret_value() == f"sqlite:///{tmp_path / 'here.db'}"
    monkeypatch.setenv(ENV_FILE, str(tmp_path / "none.env"))
    with pytest.raises(NotReady, match=r"none\.env"):
        Settings.load()


def test_nothing_is_overwritten(database_url: str, tmp_path: Path) -> None:
    assert init(database_url).exit_code == 0
    before = (tmp_path / "settings.env").read_bytes()
    assert isinstance(init(database_url).exception, NotAllowed)
    again = init(database_url, env_file="other.env", administrator="Ola")
    assert isinstance(again.exception, NotAllowed)
    assert "already" in str(again.exception)
    assert (tmp_path / "settings.env").read_bytes() == before
    assert not (tmp_path / "other.env").exists()
    assert asyncio.run(_inside(tmp_path / "settings.env"))["user"][0] == "Kari Nordmann"


@pytest.mark.parametrize(
    ("changed", "error", "words"),
    [
        ({"municipality": "9998"}, NotFound, "9998"),
        ({"municipality": ""}, BadInput, "municipality"),
        ({"contact": "Kari"}, BadInput, "contact: A contact point is NAME,NUMBER"),
        ({"contact": "Kari,hallo"}, BadInput, "contact: «hallo» is no telephone number"),
        ({"contact": "Kari,+4791234567,alltid"}, BadInput, "contact: When"),
        ({"duty-phone": "1234"}, BadInput, "duty_phone: «1234»"),
        ({"public-url": "http://127.0.0.1:8080"}, NotReady, "public_url: No provider can reach"),
        ({"public-url": "hallo"}, BadInput, "public_url: «hallo» is no address"),
        ({"database": "mysql://host/base"}, NotReady, "database: BUDSTIKKE_DATABASE_URL names 'mysql'"),
        ({"provider": "sandbx"}, BadInput, "provider: «sandbx» is no provider: write twilio, sandbox or none"),
        ({"provider": "twilio", "sms-number": "+4759440000"}, BadInput, "twilio_account_sid, twilio_auth_token"),
        ({"listen-port": "port"}, NotReady, "LISTEN_PORT"),
    ],
)
def test_a_strange_answer_is_named_and_leaves_nothing_behind(
    sqlite_url: str, tmp_path: Path, changed: dict[str, str], error: type[Exception], words: str
) -> None:
    done = init(changed.get("database") or sqlite_url, **{name: value for name, value in changed.items() if name != "database"})
    assert isinstance(done.exception, error)
    assert words in str(done.exception)
    assert not (tmp_path / "settings.env").exists()
    assert init(sqlite_url).exit_code == 0, "and the way is free for the next try"


def test_answers_from_a_file_make_a_twilio_installation(sqlite_url: str, tmp_path: Path) -> None:
    sid = "AC" + "1" * 32
    lines = {name.replace("-", "_"): value for name, value in ANSWERS.items()} | {
        "database": sqlite_url, "provider": "twilio", "twilio_account_sid": sid, "twilio_auth_token": "hemme lig#1",
        "sms_number": "+4759440000",
    }  # fmt: skip
    file = tmp_path / "answers.toml"
    file.write_text("\n".join(f"{name} = {json.dumps(value)}" for name, value in lines.items()), encoding="utf-8")
    done = CliRunner().invoke(app, ["init", "--answers", str(file), "--env-file", "settings.env"])
    assert done.exit_code == 0, done.output
    told = dotenv_values(tmp_path / "settings.env")
    assert (told["BUDSTIKKE_TWILIO_ACCOUNT_SID"], told["BUDSTIKKE_TWILIO_AUTH_TOKEN"]) == (sid, "hemme lig#1")
    assert asyncio.run(_inside(tmp_path / "settings.env"))["senders"] == [("sms", "+4759440000")]
    assert "hemme" not in done.output


def test_the_sandbox_is_there_as_three_senders_and_a_next_step(sqlite_url: str, tmp_path: Path) -> None:
    done = init(sqlite_url, **{"provider": "sandbox", "public-url": "http://127.0.0.1:8080"})
    assert done.exit_code == 0, done.output
    assert "budstikke sandbox --port" in done.output
    assert {one.channel for one in asyncio.run(_inside(tmp_path / "settings.env"))["senders"]} == {"sms", "whatsapp", "email"}


def test_what_comes_next_is_named_as_this_reader_types_it(sqlite_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(TYPED, "./run")
    done = init(sqlite_url, **{"provider": "sandbox", "public-url": "http://127.0.0.1:8080"})
    assert done.exit_code == 0, done.output
    lines = [line.strip() for line in done.output.splitlines()]
    assert lines[-2:] == ["./run doctor", "./run serve"]
    assert "    ./run sandbox --port 8090" in done.output
    assert "`./run settings`" in (tmp_path / "settings.env").read_text(encoding="utf-8")


def typed(lines: list[str], folder: Path) -> tuple[int, str]:
    """Type these lines at a real terminal, into `init`; return its exit code and what stood on the screen."""
    ours, theirs = pty.openpty()
    command = [sys.executable, "-c", "from relay.cli import main; main()", "init"]
    told = {name: value for name, value in os.environ.items() if not name.startswith(PREFIX)} | {"COLUMNS": "200"}
    with subprocess.Popen(command, cwd=folder, env=told, stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True) as running:
        os.close(theirs)
        os.write(ours, "".join(f"{line}\n" for line in lines).encode())
        screen = b""
        # a terminal that everybody has left is an error to its reader
        with contextlib.suppress(OSError):
            while part := os.read(ours, 4096):
                screen += part
        os.close(ours)
        return running.wait(60), screen.decode()


def test_each_answer_is_judged_at_its_prompt_and_asked_for_again(tmp_path: Path) -> None:
    code, screen = typed(
        [
            "Sortlnd", "Sortland", "Kari,hallo", "Kari Nordmann,+4791234567,08-22", "1234", "+4790000001", "sandbx", "sandbox",
            "hallo", "http://127.0.0.1:8080", "mysql://a/b", "sqlite:///here.db", "Kari Nordmann",
        ],
        tmp_path,
    )  # fmt: skip
    assert code == 0, screen
    for wrong in ("Sortlnd", "«hallo» is no telephone number", "«1234»", "«sandbx» is no provider", "«hallo» is no address", "'mysql'"):
        assert wrong in screen, wrong
    made = asyncio.run(_inside(tmp_path / ".env"))
    assert made["town"] == ("Sortland", "+4790000001")
    assert made["user"][0] == "Kari Nordmann"
