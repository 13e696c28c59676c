"""The demo's provider: the sandbox as a process of its own, which outlives a demo that is killed."""

import asyncio
import contextlib
import json
import os
import signal
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Self

import aiohttp

from relay.model import NotReady
from relay.town import Phone

#: seconds for the sandbox to come up
PATIENCE = 20.0
#: seconds between accepted, sent, delivered and read: quick enough to watch
LIFE = {"sent_after": [0.02, 0.2], "delivered_after": [0.1, 1.0], "read_after": [1.0, 20.0]}


@dataclass(frozen=True, slots=True, kw_only=True)
class Provider:
    """A sandbox that runs, and its control address."""

    url: str
    smtp_host: str
    smtp_port: int
    account: str
    ledger: Path
    pid: int
    session: aiohttp.ClientSession
    #: none where an earlier demo had started it
    process: asyncio.subprocess.Process | None = None

    @classmethod
    async def open(cls, folder: Path, phones: Sequence[Phone], *, seed: int, start: datetime) -> Self:
        """Find the sandbox of an earlier demo in `folder`, or start one."""
        session = aiohttp.ClientSession()
        process = None
        try:
            ready = await _running(folder, session)
            if ready is None:
                ready, process = await _start(folder, phones, seed, start)
        except BaseException:
            await session.close()
            raise
        host, _, port = ready["smtp"].rpartition(":")
        return cls(
            url=ready["url"],
            smtp_host=host,
            smtp_port=int(port),
            account=ready["account"],
            ledger=folder / "ledger.jsonl",
            pid=ready["pid"],
            session=session,
            process=process,
        )

    async def ask(self, path: str, body: object | None = None) -> Any:
        """Ask the control API: GET without a body, POST with one."""
        method = "GET" if body is None else "POST"
        async with self.session.request(method, f"{self.url}/sandbox/{path}", json=body) as answer:
            return await answer.json()

    async def now(self) -> datetime:
        """Return the time of its clock, which goes on while a demo is dead."""
        return datetime.fromisoformat((await self.ask("clock"))["now"])

    async def close(self) -> None:
        """End the sandbox: its ledger stays."""
        await self.session.close()
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGTERM)
        if self.process is not None:
            await self.process.wait()
            return
        for _ in range(100):
            if not _alive(self.pid):
                return
            await asyncio.sleep(0.05)


async def _running(folder: Path, session: aiohttp.ClientSession) -> dict[str, Any] | None:
    """Return what a sandbox in `folder` said when it came up, if it is still there."""
    file = folder / "sandbox.json"
    if not file.exists():
        return None
    ready: dict[str, Any] = json.loads(file.read_text())
    try:
        async with session.get(f"{ready['url']}/sandbox/clock") as answer:
            state = await answer.json()
    except (aiohttp.ClientError, ValueError):
        return None
    return ready if state["ledger"] == str(folder / "ledger.jsonl") else None


async def _start(folder: Path, phones: Sequence[Phone], seed: int, start: datetime) -> tuple[dict[str, Any], asyncio.subprocess.Process]:
    write_whole(folder / "phones.json", json.dumps([asdict(phone) for phone in phones], ensure_ascii=False))
    command = ["--port", "0", "--ledger", str(folder / "ledger.jsonl"), "--phones", str(folder / "phones.json")]
    command += ["--seed", str(seed), "--start", start.isoformat()]
    command += [word for name, span in LIFE.items() for word in ("--set", f"{name}={json.dumps(span)}")]
    with (folder / "sandbox.log").open("ab") as log:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "channels.sandbox", *command, stdout=asyncio.subprocess.PIPE, stderr=log, start_new_session=True
        )
    assert process.stdout is not None  # noqa: S101 - a pipe was asked for
    try:
        line = await asyncio.wait_for(process.stdout.readline(), PATIENCE)
    except TimeoutError:
        line = b""
    if not line:
        raise NotReady(f"The emulated phones did not start. Look in {folder / 'sandbox.log'}.")
    ready: dict[str, Any] = json.loads(line) | {"pid": process.pid}
    write_whole(folder / "sandbox.json", json.dumps(ready))
    return ready, process


def write_whole(file: Path, text: str) -> None:
    """Write a file for our eyes only, whole or not at all: a demo may be killed at any moment."""
    draft = file.with_suffix(".draft")
    draft.touch(mode=0o600)
    draft.write_text(text)
    draft.replace(file)


def _alive(pid: int) -> bool:
    with contextlib.suppress(ChildProcessError):
        os.waitpid(pid, os.WNOHANG)
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
