"""Shows by strace that what must be on disk is on disk before a word of it leaves the house.

    python -m tests.chaos.fsync [--database sqlite,postgres] [--people 20] [--seed 1]      needs strace; half a minute each

A town is sent to by `serve`, with every call that writes, syncs, sends or reads traced; on PostgreSQL those of its server too, which runs
with `fsync` on. Then, by the order of the trace alone:

    each POST       the database's log held its token, and was synced, before the first byte of the request was handed to the connection
    each callback   the log was written with its message's id after the request had come in, and synced, before the first byte of our 2xx
"""

import argparse
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy.engine import make_url

from tests.chaos.installation import Installation, Plan, wait_for
from tests.chaos.nursery import Nursery
from tests.chaos.storm import settle
from tests.chaos.strace import CALLS, READS, SENDS, SYNCS, WRITES, Call, calls
from tests.pg import Postgres, running_postgres

BUDSTIKKE = Path(sys.executable).with_name("budstikke")
#: longest string in the trace, in bytes: more than any commit here writes; what is cut off would be missed, and told as not on disk
LONGEST = 1 << 16
#: PostgreSQL's log is written in pages that begin with a head of so many bytes (the first of a file: more)
PAGE, HEAD = 8192, 24
#: what is looked for is shorter than so many bytes
LONGEST_WORD = 64
#: what a log's file is called
LOGS = ("-wal", "/pg_wal/")
_TOKEN = re.compile(rb"status(?:/|%2F)([0-9a-f]{40})")
_MESSAGE = re.compile(rb"(?:Message|Sms)Sid=((?:SM|MM)[0-9a-f]{32})")


@dataclass
class Account:
    """What a trace shows; the lists name what was out of order."""

    syncs: int = 0
    posts: int = 0
    posts_too_early: list[str] = field(default_factory=list)
    callbacks: int = 0
    callbacks_too_early: list[str] = field(default_factory=list)

    @property
    def good(self) -> bool:
        """Whether there was something to see, and all of it in order."""
        return bool(self.syncs and self.posts and self.callbacks) and not (self.posts_too_early or self.callbacks_too_early)


@dataclass
class _Page:
    """A stretch of the log: what it holds, and when that was written and synced, in lines of the trace."""

    text: bytes
    written: int
    synced: int | None = None


class Log:
    """The database's log as a disk sees it: page by page, with the moment of each write and sync."""

    def __init__(self) -> None:
        self.pages: list[_Page] = []
        #: what was written last at a place: a message's token may begin in one page and end in the next
        self._tails: dict[tuple[str, int], bytes] = {}
        #: thread -> pages that its sync under way brings to disk
        self._syncing: dict[str, list[_Page]] = {}
        self._loose: list[_Page] = []
        self.syncs = 0

    def take(self, call: Call) -> None:
        """Take a call on the log."""
        if call.name in WRITES and call.moment == "ends" and call.returned > 0:
            self._write(call)
        elif call.name in SYNCS and call.moment == "begins":
            self._syncing[call.thread] = list(self._loose)
        elif call.name in SYNCS and call.returned == 0:
            self._sync(self._syncing.pop(call.thread, []), call.order)

    def _write(self, call: Call) -> None:
        text = data = call.data
        if LOGS[1] in call.place:
            text = self._tails.get((call.place, call.offset), b"") + _without_heads(data)
            self._tails[call.place, call.offset + len(data)] = text[-LONGEST_WORD:]
        page = _Page(text, call.order)
        self.pages.append(page)
        self._loose.append(page)

    def _sync(self, pages: Iterable[_Page], order: int) -> None:
        self.syncs += 1
        for page in pages:
            page.synced = page.synced or order
        self._loose = [page for page in self._loose if page.synced is None]

    def holds(self, words: bytes, *, before: int, since: int = 0) -> bool:
        """Whether the log held `words`, written since one moment and on disk before another."""
        return any(page.synced is not None and page.written > since and page.synced < before and words in page.text for page in self.pages)


def _without_heads(data: bytes) -> bytes:
    return b"".join(data[start + HEAD : start + PAGE] for start in range(0, len(data), PAGE))


class Reader:
    """Reads a trace as it came about; `provider` and `house` are the ports that are called and listened at."""

    def __init__(self, provider: int, house: int) -> None:
        self.account, self._log = Account(), Log()
        self._theirs, self._ours = f":{provider}]", f":{house}->"
        #: connection -> what it has carried of the request under way, and since when
        self._posts: dict[str, tuple[bytes, int]] = {}
        self._callbacks: dict[str, tuple[bytes, int]] = {}

    def read(self, lines: Iterable[str]) -> Account:
        """Read all of it."""
        for call in calls(lines):
            if any(name in call.place for name in LOGS):
                self._log.take(call)
            elif call.place.startswith("TCP:") and call.place.endswith(self._theirs):
                self._called(call)
            elif call.place.startswith("TCP:") and self._ours in call.place:
                self._listened(call)
        self.account.syncs = self._log.syncs
        self.account.posts_too_early += [f"without a token: {sent[:80]!r}" for sent, _ in self._posts.values()]
        return self.account

    def _called(self, call: Call) -> None:
        """A call to the provider: a POST begins with its first line, and tells its token sooner or later."""
        if call.name not in SENDS or call.moment != "begins":
            return
        sent, begun = self._posts.pop(call.place, (b"", call.order))
        sent += call.data
        if not (sent.startswith(b"POST /") and b"Messages.json" in sent.split(b"\r\n")[0]):
            return
        token = _TOKEN.search(sent)
        if token is None:
            self._posts[call.place] = sent, begun
            return
        self.account.posts += 1
        if not self._log.holds(token[1], before=begun):
            self.account.posts_too_early.append(token[1].decode())

    def _listened(self, call: Call) -> None:
        """A callback: it has come in with the message's id, and is answered by what begins our 2xx."""
        if call.name in READS and call.moment == "ends" and call.returned > 0:
            come, since = self._callbacks.get(call.place, (b"", call.order))
            if (come + call.data).startswith(b"POST /hooks/"):
                self._callbacks[call.place] = come + call.data, since
        elif call.name in SENDS and call.moment == "begins" and call.place in self._callbacks and call.data.startswith(b"HTTP/1.1 2"):
            come, since = self._callbacks.pop(call.place)
            self.account.callbacks += 1
            message = _MESSAGE.search(come)
            if message is None or not self._log.holds(message[1], since=since, before=call.order):
                self.account.callbacks_too_early.append((message[1] if message else come[:80]).decode("latin-1"))


