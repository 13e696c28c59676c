"""An installation as it is run: a database, a provider of its own, and `budstikke` processes that can be killed, stopped and started."""

import asyncio
import json
import os
import random
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

import aiohttp

from channels.base import Pace
from channels.clock import SystemClock
from channels.sandbox.house import ACCOUNT, AUTH_TOKEN
from messages.form import Medium
from relay import reach as numbers
from relay.app import House, open_house
from relay.model import NotReady
from relay.settings import Settings
from relay.store import schema, sealing
from relay.store.engine import Store
from relay.store.register import NewSender, Stamp
from relay.store.towns import load_town
from relay.town import Person, Town, Way, demo_alert, town
from tests.chaos.judge import Judgement, Record, judge, record_of
from tests.chaos.nursery import Nursery, alive
from tests.recount import Book, book_of

HERE = "127.0.0.1"
#: what people do with a message: most answer, some never do
CHARACTERS = ("reader", "reader", "helper", "helper", "silent")
#: a provider as it is: from accepted to sent to delivered, in seconds
LIFE = {"sent_after": [0.02, 0.5], "delivered_after": [0.1, 2.0]}
#: seconds for a process to come up
PATIENCE = 60.0

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What kind of installation it is."""

    folder: Path
    #: "" is a SQLite file in the folder
    database: str = ""
    people: int = 100
    seed: int = 1
    #: messages that leave in a second at most, of about so many SMS segments each
    rate: float = 1000.0
    segments: int = 3
    #: seconds until people answer; none given: as their character does
    delay: tuple[float, float] | None = None
    #: the provider's own settings: channels.sandbox.world.Settings
    provider: Mapping[str, object] = field(default_factory=dict)
    #: the product's: BUDSTIKKE_…
    settings: Mapping[str, str] = field(default_factory=dict)


class Installation:
    """One installation; everything that it leaves behind is in its folder."""

    def __init__(self, plan: Plan, nursery: Nursery) -> None:
        plan.folder.mkdir(parents=True, exist_ok=True)
        self.plan, self.nursery = plan, nursery
        self.municipality_id = self.alert_id = 0
        #: pid -> what was started
        self.processes: dict[int, tuple[str, ...]] = {}
        self._provider: subprocess.Popen[str] | None = None
        #: how far the ledger is read, and what was accepted until there
        self._read_to = self._accepted = 0

    # --- what it is made of ---------------------------------------------------------------------------------------------

    @property
    def ledger(self) -> Path:
        """The provider's book."""
        return self.plan.folder / "ledger.jsonl"

    @property
    def database(self) -> str:
        """The database's address."""
        return self.plan.database or f"sqlite+aiosqlite:///{self.plan.folder / 'budstikke.db'}"

    @cached_property
    def town(self) -> Town:
        """Who lives here: people with a telephone each, in two languages, and names that nobody shares."""
        dice, pattern = random.Random(self.plan.seed), town(60)
        groups = tuple(group for group in pattern.groups if group.language in ("nb", "so"))
        people = tuple(_person(key, dice, pattern.people[0]) for key in range(1, self.plan.people + 1))
        return replace(pattern, groups=groups, people=people)

    def book(self) -> Book:
        """Read the provider's book."""
        return book_of(self.ledger, self.town)

    @cached_property
    def environment(self) -> dict[str, str]:
        """What the processes are told; kept, so that an evening can be gone on with."""
        file = self.plan.folder / "environment.json"
        if not file.exists():
            file.write_text(json.dumps(self._environment()))
        told: dict[str, str] = json.loads(file.read_text())
        return told

    def _environment(self) -> dict[str, str]:
        port = free_port()
        return {
            "BUDSTIKKE_DATABASE_URL": self.database,
            "BUDSTIKKE_LISTEN_PORT": str(port),
            "BUDSTIKKE_PUBLIC_BASE_URL": f"http://{HERE}:{port}",
            "BUDSTIKKE_ENCRYPTION_KEY": sealing.make_key(),
            "BUDSTIKKE_LOOKUP_KEY": sealing.make_key(),
            "BUDSTIKKE_TWILIO_ACCOUNT_SID": ACCOUNT,
            "BUDSTIKKE_TWILIO_AUTH_TOKEN": AUTH_TOKEN,
            "BUDSTIKKE_TWILIO_BASE_URL": f"http://{HERE}:{free_port()}",
            "BUDSTIKKE_LOG_LEVEL": "warning",
            **{f"BUDSTIKKE_{name.upper()}": value for name, value in self.plan.settings.items()},
        }

    @cached_property
    def settings(self) -> Settings:
        """The same, as the product reads it."""
        told: dict[str, Any] = {name.removeprefix("BUDSTIKKE_").lower(): value for name, value in self.environment.items()}
        return Settings(_env_file=None, **told)

    # --- its processes ----------------------------------------------------------------------------------------------------

    def start(self, *arguments: str) -> int:
        """Start `budstikke ARGUMENTS`; return its pid."""
        pid = self.nursery.start(arguments, self.environment, self.plan.folder / "budstikke.log")
        self.processes[pid] = arguments
        return pid

    def kill(self, pid: int) -> tuple[str, ...]:
        """Kill a process as a power cut would; return what it was."""
        os.kill(pid, signal.SIGKILL)
        wait_for(lambda: not alive(pid), "the end of a killed process")
        return self.processes.pop(pid)

    def end(self, pid: int, seconds: float = PATIENCE) -> float:
        """Ask a process to end in order; return how many seconds that took."""
        begun = time.monotonic()
        os.kill(pid, signal.SIGTERM)
        wait_for(lambda: not alive(pid), "a process that was asked to end", seconds)
        self.processes.pop(pid)
        return time.monotonic() - begun

    def end_work(self) -> None:
        """End the processes, so that the database can be asked in peace; the provider stays."""
        for pid in list(self.processes):
            if alive(pid):
                self.kill(pid)

    def end_all(self) -> None:
        """End everything that is left."""
        self.end_work()
        if self._provider is not None:
            self._provider.terminate()
            self._provider.communicate()
            self._provider = None

    def start_provider(self) -> None:
        """Start the provider, or go on with its ledger."""
        folder = self.plan.folder
        phones = [asdict(phone) | {"delay": self.plan.delay} for phone in self.town.phones()]
        (folder / "phones.json").write_text(json.dumps(phones))
        base = self.environment["BUDSTIKKE_TWILIO_BASE_URL"]
        inbound = f"{self.environment['BUDSTIKKE_PUBLIC_BASE_URL']}/hooks/twilio/inbound"
        told = {**LIFE, "inbound_url": inbound, **self.plan.provider}
        command = [sys.executable, "-m", "channels.sandbox", "--port", base.rpartition(":")[2], "--ledger", str(self.ledger)]
        command += ["--phones", str(folder / "phones.json"), "--seed", str(self.plan.seed)]
        command += [word for name, value in told.items() for word in ("--set", f"{name}={json.dumps(value)}")]
        with (folder / "provider.log").open("ab") as log:
            self._provider = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True)
        assert self._provider.stdout is not None
        assert self._provider.stdout.readline(), (folder / "provider.log").read_text()[-2000:]

    def tell_provider(self, method: str, path: str, body: object = None) -> None:
        """Ask something of the provider's control."""
        url = f"{self.environment['BUDSTIKKE_TWILIO_BASE_URL']}/sandbox/{path}"

        async def tell() -> None:
            async with aiohttp.ClientSession() as session, session.request(method, url, json=body) as answer:
                answer.raise_for_status()

        asyncio.run(tell())

    def accepted(self) -> int:
        """How many messages the provider has taken."""
        if self.ledger.exists():
            with self.ledger.open("rb") as book:
                book.seek(self._read_to)
                whole, end, _ = book.read().rpartition(b"\n")
            self._read_to += len(whole) + len(end)
            self._accepted += whole.count(b'"event":"accepted"')
        return self._accepted

    def log(self) -> str:
        """What the processes said last."""
        file = self.plan.folder / "budstikke.log"
        return file.read_text()[-3000:] if file.exists() else ""

    # --- what is in it ----------------------------------------------------------------------------------------------------

    def furnish(self) -> None:
        """Make the tables, and put the town into the register."""

        async def inside() -> None:
            store = await Store.open(self.database)
            await schema.upgrade(store)
            await store.close()
            async with open_house(self.settings, dispatches=False) as house, house.store.write() as conn:
                segments = self.plan.rate * self.plan.segments
                pace = Pace(segments, max(1.0, segments / 10))
                sender = NewSender(
                    medium=Medium.SMS, address=self.town.senders[Medium.SMS], provider="twilio_sms", account="twilio", pace=pace
                )
                self.municipality_id = await load_town(conn, self.town, [sender], Stamp(by="Kari", at=SystemClock().now()))

        asyncio.run(inside())

    def release(self) -> None:
        """Write an alert, and let it out to everybody."""
        self.draft()
        self.let_out()

    def draft(self) -> None:
        """Write an alert and approve it. The provider must be up: the ledger's first line is the alert's time."""

        async def inside(house: House) -> None:
            [taken] = await house.relay.take(self.municipality_id, demo_alert(self.book().entries[0].at), "Kari")
            await house.relay.approve(self.municipality_id, taken.alert_id, "Ola")
            self.alert_id = taken.alert_id

        self.ask(inside)

    def let_out(self) -> None:
        """Release the alert."""

        async def inside(house: House) -> None:
            await house.relay.release(self.municipality_id, self.alert_id, "Ola", inside=True)

        self.ask(inside)

    def ask(self, question: Callable[[House], Awaitable[T]]) -> T:
        """Ask the product's own rows, from a process beside its own."""

        async def inside() -> T:
            async with open_house(self.settings, dispatches=False) as house:
                return await question(house)

        end = time.monotonic() + PATIENCE
        while True:
            try:
                return asyncio.run(inside())
            except NotReady:  # as whoever asks is told: it is busy, try again
                assert time.monotonic() < end, f"the database did not answer in {PATIENCE:.0f} s"

    def judged(self) -> Judgement:
        """Let the provider's book judge what the product says of its alert."""
        return judge(self.book(), self.town, self.reach(), self.record())

    def record(self) -> Record:
        """What each copy was sent for."""
        return asyncio.run(record_of(self.environment["BUDSTIKKE_DATABASE_URL"]))

    def reach(self) -> dict[str, Any]:
        """What `budstikke reach --json` prints."""

        async def inside(house: House) -> dict[str, Any]:
            return numbers.as_json(await house.relay.reach(self.municipality_id, self.alert_id))

        return self.ask(inside)


def _person(key: int, dice: random.Random, pattern: Person) -> Person:
    language = ("nb", "so")[key % 2]
    return replace(
        pattern,
        key=key,
        name=f"Person {key:05}",
        groups=(language,),
        languages=(language,),
        ways=(Way(medium=Medium.SMS, value=f"+4794{key:06}"),),
        paused=False,
        quiet=None,
        working=None,
        agreed_until=None,
        deputy_of=None,
        character=dice.choice(CHARACTERS),
    )


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind((HERE, 0))
        port: int = probe.getsockname()[1]
        return port


def wait_for(what: Callable[[], bool], words: str, seconds: float = PATIENCE) -> None:
    """Wait until something is so; AssertionError, with what was waited for, when it does not come."""
    end = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < end, f"{words} did not come in {seconds:.0f} s"
        time.sleep(0.01)
