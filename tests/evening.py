"""An evening of the demo, started as a person would start it: a process of its own, its state in a folder."""

import asyncio
import json
import os
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from relay.town import Town, town
from tests.chaos.judge import Record, record_of
from tests.recount import Book, book_of

BUDSTIKKE = Path(sys.executable).with_name("budstikke")
#: seconds of the wall for a small evening, on a busy machine
PATIENCE = 400


@dataclass(frozen=True, kw_only=True)
class Evening:
    """One demo and everything it leaves behind."""

    state: Path
    people: int = 60
    seed: int = 1
    #: SQLAlchemy URL; "" is a SQLite file of the demo's own
    database: str = ""

    @property
    def town(self) -> Town:
        """Who takes part."""
        return town(self.people, self.seed)

    @property
    def ledger(self) -> Path:
        """The provider's book."""
        return self.state / "ledger.jsonl"

    def book(self) -> Book:
        """Read the provider's book."""
        return book_of(self.ledger, self.town)

    def record(self) -> Record:
        """What each copy was sent for, by the product's own rows."""
        return asyncio.run(record_of(self.database or f"sqlite+aiosqlite:///{self.state / 'budstikke.db'}"))

    def start(self) -> "subprocess.Popen[str]":
        """Start or continue the demo; it prints its JSON and ends when the plan has settled."""
        self.state.mkdir(parents=True, exist_ok=True)
        asked = ["--exit", "--json", "--state", str(self.state), "--people", str(self.people), "--seed", str(self.seed)]
        asked += ["--database", self.database] if self.database else []
        own = {name: value for name, value in os.environ.items() if not name.startswith("BUDSTIKKE_")}
        with (self.state / "demo.log").open("ab") as log:
            return subprocess.Popen([BUDSTIKKE, "demo", *asked], stdout=subprocess.PIPE, stderr=log, text=True, env=own)

    def play(self, seconds: float = PATIENCE) -> dict[str, Any]:
        """Start or continue the demo, and return what it printed at its end."""
        return self.printed(self.start(), seconds)

    def printed(self, demo: "subprocess.Popen[str]", seconds: float = PATIENCE) -> dict[str, Any]:
        """Wait for the end of `demo`, and return what it printed. Raises AssertionError with its complaint if it went wrong."""
        with demo:
            try:
                out, _ = demo.communicate(timeout=seconds)
            finally:
                demo.kill()
        assert demo.returncode == 0, f"exit code {demo.returncode}: {(self.state / 'demo.log').read_text()[-2000:]}"
        reach: dict[str, Any] = json.loads(out)
        return reach

    def end_provider(self) -> None:
        """End the sandbox that a killed demo has left running."""
        ready = self.state / "sandbox.json"
        pid = json.loads(ready.read_text())["pid"] if ready.exists() else 0
        command = Path(f"/proc/{pid}/cmdline")
        if command.exists() and str(self.ledger).encode() in command.read_bytes():
            os.kill(pid, signal.SIGTERM)
