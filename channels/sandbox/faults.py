"""Faults on order: what goes wrong, for which request, how often. Drawn by the seed, so that a bad night can be played again."""

from collections import Counter
from dataclasses import dataclass, field
from enum import Enum
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from channels.sandbox.world import Chance, Dice


class Kind(Enum):
    """What goes wrong: (is the message accepted all the same, what happens)."""

    ERROR = ("error", False, "answers `status` (503); nothing is accepted")
    ERROR_ACCEPTED = ("error_accepted", True, "accepts the message and answers `status` (503)")
    THROTTLE = ("throttle", False, "429 with Retry-After `retry_after`; nothing is accepted")
    REFUSE = ("refuse", False, "refuses with Twilio's `code`")
    SLOW = ("slow", True, "accepts at once and answers after `seconds`")
    STALL = ("stall", False, "holds the request for `seconds`, then answers `status`; nothing is accepted")
    RESET = ("reset", False, "cuts the connection; nothing is accepted")
    RESET_ACCEPTED = ("reset_accepted", True, "accepts the message and cuts the connection")
    TRUNCATED = ("truncated", True, "accepts, and cuts the connection in the middle of the answer")
    HTML = ("html", True, "accepts, and answers 201 with a page for people")
    EMPTY = ("empty", True, "accepts, and answers 201 with nothing")
    ODD_JSON = ("odd_json", True, "accepts, and answers 201 with JSON that is no message")
    WRONG_SID = ("wrong_sid", True, "accepts, and answers with an id that is none")
    REPEATED_SID = ("repeated_sid", True, "accepts, and answers with the message before this one")
    FOREIGN = ("foreign", True, "accepts, and answers with another recipient's number in it")
    UNAUTHORISED = ("unauthorised", False, "answers 401, as if the token had been changed; nothing is accepted")
    TRICKLE = ("trickle", True, "accepts, and answers a byte at a time, `seconds` apart")
    HUGE = ("huge", True, "accepts, and answers with `megabytes` of blanks before the message")
    REDIRECT = ("redirect", False, "answers 307 to itself; nothing is accepted")

    def __init__(self, label: str, accepts: bool, words: str) -> None:  # noqa: FBT001 - the columns of a table
        self.label = label
        self.accepts = accepts
        self.words = words


KINDS = {kind.label: kind for kind in Kind}
Label = Literal[
    "error",
    "error_accepted",
    "throttle",
    "refuse",
    "slow",
    "stall",
    "reset",
    "reset_accepted",
    "truncated",
    "html",
    "empty",
    "odd_json",
    "wrong_sid",
    "repeated_sid",
    "foreign",
    "unauthorised",
    "trickle",
    "huge",
    "redirect",
]


class Fault(BaseModel):
    """One order: a fault, the requests it is for, and how often it is played."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: Label
    on: Literal["create", "fetch", "list"] = "create"
    #: only for recipients whose number ends so
    suffix: str = ""
    #: only the how-manieth request that it could meet (1 = first); none given: each
    nth: list[int] = []
    #: at most so often; 0: always
    times: int = Field(default=0, ge=0)
    chance: Chance = 1
    #: seconds of real time, since it is a client that waits
    seconds: float = Field(default=1, ge=0)
    status: int = Field(default=503, ge=300, le=599)
    #: a number of seconds, or a header to be sent as it stands; none: no such header
    retry_after: Annotated[float, Field(ge=0)] | str | None = 1.0
    megabytes: int = Field(default=100, ge=0)
    code: int = 30008

    @property
    def what(self) -> Kind:
        """The row of the table."""
        return KINDS[self.kind]


@dataclass(slots=True)
class _Standing:
    fault: Fault
    met: int = 0
    played: int = 0
    #: recipient -> requests, so that chance does not depend on who comes first
    of: Counter[str] = field(default_factory=Counter)


@dataclass(slots=True)
class Faults:
    """The standing orders; the first that fits a request is played."""

    dice: Dice
    orders: list[_Standing] = field(default_factory=list)

    def add(self, *faults: Fault) -> None:
        """Order `faults`, after those that stand already."""
        self.orders.extend(_Standing(fault) for fault in faults)

    def clear(self) -> None:
        """All is well again."""
        self.orders.clear()

    def pick(self, on: str, to: str = "") -> Fault | None:
        """Return the fault that this request meets, if any."""
        for standing in self.orders:
            if standing.fault.on == on and to.endswith(standing.fault.suffix) and self._strikes(standing, to):
                standing.played += 1
                return standing.fault
        return None

    def _strikes(self, standing: _Standing, to: str) -> bool:
        fault = standing.fault
        standing.met += 1
        standing.of[to] += 1
        if fault.times and standing.played >= fault.times:
            return False
        if fault.nth and standing.met not in fault.nth:
            return False
        return fault.chance == 1 or self.dice.happens(fault.chance, fault.kind, fault.on, to, standing.of[to])
