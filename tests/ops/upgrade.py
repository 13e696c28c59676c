"""Upgrades an installation from the version before, in the middle of an alert, and lets the provider's ledger judge.

    python -m tests.ops.upgrade [--from COMMIT] [--database sqlite,postgres] [--people 200] [--seed 1] [--rate 2]
    python -m tests.ops.upgrade --tomorrow            from this program to one with a migration that is not written yet

The program of COMMIT (not said: the commit before the newest migration, from git) sends; `budstikke db upgrade` of the new one runs while
it does. The old program must go on or end in clear words; then it is asked to end, and the new one sends the rest. A minute each.
"""

import argparse
import asyncio
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

from alembic import command
from sqlalchemy import Connection, update

from relay.store import schema
from relay.store.engine import Store
from relay.store.tables import Sender
from tests.chaos.installation import Installation, Plan, wait_for
from tests.chaos.judge import Judgement
from tests.chaos.nursery import Nursery
from tests.chaos.restore import FIRST, databases
from tests.chaos.storm import settle

ROOT = Path(__file__).parents[2]
#: seconds that anything may take: nothing here gates on time
PATIENCE = 600.0
#: messages before the upgrade, and again after it
FEW = 8
VERSIONS = Path("relay/store/migrations/versions")
#: brought in at set-up, and so in no commit
VENDOR = Path("relay/web/static/vendor")
#: a migration of the next release, as ours are: something is added
TOMORROW = '''"""Of tomorrow: a column and a table more."""

import sqlalchemy as sa
from alembic import op

revision = "9999"
down_revision = "{newest}"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("delivery", sa.Column("tomorrow", sa.String(20)))
    op.create_table("tomorrow", sa.Column("id", sa.Integer, primary_key=True))


def downgrade() -> None:
    op.drop_table("tomorrow")
    with op.batch_alter_table("delivery") as batch:
        batch.drop_column("tomorrow")
'''


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What came of it."""

    judgement: Judgement
    before: str
    after: str
    #: messages at the provider when the upgrade began, when the old program had ended, and at the end
    upgraded_at: int
    old_ended_at: int
    sends: int
    #: seconds that the upgrade took, and from its end to the first message of the new program
    upgraded_in: float
    pause: float
    #: what the old program said when it ended by itself; "": it went on until it was asked to end
    refused: str
    stuck: int

    @property
    def good(self) -> bool:
        """Whether the upgrade fell into the middle, and nobody was lost or sent two in silence."""
        middle = 0 < self.upgraded_at <= self.old_ended_at < self.sends
        return middle and self.judgement.good and not self.stuck


class Program:
    """A whole program in a folder, of whichever version."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @property
    def newest(self) -> str:
        """The version of its tables."""
        told = "".join(file.read_text() for file in (self.folder / VERSIONS).glob("v*.py"))
        (head,) = set(re.findall(r'^revision = "(\w+)"', told, re.MULTILINE)) - set(
            re.findall(r'^down_revision = "(\w+)"', told, re.MULTILINE)
        )
        return str(head)

    def start(self, house: Installation, *arguments: str) -> "subprocess.Popen[bytes]":
        """Start one of its commands for an installation."""
        line = [sys.executable, "-c", "from relay.cli import main; main()", *arguments]
        own = {name: value for name, value in os.environ.items() if not name.startswith(("BUDSTIKKE_", "PYTHONPATH"))}
        with (house.plan.folder / "old.log").open("ab") as log:
            return subprocess.Popen(line, cwd=self.folder, env=own | house.environment, stdout=log, stderr=log)


def play(house: Installation, old: Program) -> Outcome:
    """Let the old program send, upgrade under it with this one, and let this one send the rest."""
    whole, running = FIRST * house.plan.people, None
    try:
        house.start_provider()
        house.furnish()
        house.release()
        asyncio.run(_back_to(house.database, old.newest))
        running = old.start(house, "serve")
        wait_for(lambda: house.accepted() >= FEW, "messages of the old program", PATIENCE)
        upgraded_at, begun = house.accepted(), time.monotonic()
        done = Program(Path.cwd()).start(house, "db", "upgrade").wait()
        assert done == 0, _said(house)
        upgraded_in = time.monotonic() - begun
        enough = house.accepted() + FEW
        wait_for(lambda: running.poll() is not None or house.accepted() >= enough, "the old program, going on or ending", PATIENCE)
        refused = _said(house) if running.poll() is not None else ""
        running.terminate()
        running.wait()
        asyncio.run(_hurry(house.database))
        ended_at, begun = house.accepted(), time.monotonic()
        house.start("serve")
        wait_for(lambda: house.accepted() > ended_at, "a message of the new program", PATIENCE)
        pause = time.monotonic() - begun
        wait_for(lambda: house.accepted() >= whole, "the rest of the messages", PATIENCE)
        stuck = settle(house)
        house.end_work()
        return Outcome(
            judgement=house.judged(),
            before=old.newest,
            after=schema.newest(),
            upgraded_at=upgraded_at,
            old_ended_at=ended_at,
            sends=house.accepted(),
            upgraded_in=upgraded_in,
            pause=pause,
            refused=refused,
            stuck=stuck,
        )
    finally:
        if running is not None and running.poll() is None:
            running.kill()
            running.wait()
        house.end_all()


