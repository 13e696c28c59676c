"""What an HTTP SMS provider has in its books: what we sent, what people sent us, and what became of one message."""

from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime, timedelta
from urllib.parse import urljoin, urlsplit

from channels.base import Check, Inbound, Reason, SendFailed, Status, Trace
from channels.clock import Clock
from channels.http_answers import is_id, read_status
from channels.http_callbacks import read_message
from channels.http_places import Document, Place, follow, of_answer
from channels.http_request import filled_url, reading_headers, understood, written
from channels.http_settings import HttpSmsSettings, Outbox
from channels.http_times import on_our_clock
from channels.one_shot import READ_DEADLINE, HttpAnswer, OneShot, retry_after, skew, told
from channels.told import Told

#: pages after which a list counts as unreadable; a list read in part proves nothing
MOST_PAGES = 200
#: seconds that a date of the provider's may lie before the moment it speaks of (whole seconds, and a comparison of clocks)
SLACK = timedelta(seconds=5)
#: how much earlier than that the provider is asked from
ASKED_EARLIER = timedelta(minutes=10)
#: why a read was refused; anything else is the provider's passing trouble
_READ_FAILED: Mapping[int, Reason] = {401: Reason.NOT_AUTHORISED, 403: Reason.NOT_AUTHORISED, 404: Reason.OUR_BUG}


class Books:
    """Reads one provider's lists."""

    def __init__(self, settings: HttpSmsSettings, line: OneShot, clock: Clock) -> None:
        self._settings, self._line, self._clock = settings, line, clock
        #: the provider's clock less ours, as of the last read: what it dates is to be understood by this
        self.skew = timedelta()

    async def sent(self, to: str, sender: str, since: datetime) -> list[Trace]:
        """Return what the provider has from `sender` to `to`, created since `since`. Raises SendFailed."""
        outbox, numbers = self._settings.outbox, self._settings.numbers
        if outbox is None:
            raise SendFailed(Reason.OUR_BUG, detail="no [outbox]")
        values = {"to": written(to, numbers), "from": written(sender, numbers), "since": self._theirs(since)}
        found = [self._trace(each, outbox) async for each in self._items(filled_url(outbox.endpoint, values), outbox.each, outbox.next)]
        return [
            each
            for each in found
            if (each.to, each.sender) == (to, sender) and is_id(each.provider_id) and each.created_at >= since - SLACK
        ]

    async def received(self, to: str, since: datetime) -> AsyncIterator[Inbound]:
        """Yield what people sent to our sender `to` since `since`. Raises SendFailed."""
        inbox = self._settings.inbox
        if inbox is None:
            raise SendFailed(Reason.OUR_BUG, detail="no [inbox]")
        values = {"to": written(to, self._settings.numbers), "since": self._theirs(since)}
        async for item in self._items(filled_url(inbox.endpoint, values), inbox.each, inbox.next):
            message = read_message(item, inbox, self._settings, self._ours(item.at(inbox.received)))
            if message.sender and message.to == to and message.received_at >= since - SLACK:
                yield message

    async def status(self, provider_id: str) -> Status:
        """Fetch one message's status. Raises SendFailed."""
        places = self._settings.lookup
        if places is None or not is_id(provider_id):
            raise SendFailed(Reason.OUR_BUG, detail="not a message id of this provider's")
        document = await self._read(filled_url(places.endpoint, {"id": provider_id}))
        status = read_status(document, places, self._settings)
        if not status.word or (places.id and status.provider_id != provider_id):
            raise SendFailed(Reason.NOT_CONNECTED, detail="not the status of this message")
        return status._replace(provider_id=provider_id)

    # --- one page after another ---------------------------------------------------------------------------------------

    async def _items(self, url: str, each: str, following: Place | None) -> AsyncIterator[Document]:
        for _ in range(MOST_PAGES):
            page = await self._read(url)
            found = follow(page.json, each) if each else page.json
            if not isinstance(found, list):
                raise SendFailed(Reason.NOT_CONNECTED, detail="the list is missing")
            for item in page.each_of(found):
                yield item
            link = page.at(following)
            if not link:
                return
            url = _next_page(url, link)
        raise SendFailed(Reason.NOT_CONNECTED, detail="the list has no end")

    async def _read(self, url: str) -> Document:
        """Read one document. Raises SendFailed."""
        return of_answer(await self.get(url))

    async def get(self, url: str) -> HttpAnswer:
        """GET `url`; an answer of 200, and our `skew` set anew. Raises SendFailed: nothing depends on a read."""
        headers = reading_headers(self._settings.request, {})
        with told(Reason.NOT_CONNECTED):
            answer = await self._line.request("GET", url, body=None, headers=headers, deadline=READ_DEADLINE)
        now = self._clock.now()
        self.skew = skew(answer.headers, now)
        if answer.status == 429:
            raise SendFailed(Reason.THROTTLED, code="429", retry_after=retry_after(answer.headers.get("Retry-After", ""), now))
        if answer.status != 200:
            raise SendFailed(_READ_FAILED.get(answer.status, Reason.NOT_CONNECTED), code=str(answer.status))
        return answer

    def _trace(self, item: Document, outbox: Outbox) -> Trace:
        status, numbers = read_status(item, outbox, self._settings), self._settings.numbers
        return Trace(
            provider_id=status.provider_id,
            to=understood(item.at(outbox.to), numbers),
            sender=understood(item.at(outbox.sender), numbers),
            text=item.at(outbox.text),
            created_at=self._ours(item.at(outbox.created)),
            status=status,
        )

    def _ours(self, date: str) -> datetime:
        return on_our_clock(date, self.skew, self._clock.now())

    def _theirs(self, when: datetime) -> str:
        """Return the moment that the provider is asked from: well before ours, since its clock may differ and we look for ourselves."""
        return (when - ASKED_EARLIER).astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _next_page(url: str, link: str) -> str:
    """Return the address of a further page; our credentials go nowhere else. Raises SendFailed."""
    try:
        following = urljoin(url, link)
        same = urlsplit(following)[:2] == urlsplit(url)[:2]
    except ValueError:
        same, following = False, ""
    if not same:
        raise SendFailed(Reason.NOT_CONNECTED, detail="the next page lies elsewhere")
    return following


