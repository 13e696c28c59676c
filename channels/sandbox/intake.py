"""The door: what a create request must hold to be accepted, and the code with which it is turned down otherwise."""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from channels.sandbox.codes import Refused
from channels.sandbox.contents import Content, Contents, variables_of
from channels.sandbox.resource import WHATSAPP
from channels.sandbox.world import World

#: every form parameter of message create; any other is refused (20001)
PARAMETERS = frozenset(
    {
        *("To", "From", "MessagingServiceSid", "FallbackFrom"),
        *("Body", "ContentSid", "ContentVariables", "MediaUrl", "SendAsMms", "SmartEncoded", "ShortenUrls", "PersistentAction"),
        *("StatusCallback", "ApplicationSid", "ProvideFeedback"),
        *("ValidityPeriod", "ScheduleType", "SendAt", "Attempt", "ForceDelivery"),
        *("RiskCheck", "MessageIntent", "TrafficType", "MaxPrice", "ContentRetention", "AddressRetention"),
    }
)
LIMIT = 1600
MEDIA = 10

_E164 = re.compile(r"\+[1-9]\d{6,14}")
#: eight digits, or twelve for machines (58, 59)
_NORWEGIAN = re.compile(r"\+47([2-9]\d{7}|5[89]\d{10})")
_NORWEGIAN_MOBILE = re.compile(r"\+47([49]\d{7}|5[89]\d{10})")
_NAME = re.compile(r"(?=.*[A-Za-z])[A-Za-z0-9 ]{1,11}")
_SHORT_NUMBER = re.compile(r"\d{4,6}")

Form = Mapping[str, list[str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """A message that the provider may take."""

    to: str
    sender: str
    service: str
    body: str
    content: Content | None
    buttons: tuple[tuple[str, str], ...]
    media: tuple[str, ...]
    callback: str
    valid_for: int
    send_at: datetime | None


def one(form: Form, name: str) -> str:
    """Return the first value of `name`, "" if there is none."""
    values = form.get(name)
    return values[0] if values else ""


def token_of(url: str) -> str:
    """Return the last part of a callback URL's path: the attempt's token, in the house's own URLs."""
    return url.partition("#")[0].partition("?")[0].rpartition("/")[2]


def is_name(sender: str) -> bool:
    """Whether `sender` is an alphanumeric one, which nobody can answer."""
    return not (sender.startswith(WHATSAPP) or _E164.fullmatch(sender) or _SHORT_NUMBER.fullmatch(sender))


def check(form: Form, world: World, contents: Contents, is_out: Callable[[str, str], bool]) -> Order:
    """Return the order in `form`; `is_out(sender, to)` says who has opted out. Raises Refused."""
    if unknown := sorted(set(form) - PARAMETERS):
        raise Refused(20001, ", ".join(unknown))
    to = _to(one(form, "To"), world)
    service = one(form, "MessagingServiceSid")
    sender = _sender(one(form, "From"), service, to, world)
    content, body, buttons = _text(form, contents)
    media = _media(form.get("MediaUrl", ()))
    if not (body or media):
        raise Refused(21602)
    if is_out(sender, to):
        raise Refused(21610)
    return Order(
        to=to,
        sender=sender,
        service=service,
        body=body,
        content=content,
        buttons=buttons,
        media=media,
        callback=_callback(one(form, "StatusCallback"), world),
        valid_for=_valid_for(one(form, "ValidityPeriod")),
        send_at=_send_at(form, service, world.agenda.now()),
    )


def _to(to: str, world: World) -> str:
    if not to:
        raise Refused(21604)
    number = to.removeprefix(WHATSAPP)
    if not _E164.fullmatch(number) or (number.startswith("+47") and not _NORWEGIAN.fullmatch(number)):
        raise Refused(21211, to)
    if number.startswith("+47") and to == number and not _NORWEGIAN_MOBILE.fullmatch(number):
        raise Refused(21614, to)
    allowed = world.settings.countries
    if allowed and not number.startswith(tuple(f"+{prefix}" for prefix in allowed)):
        raise Refused(21408, to)
    return to


def _sender(sender: str, service: str, to: str, world: World) -> str:
    if service:
        pool = world.settings.services.get(service)
        if pool is None:
            raise Refused(21701, service)
        sender = sender or next((each for each in pool if each.startswith(WHATSAPP) == to.startswith(WHATSAPP)), "")
        if not sender:
            raise Refused(21704, service)
    if not sender:
        raise Refused(21603)
    _check_form(sender, to)
    if world.settings.senders and sender not in world.settings.senders:
        raise Refused(63007 if sender.startswith(WHATSAPP) else 21606, sender)
    return sender


def _check_form(sender: str, to: str) -> None:
    if sender.startswith(WHATSAPP) != to.startswith(WHATSAPP):
        raise Refused(63007, sender)
    number = sender.removeprefix(WHATSAPP)
    well_formed = _E164.fullmatch(number)
    if to == to.removeprefix(WHATSAPP):
        well_formed = well_formed or _NAME.fullmatch(number) or _SHORT_NUMBER.fullmatch(number)
    if not well_formed:
        raise Refused(21212, sender)


def _text(form: Form, contents: Contents) -> tuple[Content | None, str, tuple[tuple[str, str], ...]]:
    sid, variables, body = one(form, "ContentSid"), one(form, "ContentVariables"), one(form, "Body")
    if not sid:
        if variables:
            raise Refused(21654)
        if len(body) > LIMIT:
            raise Refused(21617, f"{len(body)} characters")
        return None, body, ()
    content = contents.by_sid.get(sid)
    if content is None:
        raise Refused(21655, sid)
    rendered, buttons = content.render(variables_of(variables))
    return content, rendered, buttons


def _media(urls: Iterable[str]) -> tuple[str, ...]:
    media = tuple(urls)
    if len(media) > MEDIA:
        raise Refused(21623)
    for url in media:
        if not url.startswith(("http://", "https://")):
            raise Refused(21620, url)
    return media


def _callback(url: str, world: World) -> str:
    if url and not world.may_call(url):
        raise Refused(21609, "only this machine's own addresses, and origins named in may_call")
    return url


def _valid_for(seconds: str) -> int:
    if not seconds:
        return 36_000
    if not re.fullmatch(r"\d{1,6}", seconds) or not 1 <= int(seconds) <= 36_000:
        raise Refused(21624, seconds)
    return int(seconds)


def _send_at(form: Form, service: str, now: datetime) -> datetime | None:
    text = one(form, "SendAt")
    if not (text or one(form, "ScheduleType")):
        return None
    if not service:
        raise Refused(35118)
    if not text:
        raise Refused(35111)
    try:
        when = datetime.fromisoformat(text)
    except ValueError:
        raise Refused(35114, text) from None
    if when.tzinfo is None or not timedelta(minutes=15) <= when - now <= timedelta(days=35):
        raise Refused(35114, text)
    return when
