"""The file that describes an HTTP SMS provider: what is wrong with it is told with its line, and the examples keep their promises."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass, replace
from pathlib import Path
from typing import Any, get_args, get_origin, get_type_hints

import pytest

from channels.base import Evidence, Pace, Reason
from channels.http_file import SLOTS, line_of, load, read
from channels.http_places import Place
from channels.http_settings import HttpSmsSettings
from channels.settings import BadSettings
from tests.channels.aggregator import ENVIRONMENT
from tests.channels.rigs import PROVIDERS

#: the least that a file must say
LEAST = """\
account = "least"
[request]
endpoint = "https://sms.example/send"
format = "json"
body = { to = "{to}", text = "{text}" }
[answer]
id = { json = "id" }
[[answer.rules]]
status = [200]
means = "accepted"
"""


def test_the_least_is_enough() -> None:
    its = read(LEAST, {}, "least.toml")
    assert (its.account, its.longest, its.pace, its.callbacks, its.outbox) == ("least", 1600, Pace(1, 1), None, None)


@pytest.mark.parametrize("name", ["example", "nordisk"])
def test_the_examples_are_read(name: str) -> None:
    its = load(PROVIDERS / f"{name}.toml", ENVIRONMENT)
    assert its.account == name
    assert its.outbox
    assert its.inbox
    assert its.lookup
    assert its.callbacks
    assert its.callbacks.vouched_for


def test_codes_and_words_are_read_by_name() -> None:
    its = load(PROVIDERS / "nordisk.toml", ENVIRONMENT)
    assert (its.codes["2102"], its.states["Delivered"]) == (Reason.NOT_A_MOBILE, Evidence.DELIVERED)
    assert its.answer.rules[0].code == ("1",)
    assert its.answer.rules[1].status == ((401, 401), (403, 403))


def test_secrets_come_from_the_environment_and_are_not_shown() -> None:
    for name in ("example", "nordisk"):
        its = load(PROVIDERS / f"{name}.toml", ENVIRONMENT)
        assert [secret for secret in ENVIRONMENT.values() if secret in repr(its)] == []
    its = load(PROVIDERS / "nordisk.toml", ENVIRONMENT)
    assert its.request.headers["X-Api-Key"] == ENVIRONMENT["NORDISK_API_KEY"]


def _settings(kind: Any) -> Iterator[tuple[type, str]]:
    """Yield every field of the description, and of what it is made of."""
    for name, hint in get_type_hints(kind).items():
        yield kind, {"sender": "from"}.get(name, name)
        for inner in _dataclasses(hint):
            yield from _settings(inner)


def _dataclasses(hint: Any) -> Iterator[type]:
    if is_dataclass(hint) and isinstance(hint, type):
        if hint is not Place:
            yield hint
    elif get_origin(hint) is not None:
        for each in get_args(hint):
            yield from _dataclasses(each)


def test_the_example_shows_every_setting_there_is() -> None:
    example = (PROVIDERS / "example.toml").read_text()
    shown = set(re.findall(r"^#? ?\[+([a-z_.]+)\]+", example, re.MULTILINE)) | set(re.findall(r"[\w-]+(?= = )", example))
    shown |= {part for name in shown for part in name.split(".")}
    assert {(kind.__name__, name) for kind, name in _settings(HttpSmsSettings) if name not in shown} == set()


def test_the_example_names_every_placeholder_and_reason() -> None:
    example = (PROVIDERS / "example.toml").read_text()
    for slot in frozenset().union(*SLOTS.values()):
        assert f"{{{slot}}}" in example
    ours_to_say = {
        "NOT_CONNECTED",
        "BOUNCED_FOR_NOW",
        "WINDOW_CLOSED",
        "NO_TEMPLATE",
        "WHATSAPP_LIMIT",
        "NOT_ON_WHATSAPP",
        "REFUSED",
        "HELD_UP",
    }
    for reason in Reason:
        assert reason.name in ours_to_say or reason.name in example


# --- what is wrong ------------------------------------------------------------------------------------------------------

#: (what is put in the place of what, the line that is named, words that are in the error)
FAULTS: list[tuple[str, str, str, int, str]] = [
    ("no TOML", "account =", "account", 1, "no TOML"),
    ("an account that is no name", '"least"', '"../x"', 1, "account does not match"),
    ("no account", 'account = "least"', "", 1, "account is missing; see deploy/providers/example.toml"),
    ("no address", 'endpoint = "https://sms.example/send"', "", 2, "request.endpoint is missing"),
    ("an address without TLS", "https://sms.example", "http://sms.example", 3, "must be an address that begins with https://"),
    ("an address that is none", "https://sms.example/send", "http://[", 3, "https://"),
    ("a format that is none", '"json"\nbody', '"xml"\nbody', 4, "request.format must be 'json' or 'form'"),
    ("a word that is no setting", 'format = "json"', 'format = "json"\nfromat = 1', 5, "request.fromat is no setting here"),
    ("a placeholder that is none", '"{text}"', '"{txet}"', 5, "holds {txet}, which is no placeholder here; there are {from}, {from_kind}"),
    ("a message without its text", '"{text}"', '"hei"', 2, "request never says {text}"),
    ("a message to nobody", '"{to}"', '"+4790000001"', 2, "request never says {to}"),
    ("a date in the body", '"{text}" }', '"{text}", at = 2026-11-23 }', 5, "is a date, which no request can carry"),
    ("GET", "[request]", '[request]\nmethod = "GET"', 3, "request.method must be 'POST'"),
    ("no rules", '[[answer.rules]]\nstatus = [200]\nmeans = "accepted"\n', "", 6, "answer.rules is missing"),
    ("nothing is ever accepted", '"accepted"', '"refused"', 6, 'answer needs a rule with means = "accepted"'),
    ("a status that is none", "[200]", '["2xx"]', 9, "must be a status such as 200"),
    ("judging a server's failure", "[200]", '[200, "500-503"]', 8, "can only judge 200-299 and 400-499"),
    ("judging a redirect", "[200]", "[302]", 8, "can only judge"),
    ("judging a time-out", "[200]", "[408]", 8, "can only judge"),
    ("a range the wrong way round", "[200]", '["299-200"]', 8, "can only judge"),
    ("a place that is two", '{ json = "id" }', '{ json = "id", header = "X" }', 7, "answer.id needs exactly one of json"),
    ("a place that is none", '{ json = "id" }', "{ }", 7, "answer.id needs exactly one of json"),
    ("a path that leads nowhere", '{ json = "id" }', '{ json = "a..b" }', 7, 'is no path such as "messages[0].id"'),
    ("a place in words", '{ json = "id" }', '"id"', 7, "answer.id must be a table"),
    ("a pattern that is none", '{ json = "id" }', "{ regex = '(' }", 7, "answer.id.regex is no regular expression"),
    ("a pattern without a group", '{ json = "id" }', "{ regex = 'OK' }", 7, "answer.id needs a group"),
    (
        "a reason that is none",
        'means = "accepted"',
        'means = "accepted"\n[codes]\n101 = "GONE"',
        12,
        "codes.101 must be one of NOT_CONNECTED",
    ),
    ("a reason for an acceptance", '"accepted"', '"accepted"\nreason = "OUR_BUG"', 8, "only goes with"),
    ("evidence that is ours to say", '"accepted"\n', '"accepted"\n[states]\nnew = "INTENT"\n', 12, "states.new must be one of ACCEPTED"),
    ("a pace of nothing", "[request]", "[pace]\nper_second = 0\nburst = 1\n[request]", 1, "needs a pace above 0"),
    ("too long a message", "[request]", "longest = 5000\n[request]", 2, "longest Input should be less than or equal to 1600"),
    ("validity upside down", "[request]", "[request]\nvalid_for = [10, 5]", 2, "valid_for is the shortest"),
    (
        "kinds of sender",
        "[request]",
        '[request]\nfrom_kinds = { nmbr = "X" }',
        3,
        "request.from_kinds.nmbr must be 'number', 'short' or 'name'",
    ),
]


@pytest.mark.parametrize(("old", "new", "line", "words"), [pytest.param(*case, id=label) for label, *case in FAULTS])
def test_what_is_wrong_is_told_with_its_line(old: str, new: str, line: int, words: str) -> None:
    assert old in LEAST
    with pytest.raises(BadSettings) as wrong:
        read(LEAST.replace(old, new), {}, "sms.toml")
    assert words in str(wrong.value)
    assert re.search(rf"line {line}\b", str(wrong.value))
    assert "sms.toml" in str(wrong.value)


CALLBACKS = '[callbacks]\nformat = "json"\n'
STATUS = '[states]\nok = "SENT"\n[callbacks.status]\nstate = { json = "s" }\n'
MESSAGE = 'from = { json = "f" }\nto = { json = "t" }\ntext = { json = "m" }\n'
#: (what is added at the end, counted from there the line that is named, words that are in the error)
ADDED: list[tuple[str, str, int, str]] = [
    ("a secret in the file", CALLBACKS + 'path_secret = "abcdefgh12345678"\n', 3, "is a secret; set it in the environment"),
    ("a password in the file", CALLBACKS + 'basic = { user = "u", password = "p" }\n', 3, "callbacks.basic.password is a secret"),
    ("a secret that is not set", CALLBACKS + 'path_secret = "${NOT_SET}"\n', 3, "needs the environment variable NOT_SET"),
    ("a secret that is too short", CALLBACKS + 'path_secret = "${SHORT}"\n', 1, "path_secret that is not 16 to 100"),
    ("a signature over nothing", CALLBACKS + 'hmac = { header = "X", secret = "${LONG}", over = "x" }\n', 3, "must sign {body} or {url}"),
    (
        "a signature over an unknown thing",
        CALLBACKS + 'hmac = { header = "X", secret = "${LONG}", over = "{bdy}" }\n',
        3,
        "{bdy}, which is no placeholder here; there are {body}, {timestamp}, {url}",
    ),
    (
        "a timestamp that nobody reads",
        CALLBACKS + 'hmac = { header = "X", secret = "${LONG}", over = "{timestamp}{body}" }\n',
        3,
        "needs timestamp_header",
    ),
    (
        "a signature that does not cover the address in which everything stands",
        CALLBACKS.replace("json", "query") + 'hmac = { header = "X", secret = "${LONG}" }\n',
        1,
        "its signature must",
    ),
    ("an unknown algorithm", CALLBACKS + 'hmac = { header = "X", secret = "${LONG}", algorithm = "md5" }\n', 3, "must be 'sha1'"),
    ("statuses without their words", CALLBACKS + '[callbacks.status]\nstate = { json = "s" }\n', -9, "needs [states]"),
    ("a message from nobody", CALLBACKS + "[callbacks.inbound]\n" + MESSAGE.partition("\n")[2], 3, "callbacks.inbound.from is missing"),
    ("a list of nowhere", CALLBACKS + STATUS + 'each = "a..b"\n', 7, 'is no path such as "data.messages"'),
    (
        "an inbox without a lookup",
        '[inbox]\nendpoint = "https://sms.example/"\nreceived = { json = "r" }\n' + MESSAGE,
        -9,
        "needs [inbox] and [lookup] together",
    ),
    (
        "a list without ids",
        '[states]\nok = "SENT"\n[outbox]\nendpoint = "https://sms.example/"\ncreated = { json = "c" }\nstate = { json = "s" }\n' + MESSAGE,
        3,
        "outbox needs id",
    ),
    (
        "a list without TLS",
        '[lookup]\nendpoint = "http://sms.example/{id}"\nstate = { json = "s" }\n',
        2,
        "lookup.endpoint must be an address that begins with https://",
    ),
]


@pytest.mark.parametrize(("added", "line", "words"), [pytest.param(*case, id=label) for label, *case in ADDED])
def test_what_is_wrong_with_the_rest_is_told_with_its_line(added: str, line: int, words: str) -> None:
    with pytest.raises(BadSettings) as wrong:
        read(LEAST + added, {"SHORT": "abc", "LONG": "abcdefgh12345678"}, "sms.toml")
    assert words in str(wrong.value)
    assert f"line {LEAST.count(chr(10)) + line}:" in str(wrong.value)


@pytest.mark.parametrize(
    ("header", "words"),
    [
        ('Authorization = "Bearer 123"', "request.headers.Authorization is a secret"),
        ('X-Api-Key = "123"', "request.headers.X-Api-Key is a secret"),
        ('X-Key = "${WITH_LINE_END}"', "holds a line break"),
        ('X-Ref = "{text}"', "{text}, which is no placeholder here; there are {token}"),
    ],
)
def test_a_header_that_cannot_be_sent_is_refused(header: str, words: str) -> None:
    text = LEAST.replace("[request]", f"[request]\nheaders = {{ {header} }}")
    with pytest.raises(BadSettings, match=re.escape(words)) as wrong:
        read(text, {"WITH_LINE_END": "hemmelig\n"}, "sms.toml")
    assert "line 3:" in str(wrong.value)
    assert "hemmelig" not in str(wrong.value)


def test_a_form_carries_no_tables() -> None:
    text = LEAST.replace('"json"\nbody = { ', '"form"\nbody = { deep = { x = 1 }, ')
    with pytest.raises(BadSettings, match=r"line 5: request\.body\.deep is a table or a list"):
        read(text, {}, "sms.toml")


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(BadSettings, match="cannot be read"):
        load(tmp_path / "none.toml", {})
    (tmp_path / "latin.toml").write_bytes(b'account = "\xe5"')
    with pytest.raises(BadSettings, match="cannot be read"):
        load(tmp_path / "latin.toml", {})


TEXT = """\
# a comment
account = "x"

[request]
body = [
  "one",
  "two",
]
text = '''
[answer]
'''
[[answer.rules]]
a = 1
[[answer.rules]]
b = 2
"""


@pytest.mark.parametrize(
    ("where", "line"),
    [
        (("account",), 2),
        (("request",), 4),
        (("request", "body"), 5),
        (("request", "body", 1), 5),
        (("request", "text"), 9),
        (("answer",), 12),
        (("answer", "rules", 0, "a"), 13),
        (("answer", "rules", 1), 14),
        (("answer", "rules", 1, "b"), 15),
        (("answer", "rules", 1, "missing"), 14),
        (("nothing",), 1),
        ((), 1),
    ],
)
def test_a_setting_is_found_again_by_its_line(where: tuple[str | int, ...], line: int) -> None:
    assert line_of(TEXT, where) == line


def test_the_description_cannot_be_changed_afterwards() -> None:
    its = read(LEAST, {}, "least.toml")
    assert all(field.init for field in fields(its))
    with pytest.raises(AttributeError):
        its.account = "other"  # type: ignore[misc]
    environment: Mapping[str, str] = {}
    assert replace(its, account="other") != read(LEAST, environment, "least.toml")
