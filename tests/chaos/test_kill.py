"""A demo killed in the middle of its work leaves nobody without, and nobody with two in silence. More by hand: tests/chaos/kill.py."""

from pathlib import Path

import pytest

from channels.sandbox.ledger import Event
from tests.chaos.judge import judge
from tests.chaos.kill import Night, play
from tests.evening import Evening
from tests.recount import Book

PEOPLE, KILLS = 150, (1, 60, 150)
#: emulated minutes: longer than any search for an unknown message, and than the plan goes on for whom nothing can reach
ENOUGH = 11

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


def without_copies_to(address: str, book: Book) -> Book:
    """Return the ledger as if nothing had been accepted for this number."""
    kept = [entry for entry in book.entries if not (entry.event is Event.ACCEPTED and entry.to == address)]
    return Book(kept, book.phones)


def test_nobody_is_lost_and_nobody_doubled_in_silence(tmp_path: Path) -> None:
    evening = Evening(state=tmp_path, people=PEOPLE)
    outcome = play(evening, Night(at=KILLS, between=10, minutes=ENOUGH))
    found = outcome.judgement
    assert found.good, found
    assert len(outcome.killed_at) == 4
    assert found.flagged > 0, "what had not left when it was killed cannot be told from what had"
    reader = next(person for person in evening.town.people if person.character == "reader" and len(person.ways) == 1)
    torn = without_copies_to(reader.ways[0].value, evening.book())
    assert judge(torn, evening.town, outcome.printed, evening.record()).lost == (reader.name,), "the judge would see whom nothing reached"


def test_where_the_provider_cannot_be_asked_whoever_got_two_is_listed(tmp_path: Path, postgres_url: str) -> None:
    evening = Evening(state=tmp_path, people=PEOPLE, seed=2, database=postgres_url)
    outcome = play(evening, Night(at=KILLS, between=15, blind=True, minutes=ENOUGH))
    found = outcome.judgement
    assert found.good, found
    assert found.doubled, "this night should have been hard"
    in_silence = judge(evening.book(), evening.town, outcome.printed | {"perhaps_twice": []}, evening.record())
    assert len(in_silence.unflagged) == len(found.doubled), "the judge would see who is not listed"
