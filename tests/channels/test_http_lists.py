"""What an HTTP SMS provider has in its books, by its file; and that a list which cannot be read is not an empty one."""

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from channels.base import Check, Evidence, Inbound, Reason, SendFailed, Status, Trace
from channels.clock import ManualClock
from channels.http_lists import MOST_PAGES
from channels.http_settings import HttpSmsSettings
from channels.http_sms import TracedSweptHttpSms, http_sms
from tests.channels.aggregator import API_KEY
from tests.channels.providers import RawProvider, http
from tests.channels.rigs import described

AT = datetime(2026, 11, 23, 17, tzinfo=UTC)
CLOCK = ManualClock(AT)
SENT: dict[str, Any] = {
    "messageId": "17",
    "recipient": "4790000001",
    "originator": "4759440000",
    "content": "Kok vatnet",
    "createdAt": "2026-11-23T17:00:01Z",
    "status": "Failed",
    "statusCode": 3001,
    "clientReference": "t" * 32,
}
CAME: dict[str, Any] = {
    "moMessageId": "18",
    "originator": "4790000001",
    "recipient": "4759440000",
    "content": {"text": "2"},
    "receivedAt": 1795453201000,
}


def page(*items: object, following: str = "", date: datetime | None = None) -> bytes:
    headers = [f"Date: {format_datetime(date, usegmt=True)}"] if date else []
    return http("200 OK", json.dumps({"data": {"items": items, "nextPage": following}}).encode(), *headers)


def channel_at(url: str, change: Callable[[HttpSmsSettings], HttpSmsSettings] = lambda its: its) -> TracedSweptHttpSms:
    channel = http_sms(change(described("nordisk", url)), CLOCK)
    assert isinstance(channel, TracedSweptHttpSms)
    return channel


async def traced(*answers: bytes | None, since: datetime = AT) -> list[Trace]:
    async with RawProvider(*answers) as provider:
        channel = channel_at(provider.url)
        try:
            return await channel.trace("+4790000001", "+4759440000", since)
        finally:
            await channel.close()


async def swept(*answers: bytes | None, since: datetime = AT) -> list[Inbound]:
    async with RawProvider(*answers) as provider:
        channel = channel_at(provider.url)
        try:
            return [each async for each in channel.sweep("+4759440000", since)]
        finally:
            await channel.close()


async def status_of(answer: bytes, provider_id: str = "17") -> Status:
    async with RawProvider(answer) as provider:
        channel = channel_at(provider.url)
        try:
            return await channel.status_of(provider_id)
        finally:
            await channel.close()


def asked(request: bytes) -> tuple[str, Mapping[str, list[str]]]:
    target = urlsplit(request.split(b" ")[1].decode())
    return target.path, parse_qs(target.query)


async def test_a_message_is_found_with_its_state_and_our_token() -> None:
    (trace,) = await traced(page(SENT))
    assert trace == Trace(
        provider_id="17",
        to="+4790000001",
        sender="+4759440000",
        text="Kok vatnet",
        created_at=AT + timedelta(seconds=1),
        status=Status(
            evidence=Evidence.UNDELIVERED, token="t" * 32, provider_id="17", reason=Reason.UNREACHABLE, code="3001", word="Failed"
        ),
    )


async def test_the_list_is_asked_for_with_credentials_and_from_well_before() -> None:
    async with RawProvider(page()) as provider:
        channel = channel_at(provider.url)
        assert await channel.trace("+4790000001", "+4759440000", AT) == []
        await channel.close()
    assert f"X-Api-Key: {API_KEY}\r\n".encode() in provider.requests[0]
    assert asked(provider.requests[0]) == ("/sms/v2/messages", {"recipient": ["4790000001"], "from": ["2026-11-23T16:50:00Z"]})


@pytest.mark.parametrize(
    "changes",
    [
        {"recipient": "4790000002"},
        {"originator": "4759440001"},
        {"messageId": None},
        {"messageId": "a b"},
        {"createdAt": "2026-11-23T16:59:54Z"},
    ],
)
async def test_what_is_not_ours_is_not_found_whatever_the_provider_lists(changes: dict[str, Any]) -> None:
    assert await traced(page({**SENT, **changes}, None, "x", [])) == []


async def test_a_message_without_a_date_counts_as_new() -> None:
    (trace,) = await traced(page({**SENT, "createdAt": "soon"}))
    assert trace.created_at == AT


async def test_the_providers_dates_are_understood_by_its_own_clock() -> None:
    slow = AT - timedelta(minutes=3)
    (trace,) = await traced(page({**SENT, "createdAt": slow.isoformat()}, date=slow))
    assert trace.created_at == AT


