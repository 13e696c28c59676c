"""The demo's phones for the page that shows them, by the sandbox's control address: one phone a language, of those who have a number."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import quote

import aiohttp

from messages.form import Medium
from relay.demo.provider import Provider
from relay.model import BadInput, NotFound, NotReady
from relay.town import Phone, Town
from relay.web.phones import Bubble, Screen

MOST_SHOWN = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """Phones of the demo's provider, as relay.web.phones.Phones wants them."""

    provider: Provider
    phones: Mapping[str, Phone]

    async def screens(self) -> Sequence[Screen]:
        """Look at each phone."""
        return await asyncio.gather(*(self._screen(address, phone) for address, phone in self.phones.items()))

    async def write(self, address: str, text: str) -> None:
        """Answer the last message."""
        await self._ask("say", {"from": self._known(address), "text": text})

    async def press(self, address: str, payload: str) -> None:
        """Press a button."""
        await self._ask("press", {"from": self._known(address), "button": payload})

    async def switch(self, address: str, *, off: bool) -> None:
        """Switch off or on."""
        await self._ask(f"phone/{quote(self._known(address))}", {"off": off})

    async def _screen(self, address: str, phone: Phone) -> Screen:
        told = await self._ask(f"phone/{quote(address)}")
        bubbles = [*map(_came, told["messages"]), *map(_written, told["said"])]
        return Screen(
            address=address,
            name=phone.name,
            language=phone.language,
            off=told["off"],
            bubbles=tuple(sorted(bubbles, key=lambda bubble: bubble.at)),
        )

    def _known(self, address: str) -> str:
        if address not in self.phones:
            raise NotFound("There is no such phone.")
        return address

    async def _ask(self, path: str, body: object | None = None) -> Any:
        try:
            told = await self.provider.ask(path, body)
        except (aiohttp.ClientError, TimeoutError, ValueError) as why:
            raise NotReady("The emulated phones do not answer.") from why
        if isinstance(told, dict) and "error" in told:
            raise BadInput(str(told["error"]))
        return told


def held(provider: Provider, town: Town) -> Held:
    """Choose the phones to show: one a language in the town's order, reached by SMS, WhatsApp and e-mail in turn."""
    phones = {phone.number or phone.mail: phone for phone in town.phones()}
    chosen: dict[str, Phone] = {}
    for place, group in enumerate(town.groups):
        theirs = [person for person in town.people if person.languages[0] == group.language and person.ways]
        wanted = list(Medium)[place % len(Medium)]
        for person in sorted(theirs, key=lambda person: person.ways[0].medium is not wanted):
            address = person.way(Medium.SMS, Medium.WHATSAPP) or person.way(Medium.EMAIL)
            if address in phones and address not in chosen:
                chosen[address] = phones[address]
                break
    return Held(provider=provider, phones=dict(list(chosen.items())[:MOST_SHOWN]))


def _came(told: Mapping[str, Any]) -> Bubble:
    return Bubble(
        channel=told["channel"],
        mine=False,
        text=told["text"],
        at=datetime.fromisoformat(told["at"]),
        subject=told["subject"],
        buttons=tuple((title, payload) for title, payload in told["buttons"]),
    )


def _written(told: Mapping[str, Any]) -> Bubble:
    return Bubble(channel=told["channel"], mine=True, text=told["text"], at=datetime.fromisoformat(told["at"]))
