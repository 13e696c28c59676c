"""What one person and one message add to the numbers, and which of several copies stands."""

from itertools import permutations

import pytest
from hypothesis import given, strategies as st

from channels.base import Evidence
from relay.counting import ARRIVED, HOPEFUL, STANDING, TAKEN, UNTRIED, PersonFacts, difference, message_adds, person_adds, standing
from relay.model import ACKNOWLEDGED, Rung

evidences = st.sampled_from([UNTRIED, *Evidence])
facts = st.builds(
    PersonFacts,
    left_out=st.booleans(),
    evidence=evidences,
    rung=st.sampled_from(Rung),
    reported=st.integers(0, 5000),
    failed=st.booleans(),
)

#: several copies -> the one that stands for them
BEST = [
    ((), UNTRIED),
    ((Evidence.REFUSED, Evidence.ACCEPTED), Evidence.ACCEPTED),
    ((Evidence.UNDELIVERED, Evidence.INTENT), Evidence.INTENT),  # a second one on its way is better news than a first one given up
    ((Evidence.UNDELIVERED, Evidence.UNKNOWN), Evidence.UNKNOWN),
    ((Evidence.UNDELIVERED, Evidence.REFUSED), Evidence.UNDELIVERED),
    ((Evidence.UNDELIVERED, Evidence.DELIVERED), Evidence.DELIVERED),
    ((Evidence.SENT, Evidence.READ, Evidence.REFUSED), Evidence.READ),
]


@pytest.mark.parametrize(("copies", "best"), BEST)
def test_the_best_of_several_copies_stands(copies: tuple[Evidence, ...], best: int) -> None:
    assert {standing(order) for order in permutations(copies)} == {best}


@given(st.lists(evidences, min_size=1))
def test_it_is_one_of_them_and_nothing_is_better(copies: list[int]) -> None:
    best = standing(copies)
    assert best in copies
    assert all(STANDING.index(one) <= STANDING.index(best) for one in copies)


def test_every_evidence_has_its_place() -> None:
    assert set(STANDING) == {UNTRIED, *Evidence}
    assert ARRIVED < TAKEN
    assert ARRIVED < HOPEFUL
    assert {Evidence.UNDELIVERED} == TAKEN - HOPEFUL, "given up on the way: the provider had it, nobody will"


@given(facts)
def test_a_person_is_planned_or_left_out(person: PersonFacts) -> None:
    adds = person_adds(person)
    assert adds["people"] == 1 == adds.get("planned", 0) + adds.get("skipped", 0)
    assert not person.left_out or set(adds) == {"people", "skipped"}


@given(facts.filter(lambda person: not person.left_out))
def test_the_numbers_of_a_person_go_together(person: PersonFacts) -> None:
    adds = person_adds(person)
    assert adds["delivered"] <= adds["sent"] <= 1
    assert adds["relayed"] <= adds["acknowledged"] == int(person.rung in ACKNOWLEDGED)
    assert not (adds["unknown"] and adds["sent"])


@given(evidences)
def test_the_numbers_of_a_message_go_together(evidence: int) -> None:
    adds = message_adds(evidence)
    assert adds["delivered"] <= adds["sent"]
    assert not (adds["delivered"] and adds["failed"])
    assert adds["sent"] + adds["failed"] >= (evidence > Evidence.UNKNOWN), "whatever ended is one or the other"


@given(facts, facts, facts)
def test_differences_add_up(first: PersonFacts, second: PersonFacts, third: PersonFacts) -> None:
    """Step by step or at once: the counter ends where a recount would."""
    sums = {name: 0 for one in (first, second, third) for name in person_adds(one)}
    for before, after in ((None, first), (first, second), (second, third)):
        for name, change in difference(person_adds(before) if before else {}, person_adds(after)).items():
            sums[name] += change
    assert {name: value for name, value in sums.items() if value} == {name: value for name, value in person_adds(third).items() if value}
