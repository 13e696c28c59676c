"""Takes the database's ground away while messages leave, gives it back, and lets the provider's ledger judge.

    python -m tests.faults.storage [--only "disk full" …] [--people 40] [--seed 1] [--rate 8]      about a minute each

While `serve` sends, its disk fills up, reports errors, or another program holds its database; PostgreSQL is stopped, becomes read-only, or
its tables are held. Nothing may leave that could not be written down; the log must say what is wrong; and when the ground is back,
the same process must go on by itself. What is wrong before the start must end `serve` with exit code 6 and a sentence.
A small file system is mounted for it; without the right to do so, in a namespace of its own (`unshare`).
"""

import argparse
import os
import re
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from sqlite3 import connect
from urllib.error import HTTPError, URLError
from urllib.request import urlopen

from sqlalchemy import select
from sqlalchemy.engine import make_url

from channels.sandbox.ledger import Event
from relay.app import House
from relay.store.tables import attempt
from tests.chaos.installation import Installation, Plan, wait_for
from tests.chaos.judge import Judgement
from tests.chaos.nursery import Nursery, alive, writers_of
from tests.chaos.outage import Server
from tests.chaos.storm import settle, unheard
from tests.evening import BUDSTIKKE
from tests.pg import Postgres, running_postgres

#: messages that an alert makes for each person at first: forward and ask
FIRST = 2
#: MiB of the small disk
DISK = 24
#: seconds until the log must say what is wrong (a lock is waited for ten), and in which nothing may leave then
SAID, WATCHED = 45.0, 5.0
#: bytes of a file that can be written where a disk reports errors
WRITABLE = 1 << 16
#: `budstikke` ends with this when it cannot begin
NOT_READY = 6


@dataclass(frozen=True, kw_only=True)
class Ground:
    """What an installation stands on, to be taken away."""

    house: Installation
    serving: int = 0
    postgres: Postgres | None = None


Harm = Callable[[Ground], AbstractContextManager[None]]


@dataclass(frozen=True, kw_only=True)
class Case:
    """One thing that goes wrong: on which database, how, and a part of what the product must say."""

    database: str
    harm: Harm
    #: in the log, as a regular expression: what is said depends on where a connection was when it was cut
    says: str
    #: wrong already when `serve` starts, which must end
    at_start: bool = False


# --- what goes wrong ----------------------------------------------------------------------------------------------------


@contextmanager
def disk_full(ground: Ground) -> Iterator[None]:
    """Somebody else's file takes all that was left."""
    filler = _file(ground.house).with_name("filler")
    with filler.open("wb", buffering=0) as file:
        try:
            while file.write(bytes(1 << 12)):
                pass
        except OSError:
            yield
    filler.unlink()


@contextmanager
def disk_errors(ground: Ground) -> Iterator[None]:
    """The system refuses to write beyond the beginning of a file: the log of the house is shorter, that of the database is not."""
    before = resource.prlimit(ground.serving, resource.RLIMIT_FSIZE)
    _limit(ground.serving, (WRITABLE, before[1]))
    yield
    _limit(ground.serving, before)


def _limit(serving: int, size: tuple[int, int]) -> None:
    """Let it write no larger files: itself, what it starts from now on, and what writes to the database for it."""
    for pid in (serving, *writers_of(serving)):
        resource.prlimit(pid, resource.RLIMIT_FSIZE, size)


@contextmanager
def file_held(ground: Ground) -> Iterator[None]:
    """Another program holds the file: an editor of databases left open."""
    other = connect(_file(ground.house), isolation_level=None, timeout=30)
    other.execute("BEGIN IMMEDIATE")
    yield
    other.execute("ROLLBACK")
    other.close()


@contextmanager
def read_only_disk(ground: Ground) -> Iterator[None]:
    """The disk was mounted read-only."""
    folder = str(_file(ground.house).parent.parent)
    subprocess.run(["mount", "-o", "remount,ro", folder], check=True)
    yield
    subprocess.run(["mount", "-o", "remount,rw", folder], check=True)


@contextmanager
def file_gone(ground: Ground) -> Iterator[None]:
    """The folder of the file is not there: a disk that was not mounted."""
    folder = _file(ground.house).parent
    away = folder.with_name("away")
    folder.rename(away)
    yield
    away.rename(folder)


@contextmanager
def server_gone(ground: Ground) -> Iterator[None]:
    """PostgreSQL is stopped."""
    assert ground.postgres is not None
    server = Server(ground.postgres, ground.house.database)
    server.stop()
    yield
    server.start()


