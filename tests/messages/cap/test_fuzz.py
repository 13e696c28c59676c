"""Whatever comes in, nothing but our own refusal comes out. BUDSTIKKE_FUZZ=5000 runs as many; without it a few hundred."""

import os

from tests.messages.cap.fuzz import TAKEN, survey

MUTANTS = int(os.environ.get("BUDSTIKKE_FUZZ", "600"))


def test_nothing_but_our_own_refusal_comes_out() -> None:
    found = survey(MUTANTS)
    taken, refused = found[TAKEN], found.total() - found[TAKEN]
    # a fuzz that only meets one of the two doors tests nothing
    assert min(taken, refused) > MUTANTS / 10
