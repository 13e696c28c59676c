"""Whose callback it is, for a provider that a file describes. Forgeries change one thing each."""

import base64
import hmac
from dataclasses import replace
from datetime import timedelta

import pytest

from channels.base import Callback, Evidence, NotGenuine, Status
from channels.http_callbacks import parse
from tests.channels.aggregator import CALLBACK_PASSWORD, basic
from tests.channels.http_calls import AT, BASE, FORM, JSON, MESSAGE, SECRET, STATUS, TOKEN, known, signed, with_callbacks

GENUINE = signed(f"status/{TOKEN}", STATUS)

BELIEVED: list[tuple[str, Callback]] = [
    ("as it is", GENUINE),
    ("header names in small letters", replace(GENUINE, headers={name.lower(): value for name, value in GENUINE.headers.items()})),
    ("with a fragment", replace(GENUINE, url=GENUINE.url + "#rc=4")),
    ("with a slash at the end", replace(GENUINE, url=GENUINE.url + "/")),
    ("behind a path of the municipality", replace(GENUINE, url=GENUINE.url.replace("/hooks", "/varsel/hooks"))),
    ("an address without a token", signed("status", STATUS)),
    ("a clock that is a little off", signed(f"status/{TOKEN}", STATUS, AT - timedelta(seconds=299))),
    ("unknown fields", signed(f"status/{TOKEN}", STATUS | {"new": "1", "": ""})),
]


@pytest.mark.parametrize("call", [pytest.param(call, id=label) for label, call in BELIEVED])
def test_what_the_provider_signed_is_believed(call: Callback) -> None:
    (status,) = parse(call, FORM)
    assert isinstance(status, Status)
    assert (status.token, status.provider_id, status.evidence) == (TOKEN, "17", Evidence.DELIVERED)


FORGERIES: list[tuple[str, Callback]] = [
    ("no signature", replace(GENUINE, headers={"X-Timestamp": GENUINE.headers["X-Timestamp"]})),
    ("an empty signature", replace(GENUINE, headers={**GENUINE.headers, "X-Signature": ""})),
    ("a signature without its prefix", replace(GENUINE, headers={**GENUINE.headers, "X-Signature": GENUINE.headers["X-Signature"][7:]})),
    ("a signature that is no text", replace(GENUINE, headers={**GENUINE.headers, "X-Signature": "sha256=æ\ud83d"})),
    ("signed with nothing", signed(f"status/{TOKEN}", STATUS, secret="")),
    ("another's signature", signed(f"status/{TOKEN}", STATUS, secret="somebody else's")),
    ("no timestamp", replace(GENUINE, headers={"X-Signature": GENUINE.headers["X-Signature"]})),
    ("another timestamp", replace(GENUINE, headers={**GENUINE.headers, "X-Timestamp": str(int(AT.timestamp()) + 1)})),
    ("yesterday's", signed(f"status/{TOKEN}", STATUS, AT - timedelta(days=1))),
    ("tomorrow's", signed(f"status/{TOKEN}", STATUS, AT + timedelta(seconds=301))),
    ("a field changed", replace(GENUINE, body=GENUINE.body.replace(b"delivered", b"failed"))),
    ("a field added", replace(GENUINE, body=GENUINE.body + b"&error=7")),
    ("only the parsed fields", replace(GENUINE, body=b"", fields=[*STATUS.items()])),
    ("another message's address", replace(GENUINE, url=f"{BASE}/hooks/example/status/{'f' * 32}")),
    ("another account's address", replace(GENUINE, url=GENUINE.url.replace("example/status", "other/status"))),
    ("an inbound made of a status", replace(GENUINE, url=f"{BASE}/hooks/example/inbound")),
    ("an address that is none of ours", replace(GENUINE, url=f"{BASE}/hooks/example/status/{TOKEN}/more")),
    ("an inbound with a tail", replace(GENUINE, url=f"{BASE}/hooks/example/inbound/{TOKEN}")),
    ("an address that is none", replace(GENUINE, url="http://[")),
    ("no address", replace(GENUINE, url="")),
    ("no state, rightly signed", signed(f"status/{TOKEN}", {"id": "17"})),
    ("nothing that says whose, rightly signed", signed("status", {"status": "delivered"})),
    ("nothing, rightly signed", signed(f"status/{TOKEN}", {})),
    ("a message from nobody, rightly signed", signed("inbound", {**MESSAGE, "from": ""})),
]


@pytest.mark.parametrize("call", [pytest.param(call, id=label) for label, call in FORGERIES])
def test_a_forgery_is_not_believed(call: Callback) -> None:
    with pytest.raises(NotGenuine):
        parse(call, FORM)


