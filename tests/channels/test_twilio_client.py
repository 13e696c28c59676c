"""The line to Twilio: what it makes of everything that can happen to a request, and that its requests are the SDK's own."""

import asyncio
import json
import logging
import re
import socket
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from hypothesis import given, strategies as st
from twilio.rest import Client

from channels import twilio_messages
from channels.base import Channel, Content, Outbound, Reason, SendFailed, Sent
from channels.clock import ManualClock, monotonic
from channels.one_shot import BEFORE_THE_FIRST_BYTE, LARGEST_ANSWER, LONGEST_WAIT
from channels.sandbox.faults import Fault
from channels.sandbox.sandbox import Sandbox
from channels.settings import SANDBOX_SID, SmsSettings, WhatsAppSettings
from channels.twilio_client import Answer, OneShotHttp, TwilioClient, encode
from channels.twilio_sms import CODES, TwilioSms
from channels.twilio_whatsapp import TwilioWhatsApp
from tests.channels.providers import RawProvider, http, unknown_certificate
from tests.channels.rigs import Rig, account, sms_rig

CLOCK = ManualClock(datetime(2026, 11, 23, 17, tzinfo=UTC))
OUT = Outbound(token="t" * 32, to="+4790000001", sender="+4759440000", text="Kok vatnet", deadline=1.0)
CLIENT = TwilioClient(account(""), CLOCK)
CREATED = {"sid": "SM" + "1" * 32, "account_sid": SANDBOX_SID, "to": OUT.to, "status": "queued", "num_segments": "1", "price": None}


def created(**changes: object) -> bytes:
    return http("201 Created", json.dumps({**CREATED, **changes}).encode())


def sms_to(url: str) -> TwilioSms:
    its = account(url)
    return TwilioSms(SmsSettings(account=its), TwilioClient(its, CLOCK))


def whatsapp_to(url: str) -> TwilioWhatsApp:
    its = account(url)
    return TwilioWhatsApp(WhatsAppSettings(account=its), TwilioClient(its, CLOCK))


async def outcome(provider: RawProvider, out: Outbound = OUT) -> SendFailed:
    channel = sms_to(provider.url)
    with pytest.raises(SendFailed) as failure:
        await channel.send(out)
    await channel.close()
    return failure.value


@pytest.fixture
async def rig(tmp_path: Path) -> AsyncIterator[Rig]:
    async with sms_rig(tmp_path / "ledger.jsonl") as ready:
        yield ready


