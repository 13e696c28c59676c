"""`budstikke alert approve --as NAME`: a name is taken on trust only as long as no user is an approver."""

import sqlite3
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from relay.cli import app
from relay.model import NotAllowed
from relay.settings import ENV_FILE, PREFIX, Settings
from tests.relay.test_init import init

MESSAGE = Path(__file__).parents[2] / "deploy" / "handbook" / "first" / "exercise.xml"


def budstikke(*words: str) -> Any:
    return CliRunner().invoke(app, [*words])


@pytest.fixture(autouse=True)
def _installed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in Settings.model_fields:
        monkeypatch.delenv(f"{PREFIX}{name.upper()}", raising=False)
    monkeypatch.chdir(tmp_path)
    assert init(f"sqlite:///{tmp_path / 'budstikke.db'}", provider="sandbox").exit_code == 0
    monkeypatch.setenv(ENV_FILE, str(tmp_path / "settings.env"))
    assert budstikke("alert", "take", str(MESSAGE), "--replay", "--as", "Kari").exit_code == 0


def state() -> str:
    with sqlite3.connect("budstikke.db") as database:
        return str(database.execute("SELECT state FROM alert").fetchone()[0])


def test_without_approvers_any_name_is_taken_and_that_is_said() -> None:
    done = budstikke("alert", "approve", "1", "--as", "Ola")
    assert (done.exit_code, state()) == (0, "APPROVED")
    assert "taken on trust" in done.stderr


def test_where_there_is_an_approver_nobody_else_is_taken_for_one() -> None:
    for name, role in (("Anders And", "approver"), ("Vera Vakt", "duty_officer")):
        assert budstikke("user", "add", name, "--role", role, "--as", "Kari").exit_code == 0
    for name in ("Ola", "Vera Vakt"):
        refused = budstikke("alert", "approve", "1", "--as", name)
        assert isinstance(refused.exception, NotAllowed)
        assert "Anders And" in str(refused.exception)
        assert state() == "DRAFT"
    done = budstikke("alert", "approve", "1", "--as", "anders  and")
    assert (done.exit_code, state(), "trust" in done.stderr) == (0, "APPROVED", False)


def test_where_users_end_alerts_nobody_unknown_sends_stops_withdraws_or_ends_one() -> None:
    """Before there are any, a name is taken on trust; a slip of the pen must not stand as who ended an alert."""
    assert budstikke("alert", "approve", "1", "--as", "Ola").exit_code == 0
    assert budstikke("alert", "release", "1", "--as", "Ola").exit_code == 0
    assert budstikke("user", "add", "Vera Vakt", "--role", "duty_officer", "--as", "Kari").exit_code == 0
    for command in ("release", "withdraw", "over", "cancel"):
        refused = budstikke("alert", command, "1", "--as", "Finnes Ikke")
        assert isinstance(refused.exception, NotAllowed), command
        assert "`budstikke user list`" in str(refused.exception)
        assert state() == "RELEASED"
    assert budstikke("alert", "over", "1", "--as", "vera  vakt").exit_code == 0
    assert state() == "CLOSED"
