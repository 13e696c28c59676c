"""What is done to an installation while messages leave, in short: a move to PostgreSQL, an upgrade. By hand: copy.py, upgrade.py."""

import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from channels.clock import SystemClock
from relay.store import schema, sealing, workers
from relay.store.engine import Store
from tests.chaos.installation import Installation, wait_for
from tests.chaos.nursery import Nursery
from tests.evening import BUDSTIKKE
from tests.ops import copy

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


@pytest.fixture
def house(tmp_path: Path) -> Iterator[Installation]:
    with Nursery() as nursery:
        # slow enough that a move falls into the middle of the alert
        made = Installation(replace(copy.plan(tmp_path, 40, 1), rate=10), nursery)
        yield made
        made.end_all()


def _copy(environment: dict[str, str], target: str) -> "subprocess.CompletedProcess[str]":
    own = {name: value for name, value in os.environ.items() if not name.startswith("BUDSTIKKE_")}
    return subprocess.run([BUDSTIKKE, "db", "copy", target], env=own | environment, capture_output=True, text=True, check=False)


def test_a_move_to_postgresql_in_the_middle_of_an_alert_loses_and_doubles_nothing(house: Installation, postgres_url: str) -> None:
    outcome = copy.play(house, postgres_url, 2000, 0.2, [("serve", "--no-work"), ("work",)])
    assert outcome.good, outcome
    assert outcome.deliveries >= 2000
    printed = copy.report(outcome)
    assert f"{outcome.tables} of {outcome.tables} tables equal" in printed
    assert "0 without, 0 with two of the same" in printed


def test_nothing_is_copied_while_somebody_sends(house: Installation, tmp_path: Path) -> None:
    house.furnish()
    house.start_provider()
    house.start("serve")
    wait_for(lambda: "listens" in house.log(), "a program at work")
    refused = _copy(house.environment, f"sqlite:///{tmp_path / 'other.db'}")
    assert refused.returncode == 6
    assert "Another dispatcher works on" in refused.stderr


async def test_nor_from_a_postgresql_that_a_worker_works_on(postgres_url: str, tmp_path: Path) -> None:
    store = await Store.open(postgres_url)
    await schema.upgrade(store)
    await workers.register(store, "alfa-17", SystemClock().now() + timedelta(hours=1))  # however long the command takes to start
    await store.close()
    keys = dict(line.split("=", 1) for line in sealing.new_settings().splitlines())
    refused = _copy(keys | {"BUDSTIKKE_DATABASE_URL": postgres_url}, f"sqlite:///{tmp_path / 'other.db'}")
    assert refused.returncode == 5
    assert "alfa-17 works on this database. Stop every `serve` and `work` first." in refused.stderr


def test_an_upgrade_under_a_program_at_work_loses_nobody_and_the_old_one_says_why_it_ends() -> None:
    """From this program to one whose tables have more; the programs in full are those of two commits, by hand."""
    line = [sys.executable, "-m", "tests.ops.upgrade", "--tomorrow"]
    done = subprocess.run(line, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    for kind in ("sqlite", "postgres"):
        (row,) = (row for row in done.stdout.splitlines() if row.startswith(kind))
        assert row.endswith("This database is newer than this program. Install the program's newest version.")
