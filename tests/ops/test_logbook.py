"""One line of the log for each attempt; and in a whole evening's log nothing of whom it was about, what was written, or a secret."""

import asyncio
import io
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from channels.sandbox.ledger import Event
from relay.demo.play import Options, opened
from relay.store.tables import attempt
from relay.town import town
from tests.logs import logged
from tests.recount import book_of

PEOPLE = 24
#: seconds that the evening may take; nothing here is timed
PATIENCE = 120.0


@dataclass(frozen=True, kw_only=True)
class Night:
    """What was logged, what there was to betray, and what really left."""

    text: str
    #: numbers, mailboxes, names, texts that left or came in, keys and tokens
    secrets: frozenset[str]
    attempts: int

    @property
    def lines(self) -> list[dict[str, Any]]:
        """What was said of attempts."""
        every = (json.loads(line) for line in self.text.splitlines())
        return [one for one in every if one["event"] == "attempt"]


@pytest.fixture(scope="module")
def stream() -> Iterator[io.StringIO]:
    with logged() as written:
        yield written


@pytest.fixture(scope="module")
def night(stream: io.StringIO, tmp_path_factory: pytest.TempPathFactory) -> Night:
    """Play the beginning of an evening, with everything logged that can be."""
    return asyncio.run(_night(stream, tmp_path_factory.mktemp("evening")))


async def _night(stream: io.StringIO, folder: Path) -> Night:
    async with opened(Options(people=PEOPLE), folder) as stand:
        working = asyncio.create_task(stand.house.work())
        async with asyncio.timeout(PATIENCE):
            await _answers(folder, 3)
        stand.house.relay.dispatcher.stop()
        await working
        told = stand.house.settings
        keys = (told.encryption_key, told.lookup_key, told.audit_key, told.twilio_auth_token)
        async with stand.house.store.read() as conn:
            count = (await conn.execute(select(func.count()).select_from(attempt).where(attempt.c.evidence > 0))).scalar_one()
            tokens = set((await conn.execute(select(attempt.c.token))).scalars())
    secrets = {key.get_secret_value() for key in keys} | tokens | _personal(folder)
    return Night(text=stream.getvalue(), secrets=frozenset(secrets - {""}), attempts=count)


async def _answers(folder: Path, wanted: int) -> None:
    """Wait until so many people have written."""
    book = folder / "ledger.jsonl"
    while sum(one.event is Event.INBOUND for one in book_of(book, town(PEOPLE, 1)).entries) < wanted:  # noqa: ASYNC110 - another process writes it
        await asyncio.sleep(0.1)


def _personal(folder: Path) -> set[str]:
    """Return everything of people that stood in the evening: names, ways, and whatever was written, line by line."""
    made = town(PEOPLE, 1)
    entries = book_of(folder / "ledger.jsonl", made).entries
    ways = {way.value for person in made.people for way in person.ways}
    written = {line.strip() for entry in entries for line in entry.body.splitlines() if len(line.strip()) > 8}
    return ways | {way.removeprefix("+47") for way in ways} | {person.name for person in made.people} | written


def test_every_attempt_has_one_line(night: Night) -> None:
    assert night.attempts > PEOPLE
    assert len(night.lines) == night.attempts
    assert len({one["attempt"] for one in night.lines}) == night.attempts


def test_a_line_says_of_what_it_was_and_how_it_went(night: Night) -> None:
    assert {one["channel"] for one in night.lines} == {"sms", "whatsapp", "email"}
    assert {one["state"] for one in night.lines} >= {"ACCEPTED"}
    for one in night.lines:
        assert {"alert", "delivery", "step", "part", "ms", "to", "reason", "code", "n"} <= one.keys()
        assert one["ms"] >= 0
        assert one["to"].startswith("…")
        assert len(one["to"]) <= len("…@….example")


def test_the_whole_log_betrays_nobody_and_no_secret(night: Night) -> None:
    assert len(night.secrets) > 100
    assert [secret for secret in night.secrets if secret in night.text] == []
