"""A skipped test is named loudly, and fails where nothing may be skipped."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.meta.repository import ROOT

SKIPPING = """
import pytest

def test_done(): pass

@pytest.mark.skip(reason="no browser")
def test_page(): pass

@pytest.mark.xfail(reason="known", strict=True)
def test_known(): assert False
"""
ABSENT = """
import pytest

pytest.skip("no such provider", allow_module_level=True)
"""


def run_tests(folder: Path, *options: str, ci: str) -> subprocess.CompletedProcess[str]:
    """Run the tests in this folder under the project's own conftest."""
    command = [sys.executable, "-m", "pytest", "-p", "tests.conftest", "-p", "no:cacheprovider", f"--rootdir={folder}", *options]
    surroundings = {**os.environ, "PYTHONPATH": str(ROOT), "BUDSTIKKE_CI": ci}
    return subprocess.run(command, cwd=folder, env=surroundings, check=False, capture_output=True, text=True)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "test_page.py").write_text(SKIPPING)
    (tmp_path / "test_absent.py").write_text(ABSENT)
    return tmp_path


@pytest.mark.parametrize("options", [(), ("-n2",)])
def test_what_was_skipped_is_said_last(folder: Path, options: tuple[str, ...]) -> None:
    done = run_tests(folder, *options, ci="")
    assert done.returncode == 0, done.stdout
    loud = done.stdout[done.stdout.index("NOT TESTED") :]
    assert "test_page.py::test_page: Skipped: no browser" in loud
    assert "test_absent.py: Skipped: no such provider" in loud
    assert "2 skipped" in loud.splitlines()[-1]


@pytest.mark.parametrize("skipping", ["test_page.py", "test_absent.py"])
def test_a_skip_fails_where_nothing_may_be_skipped(folder: Path, skipping: str) -> None:
    done = run_tests(folder, "-n2", skipping, ci="1")
    assert done.returncode != 0, done.stdout
    assert "nothing may be skipped here" in done.stdout


def test_nothing_skipped_nothing_said(folder: Path) -> None:
    done = run_tests(folder, "test_page.py::test_done", "test_page.py::test_known", ci="1")
    assert done.returncode == 0, done.stdout
    assert "NOT TESTED" not in done.stdout
