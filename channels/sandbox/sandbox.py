"""The provider in the house with its doors open: HTTP and SMTP on this machine. In a test it lives in the test's own loop."""

import asyncio
import contextlib
from typing import Self

from aiohttp import web

from channels.sandbox.content_server import ContentServer
from channels.sandbox.control import Control
from channels.sandbox.door import Door
from channels.sandbox.house import House
from channels.sandbox.server import Server

#: bytes of a request; a picture that somebody sends comes in base64
LARGEST = 8 * 2**20


class Sandbox(House):
    """A provider that nobody pays for: `async with Sandbox(ledger) as sandbox: …`"""

    host: str
    port: int

    async def start(self, port: int = 0, smtp_port: int = 0, host: str = "127.0.0.1") -> None:
        """Open the ledger, and listen. Port 0: any free one. Raises OSError, LedgerDamaged."""
        self.open()
        app = web.Application(client_max_size=LARGEST)
        door = Door(self.world)
        app.add_routes(Server(self.world, self.network, self.inbox, self.contents, self.faults, door).routes())
        app.add_routes(ContentServer(self.world, self.contents, door).routes())
        app.add_routes(Control(self).routes())
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.2)
        await self._runner.setup()
        await web.TCPSite(self._runner, host, port).start()
        self.host, self.port = self._runner.addresses[0][:2]
        self.inbox.base_url = self.url
        await self.mail.start(host, smtp_port)

    @property
    def url(self) -> str:
        """The provider's address: http://127.0.0.1:PORT"""
        return f"http://{self.host}:{self.port}"

    @property
    def smtp_port(self) -> int:
        """The port on which letters are taken."""
        return self.mail.port

    async def stop(self) -> None:
        """Stop listening, let go of what is under way, and close the ledger."""
        await self._runner.cleanup()
        await self.mail.stop()
        for task in list(self.world.tasks):
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
        self.postman.close()
        await self.ledger.close()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()
