"""Reads a trace by `strace -f -yy`: which bytes went to which file or connection, and in which order it came about.

A call of one thread may be cut in two by the calls of others. What it writes to a file counts when it has ended; what it writes to a
connection counts when it begins, since its first byte may have left by then; a sync counts when it has ended, for what had been written
when it began.
"""

import codecs
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

#: what is traced, by what it does
WRITES, SYNCS = frozenset({"pwrite64", "pwritev", "pwritev2"}), frozenset({"fsync", "fdatasync"})
SENDS, READS = frozenset({"sendto", "sendmsg", "write", "writev"}), frozenset({"recvfrom", "recvmsg", "read", "readv"})
CALLS = WRITES | SYNCS | SENDS | READS

_LINE = re.compile(r"^(?P<pid>\d+)\s+(?:<\.\.\. )?(?P<call>\w+)(?P<rest>(?:\(| resumed>).*)$", re.DOTALL)
_PLACE = re.compile(r"^\(\d+<(?P<place>TCP[^\]]*\]|[^<>]*)>")
_STRING = re.compile(r'"([^"\\]*(?:\\.[^"\\]*)*)"')
_AT = re.compile(r", (\d+)\)\s+= \d+")
_RETURNED = re.compile(r"\)\s+= (-?\d+)")
#: what a call returned, and where it wrote, stands in the last characters of its line
TAIL = 80
UNFINISHED, RESUMED = "<unfinished ...>", " resumed>"


@dataclass(frozen=True, slots=True)
class Call:
    """One moment of one call: its beginning or its end, in the order of the trace."""

    order: int
    moment: Literal["begins", "ends"]
    thread: str
    name: str
    #: the file's path, or "TCP:[ours->theirs]"
    place: str
    #: what strace prints behind the place
    rest: str

    @property
    def data(self) -> bytes:
        """The bytes that went through."""
        return b"".join(codecs.escape_decode(string.encode("latin-1"))[0] for string in _STRING.findall(self.rest))

    @property
    def offset(self) -> int:
        """Where in the file, in bytes."""
        found = _AT.search(self.rest[-TAIL:])
        return int(found[1]) if found else 0

    @property
    def returned(self) -> int:
        """What it returned, -1 where it failed or has not ended."""
        found = _RETURNED.search(self.rest[-TAIL:])
        return int(found[1]) if found else -1


def calls(lines: Iterable[str]) -> Iterator[Call]:
    """Yield the beginning and the end of every traced call, as they came about."""
    halves: dict[str, str] = {}
    for order, line in enumerate(lines):
        found = _LINE.match(line)
        if found is None or found["call"] not in CALLS:
            continue
        thread, name, rest = found["pid"], found["call"], found["rest"]
        if rest.startswith(RESUMED):
            whole = halves.pop(thread, "").rstrip() + rest.removeprefix(RESUMED)
            yield from _moment(order, "ends", thread, name, whole)
            continue
        ended = UNFINISHED not in rest
        yield from _moment(order, "begins", thread, name, rest)
        if ended:
            yield from _moment(order, "ends", thread, name, rest)
        else:
            halves[thread] = rest.partition(UNFINISHED)[0]


def _moment(order: int, moment: Literal["begins", "ends"], thread: str, name: str, text: str) -> Iterator[Call]:
    place = _PLACE.match(text)
    if place is not None:
        yield Call(order, moment, thread, name, place["place"], text[place.end() :])
