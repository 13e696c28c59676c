"""The containers are what the handbook says: small rights, one pages and two workers, and nothing that nobody has set."""

import re
from ipaddress import ip_address, ip_network
from typing import Any

import pytest
import yaml

from relay.settings import PREFIX, Settings
from tests.meta.repository import ROOT

FOLDER = ROOT / "deploy/container"
OURS = ("upgrade", "web", "work")


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    read: dict[str, Any] = yaml.safe_load((FOLDER / "compose.yaml").read_text(encoding="utf-8"))
    return read


@pytest.mark.parametrize("name", OURS)
def test_ours_can_write_nothing_and_have_no_rights(compose: dict[str, Any], name: str) -> None:
    service = compose["services"][name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert "no-new-privileges:true" in service["security_opt"]


def test_there_is_one_web_that_does_not_send_and_two_that_do(compose: dict[str, Any]) -> None:
    assert compose["services"]["web"]["command"] == ["serve", "--no-work"]
    assert compose["services"]["work"]["command"] == ["work"]
    assert compose["services"]["work"]["deploy"]["replicas"] == 2


def test_nothing_starts_before_the_database_is_of_this_version(compose: dict[str, Any]) -> None:
    for name in ("web", "work"):
        assert compose["services"][name]["depends_on"] == {"upgrade": {"condition": "service_completed_successfully"}}
    assert compose["services"]["upgrade"]["depends_on"] == {"database": {"condition": "service_healthy"}}


def test_only_the_proxy_is_believed_about_who_calls(compose: dict[str, Any]) -> None:
    proxy = compose["services"]["proxy"]["networks"]["front"]["ipv4_address"]
    [network] = compose["networks"]["front"]["ipam"]["config"]
    assert ip_address(proxy) in ip_network(network["subnet"])
    assert compose["services"]["web"]["environment"][f"{PREFIX}TRUSTED_PROXIES"] == proxy


def test_the_database_is_reached_from_nowhere_else(compose: dict[str, Any]) -> None:
    assert compose["services"]["database"]["networks"] == ["back"]
    assert compose["networks"]["back"]["internal"] is True
    assert "ports" not in compose["services"]["database"]


def test_networks_and_volumes_that_are_named_exist(compose: dict[str, Any]) -> None:
    for service in compose["services"].values():
        assert set(service["networks"]) <= set(compose["networks"])
        named = {volume.partition(":")[0] for volume in service.get("volumes", [])}
        assert named <= set(compose["volumes"])


def test_the_example_has_every_variable_and_no_other() -> None:
    told = {line.partition("=")[0] for line in (FOLDER / "example.env").read_text().splitlines() if re.match(r"[A-Z]", line)}
    asked = set(re.findall(r"\$\{(\w+)", (FOLDER / "compose.yaml").read_text()))
    known = {f"{PREFIX}{name.upper()}" for name in Settings.model_fields}
    assert asked <= told
    assert told - asked <= known


def test_the_image_runs_as_nobody_in_particular_and_says_how_it_is() -> None:
    lines = (FOLDER / "Containerfile").read_text(encoding="utf-8").splitlines()
    last = {line.split(" ")[0]: line for line in lines if re.match(r"[A-Z]+ ", line)}
    assert last["USER"] == "USER 10001:10001"
    assert "HEALTHCHECK" in last
    assert last["ENTRYPOINT"] == 'ENTRYPOINT ["budstikke"]'
    assert lines.index(last["USER"]) > max(index for index, line in enumerate(lines) if line.startswith("RUN"))


def test_everything_that_the_image_copies_is_there() -> None:
    copied = re.findall(r"^COPY (?!--from)(.+) \S+$", (FOLDER / "Containerfile").read_text(), re.MULTILINE)
    assert copied
    assert [name for line in copied for name in line.split() if not (ROOT / name).exists()] == []
