"""What the monitoring is told: every number is there, none names anybody, and strangers are told nothing."""

import re

import aiohttp
import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from relay.store import remembered
from relay.web import metrics
from tests.meta.repository import ROOT
from tests.relay.conftest import _town
from tests.stories.town import SMS_SENDER, Town
from tests.web.house import opened, settings

RULES = ROOT / "deploy" / "monitoring" / "alerts.yml"

__all__ = ["_town"]


async def told(url: str, **headers: str) -> tuple[int, dict[tuple[str, frozenset[tuple[str, str]]], float], str]:
    async with aiohttp.ClientSession() as http, http.get(f"{url}/metrics", headers=headers) as answer:
        text = await answer.text()
        if answer.status != 200:
            return answer.status, {}, text
        samples = [sample for family in text_string_to_metric_families(text) for sample in family.samples]
        return 200, {(one.name, frozenset(one.labels.items())): one.value for one in samples}, text


async def test_an_evening_is_seen_in_numbers_and_nobody_is_named(town: Town) -> None:
    ayan = await town.person("Ayan", "so")
    await town.person("Bilan", "so")
    await town.issue({"so": "KARI BIYAHA", "nb": "KOK VANNET"})
    await ayan.phone.says("1")
    await town.settle()
    async with town.store.write() as conn:
        await remembered.put(conn, remembered.LAST_BACKUP, town.clock.now().isoformat())
        await remembered.put(conn, remembered.LAST_PURGE, town.clock.now().isoformat())
    _, numbers, text = await told(town.relay.desk.public_url)
    names = {name for name, _ in numbers}
    missing = {name for name in metrics.GAUGES if name not in names}
    assert missing - {"budstikke_tasks_open"} == {
        "budstikke_certificate_days",
        "budstikke_canary_lost",
        "budstikke_canary_answer_seconds",
        "budstikke_sign_age_seconds",
        "budstikke_worker_silent_seconds",
        "budstikke_worker_clock_off_seconds",
    }
    assert numbers["budstikke_database_up", frozenset()] == 1
    taken = frozenset({"account": "twilio", "came_to": "taken"}.items())
    assert numbers[metrics.CALLBACKS, taken] >= 3
    left = sum(value for (name, labels), value in numbers.items() if name == "budstikke_attempts")
    assert left >= 2
    for secret in ("Ayan", "KARI", SMS_SENDER, ayan.phone._number(), "Sørvik"):
        assert secret not in text
    assert not re.search(r'="[^"]*\d{6}', text), "no label could be a number"


async def test_this_machine_alone_is_let_in_and_a_proxy_on_it_is_not(migrated_sqlite_url: str) -> None:
    async with opened(settings(migrated_sqlite_url)) as web:
        assert (await told(web.url))[0] == 200
        for name in ("X-Forwarded-For", "Forwarded", "X-Real-IP", "Via"):
            assert (await told(web.url, **{name: "for=1.2.3.4"}))[0] == 403


async def test_with_a_token_nobody_without_it_is_let_in(migrated_sqlite_url: str) -> None:
    async with opened(settings(migrated_sqlite_url, metrics_token="hemmelig")) as web:
        assert (await told(web.url))[0] == 403
        assert (await told(web.url, Authorization="Bearer another"))[0] == 403
        assert (await told(web.url, **{"Authorization": "Bearer hemmelig", "X-Forwarded-For": "1.2.3.4"}))[0] == 200


async def test_a_forged_callback_is_counted_and_a_strangers_account_has_no_name(migrated_sqlite_url: str) -> None:
    sid = "AC" + "0" * 32
    async with opened(settings(migrated_sqlite_url, twilio_account_sid=sid, twilio_auth_token="x")) as web, aiohttp.ClientSession() as http:
        for account in ("twilio", "no-such-account"):
            async with http.post(f"{web.url}/hooks/{account}/inbound", data={"Body": "1"}) as answer:
                assert answer.status in (403, 404)
        _, numbers, text = await told(web.url)
    refused = {labels: value for (name, labels), value in numbers.items() if name == metrics.CALLBACKS}
    assert refused == {frozenset({"account": one, "came_to": "refused"}.items()): 1 for one in ("twilio", "")}
    assert "no-such-account" not in text


def test_every_rule_of_alarm_names_numbers_that_there_are() -> None:
    rules = [rule for group in yaml.safe_load(RULES.read_text())["groups"] for rule in group["rules"]]
    assert len(rules) > 10
    known = set(metrics.names()) | {f"{metrics.LAG}_bucket"}
    for rule in rules:
        named = set(re.findall(r"\bbudstikke_\w+", rule["expr"]))
        assert named, rule["alert"]
        assert named <= known, rule["alert"]
        assert set(rule["annotations"]) == {"summary", "action"}
        assert rule["labels"]["severity"] in ("page", "ticket")


@pytest.mark.parametrize("name", metrics.names())
def test_every_number_is_explained(name: str) -> None:
    words, _ = {**metrics.GAUGES, **metrics.COUNTED}[name]
    assert words.endswith(".")
