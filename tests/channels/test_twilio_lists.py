"""Twilio's books: finding what may have been sent and what came in, by a clock that is not ours; and what doctor reads there."""

import json
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import pytest

from channels.base import Outbound, Reason, SendFailed
from channels.clock import ManualClock, SystemClock
from channels.sandbox.agenda import EmulatedClock
from channels.sandbox.sandbox import Sandbox
from channels.settings import SANDBOX_SID, SmsSettings
from channels.twilio_client import TwilioClient
from channels.twilio_lists import _page_url
from channels.twilio_sms import TwilioSms
from tests.channels.providers import RawProvider, http
from tests.channels.rigs import account, sms_rig

CLOCK = ManualClock(datetime(2026, 11, 23, 17, tzinfo=UTC))
OUT = Outbound(token="t" * 32, to="+4790000001", sender="+4759440000", text="Kok vatnet", deadline=1.0)


def sms_to(url: str) -> TwilioSms:
    its = account(url)
    return TwilioSms(SmsSettings(account=its), TwilioClient(its, CLOCK))


# --- lists --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "uri",
    [
        f"https://evil.example/2010-04-01/Accounts/{SANDBOX_SID}/Messages.json?Page=1",
        f"@evil.example/2010-04-01/Accounts/{SANDBOX_SID}/Messages.json?Page=1",
        f".evil.example/2010-04-01/Accounts/{SANDBOX_SID}/Messages.json?Page=1",
        f"//evil.example/2010-04-01/Accounts/{SANDBOX_SID}/Messages.json?Page=1",
        f"/2010-04-01/Accounts/{'AC' + '1' * 32}/Messages.json?Page=1",
    ],
)
async def test_credentials_do_not_follow_a_page_that_leads_elsewhere(uri: str) -> None:
    with pytest.raises(SendFailed):
        _page_url(TwilioClient(account(""), CLOCK), uri)
    async with RawProvider(http("200 OK", json.dumps({"messages": [], "next_page_uri": uri}).encode())) as provider:
        channel = sms_to(provider.url)
        with pytest.raises(SendFailed):
            await channel.trace(OUT.to, OUT.sender, CLOCK.now())
        await channel.close()
        assert len(provider.requests) == 1


async def test_what_we_sent_and_what_people_sent_are_kept_apart() -> None:
    """One of our numbers may write to another: that is no answer, and an answer is no trace."""
    said = {"to": OUT.to, "from": OUT.sender, "body": "hei", "status": "sent", "num_media": "0", "date_sent": None}
    both = [{**said, "sid": "SM" + "1" * 32, "direction": "inbound"}, {**said, "sid": "SM" + "2" * 32, "direction": "outbound-api"}]
    async with RawProvider(http("200 OK", json.dumps({"messages": both, "next_page_uri": None}).encode())) as provider:
        channel = sms_to(provider.url)
        traces = await channel.trace(OUT.to, OUT.sender, CLOCK.now())
        swept = [each async for each in channel.sweep(OUT.to, CLOCK.now())]
        await channel.close()
    assert [each.provider_id for each in traces] == ["SM" + "2" * 32]
    assert [each.provider_id for each in swept] == ["SM" + "1" * 32]


async def test_a_list_that_never_ends_is_no_list() -> None:
    page = {"messages": [], "next_page_uri": f"/2010-04-01/Accounts/{SANDBOX_SID}/Messages.json?Page=1"}
    async with RawProvider(http("200 OK", json.dumps(page).encode())) as provider:
        channel = sms_to(provider.url)
        with pytest.raises(SendFailed) as failure:
            await channel.trace(OUT.to, OUT.sender, CLOCK.now())
        await channel.close()
    assert failure.value.reason is Reason.NOT_CONNECTED
    assert len(provider.requests) <= 201


async def test_dates_are_understood_by_the_providers_own_clock(tmp_path: Path) -> None:
    """The provider's clock is three hours ahead; what it has is found, and dated by ours."""
    ours = SystemClock()
    theirs = EmulatedClock(ours, start=ours.now() + timedelta(hours=3))
    async with Sandbox(tmp_path / "ledger.jsonl", clock=theirs) as sandbox:
        client = TwilioClient(account(sandbox.url), ours)
        channel = TwilioSms(SmsSettings(account=client.account), client)
        begun = ours.now()
        await channel.send(OUT)
        (trace,) = await channel.trace(OUT.to, OUT.sender, begun)
        assert abs(trace.created_at - begun) < timedelta(seconds=3)
        assert await channel.trace(OUT.to, OUT.sender, begun + timedelta(minutes=1)) == []
        await sandbox.phone(OUT.to).says("1", to=OUT.sender, channel="sms")
        (inbound,) = [each async for each in channel.sweep(OUT.sender, begun)]
        assert abs(inbound.received_at - begun) < timedelta(seconds=3)
        clock = next(line for line in await channel.check() if line.name.startswith("Clock"))
        assert not clock.ok
        await channel.close()


