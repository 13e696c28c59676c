"""SQLite's writing connection in a process of its own (relay.store.writer), as SQLAlchemy's dialect for aiosqlite takes one.

A statement of SQLAlchemy's goes there and back once; the first of a transaction once more, for its beginning. The process lives as long as
the connection; where it ends before, the connection is lost, as one to a server may be, and the next one brings a new process.
"""

import asyncio
import marshal
import pickle
import socket
import sqlite3
import subprocess
import sys
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Any, NoReturn, Self, TypeAlias

from sqlalchemy.exc import DBAPIError

from relay.store import writer
from relay.store.writer import LENGTH, READ, Request, whole

#: a statement, and what it is given
Step: TypeAlias = tuple[str, Sequence[Any]]
Rows: TypeAlias = list[tuple[Any, ...]]

#: what was found, and the error if there was one
_Answer: TypeAlias = tuple[list[Any], Exception | None]

#: SQLAlchemy knows by these words that it is no use to go on with this connection
CLOSED = "connection closed: the process that writes has ended"
#: seconds until one that should end is ended by force
PATIENCE = 10.0


class Connection:
    """Our end: requests go out in order, and their answers come back in that order."""

    def __init__(self, process: subprocess.Popen[bytes], channel: socket.socket) -> None:
        self._process, self._channel = process, channel
        self._loop = asyncio.get_running_loop()
        self._asked: deque[asyncio.Future[_Answer]] = deque()
        #: what the socket has not taken yet, and what has come of the next answer
        self._unsent, self._came = bytearray(), bytearray()
        #: as of the last answer
        self.in_transaction = False
        self._loop.add_reader(channel, self._readable)

    @classmethod
    async def open(cls, file: str, *, patience: float) -> Self:
        """Start a process and let it open `file`; `patience`: seconds to wait for other processes that write. Raises sqlite3.Error."""
        ours, theirs = socket.socketpair()
        ours.setblocking(False)
        with theirs:
            command = [sys.executable, "-I", "-S", writer.__file__, str(theirs.fileno())]
            # in a session of its own: the keys that stop us at a terminal reach us alone
            options: dict[str, Any] = {"pass_fds": [theirs.fileno()], "stdin": subprocess.DEVNULL, "start_new_session": True}
            try:
                process = subprocess.Popen(command, **options)  # noqa: ASYNC220, S603 - two milliseconds; our own words
            except OSError:
                ours.close()
                raise
        made = cls(process, ours)
        try:
            await made._do(Request.OPEN, file, patience)
        except BaseException:
            await made.close()
            raise
        return made

    def is_closed(self) -> bool:
        """Whether nothing more can be asked."""
        return self._channel.fileno() < 0

    async def run(self, steps: Sequence[Step]) -> list[Rows]:
        """Run statements one after the other, and return the rows of each; DBAPIError names the one that failed."""
        return await self.ask(steps)()

    def ask(self, steps: Sequence[Step]) -> Callable[[], Awaitable[list[Rows]]]:
        """Send them off, and return what waits for their rows. What is sent meanwhile is done after them, whatever becomes of them."""
        return partial(self._rows, steps, self._answer(Request.RUN, *steps))

    async def _rows(self, steps: Sequence[Step], answer: asyncio.Future[_Answer]) -> list[Rows]:
        found, error = await answer
        if error is not None:
            self._fail(steps[len(found)][0], error)
        return found

    async def undo(self) -> None:
        """Roll back, if a transaction is open once all that was asked before is done; DBAPIError."""
        _, error = await self._answer(Request.UNDO)
        if error is not None:
            self._fail("ROLLBACK", error)

    def _fail(self, words: str, error: Exception) -> NoReturn:
        """Name the statement that failed; what is no error of the database's stays as it is."""
        if not isinstance(error, sqlite3.Error):
            raise error
        raise DBAPIError(words, None, error, hide_parameters=True, connection_invalidated=self.is_closed()) from error

    # --- what SQLAlchemy asks of a connection, also outside of a Store's own way of writing ----------------------------

    def cursor(self) -> "Cursor":
        """Return a cursor: nothing is done in the database for that."""
        return Cursor(self)

    async def create_function(self, *_: Any, **__: Any) -> None:
        """SQLAlchemy brings one for REGEXP, which nothing here asks for."""

    async def commit(self) -> None:
        """Commit what is open, if anything is."""
        if self._asked or self.in_transaction:
            await self._do(Request.RUN, ("COMMIT", ()))

    async def rollback(self) -> None:
        """Roll back what is open, if anything is."""
        if self._asked or self.in_transaction:
            await self._do(Request.UNDO)

    async def close(self) -> None:
        """End the process, and wait for its end."""
        self.stop()
        await asyncio.to_thread(self._ended)

    def _ended(self) -> None:
        try:
            self._process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            # stopped, or a disk that hangs: what it was doing is undone, or was committed
            self._process.kill()
            self._process.wait()

    def stop(self) -> None:
        """End the process after what it is doing: what was asked behind that is not done. Whoever waits for it waits no more."""
        if self.is_closed():
            return
        if not self._loop.is_closed():
            self._loop.remove_reader(self._channel)
            self._loop.remove_writer(self._channel)
        self._channel.close()
        while self._asked:
            self._tell([], sqlite3.OperationalError(CLOSED))

    @property
    def _connection(self) -> bool:
        # SQLAlchemy's dialect looks here whether there is anything to commit or to roll back
        return not self.is_closed()

    # --- requests and answers -----------------------------------------------------------------------------------------

    async def _do(self, request: Request, *given: Any) -> list[Any]:
        found, error = await self._answer(request, *given)
        if error is not None:
            raise error
        return found

    def _answer(self, request: Request, *given: Any) -> asyncio.Future[_Answer]:
        future: asyncio.Future[_Answer] = self._loop.create_future()
        if self.is_closed():
            future.set_result(([], sqlite3.OperationalError(CLOSED)))
            return future
        words = _packed((int(request), given))
        self._asked.append(future)
        self._send(LENGTH.pack(len(words)) + words)
        return future

    def _send(self, data: bytes) -> None:
        """Send at once what the socket takes: a transport would wait until all calls that are to leave now have left."""
        waiting = bool(self._unsent)
        self._unsent += data
        if not waiting:
            self._writable()

    def _writable(self) -> None:
        try:
            del self._unsent[: self._channel.send(self._unsent)]
        except BlockingIOError:
            pass
        except OSError:
            self.stop()
            return
        if self._unsent:
            self._loop.add_writer(self._channel, self._writable)
        else:
            self._loop.remove_writer(self._channel)

    def _readable(self) -> None:
        """Hand on each answer that has come whole."""
        try:
            part = self._channel.recv(READ)
        except BlockingIOError:
            return
        except OSError:
            part = b""
        if not part:
            self.stop()
            return
        self._came += part
        try:
            for answer in whole(self._came):
                self.in_transaction, found, error = marshal.loads(answer)  # noqa: S302 - from our own other end
                self._tell(found, pickle.loads(error) if error else None)  # noqa: S301 - from our own other end
        except BaseException:
            # the next answer would be taken for this one
            self.stop()
            raise

    def _tell(self, found: list[Any], error: Exception | None) -> None:
        future = self._asked.popleft()
        if not future.done():
            future.set_result((found, error))


