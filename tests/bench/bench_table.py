"""What does certainty cost? One table of interleaved rounds: the whole durable path against a loop that only posts.

Every measurement is a process of its own; the provider is one too, and so is who calls back. Ratios are of the same round. Nothing fails
on an absolute time.

    ./run bench                                     2 rounds of 500 people (1,000 messages), about two minutes
    BUDSTIKKE_BENCH_PEOPLE=10000 BUDSTIKKE_BENCH_ROUNDS=3 ./run bench
"""

import json
import os
import platform
import socket
import sqlite3
import statistics
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path

import pytest

from tests.bench.provider import Provider, running_provider
from tests.pg import Postgres

PEOPLE = int(os.environ.get("BUDSTIKKE_BENCH_PEOPLE", "500"))
ROUNDS = int(os.environ.get("BUDSTIKKE_BENCH_ROUNDS", "2"))
WINDOW = 100
#: messages of the plain client: it is slow
PLAIN = 200

#: the rows: label, figure, and the goal where the issue names one
ROWS = (
    ("bare aiohttp loop, messages/s", "bare rate", ""),
    ("plain twilio client, messages/s", "client rate", ""),
    ("sqlite: path to the last outcome / loop", "sqlite ratio", "1.0"),
    ("sqlite: path while receipts come / loop", "sqlite ratio on", "1.0"),
    ("sqlite: path to the last of two receipts / loop", "sqlite ratio heard", ""),
    ("sqlite: path / loop, provider takes 60 ms", "sqlite ratio slow", "0.97"),
    ("sqlite: times the plain client", "sqlite times", "6"),
    ("sqlite: CPU s per 1,000 messages", "sqlite cpu", "0.15"),
    ("postgres: path to the last outcome / loop", "postgres ratio", "0.95"),
    ("postgres: path while receipts come / loop", "postgres ratio on", "0.95"),
    ("postgres: path to the last of two receipts / loop", "postgres ratio heard", ""),
    ("postgres: path / loop, provider takes 60 ms", "postgres ratio slow", "0.97"),
    ("postgres: times the plain client", "postgres times", "6"),
    ("postgres: CPU s per 1,000 messages, with the server's", "postgres cpu", "0.18"),
    ("bare aiohttp loop: CPU s per 1,000 messages", "bare cpu", ""),
)


@pytest.mark.timeout(0)
def test_the_table(postgres: Postgres, tmp_path: Path) -> None:
    """Measure all in turns, and print."""
    for setting in ("fsync", "full_page_writes"):
        postgres.execute(f"ALTER SYSTEM SET {setting} = 'on'")
    postgres.execute("SELECT pg_reload_conf()")
    figures: defaultdict[str, list[float]] = defaultdict(list)
    load = os.getloadavg()
    with running_provider(tmp_path / "provider", _ports()) as provider:
        for number in range(ROUNDS):
            for name, value in _round(provider, postgres, tmp_path / str(number)):
                figures[name].append(value)
        print(f"\n{_head(provider, load)}")
    for label, name, goal in ROWS:
        values = figures[name]
        spread = f"{min(values):9.2f} .. {max(values):9.2f}"
        print(f"{label:56s} {statistics.median(values):9.2f}   {spread}   {goal and 'goal ' + goal}")


def _round(provider: Provider, postgres: Postgres, folder: Path) -> Iterator[tuple[str, float]]:
    folder.mkdir()
    loop = _measure("bare", provider.url, 2 * PEOPLE, WINDOW)
    slow = _measure("bare", provider.slow_url, 2 * PEOPLE, WINDOW)
    plain = _measure("client", provider.url, PLAIN)
    yield from (("bare rate", loop["rate"]), ("bare cpu", loop["cpu"]), ("client rate", plain["rate"]))
    for database in ("sqlite", "postgres"):
        paths = {}
        for name, url, receipts in (("off", provider.url, "off"), ("on", provider.url, "on"), ("slow", provider.slow_url, "off")):
            with _database(database, folder / f"{name}.db", postgres) as place, _caller(provider, receipts):
                paths[name] = _measure("path", url, place, PEOPLE, WINDOW, receipts)
        yield f"{database} ratio", paths["off"]["rate"] / loop["rate"]
        yield f"{database} ratio on", paths["on"]["rate"] / loop["rate"]
        yield f"{database} ratio heard", paths["on"]["heard"] / loop["rate"]
        yield f"{database} ratio slow", paths["slow"]["rate"] / slow["rate"]
        yield f"{database} times", paths["off"]["rate"] / plain["rate"]
        yield f"{database} cpu", paths["off"]["cpu"]


def _measure(*given: object) -> dict[str, float]:
    command = [sys.executable, "-m", "tests.bench.work", *map(str, given)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    figures: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return figures


@contextmanager
def _database(name: str, file: Path, postgres: Postgres) -> Iterator[str]:
    with postgres.database() if name == "postgres" else nullcontext(f"sqlite+aiosqlite:///{file}") as url:
        yield url


@contextmanager
def _caller(provider: Provider, receipts: str) -> Iterator[None]:
    if receipts == "off":
        yield
        return
    process = subprocess.Popen([sys.executable, "-m", "tests.bench.caller", str(provider.told)])
    try:
        yield
    finally:
        process.terminate()
        process.wait()


def _ports() -> tuple[int, int]:
    with socket.socket() as one, socket.socket() as other:
        for line in (one, other):
            line.bind(("127.0.0.1", 0))
        return one.getsockname()[1], other.getsockname()[1]


def _head(provider: Provider, load: tuple[float, float, float]) -> str:
    size = f"{2 * PEOPLE} messages, window {WINDOW}, {ROUNDS} rounds in turns: median, least .. most"
    python = f"Python {platform.python_version()}, SQLite {sqlite3.sqlite_version}, PostgreSQL 18 (fsync on)"
    machine = f"{platform.machine()}, {os.cpu_count()} cores, load before {load[0]:.1f}"
    return f"{size}\n{machine}; {python}; provider: {provider.name}"
