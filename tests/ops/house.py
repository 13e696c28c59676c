"""A small installation that is well: a town, a provider in the same process, and a house that serves and works."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from channels.clock import SystemClock
from channels.sandbox.house import ACCOUNT, AUTH_TOKEN
from channels.sandbox.sandbox import Sandbox
from messages.form import Medium
from relay.app import House, open_house
from relay.cli import founding
from relay.settings import Settings
from relay.store import register, remembered
from tests.chaos.installation import free_port

HERE = "127.0.0.1"


@dataclass(frozen=True, kw_only=True)
class Well:
    """The installation, its provider, and what it was told."""

    folder: Path
    told: dict[str, str]
    sandbox: Sandbox
    house: House

    def settings(self, **changed: object) -> Settings:
        """Return the settings with something else in their place."""
        return Settings.of(self.told | {name: str(value) for name, value in changed.items()})


async def found(database: str, sandbox: Sandbox, port: int = 0) -> dict[str, str]:
    """Make an installation as `budstikke init` does, and put somebody into it; return its settings."""
    port = port or free_port()
    answers = founding.checked(
        {
            "municipality": "1870",
            "contact": "Kari Nordmann,+4791234567",
            "public_url": f"http://{HERE}:{port}",
            "database": database,
            "provider": "sandbox",
            "administrator": "Kari Nordmann",
            "listen_port": str(port),
        }
    )
    told = {name.removeprefix("BUDSTIKKE_").lower(): value for name, value in founding.environment(answers).items()}
    told |= {
        "twilio_base_url": sandbox.url,
        "smtp_port": str(sandbox.smtp_port),
        "twilio_account_sid": ACCOUNT,
        "twilio_auth_token": AUTH_TOKEN,
        "log_level": "error",
    }
    stamp = register.Stamp(by="Kari Nordmann", at=SystemClock().now())
    await founding.found(answers, Settings.of(told), stamp)
    async with open_house(Settings.of(told), dispatches=False) as house, house.store.write() as conn:
        town = await register.find_municipality(conn, "1870")
        group = await register.add_group(conn, town, register.NewGroup(language="so", name="Somali"), stamp)
        person = register.NewPerson(
            name="Ayan Warsame", languages=("so",), groups=(group,), ways=((Medium.SMS, "+4791000001"),), agreed_on=date(2026, 1, 1)
        )
        await register.add_people(conn, town, [person], stamp)
        await remembered.put(conn, remembered.LAST_BACKUP, stamp.at.isoformat())
    return told


@asynccontextmanager
async def well(folder: Path, **more: object) -> AsyncIterator[Well]:
    """Open it, with these settings beside its own; it serves and works until the end of the block."""
    async with Sandbox(folder / "ledger.jsonl") as sandbox:
        told = await found(f"sqlite:///{folder / 'budstikke.db'}", sandbox) | {name: str(value) for name, value in more.items()}
        async with open_house(Settings.of(told)) as house:
            await house.listen()
            working = asyncio.create_task(house.work())
            await asyncio.sleep(0)
            try:
                yield Well(folder=folder, told=told, sandbox=sandbox, house=house)
            finally:
                house.relay.dispatcher.stop()
                with suppress(asyncio.CancelledError, TimeoutError):
                    await asyncio.wait_for(working, 30)
