"""The layers of ARCHITECTURE.md hold, and would not go unnoticed if they did not."""

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from tests.meta.repository import ROOT

#: rooms that the contract about pure code names
DECIDES = ("model", "routing", "talk", "counting", "verdict", "breaker", "sense", "wording")
LINTER = Path(sys.executable).with_name("lint-imports")


def lint(folder: Path) -> subprocess.CompletedProcess[str]:
    """Hold the packages in this folder against the contracts of the project."""
    command = [str(LINTER), "--no-logo", "--no-cache", "--config", str(ROOT / "pyproject.toml")]
    surroundings = {**os.environ, "PYTHONPATH": str(folder)}
    return subprocess.run(command, cwd=folder, env=surroundings, check=False, capture_output=True, text=True)


def test_the_layers_hold() -> None:
    done = lint(ROOT)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_layers_are_told() -> None:
    """Nobody finds a room that ARCHITECTURE.md is silent about: it names the layers of the contract, from the top."""
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["importlinter"]["contracts"]
    (journey,) = [each for each in contracts if each["id"] == "journey"]
    (told,) = re.findall(r"Inside relay, from the top: (.*?)\. Stages never", (ROOT / "ARCHITECTURE.md").read_text("utf-8"), re.DOTALL)
    layers = [set(re.findall(r"\w+", layer)) for layer in journey["layers"]]
    named = re.findall(r"`(\w+)`", told)
    assert sorted(named) == sorted(set().union(*layers))
    assert [next(n for n, layer in enumerate(layers) if name in layer) for name in named] == sorted(
        n for n, layer in enumerate(layers) for _ in layer
    )


@pytest.fixture
def small_house(tmp_path: Path) -> Path:
    """Return a folder with the least that the contracts speak of."""
    for name in ("channels/__init__", "messages/__init__", "relay/__init__", *(f"relay/{room}" for room in DECIDES)):
        _write(tmp_path / f"{name}.py", "")
    return tmp_path


def test_a_small_house_stands(small_house: Path) -> None:
    done = lint(small_house)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("broken", "files"),
    [
        ("never upwards", {"messages/alert.py": "import channels"}),
        ("never upwards", {"channels/base.py": "import relay.model"}),
        ("relay, from", {"relay/dispatch.py": "import relay.receipts", "relay/receipts.py": ""}),
        ("relay, from", {"relay/store/__init__.py": "import relay.reach", "relay/reach.py": ""}),
        ("relay, from", {"relay/cellar.py": ""}),
        ("channels know nothing", {"channels/email.py": "import channels.twilio_sms", "channels/twilio_sms.py": ""}),
        ("the sandbox shares", {"channels/sandbox/__init__.py": "import channels.twilio_client", "channels/twilio_client.py": ""}),
        ("in what decides", {"messages/alert.py": "import asyncio"}),
        ("in what decides", {"relay/routing.py": "import relay.pulse", "relay/pulse.py": "import sqlalchemy"}),
        ("no cycles", {"messages/cap.py": "import messages.form", "messages/form.py": "import messages.cap"}),
    ],
)
def test_a_planted_fault_is_found(small_house: Path, broken: str, files: dict[str, str]) -> None:
    for name, text in files.items():
        _write(small_house / name, text)
    done = lint(small_house)
    assert done.returncode != 0
    assert any(broken in line and "BROKEN" in line for line in done.stdout.splitlines()), done.stdout + done.stderr


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
