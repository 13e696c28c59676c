"""`python -m messages.cap FILE …`: each file taken or refused, why, in which languages, how odd, and in how much processor time."""

import argparse
import importlib
import resource
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from messages.cap import CapRefused, Document, read


def main(arguments: Sequence[str]) -> int:
    """Lists the files and sums up. Exit code 0: every file was judged, whether taken or refused."""
    parser = argparse.ArgumentParser(prog="python -m messages.cap", description="Judge CAP files one by one.")
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE")
    files: list[Path] = parser.parse_args(arguments).files
    importlib.import_module("messages.cap.verifier")  # once per process, so that no single file pays for it
    before = _peak_mib()
    judged = [_judge(path) for path in files]
    taken = sum(one for one, _ in judged)
    sys.stdout.write(
        f"{taken} taken, {len(files) - taken} refused; slowest {max(ms for _, ms in judged):.0f} ms,"
        f" memory grew by {_peak_mib() - before:.0f} MiB\n"
    )
    return 0


def _judge(path: Path) -> tuple[bool, float]:
    data = path.read_bytes()
    start = time.process_time()
    try:
        verdict, taken = _describe(read(data)), True
    except CapRefused as refusal:
        verdict, taken = f"{refusal.why.name}: {refusal.words}", False
    spent = (time.process_time() - start) * 1000
    sys.stdout.write(f"{'taken  ' if taken else 'REFUSED'} {spent:6.1f} ms  {path.name}  {verdict}\n")
    return taken, spent


def _describe(document: Document) -> str:
    languages = sorted({info.language for alert in document.alerts for info in alert.infos})
    flags = sorted({flag.kind.name for alert in document.alerts for flag in alert.flags})
    signatures = sorted({alert.signature.evidence.value for alert in document.alerts} - {"none"})
    held = f"{document.carrier}: {len(document.alerts)} alerts, {len(document.links)} links"
    refused = "; ".join(f"refused inside: {refusal.words}" for refusal in document.refused)
    parts = (held, ", ".join(languages), " ".join(flags), " ".join(f"signature {word}" for word in signatures), refused)
    return " | ".join(part for part in parts if part)


def _peak_mib() -> float:
    """The largest memory this process has had, in MiB (Linux counts kilobytes, macOS bytes)."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (2**20 if sys.platform == "darwin" else 2**10)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
