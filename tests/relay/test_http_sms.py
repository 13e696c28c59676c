"""An SMS provider described by a file, as an installation uses it: settings, the composition root, the command line, the web's doors."""

import hmac
import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import urlencode

import aiohttp
import pytest
from typer.testing import CliRunner

from channels.clock import SystemClock
from channels.registry import build
from relay import cli, doctor
from relay.app import channels_of
from relay.model import NotReady
from relay.settings import PREFIX, Settings
from relay.store import sealing
from tests.channels.aggregator import ENVIRONMENT, basic
from tests.channels.http_calls import SECRET, TOKEN, with_callbacks
from tests.channels.rigs import PROVIDERS, described
from tests.stories.town import EVENING, town

TWILIO = {"twilio_account_sid": "AC" + "1" * 32, "twilio_auth_token": "x"}


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> pytest.MonkeyPatch:
    """Nothing is set but the providers' secrets."""
    for name in Settings.model_fields:
        monkeypatch.delenv(f"{PREFIX}{name.upper()}", raising=False)
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(tmp_path)
    return monkeypatch


def load(environment: pytest.MonkeyPatch, **values: str) -> Settings:
    for name, value in values.items():
        environment.setenv(f"{PREFIX}{name.upper()}", value)
    return Settings.load()


# --- settings -----------------------------------------------------------------------------------------------------------


def test_the_file_is_read_with_its_secrets(environment: pytest.MonkeyPatch) -> None:
    assert not load(environment).has_http_sms()
    settings = load(environment, http_sms_file=str(PROVIDERS / "nordisk.toml"))
    assert settings.has_http_sms()
    assert settings.require_http_sms().request.headers["X-Api-Key"] == ENVIRONMENT["NORDISK_API_KEY"]


