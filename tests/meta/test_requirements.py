"""The pinned requirements: complete, checked by hash, free of addresses, and what pyproject.toml asks for."""

import re
from functools import cache

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.meta.repository import ROOT, pyproject

RUNTIME, DEV = "requirements.txt", "requirements-dev.txt"
GROUPS = pyproject()["dependency-groups"]
ASKED = {
    RUNTIME: pyproject()["project"]["dependencies"] + GROUPS["build"],
    DEV: pyproject()["project"]["dependencies"] + GROUPS["build"] + GROUPS["dev"],
}


@cache
def pins(name: str) -> dict[str, tuple[str, frozenset[str]]]:
    """Return, per package, the version pinned in this file and the hashes allowed for it."""
    text = (ROOT / name).read_text().replace("\\\n", " ")
    return dict(_pin(line) for line in text.splitlines() if line.strip())


def _pin(line: str) -> tuple[str, tuple[str, frozenset[str]]]:
    requirement = Requirement(line.partition(" --hash")[0].strip())
    (version,) = requirement.specifier
    assert version.operator == "==", line
    return canonicalize_name(requirement.name), (version.version, frozenset(re.findall(r"--hash=sha256:([0-9a-f]{64})\b", line)))


@pytest.mark.parametrize("name", [RUNTIME, DEV])
def test_no_address_stands_in_it(name: str) -> None:
    text = (ROOT / name).read_text()
    assert "://" not in text
    assert " @ " not in text
    assert not re.search(r"^-", text, re.MULTILINE)


@pytest.mark.parametrize("name", [RUNTIME, DEV])
def test_every_package_is_checked_by_hash(name: str) -> None:
    assert [package for package, (_, hashes) in pins(name).items() if not hashes] == []


@pytest.mark.parametrize("name", [RUNTIME, DEV])
def test_it_is_what_the_project_asks_for(name: str) -> None:
    for asked in map(Requirement, ASKED[name]):
        version, _ = pins(name)[canonicalize_name(asked.name)]
        assert asked.specifier.contains(version), f"{asked} is pinned to {version}"


def test_development_stands_on_the_same_packages() -> None:
    runtime, dev = pins(RUNTIME), pins(DEV)
    assert {package: dev.get(package) for package in runtime} == runtime
