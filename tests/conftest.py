"""What all tests share: databases, and an honest account of what was skipped."""

import os
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import TypeVar

import pytest
from hypothesis import settings

from tests.pg import Postgres, PostgresUnavailableError, running_postgres

# nothing gates on absolute time: a busy machine is no fault of what is tested
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")

Report = TypeVar("Report", pytest.TestReport, pytest.CollectReport)

SKIPS_FAIL = os.environ.get("BUDSTIKKE_CI") == "1"


#: what takes minutes, or rights that not every machine gives, runs by hand, or in .ci/run where it may: switch -> file
BY_HAND = {
    "BUDSTIKKE_CHAOS": "chaos/test_kill.py",
    "BUDSTIKKE_STRACE": "chaos/test_fsync.py",
    "BUDSTIKKE_FIRST_WAY": "deploy/test_first_way.py",
}
collect_ignore = [file for switch, file in BY_HAND.items() if not os.environ.get(switch)]


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    """Return the URL of a SQLite file that does not exist yet."""
    return f"sqlite+aiosqlite:///{tmp_path / 'budstikke.db'}"


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """Yield a running PostgreSQL; skip the test if this machine cannot run one."""
    try:
        with running_postgres() as server:
            yield server
    except PostgresUnavailableError as why:
        pytest.skip(f"no PostgreSQL: {why}")


@pytest.fixture
def postgres_url(postgres: Postgres) -> Iterator[str]:
    """Yield the URL of an empty PostgreSQL database of this test's own."""
    with postgres.database() as url:
        yield url


@pytest.fixture(params=["sqlite", "postgres"])
def database_url(request: pytest.FixtureRequest) -> str:
    """Return the URL of an empty database: the test runs once on SQLite and once on PostgreSQL."""
    url: str = request.getfixturevalue(f"{request.param}_url")
    return url


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Count a skipped test as failed where nothing may be skipped."""
    return _strict((yield))


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """Count a skipped file as failed where nothing may be skipped."""
    return _strict((yield))


def _strict(report: Report) -> Report:
    if SKIPS_FAIL and report.skipped and not hasattr(report, "wasxfail"):
        report.longrepr = f"nothing may be skipped here (BUDSTIKKE_CI=1), yet this was: {_reason(report)}"
        report.outcome = "failed"
    return report


def _reason(report: pytest.TestReport | pytest.CollectReport) -> str:
    """Return why this was skipped; pytest keeps it as (file, line, reason)."""
    return str(report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say loudly, as the last thing before the closing line, what was not tested and why."""
    skipped = terminalreporter.stats.get("skipped", [])
    if not skipped:
        return
    terminalreporter.section("NOT TESTED", sep="!", red=True, bold=True)
    for report in skipped:
        terminalreporter.line(f"{report.nodeid}: {_reason(report)}", red=True)
