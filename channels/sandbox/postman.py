"""Calls the product: signed as Twilio signs, in order per message, repeated as the URL's fragment asks, within 15 seconds."""

import asyncio
import uuid
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from itertools import count
from urllib.parse import parse_qs, quote_plus, urldefrag

from twilio.request_validator import RequestValidator

from channels.sandbox.line import Broken, Lines, NoConnection
from channels.sandbox.world import World

#: seconds, of real time: for the connection, for the answer, and for all attempts together
CONNECT, READ, TOTAL = 5.0, 15.0, 15.0
#: calls in flight at once
WIDTH = 64
HEADERS = {"Content-Type": "application/x-www-form-urlencoded; charset=utf-8", "User-Agent": "TwilioProxy/1.1", "Accept": "*/*"}


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of one call: the HTTP status, or 0 and why."""

    http: int
    why: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A form to be posted to the product, and who hears what came of it."""

    url: str
    fields: Mapping[str, str]
    done: Callable[[Answer], object]


@dataclass(frozen=True, slots=True)
class Persistence:
    """How often to try again, and after what: the fragment's rc (0 to 5) and rp (ct, rt, 4xx, 5xx, all)."""

    times: int = 1
    after: frozenset[str] = field(default_factory=lambda: frozenset({"ct"}))

    @classmethod
    def of(cls, fragment: str) -> "Persistence":
        """Read a fragment such as "rc=4&rp=5xx,ct,rt"; what it does not say is as Twilio has it."""
        asked = parse_qs(fragment)
        times = asked.get("rc", ["1"])[0]
        after = asked.get("rp", ["ct"])[0].split(",")
        return cls(min(int(times), 5) if times.isdigit() else 1, frozenset(after))

    def again(self, attempt: int, answer: Answer) -> bool:
        """Whether to try once more after `attempt` tries (the first is 1)."""
        kind = answer.why if answer.http == 0 else f"{answer.http // 100}xx"
        return attempt <= self.times and kind != "2xx" and ("all" in self.after or kind in self.after)


class Postman:
    """Delivers calls; those of one key (a message) wait for one another, all others do not."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._validator = RequestValidator(world.auth_token)
        self._queues: dict[str, deque[Call]] = {}
        self._width = asyncio.Semaphore(WIDTH)
        self._lines = Lines()

    @property
    def busy(self) -> int:
        """How many messages have calls under way."""
        return len(self._queues)

    def post(self, key: str, call: Call) -> None:
        """Deliver `call` after those with the same `key` that are still under way."""
        if key in self._queues:
            self._queues[key].append(call)
            return
        self._queues[key] = deque([call])
        self._world.spawn(self._drain(key))

    async def deliver(self, call: Call) -> Answer:
        """Deliver `call` now, with the repeats that its URL asks for; return the last answer."""
        url, fragment = urldefrag(call.url)
        body, headers = self._sign(url, call.fields)
        persistence = Persistence.of(fragment)
        end = asyncio.get_running_loop().time() + TOTAL
        for attempt in count(1):
            answer = await self._try(url, body, headers, end - asyncio.get_running_loop().time())
            if asyncio.get_running_loop().time() >= end or not persistence.again(attempt, answer):
                call.done(answer)
                return answer
            await asyncio.sleep(self._world.settings.call_again * 2 ** (attempt - 1))
        raise AssertionError("count ends")

    def close(self) -> None:
        """Let go of connections."""
        self._lines.close()

    async def _drain(self, key: str) -> None:
        queue = self._queues[key]
        try:
            while queue:
                async with self._width:
                    await self.deliver(queue.popleft())
        finally:
            del self._queues[key]

    def _sign(self, url: str, fields: Mapping[str, str]) -> tuple[bytes, dict[str, str]]:
        signature = self._validator.compute_signature(url, fields)
        body = "&".join(f"{name}={value if value.isalnum() and value.isascii() else quote_plus(value)}" for name, value in fields.items())
        return body.encode(), {**HEADERS, "X-Twilio-Signature": signature, "I-Twilio-Idempotency-Token": str(uuid.uuid4())}

    async def _try(self, url: str, body: bytes, headers: dict[str, str], seconds: float) -> Answer:
        if not self._world.may_call(url):
            return Answer(0, "forbidden")
        try:
            return Answer(await self._lines.post(url, body, headers, connect=CONNECT, read=max(min(READ, seconds), 0)))
        except NoConnection:
            return Answer(0, "ct")
        except Broken:
            return Answer(0, "rt")