def _said(house: Installation) -> str:
    return (house.plan.folder / "old.log").read_text().strip().splitlines()[-1]


async def _hurry(database: str) -> None:
    """Take the brake off that kept messages back for the new program."""
    store = await Store.open(database)
    async with store.write() as conn:
        await conn.execute(update(Sender).values(pace_per_second=1000.0, pace_burst=1000.0))
    await store.close()


async def _back_to(database: str, version: str) -> None:
    """Take the newest migrations back: the tables as the old program knows them."""

    def down(connection: Connection) -> None:
        command.downgrade(schema.config(connection), version)

    store = await Store.open(database)
    async with store.remodel() as conn:
        await conn.run_sync(down)
    await store.close()


# --- two programs ---------------------------------------------------------------------------------------------------------


def of_commit(commit: str, folder: Path) -> Program:
    """Unpack the program of a commit; not said: the one before the newest migration came."""
    if not commit:
        newest = next((ROOT / VERSIONS).glob(f"v{schema.newest()}_*.py"))
        commit = _git("log", "--diff-filter=A", "--format=%h", "-1", "--", str(newest)).decode().strip() + "^"
    with tarfile.open(fileobj=BytesIO(_git("archive", commit))) as packed:
        packed.extractall(folder, filter="data")
    (folder / VENDOR).parent.mkdir(parents=True, exist_ok=True)
    (folder / VENDOR).symlink_to(ROOT / VENDOR)
    return Program(folder)


def _git(*arguments: str) -> bytes:
    return subprocess.run(["git", "-c", "safe.directory=*", *arguments], cwd=ROOT, check=True, capture_output=True).stdout


def of_tomorrow(folder: Path) -> Program:
    """Return this program with one migration more."""
    shutil.copytree(ROOT / "relay", folder / "relay", ignore=shutil.ignore_patterns("__pycache__", "vendor"))
    (folder / VENDOR).symlink_to(ROOT / VENDOR)
    shutil.copytree(ROOT / "relay/web/vendor", folder / "relay/web/vendor", ignore=shutil.ignore_patterns("__pycache__", "node_modules"))
    for other in ("channels", "messages", "locales", "tests"):
        (folder / other).symlink_to(ROOT / other)
    (folder / VERSIONS / "v9999_tomorrow.py").write_text(TOMORROW.format(newest=schema.newest()))
    return Program(folder)


# --- by hand ------------------------------------------------------------------------------------------------------------

_TITLES = ("database", "from", "to", "upgraded at", "old till", "sends", "lost", "twice", "silent", "stuck", "upgrade s", "pause s")
_ROW = "{:<10}{:>6}{:>6}{:>13}{:>10}{:>7}{:>6}{:>7}{:>8}{:>7}{:>11}{:>9}  {}\n"


def main(arguments: Sequence[str] | None = None) -> int:
    """Play it on each database and print what came of it; return 1 if anybody was lost or doubled in silence."""
    asked = _parser().parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="budstikke-upgrade-") as scratch:
        folder = Path(scratch)
        if asked.tomorrow:
            program = of_tomorrow(folder / "new")
            return subprocess.run([sys.executable, *_again(asked)], cwd=program.folder, check=False).returncode
        old = Program(asked.old) if asked.old else of_commit(asked.commit, folder / "old")
        sys.stdout.write(_ROW.format(*_TITLES, "the old program"))
        with Nursery() as nursery:
            good = [_played(kind, folder / kind, asked, old, nursery) for kind in asked.database]
        return int(not all(good))


def _again(asked: argparse.Namespace) -> list[str]:
    """The same command in the folder of tomorrow's program, with this one as the old one."""
    told = ["-m", "tests.ops.upgrade", "--old", str(ROOT), "--database", ",".join(asked.database)]
    return [*told, "--people", str(asked.people), "--seed", str(asked.seed), "--rate", str(asked.rate)]


def _played(kind: str, folder: Path, asked: argparse.Namespace, old: Program, nursery: Nursery) -> bool:
    folder.mkdir()
    with databases(kind, folder) as (url, _):
        plan = Plan(folder=folder, database=url, people=asked.people, seed=asked.seed, rate=asked.rate)
        outcome = play(Installation(plan, nursery), old)
    found = outcome.judgement
    counts = (outcome.sends, len(found.lost), len(found.doubled), len(found.unflagged), outcome.stuck)
    times = (f"{outcome.upgraded_in:.1f}", f"{outcome.pause:.1f}", outcome.refused or "went on until it was asked to end")
    sys.stdout.write(_ROW.format(kind, outcome.before, outcome.after, outcome.upgraded_at, outcome.old_ended_at, *counts, *times))
    sys.stdout.flush()
    return outcome.good


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="upgrade", description="Upgrade in the middle of an alert, and judge by the ledger.")
    parser.add_argument("--from", dest="commit", default="", help="the old program; not said: the commit before the newest migration")
    parser.add_argument("--tomorrow", action="store_true", help="this program is the old one; the new one has a migration more")
    parser.add_argument("--old", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--database", type=lambda text: text.split(","), default=["sqlite", "postgres"])
    parser.add_argument("--people", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--rate", type=float, default=2.0, help="messages a second, as long as the old program sends")
    return parser


if __name__ == "__main__":
    sys.exit(main())
