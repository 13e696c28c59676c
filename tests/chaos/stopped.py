"""Stops workers past their lease in the middle of sending, lets them go on, and lets the provider's ledger judge.

    python -m tests.chaos.stopped [--workers 4] [--people 300] [--seed 1] [--rate 12]      PostgreSQL; about two minutes

Each worker is stopped (SIGSTOP) in turn at a moment that the seed draws, while the provider keeps its answers back a little; its lease
runs out, others take over what it held; then it goes on (SIGCONT). It must not send what another has sent, but for the one call that was
on its way: such a second copy is listed.
"""

import argparse
import os
import random
import signal
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from tests.chaos.installation import Installation, Plan, wait_for
from tests.chaos.judge import Judgement
from tests.chaos.nursery import Nursery
from tests.chaos.storm import settle
from tests.pg import running_postgres

#: seconds that a lease lasts, and that a worker is stopped: long enough for its lease to run out and another to take over
LEASE, STOPPED = 15, 20.0
#: seconds that the provider takes to answer
SLOW = 0.3


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What came of it."""

    judgement: Judgement
    stops: int
    stuck: int

    @property
    def good(self) -> bool:
        """Whether nobody was lost or doubled in silence, and each stop cost one second copy at most."""
        return self.judgement.good and not self.stuck and len(self.judgement.doubled) <= self.stops


def play(house: Installation, workers: int, stops: int) -> Outcome:
    """Stop one worker after the other, and judge."""
    dice = random.Random(house.plan.seed)
    try:
        house.start_provider()
        house.furnish()
        house.tell_provider("POST", "faults", [{"kind": "slow", "seconds": SLOW}])
        house.start("serve", "--no-work")
        working = [house.start("work") for _ in range(workers)]
        house.release()
        wait_for(lambda: house.accepted() > 0, "the first message")
        for n in range(stops):
            time.sleep(dice.uniform(0, 1))
            _stop(working[n % workers])
        house.tell_provider("DELETE", "faults")
        stuck = settle(house)
        return Outcome(judgement=house.judged(), stops=stops, stuck=stuck)
    finally:
        house.end_all()


def _stop(pid: int) -> None:
    os.kill(pid, signal.SIGSTOP)
    try:
        time.sleep(STOPPED)
    finally:
        os.kill(pid, signal.SIGCONT)


def main(arguments: list[str] | None = None) -> int:
    """Stop each worker once and print what came of it; return 1 if anybody was lost or doubled in silence, or more than one a stop."""
    parser = argparse.ArgumentParser(prog="stopped", description="Stop workers past their lease, let them go on, and judge by the ledger.")
    parser.add_argument("--workers", type=int, default=4)
    parser.add_argument("--people", type=int, default=300)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--rate", type=float, default=12.0, help="messages a second")
    asked = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as scratch, Nursery() as nursery, running_postgres() as server, server.database() as url:
        told = {"lease_seconds": str(LEASE)}
        plan = Plan(folder=Path(scratch), database=url, people=asked.people, seed=asked.seed, rate=asked.rate, settings=told)
        outcome = play(Installation(plan, nursery), asked.workers, asked.workers)
    found = outcome.judgement
    row = f"{'stops':>6}{'people':>8}{'lost':>6}{'twice':>7}{'silent':>8}{'flagged':>9}{'stuck':>7}\n"
    row += f"{outcome.stops:>6}{found.people:>8}{len(found.lost):>6}{len(found.doubled):>7}{len(found.unflagged):>8}"
    sys.stdout.write(f"{row}{found.flagged:>9}{outcome.stuck:>7}\n")
    return int(not outcome.good)


if __name__ == "__main__":
    sys.exit(main())