class Cursor:
    """One statement and what it found: the first rows come with the answer, more where they are asked for, until something else is."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self.description: Sequence[tuple[Any, ...]] | None = None
        self.rowcount, self.lastrowid, self.arraysize = -1, 0, 1
        self._rows: Rows = []
        #: whether the process has more of them
        self._more = False

    async def __aenter__(self) -> Self:
        return self

    async def execute(self, words: str, given: Any = ()) -> None:
        """Run a statement."""
        await self._run(words, given, many=False)

    async def executemany(self, words: str, given: Any) -> None:
        """Run a statement for each of what is given."""
        await self._run(words, list(given), many=True)

    async def _run(self, words: str, given: Any, *, many: bool) -> None:
        names, self.rowcount, self.lastrowid, self._rows, self._more = await self._connection._do(Request.ASK, words, given, many)  # noqa: SLF001
        self.description = None if names is None else [(name, *[None] * 6) for name in names]

    async def fetchall(self) -> Rows:
        """Return what was found."""
        return await self.fetchmany(sys.maxsize)

    async def fetchmany(self, size: int | None = None) -> Rows:
        """Return so many of the rows that were found."""
        wanted = size or self.arraysize
        while self._more and len(self._rows) < wanted:
            rows, self._more = await self._connection._do(Request.MORE)  # noqa: SLF001
            self._rows += rows
        taken, self._rows = self._rows[:wanted], self._rows[wanted:]
        return taken

    async def close(self) -> None:
        """Nothing is left to be closed: the process forgets what was not asked for with its next statement."""


def _packed(request: Any) -> bytes:
    try:
        return marshal.dumps(request)
    except ValueError:
        return marshal.dumps(_plain(request))


def _plain(value: Any) -> Any:
    """Make plain words and numbers of those of ours that have names."""
    match value:
        case str():
            return str.__str__(value)
        case int():
            return int(value)
        case tuple() | list():
            return [_plain(each) for each in value]
        case dict():
            return {name: _plain(each) for name, each in value.items()}
    return value
