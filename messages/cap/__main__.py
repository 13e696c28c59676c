"""`python -m messages.cap FILE …`: each file taken or refused, why, in which languages, how odd, and in how much processor time.

With `--index INDEX.tsv` the files of a collection whose validity by the schema of CAP 1.2 is known: columns `file` and `xsd_lxml`.
"""

import argparse
import csv
import importlib
import resource
import sys
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from messages.cap import CapRefused, Document, read

#: a document that loads what is loaded once per process, so that no single file pays for it
_SMALLEST = b"<alert xmlns='urn:oasis:names:tc:emergency:cap:1.2'/>"


@dataclass(frozen=True, slots=True)
class Judged:
    """One file: whether it was taken, after how many milliseconds of processor time; valid by the standard's schema, None if unknown."""

    taken: bool
    milliseconds: float
    valid: bool | None = None


def main(arguments: Sequence[str]) -> int:
    """Lists the files and sums up. Exit code 1: a file that is valid by the index was refused."""
    parser = argparse.ArgumentParser(prog="python -m messages.cap", description="Judge CAP files one by one.")
    parser.add_argument("files", nargs="*", type=Path, metavar="FILE")
    parser.add_argument("--index", type=Path, metavar="INDEX.tsv", help="judge the files that it lists, against what it says of them")
    given = parser.parse_args(arguments)
    listed = _listed(given.index) if given.index else {}
    files: list[Path] = [*given.files, *listed]
    if not files:
        parser.error("name files, or an --index")
    _warm_up()
    before = _peak_mib()
    judged = [_judge(path, valid=listed.get(path)) for path in files]
    _sum_up(judged, _peak_mib() - before)
    return 1 if any(one.valid and not one.taken for one in judged) else 0


def _listed(index: Path) -> dict[Path, bool]:
    """The files of an index, and whether the standard's own schema takes them (alone, or as what a feed carries)."""
    with index.open(encoding="utf-8", newline="") as file:
        return {index.parent / row["file"]: row["xsd_lxml"].startswith("yes") for row in csv.DictReader(file, delimiter="\t")}


def _warm_up() -> None:
    importlib.import_module("messages.cap.verifier")
    try:
        read(_SMALLEST)
    except CapRefused:
        return


def _judge(path: Path, *, valid: bool | None) -> Judged:
    data = path.read_bytes()
    start = time.process_time()
    try:
        verdict, taken = _describe(read(data)), True
    except CapRefused as refusal:
        verdict, taken = f"{refusal.why.name}: {refusal.words}", False
    spent = (time.process_time() - start) * 1000
    known = {True: "valid    ", False: "not valid", None: ""}[valid]
    sys.stdout.write(f"{known}{'  ' * bool(known)}{'taken  ' if taken else 'REFUSED'} {spent:6.1f} ms  {path.name}  {verdict}\n")
    return Judged(taken, spent, valid)


def _sum_up(judged: Sequence[Judged], mib: float) -> None:
    counts = Counter((one.valid, one.taken) for one in judged)
    for valid, name in ((True, "valid by the schema of CAP 1.2"), (False, "not valid, or no CAP 1.2")):
        if taken_or_not := counts[valid, True] + counts[valid, False]:
            sys.stdout.write(f"{name}: {taken_or_not}, of which {counts[valid, True]} taken, {counts[valid, False]} refused\n")
    taken = sum(one.taken for one in judged)
    slowest = max(one.milliseconds for one in judged)
    sys.stdout.write(f"{taken} taken, {len(judged) - taken} refused; slowest {slowest:.0f} ms, memory grew by {mib:.0f} MiB\n")


def _describe(document: Document) -> str:
    languages = sorted({info.language for alert in document.alerts for info in alert.infos})
    flags = sorted({flag.kind.name for alert in document.alerts for flag in alert.flags})
    signatures = sorted({alert.signature.evidence.value for alert in document.alerts} - {"none"})
    held = f"{document.carrier}: {len(document.alerts)} alerts, {len(document.links)} links"
    refused = "; ".join(f"refused inside: {refusal.words}" for refusal in document.refused)
    parts: Iterable[str] = (held, ", ".join(languages), " ".join(flags), " ".join(f"signature {word}" for word in signatures), refused)
    return " | ".join(part for part in parts if part)


def _peak_mib() -> float:
    """The largest memory this process has had, in MiB (Linux counts kilobytes, macOS bytes)."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (2**20 if sys.platform == "darwin" else 2**10)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