# --- what an answer proves ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "reason", "copies"),
    [
        ("error", Reason.UNCERTAIN, 0),
        ("error_accepted", Reason.UNCERTAIN, 1),
        ("throttle", Reason.THROTTLED, 0),
        ("slow", Reason.UNCERTAIN, 1),
        ("stall", Reason.UNCERTAIN, 0),
        ("reset", Reason.UNCERTAIN, 0),
        ("reset_accepted", Reason.UNCERTAIN, 1),
        ("truncated", Reason.UNCERTAIN, 1),
        ("html", Reason.UNCERTAIN, 1),
        ("empty", Reason.UNCERTAIN, 1),
        ("odd_json", Reason.UNCERTAIN, 1),
        ("wrong_sid", Reason.UNCERTAIN, 1),
        ("foreign", Reason.UNCERTAIN, 1),
        ("redirect", Reason.UNCERTAIN, 0),
    ],
)
async def test_each_fault_has_its_verdict_and_nothing_is_repeated(rig: Rig, kind: str, reason: Reason, copies: int) -> None:
    rig.sandbox.order(Fault.model_validate({"kind": kind, "seconds": 5}))
    with pytest.raises(SendFailed) as failure:
        await rig.channel.send(rig.out(deadline=2.0))
    assert failure.value.reason is reason
    assert len(rig.accepted()) == copies
    (met,) = rig.sandbox.faults.orders
    assert met.met == 1


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (created(sid="SM" + "1" * 31), Reason.UNCERTAIN),
        (created(sid="sm" + "1" * 32), Reason.UNCERTAIN),
        (created(sid=None), Reason.UNCERTAIN),
        (created(account_sid="AC" + "1" * 32), Reason.UNCERTAIN),
        (created(to="+4790000002"), Reason.UNCERTAIN),
        (created(status="failed", error_code=30007), Reason.FILTERED),
        (created(status="failed", error_code=None), Reason.UNDELIVERED),
        (http("200 OK", json.dumps(CREATED).encode()), Reason.UNCERTAIN),
        (http("202 Accepted", json.dumps(CREATED).encode()), Reason.UNCERTAIN),
        (http("201 Created", b"[" * 100_000), Reason.UNCERTAIN),
        (http("201 Created", b"\xff\xfe"), Reason.UNCERTAIN),
        (http("400 Bad Request", b'{"code": 21610}'), Reason.OPTED_OUT),
        (http("400 Bad Request", b'{"code": 99999}'), Reason.REFUSED),
        (http("400 Bad Request", b"<h1>Bad request</h1>"), Reason.UNCERTAIN),
        (http("400 Bad Request", b'{"code": "21610"}'), Reason.UNCERTAIN),
        (http("401 Unauthorized", b'{"code": 20003}'), Reason.NOT_AUTHORISED),
        (http("403 Forbidden", b"the proxy says no"), Reason.UNCERTAIN),
        (http("408 Request Timeout"), Reason.UNCERTAIN),
        (http("429 Too Many Requests"), Reason.THROTTLED),
        (http("500 Internal Server Error", b'{"code": 21610}'), Reason.UNCERTAIN),
        (http("502 Bad Gateway", b"<h1>", kind="text/html"), Reason.UNCERTAIN),
        (http("301 Moved", b"", "Location: /elsewhere"), Reason.UNCERTAIN),
        (b"HTTP/1.1 201 Created\r\nContent-Length: 400\r\n\r\n{", Reason.UNCERTAIN),
        (b"not http at all\r\n\r\n", Reason.UNCERTAIN),
        (b"HTTP/1.1 201 Created\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\nzzzz", Reason.UNCERTAIN),
        (None, Reason.UNCERTAIN),
    ],
)
async def test_only_twilios_own_answer_to_this_request_counts(answer: bytes | None, reason: Reason) -> None:
    async with RawProvider(answer) as provider:
        failure = await outcome(provider, OUT._replace(deadline=0.5))
        assert failure.reason is reason
        assert len(provider.requests) == 1


async def test_an_accepted_message_brings_segments_and_a_positive_price() -> None:
    async with RawProvider(created(num_segments="3", price="-0.02250")) as provider:
        channel = sms_to(provider.url)
        sent = await channel.send(OUT)
        await channel.close()
    assert (sent.provider_id, sent.segments, sent.price) == ("SM" + "1" * 32, 3, 0.0225)


WORDS = st.sampled_from([*twilio_messages.EVIDENCE, "", "new", None, 7])
NUMBERS = st.one_of(st.none(), st.integers(), st.floats(), st.sampled_from(["", "1", "3", "-0.0225", "nan", "1e9", "x", "30007"]))


@given(WORDS, NUMBERS, NUMBERS, NUMBERS)
def test_the_answer_to_a_create_says_what_its_status_says(word: object, code: object, segments: object, price: object) -> None:
    body = {**CREATED, "status": word, "error_code": code, "num_segments": segments, "price": price}
    status = twilio_messages.read_status(body, CODES)
    proof = (status.reason, status.code, status.provider_id)
    assert read(body) == (proof if status.reason else Sent(status.provider_id, status.evidence, status.segments, status.price))


def read(body: dict[str, Any]) -> Sent | tuple[Reason, str, str]:
    try:
        return twilio_messages.read_created(Answer(201, body, {}), CLIENT, to=OUT.to, codes=CODES)
    except SendFailed as failed:
        return failed.reason, failed.code, failed.detail


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("Retry-After: 7", 7.0),
        (f"Retry-After: {format_datetime(CLOCK.now() + timedelta(seconds=90), usegmt=True)}", 90.0),
        (f"Retry-After: {format_datetime(CLOCK.now() - timedelta(hours=1), usegmt=True)}", 0.0),
        ("Retry-After: soon", None),
        (f"Retry-After: {'9' * 400}", LONGEST_WAIT),
        ("Retry-After: 99999999999", LONGEST_WAIT),
        ("Retry-After: Fri, 31 Dec 9999 23:59:59 GMT", LONGEST_WAIT),
        (f"Retry-After: Mon, 23 Nov 2026 17:00:00 +{'9' * 16}", None),
        ("Retry-After: -5", None),
        ("X-Nothing: 1", None),
    ],
)
async def test_retry_after_is_understood_as_seconds_and_as_a_date(header: str, seconds: float | None) -> None:
    async with RawProvider(http("429 Too Many Requests", b'{"code": 20429}', header)) as provider:
        failure = await outcome(provider)
    assert (failure.reason, failure.retry_after, failure.code) == (Reason.THROTTLED, seconds, "20429")


