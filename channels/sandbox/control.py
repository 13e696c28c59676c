"""The hand behind the sandbox: JSON under /sandbox/, for the demo, for exercises and for tests in another process.

Refusals are {"error": "a sentence"} with status 400, 404 or 409. There is no password: the sandbox listens on this machine only.
"""

import base64
import binascii
import json
from collections.abc import Awaitable, Callable
from dataclasses import asdict
from datetime import datetime
from typing import Any, Protocol, runtime_checkable

from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from channels.sandbox.faults import Fault
from channels.sandbox.handset import NothingToAnswer
from channels.sandbox.house import House, Unsettled
from channels.sandbox.inbound import CannotAnswer
from channels.sandbox.people import Person
from channels.sandbox.phones import Phone
from channels.sandbox.recount import recount
from channels.sandbox.screen import Screens, wanted

Handler = Callable[[web.Request], Awaitable[web.Response]]


class NotPossible(Exception):
    """The sandbox cannot do this."""


class _Asked(BaseModel):
    model_config = ConfigDict(extra="forbid", populate_by_name=True)


class Picture(_Asked):
    """What hangs on a message: content type and bytes in base64."""

    type: str
    data: str


class Say(_Asked):
    """Somebody writes: `to` and `channel` as with the last message they got, unless given."""

    sender: str = Field(alias="from")
    to: str = ""
    text: str = ""
    channel: str = Field(default="", pattern="^(sms|whatsapp|email)?$")
    media: list[Picture] = []


class Press(_Asked):
    """Somebody presses a button, named by its payload or title."""

    sender: str = Field(alias="from")
    button: str


class Switch(_Asked):
    """A phone is switched off or on."""

    off: bool


class Settle(_Asked):
    """Wait until nothing is under way, nor due within so many emulated seconds (null: ever); at most `seconds` by the wall."""

    within: float | None = 0
    seconds: float = 30


class Time(_Asked):
    """The emulated time to go on from; earlier times change nothing."""

    now: datetime


@runtime_checkable
class Jumping(Protocol):
    """A clock that can be moved ahead."""

    def jump(self, to: datetime) -> None:
        """Make `to` the present."""