@contextmanager
def server_read_only(ground: Ground) -> Iterator[None]:
    """PostgreSQL lets nobody write any more, as one that has become a standby."""
    assert ground.postgres is not None
    name = make_url(ground.house.database).database
    for value in ("on", "off"):
        ground.postgres.execute(f'ALTER DATABASE "{name}" SET default_transaction_read_only = {value}')
        ground.postgres.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'budstikke'")
        if value == "on":
            yield


@contextmanager
def tables_held(ground: Ground) -> Iterator[None]:
    """Another program holds the tables: a change of them that was left half done."""
    assert ground.postgres is not None
    with ground.postgres.holding(ground.house.database, "LOCK TABLE attempt IN ACCESS EXCLUSIVE MODE"):
        yield


def _file(house: Installation) -> Path:
    return Path(str(make_url(house.database).database))


CASES: Mapping[str, Case] = {
    "disk full": Case(database="sqlite", harm=disk_full, says="disk under the database is full"),
    "disk errors": Case(database="sqlite", harm=disk_errors, says="disk under the database reports errors"),
    "file held": Case(database="sqlite", harm=file_held, says="Another program holds the database"),
    "read-only at start": Case(database="sqlite", harm=read_only_disk, says="cannot be written", at_start=True),
    "gone at start": Case(database="sqlite", harm=file_gone, says="does not exist", at_start=True),
    "server gone": Case(
        database="postgres", harm=server_gone, says="PostgreSQL|The connection to the database was lost|database cannot be reached"
    ),
    "server read-only": Case(database="postgres", harm=server_read_only, says="read-only"),
    "tables held": Case(database="postgres", harm=tables_held, says="holds rows for too long"),
    "server gone at start": Case(database="postgres", harm=server_gone, says="database cannot be reached", at_start=True),
}


# --- what comes of it ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What came of one."""

    judgement: Judgement
    #: messages at the provider when it went wrong, and those that left when the product had said so, until it was well again
    before: int
    meanwhile: int
    #: seconds from the fault to the word in the log, and from the healing to the next message
    said_in: float
    back_in: float
    #: what /readyz answered meanwhile, or the exit code of a `serve` that could not begin
    answer: int
    #: messages that the provider has, of which the house has no attempt
    unwritten: int
    missing: int
    stuck: int
    #: whether the same process went on
    lives: bool

    @property
    def good(self) -> bool:
        """Whether nothing left unwritten, nobody was lost or doubled in silence, no answer was missed, and it healed by itself."""
        told = self.answer in (503, NOT_READY)
        return self.judgement.good and told and self.lives and not (self.meanwhile or self.unwritten or self.missing or self.stuck)


