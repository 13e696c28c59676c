"""The request of a message as its file has it: the bytes that leave, numbers in the provider's spelling, placeholders filled once."""

import json
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qsl

import pytest
from hypothesis import given, strategies as st

from channels.base import Reason, Sent
from channels.http_file import read
from channels.http_request import fill, kind_of, understood, written
from channels.http_settings import Numbers
from tests.channels.aggregator import API_KEY, ENVIRONMENT, basic
from tests.channels.http_messages import OUT, SID, TOKEN, outcome, sent_by, taken
from tests.channels.providers import RawProvider, http
from tests.channels.rigs import described
from tests.channels.test_http_file import LEAST

# --- what leaves --------------------------------------------------------------------------------------------------------


async def test_the_json_is_as_the_file_has_it() -> None:
    async with RawProvider(http("200 OK", taken())) as provider:
        assert await sent_by(described("nordisk", provider.url)) == Sent(provider_id=SID, segments=2)
    head, _, body = provider.requests[0].partition(b"\r\n\r\n")
    assert head.startswith(b"POST /sms/v2/send HTTP/1.1\r\n")
    assert f"X-Api-Key: {API_KEY}\r\n".encode() in head
    assert b"Content-Type: application/json; charset=utf-8\r\n" in head
    assert json.loads(body) == {
        "platform": "NO",
        "serviceId": 1042,
        "messages": [
            {
                "recipient": "4790000001",
                "originator": "4759440000",
                "originatorType": "MSISDN",
                "content": OUT.text,
                "clientReference": TOKEN,
                "validityMinutes": 60,
                "useDeliveryReport": True,
                "deliveryReportUrl": f"https://varsel.example/hooks/nordisk/status/{TOKEN}",
            }
        ],
    }


async def test_the_form_is_as_the_file_has_it() -> None:
    async with RawProvider(http("200 OK", f"OK {SID} 2\n".encode(), kind="text/plain")) as provider:
        assert await sent_by(described("example", provider.url)) == Sent(provider_id=SID, segments=2)
    head, _, body = provider.requests[0].partition(b"\r\n\r\n")
    assert f"Authorization: {basic('budvik', ENVIRONMENT['EXAMPLE_SMS_PASSWORD'])}\r\n".encode() in head
    assert f"X-Idempotency-Key: {TOKEN}\r\n".encode() in head
    assert dict(parse_qsl(body.decode(), strict_parsing=True)) == {
        "to": "+4790000001",
        "from": "+4759440000",
        "message": OUT.text,
        "charset": "UTF-8",
        "reference": TOKEN,
        "dlr_url": f"https://varsel.example/hooks/nordisk/status/{TOKEN}",
        "ttl": "3600",
    }


async def test_placeholders_in_the_address_are_escaped() -> None:
    settings = read(LEAST, {}, "least.toml")
    request = replace(settings.request, body={"x": "{text}"})
    async with RawProvider(http("200 OK", b'{"id": "1"}')) as provider:
        url = provider.url + "/to/{to}?from={from}&ref={token}"
        await sent_by(replace(settings, request=replace(request, endpoint=url)), OUT._replace(sender="Budvik & Co"))
    line = provider.requests[0].split(b"\r\n")[0]
    assert line == f"POST /to/%2B4790000001?from=Budvik%20%26%20Co&ref={TOKEN} HTTP/1.1".encode()


async def test_a_field_that_would_be_empty_is_left_out() -> None:
    async with RawProvider(http("200 OK", taken())) as provider:
        await sent_by(described("nordisk", provider.url), OUT._replace(status_url=""))
    (message,) = json.loads(provider.requests[0].partition(b"\r\n\r\n")[2])["messages"]
    assert "deliveryReportUrl" not in message


@pytest.mark.parametrize(("asked", "seconds"), [(1, 300), (300, 300), (3600, 3600), (10**9, 172_800)])
async def test_validity_stays_within_the_providers_bounds(asked: int, seconds: int) -> None:
    async with RawProvider(http("200 OK", f"OK {SID} 2".encode())) as provider:
        await sent_by(described("example", provider.url), OUT._replace(valid_for=asked))
    assert f"ttl={seconds}".encode() in provider.requests[0]


