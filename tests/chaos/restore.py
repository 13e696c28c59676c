"""Backs an installation up in the middle of its work, lets it send on, loses its database, restores it, and lets the ledger judge.

    python -m tests.chaos.restore [--database sqlite,postgres] [--holds alert,draft] [--people 100] [--seed 1]
        [--rate 8] [--lag 2] [--loss 0.05]

What left after the backup, and what people answered, is known to the provider alone. The backup holds the alert as released, or as a draft
that is released once before the loss and once after the restore. A minute and a half each: after a restore nothing leaves for the time
that a message may be under way unseen.
"""

import argparse
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import product
from pathlib import Path

from channels.sandbox.ledger import Event
from relay.app import House
from relay.store import restored
from tests.chaos.installation import Installation, Plan, wait_for
from tests.chaos.judge import Judgement
from tests.chaos.nursery import Nursery
from tests.chaos.storm import settle
from tests.evening import BUDSTIKKE
from tests.pg import running_postgres

#: messages that an alert makes for each person at first: forward and ask
FIRST = 2
#: makes a fresh database and returns its address
Fresh = Callable[[], str]


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What came of it."""

    judgement: Judgement
    #: messages at the provider when the backup was made, when the database was lost, and at the end
    backed_up: int
    lost_at: int
    sends: int
    #: seconds from the start after the restore (from the second release of a draft) to the first message that left
    waited: float
    #: how many people had answered by then, and how many of those the board counts
    answered: int
    acknowledged: int
    stuck: int

    @property
    def good(self) -> bool:
        """Whether there was something to forget, nobody was lost or sent two in silence, and every answer is back."""
        forgot = self.backed_up < self.lost_at < self.sends
        return forgot and self.judgement.good and not self.stuck and self.acknowledged >= self.answered


def play(house: Installation, fresh: Fresh, *, drafted: bool = False) -> Outcome:
    """Send a part, back up (`drafted`: before that), send on, lose the database, restore, and let it go on."""
    whole = FIRST * house.plan.people
    try:
        house.start_provider()
        house.furnish()
        serving = house.start("serve")
        backed_up = _backed_up(house, drafted=drafted)
        forgotten = house.accepted() + whole // 5
        wait_for(lambda: house.accepted() >= forgotten, "messages after the backup")
        house.kill(serving)
        lost_at = house.accepted()
        house.environment["BUDSTIKKE_DATABASE_URL"] = fresh()
        del house.settings
        told(house, "restore", str(house.plan.folder / "backup.gz"))
        begun = time.monotonic()
        house.start("serve")
        if drafted:
            wait_for(lambda: not house.ask(_looks), "the end of the looks after the restore", 120)
            begun = time.monotonic()
            house.let_out()
        wait_for(lambda: house.accepted() > lost_at, "a message after the restore", 120)
        waited = time.monotonic() - begun
        wait_for(lambda: house.accepted() >= whole, "the rest of the messages", 120)
        return _judged(house, backed_up, lost_at, waited)
    finally:
        house.end_all()


def _backed_up(house: Installation, *, drafted: bool) -> int:
    """Let the alert out and back up, in this order or the other; return how many messages had left at the backup."""
    file, whole = house.plan.folder / "backup.gz", FIRST * house.plan.people
    house.draft()
    if drafted:
        told(house, "backup", str(file))
        house.let_out()
        return 0
    house.let_out()
    wait_for(lambda: house.accepted() >= whole // 10, "the first messages")
    backed_up = house.accepted()
    told(house, "backup", str(file))
    return backed_up


async def _looks(house: House) -> bool:
    """Whether it is being looked for what left."""
    async with house.store.read() as conn:
        return await restored.pending(conn) is not None


def _judged(house: Installation, backed_up: int, lost_at: int, waited: float) -> Outcome:
    stuck, book = settle(house), house.book()
    reach = house.reach()
    return Outcome(
        judgement=house.judged(),
        backed_up=backed_up,
        lost_at=lost_at,
        sends=house.accepted(),
        waited=waited,
        answered=len({entry.sender for entry in book.entries if entry.event is Event.INBOUND and entry.body.strip().endswith("1")}),
        acknowledged=reach["totals"]["acknowledged"],
        stuck=stuck,
    )


def told(house: Installation, *arguments: str) -> str:
    """Run a command of the product as a person would, and return what it said; AssertionError when it did not do it."""
    done = subprocess.run([BUDSTIKKE, *arguments], env=house.environment, capture_output=True, text=True, check=False, timeout=1800)
    assert done.returncode == 0, f"{arguments[0]}: {done.stdout}{done.stderr}"
    return done.stdout


@contextmanager
def databases(kind: str, folder: Path) -> Iterator[tuple[str, Fresh]]:
    """Yield a database's address ("" is a file in the folder), and what makes another."""
    if kind == "sqlite":
        yield "", lambda: f"sqlite+aiosqlite:///{folder / 'restored.db'}"
        return
    with running_postgres() as server, server.database() as first, server.database() as second:
        yield first, lambda: second


