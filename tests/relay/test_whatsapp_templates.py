"""`budstikke whatsapp templates` makes what WhatsApp asks for at the provider, once, and notes it with the senders."""

import json
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from dotenv import dotenv_values
from typer.testing import CliRunner

from relay.cli import app
from relay.settings import ENV_FILE, PREFIX, Settings
from tests.relay.test_init import init


@contextmanager
def provider(folder: Path) -> Iterator[str]:
    """An emulated provider, a process of its own; yields its address."""
    command = [sys.executable, "-m", "channels.sandbox", "--ledger", str(folder / "sandbox.jsonl")]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        try:
            yield json.loads(process.stdout.readline())["url"]
        finally:
            process.terminate()


def budstikke(*words: str) -> Any:
    done = CliRunner().invoke(app, [*words])
    assert done.exit_code == 0, done.output
    return json.loads(done.stdout) if "--json" in words else done.stdout


@pytest.fixture(autouse=True)
def _bare(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in Settings.model_fields:
        monkeypatch.delenv(f"{PREFIX}{name.upper()}", raising=False)
    monkeypatch.chdir(tmp_path)


def test_the_templates_are_made_once_and_stand_with_the_sender(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with provider(tmp_path) as url:
        assert init(f"sqlite:///{tmp_path / 'budstikke.db'}", provider="sandbox").exit_code == 0
        told = dotenv_values("settings.env") | {f"{PREFIX}TWILIO_BASE_URL": url}
        Path("settings.env").write_text("".join(f"{name}={value}\n" for name, value in told.items() if value), encoding="utf-8")
        monkeypatch.setenv(ENV_FILE, str(tmp_path / "settings.env"))
        made = budstikke("whatsapp", "templates", "--json", "--as", "Kari")
        again = budstikke("whatsapp", "templates", "--json", "--as", "Kari")
    assert made["contents"] == again["contents"]
    assert made["quick_replies"] == again["quick_replies"]
    assert set(made["quick_replies"]) == {"1", "2", "3"}
    assert {name.partition(":")[2] for name in made["contents"]} == {"nb", "en"}
    assert set(made["approvals"]) == set(made["contents"])
    with sqlite3.connect(tmp_path / "budstikke.db") as database:
        kept = database.execute("SELECT contents FROM sender WHERE channel = 'whatsapp'").fetchall()
    assert [json.loads(contents) for (contents,) in kept] == [made["contents"]]
