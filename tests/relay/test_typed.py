"""Commands that we print can be typed where they are read: by `./run` where that was used, by the program's own name elsewhere."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from relay.typed import TYPED, as_typed

RUN = Path(__file__).parents[2] / "run"


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("Run: budstikke sender add", "Run: ./run sender add"),
        ("Is `budstikke serve` or `budstikke work` running?", "Is `./run serve` or `./run work` running?"),
        ("budstikke sandbox --port 8090", "./run sandbox --port 8090"),
        ("No such command. See: budstikke --help", "No such command. See: ./run --help"),
        ("sqlite:///budstikke.db stays", "sqlite:///budstikke.db stays"),
        ("En budstikke gikk fra gard til gard. Budstikke sier: hei", "En budstikke gikk fra gard til gard. Budstikke sier: hei"),
    ],
)
def test_a_command_becomes_what_was_typed_and_nothing_else_does(monkeypatch: pytest.MonkeyPatch, written: str, shown: str) -> None:
    monkeypatch.setenv(TYPED, "./run")
    assert as_typed(written) == shown
    monkeypatch.delenv(TYPED)
    assert as_typed(written) == written


@pytest.fixture
def house(tmp_path: Path) -> Path:
    """A folder that `run` takes for set up, with a program that tells what it was told."""
    root = tmp_path.resolve()
    for folder in (".venv/bin", "relay/web/static/vendor"):
        (root / folder).mkdir(parents=True)
    (root / "run").write_bytes(RUN.read_bytes())
    (root / "run").chmod(0o755)
    (root / "relay/web/static/vendor/htmx.js").touch()
    (root / ".venv/budstikke-stamp").write_text(f"runtime\n{root}\n-\n")
    program = root / ".venv/bin/budstikke"
    program.write_text(f'#!/bin/sh\necho "${TYPED} $*"\n')
    program.chmod(0o755)
    return root


@pytest.mark.parametrize(("called", "told"), [(["./run"], "./run doctor"), (["sh", "run"], "sh run doctor")])
def test_the_door_says_how_it_was_called(house: Path, called: list[str], told: str) -> None:
    done = subprocess.run([*called, "doctor"], cwd=house, check=True, capture_output=True, text=True, timeout=60)
    assert done.stdout.strip() == told


def test_an_error_names_a_command_that_exists_for_its_reader(tmp_path: Path) -> None:
    told = {name: value for name, value in os.environ.items() if not name.startswith("BUDSTIKKE_")}
    told |= {TYPED: "./run", "BUDSTIKKE_DATABASE_URL": f"sqlite:///{tmp_path / 'none.db'}", "COLUMNS": "200"}
    done = subprocess.run(
        [sys.executable, "-c", "from relay.cli import main; main()", "reach", "1"],
        cwd=tmp_path, env=told, check=False, capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert done.returncode == 6
    assert "./run " in done.stderr
    assert "budstikke " not in done.stderr
