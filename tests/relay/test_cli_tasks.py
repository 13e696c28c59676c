"""`budstikke task list`: moments are the municipality's, whatever zone the machine keeps."""

import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from relay.cli import app
from relay.settings import ENV_FILE, PREFIX, Settings
from tests.relay.test_init import init


@pytest.fixture(autouse=True)
def _machine_in_utc(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


def test_a_task_opened_at_noon_in_london_is_listed_an_hour_later(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in Settings.model_fields:
        monkeypatch.delenv(f"{PREFIX}{name.upper()}", raising=False)
    monkeypatch.chdir(tmp_path)
    assert init(f"sqlite:///{tmp_path / 'budstikke.db'}").exit_code == 0
    monkeypatch.setenv(ENV_FILE, str(tmp_path / "settings.env"))
    with sqlite3.connect(tmp_path / "budstikke.db") as base:
        row = (1, "question", "q", 1, "2026-11-24 12:44:00.000000")
        base.execute("INSERT INTO task (municipality_id, kind, cause, gravity, opened_at) VALUES (?, ?, ?, ?, ?)", row)
    listed = CliRunner().invoke(app, ["task", "list"])
    assert listed.exit_code == 0, listed.output
    assert "24.11 13:44" in listed.output
