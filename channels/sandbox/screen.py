"""A phone for people: its page in a browser, where one reads what came and answers. Programs ask `control` for the same as JSON."""

from dataclasses import dataclass
from functools import cache

from aiohttp import web
from jinja2 import Environment, PackageLoader, StrictUndefined

from channels.sandbox.handset import NothingToAnswer
from channels.sandbox.house import House
from channels.sandbox.inbound import CannotAnswer
from channels.sandbox.phones import Phone, Said, Shown
from channels.sandbox.postman import Answer

#: what a page shows on which way; the channel's name for people
CHANNELS = {"sms": "SMS", "whatsapp": "WhatsApp", "email": "e-mail"}
NOT_TAKEN = "It was sent, but the product did not take it ({}). Is it running, and does it listen at the address that the sandbox was told?"


@dataclass(frozen=True, slots=True)
class Line:
    """One message on the screen: it came, or was written here."""

    came: bool
    channel: str
    #: from whom it came, or to whom it went
    other: str
    time: str
    text: str
    subject: str = ""
    #: quick replies, of the newest message that has some
    buttons: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Screen:
    """A phone as its page shows it."""

    address: str
    addresses: tuple[str, ...]
    lines: tuple[Line, ...]
    off: bool
    #: why the last answer came to nothing
    trouble: str = ""


def wanted(request: web.Request) -> bool:
    """Whether a browser asks, and not a program."""
    return "text/html" in request.headers.get("Accept", "")


def screen(address: str, phone: Phone, trouble: str = "") -> Screen:
    """Return what stands on a phone, oldest first."""
    newest = next((each for each in reversed(phone.messages) if each.buttons), None)
    marked: list[Shown | Said] = [*phone.messages, *phone.said]
    lines = [_line(each, with_buttons=each is newest) for each in sorted(marked, key=lambda each: each.at)]
    return Screen(address, tuple(phone.addresses), tuple(lines), phone.is_off, trouble)


def _line(each: Shown | Said, *, with_buttons: bool) -> Line:
    time = f"{each.at.astimezone():%d.%m %H:%M}"
    if isinstance(each, Said):
        return Line(False, CHANNELS[each.channel], each.to, time, each.text)
    buttons = each.buttons if with_buttons else ()
    return Line(True, CHANNELS[each.channel], each.sender, time, each.text, each.subject, buttons)


class Screens:
    """The pages, and the forms on them."""

    def __init__(self, house: House) -> None:
        self._house = house

    def routes(self) -> list[web.RouteDef]:
        """Return the route table; the page itself stands at the address of the JSON (`control`)."""
        phone = "/sandbox/phone/{address}"
        return [web.post(f"{phone}/say", self.say), web.post(f"{phone}/press", self.press), web.post(f"{phone}/switch", self.switch)]

    def listed(self) -> web.Response:
        """Return the page of all phones."""
        phones = [(each.addresses[0], len(each.messages)) for each in self._house.phones]
        return _page("phones.html", phones=phones)

    def shown(self, address: str, trouble: str = "") -> web.Response:
        """Return one phone's page."""
        return _page("phone.html", screen=screen(address, self._house.phones.of(address), trouble))

    async def say(self, request: web.Request) -> web.Response:
        """Write what stands in the form, to where the last message came from."""
        address, form = request.match_info["address"], await request.post()
        try:
            return self._after(address, await self._house.phone(address).says(str(form.get("text", ""))))
        except (NothingToAnswer, CannotAnswer) as why:
            return self.shown(address, f"{why}.")

    async def press(self, request: web.Request) -> web.Response:
        """Press a quick reply."""
        address, form = request.match_info["address"], await request.post()
        try:
            return self._after(address, await self._house.phone(address).press(str(form.get("button", ""))))
        except NothingToAnswer as why:
            return self.shown(address, f"{why}.")

    async def switch(self, request: web.Request) -> web.Response:
        """Switch the phone off or on."""
        address, form = request.match_info["address"], await request.post()
        self._house.phones.of(address).is_off = form.get("off") == "yes"
        return _back(address)

    def _after(self, address: str, answer: Answer) -> web.Response:
        if 200 <= answer.http < 300:
            return _back(address)
        return self.shown(address, NOT_TAKEN.format(answer.http or answer.why))


def _back(address: str) -> web.Response:
    return web.Response(status=303, headers={"Location": f"/sandbox/phone/{address}"})


def _page(template: str, **shown: object) -> web.Response:
    text = _templates().get_template(template).render(**shown)
    return web.Response(text=text, content_type="text/html", headers={"Cache-Control": "no-store"})


@cache
def _templates() -> Environment:
    return Environment(loader=PackageLoader("channels.sandbox"), autoescape=True, undefined=StrictUndefined, trim_blocks=True)
