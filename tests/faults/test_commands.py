"""The commands of this folder, in short: what each promises holds. The long forms run by hand (`python -m tests.faults.provider` …)."""

from argparse import Namespace
from pathlib import Path

import pytest

from tests.faults import away, cancel, provider, storm

pytestmark = pytest.mark.slow

#: one of each sort: below HTTP, an error, a request to wait, answers that are none, one that takes a person, a list that is down
SHORT = ("connection refused", "429, Retry-After a day", "truncated", "401 in the middle", "not taken, and the list is down")


def test_there_are_enough_faults_to_play() -> None:
    """At least twenty besides the evening on which nothing goes wrong."""
    assert len(provider.CASES) - 1 >= 20
    assert set(SHORT) <= set(provider.CASES)


@pytest.mark.timeout(400)
async def test_a_provider_that_fails_loses_nobody() -> None:
    """Nobody lost, nobody with two in silence, nothing claimed that is not so, all settled after healing, memory as before."""
    asked = Namespace(only=list(SHORT), at_once=len(SHORT), sends=20, seconds=2.0, seed=1)
    assert await provider.play_all(asked)


async def test_what_people_answer_while_the_house_is_away_is_found(tmp_path: Path) -> None:
    outcome = await away.play(tmp_path, people=15, seconds=1, seed=1)
    assert outcome.good, outcome
    assert outcome.heard_by == ("sweep",)


async def test_a_storm_loses_nothing_and_believes_nothing_forged(tmp_path: Path) -> None:
    """Rates are for the long form: here there is too little to measure."""
    outcome = await storm.play(tmp_path, people=40, per_second=60, seed=1)
    assert outcome.answers.keys() == {"genuine 204", "forged 403"}
    assert (outcome.told, outcome.forged_kept, outcome.on_board) == (outcome.kept, 0, 40)


async def test_a_cancelled_alert_stops_in_the_middle(tmp_path: Path) -> None:
    outcome = await cancel.cancel(tmp_path, sends=600, pace=60, seed=1)
    assert 0 < outcome.before < outcome.sends
    assert outcome.after <= 50, "no more than what was in the air"


async def test_a_paused_alert_stops_in_the_middle_and_goes_on(tmp_path: Path) -> None:
    outcome = await cancel.pause(tmp_path, sends=600, pace=60, seed=1)
    assert 0 < outcome.before < outcome.sends
    assert outcome.after <= 50, "no more than what was in the air"
    assert outcome.resumed


async def test_a_grave_alert_overtakes_a_queue(tmp_path: Path) -> None:
    """All of it leaves before any more of the queue."""
    outcome = await cancel.overtake(tmp_path, behind=600, pace=40)
    assert outcome.between == 0
    assert outcome.first < float("inf")
