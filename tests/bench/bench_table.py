"""What does certainty cost? One table of interleaved rounds: the whole durable path against a loop that only posts.

Every measurement is a process of its own; the provider is one too, and so is who calls back. Ratios are of the same round. Nothing fails
on an absolute time.

    ./run bench                                     3 rounds of 20,000 people (40,000 messages), some fifteen minutes
    BUDSTIKKE_BENCH_LARGE=500000 ./run bench        the largest, by hand

What does not change with their number is measured with FEW of them (2,000): callbacks, and a slow provider. FEW and LARGE (100,000) are
sent to once a database, for memory and cost; MANY (100,000) are planned for once.
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

PEOPLE = int(os.environ.get("BUDSTIKKE_BENCH_PEOPLE", "20000"))
FEW = int(os.environ.get("BUDSTIKKE_BENCH_FEW", "2000"))
LARGE = int(os.environ.get("BUDSTIKKE_BENCH_LARGE", "100000"))
MANY = int(os.environ.get("BUDSTIKKE_BENCH_MANY", "100000"))
ROUNDS = int(os.environ.get("BUDSTIKKE_BENCH_ROUNDS", "3"))
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
    ("postgres, two workers: path to the last outcome / loop", "postgres ratio", "0.95"),
    ("postgres, two workers: path while receipts come / loop", "postgres ratio on", "0.95"),
    ("postgres, two workers: path to the last of two receipts / loop", "postgres ratio heard", ""),
    ("postgres: path / loop, provider takes 60 ms", "postgres ratio slow", "0.97"),
    ("postgres: times the plain client", "postgres times", "6"),
    ("postgres: CPU s per 1,000 messages, with the server's", "postgres cpu", "0.18"),
    ("bare aiohttp loop: CPU s per 1,000 messages", "bare cpu", ""),
    ("sqlite: signed callbacks / handler that keeps nothing", "sqlite hooks", "0.8"),
    ("postgres: signed callbacks / handler that keeps nothing", "postgres hooks", "0.8"),
    ("sqlite: sending beside 300 callbacks/s / without", "sqlite storm", "0.5"),
    ("postgres: sending beside 300 callbacks/s / without", "postgres storm", "0.5"),
    (f"sqlite: plan for {MANY} people with all steps, s", "sqlite fan-out", "3"),
    (f"postgres: plan for {MANY} people with all steps, s", "postgres fan-out", ""),
    ("sqlite: sends planned for them", "sqlite sends", ""),
    ("sqlite: memory that this takes, MiB", "sqlite grown", ""),
    ("sqlite: reach at 1,000,000 deliveries, the numbers, ms", "sqlite reach", "1"),
    ("postgres: reach at 1,000,000 deliveries, the numbers, ms", "postgres reach", "1"),
    ("sqlite: the same with names and groups, ms", "sqlite whole", ""),
    ("postgres: the same with names and groups, ms", "postgres whole", ""),
    *(
        (f"{database}: {label.format(2 * people)}", f"{database} {name} {people}", goal)
        for label, name, goal_at_last in (("peak memory at {} messages, MiB", "rss", "+100"), ("CPU s per 1,000 messages at {}", "cpu", ""))
        for people, goal in ((FEW, ""), (LARGE, goal_at_last))
        for database in ("sqlite", "postgres")
    ),
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
        for name, value in _once(provider, postgres, tmp_path):
            figures[name].append(value)
        print(f"\n{_head(provider, load)}")
    for label, name, goal in ROWS:
        values = figures[name]
        spread = f"{min(values):9.2f} .. {max(values):9.2f}"
        print(f"{label:56s} {statistics.median(values):9.2f}   {spread}   {goal and 'goal ' + goal}")


def _round(provider: Provider, postgres: Postgres, folder: Path) -> Iterator[tuple[str, float]]:
    folder.mkdir()
    loop = _measure("bare", provider.url, 2 * PEOPLE, WINDOW)
    slow = _measure("bare", provider.slow_url, 2 * FEW, WINDOW)
    plain = _measure("client", provider.url, PLAIN)
    yield from (("bare rate", loop["rate"]), ("bare cpu", loop["cpu"]), ("client rate", plain["rate"]))
    for database in ("sqlite", "postgres"):
        paths = {}
        for name, url, people, receipts in (
            ("off", provider.url, PEOPLE, "off"),
            ("on", provider.url, PEOPLE, "on"),
            ("slow", provider.slow_url, FEW, "off"),
        ):
            with _database(database, folder / f"{name}.db", postgres) as place, _caller(provider, receipts):
                paths[name] = _measure("path", url, place, people, WINDOW, receipts)
        yield f"{database} ratio", paths["off"]["rate"] / loop["rate"]
        yield f"{database} ratio on", paths["on"]["rate"] / loop["rate"]
        yield f"{database} ratio heard", paths["on"]["heard"] / loop["rate"]
        yield f"{database} ratio slow", paths["slow"]["rate"] / slow["rate"]
        yield f"{database} times", paths["off"]["rate"] / plain["rate"]
        yield f"{database} cpu", paths["off"]["cpu"]
        with _database(database, folder / "hooks.db", postgres) as place:
            told = _measure("hooks", provider.url, place, FEW, WINDOW)
        yield f"{database} hooks", told["heard"] / told["silent"]
        yield f"{database} storm", told["stormy"] / told["alone"]


def _once(provider: Provider, postgres: Postgres, folder: Path) -> Iterator[tuple[str, float]]:
    """Measure what takes long."""
    for database in ("sqlite", "postgres"):
        for people in (FEW, LARGE):
            with _database(database, folder / f"{people}.db", postgres) as place:
                sent = _measure("path", provider.url, place, people, WINDOW, "off")
            yield from ((f"{database} {name} {people}", sent[name]) for name in ("rss", "cpu"))
        with _database(database, folder / "many.db", postgres) as place:
            many = _measure("many", provider.url, place, MANY, WINDOW)
        yield from ((f"{database} {name}", many[of]) for name, of in (("fan-out", "fan_out"), ("sends", "sends"), ("grown", "grown")))
        yield from ((f"{database} {name}", many[name]) for name in ("reach", "whole"))


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
