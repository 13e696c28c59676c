"""The ledger: what the provider in the house did, one JSON line per fact, never changed afterwards. It judges every test.

An `accepted` line is on disk before the sender hears about it. Times are emulated; `n` is the order in which things became facts.
"""

import asyncio
import json
import os
import threading
from collections import Counter
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, fields
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Any, TypedDict, Unpack

from channels.clock import Clock

#: seconds that a line which nobody waits for may stay in memory
LAZY = 0.05
#: seconds in which the lines of other requests may join a group that is about to be written
GATHER = 0.001


class Event(StrEnum):
    """The vocabulary of the ledger; beside each word the facts that come with it (every line has n, at, event)."""

    STARTED = "started"  # the sandbox is up: note = account
    PERSON = "person"  # somebody with a character: to = number or mailbox, payload = their description as JSON
    ACCEPTED = "accepted"  # ONE COPY: channel id to sender body token status segments url | e-mail: subject html headers envelope
    REFUSED = "refused"  # a request or mail turned down: channel to sender body token code http note
    FAULT = "fault"  # an ordered fault was played: note = kind, to, id if the message was accepted all the same
    STATUS = "status"  # id to sender token status code
    CALLBACK = "callback"  # one status callback was answered: id to token status http url; http 0: not answered, note = why
    DROPPED = "dropped"  # one status callback was lost on purpose: id to token status
    SHOWN = "shown"  # the message stands on the person's screen: id channel to sender
    INBOUND = "inbound"  # somebody wrote: channel id sender to body payload reply_to
    HANDED = "handed"  # one delivery of an inbound: id sender to http url; http 0: not answered, note = why
    CANCELED = "canceled"  # id to
    REDACTED = "redacted"  # id to
    DELETED = "deleted"  # id to
    OPTED_OUT = "opted_out"  # sender = our number, to = theirs
    OPTED_IN = "opted_in"  # as above
    TEMPLATE = "template"  # id, body = the resource as JSON, status = approval


