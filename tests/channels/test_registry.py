"""Which channels there are, and settings that are refused before anything is built on them."""

import subprocess
import sys
from typing import Any

import pytest

from channels.base import Channel, Checkable, Sweepable, Traceable
from channels.registry import FACTORIES, Lines, build
from channels.settings import (
    SANDBOX_SID,
    BadSettings,
    ChannelSettings,
    EmailSettings,
    Security,
    SmsSettings,
    TwilioAccount,
    WhatsAppSettings,
)
from messages.form import Medium
from tests.channels.rigs import account, described

MAIL = EmailSettings(host="relay.example", domain="svar.example")
SETTINGS: dict[str, ChannelSettings] = {
    "twilio_sms": SmsSettings(account=account("")),
    "twilio_whatsapp": WhatsAppSettings(account=account("", key="sorby-whatsapp")),
    "http_sms": described("example", "https://api.sms-gateway.example"),
    "email": MAIL,
}


@pytest.mark.parametrize("name", list(FACTORIES))
async def test_every_channel_keeps_the_protocol(name: str) -> None:
    channel: Channel = build(name, SETTINGS[name])
    assert channel.name == name
    accounts = {"twilio_sms": "sorby", "twilio_whatsapp": "sorby-whatsapp", "http_sms": "example", "email": "email"}
    assert channel.account == accounts[name]
    assert channel.form.medium in Medium
    assert channel.pace.per_second > 0
    assert isinstance(channel, Checkable)
    assert isinstance(channel, Traceable) == (name != "email")
    assert isinstance(channel, Sweepable) == (name != "email")
    await channel.close()


@pytest.mark.parametrize("name", list(FACTORIES))
def test_the_wrong_settings_are_refused_in_words(name: str) -> None:
    wrong = SETTINGS["email" if name != "email" else "twilio_sms"]
    with pytest.raises(BadSettings, match=name):
        build(name, wrong)


def test_an_unknown_channel_is_refused_with_the_known_ones() -> None:
    with pytest.raises(BadSettings, match="twilio_sms"):
        build("fax", MAIL)


async def test_channels_of_one_account_share_their_connections() -> None:
    lines = Lines()
    sms, whatsapp = (
        build("twilio_sms", SETTINGS["twilio_sms"], lines=lines),
        build("twilio_whatsapp", SETTINGS["twilio_whatsapp"], lines=lines),
    )
    other = build("twilio_sms", SmsSettings(account=account("", sid="AC" + "1" * 32)), lines=lines)
    assert sms._client is whatsapp._client  # type: ignore[attr-defined]
    assert sms._client is not other._client  # type: ignore[attr-defined]
    for channel in (sms, whatsapp, other):
        await channel.close()


def test_twilio_is_loaded_only_where_it_is_on() -> None:
    program = (
        "import sys; from channels.registry import build; from channels.settings import EmailSettings; "
        "build('email', EmailSettings(host='relay.example', domain='svar.example')); sys.exit('twilio' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


@pytest.mark.parametrize(
    "changes",
    [
        {"sid": "AC123"},
        {"auth_token": ""},
        {"api_key": "SK1"},
        {"sid": "AC" + "1" * 32, "base_url": "http://twilio.example"},
        {"sid": "AC" + "1" * 32, "base_url": "ftp://127.0.0.1"},
    ],
)
def test_settings_that_cannot_work_are_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(BadSettings):
        TwilioAccount(**{"key": "sorby", "sid": SANDBOX_SID, "auth_token": "x", **changes})


def test_settings_do_not_print_their_secrets() -> None:
    its = account("", auth_token="s3cret", other_auth_token="s3cret", api_key="SK1", api_secret="s3cret", shared_keys=(("k", "s3cret"),))
    assert "s3cret" not in repr(its)


@pytest.mark.parametrize(
    "changes",
    [
        {"host": ""},
        {"domain": ""},
        {"domain": "svar@example"},
        {"domain": "Svar.Example"},
        {"username": "u", "password": "p", "security": Security.NONE},
        {"connections": 0},
    ],
)
def test_mail_settings_that_cannot_work_are_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(BadSettings):
        EmailSettings(**{"host": "relay.example", "domain": "svar.example", **changes})