def play(house: Installation, case: Case, postgres: Postgres | None = None) -> Outcome:
    """Take the ground away, give it back, and judge."""
    whole = FIRST * house.plan.people
    try:
        house.start_provider()
        house.furnish()
        answer, said_in = _cannot_begin(Ground(house=house, postgres=postgres), case) if case.at_start else (0, 0.0)
        serving = house.start("serve")
        house.release()
        wait_for(lambda: house.accepted() >= whole // 4, "the first messages")
        before, meanwhile, healed = house.accepted(), 0, time.monotonic()
        if not case.at_start:
            with case.harm(Ground(house=house, serving=serving, postgres=postgres)):
                said_in = _says(house, case.says)
                before = house.accepted()
                answer = _alarm(house)
                time.sleep(WATCHED)
                meanwhile = house.accepted() - before
            healed = time.monotonic()
        wait_for(lambda: house.accepted() > before, "a message after the healing")
        back_in = time.monotonic() - healed
        wait_for(lambda: house.accepted() >= whole, "the rest of the messages", 180)
        stuck, book = settle(house), house.book()
        return Outcome(
            judgement=house.judged(),
            before=before,
            meanwhile=meanwhile,
            said_in=said_in,
            back_in=back_in,
            answer=answer,
            unwritten=_unwritten(house),
            missing=len(unheard(house, {entry.id for entry in book.entries if entry.event is Event.INBOUND})),
            stuck=stuck,
            lives=alive(serving),
        )
    finally:
        house.end_all()


def _cannot_begin(ground: Ground, case: Case) -> tuple[int, float]:
    """Start `serve` where it cannot work; return its exit code and how long it took. AssertionError when it does not say why."""
    begun = time.monotonic()
    with case.harm(ground):
        done = subprocess.run([BUDSTIKKE, "serve"], env=ground.house.environment, capture_output=True, text=True, check=False, timeout=90)
    words = " ".join((done.stdout + done.stderr).split())
    assert re.search(case.says, words), words[-2000:]
    assert "Traceback" not in words, words[-2000:]
    return done.returncode, time.monotonic() - begun


def _says(house: Installation, words: str) -> float:
    begun = time.monotonic()
    wait_for(lambda: bool(re.search(words, house.log())), f"{words!r} in the log", SAID)
    return time.monotonic() - begun


def _alarm(house: Installation) -> int:
    """What /readyz answers in the end: it lets half a minute pass before it calls for somebody."""
    end = time.monotonic() + SAID
    while (answer := _ready(house)) == 200 and time.monotonic() < end:
        time.sleep(1)
    return answer


def _ready(house: Installation) -> int:
    url = f"{house.environment['BUDSTIKKE_PUBLIC_BASE_URL']}/readyz"
    try:
        with urlopen(url, timeout=60) as answer:
            return int(answer.status)
    except HTTPError as refused:
        return refused.code
    except (URLError, TimeoutError):
        return 0


def _unwritten(house: Installation) -> int:
    async def tokens(opened: House) -> set[str]:
        async with opened.store.read() as conn:
            return set((await conn.execute(select(attempt.c.token))).scalars())

    taken = {entry.token for entry in house.book().entries if entry.event is Event.ACCEPTED}
    return len(taken - house.ask(tokens))


# --- by hand ------------------------------------------------------------------------------------------------------------

_TITLES = ("fault", "said in s", "answer", "meanwhile", "unwritten", "lost", "twice", "silent", "flagged", "missing", "stuck", "back in s")
_ROW = "{:<22}{:>10}{:>8}{:>11}{:>11}{:>6}{:>7}{:>8}{:>9}{:>9}{:>7}{:>11}\n"


@contextmanager
def ground(case: Case, folder: Path) -> Iterator[tuple[str, Postgres | None]]:
    """Yield the database for a case: a file on a small disk of its own, or a PostgreSQL."""
    folder.mkdir(parents=True)
    if case.database == "postgres":
        with running_postgres() as server, server.database() as url:
            yield url, server
        return
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={DISK}m", "budstikke", str(folder)], check=True)
    try:
        (folder / "data").mkdir()
        yield f"sqlite+aiosqlite:///{folder / 'data' / 'budstikke.db'}", None
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def main(arguments: list[str] | None = None) -> int:
    """Play each fault and print what came of it; return 1 if anything was lost, left unwritten, or did not heal."""
    parser = argparse.ArgumentParser(prog="storage", description="Take the database's ground away, and judge by the ledger.")
    parser.add_argument("--only", nargs="*", choices=CASES, default=list(CASES))
    parser.add_argument("--people", type=int, default=40)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--rate", type=float, default=8.0, help="messages a second")
    asked = parser.parse_args(arguments)
    if os.geteuid() != 0:
        again = [sys.executable, "-m", "tests.faults.storage", *(sys.argv[1:] if arguments is None else arguments)]
        os.execvp("unshare", ["unshare", "--map-root-user", "--mount", *again])
    sys.stdout.write(_ROW.format(*_TITLES))
    with tempfile.TemporaryDirectory(prefix="budstikke-storage-") as scratch, Nursery() as nursery:
        good = [_report(name, _played(Path(scratch) / name, CASES[name], nursery, asked)) for name in asked.only]
    return int(not all(good))


def _played(scratch: Path, case: Case, nursery: Nursery, asked: argparse.Namespace) -> Outcome:
    with ground(case, scratch / "disk") as (url, postgres):
        told = {"lease_seconds": "15"}
        plan = Plan(folder=scratch, database=url, people=asked.people, seed=asked.seed, rate=asked.rate, settings=told)
        return play(Installation(plan, nursery), case, postgres)


def _report(name: str, outcome: Outcome) -> bool:
    found = outcome.judgement
    judged: Sequence[int] = (len(found.lost), len(found.doubled), len(found.unflagged), found.flagged)
    rest = (outcome.missing, outcome.stuck, f"{outcome.back_in:.1f}")
    sys.stdout.write(_ROW.format(name, f"{outcome.said_in:.1f}", outcome.answer, outcome.meanwhile, outcome.unwritten, *judged, *rest))
    sys.stdout.flush()
    return outcome.good


if __name__ == "__main__":
    sys.exit(main())
