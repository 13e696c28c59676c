"""Cancels and pauses an alert in the middle of its sends, and lets a grave one overtake a long queue; the ledger tells what left when.

    python -m tests.faults.cancel [--sends 10000] [--behind 20000] [--pace 200] [--seed 1]

Each person gets two messages, so half as many people are asked. The pace is what the sender bears, in segments a second.
"""

import asyncio
import random
import sys
import tempfile
from argparse import ArgumentParser, Namespace
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

from channels.clock import SystemClock
from channels.sandbox.ledger import Entry
from messages.alert import Kind
from relay import running as running_alerts
from relay.app import House, run
from tests.faults.installation import Provider, draft, found, provider, running, settings

#: seconds after a cancel or a pause in which a call may still begin, and seconds until the first grave one begins
STILL, OVERTAKEN = 1.0, 2.0
#: seconds during which the ledger is watched afterwards
WATCH = 5.0


@dataclass(frozen=True, kw_only=True)
class Stopped:
    """What left of an alert that was stopped in the middle."""

    sends: int
    before: int
    after: int
    #: seconds from the stop to the last call that began
    last: float
    #: how many left when it went on; None: it was stopped for good
    resumed: int | None = None

    @property
    def good(self) -> bool:
        """Whether it stopped in time, in the middle, and went on if it was to."""
        return 0 < self.before < self.sends and self.last <= STILL and self.resumed != 0


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


async def cancel(folder: Path, sends: int, pace: float, seed: int) -> Stopped:
    """Release, cancel after a while drawn by the seed, and look what left when."""
    async with _in_the_middle(folder / "cancel", sends, pace, seed) as evening:
        await evening.house.relay.cancel(evening.town, evening.alert_id, "Kari")
        return await evening.stopped(sends)


async def pause(folder: Path, sends: int, pace: float, seed: int) -> Stopped:
    """Release, pause after a while drawn by the seed, look what left when, and let it go on."""
    async with _in_the_middle(folder / "pause", sends, pace, seed) as evening:
        await evening.pause(paused=True)
        stopped = await evening.stopped(sends)
        await evening.pause(paused=False)
        await asyncio.sleep(WATCH)
        return replace(stopped, resumed=len(evening.copies()) - stopped.before - stopped.after)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Evening:
    """A house in the middle of its sends."""

    house: House
    there: Provider
    town: int
    alert_id: int

    async def pause(self, *, paused: bool) -> None:
        """As the page does it."""
        async with self.house.store.write() as conn:
            await running_alerts.pause(conn, self.town, self.alert_id, "Kari", SystemClock().now(), paused=paused)
        self.house.relay.pulse.ring()

    def copies(self) -> list[Entry]:
        """Return the copies of the alert that have left; its withdrawal is none."""
        return _about(self.there.accepted(), "KOK VANNET") + _asks(self.there.accepted())

    async def stopped(self, sends: int) -> Stopped:
        """Watch what leaves from now on."""
        at = SystemClock().now()
        await asyncio.sleep(WATCH)
        copies = self.copies()
        late = [(entry.at - at).total_seconds() for entry in copies if entry.at > at]
        return Stopped(sends=sends, before=len(copies) - len(late), after=len(late), last=max(late, default=0.0))


@asynccontextmanager
async def _in_the_middle(folder: Path, sends: int, pace: float, seed: int) -> AsyncIterator[_Evening]:
    """Let an alert out, and yield when some of it has left: after a while drawn by the seed."""
    with provider(folder, callbacks=False) as there:
        database = f"sqlite+aiosqlite:///{folder / 'budstikke.db'}"
        town = await found(database, sends // 2, pace=pace)
        async with running(settings(database, there.url)) as house:
            alert_id = await draft(house, town)
            await house.relay.release(town, alert_id, "Ola")
            await asyncio.sleep(random.Random(seed).uniform(2.0, 4.0))
            yield _Evening(house=house, there=there, town=town, alert_id=alert_id)


def _about(ledger: Sequence[Entry], headline: str) -> list[Entry]:
    """Return the copies of an alert's first bodies; its withdrawal says the headline no more."""
    return [entry for entry in ledger if headline in entry.body and "TRUKKET" not in entry.body]


def _asks(ledger: Sequence[Entry]) -> list[Entry]:
    return [entry for entry in ledger if "\n1 " in entry.body]


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
    """Print what came of all three; return 1 if any was too late."""
    asked = _parser().parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="budstikke-cancel-") as folder:
        stops = {word: _stop(word, way, Path(folder), asked) for word, way in {"cancelled": cancel, "paused": pause}.items()}
        passed = run(overtake(Path(folder), asked.behind, asked.pace))
        sys.stdout.write(
            f"a grave alert behind {passed.behind} routine messages: its first call began after "
            f"{passed.first:.3f} s (at most {OVERTAKEN:g}); {passed.between} routine ones left after that\n"
        )
    return int(not (all(stopped.good for stopped in stops.values()) and passed.good))


def _stop(word: str, way: Callable[[Path, int, float, int], Coroutine[None, None, Stopped]], folder: Path, asked: Namespace) -> Stopped:
    stopped = run(way(folder, asked.sends, asked.pace, asked.seed))
    resumed = "" if stopped.resumed is None else f"; {stopped.resumed} left in {WATCH:g} s when it went on"
    sys.stdout.write(
        f"{word} in the middle of {stopped.sends}: {stopped.before} had left, {stopped.after} began afterwards, "
        f"the last {stopped.last:.3f} s after that (at most {STILL:g}){resumed}\n"
    )
    sys.stdout.flush()
    return stopped


def _parser() -> ArgumentParser:
    parser = ArgumentParser(prog="cancel", description="Cancel and pause in the middle, and overtake a queue; the ledger tells.")
    parser.add_argument("--sends", type=int, default=10_000)
    parser.add_argument("--behind", type=int, default=20_000)
    parser.add_argument("--pace", type=float, default=200.0)
    parser.add_argument("--seed", type=int, default=1)
    return parser


if __name__ == "__main__":
    sys.exit(main())