@pytest.mark.parametrize(("date", "off"), [("0001-01-01T00:00:00Z", 2), ("9999-12-31T23:59:59.999Z", -2)])
async def test_a_date_at_the_calendars_end_counts_as_none_and_hides_no_other_message(date: str, off: int) -> None:
    """Some write the year 1 where they have no date, or 9999 for never; the provider's clock is not ours."""
    theirs = AT + timedelta(seconds=off)
    traces = await traced(page({**SENT, "messageId": "16", "createdAt": date}, SENT, date=theirs))
    assert [(each.provider_id, each.created_at) for each in traces] == [("16", AT), ("17", AT + timedelta(seconds=1 - off))]
    came = await swept(page({**CAME, "moMessageId": "16", "receivedAt": date}, CAME, date=theirs))
    assert [(each.provider_id, each.received_at) for each in came] == [("16", AT), ("18", AT + timedelta(seconds=1 - off))]


@pytest.mark.parametrize("date", ["Fri, 31 Dec 9999 23:59:59 GMT", f"Mon, 23 Nov 2026 17:00:00 +{'9' * 16}", "soon"])
async def test_a_clock_that_cannot_be_read_is_taken_for_ours(date: str) -> None:
    answer = http("200 OK", json.dumps({"data": {"items": [SENT]}}).encode(), f"Date: {date}")
    assert [each.created_at for each in await traced(answer)] == [AT + timedelta(seconds=1)]


async def test_every_page_is_read() -> None:
    pages = [page({**SENT, "messageId": str(n)}, following=f"/sms/v2/messages?p={n}") for n in range(3)]
    assert [each.provider_id for each in await traced(*pages, page({**SENT, "messageId": "3"}))] == ["0", "1", "2", "3"]


UNREADABLE: list[tuple[str, tuple[bytes | None, ...], Reason]] = [
    ("a failure", (http("503 Busy"),), Reason.NOT_CONNECTED),
    ("a page for people", (http("200 OK", b"<h1>", kind="text/html"),), Reason.NOT_CONNECTED),
    ("no list", (http("200 OK", b'{"data": {}}'),), Reason.NOT_CONNECTED),
    ("a list that is none", (http("200 OK", b'{"data": {"items": {"0": 1}}}'),), Reason.NOT_CONNECTED),
    ("a number", (http("200 OK", b"17"),), Reason.NOT_CONNECTED),
    ("not HTTP", (b"hello?\r\n\r\n",), Reason.NOT_CONNECTED),
    ("a redirect", (http("302 Found", b"", "Location: /elsewhere"),), Reason.NOT_CONNECTED),
    ("other credentials", (http("401 Unauthorized"),), Reason.NOT_AUTHORISED),
    ("no such address", (http("404 Not Found"),), Reason.OUR_BUG),
    ("not so fast", (http("429 Slow", b"", "Retry-After: 9"),), Reason.THROTTLED),
    ("a second page that fails", (page(SENT, following="/2"), http("500 Sorry")), Reason.NOT_CONNECTED),
    ("a second page elsewhere", (page(SENT, following="https://thief.example/2"),), Reason.NOT_CONNECTED),
    ("a second page on another port", (page(SENT, following="http://127.0.0.1:1/2"),), Reason.NOT_CONNECTED),
    ("a second page nowhere", (page(SENT, following="http://["),), Reason.NOT_CONNECTED),
    ("a list without end", (page(SENT, following="/again"),), Reason.NOT_CONNECTED),
]


@pytest.mark.parametrize("read", [traced, swept])
@pytest.mark.parametrize(("answers", "reason"), [pytest.param(*case, id=label) for label, *case in UNREADABLE])
async def test_what_cannot_be_read_is_not_an_empty_list(
    read: Callable[..., Any], answers: tuple[bytes | None, ...], reason: Reason
) -> None:
    with pytest.raises(SendFailed) as failure:
        await read(*answers)
    assert failure.value.reason is reason
    assert failure.value.retry_after == (9 if reason is Reason.THROTTLED else None)


async def test_credentials_do_not_follow_a_page_that_leads_elsewhere() -> None:
    async with RawProvider(page()) as thief, RawProvider(page(SENT, following=f"{thief.url}/2")) as provider:
        channel = channel_at(provider.url)
        for read in (channel.trace("+4790000001", "+4759440000", AT), anext(aiter(channel.sweep("+4759440000", AT)))):
            with pytest.raises(SendFailed):
                await read
        await channel.close()
        assert thief.requests == []
        assert len(provider.requests) == 2


