"""The units are what systemd takes, and leave little to whoever breaks in."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from deploy.check import units
from tests.meta.repository import ROOT

UNITS = ROOT / "deploy/systemd"
SERVICES = ("budstikke.service", "budstikke-work@.service", "budstikke-backup.service")
#: of 10; systemd's own scale
MOST_EXPOSED = 1.5


def systemd_analyze(folder: Path, *arguments: str) -> str:
    """Ask systemd-analyze about copies of the units in which a program stands that is on every machine."""
    if not shutil.which("systemd-analyze"):
        pytest.skip("no systemd-analyze: install the package systemd")
    for file in UNITS.glob("*.*"):
        name = file.name.replace("@.", "@1.")
        (folder / name).write_text(file.read_text().replace("/opt/budstikke/.venv/bin/budstikke", "/bin/true"))
    done = subprocess.run(["systemd-analyze", *arguments], cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr + done.stdout
    return done.stdout + done.stderr


def test_systemd_finds_no_fault(tmp_path: Path) -> None:
    names = [f"./{file.name.replace('@.', '@1.')}" for file in UNITS.glob("*.[st]*") if file.suffix != ".sh"]
    assert systemd_analyze(tmp_path, "verify", *names).strip() == ""


@pytest.mark.parametrize("name", SERVICES)
def test_little_is_left_to_whoever_breaks_in(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    told = systemd_analyze(tmp_path, "security", "--offline=true", "--no-pager", "./" + name.replace("@.", "@1."))
    found = re.search(r"Overall exposure level for \S+: (\d+\.\d+)", told)
    assert found, told
    with capsys.disabled():
        print(f"\n{name}: exposure {found[1]} of 10")
    assert float(found[1]) <= MOST_EXPOSED


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_runs_as_nobody_in_particular_with_the_installations_settings(name: str) -> None:
    unit = units.read(UNITS / name)
    assert unit.last("User") == unit.last("Group") == "budstikke"
    assert units.environment(unit)["BUDSTIKKE_ENV_FILE"] == "/etc/budstikke/budstikke.env"
    assert unit.last("ProtectSystem") == "strict"


@pytest.mark.parametrize("name", SERVICES[:2])
def test_what_sends_is_started_again_whatever_happens_and_watched(name: str) -> None:
    unit = units.read(UNITS / name)
    assert unit.last("Restart") == "always"
    assert unit.values["Unit", "StartLimitIntervalSec"] == ["0"]
    assert unit.last("Type") == "notify"
    assert int(unit.last("WatchdogSec")) > 30


def test_lines_are_split_as_systemd_splits_them(tmp_path: Path) -> None:
    file = tmp_path / "x@.service"
    file.write_text(
        "[Service]\nEnvironment=A=1 'B=two words'\nExecStart=/bin/echo %i ${A} $$x 100%% 'a b'\nExecStart=\nExecStart=-/bin/true ${B}\n"
    )
    unit = units.read(file, "x@7.service")
    assert unit.every("ExecStart") == ["-/bin/true ${B}"]
    assert units.words(unit, unit.last("ExecStart")) == ["/bin/true", "two words"]
    assert units.words(unit, "/bin/echo %i ${A} $$x 100%% 'a b'") == ["/bin/echo", "7", "1", "$x", "100%", "a b"]
