"""Starts `budstikke` in a tenth of a second: a process that has read the program once, and forks for every start.

    python -m tests.chaos.nursery     reads a line of JSON for each child, {"arguments": […], "env": {…}, "log": FILE}; prints its pid

Each child is a process of its own, with its own connections, files and memory; only the reading of the program is shared. What is killed
three hundred times in an evening would otherwise spend most of the evening importing. All children end with the nursery.
"""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Self


def main() -> None:
    """Fork for each line of the input, until it ends."""
    import relay.cli  # noqa: F401 - this is what the children need not do again

    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for the children: they leave no zombies
    children: list[int] = []
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            _live(json.loads(line))
        children.append(child)
        sys.stdout.write(f"{child}\n")
        sys.stdout.flush()
    for child in children:
        _kill(child)


def _live(asked: Mapping[str, object]) -> None:
    """Be the child, and never return."""
    import relay.cli

    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    log = os.open(str(asked["log"]), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    nothing = os.open(os.devnull, os.O_RDONLY)
    for file, place in ((nothing, 0), (log, 1), (log, 2)):
        os.dup2(file, place)
    os.environ.update(asked["env"])  # type: ignore[call-overload]
    sys.argv = ["budstikke", *asked["arguments"]]  # type: ignore[misc]
    code = 1
    try:
        relay.cli.main()
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 1
    finally:
        sys.stdout.flush()
        os._exit(code)


def _kill(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return


class Nursery:
    """The nursery, as a test holds it."""

    def __init__(self) -> None:
        command = [sys.executable, "-m", "tests.chaos.nursery"]
        own = {name: value for name, value in os.environ.items() if not name.startswith("BUDSTIKKE_")}
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=own)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.communicate()

    def start(self, arguments: Sequence[str], env: Mapping[str, str], log: Path) -> int:
        """Start `budstikke ARGUMENTS`, and return its pid."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps({"arguments": list(arguments), "env": dict(env), "log": str(log)}) + "\n")
        self._process.stdin.flush()
        return int(self._process.stdout.readline())


def writers_of(serve: int) -> list[int]:
    """Return the pids of what writes to SQLite for a process: one, or none while it starts another."""
    pids = Path(f"/proc/{serve}/task/{serve}/children").read_text().split()
    return [int(pid) for pid in pids if b"writer.py" in Path(f"/proc/{pid}/cmdline").read_bytes()]


def alive(pid: int) -> bool:
    """Whether a process has not ended; one that nobody has asked after yet has."""
    try:
        return ") Z " not in Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False


if __name__ == "__main__":
    main()