class Facts(TypedDict, total=False):
    """What a line may say besides its number, time and event. Empty values are left out of the file."""

    channel: str
    id: str
    to: str
    sender: str
    body: str
    token: str
    status: str
    code: int
    url: str
    http: int
    note: str
    payload: str
    reply_to: str
    segments: int
    subject: str
    html: str
    envelope: str
    headers: Mapping[str, str]
    buttons: list[list[str]]
    service: str
    valid_for: int
    media: list[str]
    template: str
    due: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One line of the ledger, as read back."""

    n: int
    at: datetime
    event: Event
    #: "sms", "whatsapp", "email"
    channel: str = ""
    #: the provider's id: SM…, MM…, or a Message-ID
    id: str = ""
    #: whom the message is to, without "whatsapp:"
    to: str = ""
    sender: str = ""
    body: str = ""
    #: last part of the status callback's path; for mail what stands behind "+" in the envelope's sender
    token: str = ""
    status: str = ""
    code: int = 0
    url: str = ""
    http: int = 0
    note: str = ""
    payload: str = ""
    reply_to: str = ""
    segments: int = 0
    subject: str = ""
    html: str = ""
    envelope: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    #: (title, payload) of each quick reply
    buttons: tuple[tuple[str, str], ...] = ()
    service: str = ""
    valid_for: int = 0
    media: tuple[str, ...] = ()
    #: id of the template that the text was rendered from
    template: str = ""
    #: when a scheduled message is to leave
    due: datetime | None = None


_JSON = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
_KNOWN = frozenset(each.name for each in fields(Entry))


class LedgerDamaged(ValueError):
    """The ledger holds a line that is no ledger line."""


def read(path: Path | str) -> list[Entry]:
    """Return the facts in `path`, in order; an unfinished last line is none. Raises LedgerDamaged, OSError."""
    *lines, _unfinished = Path(path).read_bytes().split(b"\n")
    return [_entry(number, line) for number, line in enumerate(lines, 1)]


def _entry(number: int, line: bytes) -> Entry:
    try:
        facts = json.loads(line)
        facts["at"] = datetime.fromisoformat(facts["at"])
        facts["due"] = datetime.fromisoformat(facts["due"]) if "due" in facts else None
        facts["event"] = Event(facts["event"])
        facts["buttons"] = tuple((title, payload) for title, payload in facts.get("buttons", ()))
        facts["media"] = tuple(facts.get("media", ()))
        return Entry(**{name: value for name, value in facts.items() if name in _KNOWN})
    except (ValueError, KeyError, TypeError) as why:
        raise LedgerDamaged(f"line {number} of the ledger is damaged: {why}") from why


class Ledger:
    """Writes the ledger; lines of one moment share one fsync."""

    def __init__(self, path: Path | str, clock: Clock) -> None:
        """Open `path` for appending. An unfinished last line, which nobody was told about, is cut off. Raises OSError."""
        self.path = Path(path)
        self._clock = clock
        self._file = os.open(self.path, os.O_CREAT | os.O_RDWR | os.O_APPEND, 0o600)
        self.count = self._mend()
        #: how many of each were written by this process
        self.counts: Counter[Event] = Counter()
        self._lines: list[bytes] = []
        self._lock = threading.Lock()
        #: held for a moment, never over a write: or a line might be added to those that have just been taken to the file
        self._handing_over = threading.Lock()
        self._thread = ThreadPoolExecutor(1, "ledger")
        self._group: asyncio.Future[None] | None = None
        self._flush: asyncio.Task[None] | None = None
        self._later: asyncio.TimerHandle | None = None

    def write(self, event: Event, at: datetime | None = None, **facts: Unpack[Facts]) -> None:
        """Note a fact. It is on disk soon; await `commit` where somebody is told about it."""
        self.count += 1
        self.counts[event] += 1
        line: dict[str, Any] = {"n": self.count, "at": (at or self._clock.now()).isoformat(), "event": event.value}
        line.update((name, value) for name, value in facts.items() if value)
        written = _JSON(line).encode("utf-8", "surrogatepass") + b"\n"
        with self._handing_over:
            self._lines.append(written)
        if self._later is None:
            self._later = asyncio.get_running_loop().call_later(LAZY, self._write_lazily)

    async def commit(self) -> None:
        """Return when everything written so far is on disk. Raises OSError."""
        if self._group is None:
            self._group = asyncio.get_running_loop().create_future()
        group = self._group
        if self._flush is None:
            self._flush = asyncio.create_task(self._flush_groups())
        await asyncio.shield(group)

    def write_out(self) -> None:
        """Hand what is still in memory to the file, for readers; `commit` is what makes it safe."""
        self._put(sync=False)

    def entries(self, *events: Event) -> list[Entry]:
        """Return all facts so far, or those of `events`. For tests and reports, not for the fast path."""
        self.write_out()
        return [entry for entry in read(self.path) if not events or entry.event in events]

    async def close(self) -> None:
        """Write what is left, and let go of the file."""
        await self.commit()
        if self._later is not None:
            self._later.cancel()
        self._thread.shutdown()
        os.close(self._file)

    def _mend(self) -> int:
        whole = self.path.read_bytes()
        end = whole.rfind(b"\n") + 1
        if end < len(whole):
            os.ftruncate(self._file, end)
        return whole.count(b"\n")

    def _write_lazily(self) -> None:
        self._later = None
        self._put(sync=False)

    async def _flush_groups(self) -> None:
        while self._group is not None:
            await asyncio.sleep(GATHER)
            group, self._group = self._group, None
            try:
                await asyncio.get_running_loop().run_in_executor(self._thread, self._put, True)
            except OSError as why:
                group.set_exception(why)
            else:
                group.set_result(None)
        self._flush = None

    def _put(self, sync: bool) -> None:  # noqa: FBT001 - private
        with self._lock:
            with self._handing_over:
                lines, self._lines = self._lines, []
            if lines:
                _write_all(self._file, b"".join(lines))
            if sync:
                os.fdatasync(self._file)


def _write_all(file: int, data: bytes) -> None:
    while data:
        data = data[os.write(file, data) :]
