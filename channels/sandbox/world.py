"""What every part of the sandbox shares: its account, its settings, its dice, its ledger and its agenda."""

import asyncio
import hashlib
import ipaddress
import logging
from collections.abc import Coroutine
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field

from channels.sandbox.agenda import Agenda
from channels.sandbox.ledger import Ledger

log = logging.getLogger("sandbox")

#: seconds from … to; drawn anew each time
Span = tuple[Annotated[float, Field(ge=0)], Annotated[float, Field(ge=0)]]
Chance = Annotated[float, Field(ge=0, le=1)]

AT_ONCE: Span = (0, 0)


class Settings(BaseModel):
    """How this provider and its operators behave. Seconds are emulated ones. Replaced as a whole, never changed in place."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    #: where inbound messages go, unless `inbound_urls` names the sender
    inbound_url: str = ""
    inbound_urls: dict[str, str] = {}
    #: origins besides loopback that may be called: "https://test.example.org"
    may_call: list[str] = []
    #: the account's own senders; none given: every well-formed one
    senders: list[str] = []
    #: messaging services: MG… -> senders
    services: dict[str, list[str]] = {}
    #: prefixes that may be sent to ("47"); none given: all
    countries: list[str] = []
    #: segments a second and sender; 0: no limit
    pace: float = Field(default=0, ge=0)
    #: segments that may wait at one sender before 21611; 0: no limit
    queue: int = Field(default=0, ge=0)
    #: from accepted to sent, sent to delivered, delivered to read
    sent_after: Span = AT_ONCE
    delivered_after: Span = AT_ONCE
    read_after: Span = AT_ONCE
    #: status callbacks: not at all, late, lost, said twice, out of order (seconds within which they are shuffled)
    callbacks: bool = True
    callback_delay: Span = AT_ONCE
    callback_loss: Chance = 0
    callback_repeat: Chance = 0
    callback_shuffle: float = Field(default=0, ge=0)
    #: seconds of real time before a call is repeated (doubled each time; all repeats lie within 15 s)
    call_again: float = Field(default=0.2, ge=0)
    #: a message is missing from lists for this long
    list_lag: Span = AT_ONCE
    #: people answer; off: what they would have written waits
    answering: bool = True
    #: the provider tells the product about STOP and START (OptOutType)
    advanced_opt_out: bool = False
    #: what becomes of templates handed in for approval, and when
    approval: Literal["approved", "rejected", "pending"] = "approved"
    approve_after: float = Field(default=0, ge=0)
    #: the product's mail listener, "host:port", and how it speaks
    mail_to: str = ""
    mail_protocol: Literal["smtp", "lmtp"] = "smtp"


class Dice:
    """Chance that depends on the seed and on what it is asked about, never on the order of asking."""

    def __init__(self, seed: int | str) -> None:
        self._seed = str(seed)

    def roll(self, *about: object) -> float:
        """Return a number from 0 to below 1."""
        key = "\x1f".join((self._seed, *map(str, about)))
        return int.from_bytes(hashlib.blake2b(key.encode(), digest_size=7).digest()) / 2**56

    def happens(self, chance: float, *about: object) -> bool:
        """Return True in `chance` of cases."""
        return chance > 0 and self.roll(*about) < chance

    def between(self, span: Span, *about: object) -> float:
        """Return a number within `span`."""
        low, high = span
        return low if low == high else low + (high - low) * self.roll(*about)


@dataclass(slots=True)
class World:
    """The shared things, and the work that is going on."""

    account: str
    auth_token: str
    agenda: Agenda
    ledger: Ledger
    dice: Dice
    settings: Settings = field(default_factory=Settings)
    tasks: set[asyncio.Task[Any]] = field(default_factory=set)

    def spawn(self, work: Coroutine[Any, Any, object]) -> None:
        """Let `work` go on beside everything else."""
        task = asyncio.create_task(work)
        self.tasks.add(task)
        task.add_done_callback(self._done)

    @property
    def crashes(self) -> list[BaseException]:
        """What went wrong inside the sandbox itself; `settle` raises it."""
        return self.agenda.crashes

    def _done(self, task: asyncio.Task[Any]) -> None:
        self.tasks.discard(task)
        if not task.cancelled() and (why := task.exception()):
            log.error("the sandbox failed: %s", why, exc_info=why)
            self.crashes.append(why)

    def may_call(self, url: str) -> bool:
        """Whether the sandbox may call `url`: this machine, or an origin of the settings. It never speaks to the world."""
        origin = "/".join(url.split("/", 3)[:3])
        return _is_local(origin) or origin in self.settings.may_call


@lru_cache(256)
def _is_local(origin: str) -> bool:
    """Whether "http://host:port" is this machine."""
    try:
        parts = urlsplit(origin)
        host = parts.hostname or ""
        parts.port  # noqa: B018 - raises ValueError if it is none
        return parts.scheme in {"http", "https"} and (host == "localhost" or ipaddress.ip_address(host).is_loopback)
    except ValueError:
        return False