class Control:
    """The handlers behind /sandbox/."""

    def __init__(self, house: House) -> None:
        self._house = house
        self._screens = Screens(house)

    def routes(self) -> list[web.RouteDef]:
        """Return the route table."""
        table: list[tuple[Callable[..., web.RouteDef], str, Handler]] = [
            (web.get, "", self.state),
            (web.get, "/phones", self.phones),
            (web.post, "/phones", self.add_people),
            (web.get, "/phone/{address}", self.phone),
            (web.post, "/phone/{address}", self.switch),
            (web.post, "/say", self.say),
            (web.post, "/press", self.press),
            (web.get, "/settings", self.settings),
            (web.post, "/settings", self.change),
            (web.get, "/faults", self.faults),
            (web.post, "/faults", self.order),
            (web.delete, "/faults", self.clear),
            (web.post, "/settle", self.settle),
            (web.get, "/clock", self.state),
            (web.post, "/clock", self.jump),
            (web.get, "/recount", self.recount),
        ]
        return [*(route("/sandbox" + path, _explained(handler)) for route, path, handler in table), *self._screens.routes()]

    async def state(self, request: web.Request) -> web.Response:
        """Return how things stand."""
        agenda = self._house.world.agenda
        return _json(
            {
                "account": self._house.world.account,
                "now": self._house.clock.now(),
                "pending": agenda.pending,
                "next_due_at": agenda.next_due_at,
                "under_way": self._house.under_way,
                "ledger": str(self._house.ledger.path),
                "events": dict(self._house.ledger.counts),
                "mail_port": self._house.mail.port,
            }
        )

    async def phones(self, request: web.Request) -> web.Response:
        """Return all phones; to a browser, as a page."""
        if wanted(request):
            return self._screens.listed()
        return _json([self._describe(phone) for phone in self._house.phones])

    async def add_people(self, request: web.Request) -> web.Response:
        """Give people their phones and characters."""
        people = TypeAdapter(list[Person]).validate_python(await _read(request))
        self._house.crowd.add(people)
        return _json({"people": len(people)})

    async def phone(self, request: web.Request) -> web.Response:
        """Return what stands on a screen; to a browser, as a page on which one can answer."""
        if wanted(request):
            return self._screens.shown(request.match_info["address"])
        phone = self._phone(request)
        written = {"messages": [asdict(each) for each in phone.messages], "said": [asdict(each) for each in phone.said]}
        return _json(self._describe(phone) | written)

    async def switch(self, request: web.Request) -> web.Response:
        """Switch a phone off or on."""
        self._phone(request).is_off = Switch.model_validate(await _read(request)).off
        return _json({})

    async def say(self, request: web.Request) -> web.Response:
        """Let somebody write."""
        said = Say.model_validate(await _read(request))
        media = tuple((each.type, _bytes(each.data)) for each in said.media)
        answer = await self._house.phone(said.sender).says(said.text, said.to, said.channel, media)
        return _json(asdict(answer))

    async def press(self, request: web.Request) -> web.Response:
        """Let somebody press a button."""
        pressed = Press.model_validate(await _read(request))
        return _json(asdict(await self._house.phone(pressed.sender).press(pressed.button)))

    async def settings(self, request: web.Request) -> web.Response:
        """Return the settings."""
        return _json(self._house.world.settings.model_dump())

    async def change(self, request: web.Request) -> web.Response:
        """Change the settings that are named."""
        match await _read(request):
            case dict(wanted):
                self._house.change(**wanted)
            case _:
                raise NotPossible("settings are a JSON object")
        return await self.settings(request)

    async def faults(self, request: web.Request) -> web.Response:
        """Return the standing faults, and how often each was played."""
        standing = self._house.faults.orders
        return _json([each.fault.model_dump() | {"met": each.met, "played": each.played} for each in standing])

    async def order(self, request: web.Request) -> web.Response:
        """Order faults."""
        self._house.order(*TypeAdapter(list[Fault]).validate_python(await _read(request)))
        return await self.faults(request)

    async def clear(self, request: web.Request) -> web.Response:
        """All is well again."""
        self._house.faults.clear()
        return _json([])

    async def settle(self, request: web.Request) -> web.Response:
        """Wait until nothing is under way."""
        asked = Settle.model_validate(await _read(request))
        await self._house.settle(asked.within, asked.seconds)
        return await self.state(request)

    async def jump(self, request: web.Request) -> web.Response:
        """Move the emulated time ahead, and play what became due."""
        to = Time.model_validate(await _read(request)).now
        if to.tzinfo is None:
            raise NotPossible("the time needs a zone, as in 2026-11-23T18:00:00+01:00")
        if not isinstance(self._house.clock, Jumping):
            raise NotPossible("this sandbox's clock cannot be moved")
        self._house.clock.jump(to)
        self._house.world.agenda.run_due()
        return await self.state(request)

    async def recount(self, request: web.Request) -> web.Response:
        """Count the ledger."""
        return _json(recount(self._house.ledger.entries()))

    def _phone(self, request: web.Request) -> Phone:
        return self._house.phones.of(request.match_info["address"])

    def _describe(self, phone: Phone) -> dict[str, object]:
        mind = next((self._house.crowd.minds[each] for each in phone.addresses if each in self._house.crowd.minds), None)
        person = mind.person.model_dump() if mind else None
        return {"addresses": phone.addresses, "off": phone.is_off, "person": person, "count": len(phone.messages)}


def _explained(handler: Handler) -> Handler:
    async def behind(request: web.Request) -> web.Response:
        try:
            return await handler(request)
        except ValidationError as why:
            problems = [f"{'.'.join(map(str, each['loc'])) or 'the body'}: {each['msg']}" for each in why.errors()]
            return _json({"error": "; ".join(problems)}, 400)
        except (NotPossible, NothingToAnswer, CannotAnswer) as why:
            return _json({"error": str(why)}, 400)
        except Unsettled as why:
            return _json({"error": str(why)}, 409)

    return behind


async def _read(request: web.Request) -> Any:
    try:
        return json.loads(await request.read() or b"{}")
    except ValueError as why:
        raise NotPossible(f"the body is no JSON: {why}") from None


def _bytes(data: str) -> bytes:
    try:
        return base64.b64decode(data, validate=True)
    except binascii.Error:
        raise NotPossible("data must be base64") from None


def _json(body: object, status: int = 200) -> web.Response:
    text = json.dumps(body, ensure_ascii=False, default=lambda value: value.isoformat())
    return web.json_response(text=text, status=status)