# --- doctor -------------------------------------------------------------------------------------------------------------

ELSEWHERE = Told("Look at the network, and at the provider's own status page.")


async def check(settings: HttpSmsSettings, books: Books) -> list[Check]:
    """Look whether the provider lets us in, and whether its callbacks can be believed. Sends nothing."""
    return [await _check_provider(settings, books), _check_callbacks(settings)]


async def _check_provider(settings: HttpSmsSettings, books: Books) -> Check:
    name = Told("SMS provider %(account)s", account=settings.account)
    if not settings.check_endpoint:
        return Check(name, ok=True, words=Told("It cannot be tried without sending: its file names no check_endpoint."))
    try:
        await books.get(settings.check_endpoint)
    except SendFailed as why:
        let_in = why.reason is not Reason.NOT_AUTHORISED
        remedy = ELSEWHERE if let_in else Told("Compare the credentials with the provider's.")
        return Check(name, ok=False, words=Told(why.reason.words), remedy=remedy)
    return Check(name, ok=True, words=Told("The provider answers."))


def _check_callbacks(settings: HttpSmsSettings) -> Check:
    name = Told("Callbacks from %(account)s", account=settings.account)
    if settings.callbacks and settings.callbacks.vouched_for:
        return Check(name, ok=True, words=Told("They are believed when their proof holds."))
    remedy = Told("Give [callbacks] in its file a hmac, a basic or a path_secret.")
    return Check(name, ok=False, words=Told("Nothing vouches for them, so every one is refused."), remedy=remedy)
