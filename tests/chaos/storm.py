"""Kills an installation three hundred times in the middle of its work, and lets the provider's ledger judge.

    python -m tests.chaos.storm --kills 300 --sends 15000 --database sqlite            `serve`, alone
    python -m tests.chaos.storm --kills 300 --sends 15000 --database postgres          `serve --no-work` and three `work`
        [--seed 1] [--rate 15] [--lag 2] [--loss 0.05] [--slow 0.3] [--state DIR]

The provider takes each message at once and answers after `--slow` seconds, so that at every kill some have gone whose senders do not know;
it loses `--loss` of its callbacks, and its list lags by `--lag` seconds on average. SIGKILL comes when the ledger has grown by a number
that the seed draws, to a process that the seed draws; another takes its place. Then all is left in peace until nothing is due any more.
With `--state`, a run that was cut short goes on where it was. Where the list lags longer than the product's patience (30 s), second copies
cannot be avoided: run those apart, with --lag 40.
"""

import argparse
import json
import random
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence, Set as AbstractSet
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from socket import gethostname

from sqlalchemy import func, or_, select

from channels.base import Evidence
from channels.clock import SystemClock
from channels.sandbox.ledger import Event
from relay.app import House
from relay.model import DeliveryState
from relay.store.tables import attempt, delivery, inbound, worker
from tests.chaos.installation import Installation, Plan
from tests.chaos.judge import Judgement
from tests.chaos.nursery import Nursery, alive
from tests.pg import running_postgres

#: messages that the alert makes for each person: forward, ask, and for most an echo or a reminder
MESSAGES = 3
#: which processes there are
ALONE, TOGETHER = (("serve",),), (("serve", "--no-work"), ("work",), ("work",), ("work",))
#: seconds in which the ledger must grow as far as the next kill; else it comes all the same
GROWTH = 20.0
#: seconds without a message after which what is under way is stuck: the longest silence before one is sent again, and some more
SETTLING = 240.0
#: seconds for the last answers to be heard: the provider is swept every minute
HEARING = 90.0


