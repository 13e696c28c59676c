"""Counts the ledger, so that the product's figures can be compared with what really went out.

`python -m channels.sandbox.recount LEDGER [--json] [--numbers]`
"""

import argparse
import json
import sys
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from channels.sandbox.ledger import Entry, Event, LedgerDamaged, read

#: final words of a status, best last
RANK = ("accepted", "scheduled", "queued", "sending", "sent", "canceled", "failed", "undelivered", "delivered", "read")
DELIVERED = frozenset({"delivered", "read"})
FAILED = frozenset({"failed", "undelivered"})


@dataclass(slots=True)
class Copy:
    """One copy of a message, and the best that is known of it."""

    entry: Entry
    status: str
    code: int = 0


def copies(entries: Iterable[Entry]) -> dict[str, Copy]:
    """Return every copy in the ledger: each accepted message, by id; mails that came twice count twice."""
    found: dict[str, Copy] = {}
    for entry in entries:
        if entry.event is Event.ACCEPTED:
            key = entry.id if entry.channel != "email" else f"{entry.id} {entry.n}"
            found[key] = Copy(entry, entry.status)
        elif entry.event is Event.STATUS and entry.id in found:
            copy = found[entry.id]
            if RANK.index(entry.status) >= RANK.index(copy.status):
                copy.status, copy.code = entry.status, entry.code
    return found


def recount(entries: Iterable[Entry]) -> dict[str, object]:
    """Return the counts: per channel, per number, and of everything else that happened."""
    facts = list(entries)
    found = copies(facts)
    return {
        "channels": {name: dict(count) for name, count in sorted(_per_channel(found.values(), facts).items())},
        "numbers": {number: dict(count) for number, count in sorted(_per_number(found.values()).items())},
        "events": dict(sorted(Counter(entry.event.value for entry in facts).items())),
        "refused": dict(sorted(Counter(str(entry.code) for entry in facts if entry.event is Event.REFUSED).items())),
        "faults": dict(sorted(Counter(entry.note for entry in facts if entry.event is Event.FAULT).items())),
    }


def _per_channel(found: Iterable[Copy], facts: Iterable[Entry]) -> Mapping[str, Counter[str]]:
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    for copy in found:
        counts[copy.entry.channel].update(_kinds(copy))
    for entry in facts:
        if entry.event is Event.INBOUND:
            counts[entry.channel]["inbound"] += 1
        if entry.event is Event.REFUSED and entry.channel:
            counts[entry.channel]["refused"] += 1
    return counts


def _kinds(copy: Copy) -> dict[str, int]:
    delivered, failed = copy.status in DELIVERED, copy.status in FAILED
    return {"sent": 1, "delivered": int(delivered), "failed": int(failed), "segments": copy.entry.segments}


def _per_number(found: Iterable[Copy]) -> Mapping[str, Counter[str]]:
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    for copy in found:
        counts[copy.entry.to][copy.entry.channel] += 1
    return counts


def main(arguments: list[str] | None = None) -> int:
    """Print the counts of a ledger; return the exit code (2: there is no such ledger, or it is damaged)."""
    parser = argparse.ArgumentParser(prog="recount", description="Count what the sandbox's ledger holds.")
    parser.add_argument("ledger", type=Path)
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--numbers", action="store_true", help="print each number as well")
    asked = parser.parse_args(arguments)
    try:
        counts = recount(read(asked.ledger))
    except (OSError, LedgerDamaged) as why:
        sys.stderr.write(f"recount: {why}\n")
        return 2
    sys.stdout.write((json.dumps(counts, indent=1) if asked.json else _as_text(counts, numbers=asked.numbers)) + "\n")
    return 0


def _as_text(counts: Mapping[str, object], *, numbers: bool) -> str:
    lines = []
    for title, table in counts.items():
        if isinstance(table, dict) and (numbers or title != "numbers"):
            lines.append(f"{title}:")
            lines += [f"  {name:<24} {_row(row)}" for name, row in table.items()]
    return "\n".join(lines)


def _row(row: object) -> str:
    return "  ".join(f"{name} {value}" for name, value in row.items()) if isinstance(row, dict) else str(row)


if __name__ == "__main__":
    sys.exit(main())
