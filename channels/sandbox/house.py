"""The provider's parts, put together, and what one can ask of the whole; without a door to the network (that is sandbox.py)."""

import asyncio
from datetime import datetime
from pathlib import Path

from channels.clock import Clock, SystemClock
from channels.sandbox.agenda import Agenda
from channels.sandbox.contents import Contents
from channels.sandbox.crowd import Crowd
from channels.sandbox.faults import Fault, Faults
from channels.sandbox.handset import Handset
from channels.sandbox.inbound import Inbox
from channels.sandbox.ledger import Entry, Event, Ledger, read
from channels.sandbox.mail import MailServer, Post
from channels.sandbox.network import Network
from channels.sandbox.people import Person
from channels.sandbox.phones import Phones
from channels.sandbox.postman import Postman
from channels.sandbox.restore import restore
from channels.sandbox.world import Dice, Settings, World

ACCOUNT = "AC" + "0" * 32
AUTH_TOKEN = "sandbox"


class Unsettled(TimeoutError):
    """The sandbox did not come to rest in time."""


class House:
    """All parts of one provider."""

    world: World
    ledger: Ledger
    postman: Postman
    network: Network
    inbox: Inbox
    mail: MailServer
    crowd: Crowd
    faults: Faults

    def __init__(
        self,
        ledger: Path | str,
        *,
        account: str = ACCOUNT,
        auth_token: str = AUTH_TOKEN,
        clock: Clock | None = None,
        seed: int | str = 0,
        settings: Settings | None = None,
    ) -> None:
        self.clock = clock or SystemClock()
        self.phones = Phones()
        self.contents = Contents()
        self._path = Path(ledger)
        self._account, self._auth_token, self._seed = account, auth_token, seed
        self._settings = settings or Settings()

    def open(self) -> None:
        """Open the ledger and put the parts together; needs a running loop. Raises OSError, LedgerDamaged."""
        before = read(self._path) if self._path.exists() else []
        agenda = Agenda(self.clock)
        self.ledger = Ledger(self._path, agenda)
        self.ledger.counts.update(entry.event for entry in before)
        self.world = World(self._account, self._auth_token, agenda, self.ledger, Dice(self._seed), self._settings)
        self.postman = Postman(self.world)
        self.faults = Faults(self.world.dice)
        self.network = Network(self.world, self.postman, self.phones)
        self.inbox = Inbox(self.network)
        self.mail = MailServer(self.world, self.phones)
        self.crowd = Crowd(self.inbox, Post(self.world, self.phones))
        self.phones.on_shown = self.crowd.see
        self._go_on(before)
        self.ledger.write(Event.STARTED, note=self._account)
        self.world.spawn(agenda.run())

    def _go_on(self, before: list[Entry]) -> None:
        """Take up the life that an earlier sandbox has left in the ledger."""
        jump = getattr(self.clock, "jump", None)
        if before and jump:
            jump(before[-1].at)
        restore(before, self.mail, self.contents, self.crowd)

    def phone(self, address: str) -> Handset:
        """Return the phone or mailbox with this number or address."""
        return Handset(address, self.phones.of(address), self.inbox, self.crowd.post)

    def add(self, *people: Person) -> None:
        """Give people their phones and characters."""
        self.crowd.add(people)

    def change(self, **settings: object) -> None:
        """Change some settings from now on. Raises ValueError (pydantic's) with what is wrong."""
        self.world.settings = Settings.model_validate({**self.world.settings.model_dump(), **settings})
        if self.world.settings.answering:
            self.crowd.resume()

    def order(self, *faults: Fault) -> None:
        """Order faults."""
        self.faults.add(*faults)

    def now(self) -> datetime:
        """Return the emulated time."""
        return self.world.agenda.now()

    @property
    def under_way(self) -> int:
        """How many calls, letters and answers are on their way at this moment."""
        return len(self.world.tasks) - 1  # the agenda's own task is always there

    async def settle(self, within: float | None = 0.0, seconds: float = 30.0) -> None:
        """Return when nothing is under way and nothing due within `within` seconds of emulated time (None: ever).

        The ledger's file then holds everything. Waits at most `seconds` of real time. Raises Unsettled, or what went wrong inside.
        """
        loop = asyncio.get_running_loop()
        end = loop.time() + seconds
        while not self._at_rest(within):
            if loop.time() > end:
                raise Unsettled(f"{self.world.agenda.pending} things still due, {self.under_way} under way")
            await asyncio.sleep(0.002)
        self.ledger.write_out()
        if self.world.crashes:
            raise self.world.crashes.pop(0)

    def _at_rest(self, within: float | None) -> bool:
        self.world.agenda.run_due()
        return self.under_way <= 0 and not self.world.agenda.due_within(within)
