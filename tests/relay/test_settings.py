"""Every setting is described, what is wrong is named without its value, and secrets are never printed."""

from pathlib import Path

import pytest
from pydantic import SecretStr

from relay.model import NotReady
from relay.settings import ENV_FILE, PREFIX, Settings
from relay.store import sealing

SID = "AC" + "0" * 31 + "1"
SECRETS = {name: f"hemmelig-{name}" for name, field in Settings.model_fields.items() if field.annotation is SecretStr}
SECRETS["watch_url"] = "https://hemmelig-watch.example/mark"


@pytest.fixture(autouse=True)
def _nothing_set(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in Settings.model_fields:
        monkeypatch.delenv(f"{PREFIX}{name.upper()}", raising=False)
    monkeypatch.chdir(tmp_path)


def load(monkeypatch: pytest.MonkeyPatch, **values: str) -> Settings:
    for name, value in values.items():
        monkeypatch.setenv(f"{PREFIX}{name.upper()}", value)
    return Settings.load()


@pytest.mark.parametrize("name", Settings.model_fields)
def test_every_setting_is_described(name: str) -> None:
    assert len(Settings.model_fields[name].description or "") > 15


def test_without_settings_there_is_a_database_beside_us() -> None:
    settings = Settings.load()
    assert settings.database_url.get_secret_value() == "sqlite+aiosqlite:///budstikke.db"
    assert (settings.listen_host, settings.in_flight, settings.lease_seconds) == ("127.0.0.1", 50, 30)


def test_a_file_is_read_and_the_environment_goes_first(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("BUDSTIKKE_LISTEN_PORT=9000\nBUDSTIKKE_MAIL_DOMAIN=svar.budvik.example\nOTHER=1\nBUDSTIKKE_IN_FLIGHT=\n")
    settings = load(monkeypatch, listen_port="9001")
    assert (settings.listen_port, settings.mail_domain, settings.in_flight) == (9001, "svar.budvik.example", 50)


def test_secrets_are_never_printed(monkeypatch: pytest.MonkeyPatch) -> None:
    assert {"database_url", "encryption_key", "lookup_key", "twilio_auth_token", "smtp_password"} <= set(SECRETS)
    settings = load(
        monkeypatch, **SECRETS, twilio_account_sid=SID, twilio_api_key="SK1", smtp_host="relay", mail_domain="svar.budvik.example"
    )
    account, email = settings.require_twilio(), settings.require_email()
    for shown in (repr(settings), str(settings), repr(settings.model_dump()), settings.model_dump_json(), repr(account), repr(email)):
        assert "hemmelig" not in shown
    assert account.auth_token == "hemmelig-twilio_auth_token"
    assert email.password == "hemmelig-smtp_password"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("listen_port", "åtti"),
        ("in_flight", "0"),
        ("log_level", "loud"),
        ("public_base_url", "varsel.kommune.no"),
        ("public_base_url", "https:///path"),
        ("twilio_base_url", "ftp://x"),
        ("twilio_account", "../x"),
        ("smtp_security", "ssl"),
        ("whatsapp_quick_replies", '{"three": "HX"}'),
    ],
)
def test_what_is_wrong_is_named_and_its_value_is_not_shown(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    with pytest.raises(NotReady, match=f"The settings are wrong. {PREFIX}{name.upper()}") as refused:
        load(monkeypatch, **{name: value})
    assert value not in str(refused.value)


def test_what_is_missing_is_told_with_its_name() -> None:
    settings = Settings.load()
    assert not settings.has_twilio()
    assert not settings.has_email()
    with pytest.raises(NotReady, match="BUDSTIKKE_TWILIO_ACCOUNT_SID and BUDSTIKKE_TWILIO_AUTH_TOKEN"):
        settings.require_twilio()
    with pytest.raises(NotReady, match="BUDSTIKKE_SMTP_HOST and BUDSTIKKE_MAIL_DOMAIN"):
        settings.require_email()
    with pytest.raises(NotReady, match="BUDSTIKKE_PUBLIC_BASE_URL"):
        settings.require_public_base_url()


def test_keys_that_are_missing_are_first_looked_for_in_a_file_that_was_not_read(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """New keys would read nothing of what is there: whoever forgot to name the file must not be told to make some."""
    monkeypatch.delenv(ENV_FILE, raising=False)
    with pytest.raises(NotReady) as refused:
        Settings.load().require_keys()
    assert str(refused.value).startswith(f"No settings file was read: {ENV_FILE} is not set, and there is no .env in {tmp_path}.")
    assert "for a new installation only" in str(refused.value)
    (tmp_path / ".env").write_text("BUDSTIKKE_ENCRYPTION_KEY=a\nBUDSTIKKE_LOOKUP_KEY=b\n")
    assert Settings.load().require_keys() == ("a", "b", "")
    (tmp_path / ".env").write_text("BUDSTIKKE_LISTEN_PORT=9000\n")
    with pytest.raises(NotReady, match="for a new installation only"):
        sealing.build(*Settings.load().require_keys())


def test_what_a_channel_refuses_is_told_as_a_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = load(monkeypatch, twilio_account_sid="AC12", twilio_auth_token="x", smtp_host="relay", mail_domain="@budvik")
    with pytest.raises(NotReady, match="SID is AC and 32"):
        settings.require_twilio()
    with pytest.raises(NotReady, match="MAIL_DOMAIN"):
        settings.require_email()


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:8080", "http://localhost", "https://[::1]/", "http://0.0.0.0:8080", "http://x.localhost"]
)
def test_a_real_provider_cannot_call_this_machine(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    with pytest.raises(NotReady, match="No provider can reach"):
        load(monkeypatch, public_base_url=url).require_public_base_url()
    assert load(monkeypatch, twilio_base_url="http://127.0.0.1:9999").require_public_base_url() == url.rstrip("/")


def test_a_public_address_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    assert load(monkeypatch, public_base_url="https://varsel.budvik.no/").require_public_base_url() == "https://varsel.budvik.no"


def test_buttons_are_given_by_number(monkeypatch: pytest.MonkeyPatch) -> None:
    assert load(monkeypatch, whatsapp_quick_replies='{"3": "HXabc"}').whatsapp_quick_replies == {3: "HXabc"}
