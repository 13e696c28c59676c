"""What a file of the project must never hold, and what must be able to run."""

import os
import re
import subprocess
from pathlib import Path

import pytest

from tests.meta.repository import ROOT, texts

# Written in pieces, since this file is looked at too.
REGISTRY_HOSTS = [
    ".".join(parts)
    for parts in (
        ("pypi", "org"),
        ("pythonhosted", "org"),
        ("npmjs", "org"),
        ("npmjs", "com"),
        ("yarnpkg", "com"),
        ("jsdelivr", "net"),
        ("unpkg", "com"),
        ("docker", "io"),
    )
]
MACHINE_PATH = re.compile(r"(?<![\w.:/-])/(?:home|root|Users|work)/[\w.-]")
RECORDED_DOWNLOAD = re.compile(r'"resolved": *"http|^(?:url|registry) *= *"http', re.MULTILINE)


def faults(text: str) -> list[str]:
    """Return what this text names of the world outside the project: registries, and folders of one machine."""
    named = [host for host in REGISTRY_HOSTS if host in text]
    named += [place for place in _this_machine() if place in text]
    named += MACHINE_PATH.findall(text) + RECORDED_DOWNLOAD.findall(text)
    return named


def _this_machine() -> list[str]:
    places = (str(ROOT) + "/", str(Path.home()) + "/")
    return [place for place in places if place.count("/") > 2]


def test_no_file_names_a_registry_or_a_machine() -> None:
    assert {name: found for name, text in texts() if (found := faults(text))} == {}


@pytest.mark.parametrize(
    "text",
    [
        "see https://" + "pypi" + ".org/simple",
        "cd /" + "home/kari/budstikke",
        '"resolved": ' + '"https://elsewhere/x.tgz"',
        f"log in {ROOT}/x",
    ],
)
def test_such_a_file_would_be_found(text: str) -> None:
    assert faults(text)


@pytest.mark.parametrize("text", ["https://example.no/home/x", "channels/email.py", "the root/branch"])
def test_an_innocent_file_is_left_alone(text: str) -> None:
    assert not faults(text)


@pytest.mark.parametrize("name", ["run", ".ci/run"])
def test_the_scripts_can_be_started(name: str) -> None:
    script = ROOT / name
    assert os.access(script, os.X_OK)
    shell = script.read_text().splitlines()[0].removeprefix("#!").split()
    assert subprocess.run([*shell, "-n", script], check=False).returncode == 0


def test_help_sets_nothing_up() -> None:
    shown = subprocess.run(
        ["/bin/sh", ROOT / "run", "help"], env={"PATH": "/usr/bin:/bin"}, check=True, capture_output=True, text=True
    ).stdout
    assert "./run demo" in shown
    assert "./run test" in shown
