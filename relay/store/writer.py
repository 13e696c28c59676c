"""SQLite's one writing connection, held by a process of its own: this file is its program, and relay.store.apart its other end.

Python lets one thread work at a time, so a thread that writes waits for the calls under way, and they for it. A process does not. It knows
nothing of Budstikke and starts in some 20 ms. It does what comes over the socket, in order, answers each request, and ends when the socket
does: with our end of it, however that ended. What it was doing then is undone, or was committed.
"""

import marshal
import pickle
import select
import signal
import socket
import sqlite3
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from enum import IntEnum
from struct import Struct
from typing import Any

#: in front of each request and each answer: its length in bytes
LENGTH = Struct("!I")
#: bytes that are read at once
READ = 1 << 18
#: seconds between two tries while another process writes. SQLite's own waiting asks ever more seldom: beside one that writes without end
#: it waited 7 s in the median
AGAIN = 0.0003
#: rows that are told at once
AT_ONCE = 5000
#: what may be run outside of a transaction; all else is refused: it may have been sent off before the failure of what was to begin one
OUTSIDE = ("BEGIN", "PRAGMA")


class Request(IntEnum):
    """What may be asked. An answer is (whether a transaction is open, what was found, the error if there was one)."""

    #: (file, seconds to wait for other processes): open it, first of all
    OPEN = 0
    #: statements with what they are given; finds the rows of each, up to the one that failed
    RUN = 1
    #: (one statement, what it is given, whether that is many times): finds (names of columns, how many were changed, last row's id, the
    #: first rows, whether there are more)
    ASK = 2
    #: finds (the next rows of the last ASK, whether there are more)
    MORE = 3
    #: roll back what is open, if anything is
    UNDO = 4


class Writer:
    """A connection, and what is done with it."""

    def __init__(self, channel: socket.socket) -> None:
        self.connection: sqlite3.Connection | None = None
        self.patience = 0.0
        #: what the last ASK has still to tell
        self.rest: sqlite3.Cursor | None = None
        #: tells when our other end is gone
        self.gone = select.poll()
        self.gone.register(channel, select.POLLHUP)
        self.requests: Mapping[int, Callable[..., None]] = {
            Request.OPEN: self._open,
            Request.RUN: self._run,
            Request.ASK: self._ask,
            Request.MORE: self._more,
            Request.UNDO: self._undo,
        }

    def answer(self, came: bytes) -> bytes:
        """Do what is asked for, and say what came of it."""
        request, given = marshal.loads(came)  # noqa: S302 - from our own other end
        found: list[Any] = []
        error = b""
        try:
            self.requests[request](found, *given)
        except Exception as what:  # noqa: BLE001 - whatever it is, who asked must be told
            error = pickle.dumps(what)
        return marshal.dumps((self.connection is not None and self.connection.in_transaction, found, error))

    def _open(self, _: list[Any], file: str, patience: float) -> None:
        self.connection, self.patience = sqlite3.connect(file, timeout=0, isolation_level=None), patience

    def _run(self, found: list[Any], *steps: tuple[str, Sequence[Any]]) -> None:
        self.rest = None
        for words, given in steps:
            found.append(self._execute(words, given).fetchall())

    def _ask(self, found: list[Any], words: str, given: Any, many: bool) -> None:  # noqa: FBT001 - it comes over the socket
        cursor = self._execute_many(words, given) if many else self._execute(words, given)
        names = [column[0] for column in cursor.description] if cursor.description else None
        found += names, cursor.rowcount, cursor.lastrowid
        self.rest = cursor
        self._more(found)

    def _more(self, found: list[Any]) -> None:
        if self.rest is None:
            raise sqlite3.InterfaceError("something else was asked meanwhile: what was still to be told is gone")
        rows = self.rest.fetchmany(AT_ONCE)
        if len(rows) < AT_ONCE:
            self.rest = None
        found += rows, self.rest is not None

    def _undo(self, _: list[Any]) -> None:
        self.rest = None
        if self._opened.in_transaction:
            self._execute("ROLLBACK", ())

    def _execute(self, words: str, given: Any) -> sqlite3.Cursor:
        """Run a statement, as soon as no other process writes where it needs its turn. Nothing is written outside of a transaction."""
        if not words.startswith(OUTSIDE):
            self._refuse_outside()
        until = time.monotonic() + self.patience
        while True:
            try:
                return self._opened.execute(words, given)
            except sqlite3.OperationalError as error:
                # Python's own complaints have no code
                busy = getattr(error, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_BUSY
                if not busy or self._opened.in_transaction or time.monotonic() >= until:
                    raise
            if self.gone.poll(0):
                sys.exit()  # nobody waits for it any more
            time.sleep(AGAIN)

    def _execute_many(self, words: str, given: Sequence[Any]) -> sqlite3.Cursor:
        self._refuse_outside()
        return self._opened.executemany(words, given)

    def _refuse_outside(self) -> None:
        if not self._opened.in_transaction:
            raise sqlite3.OperationalError("there is no transaction: its beginning has failed, or it has ended")

    @property
    def _opened(self) -> sqlite3.Connection:
        if self.connection is None:
            raise sqlite3.OperationalError("connection closed: it was never opened")
        return self.connection


def whole(came: bytearray) -> Iterator[bytes]:
    """Take what has come whole off what has come."""
    while len(came) >= LENGTH.size and len(came) >= (end := LENGTH.size + LENGTH.unpack_from(came)[0]):
        taken = bytes(memoryview(came)[LENGTH.size : end])
        del came[:end]
        yield taken


def serve(channel: socket.socket) -> None:
    """Answer requests until there are no more."""
    writer, came = Writer(channel), bytearray()
    while part := channel.recv(READ):
        came += part
        for each in whole(came):
            answer = writer.answer(each)
            channel.sendall(LENGTH.pack(len(answer)) + answer)
    if writer.connection is not None:
        writer.connection.close()


if __name__ == "__main__":
    # whoever stops a service may tell all its processes at once: what our other end still writes then must not be lost
    for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(each, signal.SIG_IGN)
    with suppress(ConnectionError):
        serve(socket.socket(fileno=int(sys.argv[1])))
