"""Cancels an alert in the middle of its sends, and lets a grave one overtake a long queue; the provider's ledger tells what left when.

    python -m tests.faults.cancel [--sends 10000] [--behind 20000] [--pace 200] [--seed 1]

Each person gets two messages, so half as many people are asked. The pace is what the sender bears, in segments a second.
"""

import argparse
import asyncio
import random
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from channels.clock import SystemClock
from channels.sandbox.ledger import Entry
from messages.alert import Kind
from tests.faults.installation import draft, found, provider, running, settings

#: seconds after a cancel in which a call may still begin, and seconds until the first grave one begins
CANCELLED, OVERTAKEN = 1.0, 2.0
#: seconds during which the ledger is watched afterwards
WATCH = 5.0


@dataclass(frozen=True, kw_only=True)
class Cancelled:
    """What left of an alert that was cancelled in the middle."""

    sends: int
    before: int
    after: int
    #: seconds from the cancel to the last call that began
    last: float

    @property
    def good(self) -> bool:
        """Whether it stopped in time, and in the middle."""
        return 0 < self.before < self.sends and self.last <= CANCELLED


@dataclass(frozen=True, kw_only=True)
class Overtaken:
    """A grave alert behind a queue."""

    behind: int
    #: seconds from release to the first call, and to the last
    first: float
    last: float
    #: routine messages that left between
    between: int

    @property
    def good(self) -> bool:
        """Whether it began in time."""
        return self.first <= OVERTAKEN


async def cancel(folder: Path, sends: int, pace: float, seed: int) -> Cancelled:
    """Release, cancel after a while drawn by the seed, and look what left when."""
    database = f"sqlite+aiosqlite:///{folder / 'cancel.db'}"
    with provider(folder / "cancel", callbacks=False) as there:
        town = await found(database, sends // 2, pace=pace)
        async with running(settings(database, there.url)) as house:
            alert_id = await draft(house, town)
            await house.relay.release(town, alert_id, "Ola")
            await asyncio.sleep(random.Random(seed).uniform(2.0, 4.0))
            await house.relay.cancel(town, alert_id, "Kari")
            cancelled = SystemClock().now()
            await asyncio.sleep(WATCH)
        return _cancelled(sends, cancelled, _about(there.accepted(), "KOK VANNET") + _asks(there.accepted()))


def _about(ledger: Sequence[Entry], headline: str) -> list[Entry]:
    """Return the copies of an alert's first bodies; its withdrawal says the headline no more."""
    return [entry for entry in ledger if headline in entry.body and "TRUKKET" not in entry.body]


def _asks(ledger: Sequence[Entry]) -> list[Entry]:
    return [entry for entry in ledger if "\n1 " in entry.body]


def _cancelled(sends: int, at: datetime, copies: Sequence[Entry]) -> Cancelled:
    late = [(entry.at - at).total_seconds() for entry in copies if entry.at > at]
    return Cancelled(sends=sends, before=len(copies) - len(late), after=len(late), last=max(late, default=0.0))


async def overtake(folder: Path, behind: int, pace: float) -> Overtaken:
    """Put a routine alert on its way, and a grave one behind it; ten seconds later it has overtaken or not."""
    database = f"sqlite+aiosqlite:///{folder / 'overtake.db'}"
    with provider(folder / "overtake", callbacks=False) as there:
        town = await found(database, behind // 2, pace=pace)
        async with running(settings(database, there.url)) as house:
            routine = await draft(house, town, "SERVICEMELDING", kind=Kind.EXERCISE)
            grave = await draft(house, town, "GÅ UT NÅ")
            await house.relay.release(town, routine, "Ola")
            await asyncio.sleep(3)
            await house.relay.release(town, grave, "Ola")
            released = SystemClock().now()
            await asyncio.sleep(2 * WATCH)
        copies = there.accepted()
        began = [entry.at for entry in _about(copies, "GÅ UT NÅ")]
        between = [entry for entry in copies if "ØVELSE" in entry.body and entry.at > released + timedelta(seconds=OVERTAKEN)]
        first, last = ((moment - released).total_seconds() for moment in (began[0], began[-1])) if began else (float("inf"),) * 2
        return Overtaken(behind=behind, first=first, last=last, between=len(between))


def main(arguments: list[str] | None = None) -> int:
    """Print what came of both; return 1 if either was too late."""
    asked = _parser().parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="budstikke-cancel-") as folder:
        stopped = asyncio.run(cancel(Path(folder), asked.sends, asked.pace, asked.seed))
        sys.stdout.write(
            f"cancelled in the middle of {stopped.sends}: {stopped.before} had left, {stopped.after} began afterwards, "
            f"the last {stopped.last:.3f} s after the cancel (at most {CANCELLED:g})\n"
        )
        sys.stdout.flush()
        passed = asyncio.run(overtake(Path(folder), asked.behind, asked.pace))
        sys.stdout.write(
            f"a grave alert behind {passed.behind} routine messages: its first call began after "
            f"{passed.first:.3f} s (at most {OVERTAKEN:g}); {passed.between} routine ones left after that\n"
        )
    return int(not (stopped.good and passed.good))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="cancel", description="Cancel in the middle, and overtake a queue; the ledger tells.")
    parser.add_argument("--sends", type=int, default=10_000)
    parser.add_argument("--behind", type=int, default=20_000)
    parser.add_argument("--pace", type=float, default=200.0)
    parser.add_argument("--seed", type=int, default=1)
    return parser


if __name__ == "__main__":
    sys.exit(main())
