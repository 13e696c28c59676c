"""Moves an installation from SQLite to PostgreSQL in the middle of an alert, and lets the provider's ledger judge.

    python -m tests.ops.copy [--deliveries 100000] [--people 1000] [--seed 1] [--sent 0.2]

An alert is released to people who answer, and its deliveries are filled up with such as are done, as after a long night. A share of the
messages leaves from SQLite, `serve` is asked to end, `budstikke db copy` moves everything, the sums of every table are taken anew on both
sides, and processes on PostgreSQL send the rest. Then the ledger is counted: nobody may lack a message or have one twice. Some minutes.
"""

import argparse
import asyncio
import json
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from relay.store import archive
from relay.store.engine import Store
from tests.bench.house import fill
from tests.chaos.installation import Installation, Plan, wait_for
from tests.chaos.judge import Judgement
from tests.chaos.nursery import Nursery
from tests.chaos.restore import FIRST, told
from tests.chaos.storm import TOGETHER, settle
from tests.pg import running_postgres

#: seconds that anything may take: nothing here gates on time
PATIENCE = 1800.0


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What came of it."""

    judgement: Judgement
    deliveries: int
    rows: int
    tables: int
    #: names of the tables whose sums differ
    unequal: tuple[str, ...]
    #: messages at the provider when the copy was made, and at the end
    sent_before: int
    sent: int
    #: seconds that the copy took
    copied_in: float
    stuck: int

    @property
    def good(self) -> bool:
        """Whether the sums are equal, the move fell into the middle, and nobody lacks a message or has one twice."""
        middle = 0 < self.sent_before < self.sent
        return middle and not (self.unequal or self.stuck or self.judgement.lost or self.judgement.doubled)


def play(house: Installation, target: str, deliveries: int, sent: float, processes: Sequence[tuple[str, ...]] = TOGETHER) -> Outcome:
    """Send a share from SQLite, move that and so many `deliveries` to `target`, send the rest there by these processes, and judge."""
    whole = FIRST * house.plan.people
    try:
        house.start_provider()
        house.furnish()
        serving = house.start("serve")
        house.release()
        wait_for(lambda: house.accepted() >= sent * whole, "the first messages", PATIENCE)
        house.end(serving)
        house.ask(lambda opened: fill(opened.relay, house.alert_id, deliveries))
        before, begun, source = house.accepted(), time.monotonic(), house.database
        printed = json.loads(told(house, "db", "copy", target, "--json"))
        copied_in = time.monotonic() - begun
        unequal = asyncio.run(_unequal(source, target))
        house.environment |= {"BUDSTIKKE_DATABASE_URL": target, "BUDSTIKKE_AUDIT_ANCHOR": f"{house.plan.folder / 'budstikke.db.anchor'}"}
        del house.settings
        for process in processes:
            house.start(*process)
        wait_for(lambda: house.accepted() >= whole, "the rest of the messages", PATIENCE)
        stuck = settle(house)
        house.end_work()
        return Outcome(
            judgement=house.judged(),
            deliveries=printed["delivery"]["rows"],
            rows=sum(one["rows"] for one in printed.values()),
            tables=len(printed),
            unequal=unequal,
            sent_before=before,
            sent=house.accepted(),
            copied_in=copied_in,
            stuck=stuck,
        )
    finally:
        house.end_all()


async def _unequal(*urls: str) -> tuple[str, ...]:
    """Take the sum of every table in both databases; return the names of those that differ."""
    sums = []
    for url in urls:
        store = await Store.open(url)
        async with store.read() as conn:
            sums.append(await archive.sums(conn))
        await store.close()
    one, other = sums
    return tuple(name for name in one.keys() | other.keys() if one.get(name) != other.get(name))


def plan(folder: Path, people: int, seed: int) -> Plan:
    """Return the installation before it moves."""
    return Plan(folder=folder, people=people, seed=seed, rate=10_000)


# --- by hand ------------------------------------------------------------------------------------------------------------

_REPORT = """\
copied            {deliveries} deliveries among {rows} rows of {tables} tables, from SQLite to PostgreSQL, in {copied_in:.1f} s
checksums         {equal} of {tables} tables equal, taken anew on both sides
the ledger        {sent_before} messages before the move, {after} after it; {people} people: {lost} without, {twice} with two of the same
still under way   {stuck}
"""


def report(outcome: Outcome) -> str:
    """Return the figures."""
    found = outcome.judgement
    counted = {"lost": len(found.lost), "twice": len(found.doubled), "people": found.people}
    derived = {"equal": outcome.tables - len(outcome.unequal), "after": outcome.sent - outcome.sent_before}
    return _REPORT.format(**vars(outcome), **counted, **derived)


def main(arguments: list[str] | None = None) -> int:
    """Move it and print what came of it; return 1 if anything differs, or anybody lacks a message or has one twice."""
    parser = argparse.ArgumentParser(prog="copy", description="Move an installation to PostgreSQL in the middle of an alert.")
    parser.add_argument("--deliveries", type=int, default=100_000)
    parser.add_argument("--people", type=int, default=1000, help="who get messages and answer, before and after the move")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--sent", type=float, default=0.2, help="share of the messages that leave before the move")
    asked = parser.parse_args(arguments)
    with (
        tempfile.TemporaryDirectory(prefix="budstikke-copy-") as scratch,
        Nursery() as nursery,
        running_postgres() as server,
        server.database() as target,
    ):
        outcome = play(Installation(plan(Path(scratch), asked.people, asked.seed), nursery), target, asked.deliveries, asked.sent)
    sys.stdout.write(report(outcome))
    return int(not outcome.good)


if __name__ == "__main__":
    sys.exit(main())
