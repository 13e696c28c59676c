"""The message as the provider keeps it and shows it: twenty keys, counts as strings, dates as in RFC 2822."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import format_datetime
from functools import lru_cache
from urllib.parse import quote, urlencode

from channels.sandbox.codes import FAILURES, Refused, State
from messages.segments import count

API = "/2010-04-01/Accounts"
WHATSAPP = "whatsapp:"
#: per segment, in dollars; people should see that messages cost something
PRICE = 0.0798


@dataclass(slots=True, kw_only=True)
class Message:
    """One message, out or in. `to` and `sender` are as the API has them, with "whatsapp:" where that belongs."""

    sid: str
    to: str
    sender: str
    body: str
    state: State
    created: datetime
    updated: datetime
    sent: datetime | None = None
    direction: str = "outbound-api"
    service: str = ""
    code: int = 0
    segments: int = 1
    #: URLs of pictures and voice notes
    media: tuple[str, ...] = ()
    callback: str = ""
    token: str = ""
    valid_for: int = 36_000
    #: quick replies: (title, payload)
    buttons: tuple[tuple[str, str], ...] = ()
    #: id of the template that the text was rendered from, and whether it may open a conversation
    template: str = ""
    approved: bool = False
    #: not in lists before this
    listed_from: datetime
    #: the how-manieth message to this number, for the dice
    nth: int = 0
    send_at: datetime | None = None

    @property
    def channel(self) -> str:
        """Return "whatsapp" or "sms"."""
        return "whatsapp" if self.to.startswith(WHATSAPP) or self.sender.startswith(WHATSAPP) else "sms"

    @property
    def number(self) -> str:
        """Return the recipient's number alone."""
        return self.to.removeprefix(WHATSAPP)

    def as_json(self, account: str) -> dict[str, object]:
        """Return the resource: these keys and no others."""
        uri = f"{API}/{account}/Messages/{self.sid}"
        # a service says how many segments, from whom and at what price only when it has sent
        early = bool(self.service) and self.state in {State.ACCEPTED, State.SCHEDULED}
        paid = self.direction.startswith("outbound") and self.sent is not None
        return {
            "account_sid": account,
            "api_version": "2010-04-01",
            "body": self.body,
            "date_created": rfc2822(self.created),
            "date_sent": rfc2822(self.sent),
            "date_updated": rfc2822(self.updated),
            "direction": self.direction,
            "error_code": self.code or None,
            "error_message": FAILURES.get(self.code),
            "from": None if early or not self.sender else self.sender,
            "messaging_service_sid": self.service or None,
            "num_media": str(len(self.media)),
            "num_segments": "0" if early else str(self.segments),
            "price": f"{-PRICE * self.segments:.5f}" if paid else None,
            "price_unit": "USD",
            "sid": self.sid,
            "status": self.state.value,
            "subresource_uris": {"media": f"{uri}/Media.json", "feedback": f"{uri}/Feedback.json"},
            "to": self.to,
            "uri": f"{uri}.json",
        }


@lru_cache(1024)
def segments_of(text: str) -> int:
    """Return how many SMS `text` takes. One text goes to many people, so it is counted once."""
    return count(text).segments


def rfc2822(when: datetime | None) -> str | None:
    """Return `when` as the API writes it, in whole seconds of UTC; None stays None."""
    return None if when is None else _rfc2822(int(when.timestamp()))


def http_date(when: datetime) -> str:
    """Return `when` as the Date header of an answer."""
    return _rfc2822(int(when.timestamp())).replace("+0000", "GMT")


@lru_cache(4096)
def _rfc2822(second: int) -> str:
    return format_datetime(datetime.fromtimestamp(second, UTC))


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """What a list is asked for."""

    to: str = ""
    sender: str = ""
    #: earliest and latest date_sent, both included
    since: datetime | None = None
    until: datetime | None = None
    #: the filters as they were asked for, for the page's own URIs
    asked: Mapping[str, str] = field(default_factory=dict)
    size: int = 50
    page: int = 0
    #: the last message of the page before
    token: str = ""

    def matches(self, message: Message, now: datetime) -> bool:
        """Whether `message` belongs in the list at `now`."""
        if message.listed_from > now or (self.sender and message.sender != self.sender) or (self.to and message.to != self.to):
            return False
        if not (self.since or self.until):
            return True
        if message.sent is None:  # what has not been sent has no date to match
            return False
        return (not self.since or message.sent >= self.since) and (not self.until or message.sent <= self.until)


@dataclass(slots=True)
class Shelf:
    """All messages, by id, by recipient and in the order in which they came."""

    by_sid: dict[str, Message] = field(default_factory=dict)
    by_to: dict[str, list[Message]] = field(default_factory=dict)

    def put(self, message: Message) -> None:
        """Keep `message`."""
        self.by_sid[message.sid] = message
        self.by_to.setdefault(message.to, []).append(message)

    def get(self, sid: str) -> Message:
        """Return the message `sid`. Raises Refused (20404)."""
        try:
            return self.by_sid[sid]
        except KeyError:
            raise Refused(20404, f"Messages/{sid}") from None

    def remove(self, sid: str) -> None:
        """Forget the message `sid`."""
        message = self.by_sid.pop(sid)
        self.by_to[message.to].remove(message)

    def _newest_first(self, query: Query) -> Iterator[Message]:
        if query.to:
            return reversed(self.by_to.get(query.to, []))
        return reversed(self.by_sid.values())

    def page(self, query: Query, now: datetime) -> tuple[list[Message], bool]:
        """Return one page, newest first, and whether there is another. Raises Refused for a page token of no use."""
        found: list[Message] = []
        skipping = query.token
        for message in self._newest_first(query):
            if skipping:
                skipping = "" if message.sid == skipping else skipping
            elif query.matches(message, now):
                found.append(message)
            if len(found) > query.size:
                return found[: query.size], True
        if skipping:
            raise Refused(20422, "PageToken")
        return found, False


def list_json(account: str, query: Query, messages: list[Message], *, more: bool) -> dict[str, object]:
    """Return one page of the list: these keys and no others, or the official client refuses it."""
    start = query.page * query.size
    last = messages[-1].sid if messages else ""
    return {
        "messages": [message.as_json(account) for message in messages],
        "page": query.page,
        "page_size": query.size,
        "start": start,
        "end": start + max(len(messages) - 1, 0),
        "uri": _page_uri(account, query, query.page, query.token),
        "first_page_uri": _page_uri(account, query, 0, ""),
        "next_page_uri": _page_uri(account, query, query.page + 1, last) if more else None,
        # as at Twilio, one goes back to the first page; the page between is not kept
        "previous_page_uri": _page_uri(account, query, 0, "") if query.page else None,
    }


def _page_uri(account: str, query: Query, page: int, token: str) -> str:
    fields = {**query.asked, "PageSize": str(query.size), "Page": str(page)} | ({"PageToken": f"PA{token}"} if token else {})
    return f"{API}/{quote(account)}/Messages.json?{urlencode(fields)}"
