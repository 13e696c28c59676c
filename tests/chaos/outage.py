"""Takes the database away in the middle of sending, again and again, and lets the provider's ledger judge.

    python -m tests.chaos.outage [--database postgres|sqlite] [--times 20] [--people 500] [--seed 1] [--rate 8]      about three minutes

PostgreSQL's server is in turn restarted, killed (SIGKILL to its first process) and all connections to it are ended. SQLite's writer, a
process of its own, is killed. No other process of the product is started again: each must go on by itself. Prints how long it took, from
the moment that the server answered, until the next message left.
"""

import argparse
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from sqlalchemy.engine import make_url

from tests.chaos.installation import Installation, Plan, wait_for
from tests.chaos.judge import Judgement
from tests.chaos.nursery import Nursery, alive, writers_of
from tests.chaos.storm import ALONE, TOGETHER, settle
from tests.pg import Postgres, running_postgres

#: seconds within which a message must leave when the server is back
BACK = 10.0
#: seconds for the server to come up, and of sending between two outages
PATIENCE, QUIET = 60.0, (0.5, 2.0)
TERMINATE = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'budstikke'"


class Server:
    """The test's own PostgreSQL, to be taken away and brought back."""

    def __init__(self, postgres: Postgres, database: str) -> None:
        self._postgres = postgres
        self._data = Path(str(make_url(database).query["host"]))
        self._programs = Path(f"/proc/{self._pid()}/exe").readlink().parent

    def restart(self) -> None:
        """Restart it, as an upgrade does."""
        assert self._control("restart", "--mode=fast"), "PostgreSQL did not restart"

    def kill(self) -> None:
        """Kill it, and start it again."""
        pid = self._pid()
        os.kill(pid, signal.SIGKILL)
        wait_for(lambda: not alive(pid), "the end of PostgreSQL")
        self.start()

    def stop(self) -> None:
        """Stop it, as an administrator does."""
        assert self._control("stop", "--mode=fast"), "PostgreSQL did not stop"

    def start(self) -> None:
        """Start it again."""
        wait_for(lambda: self._control("start"), "PostgreSQL's start", PATIENCE)

    def terminate(self) -> None:
        """End all of the product's connections."""
        self._postgres.execute(TERMINATE)

    def _pid(self) -> int:
        return int((self._data / "postmaster.pid").read_text().split()[0])

    def _control(self, *options: str) -> bool:
        log = f"--log={self._data.parent / 'log'}"
        command = [str(self._programs / "pg_ctl"), *options, "--wait", "--silent", f"--pgdata={self._data}", log]
        done = subprocess.run(command, user=self._data.stat().st_uid, cwd=self._data, capture_output=True, check=False)
        return done.returncode == 0


class Writer:
    """What writes to SQLite for `serve`, to be taken away."""

    def __init__(self, house: Installation) -> None:
        self._house = house

    def kill(self) -> None:
        """Kill it: `serve` must start another."""
        (serve,) = self._house.processes
        (pid,) = writers_of(serve)
        os.kill(pid, signal.SIGKILL)
        wait_for(lambda: not alive(pid), "the end of what writes")


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What came of it."""

    judgement: Judgement
    #: seconds from the server's first answer to the next message, for each outage that messages were still to follow
    back_in: tuple[float, ...]
    #: processes of the product that ended by themselves
    fallen: int
    stuck: int

    @property
    def good(self) -> bool:
        """Whether nobody was lost or doubled in silence, and every process went on in time."""
        return self.judgement.good and not self.fallen and not self.stuck and max(self.back_in) <= BACK


def play(house: Installation, processes: Sequence[tuple[str, ...]], ways: Sequence[Callable[[], None]], times: int) -> Outcome:
    """Take the database away so often, by each of the ways in turn, and judge."""
    dice, back_in = random.Random(house.plan.seed), []
    try:
        house.start_provider()
        house.furnish()
        for process in processes:
            house.start(*process)
        house.release()
        wait_for(lambda: house.accepted() > 0, "the first message")
        for n in range(times):
            time.sleep(dice.uniform(*QUIET))
            back_in.append(_outage(house, ways[n % len(ways)]))
        stuck = settle(house)
        fallen = sum(not alive(pid) for pid in house.processes)
        return Outcome(judgement=house.judged(), back_in=tuple(back_in), fallen=fallen, stuck=stuck)
    finally:
        house.end_all()


def _outage(house: Installation, take_away: Callable[[], None]) -> float:
    take_away()
    back, before = time.monotonic(), house.accepted()
    wait_for(lambda: house.accepted() > before, "a message after an outage", PATIENCE)
    return time.monotonic() - back


def main(arguments: list[str] | None = None) -> int:
    """Play it and print what came of it; return 1 if anybody was lost or doubled in silence, or it did not come back by itself in time."""
    parser = argparse.ArgumentParser(prog="outage", description="Take the database away in the middle of sending, and judge by the ledger.")
    parser.add_argument("--database", choices=("postgres", "sqlite"), default="postgres")
    parser.add_argument("--times", type=int, default=20)
    parser.add_argument("--people", type=int, default=500)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--rate", type=float, default=8.0, help="messages a second")
    asked = parser.parse_args(arguments)
    play_on = _on_postgres if asked.database == "postgres" else _on_sqlite
    with tempfile.TemporaryDirectory() as scratch, Nursery() as nursery:
        plan = Plan(folder=Path(scratch), people=asked.people, seed=asked.seed, rate=asked.rate, settings={"lease_seconds": "15"})
        outcome = play_on(plan, nursery, asked.times)
    sys.stdout.write(_table(outcome))
    return int(not outcome.good)


def _on_postgres(plan: Plan, nursery: Nursery, times: int) -> Outcome:
    with running_postgres() as postgres, postgres.database() as url:
        server = Server(postgres, url)
        ways = (server.restart, server.kill, server.terminate)
        return play(Installation(replace(plan, database=url), nursery), TOGETHER, ways, times)


def _on_sqlite(plan: Plan, nursery: Nursery, times: int) -> Outcome:
    house = Installation(plan, nursery)
    return play(house, ALONE, [Writer(house).kill], times)


def _table(outcome: Outcome) -> str:
    found, back_in = outcome.judgement, sorted(outcome.back_in)
    titles = ("outages", "people", "lost", "twice", "silent", "flagged", "fallen", "stuck", "median s", "longest s")
    counts = (len(back_in), found.people, len(found.lost), len(found.doubled), len(found.unflagged), found.flagged)
    rest = (outcome.fallen, outcome.stuck, f"{back_in[len(back_in) // 2]:.1f}", f"{back_in[-1]:.1f}")
    return "".join("".join(f"{cell:>10}" for cell in row) + "\n" for row in (titles, (*counts, *rest)))


if __name__ == "__main__":
    sys.exit(main())