async def test_a_list_without_end_ends() -> None:
    async with RawProvider(page(following="/again")) as provider:
        channel = channel_at(provider.url)
        with pytest.raises(SendFailed):
            await channel.trace("+4790000001", "+4759440000", AT)
        await channel.close()
    assert len(provider.requests) == MOST_PAGES


async def test_what_people_wrote_is_swept_up() -> None:
    foreign = [{**CAME, "recipient": "2012"}, {**CAME, "originator": None}, {**CAME, "receivedAt": 1795453190000}, 7]
    assert await swept(page(CAME, *foreign)) == [
        Inbound(provider_id="18", sender="+4790000001", to="+4759440000", text="2", received_at=AT + timedelta(seconds=1))
    ]


def bare(its: HttpSmsSettings) -> HttpSmsSettings:
    assert its.inbox
    return replace(its, inbox=replace(its.inbox, each="", next=None))


async def test_a_list_that_is_the_document_is_read() -> None:
    async with RawProvider(http("200 OK", json.dumps([CAME]).encode())) as provider:
        channel = channel_at(provider.url, bare)
        assert [each.provider_id async for each in channel.sweep("+4759440000", AT)] == ["18"]
        await channel.close()


@pytest.mark.parametrize("body", [b'{"error": "down for maintenance"}', b"<h1>", b"", b"17", b"null"])
async def test_a_document_that_is_no_list_is_not_an_empty_one(body: bytes) -> None:
    async with RawProvider(http("200 OK", body)) as provider:
        channel = channel_at(provider.url, bare)
        with pytest.raises(SendFailed):
            _ = [each async for each in channel.sweep("+4759440000", AT)]
        await channel.close()


async def test_one_messages_status_is_fetched() -> None:
    assert await status_of(http("200 OK", json.dumps(SENT).encode())) == Status(
        evidence=Evidence.UNDELIVERED, provider_id="17", reason=Reason.UNREACHABLE, code="3001", word="Failed"
    )


@pytest.mark.parametrize("changes", [{"messageId": "18"}, {"messageId": None}, {"status": None}])
async def test_another_messages_status_proves_nothing(changes: dict[str, Any]) -> None:
    with pytest.raises(SendFailed) as failure:
        await status_of(http("200 OK", json.dumps({**SENT, **changes}).encode()))
    assert failure.value.reason is Reason.NOT_CONNECTED


async def test_an_id_goes_nowhere_but_into_its_place() -> None:
    async with RawProvider(http("404 Not Found")) as provider:
        channel = channel_at(provider.url)
        for provider_id, reason in (("../balance?x=1#y", Reason.OUR_BUG), ("a b", Reason.OUR_BUG), ("", Reason.OUR_BUG)):
            with pytest.raises(SendFailed) as failure:
                await channel.status_of(provider_id)
            assert failure.value.reason is reason
        await channel.close()
    assert [request.split(b" ")[1] for request in provider.requests] == [b"/sms/v2/messages/..%2Fbalance%3Fx=1%23y"]


# --- doctor -------------------------------------------------------------------------------------------------------------


async def checked(answer: bytes | None, change: Callable[[HttpSmsSettings], HttpSmsSettings] = lambda its: its) -> list[Check]:
    async with RawProvider(answer) as provider:
        channel = http_sms(change(replace(described("nordisk", provider.url), check_endpoint=provider.url + "/balance")), CLOCK)
        try:
            return await channel.check()
        finally:
            await channel.close()


async def test_doctor_looks_without_sending() -> None:
    provider, callbacks = await checked(http("200 OK", b"17 kr"))
    assert provider.ok
    assert callbacks.ok


@pytest.mark.parametrize(("answer", "remedy"), [(http("401 No"), "Compare the credentials"), (http("503 No"), "Look at the network")])
async def test_doctor_says_what_to_do(answer: bytes, remedy: str) -> None:
    provider, _ = await checked(answer)
    assert not provider.ok
    assert provider.remedy.startswith(remedy)


async def test_doctor_knows_that_nothing_vouches_for_callbacks() -> None:
    def unproven(its: HttpSmsSettings) -> HttpSmsSettings:
        assert its.callbacks
        return replace(its, check_endpoint="", callbacks=replace(its.callbacks, basic=None))

    provider, callbacks = await checked(None, unproven)
    assert provider.ok
    assert not callbacks.ok
    assert "[callbacks]" in callbacks.remedy