@dataclass(frozen=True, kw_only=True)
class Storm:
    """How bad it is."""

    kills: int
    sends: int
    seed: int = 1
    #: messages a second
    rate: float = 15.0
    lag: float = 2.0
    loss: float = 0.05
    slow: float = 0.3


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What came of it."""

    judgement: Judgement
    sends: int
    kills: int
    #: attempts without an outcome that a kill left, at most: the window W is what that may be
    most_in_doubt: int
    #: how many people wrote, and the provider's ids of what the product does not have
    answers: int
    missing: tuple[str, ...]
    #: deliveries that are neither done nor given up nor waiting for their time
    stuck: int
    seconds: float

    @property
    def good(self) -> bool:
        """Whether nothing was lost, doubled in silence, missed or stuck."""
        return self.judgement.good and not self.missing and not self.stuck


def plan(folder: Path, database: str, storm: Storm) -> Plan:
    """Return the installation for a storm."""
    return Plan(
        folder=folder,
        database=database,
        people=max(1, storm.sends // MESSAGES),
        seed=storm.seed,
        rate=storm.rate,
        provider={"callback_loss": storm.loss, "list_lag": [0, 2 * storm.lag]},
        settings={"lease_seconds": "15"},
    )


def play(house: Installation, storm: Storm, processes: Sequence[tuple[str, ...]]) -> Outcome:
    """Play a storm, or go on with one, and judge it."""
    begun, progress = time.monotonic(), _Progress(house)
    try:
        house.start_provider()
        if not progress.kills:
            house.furnish()
        house.tell_provider("POST", "faults", [{"kind": "slow", "seconds": storm.slow}])
        for process in processes:
            house.start(*process)
        if progress.kills:
            house.municipality_id, house.alert_id = progress.released
        else:
            house.release()
        _rage(house, storm, progress)
        house.tell_provider("DELETE", "faults")
        stuck = settle(house)
        return _judged(house, progress, stuck, time.monotonic() - begun)
    finally:
        house.end_all()


class _Progress:
    """How far a storm has got; kept, so that it can be gone on with."""

    def __init__(self, house: Installation) -> None:
        self._file = house.plan.folder / "progress.json"
        kept = json.loads(self._file.read_text()) if self._file.exists() else {}
        self.kills: int = kept.get("kills", 0)
        self.most_in_doubt: int = kept.get("most_in_doubt", 0)
        self.released: tuple[int, int] = tuple(kept.get("released", (0, 0)))

    def keep(self, house: Installation) -> None:
        """Write it down."""
        kept = {"kills": self.kills, "most_in_doubt": self.most_in_doubt, "released": [house.municipality_id, house.alert_id]}
        self._file.write_text(json.dumps(kept))


def _rage(house: Installation, storm: Storm, progress: _Progress) -> None:
    dice = random.Random(f"{storm.seed} {progress.kills}")
    while progress.kills < storm.kills:
        count = storm.sends * (progress.kills + dice.random()) / storm.kills
        end = time.monotonic() + GROWTH
        while house.accepted() < count and time.monotonic() < end:
            time.sleep(0.02)
        time.sleep(dice.uniform(0, 0.3))
        victim = dice.choice(sorted(house.processes))
        assert alive(victim), f"a process has ended by itself: {house.log()}"
        again = house.kill(victim)
        progress.kills += 1
        progress.most_in_doubt = max(progress.most_in_doubt, _in_doubt(house, victim))
        progress.keep(house)
        house.start(*again)


def _in_doubt(house: Installation, pid: int) -> int:
    """How many attempts of a killed worker have no outcome."""
    fence = select(worker.c.fence).where(worker.c.name == f"{gethostname()}-{pid}").scalar_subquery()

    async def inside(opened: House) -> int:
        async with opened.store.read() as conn:
            mine = (attempt.c.evidence == Evidence.INTENT, attempt.c.fence == fence)
            return int((await conn.execute(select(func.count()).select_from(attempt).where(*mine))).scalar_one())

    return house.ask(inside)


def _stuck(house: Installation) -> int:
    async def inside(opened: House) -> int:
        due = (delivery.c.state == DeliveryState.WAITING) & (delivery.c.due_at <= SystemClock().now()) & (delivery.c.hold == "")
        held = (delivery.c.state == DeliveryState.CLAIMED) | (due & (delivery.c.channel != "call"))
        open_ = attempt.c.evidence.in_((Evidence.INTENT, Evidence.UNKNOWN))
        async with opened.store.read() as conn:
            counts = [
                select(func.count()).select_from(delivery).where(held),
                select(func.count()).select_from(attempt).where(open_),
                select(func.count()).select_from(inbound).where(or_(inbound.c.handled_at.is_(None), inbound.c.verdict == "broke_us")),
            ]
            return sum([(await conn.execute(count)).scalar_one() for count in counts])

    return house.ask(inside)


def settle(house: Installation) -> int:
    """Wait until nothing is under way any more; return how much still was when no message had left for long."""
    seen, end = -1, 0.0
    while stuck := _stuck(house):
        if (accepted := house.accepted()) > seen:
            seen, end = accepted, time.monotonic() + SETTLING
        if time.monotonic() >= end:
            return stuck
        time.sleep(0.2)
    return 0


def _judged(house: Installation, progress: _Progress, stuck: int, seconds: float) -> Outcome:
    book = house.book()
    wrote = {entry.id for entry in book.entries if entry.event is Event.INBOUND}
    return Outcome(
        judgement=house.judged(),
        sends=sum(entry.event is Event.ACCEPTED for entry in book.entries),
        kills=progress.kills,
        most_in_doubt=progress.most_in_doubt,
        answers=len(wrote),
        missing=unheard(house, wrote),
        stuck=stuck,
        seconds=seconds,
    )


def unheard(house: Installation, wrote: AbstractSet[str]) -> tuple[str, ...]:
    """Which of what people wrote the product does not have, when a sweep of the provider has had its time."""

    async def heard(opened: House) -> set[str]:
        async with opened.store.read() as conn:
            return set((await conn.execute(select(inbound.c.provider_id).where(inbound.c.handled_at.is_not(None)))).scalars())

    end = time.monotonic() + HEARING
    while (missing := wrote - house.ask(heard)) and time.monotonic() < end:
        time.sleep(0.5)
    return tuple(sorted(missing))


# --- by hand ------------------------------------------------------------------------------------------------------------

_TITLES = ("database", "seed", "kills", "sends", "lost", "twice", "silent", "flagged", "W", "answers", "missing", "stuck", "seconds")
_ROW = "{:<10}{:>5}{:>7}{:>8}{:>6}{:>7}{:>8}{:>9}{:>5}{:>9}{:>9}{:>7}{:>9}\n"


def main(arguments: list[str] | None = None) -> int:
    """Play a storm on each database and print what came of it; return 1 if anybody was lost or doubled in silence, or was not heard."""
    asked = _parser().parse_args(arguments)
    storm = Storm(kills=asked.kills, sends=asked.sends, seed=asked.seed, rate=asked.rate, lag=asked.lag, loss=asked.loss, slow=asked.slow)
    sys.stdout.write(_ROW.format(*_TITLES))
    good = True
    with tempfile.TemporaryDirectory(prefix="budstikke-storm-") as scratch, Nursery() as nursery:
        for kind in asked.database:
            folder = Path(asked.state or scratch) / kind
            with _database(kind) as database:
                outcome = play(Installation(plan(folder, database, storm), nursery), storm, TOGETHER if database else ALONE)
            good &= _report(kind, storm, outcome)
    return int(not good)


@contextmanager
def _database(kind: str) -> Iterator[str]:
    if kind == "sqlite":
        yield ""
        return
    with running_postgres() as server, server.database() as database:
        yield database


def _report(kind: str, storm: Storm, outcome: Outcome) -> bool:
    found = outcome.judgement
    counts = (len(found.lost), len(found.doubled), len(found.unflagged), found.flagged, outcome.most_in_doubt)
    rest = (outcome.answers, len(outcome.missing), outcome.stuck, f"{outcome.seconds:.0f}")
    sys.stdout.write(_ROW.format(kind, storm.seed, outcome.kills, outcome.sends, *counts, *rest))
    sys.stdout.flush()
    return outcome.good


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="storm", description="Kill an installation again and again, and judge by the ledger.")
    parser.add_argument("--kills", type=int, default=300)
    parser.add_argument("--sends", type=int, default=15_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--database", type=lambda text: text.split(","), default=["sqlite"], help="sqlite, postgres, or both with a comma")
    parser.add_argument("--rate", type=float, default=Storm.rate, help="messages a second")
    parser.add_argument("--lag", type=float, default=Storm.lag, help="seconds that the provider's list lags on average")
    parser.add_argument("--loss", type=float, default=Storm.loss, help="share of callbacks that get lost")
    parser.add_argument("--slow", type=float, default=Storm.slow, help="seconds that the provider takes to answer")
    parser.add_argument("--state", help="keep everything here; a run that was cut short goes on from it (SQLite)")
    return parser


if __name__ == "__main__":
    sys.exit(main())