# --- by hand ------------------------------------------------------------------------------------------------------------

_TITLES = (
    "database",
    "holds",
    "backup at",
    "lost at",
    "sends",
    "lost",
    "twice",
    "silent",
    "flagged",
    "answers",
    "back",
    "stuck",
    "waited s",
)
_ROW = "{:<10}{:<6}{:>10}{:>9}{:>7}{:>6}{:>7}{:>8}{:>9}{:>9}{:>6}{:>7}{:>10}\n"


def main(arguments: list[str] | None = None) -> int:
    """Play it on each database and print what came of it; return 1 if anybody was lost, doubled in silence, or not heard."""
    parser = argparse.ArgumentParser(prog="restore", description="Restore a backup that is older than the world, and judge by the ledger.")
    parser.add_argument("--database", type=lambda text: text.split(","), default=["sqlite", "postgres"])
    parser.add_argument("--holds", type=lambda text: text.split(","), default=["alert", "draft"], help="what the backup holds")
    parser.add_argument("--people", type=int, default=100)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--rate", type=float, default=8.0, help="messages a second")
    parser.add_argument("--lag", type=float, default=2.0, help="seconds that the provider's list lags on average")
    parser.add_argument("--loss", type=float, default=0.05, help="share of callbacks that get lost")
    asked = parser.parse_args(arguments)
    sys.stdout.write(_ROW.format(*_TITLES))
    good = True
    with tempfile.TemporaryDirectory(prefix="budstikke-restore-") as scratch, Nursery() as nursery:
        for kind, holds in product(asked.database, asked.holds):
            folder = Path(scratch) / f"{kind}-{holds}"
            with databases(kind, folder) as (url, fresh):
                outcome = play(Installation(plan(folder, url, asked), nursery), fresh, drafted=holds == "draft")
                good &= _report(kind, holds, outcome)
    return int(not good)


def plan(folder: Path, database: str, asked: argparse.Namespace) -> Plan:
    """Return the installation."""
    told = {"callback_loss": asked.loss, "list_lag": [0, 2 * asked.lag]}
    return Plan(folder=folder, database=database, people=asked.people, seed=asked.seed, rate=asked.rate, provider=told)


def _report(kind: str, holds: str, outcome: Outcome) -> bool:
    found = outcome.judgement
    counts = (len(found.lost), len(found.doubled), len(found.unflagged), found.flagged, outcome.answered, outcome.acknowledged)
    row = (outcome.backed_up, outcome.lost_at, outcome.sends, *counts, outcome.stuck, f"{outcome.waited:.0f}")
    sys.stdout.write(_ROW.format(kind, holds, *row))
    sys.stdout.flush()
    return outcome.good


if __name__ == "__main__":
    sys.exit(main())
