"""What an HTTP SMS provider tells us, by its file: whose callback it is, and what it says. Forgeries change one thing each."""

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

import pytest
from hypothesis import given, strategies as st

from channels.base import Callback, Evidence, Inbound, NotGenuine, Reason, Status
from channels.http_callbacks import parse
from channels.http_file import read
from channels.http_places import Document, Place, follow
from channels.http_settings import HttpSmsSettings
from channels.http_times import moment
from tests.channels.aggregator import CALLBACK_PASSWORD, SIGNING_SECRET, basic
from tests.channels.rigs import described
from tests.channels.test_http_file import LEAST

BASE = "https://varsel.sorby.example:8443"
TOKEN = "0123456789abcdef0123456789abcdef"
AT = datetime(2026, 11, 23, 17, tzinfo=UTC)
FORM, JSON = described("example", "https://sms.example"), described("nordisk", "https://sms.example")
SECRET = "a-secret-of-ours-123"


def signed(what: str, fields: Mapping[str, str], at: datetime = AT, secret: str = SIGNING_SECRET) -> Callback:
    """Return a form as example.toml's provider sends it."""
    body, stamp = urlencode(fields).encode(), str(int(at.timestamp()))
    signature = hmac.new(secret.encode(), f"{stamp}.".encode() + body, hashlib.sha256).hexdigest()
    headers = {"X-Timestamp": stamp, "X-Signature": f"sha256={signature}"}
    return Callback(url=f"{BASE}/hooks/example/{what}", headers=headers, body=body, received_at=AT)


def known(what: str, document: object) -> Callback:
    """Return JSON as nordisk.toml's provider sends it."""
    headers = {"Authorization": basic("nordisk", CALLBACK_PASSWORD), "Content-Type": "application/json"}
    return Callback(url=f"{BASE}/hooks/nordisk/{what}", headers=headers, body=json.dumps(document).encode(), received_at=AT)


def with_callbacks(text: str) -> HttpSmsSettings:
    states = '[states]\nok = "DELIVERED"\nno = "UNDELIVERED"\n[codes]\n7 = "UNREACHABLE"\n'
    return read(LEAST + states + "[callbacks]\n" + text, {"SECRET": SECRET, "OLD": "the old one"}, "x")


STATUS = {"id": "17", "status": "delivered", "reference": TOKEN, "error": "0"}
MESSAGE = {"id": "18", "from": "+4790000001", "to": "+4759440000", "message": " 2 "}
GENUINE = signed(f"status/{TOKEN}", STATUS)

# --- whose it is --------------------------------------------------------------------------------------------------------

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


# --- statuses -----------------------------------------------------------------------------------------------------------

STATUSES: list[tuple[str, object, Evidence, Reason | None, str]] = [
    ("Queued", 0, Evidence.ACCEPTED, None, "0"),
    ("Sent", 0, Evidence.SENT, None, "0"),
    ("Delivered", None, Evidence.DELIVERED, None, ""),
    ("Failed", 3001, Evidence.UNDELIVERED, Reason.UNREACHABLE, "3001"),
    ("Failed", "2102", Evidence.UNDELIVERED, Reason.NOT_A_MOBILE, "2102"),
    ("Failed", 9999, Evidence.UNDELIVERED, Reason.UNDELIVERED, "9999"),
    ("Failed", None, Evidence.UNDELIVERED, Reason.UNDELIVERED, ""),
    ("Expired", 3002, Evidence.UNDELIVERED, Reason.EXPIRED_THERE, "3002"),
    ("delivered", 0, Evidence.ACCEPTED, None, "0"),
    ("Teleported", 0, Evidence.ACCEPTED, None, "0"),
    ("Sent", "x\0\n" * 99, Evidence.SENT, None, "x\N{REPLACEMENT CHARACTER}" * 10),
]


@pytest.mark.parametrize(("word", "code", "evidence", "reason", "kept"), STATUSES)
def test_each_word_proves_what_the_file_says(word: str, code: object, evidence: Evidence, reason: Reason | None, kept: str) -> None:
    call = known(f"status/{TOKEN}", {"messageId": 17, "status": word, "statusCode": code})
    assert parse(call, JSON) == [Status(evidence=evidence, token=TOKEN, provider_id="17", reason=reason, code=kept, word=word)]


def test_a_status_may_be_known_by_its_token_alone_or_its_id_alone() -> None:
    (by_token,) = parse(known(f"status/{TOKEN}", {"status": "Sent", "messageId": "x" * 101}), JSON)
    (by_id,) = parse(known("status", {"status": "Sent", "messageId": "17"}), JSON)
    (by_reference,) = parse(known("status", {"status": "Sent", "clientReference": TOKEN}), JSON)
    told = [(each.token, each.provider_id) for each in (by_token, by_id, by_reference) if isinstance(each, Status)]
    assert told == [(TOKEN, ""), ("", "17"), (TOKEN, "")]


