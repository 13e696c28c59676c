"""Nothing that is written to a log tells who anybody is, how to reach them, or what they wrote."""

import io
import json
import logging
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
import structlog
from hypothesis import given, strategies as st

from relay import log
from relay.log import masked, tell
from tests.logs import logged

CANARIES = [
    "+4741234567",
    "004741234567",
    "4741234567",
    "41234567",
    "412 34 567",
    "+47 412 34 567",
    "+47 (412) 34-567",
    "ayan.ali@budvik.example",
    "svar+Zm9vYmFyYmF6cXV4@svar.budvik.example",
    "Zm9vYmFyYmF6cXV4MTIzNDU2",
    "3f2504e04f8911d39a0c0305e82c33013f2504e04f8911d39a0c0305e82c3301",
    "https://varsel.example/hooks/twilio/status/abcDEF",
    "postgresql://budstikke:hemmelig@db/budstikke",
    "Basic QUMxMjM6aGVtbWVsaWc=",
    "Authorization: Bearer abc.def",
]


@pytest.fixture
def lines() -> Iterator[io.StringIO]:
    with logged() as stream:
        yield stream


def written(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


@pytest.mark.parametrize("canary", CANARIES)
@pytest.mark.parametrize("around", ["{}", "to {} refused", "'{}'", "({})", "to={}, n=1", "{}."])
def test_numbers_mailboxes_and_tokens_are_masked_wherever_they_stand(canary: str, around: str) -> None:
    secret = canary.rsplit("/", 1)[-1] if canary.startswith("https") else canary
    assert secret not in masked(around.format(canary))


@pytest.mark.parametrize(
    "harmless",
    [
        "2026-11-23T17:00:00.123456Z",
        "SM0123456789abcdef0123456789abcdef",
        "relay/store/engine.py line 120",
        "/srv/budstikke/relay/store/migrations/versions/v0001_register.py",
        "budstikke 0.1.0 on 127.0.0.1:8080",
        "delivery 1234567 of alert 12",
        "sqlalchemy.exc.OperationalError",
        "idle_in_transaction_session_timeout",
    ],
)
def test_what_operators_need_stays(harmless: str) -> None:
    assert masked(harmless) == harmless


@given(st.text())
def test_masking_never_fails_and_is_stable(text: str) -> None:
    assert masked(masked(text)) == masked(text)


def test_values_of_every_shape_are_masked(lines: io.StringIO) -> None:
    structlog.get_logger("test").info(
        "sent to +4741234567",
        delivery=17,
        to="+4741234567",
        text="Kok vannet",
        many=["a@b.no", 3],
        inner={"body": "Kok vannet", "at": None},
    )
    (line,) = written(lines)
    assert (line["event"], line["delivery"], line["to"], line["text"]) == ("sent to …67", 17, "…67", "(10 characters)")
    assert (line["many"], line["inner"]) == (["…@b.no", 3], {"body": "(10 characters)", "at": None})
    assert (line["level"], line["logger"]) == ("info", "test")


def test_exceptions_are_masked_with_their_trace(lines: io.StringIO) -> None:
    try:
        int("ayan@budvik.example cannot be reached at +4741234567")
    except ValueError:
        structlog.get_logger("test").exception("broke")
    (line,) = written(lines)
    assert "…@budvik.example cannot be reached at …67" in line["exception"]
    assert "test_log.py" in line["exception"]


def test_libraries_log_through_the_same_mask(lines: io.StringIO) -> None:
    logging.getLogger("somebody.else").warning("no route to %s", "+4741234567")
    logging.getLogger("aiohttp.access").info("GET /hooks/twilio/status/abcDEF")
    assert [line["event"] for line in written(lines)] == ["no route to …67"]


def test_people_read_one_line_an_event(capsys: pytest.CaptureFixture[str], lines: io.StringIO) -> None:
    stream = io.StringIO()
    log.configure("info", "console", stream)
    structlog.get_logger("test").info("sent", delivery=17)
    structlog.get_logger("test").debug("not shown")
    assert len(stream.getvalue().splitlines()) == 1
    assert "sent" in stream.getvalue()
    assert "delivery=17" in stream.getvalue()
    assert lines.getvalue() == "".join(capsys.readouterr())


def test_a_line_that_was_made_to_be_shown_looks_like_every_other() -> None:
    """`tell` writes what `get_logger().info` would, and is silent where that is."""
    with logged() as stream:
        tell("relay.dispatch.call", "attempt", [(datetime(2026, 11, 23, 17, tzinfo=UTC), {"alert": 12, "to": "…67"})])
        structlog.get_logger("relay.dispatch.call").info("attempt", alert=12, to="…67")
        logging.getLogger("relay.dispatch.call").setLevel(logging.WARNING)
        tell("relay.dispatch.call", "attempt", [(datetime(2026, 11, 23, 17, tzinfo=UTC), {"alert": 12})])
        logging.getLogger("relay.dispatch.call").setLevel(logging.NOTSET)
    told, other = (json.loads(line) for line in stream.getvalue().splitlines())
    assert told.pop("timestamp") == "2026-11-23T17:00:00Z"
    assert other.pop("timestamp").endswith("Z")
    assert told == other
