"""The provider in the house, put together: HTTP, ledger, agenda, phones. In a test it lives in the test's own loop."""

import asyncio
import contextlib
from datetime import datetime
from pathlib import Path
from typing import Self

from aiohttp import web

from channels.clock import Clock, SystemClock
from channels.sandbox.agenda import Agenda
from channels.sandbox.content_server import ContentServer
from channels.sandbox.contents import Contents
from channels.sandbox.door import Door
from channels.sandbox.faults import Fault, Faults
from channels.sandbox.handset import Handset
from channels.sandbox.inbound import Inbox
from channels.sandbox.ledger import Event, Ledger
from channels.sandbox.network import Network
from channels.sandbox.phones import Phones, Shown
from channels.sandbox.postman import Answer, Postman
from channels.sandbox.server import Server
from channels.sandbox.world import Dice, Settings, World

ACCOUNT = "AC" + "0" * 32
AUTH_TOKEN = "sandbox"


class Unsettled(TimeoutError):
    """The sandbox did not come to rest in time."""


class Sandbox:
    """A provider that nobody pays for. `async with Sandbox(ledger) as sandbox: …`"""

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
        self._ledger_path = Path(ledger)
        self._account, self._auth_token, self._seed = account, auth_token, seed
        self._settings = settings or Settings()
        self.phones = Phones()
        self.contents = Contents()

    async def start(self, port: int = 0, host: str = "127.0.0.1") -> None:
        """Open the ledger and listen. Port 0: any free one. Raises OSError."""
        agenda = Agenda(self.clock)
        self.ledger = Ledger(self._ledger_path, agenda)
        self.world = World(self._account, self._auth_token, agenda, self.ledger, Dice(self._seed), self._settings)
        self.postman = Postman(self.world)
        self.faults = Faults(self.world.dice)
        self.network = Network(self.world, self.postman, self.phones, self._shown)
        self.inbox = Inbox(self.network)
        self.world.spawn(agenda.run())
        await self._listen(host, port)
        self.inbox.base_url = self.url
        self.ledger.write(Event.STARTED, note=self._account)

    async def _listen(self, host: str, port: int) -> None:
        app = web.Application(client_max_size=2**20)
        door = Door(self.world)
        app.add_routes(Server(self.world, self.network, self.inbox, self.contents, self.faults, door).routes())
        app.add_routes(ContentServer(self.world, self.contents, door).routes())
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.2)
        await self._runner.setup()
        await web.TCPSite(self._runner, host, port).start()
        self.host, self.port = self._runner.addresses[0][:2]

    @property
    def url(self) -> str:
        """The address of this provider: http://127.0.0.1:PORT"""
        return f"http://{self.host}:{self.port}"

    async def stop(self) -> None:
        """Stop listening, let go of what is under way, and close the ledger."""
        await self._runner.cleanup()
        for task in list(self.world.tasks):
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
        await self.postman.close()
        await self.ledger.close()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    def phone(self, address: str) -> Handset:
        """Return the phone or mailbox with this number or address."""
        return Handset(address, self.phones.of(address), self.inbox, self._mail_back)

    def change(self, **settings: object) -> None:
        """Change some settings from now on. Raises ValueError with what is wrong."""
        self.world.settings = Settings.model_validate({**self.world.settings.model_dump(), **settings})

    def order(self, *faults: Fault) -> None:
        """Order faults."""
        self.faults.add(*faults)

    def now(self) -> datetime:
        """Return the emulated time."""
        return self.world.agenda.now()

    async def settle(self, within: float | None = 0.0, seconds: float = 30.0) -> None:
        """Return when nothing is under way and nothing due within `within` seconds of emulated time (None: ever).

        Waits at most `seconds` of real time. Raises Unsettled, or what went wrong inside the sandbox.
        """
        loop = asyncio.get_running_loop()
        end = loop.time() + seconds
        while not self._at_rest(within):
            if loop.time() > end:
                raise Unsettled(f"{self.world.agenda.pending} things due, {self.postman.busy} messages with calls under way")
            await asyncio.sleep(0.002)
        if self.world.crashes:
            raise self.world.crashes.pop(0)

    def _at_rest(self, within: float | None) -> bool:
        self.world.agenda.run_due()
        # the agenda's own task is always there
        return len(self.world.tasks) <= 1 and not self.world.agenda.due_within(within)

    def _shown(self, shown: Shown) -> None:
        """Somebody sees a message."""

    async def _mail_back(self, shown: Shown, text: str) -> Answer:
        raise NotImplementedError
