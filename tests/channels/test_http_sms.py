"""Sending by HTTP as a file describes it: what each answer proves, that nothing leaves twice, and what never left."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from email.utils import format_datetime
from pathlib import Path

import pytest
from hypothesis import given, strategies as st

from channels.base import Reason, SendFailed, Sent, Sweepable, Traceable
from channels.clock import monotonic
from channels.http_answers import read_answer
from channels.http_file import read
from channels.http_sms import HttpSms, http_sms
from channels.one_shot import LARGEST_ANSWER, HttpAnswer
from channels.sandbox.faults import Fault
from messages.form import Feature
from tests.channels.aggregator import FormStyle, JsonStyle
from tests.channels.http_messages import CLOCK, OUT, SID, TAKEN, outcome, sent_by, taken
from tests.channels.providers import RawProvider, http, unknown_certificate
from tests.channels.rigs import Rig, described, http_rig
from tests.channels.test_http_file import LEAST

# --- what an answer proves ----------------------------------------------------------------------------------------------

JSON_ANSWERS: list[tuple[str, bytes | None, Reason]] = [
    ("no id", http("200 OK", taken(messageId=None)), Reason.UNCERTAIN),
    ("an id with a space", http("200 OK", taken(messageId="1 2")), Reason.UNCERTAIN),
    ("an id that is too long", http("200 OK", taken(messageId="1" * 101)), Reason.UNCERTAIN),
    ("an id that is an object", http("200 OK", taken(messageId={"id": 1})), Reason.UNCERTAIN),
    ("another recipient", http("200 OK", taken(recipient="4790000002")), Reason.UNCERTAIN),
    ("no recipient", http("200 OK", taken(recipient=None)), Reason.UNCERTAIN),
    ("another token", http("200 OK", taken(clientReference="f" * 32)), Reason.UNCERTAIN),
    ("no token", http("200 OK", taken(clientReference="")), Reason.UNCERTAIN),
    ("another's refusal", http("200 OK", taken(statusCode=2102, clientReference="f" * 32)), Reason.UNCERTAIN),
    ("a code nobody knows", http("200 OK", taken(statusCode=4711)), Reason.REFUSED),
    ("a code that the file knows", http("200 OK", taken(statusCode=2102)), Reason.NOT_A_MOBILE),
    ("a code as a text", http("200 OK", taken(statusCode="2102")), Reason.NOT_A_MOBILE),
    ("a code that means doubt", http("200 OK", taken(statusCode=2500)), Reason.UNCERTAIN),
    ("a code that means wait", http("200 OK", taken(statusCode=2401)), Reason.THROTTLED),
    ("no code", http("200 OK", taken(statusCode=None)), Reason.UNCERTAIN),
    ("a code that is true", http("200 OK", taken(statusCode=True)), Reason.REFUSED),
    ("no messages", http("200 OK", b'{"messages": []}'), Reason.UNCERTAIN),
    ("a list for an object", http("200 OK", b"[1, 2]"), Reason.UNCERTAIN),
    ("an object for a list", http("200 OK", b'{"messages": {"0": {"statusCode": 2102}}}'), Reason.UNCERTAIN),
    ("nested without end", http("200 OK", b"[" * 100_000), Reason.UNCERTAIN),
    ("a number without end", http("200 OK", b'{"messages": [{"statusCode": ' + b"9" * 5000 + b"}]}"), Reason.UNCERTAIN),
    ("not JSON", http("200 OK", b"<h1>Welcome</h1>", kind="text/html"), Reason.UNCERTAIN),
    ("nothing", http("200 OK"), Reason.UNCERTAIN),
    ("not UTF-8", http("200 OK", b"\xff\xfe"), Reason.UNCERTAIN),
    ("no content", http("204 No Content"), Reason.UNCERTAIN),
    ("redirected", http("307 Temporary Redirect", taken(), "Location: /elsewhere"), Reason.UNCERTAIN),
    ("timed out there", http("408 Request Timeout", taken(statusCode=2102)), Reason.UNCERTAIN),
    ("refused without a code", http("400 Bad Request", b"{}"), Reason.UNCERTAIN),
    ("a status no rule speaks of", http("404 Not Found", taken(statusCode=2102)), Reason.UNCERTAIN),
    ("a failure with a refusal in it", http("500 Internal Server Error", taken(statusCode=2102)), Reason.UNCERTAIN),
    ("a failure with an acceptance in it", http("502 Bad Gateway", taken()), Reason.UNCERTAIN),
    ("wrong credentials", http("401 Unauthorized"), Reason.NOT_AUTHORISED),
    ("throttled", http("429 Too Many Requests"), Reason.THROTTLED),
    ("cut", b"HTTP/1.1 200 OK\r\nContent-Length: 400\r\n\r\n{", Reason.UNCERTAIN),
    ("not HTTP", b"hello?\r\n\r\n", Reason.UNCERTAIN),
    ("not what it says", b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\nzzzz", Reason.UNCERTAIN),
    ("too much", http("200 OK", taken() + b" " * LARGEST_ANSWER), Reason.UNCERTAIN),
    ("silence", None, Reason.UNCERTAIN),
]


@pytest.mark.parametrize(("answer", "reason"), [pytest.param(*case, id=label) for label, *case in JSON_ANSWERS])
async def test_only_the_providers_own_answer_to_this_request_counts(answer: bytes | None, reason: Reason) -> None:
    async with RawProvider(answer) as provider:
        failure = await outcome(described("nordisk", provider.url), OUT._replace(deadline=0.5))
        assert failure.reason is reason
        assert len(provider.requests) == 1


TEXT_ANSWERS: list[tuple[str, str, Reason]] = [
    ("200 OK", "OK 1234 1", Reason.UNCERTAIN),
    ("200 OK", "OK", Reason.UNCERTAIN),
    ("200 OK", f"NOT OK {SID} 1", Reason.UNCERTAIN),
    ("200 OK", f"ok {SID} 1", Reason.UNCERTAIN),
    ("200 OK", "ERR 102 no mobile", Reason.NOT_A_MOBILE),
    ("200 OK", "ERR 999 what", Reason.REFUSED),
    ("200 OK", "ERR no mobile", Reason.UNCERTAIN),
    ("200 OK", f"ERR 102\nOK {SID} 1", Reason.NOT_A_MOBILE),
    ("400 Bad Request", "ERR 105 too long", Reason.BAD_CONTENT),
    ("408 Request Timeout", "ERR 102 no mobile", Reason.UNCERTAIN),
    ("400 Bad Request", f"OK {SID} 1", Reason.UNCERTAIN),
    ("403 Forbidden", "the proxy says no", Reason.NOT_AUTHORISED),
    ("503 Service Unavailable", "ERR 104 queue", Reason.UNCERTAIN),
]


@pytest.mark.parametrize(("status", "text", "reason"), TEXT_ANSWERS)
async def test_a_line_of_text_proves_no_more_than_it_says(status: str, text: str, reason: Reason) -> None:
    async with RawProvider(http(status, text.encode(), kind="text/plain")) as provider:
        assert (await outcome(described("example", provider.url))).reason is reason


@pytest.mark.parametrize("provider_id", ["", " ", "1 2", "x" * 101, "æ"])
async def test_a_file_that_lets_every_id_pass_does_not_make_it_one(provider_id: str) -> None:
    settings = read(LEAST.replace("[[answer.rules]]", "id_like = '.*'\n[[answer.rules]]"), {}, "x")
    async with RawProvider(http("200 OK", json.dumps({"id": provider_id}).encode())) as provider:
        failure = await outcome(replace(settings, request=replace(settings.request, endpoint=provider.url)))
    assert failure.reason is Reason.UNCERTAIN


@given(st.integers(100, 599), st.text(max_size=200), st.dictionaries(st.text(max_size=8), st.text(max_size=8), max_size=3))
def test_no_answer_makes_us_stumble_or_believe(status: int, text: str, headers: dict[str, str]) -> None:
    for name in ("example", "nordisk"):
        with pytest.raises(SendFailed):
            read_answer(HttpAnswer(status, text, headers), OUT, described(name, "https://sms.example"), CLOCK)


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["messages", *TAKEN]), inner, max_size=4),
    max_leaves=12,
)


@given(JSON_VALUES)
def test_no_json_makes_us_stumble(value: object) -> None:
    with pytest.raises(SendFailed):
        read_answer(HttpAnswer(200, json.dumps(value), {}), OUT, described("nordisk", "https://sms.example"), CLOCK)


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("Retry-After: 7", 7.0),
        (f"Retry-After: {format_datetime(CLOCK.now() + timedelta(seconds=90), usegmt=True)}", 90.0),
        ("Retry-After: soon", None),
        (f"Retry-After: {'9' * 400}", 86_400.0),
        ("X-Nothing: 1", None),
    ],
)
async def test_retry_after_is_obeyed(header: str, seconds: float | None) -> None:
    async with RawProvider(http("429 Too Many Requests", b"", header)) as provider:
        failure = await outcome(described("nordisk", provider.url))
    assert (failure.reason, failure.retry_after, failure.code) == (Reason.THROTTLED, seconds, "429")


async def test_a_wait_may_stand_in_the_body_and_an_id_in_a_header() -> None:
    settings = read(
        LEAST.replace(
            '{ json = "id" }',
            '{ header = "X-Message-Id" }\nretry_after = { json = "wait" }\nprice = { json = "cost" }\ncode = { json = "code" }',
        )
        + '[[answer.rules]]\nstatus = [200, 202, 429]\ncode = ["slow"]\nmeans = "throttled"\n',
        {},
        "x",
    )
    request = settings.request
    async with RawProvider(http("200 OK", b'{"cost": "-0.35"}', "x-message-id: 17")) as provider:
        assert await sent_by(replace(settings, request=replace(request, endpoint=provider.url))) == Sent(provider_id="17", price=0.35)
    async with RawProvider(http("429 Slow", b'{"wait": 3, "code": "slow"}')) as provider:
        assert (await outcome(replace(settings, request=replace(request, endpoint=provider.url)))).retry_after == 3


async def test_an_answer_that_drips_is_cut_off_by_the_deadline() -> None:
    async with RawProvider(b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n", None) as provider:
        begun = monotonic()
        assert (await outcome(described("nordisk", provider.url), OUT._replace(deadline=0.4))).reason is Reason.UNCERTAIN
        assert monotonic() - begun < 3


# --- nothing twice, and what never left ---------------------------------------------------------------------------------


@pytest.fixture(params=["example", "nordisk"])
async def rig(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Rig]:
    style = FormStyle() if request.param == "example" else JsonStyle()
    async with http_rig(tmp_path / "ledger.jsonl", request.param, style, signs_contents=True) as ready:
        yield ready


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
        ("redirect", Reason.UNCERTAIN, 0),
    ],
)
async def test_each_fault_has_its_verdict_and_nothing_is_repeated(rig: Rig, kind: str, reason: Reason, copies: int) -> None:
    rig.sandbox.order(Fault.model_validate({"kind": kind, "seconds": 5}))
    with pytest.raises(SendFailed) as failure:
        await rig.channel.send(rig.out(deadline=0.5))
    assert failure.value.reason is reason
    assert len(rig.accepted()) == copies
    (met,) = rig.sandbox.faults.orders
    assert met.met == 1


async def test_a_connection_that_was_kept_and_is_gone_is_not_tried_again() -> None:
    """Requests of some methods are repeated by aiohttp itself when a kept connection turns out to be closed: never a message."""
    requests: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for answer in (http("200 OK", taken()), b""):
            head = await reader.readuntil(b"\r\n\r\n")
            length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
            requests.append(await reader.readexactly(length))
            writer.write(answer)
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    channel = http_sms(described("nordisk", f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"), CLOCK)
    await channel.send(OUT)
    with pytest.raises(SendFailed) as failure:
        await channel.send(OUT)
    await channel.close()
    server.close()
    await server.wait_closed()
    assert failure.value.reason is Reason.UNCERTAIN
    assert len(requests) == 2


async def test_a_handshake_that_fails_has_sent_nothing() -> None:
    async with RawProvider(http("200 OK", taken())) as plain:
        failure = await outcome(described("nordisk", plain.url.replace("http://", "https://")))
    assert failure.reason is Reason.NOT_CONNECTED
    assert plain.requests == []


async def test_a_certificate_from_nobody_is_not_trusted(tmp_path: Path) -> None:
    reached: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        reached.append(await reader.read(1))
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=unknown_certificate(tmp_path))
    failure = await outcome(described("nordisk", f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}"))
    server.close()
    await server.wait_closed()
    assert failure.reason is Reason.NOT_CONNECTED
    assert b"P" not in reached


async def test_nobody_there_means_nothing_sent() -> None:
    with socket.socket() as taken_port:
        taken_port.bind(("127.0.0.1", 0))
        failure = await outcome(described("nordisk", f"http://127.0.0.1:{taken_port.getsockname()[1]}"))
    assert failure.reason is Reason.NOT_CONNECTED


# --- what it says of itself ---------------------------------------------------------------------------------------------


async def test_a_channel_can_what_its_file_describes() -> None:
    whole = described("nordisk", "https://sms.example")
    bare = replace(whole, callbacks=None, outbox=None, inbox=None, lookup=None)
    able = {
        "nothing": (bare, False, False, frozenset()),
        "traces": (replace(bare, outbox=whole.outbox), True, False, frozenset()),
        "sweeps": (replace(bare, inbox=whole.inbox, lookup=whole.lookup), False, True, {Feature.DELIVERED, Feature.REPLY}),
        "hears": (replace(bare, callbacks=whole.callbacks), False, False, {Feature.DELIVERED, Feature.REPLY}),
        "all": (whole, True, True, {Feature.DELIVERED, Feature.REPLY}),
    }
    for label, (settings, traces, sweeps, features) in able.items():
        channel: HttpSms = http_sms(settings, CLOCK)
        assert (isinstance(channel, Traceable), isinstance(channel, Sweepable)) == (traces, sweeps), label
        assert (channel.form.features, channel.form.limit) == (features, 1530), label
        await channel.close()
