"""Kills the demo in the middle of its work, starts it again, and lets the provider's ledger judge.

    python -m tests.chaos.kill --people 2000 --at 1,500,1999 --database sqlite,postgres [--between 20] [--blind] [--seeds 1,2,3]

The demo runs as a person runs it, a process of its own; its provider is another, which lives on. SIGKILL comes when the ledger holds so
many accepted messages (`--at`; without it, `--kills` counts drawn by the seed), and once more between POST and outcome: the provider
has written `--between` messages down and keeps its answers back. `--blind` makes it hard after that: the provider's list does not show
those messages for a while and its callbacks get lost, so that they must be sent again, and whoever gets two must be listed.
"""

import argparse
import asyncio
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import aiohttp

from tests.chaos.judge import Judgement, judge
from tests.evening import Evening
from tests.pg import running_postgres

#: seconds between looks at the ledger, and more bytes than its last line has
LOOK, ENDS = 0.002, 1 << 16
#: seconds for the ledger to get as far as a kill, and for the rest of the evening: on a machine that others use too
PATIENCE = 1800.0
#: seconds that a provider keeps its answers back: longer than anybody waits
KEPT_BACK = 600.0
#: a provider that cannot be asked: seconds until a message is listed, and the share of callbacks that get lost
BLIND = {"list_lag": [300, 300], "callback_loss": 1}


@dataclass(frozen=True, kw_only=True)
class Night:
    """When to kill."""

    at: Sequence[int]
    #: messages whose answers are kept back when the last kill comes; 0: no such kill
    between: int = 0
    blind: bool = False
    #: emulated minutes after which it is enough; by then everybody has a copy or is listed. 0: play the whole evening
    minutes: float = 0


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What came of a night."""

    judgement: Judgement
    printed: dict[str, Any]
    #: accepted messages in the ledger at each kill
    killed_at: tuple[int, ...]
    #: seconds from the last start to the end
    settled_in: float


class NotReached(Exception):
    """The demo ended, or stood still, before the ledger was where the kill should be."""


def play(evening: Evening, night: Night, seconds: float = PATIENCE) -> Outcome:
    """Let a demo be killed as `night` has it, and judge what came of it. Raises NotReached."""
    try:
        killed = [_kill(evening, "accepted", count, seconds) for count in night.at]
        if night.between:
            killed.append(_kill_between(evening, night, seconds))
        begun = time.monotonic()
        demo = evening.start()
        if night.minutes:
            _wait(evening, demo, timedelta(minutes=night.minutes), seconds)
        printed = evening.printed(demo, seconds)
        settled_in = time.monotonic() - begun
    finally:
        evening.end_provider()
    judgement = judge(evening.book(), evening.town, printed, evening.record())
    return Outcome(judgement=judgement, printed=printed, killed_at=tuple(killed), settled_in=settled_in)


def _kill_between(evening: Evening, night: Night, seconds: float) -> int:
    """Kill when the provider has taken messages whose senders have not heard so."""
    if night.blind:
        _tell(evening, "POST", "settings", BLIND)
    _tell(evening, "POST", "faults", [{"kind": "slow", "seconds": KEPT_BACK}])
    accepted = _kill(evening, "fault", night.between, seconds)
    _tell(evening, "DELETE", "faults")
    return accepted


def _tell(evening: Evening, method: str, path: str, body: object = None) -> None:
    url = json.loads((evening.state / "sandbox.json").read_text())["url"]

    async def tell() -> None:
        async with aiohttp.ClientSession() as session, session.request(method, f"{url}/sandbox/{path}", json=body) as answer:
            answer.raise_for_status()

    asyncio.run(tell())


def _kill(evening: Evening, event: str, count: int, seconds: float) -> int:
    """Start the demo, and kill it when the ledger holds `count` lines of `event`; return how many messages it holds then."""
    with evening.start() as demo:
        try:
            for seen in _lines(evening.ledger, f'"event":"{event}"', seconds):
                if seen >= count:
                    break
                if demo.poll() is not None:
                    raise NotReached(f"the demo ended at {seen} of {count} {event}: {_last_words(evening)}")
            else:
                raise NotReached(f"no {count} {event} in {seconds:.0f} s")
        finally:
            demo.kill()
    return evening.ledger.read_bytes().count(b'"event":"accepted"')


def _wait(evening: Evening, demo: "subprocess.Popen[str]", delta: timedelta, seconds: float) -> None:
    """Ask the demo to end when `delta` has passed in the ledger's time."""
    end = time.monotonic() + seconds
    while demo.poll() is None and time.monotonic() < end:
        if _length(evening.ledger) > delta:
            demo.terminate()
            return
        time.sleep(100 * LOOK)