async def test_an_answer_without_end_is_cut_off() -> None:
    async with RawProvider(http("201 Created", json.dumps(CREATED).encode() + b" " * LARGEST_ANSWER)) as provider:
        assert (await outcome(provider)).reason is Reason.UNCERTAIN


async def test_an_answer_that_drips_is_cut_off_by_the_deadline() -> None:
    async with RawProvider(b"HTTP/1.1 201 Created\r\nContent-Length: 99\r\n\r\n", None) as provider:
        begun = monotonic()
        assert (await outcome(provider, OUT._replace(deadline=0.4))).reason is Reason.UNCERTAIN
        assert monotonic() - begun < 3


# --- what never left ----------------------------------------------------------------------------------------------------


async def test_a_provider_that_takes_no_connection_has_been_sent_nothing() -> None:
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        waiting = [socket.socket() for _ in range(4)]
        for each in waiting:  # the queue of unaccepted connections is full: whoever comes now waits
            each.setblocking(False)
            each.connect_ex(full.getsockname())
        channel = sms_to(f"http://127.0.0.1:{full.getsockname()[1]}")
        with pytest.raises(SendFailed) as failure:
            await channel.send(OUT._replace(deadline=0.6))
        await channel.close()
        for each in waiting:
            each.close()
    assert failure.value.reason is Reason.NOT_CONNECTED


async def test_a_handshake_that_fails_has_sent_nothing() -> None:
    async with RawProvider(http("200 OK")) as plain:
        url = plain.url.replace("http://", "https://")
        channel = sms_to(url)
        with pytest.raises(SendFailed) as failure:
            await channel.send(OUT)
        await channel.close()
    assert failure.value.reason is Reason.NOT_CONNECTED
    assert plain.requests == []


async def test_a_certificate_from_nobody_is_not_trusted(tmp_path: Path) -> None:
    context = unknown_certificate(tmp_path)
    reached: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        reached.append(await reader.read(1))
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context)
    channel = sms_to(f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}")
    with pytest.raises(SendFailed) as failure:
        await channel.send(OUT)
    await channel.close()
    server.close()
    await server.wait_closed()
    assert failure.value.reason is Reason.NOT_CONNECTED
    assert b"A" not in reached


def test_a_name_that_cannot_be_found_counts_as_no_connection() -> None:
    assert issubclass(aiohttp.ClientConnectorDNSError, BEFORE_THE_FIRST_BYTE)


async def test_the_line_is_open_until_its_last_channel_closes() -> None:
    async with RawProvider(created()) as provider:
        client = TwilioClient(account(provider.url), CLOCK)
        one, other = (TwilioSms(SmsSettings(account=client.account), client) for _ in range(2))
        await one.close()
        assert (await other.send(OUT)).provider_id == CREATED["sid"]
        await other.close()
        with pytest.raises(SendFailed) as failure:
            await other.send(OUT)
        assert failure.value.reason is Reason.NOT_CONNECTED
        assert len(provider.requests) == 1


# --- what is sent -------------------------------------------------------------------------------------------------------

BODY = "Kok vatnet & «æøå» = 100 % +1 💧\nاغلوا الماء"
STATUS_URL = f"https://varsel.sorby.example/hooks/sorby/status/{OUT.token}#rc=4&rp=5xx,ct,rt"
#: a channel, our message, and the same as the SDK is asked for it
REQUESTS: list[tuple[Callable[[str], Channel], Outbound, dict[str, Any]]] = [
    (
        sms_to,
        OUT._replace(text=BODY, status_url=STATUS_URL, valid_for=3600),
        {
            "to": OUT.to,
            "from_": OUT.sender,
            "body": BODY,
            "status_callback": STATUS_URL,
            "validity_period": 3600,
            "smart_encoded": False,
            "risk_check": "disable",
        },
    ),
    (
        sms_to,
        OUT._replace(text="x", sender="MG" + "a" * 32, valid_for=1),
        {
            "to": OUT.to,
            "messaging_service_sid": "MG" + "a" * 32,
            "body": "x",
            "validity_period": 6,
            "smart_encoded": False,
            "risk_check": "disable",
        },
    ),
    (
        whatsapp_to,
        OUT._replace(content=Content(content_id="HX" + "b" * 32, variables={"1": "Sørby", "2": "قرية"})),
        {
            "to": "whatsapp:" + OUT.to,
            "from_": "whatsapp:" + OUT.sender,
            "validity_period": 36000,
            "content_sid": "HX" + "b" * 32,
            "content_variables": '{"1": "Sørby", "2": "قرية"}',
        },
    ),
    (
        whatsapp_to,
        OUT._replace(text=BODY, media=("https://a.example/1.png", "https://a.example/2.ogg")),
        {
            "to": "whatsapp:" + OUT.to,
            "from_": "whatsapp:" + OUT.sender,
            "validity_period": 36000,
            "body": BODY,
            "media_url": ["https://a.example/1.png", "https://a.example/2.ogg"],
        },
    ),
]


