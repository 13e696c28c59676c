"""What an HTTP SMS provider tells us, by its file: statuses and answers, as tables, and whatever else may come."""

import json
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, strategies as st

from channels.base import Callback, Evidence, Inbound, NotGenuine, Reason, Status
from channels.http_callbacks import parse
from channels.http_places import Document, Place, follow
from channels.http_settings import HttpSmsSettings
from channels.http_times import moment
from tests.channels.http_calls import AT, BASE, FORM, JSON, MESSAGE, SECRET, STATUS, TOKEN, known, signed, with_callbacks

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
        ("0001-01-01T00:00:00Z", None),
        ("Fri, 31 Dec 9999 23:59:59 GMT", None),
        ("Mon, 23 Nov 2026 17:00:00", AT),
        ("Mon, 23 Nov 2026 17:00:00 -0000", AT),
        (f"Mon, 23 Nov 2026 17:00:00 +{'9' * 16}", None),
    ],
)
def test_moments_are_read_however_they_are_written(text: str, when: datetime | None) -> None:
    assert moment(text) == when