# --- what is traced -----------------------------------------------------------------------------------------------------


def trace(house: Installation, *more: int) -> Account:
    """Run `serve` under strace while an alert goes out and people answer, and read what it did; `more`: processes to trace too."""
    file = house.plan.folder / "trace"
    also = [word for pid in more for word in ("-p", str(pid))]
    traced = ["-e", f"trace={','.join(sorted(CALLS))}", "-s", str(LONGEST), "-o", str(file)]
    command: list[str | Path] = ["strace", "-f", "-yy", "-I2", *traced, *also, BUDSTIKKE, "serve"]
    try:
        house.start_provider()
        house.furnish()
        house.release()
        with (house.plan.folder / "serve.log").open("ab") as log:
            tracing = subprocess.Popen(command, env={**os.environ, **house.environment}, stdout=log, stderr=log)
        try:
            wait_for(lambda: house.accepted() >= 2 * house.plan.people, "all messages", 180)
            assert not settle(house), "something is under way still"
        finally:
            _end(tracing)
    finally:
        house.end_all()
    with file.open(encoding="latin-1") as lines:
        return read(lines, house)


def read(lines: Iterable[str], house: Installation) -> Account:
    """Read the trace of an installation's `serve`."""
    provider, own = house.environment["BUDSTIKKE_TWILIO_BASE_URL"], house.environment["BUDSTIKKE_LISTEN_PORT"]
    return Reader(int(provider.rpartition(":")[2]), int(own)).read(lines)


def _end(tracing: "subprocess.Popen[bytes]") -> None:
    """End the product in order; a tracer that has others to watch is told to let go of them."""
    children = _children(tracing.pid)
    for child in children:
        os.kill(child, signal.SIGTERM)
    try:
        tracing.wait(10)
    except subprocess.TimeoutExpired:
        tracing.terminate()
        tracing.wait()


@contextmanager
def database(kind: str) -> Iterator[tuple[str, tuple[int, ...]]]:
    """Yield an address ("" is a SQLite file) and the processes whose syncs count; a PostgreSQL of ours syncs as a real one does."""
    if kind == "sqlite":
        yield "", ()
        return
    with running_postgres() as server, server.database() as url:
        yield url, _synced(server, url)


def _synced(server: Postgres, url: str) -> tuple[int, ...]:
    """Switch the server's fsync on, and return its processes: the first, whose later children are followed, and those beside it by now."""
    server.execute("ALTER SYSTEM SET fsync = on")
    server.execute("SELECT pg_reload_conf()")
    first = int((Path(str(make_url(url).query["host"])) / "postmaster.pid").read_text().split()[0])
    return first, *_children(first)


def _children(pid: int) -> tuple[int, ...]:
    return tuple(map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split()))


# --- by hand ------------------------------------------------------------------------------------------------------------

_ROW = "{:<10}{:>7}{:>7}{:>18}{:>11}{:>18}\n"
_TITLES = ("database", "syncs", "POSTs", "begun before sync", "callbacks", "2xx before sync")


def main(arguments: list[str] | None = None) -> int:
    """Trace an evening on each database and print what was seen; return 1 if anything left before it was on disk."""
    parser = argparse.ArgumentParser(prog="fsync", description="Is everything on disk before a word of it leaves?")
    parser.add_argument("--database", type=lambda text: text.split(","), default=["sqlite", "postgres"])
    parser.add_argument("--people", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args(arguments)
    if shutil.which("strace") is None:
        parser.exit(69, "strace is missing: apt install strace\n")
    sys.stdout.write(_ROW.format(*_TITLES))
    good = True
    with tempfile.TemporaryDirectory(prefix="budstikke-fsync-") as scratch, Nursery() as nursery:
        for kind in asked.database:
            with database(kind) as (url, servers):
                plan = Plan(folder=Path(scratch) / kind, database=url, people=asked.people, seed=asked.seed, rate=50.0)
                good &= _report(kind, trace(Installation(plan, nursery), *servers))
    return int(not good)


def _report(kind: str, found: Account) -> bool:
    counts = (found.syncs, found.posts, len(found.posts_too_early), found.callbacks, len(found.callbacks_too_early))
    sys.stdout.write(_ROW.format(kind, *counts))
    for one in (*found.posts_too_early[:3], *found.callbacks_too_early[:3]):
        sys.stdout.write(f"  {one}\n")
    sys.stdout.flush()
    return found.good


if __name__ == "__main__":
    sys.exit(main())