LISTED = with_callbacks(
    'format = "json"\npath_secret = "${SECRET}"\n'
    '[callbacks.status]\neach = "reports"\nid = { json = "id" }\nstate = { json = "s" }\n'
    'segments = { json = "n" }\nprice = { json = "p" }\n'
    '[callbacks.inbound]\neach = "messages"\nid = { json = "id" }\nfrom = { json = "f" }\nto = { json = "t" }\ntext = { json = "m" }\n'
)


def listed(what: str, document: object) -> Callback:
    return Callback(url=f"{BASE}/hooks/least/{what}/{SECRET}", body=json.dumps(document).encode(), received_at=AT)


def test_several_statuses_come_at_once_and_one_bad_one_holds_up_no_other() -> None:
    reports = [{"id": 1, "s": "ok", "n": 2, "p": -0.5}, {"s": "ok"}, None, {"id": 2}, {"id": 3, "s": "no", "n": "many", "p": "1e99"}]
    found = parse(listed("status", {"reports": reports}), LISTED)
    assert found == [
        Status(evidence=Evidence.DELIVERED, provider_id="1", word="ok", segments=2, price=0.5),
        Status(evidence=Evidence.UNDELIVERED, provider_id="3", word="no", reason=Reason.UNDELIVERED),
    ]


def test_an_addresss_token_is_not_given_to_many() -> None:
    both = [{"id": 1, "s": "ok"}, {"id": 2, "s": "ok"}]
    assert [each.token for each in parse(listed(f"status/{TOKEN}", {"reports": both}), LISTED) if isinstance(each, Status)] == ["", ""]
    assert [each.token for each in parse(listed(f"status/{TOKEN}", {"reports": both[:1]}), LISTED) if isinstance(each, Status)] == [TOKEN]


@pytest.mark.parametrize("document", [{}, {"reports": {}}, {"reports": "x"}, [], None, {"reports": [{}]}, {"reports": [1, "x", [[]]]}])
def test_a_list_that_is_none_is_refused(document: object) -> None:
    with pytest.raises(NotGenuine):
        parse(listed("status", document), LISTED)


def test_an_empty_list_tells_nothing() -> None:
    assert parse(listed("status", {"reports": []}), LISTED) == []
    assert parse(listed("inbound", {"messages": []}), LISTED) == []


# --- answers ------------------------------------------------------------------------------------------------------------

ANSWERS: list[tuple[str, Callback, HttpSmsSettings, dict[str, object]]] = [
    ("a form", signed("inbound", MESSAGE), FORM, {"sender": "+4790000001", "to": "+4759440000", "text": " 2 ", "provider_id": "18"}),
    ("nothing at all", signed("inbound", {**MESSAGE, "message": ""}), FORM, {"text": ""}),
    ("a number of eight digits", signed("inbound", {**MESSAGE, "from": "90000001"}), FORM, {"sender": "+4790000001"}),
    ("to a short number", signed("inbound", {**MESSAGE, "to": "2012"}), FORM, {"to": "2012"}),
    ("right to left", signed("inbound", {**MESSAGE, "message": "٣ ٤٠\n\u200fتم"}), FORM, {"text": "٣ ٤٠\n\u200fتم"}),
    ("beyond the first plane", signed("inbound", {**MESSAGE, "message": "æøå 💧"}), FORM, {"text": "æøå 💧"}),
    (
        "JSON",
        known("inbound", {"moMessageId": 18, "originator": 4790000001, "recipient": "4759440000", "content": {"text": "2"}}),
        JSON,
        {"sender": "+4790000001", "to": "+4759440000", "text": "2", "provider_id": "18"},
    ),
    (
        "half a character and NUL",
        known("inbound", {"moMessageId": 18, "originator": "4790000001", "recipient": "2012", "content": {"text": "a\ud83d\0b"}}),
        JSON,
        {"text": "a?\N{REPLACEMENT CHARACTER}b", "to": "2012"},
    ),
    (
        "a text that is no text",
        known("inbound", {"moMessageId": 18, "originator": "4790000001", "recipient": "2012", "content": ["2"]}),
        JSON,
        {"text": ""},
    ),
]


@pytest.mark.parametrize(("call", "settings", "expected"), [pytest.param(*case, id=label) for label, *case in ANSWERS])
def test_an_answer_is_read(call: Callback, settings: HttpSmsSettings, expected: dict[str, object]) -> None:
    (found,) = parse(call, settings)
    assert isinstance(found, Inbound)
    assert {name: getattr(found, name) for name in expected} == expected
    assert found.received_at == AT