@pytest.mark.parametrize(
    ("sender", "kind", "sent_as"),
    [("+4759440000", "MSISDN", "4759440000"), ("2012", "SHORTNUMBER", "2012"), ("Budvik", "ALPHANUMERIC", "Budvik")],
)
async def test_what_a_sender_is_is_said_in_the_providers_words(sender: str, kind: str, sent_as: str) -> None:
    async with RawProvider(http("200 OK", taken())) as provider:
        await sent_by(described("nordisk", provider.url), OUT._replace(sender=sender))
    (message,) = json.loads(provider.requests[0].partition(b"\r\n\r\n")[2])["messages"]
    assert (message["originatorType"], message["originator"]) == (kind, sent_as)


async def test_the_secret_that_vouches_for_statuses_is_put_into_their_address() -> None:
    secret = "a-secret-of-our-own"
    settings = read(
        LEAST.replace('text = "{text}"', 'text = "{text}", dlr = "{status_url}"')
        + '[callbacks]\nformat = "json"\npath_secret = "${SECRET}"\n',
        {"SECRET": secret},
        "x",
    )
    async with RawProvider(http("200 OK", b'{"id": "1"}')) as provider:
        await sent_by(replace(settings, request=replace(settings.request, endpoint=provider.url)))
    assert json.loads(provider.requests[0].partition(b"\r\n\r\n")[2])["dlr"].endswith(f"/status/{TOKEN}/{secret}")


@pytest.mark.parametrize("name", ["example", "nordisk"])
@pytest.mark.parametrize("where", ["text", "sender"])
async def test_half_a_character_never_leaves(name: str, where: str) -> None:
    async with RawProvider(http("200 OK", taken())) as provider:
        failure = await outcome(described(name, provider.url), OUT._replace(**{where: "half \ud83d"}))  # type: ignore[arg-type]
        assert failure.reason is Reason.BAD_CONTENT
        assert provider.requests == []


# --- placeholders and numbers -------------------------------------------------------------------------------------------


@given(st.text())
def test_a_text_is_filled_in_once_whatever_it_holds(text: str) -> None:
    assert fill("<{text}>", {"text": text, "token": "secret", "to": "x"}) == f"<{text}>"
    assert fill("{text}", {"text": text}) == text


def test_braces_of_the_file_that_are_no_placeholders_stay() -> None:
    assert fill("{other} {} {text", {"text": "x"}) == "{other} {} {text"


@pytest.mark.parametrize(
    ("number", "style", "as_written"),
    [
        ("+4790000001", "+47", "+4790000001"),
        ("+4790000001", "47", "4790000001"),
        ("+4790000001", "0047", "004790000001"),
        ("2012", "0047", "2012"),
        ("Budvik", "47", "Budvik"),
    ],
)
def test_numbers_are_written_as_the_provider_wants_them(number: str, style: Any, as_written: str) -> None:
    assert written(number, Numbers(style=style)) == as_written
    assert understood(as_written, Numbers(style=style)) == number


@pytest.mark.parametrize(
    ("came", "is_read_as"),
    [
        ("+47 900 00 001", "+4790000001"),
        ("90000001", "+4790000001"),
        ("0046701234567", "+46701234567"),
        ("46701234567", "+46701234567"),
        ("02012", "02012"),
        ("2012", "2012"),
        ("", ""),
        ("+0", "+0"),
        ("Vipps", "Vipps"),
        ("x" * 999, "x" * 60),
        ("٩٠٠٠٠٠٠١", "٩٠٠٠٠٠٠١"),
    ],
)
def test_numbers_are_understood_however_they_come(came: str, is_read_as: str) -> None:
    assert understood(came, Numbers()) == is_read_as


def test_eight_digits_stay_as_they_are_where_no_country_is_named() -> None:
    assert understood("90000001", Numbers(country="")) == "90000001"
    assert understood("90000001", Numbers(country="45")) == "+4590000001"


def test_what_a_sender_is() -> None:
    assert [kind_of(sender) for sender in ("+4759440000", "2012", "02012", "Budvik", "12")] == ["number", "short", "short", "name", "name"]