@pytest.mark.parametrize(("channel_to", "out", "arguments"), REQUESTS)
async def test_our_create_is_the_sdks_byte_for_byte(channel_to: Callable[[str], Channel], out: Outbound, arguments: dict[str, Any]) -> None:
    async with RawProvider(created(to=arguments["to"])) as provider:
        channel = channel_to(provider.url)
        await channel.send(out)
        sdk = Client(SANDBOX_SID, "sandbox")
        sdk.api.base_url = provider.url
        await asyncio.to_thread(lambda: sdk.messages.create(**arguments))
        await channel.close()
        ours, theirs = (request.partition(b"\r\n\r\n") for request in provider.requests)
    assert ours[2] == theirs[2]
    assert ours[0].split(b"\r\n")[0] == theirs[0].split(b"\r\n")[0]
    for name in ("Authorization", "Content-Type", "Accept", "User-Agent", "X-Twilio-Client", "Accept-Charset"):
        assert _header(ours[0], name) == _header(theirs[0], name)


def _header(head: bytes, name: str) -> str:
    found = re.search(rf"^{name}: *(.*?)\r?$", head.decode(), re.MULTILINE | re.IGNORECASE)
    assert found is not None, name
    return found[1]


def test_json_goes_out_as_json() -> None:
    assert encode({"types": {"twilio/text": {"body": "å"}}}, "application/json") == b'{"types": {"twilio/text": {"body": "\\u00e5"}}}'


async def test_the_sdks_own_resources_work_over_this_client(tmp_path: Path) -> None:
    async with Sandbox(tmp_path / "ledger.jsonl") as sandbox:
        its = account(sandbox.url)
        carrier = OneShotHttp(its)
        sdk = Client(its.sid, its.auth_token, http_client=carrier)
        message = await sdk.messages.create_async(to=OUT.to, from_=OUT.sender, body="hei")
        assert (await sdk.messages(str(message.sid)).fetch_async()).body == "hei"
        assert [each.sid for each in await sdk.messages.list_async(to=OUT.to)] == [message.sid]
        content = await sdk.content.v1.contents.create_async(
            content_create_request=sdk.content.v1.contents.ContentCreateRequest(
                {"friendly_name": "a", "language": "nb", "variables": {"1": "x"}, "types": {"twilio/text": {"body": "{{1}}"}}}
            )
        )
        assert content.language == "nb"
        await carrier.close()


async def test_cookies_are_not_given_back() -> None:
    async with RawProvider(http("429 Wait", b"", "Set-Cookie: track=me; Path=/")) as provider:
        by_name = provider.url.replace("127.0.0.1", "localhost")  # aiohttp's own jar takes none from bare addresses
        client = TwilioClient(account(by_name), CLOCK)
        for _ in range(2):
            await client.post(f"{client.api}/Messages.json", [("To", "x")], deadline=1)
        await client.use().close()
        assert len(provider.requests) == 2
        assert all(b"cookie" not in request.lower() for request in provider.requests)


def test_the_machines_own_settings_of_edge_and_region_are_not_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TWILIO_EDGE", "dublin")
    monkeypatch.setenv("TWILIO_REGION", "ie1")
    ours, asked = TwilioClient(account(""), CLOCK), TwilioClient(account("", edge="dublin", region="ie1"), CLOCK)
    assert ours._sdk.get_hostname("https://api.twilio.com/x") == "https://api.twilio.com/x"
    assert asked._sdk.get_hostname("https://api.twilio.com/x") == "https://api.dublin.ie1.twilio.com/x"


def test_the_sdk_keeps_quiet_about_numbers(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    assert not logging.getLogger("twilio.async_http_client").isEnabledFor(logging.INFO)