def test_its_secrets_may_stand_in_the_file_of_settings_and_the_environment_goes_first(
    environment: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    environment.delenv("NORDISK_API_KEY")
    (tmp_path / ".env").write_text(f"{PREFIX}HTTP_SMS_FILE={PROVIDERS / 'nordisk.toml'}\nNORDISK_API_KEY=from-the-file\nEMPTY\n")
    assert Settings.load().require_http_sms().request.headers["X-Api-Key"] == "from-the-file"
    environment.setenv("NORDISK_API_KEY", "from-the-environment")
    assert Settings.load().require_http_sms().request.headers["X-Api-Key"] == "from-the-environment"


def test_what_is_wrong_is_told_with_the_file_the_line_and_the_setting(environment: pytest.MonkeyPatch) -> None:
    environment.delenv("NORDISK_API_KEY")
    settings = load(environment, http_sms_file=str(PROVIDERS / "nordisk.toml"))
    with pytest.raises(NotReady, match=r"nordisk\.toml, line \d+: .*NORDISK_API_KEY, which is not set.* Look at BUDSTIKKE_HTTP_SMS_FILE"):
        settings.require_http_sms()
    with pytest.raises(NotReady, match="cannot be read"):
        load(environment, http_sms_file="nowhere.toml").require_http_sms()
    with pytest.raises(NotReady, match=r"Set BUDSTIKKE_HTTP_SMS_FILE to a file like deploy/providers/example\.toml"):
        load(environment, http_sms_file="").require_http_sms()


async def test_it_stands_beside_the_other_channels(environment: pytest.MonkeyPatch) -> None:
    settings = load(environment, http_sms_file=str(PROVIDERS / "nordisk.toml"), **TWILIO)
    channels = channels_of(settings, SystemClock())
    assert set(channels) == {("twilio_sms", "twilio"), ("twilio_whatsapp", "twilio-whatsapp"), ("http_sms", "nordisk")}
    for channel in channels.values():
        await channel.close()


def test_two_channels_of_one_name_would_get_each_others_callbacks(environment: pytest.MonkeyPatch) -> None:
    settings = load(environment, http_sms_file=str(PROVIDERS / "nordisk.toml"), twilio_account="nordisk", **TWILIO)
    with pytest.raises(NotReady, match="Two channels are called nordisk"):
        channels_of(settings, SystemClock())


def test_doctor_asks_for_what_is_used(environment: pytest.MonkeyPatch) -> None:
    names = {str(check.name): check.ok for check in doctor.settings_checks(load(environment))}
    assert names["SMS and WhatsApp account"] is False
    settings = load(environment, http_sms_file=str(PROVIDERS / "nordisk.toml"))
    names = {str(check.name): check.ok for check in doctor.settings_checks(settings)}
    assert names["SMS provider described by a file"] is True
    assert "SMS and WhatsApp account" not in names


# --- the command line ---------------------------------------------------------------------------------------------------

ADD = ["sender", "add", "sms", "--as", "Kari"]


@pytest.mark.parametrize(
    ("beside", "asked", "provider"),
    [
        ({}, [], ("http_sms", "nordisk")),
        (TWILIO, [], ("twilio_sms", "twilio")),
        (TWILIO, ["--provider", "http_sms"], ("http_sms", "nordisk")),
        (TWILIO, ["--provider", "twilio_sms"], ("twilio_sms", "twilio")),
    ],
)
def test_a_sender_goes_by_the_channel_that_is_named(
    environment: pytest.MonkeyPatch, migrated_sqlite_url: str, beside: dict[str, str], asked: list[str], provider: tuple[str, str]
) -> None:
    file = migrated_sqlite_url.partition("///")[2]
    keys = {"encryption_key": sealing.make_key(), "lookup_key": sealing.make_key()}
    load(environment, database_url=migrated_sqlite_url, http_sms_file=str(PROVIDERS / "nordisk.toml"), **keys, **beside)
    runner = CliRunner()
    assert runner.invoke(cli.app, ["municipality", "add", "Sortland", "--contact", "Kari,+4791234567", "--as", "Kari"]).exit_code == 0
    done = runner.invoke(cli.app, [*ADD, "+4759440000", *asked])
    assert done.exit_code == 0, done.output
    refused = runner.invoke(cli.app, [*ADD, "+4759440001", "--provider", "pigeon"])
    assert "No channel 'pigeon' is set up for sms" in str(refused.exception)
    with sqlite3.connect(file) as database:
        assert database.execute("SELECT provider, account FROM sender").fetchall() == [provider]
    database.close()


# --- the web's doors ----------------------------------------------------------------------------------------------------


@pytest.fixture
async def hooks(migrated_sqlite_url: str, tmp_path: Path) -> AsyncIterator[str]:
    """Open a town with two accounts of other providers; yield the address of its hooks."""
    async with town(migrated_sqlite_url, tmp_path) as opened:
        desk = opened.relay.desk
        desk.channels["http_sms", "example"] = build("http_sms", described("example", "https://sms.example"), clock=opened.clock)
        places = 'id = { field = "id" }, state = { field = "s" }'
        text = f'format = "query"\npath_secret = "${{SECRET}}"\nstatus = {{ {places} }}\n'
        desk.channels["http_sms", "least"] = build("http_sms", with_callbacks(text), clock=opened.clock)
        yield f"{desk.public_url}/hooks"


async def test_a_signed_form_is_taken_and_a_changed_one_is_not(hooks: str) -> None:
    stamp = str(int(EVENING.timestamp()))
    body = urlencode({"id": "17", "status": "delivered", "reference": TOKEN}).encode()
    mark = hmac.new(ENVIRONMENT["EXAMPLE_SMS_SIGNING_SECRET"].encode(), f"{stamp}.".encode() + body, "sha256").hexdigest()
    headers = {"X-Timestamp": stamp, "X-Signature": f"sha256={mark}", "Content-Type": "application/x-www-form-urlencoded"}
    async with aiohttp.ClientSession() as session:
        for path, sent, status in (
            (f"/example/status/{TOKEN}", body, 204),
            ("/example/status", body, 204),
            (f"/example/status/{TOKEN}", body + b"&x=1", 403),
            (f"/example/status/{'f' * 32}", body, 403),
            ("/example/inbound", body, 403),
            ("/nobody/status", body, 404),
        ):
            async with session.post(hooks + path, data=sent, headers=headers) as answer:
                assert answer.status == status, path


async def test_a_get_is_taken_where_its_address_knows_the_secret(hooks: str) -> None:
    async with aiohttp.ClientSession() as session:
        for path, status in (
            (f"/least/status/{TOKEN}/{SECRET}?id=17&s=ok", 204),
            (f"/least/status/{SECRET}?id=17&s=ok", 204),
            (f"/least/status/{TOKEN}?id=17&s=ok", 403),
            (f"/least/inbound/{SECRET}?id=17", 403),
            (f"/twilio/status/{TOKEN}?MessageStatus=read", 403),
            ("/email/inbound", 403),
        ):
            async with session.get(hooks + path) as answer:
                assert answer.status == status, path


@pytest.mark.parametrize(
    "kind", ["application/x-www-form-urlencoded", "application/x-www-form-urlencoded; charset=nonsense", "application/json"]
)
async def test_a_body_in_no_alphabet_is_refused_and_breaks_nothing(hooks: str, kind: str) -> None:
    async with aiohttp.ClientSession() as session:
        for account in ("example", "twilio"):
            headers = {"Content-Type": kind, "Authorization": basic("a", "b")}
            async with session.post(f"{hooks}/{account}/status/{TOKEN}", data=b"\xe6=\xff&a=%E6", headers=headers) as answer:
                assert answer.status == 403
