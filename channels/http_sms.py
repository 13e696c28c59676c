"""SMS through any provider that takes a message by one HTTP request, described by a file instead of by code.

Most municipalities have an SMS aggregator already: copy deploy/providers/example.toml, fill it in from the provider's documentation,
and set BUDSTIKKE_HTTP_SMS_FILE. What the file does not speak of counts as unknown, never as sent and never as refused.
"""

from collections.abc import AsyncIterator, Mapping
from datetime import datetime
from urllib.parse import urlsplit

from channels.base import Callback, Check, Inbound, Outbound, Reason, Sent, Status, Trace
from channels.clock import Clock
from channels.http_answers import read_answer
from channels.http_callbacks import parse
from channels.http_lists import Books, check
from channels.http_request import body_of, filled_url, headers_of, values_of
from channels.http_settings import HttpSmsSettings
from channels.one_shot import OneShot, told
from messages.form import Alphabet, Feature, Form, Medium


class HttpSms:
    """SMS by HTTP: send, parse, check."""

    name = "http_sms"

    def __init__(self, settings: HttpSmsSettings, clock: Clock) -> None:
        self.account = settings.account
        self.place = urlsplit(settings.request.endpoint).netloc
        self.pace = settings.pace
        self.form = Form(Medium.SMS, settings.longest, Alphabet.GSM7_OR_UCS2, _features(settings))
        self._settings, self._clock = settings, clock
        self._line = OneShot(connect_timeout=settings.connect_timeout, connections=settings.connections)
        self._books = Books(settings, self._line, clock)

    async def send(self, out: Outbound) -> Sent:
        """POST once, within `out.deadline` seconds. Raises SendFailed."""
        request, values = self._settings.request, values_of(out, self._settings)
        with told(Reason.UNCERTAIN):
            url, body, headers = filled_url(request.endpoint, values), body_of(request, values), headers_of(request, values)
            answer = await self._line.request(request.method, url, body=body, headers=headers, deadline=out.deadline)
        return read_answer(answer, out, self._settings, self._clock)

    def parse(self, callback: Callback) -> list[Inbound | Status]:
        """Read statuses and answers. Raises NotGenuine."""
        return parse(callback, self._settings)

    async def check(self) -> list[Check]:
        """Look whether the provider lets us in, and whether its callbacks can be believed."""
        return await check(self._settings, self._books)

    async def close(self) -> None:
        """Let go of the connections."""
        await self._line.close()


class TracedHttpSms(HttpSms):
    """With [outbox]: did you get this one?"""

    async def trace(self, to: str, sender: str, since: datetime) -> list[Trace]:
        """List what the provider has from `sender` to `to` since `since`. Raises SendFailed."""
        return await self._books.sent(to, sender, since)


class SweptHttpSms(HttpSms):
    """With [inbox] and [lookup]: what came in since, and what became of this one?"""

    async def sweep(self, to: str, since: datetime) -> AsyncIterator[Inbound]:
        """Yield what people sent to `to` since `since`. Raises SendFailed."""
        async for message in self._books.received(to, since):
            yield message

    async def status_of(self, provider_id: str) -> Status:
        """Fetch one message's status. Raises SendFailed."""
        return await self._books.status(provider_id)


class TracedSweptHttpSms(TracedHttpSms, SweptHttpSms):
    """With all of them."""


#: (can be traced, can be swept) -> the channel that says so of itself
_ABLE: Mapping[tuple[bool, bool], type[HttpSms]] = {
    (False, False): HttpSms,
    (True, False): TracedHttpSms,
    (False, True): SweptHttpSms,
    (True, True): TracedSweptHttpSms,
}


def http_sms(settings: HttpSmsSettings, clock: Clock) -> HttpSms:
    """Return the channel with the abilities that its file describes."""
    return _ABLE[settings.outbox is not None, settings.inbox is not None](settings, clock)


def _features(settings: HttpSmsSettings) -> frozenset[Feature]:
    callbacks = settings.callbacks
    told = {
        Feature.DELIVERED: settings.lookup or (callbacks and callbacks.status),
        Feature.REPLY: settings.inbox or (callbacks and callbacks.inbound),
    }
    return frozenset(feature for feature, place in told.items() if place)
