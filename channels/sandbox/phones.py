"""What people see: each phone or mailbox, the messages on its screen, and whether it can be reached at all."""

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """One message on a screen."""

    id: str
    #: "sms", "whatsapp", "email"
    channel: str
    #: our number or name; for mail the address of From
    sender: str
    #: the number or mailbox it was shown on
    to: str
    text: str
    at: datetime
    #: quick replies: (title, payload)
    buttons: tuple[tuple[str, str], ...] = ()
    media: tuple[str, ...] = ()
    # mail only
    subject: str = ""
    html: str = ""
    reply_to: str = ""
    #: the envelope's sender: where bounces and out-of-office notes go
    return_path: str = ""
    references: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What somebody wrote or pressed on their phone: it stands there among what came."""

    channel: str
    to: str
    text: str
    at: datetime


class Silence(AssertionError):
    """No message came, though one was waited for."""


@dataclass(slots=True)
class Phone:
    """What one person holds in the hand: messages of all channels, in the order in which they appeared."""

    addresses: list[str]
    messages: list[Shown] = field(default_factory=list)
    said: list[Said] = field(default_factory=list)
    #: switched off or out of coverage: messages end as undelivered (30003)
    is_off: bool = False
    #: a code with which everything to this phone fails, by channel; "" for all channels
    fails: dict[str, int] = field(default_factory=dict)
    #: no delivery receipts come back from here
    no_receipts: bool = False
    #: the mailbox takes letters and sends them back; nobody sees them
    bounces: bool = False
    #: sends WhatsApp's read receipts
    reads: bool = True
    _taken: int = 0
    _waiting: list[asyncio.Future[None]] = field(default_factory=list)

    def show(self, message: Shown) -> None:
        """Put `message` on the screen."""
        self.messages.append(message)
        for future in self._waiting:
            if not future.done():
                future.set_result(None)
        self._waiting.clear()

    async def next(self, seconds: float = 5.0) -> Shown:
        """Return the next message that has not been taken yet; wait at most `seconds` of real time. Raises Silence."""
        while self._taken >= len(self.messages):
            future = asyncio.get_running_loop().create_future()
            self._waiting.append(future)
            try:
                await asyncio.wait_for(future, seconds)
            except TimeoutError:
                raise Silence(f"nothing came to {', '.join(self.addresses)} within {seconds} s") from None
        self._taken += 1
        return self.messages[self._taken - 1]

    @property
    def untaken(self) -> list[Shown]:
        """What stands on the screen and has not been taken by `next`."""
        return self.messages[self._taken :]

    def last(self, channel: str = "") -> Shown | None:
        """Return the newest message, of one channel if it is named."""
        return next((each for each in reversed(self.messages) if not channel or each.channel == channel), None)

    def fate(self, channel: str) -> int:
        """Return the code with which a message fails here, or 0."""
        return 30003 if self.is_off else self.fails.get(channel) or self.fails.get("", 0)


@dataclass(slots=True)
class Phones:
    """All phones, by number and mailbox. Nobody needs to be announced: a message to a new number makes its phone."""

    by_address: dict[str, Phone] = field(default_factory=dict)
    #: hears of every message that reaches somebody
    on_shown: Callable[[Shown], None] = field(default=lambda _shown: None)

    def show(self, shown: Shown) -> None:
        """Put `shown` before its reader's eyes; a mailbox that sends its letters back hears of it without seeing it."""
        phone = self.of(shown.to)
        if not phone.bounces:
            phone.show(shown)
        self.on_shown(shown)

    def of(self, address: str) -> Phone:
        """Return the phone that has `address`."""
        phone = self.by_address.get(address)
        if phone is None:
            phone = self.by_address[address] = Phone([address])
        return phone

    def join(self, addresses: list[str]) -> Phone:
        """Return one phone for all `addresses` (a person's number and mailbox)."""
        known = [self.by_address[each] for each in addresses if each in self.by_address]
        phone = known[0] if known else Phone([])
        phone.addresses = list(dict.fromkeys([*phone.addresses, *addresses]))
        self.by_address.update(dict.fromkeys(phone.addresses, phone))
        return phone

    def __iter__(self) -> Iterator[Phone]:
        return iter({id(phone): phone for phone in self.by_address.values()}.values())
