"""An installation that is killed while it sends loses nobody, doubles nobody in silence and misses no answer. More by hand: storm.py."""

from dataclasses import replace
from pathlib import Path

import pytest

from tests.chaos.installation import Installation
from tests.chaos.judge import judge
from tests.chaos.nursery import Nursery
from tests.chaos.storm import ALONE, Storm, plan, play
from tests.recount import Book

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


def test_killed_again_and_again_it_loses_nobody(tmp_path: Path) -> None:
    storm = Storm(kills=3, sends=36, rate=20)
    with Nursery() as nursery:
        # so few are sent to that all might be over before anybody has thought of an answer
        house = Installation(replace(plan(tmp_path, "", storm), delay=(1, 8)), nursery)
        outcome = play(house, storm, ALONE)
    assert outcome.good, outcome
    assert outcome.kills == 3
    assert outcome.answers > 0
    assert len(outcome.judgement.doubled) == 0, "the provider could be asked about everything"
    person = house.town.people[0]
    torn = Book([entry for entry in house.book().entries if entry.to != person.ways[0].value], house.book().phones)
    nothing_said: dict[str, list[str]] = {"unreachable": [], "perhaps_twice": []}
    assert judge(torn, house.town, nothing_said, house.record()).lost == (person.name,), "the judge would see whom nothing reached"