def test_an_old_alphabet_is_read_where_the_file_names_it() -> None:
    text = (
        'format = "form"\ncharset = "iso-8859-1"\npath_secret = "${SECRET}"\n'
        'inbound = { from = { field = "f" }, to = { field = "t" }, text = { field = "m" } }\n'
    )
    call = Callback(url=f"{BASE}/hooks/least/inbound/{SECRET}", body=b"f=90000001&t=2012&m=%E6%F8%E5", received_at=AT)
    (found,) = parse(call, with_callbacks(text))
    assert isinstance(found, Inbound)
    assert found.text == "æøå"


def test_an_answer_without_an_id_of_use_gets_one_that_a_repeat_has_too() -> None:
    one = {"f": "90000001", "t": "2012", "m": "1"}
    first, again, other, odd = (
        parse(listed("inbound", {"messages": [each]}), LISTED)[0] for each in (one, one, {**one, "m": "2"}, {**one, "id": "a b"})
    )
    assert all(isinstance(each, Inbound) for each in (first, again, other, odd))
    ids = [each.provider_id for each in (first, again, other, odd)]
    assert ids[0] == ids[1]
    assert len(set(ids)) == 3
    assert all(each.startswith("digest-") and len(each) < 100 for each in ids)


# --- whatever comes -----------------------------------------------------------------------------------------------------

JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(["id", "s", "f", "t", "m", "reports", "messages"]), inner, max_size=5)
    ),
    max_leaves=15,
)


@given(JSON_VALUES, st.sampled_from(["status", f"status/{TOKEN}", "inbound"]))
def test_no_document_makes_parse_stumble(value: object, what: str) -> None:
    try:
        found = parse(listed(what, value), LISTED)
    except NotGenuine:
        return
    for each in found:
        assert isinstance(each, Status) or each.sender
        assert "\0" not in repr(each)
        assert len(each.provider_id) <= 100


@given(st.binary(max_size=200), st.text(max_size=60), st.dictionaries(st.text(max_size=12), st.text(max_size=30), max_size=4))
def test_nothing_from_a_stranger_makes_parse_stumble(body: bytes, url: str, headers: dict[str, str]) -> None:
    for settings in (FORM, JSON, LISTED):
        for address in (url, f"{BASE}/hooks/{settings.account}/status/{TOKEN}"):
            with pytest.raises(NotGenuine):
                parse(Callback(url=address, headers=headers, body=body, received_at=AT), settings)


@pytest.mark.parametrize("body", [b"[" * 100_000, b'{"s":' * 20_000, b"9" * 5000, b"\xff", b"", b"NaN", b'"\\ud83d"'])
def test_documents_that_cannot_be_read_are_refused(body: bytes) -> None:
    with pytest.raises(NotGenuine):
        parse(replace(listed("status", {}), body=body), LISTED)


def test_a_form_of_very_many_fields_is_refused() -> None:
    with pytest.raises(NotGenuine):
        parse(signed(f"status/{TOKEN}", {f"f{n}": "" for n in range(600)} | STATUS), FORM)


# --- places and moments -------------------------------------------------------------------------------------------------

DOCUMENT: Any = {"a": [{"b": {"c-d": 1}}, 2.5, True, None], "": "x"}


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("a[0].b.c-d", "1"),
        ("a[1]", "2.5"),
        ("a[2]", "true"),
        ("a[3]", ""),
        ("a[9]", ""),
        ("a.b", ""),
        ("a[0][0]", ""),
        ("a[1].x", ""),
        ("a", ""),
    ],
)
def test_a_path_is_followed_as_far_as_it_goes(path: str, value: str) -> None:
    assert Document(json=DOCUMENT).at(Place(json=path)) == value


def test_a_text_is_no_list_of_letters() -> None:
    assert follow("abc", "[0]") is None
    assert follow(["abc"], "[0]") == "abc"


@pytest.mark.parametrize(
    ("text", "when"),
    [
        ("2026-11-23T17:00:00Z", AT),
        ("2026-11-23T18:00:00+01:00", AT),
        ("2026-11-23 17:00:00", AT),
        ("20261123T170000Z", AT),
        ("Mon, 23 Nov 2026 17:00:00 GMT", AT),
        ("Mon, 23 Nov 2026 18:00:00 +0100", AT),
        (str(int(AT.timestamp())), AT),
        (str(int(AT.timestamp() * 1000)), AT),
        (f"{int(AT.timestamp())}.5", AT + timedelta(seconds=0.5)),
        ("20261123170000", None),
        ("yesterday", None),
        ("", None),
        ("9" * 400, None),
        ("0001-01-01T00:00:00+23:00", None),
        ("9999-12-31T23:59:59-23:00", None),
    ],
)
def test_moments_are_read_however_they_are_written(text: str, when: datetime | None) -> None:
    assert moment(text) == when