def _length(ledger: Path) -> timedelta:
    """How much time has passed in the ledger; only its ends are read, since the demo needs the machine."""
    with ledger.open("rb") as file:
        first = file.readline()
        file.seek(max(0, file.seek(0, os.SEEK_END) - ENDS))
        *_, last, _unfinished = file.read().split(b"\n")
    begun, now = (datetime.fromisoformat(json.loads(line)["at"]) for line in (first, last))
    return now - begun


def _last_words(evening: Evening) -> str:
    return (evening.state / "demo.log").read_text()[-2000:]


def _lines(ledger: Path, wanted: str, seconds: float) -> Iterator[int]:
    """Yield, again and again, how many lines of the growing file hold `wanted`; only what is new is read."""
    end, seen, place = time.monotonic() + seconds, 0, 0
    while time.monotonic() < end:
        if ledger.exists():
            with ledger.open("rb") as file:
                file.seek(place)
                whole, newline, _ = file.read().rpartition(b"\n")
            place += len(whole) + len(newline)
            seen += whole.count(wanted.encode())
        yield seen
        time.sleep(LOOK)


# --- by hand ------------------------------------------------------------------------------------------------------------

_TITLES = ("database", "seed", "killed at", "people", "lost", "twice", "silent", "flagged", "seconds")
_ROW = "{:<10}{:>5}  {:<32}{:>7}{:>6}{:>7}{:>8}{:>9}{:>9}\n"


def main(arguments: list[str] | None = None) -> int:
    """Play one night for each seed on each database, and print what came of it; return 1 if anybody was lost or doubled in silence."""
    asked = _parser().parse_args(arguments)
    sys.stdout.write(_ROW.format(*_TITLES))
    good = True
    with tempfile.TemporaryDirectory(prefix="budstikke-chaos-") as folder:
        for kind in asked.database:
            with _databases(kind) as database:
                for seed in asked.seeds:
                    with database() as url:
                        evening = Evening(state=Path(folder) / f"{kind}-{seed}", people=asked.people, seed=seed, database=url)
                        good &= _report(kind, seed, play(evening, _night(asked, seed)))
    return int(not good)


def _night(asked: argparse.Namespace, seed: int) -> Night:
    drawn = random.Random(seed).sample(range(1, asked.people), asked.kills)
    return Night(at=asked.at or sorted(drawn), between=asked.between, blind=asked.blind, minutes=asked.minutes)


@contextmanager
def _databases(kind: str) -> Iterator[Callable[[], AbstractContextManager[str]]]:
    """Yield what makes a fresh database; "" is the demo's own file."""
    if kind == "sqlite":
        yield lambda: nullcontext("")
        return
    with running_postgres() as server:
        yield server.database


def _report(kind: str, seed: int, outcome: Outcome) -> bool:
    found = outcome.judgement
    killed = ", ".join(map(str, outcome.killed_at))
    counts = (found.people, len(found.lost), len(found.doubled), len(found.unflagged), found.flagged)
    sys.stdout.write(_ROW.format(kind, seed, killed, *counts, f"{outcome.settled_in:.1f}"))
    sys.stdout.flush()
    return found.good


def _parser() -> argparse.ArgumentParser:
    def numbers(text: str) -> list[int]:
        return [int(word) for word in text.split(",")]

    parser = argparse.ArgumentParser(prog="kill", description="Kill the demo in the middle of its work, and judge by the ledger.")
    parser.add_argument("--people", type=int, default=2000)
    parser.add_argument("--at", type=numbers, help="accepted messages at which to kill: 1,500,1999")
    parser.add_argument("--kills", type=int, default=3, help="without --at: so many kills, drawn by the seed")
    parser.add_argument("--between", type=int, default=20, help="the last kill: so many messages taken whose senders have not heard so")
    parser.add_argument("--blind", action="store_true", help="at the last kill the provider's list lags and its callbacks get lost")
    parser.add_argument("--minutes", type=float, default=0, help="emulated minutes after which it is enough; 0: the whole evening")
    parser.add_argument("--database", type=lambda text: text.split(","), default=["sqlite"], help="sqlite, postgres, or both with a comma")
    parser.add_argument("--seeds", type=numbers, default=[1])
    return parser


if __name__ == "__main__":
    sys.exit(main())