@pytest.mark.parametrize(
    "header",
    [
        "",
        "Basic",
        basic("nordisk", "wrong"),
        basic("other", CALLBACK_PASSWORD),
        basic("nordisk", CALLBACK_PASSWORD).lower(),
        basic("nordisk", CALLBACK_PASSWORD) + "=",
        "Bearer " + CALLBACK_PASSWORD,
        "æ",
    ],
)
def test_only_user_name_and_password_together_open(header: str) -> None:
    call = known(f"status/{TOKEN}", {"messageId": "17", "status": "Delivered"})
    assert parse(call, JSON)
    with pytest.raises(NotGenuine):
        parse(replace(call, headers={"Authorization": header}), JSON)


PLAIN = 'format = "json"\nstatus = { id = { json = "id" }, state = { json = "s" }, code = { json = "c" } }\n'
MARKED = Callback(url=f"{BASE}/hooks/least/status/{TOKEN}", body=b'{"s": "ok"}', received_at=AT)


def test_without_any_proof_nothing_is_believed() -> None:
    for settings in (with_callbacks(PLAIN), replace(with_callbacks(PLAIN), callbacks=None)):
        with pytest.raises(NotGenuine, match="No proof is configured"):
            parse(MARKED, settings)


@pytest.mark.parametrize("what", [f"status/{TOKEN}/{SECRET}", f"status/{SECRET}"])
def test_a_secret_at_the_end_of_the_address_opens(what: str) -> None:
    settings = with_callbacks(PLAIN + 'path_secret = "${SECRET}"\n')
    call = replace(MARKED, url=f"{BASE}/hooks/least/{what}", body=b'{"s": "ok", "id": "1"}')
    (status,) = parse(call, settings)
    assert isinstance(status, Status)
    assert status.token == (TOKEN if TOKEN in what else "")


@pytest.mark.parametrize(
    "what", [f"status/{TOKEN}", f"status/{TOKEN}/{SECRET}x", f"status/{SECRET}/{TOKEN}", "status", "inbound", f"status//{SECRET}"]
)
def test_without_the_secret_in_its_place_an_address_opens_nothing(what: str) -> None:
    settings = with_callbacks(PLAIN + 'path_secret = "${SECRET}"\n')
    with pytest.raises(NotGenuine):
        parse(replace(MARKED, url=f"{BASE}/hooks/least/{what}"), settings)


def test_every_proof_that_is_asked_for_must_hold() -> None:
    settings = with_callbacks(PLAIN + 'path_secret = "${SECRET}"\nbasic = { user = "u", password = "${OLD}" }\n')
    call = replace(MARKED, url=f"{MARKED.url}/{SECRET}", headers={"Authorization": basic("u", "the old one")})
    assert parse(call, settings)
    for half in (replace(call, headers={}), replace(call, url=MARKED.url)):
        with pytest.raises(NotGenuine):
            parse(half, settings)


@pytest.mark.parametrize("algorithm", ["sha1", "sha256", "sha384", "sha512"])
@pytest.mark.parametrize("encoding", ["hex", "base64"])
def test_signatures_of_every_kind_are_known(algorithm: str, encoding: str) -> None:
    how = f'{{ header = "X-Sig", secret = "${{SECRET}}", other_secret = "${{OLD}}", algorithm = "{algorithm}", encoding = "{encoding}" }}'
    settings = with_callbacks(f"{PLAIN}hmac = {how}\n")
    for secret, believed in ((SECRET, True), ("the old one", True), ("", False), ("another", False)):
        digest = hmac.new(secret.encode(), MARKED.body, algorithm)
        value = digest.hexdigest() if encoding == "hex" else base64.b64encode(digest.digest()).decode()
        call = replace(MARKED, headers={"x-sig": value})
        if believed:
            assert parse(call, settings)
        else:
            with pytest.raises(NotGenuine):
                parse(call, settings)


def test_a_signature_may_cover_the_address_of_a_get() -> None:
    settings = with_callbacks(
        'format = "query"\nstatus = { id = { field = "id" }, state = { field = "s" } }\n'
        'hmac = { header = "X-Sig", secret = "${SECRET}", over = "{url}" }\n'
    )
    url = f"{BASE}/hooks/least/status?id=17&s=ok"
    headers = {"X-Sig": hmac.new(SECRET.encode(), url.encode(), "sha256").hexdigest()}
    (status,) = parse(Callback(url=url, headers=headers, received_at=AT), settings)
    assert isinstance(status, Status)
    assert (status.provider_id, status.evidence) == ("17", Evidence.DELIVERED)
    with pytest.raises(NotGenuine):
        parse(Callback(url=url.replace("17", "18"), headers=headers, received_at=AT), settings)


def test_a_kind_of_callback_that_nobody_described_is_refused() -> None:
    settings = with_callbacks(PLAIN + 'path_secret = "${SECRET}"\n')
    with pytest.raises(NotGenuine, match="inbound"):
        parse(replace(MARKED, url=f"{BASE}/hooks/least/inbound/{SECRET}"), settings)
