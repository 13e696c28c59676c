"""A provider that fails in every way, one after the other; then it heals, and its ledger tells who has none and who has two.

    python -m tests.faults.provider [--sends 200] [--seconds 6] [--at-once 4] [--only 'NAME+NAME'] [--seed 1]

Each fault has an installation of its own: people with a telephone and nothing else, a grave alert, a provider in a process of its own
(with a gate before it that fails below HTTP). The fault strikes every call for some seconds, then all is well. Wanted of each: nobody
lost, nobody with two in silence, nothing claimed without a copy, nothing unsettled 90 s after healing, and memory that stays.
"""

import argparse
import asyncio
import resource
import sys
import tempfile
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from channels.clock import monotonic
from relay.app import House, run
from relay.store import register, senders
from tests.faults.gate import Gate, Mode
from tests.faults.installation import Provider, Verdict, draft, found, judge, provider, running, settings, unsettled

#: seconds after healing within which every send has come to an end
HEALED = 90.0
#: bytes by which memory may grow
MEMORY = 50 << 20
#: seconds between looks
LOOK = 0.5


@dataclass(frozen=True, kw_only=True)
class Case:
    """One way to fail: orders for the provider, or a mode of the gate, and how the provider is set while it lasts."""

    orders: Sequence[Mapping[str, Any]] = ()
    gate: Mode = Mode.OPEN
    provider: Mapping[str, Any] = field(default_factory=dict)
    #: a person must start the sender again afterwards
    stops: bool = False


def _all(kind: str, **more: Any) -> Case:
    return Case(orders=[{"kind": kind, **more}])


BLIND = {"callback_loss": 1, "list_lag": [20, 20]}

