"""What writes to SQLite is killed in the middle of sending: `serve` goes on by itself, and the provider's ledger misses nobody."""

from pathlib import Path

import pytest

from tests.chaos.installation import Installation, Plan
from tests.chaos.nursery import Nursery
from tests.chaos.outage import Writer, play
from tests.chaos.storm import ALONE

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


def test_what_writes_may_be_killed_at_any_moment(tmp_path: Path) -> None:
    with Nursery() as nursery:
        house = Installation(Plan(folder=tmp_path, people=60, rate=16.0), nursery)
        outcome = play(house, ALONE, [Writer(house).kill], times=3)
    assert outcome.good, outcome
    assert outcome.judgement.people == 60
