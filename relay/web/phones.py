"""Emulated phones as a page shows them. Who has some (the demo, an exercise) hands the application something that keeps this protocol."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class Bubble:
    """One message on a screen: what came, or what was written there."""

    #: sms | whatsapp | email
    channel: str
    #: written on this phone
    mine: bool
    text: str
    at: datetime
    subject: str = ""
    #: (title, payload) of quick replies
    buttons: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Screen:
    """One phone in somebody's hand."""

    #: its number, or its mailbox
    address: str
    name: str
    language: str
    off: bool
    #: oldest first
    bubbles: tuple[Bubble, ...]


class Phones(Protocol):
    """Phones that can be looked at and used. Raises NotReady when they cannot be reached, BadInput when they refuse something."""

    async def screens(self) -> Sequence[Screen]:
        """Return the phones to show, always in the same order."""
        ...

    async def write(self, address: str, text: str) -> None:
        """Let somebody answer the last message on their phone."""
        ...

    async def press(self, address: str, payload: str) -> None:
        """Let somebody press a button."""
        ...

    async def switch(self, address: str, *, off: bool) -> None:
        """Switch a phone off or on."""
        ...