CASES: dict[str, Case] = {
    "none": Case(),
    # below HTTP
    "connection refused": Case(gate=Mode.REFUSED),
    "black hole": Case(gate=Mode.SILENT),
    "half open": Case(gate=Mode.HALF_OPEN),
    "reset before the request": Case(gate=Mode.CUT_AT_ONCE),
    "reset in the request": Case(gate=Mode.CUT_IN_REQUEST),
    "reset after the request": Case(gate=Mode.CUT_BEFORE_ANSWER),
    "reset, and taken, nothing told": Case(gate=Mode.CUT_BEFORE_ANSWER, provider=BLIND),
    # errors
    "500": _all("error", status=500),
    "503": _all("error"),
    "503, and taken": _all("error_accepted"),
    "502 for some": _all("error", status=502, chance=0.3),
    "504 after a while": _all("stall", status=504, seconds=3),
    "401 in the middle": Case(orders=[{"kind": "unauthorised", "nth": [60]}], stops=True),
    # asked to wait
    "429, no Retry-After": _all("throttle", retry_after=None),
    "429, Retry-After 0": _all("throttle", retry_after=0),
    "429, Retry-After 3": _all("throttle", retry_after=3),
    "429, Retry-After a day": _all("throttle", retry_after=86_400),
    "429, Retry-After a date": _all("throttle", retry_after="Wed, 21 Oct 2026 07:28:00 GMT"),
    "429, Retry-After a date to come": _all("throttle", retry_after="Fri, 31 Dec 2066 23:59:59 GMT"),
    "429, Retry-After words": _all("throttle", retry_after="soon"),
    "429, Retry-After below nothing": _all("throttle", retry_after="-5"),
    "429, Retry-After without end": _all("throttle", retry_after="9" * 400),
    # answers that are none
    "redirect": _all("redirect"),
    "a page for people": _all("html"),
    "nothing in it": _all("empty"),
    "other JSON": _all("odd_json"),
    "truncated": _all("truncated"),
    "wrong id": _all("wrong_sid"),
    "repeated id": _all("repeated_sid"),
    "another's number": _all("foreign"),
    "a byte at a time": _all("trickle", seconds=0.05),
    "100 MB": _all("huge", megabytes=100, times=20),
    "slow": _all("slow", seconds=3),
    # while it cannot be asked
    "taken, and the list is down": Case(
        orders=[{"kind": "reset_accepted"}, {"kind": "error", "on": "list"}], provider={"callback_loss": 1}
    ),
    "not taken, and the list is down": Case(orders=[{"kind": "reset"}, {"kind": "error", "on": "list"}], provider={"callback_loss": 1}),
    "everything at once": Case(
        orders=[
            {"kind": kind, "chance": 0.15}
            for kind in ("error", "error_accepted", "throttle", "reset", "reset_accepted", "truncated", "html", "foreign")
        ],
        provider={"callback_loss": 0.5, "callback_repeat": 0.5, "callback_shuffle": 3, "list_lag": [0, 8]},
    ),
}


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What came of one fault."""

    verdict: Verdict
    #: seconds from healing until the last send had come to an end; infinite if some had not
    settled: float
    #: bytes that the house took more than before its first message, at most
    grown: int

    @property
    def good(self) -> bool:
        """Whether all that is wanted holds."""
        return self.verdict.good and not self.verdict.said and self.settled <= HEALED and self.grown <= MEMORY


async def play(folder: Path, case: Case, sends: int, seconds: float, seed: int) -> Outcome:
    """Let one fault strike an installation, heal it, wait until all is settled, and judge."""
    with provider(folder, seed=seed) as there:
        database = f"sqlite+aiosqlite:///{folder / 'budstikke.db'}"
        async with _behind_a_gate(there) as gate:
            town = await found(database, sends // 2)
            async with running(settings(database, f"http://127.0.0.1:{gate.port}")) as house, _memory() as memory:
                alert_id = await draft(house, town)
                await _strike(there, gate, case)
                await house.relay.release(town, alert_id, "Ola")
                await asyncio.sleep(seconds)
                await _heal(there, gate, case)
                settled = await _settled(house, town, alert_id, case)
                verdict = await judge(house.store, alert_id, there.accepted())
            return Outcome(verdict=verdict, settled=settled, grown=memory.most - memory.before)


@asynccontextmanager
async def _behind_a_gate(there: Provider) -> AsyncIterator[Gate]:
    place = urlsplit(there.url)
    gate = Gate(place.hostname or "", place.port or 0)
    await gate.start()
    try:
        yield gate
    finally:
        await gate.close()


async def _strike(there: Provider, gate: Gate, case: Case) -> None:
    if case.provider:
        await there.tell("POST", "settings", dict(case.provider))
    await there.tell("POST", "faults", [dict(order) for order in case.orders])
    if case.gate is not Mode.OPEN:
        await gate.become(case.gate)


async def _heal(there: Provider, gate: Gate, case: Case) -> None:
    await there.tell("DELETE", "faults")
    if case.gate is not Mode.OPEN:
        await gate.become(Mode.OPEN)


async def _start_again(house: House, town: int) -> None:
    """Do what the alarm asks a person to do."""
    async with house.store.read() as conn:
        stopped = [one for one in await senders.faring(conn, house.relay.clock.now(), town) if one.stopped]
    for one in stopped:
        async with house.store.write() as conn:
            await register.start_sender(conn, town, one.address, register.Stamp(by="Kari", at=house.relay.clock.now()))
        house.relay.pulse.ring()


async def _settled(house: House, town: int, alert_id: int, case: Case) -> float:
    """Return how many seconds it took until nothing was waiting, on its way or in doubt; infinite when it took too long."""
    begun = monotonic()
    while monotonic() - begun <= HEALED + 10:
        if case.stops:
            await _start_again(house, town)
        if not await unsettled(house.store, alert_id):
            return monotonic() - begun
        await asyncio.sleep(LOOK)
    return float("inf")


@dataclass(slots=True)
class _Memory:
    """Bytes that this process holds, as seen from time to time: the house and its gate, not the provider."""

    before: int
    most: int

    async def watch(self) -> None:
        while True:
            self.most = max(self.most, _held())
            await asyncio.sleep(LOOK / 5)


@asynccontextmanager
async def _memory() -> AsyncIterator[_Memory]:
    memory = _Memory(_held(), 0)
    watching = asyncio.create_task(memory.watch())
    try:
        yield memory
    finally:
        watching.cancel()


def _held() -> int:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize()


# --- by hand ------------------------------------------------------------------------------------------------------------

_TITLES = ("fault", "sends", "lost", "twice", "silent", "claimed", "said", "settled in", "memory")
_ROW = "{:<34}{:>7}{:>6}{:>7}{:>8}{:>9}{:>6}{:>12}{:>10}\n"


async def play_all(asked: argparse.Namespace) -> bool:
    """Play the faults, each in a process of its own and some at a time; print what came of each."""
    turns = asyncio.Semaphore(asked.at_once)
    good = await asyncio.gather(*(_in_a_process(name, asked, turns) for name in asked.only or CASES))
    sys.stdout.write(f"{sum(good)} of {len(good)} as wanted\n")
    return all(good)


async def _in_a_process(name: str, asked: argparse.Namespace, turns: asyncio.Semaphore) -> bool:
    words = ("--sends", asked.sends, "--seconds", asked.seconds, "--seed", asked.seed, "--here", "--only", name)
    async with turns:
        command = (sys.executable, "-m", "tests.faults.provider", *map(str, words))
        process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
        out, _ = await process.communicate()
    sys.stdout.write(out.decode())
    sys.stdout.flush()
    return process.returncode == 0


def _play_here(name: str, asked: argparse.Namespace) -> bool:
    with tempfile.TemporaryDirectory(prefix="budstikke-faults-") as folder:
        outcome = run(play(Path(folder), CASES[name], asked.sends, asked.seconds, asked.seed))
    found = outcome.verdict
    counts = (found.sends, found.lost, found.twice, found.unflagged, found.claimed, found.said)
    sys.stdout.write(_ROW.format(name, *counts, f"{outcome.settled:.1f} s", f"{outcome.grown >> 20} MiB"))
    return outcome.good


def main(arguments: list[str] | None = None) -> int:
    """Play the faults; return 1 if anything was not as wanted."""
    asked = _parser().parse_args(arguments)
    if asked.here:
        return int(not all(_play_here(name, asked) for name in asked.only or CASES))
    sys.stdout.write(_ROW.format(*_TITLES))
    sys.stdout.flush()
    return int(not asyncio.run(play_all(asked)))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="provider", description="Let a provider fail in every way, and judge by its ledger.")
    parser.add_argument("--sends", type=int, default=200)
    parser.add_argument("--seconds", type=float, default=6.0, help="how long the fault lasts")
    parser.add_argument("--at-once", type=int, default=4, help="how many faults are played side by side")
    parser.add_argument("--only", type=lambda text: text.split("+"), default=[], help="names with + between them")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--here", action="store_true", help="in this process, and without a head to the table")
    return parser


if __name__ == "__main__":
    sys.exit(main())