async def test_what_a_list_leaves_open_is_looked_at_rather_than_overlooked() -> None:
    message = {"sid": "SM" + "2" * 32, "to": OUT.to, "from": OUT.sender, "body": "hei", "direction": "outbound-api", "status": "queued"}
    odd = [message, {**message, "date_created": "yesterday"}, {"sid": "x"}, "?", None]
    async with RawProvider(http("200 OK", json.dumps({"messages": odd, "next_page_uri": None}).encode())) as provider:
        channel = sms_to(provider.url)
        found = await channel.trace(OUT.to, OUT.sender, CLOCK.now())
        await channel.close()
    assert [each.provider_id for each in found] == [message["sid"]] * 2


@pytest.mark.parametrize(
    ("date", "off"),
    [
        ("Mon, 23 Nov 2026 17:00:02", 2),
        ("Mon, 23 Nov 2026 17:00:02 -0000", 2),
        ("Fri, 31 Dec 9999 23:59:59 +0000", -2),
        ("Fri, 31 Dec 9999 23:59:59 -1200", 2),
        (f"Mon, 23 Nov 2026 17:00:02 +{'9' * 16}", 2),
    ],
)
async def test_an_odd_date_hides_no_other_message(date: str, off: int) -> None:
    """Without a zone it is in GMT, as Twilio's documentation has it; at the calendar's end it is none."""
    said = {"to": OUT.to, "from": OUT.sender, "body": "hei", "status": "sent", "num_media": "0"}
    plain = "Mon, 23 Nov 2026 17:00:01 +0000"
    both = [
        {**said, "sid": f"SM{n}{kind}{'0' * 30}", "direction": direction, "date_created": written, "date_sent": written}
        for n, written in enumerate((date, plain))
        for kind, direction in enumerate(("inbound", "outbound-api"))
    ]
    theirs = format_datetime(CLOCK.now() + timedelta(seconds=off), usegmt=True)
    page = http("200 OK", json.dumps({"messages": both, "next_page_uri": None}).encode(), f"Date: {theirs}")
    async with RawProvider(page) as provider:
        channel = sms_to(provider.url)
        traces = await channel.trace(OUT.to, OUT.sender, CLOCK.now())
        swept = [each async for each in channel.sweep(OUT.to, CLOCK.now())]
        await channel.close()
    times = [CLOCK.now(), CLOCK.now() + timedelta(seconds=1 - off)]
    assert [each.created_at for each in traces] == times
    assert [each.received_at for each in swept] == times


async def test_pictures_that_came_while_we_were_away_are_found(tmp_path: Path) -> None:
    async with sms_rig(tmp_path / "ledger.jsonl") as rig:
        assert isinstance(rig.channel, TwilioSms)
        begun = SystemClock().now()
        await rig.sandbox.phone(rig.people(1)).says("sjå her", to=rig.sender, channel="sms", media=(("image/png", b"PNG"),))
        (inbound,) = [each async for each in rig.channel.sweep(rig.sender, begun)]
        (call,) = await rig.said(1)
        (heard,) = rig.channel.parse(call)
    assert inbound.media == getattr(heard, "media", ())
    assert [each.content_type for each in inbound.media] == ["image/png"]


# --- doctor, settings, logs ---------------------------------------------------------------------------------------------


async def test_doctor_tells_a_wrong_token_from_a_provider_that_is_away(tmp_path: Path) -> None:
    async with Sandbox(tmp_path / "ledger.jsonl") as sandbox:
        for changes, words in [
            ({}, "The account answers."),
            ({"auth_token": "wrong"}, Reason.NOT_AUTHORISED.words),
            ({"base_url": "http://127.0.0.1:1"}, Reason.NOT_CONNECTED.words),
        ]:
            its = account(**{"base_url": sandbox.url, **changes})
            channel = TwilioSms(SmsSettings(account=its), TwilioClient(its, SystemClock()))
            line = (await channel.check())[0]
            assert (line.ok, line.words) == (not changes, words)
            await channel.close()


async def test_doctor_reads_in_twilios_log_that_our_webhook_is_broken() -> None:
    books = http("200 OK", b'{"messages": [], "next_page_uri": null}')
    young, old = "2026-11-23T16:30:00Z", "2026-11-23T12:00:00Z"
    log = {"alerts": [{"error_code": "11200", "date_generated": young}, {"error_code": "12300", "date_generated": old}]}
    async with RawProvider(books, http("200 OK", json.dumps(log).encode())) as provider:
        channel = sms_to(provider.url)
        line = (await channel.check())[-1]
        await channel.close()
    assert not line.ok
    assert "11200" in line.words
    assert "12300" not in line.words
