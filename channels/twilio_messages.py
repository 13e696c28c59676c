"""Twilio's messages, as SMS and WhatsApp both have them: words and codes, the form of a create, its answer, callbacks."""

import base64
import hmac
import json
import re
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any
from urllib.parse import quote_plus

from multidict import CIMultiDict, CIMultiDictProxy, MultiDict
from twilio.request_validator import HMAC_SHA1, HMAC_SHA256, SIGNATURE_HEADER, SIGNATURE_SETTINGS_HEADER, RequestValidator

from channels.base import Callback, Content, Evidence, Media, NotGenuine, Outbound, Reason, SendFailed, Sent, Status
from channels.one_shot import TROUBLES, failure
from channels.settings import TwilioAccount
from channels.twilio_client import Answer, TwilioClient, object_in

# --- facts --------------------------------------------------------------------------------------------------------------

#: Twilio's word for a message's state -> what it proves
EVIDENCE: Mapping[str, Evidence] = {
    "accepted": Evidence.ACCEPTED,  # a messaging service has it and still looks for a sender
    "scheduled": Evidence.ACCEPTED,  # waits for its time
    "queued": Evidence.ACCEPTED,  # waits for its turn on our sender
    "sending": Evidence.ACCEPTED,  # on its way to the operator
    "sent": Evidence.SENT,  # the operator has it, the phone may not
    "partially_delivered": Evidence.SENT,  # some segments are on the phone, which nobody can read as a whole
    "failed": Evidence.UNDELIVERED,  # never left Twilio
    "undelivered": Evidence.UNDELIVERED,  # the operator gave up, or threw it away
    "canceled": Evidence.UNDELIVERED,  # taken back before it left
    "delivered": Evidence.DELIVERED,  # the phone has it
    "read": Evidence.READ,  # WhatsApp: opened, with read receipts switched on
}
#: states that say why in their error code
_GIVEN_UP = frozenset({"failed", "undelivered"})

#: Twilio's code -> reason, for what every channel can meet; each channel adds its own
CODES: Mapping[int, Reason] = {
    11751: Reason.FILTERED,  # the media are larger than the channel carries
    14107: Reason.THROTTLED,  # too many between these two numbers in a short time: refused at the door
    20001: Reason.OUR_BUG,  # a parameter Twilio does not know
    20003: Reason.NOT_AUTHORISED,  # sid and token do not belong together
    20005: Reason.ACCOUNT_SUSPENDED,  # out of funds, or closed
    20006: Reason.NOT_AUTHORISED,  # this key may not do this
    20403: Reason.NOT_AUTHORISED,  # forbidden
    20404: Reason.OUR_BUG,  # no such thing in this account
    20429: Reason.THROTTLED,  # too many requests at once: never processed
    20500: Reason.UNCERTAIN,  # an error in there, at any point
    20503: Reason.UNCERTAIN,  # out of service, perhaps after accepting
    21211: Reason.ADDRESS_INVALID,  # 'To' is no telephone number
    21212: Reason.BAD_SENDER,  # 'From' is no telephone number or name
    21217: Reason.ADDRESS_INVALID,  # the number does not look valid
    21408: Reason.OUT_OF_REACH,  # the country of 'To' is not opened: one foreign number must not stop the sender for all
    21601: Reason.BAD_SENDER,  # 'From' cannot send SMS
    21602: Reason.BAD_CONTENT,  # no text and no media
    21603: Reason.BAD_SENDER,  # neither a sender nor a messaging service
    21604: Reason.OUR_BUG,  # no 'To'
    21606: Reason.BAD_SENDER,  # 'From' is not ours, or cannot send
    21608: Reason.BAD_SENDER,  # a trial account sends to verified numbers only
    21609: Reason.OUR_BUG,  # the status URL is not one Twilio would call
    21610: Reason.OPTED_OUT,  # the person wrote STOP to this sender
    21611: Reason.QUEUE_FULL,  # this sender's queue is full
    21612: Reason.OUT_OF_REACH,  # this sender has no way to this number
    21614: Reason.NOT_A_MOBILE,  # a landline
    21617: Reason.BAD_CONTENT,  # longer than 1,600 characters
    21618: Reason.FILTERED,  # every operator filters this text
    21619: Reason.BAD_CONTENT,  # neither text nor media
    21620: Reason.BAD_CONTENT,  # the address of a picture is no address
    21623: Reason.BAD_CONTENT,  # more than ten pictures
    21624: Reason.OUR_BUG,  # validity out of bounds
    21649: Reason.BAD_SENDER,  # the number's regulatory papers are missing
    21654: Reason.OUR_BUG,  # variables without a template
    21655: Reason.NO_TEMPLATE,  # no such template
    21656: Reason.OUR_BUG,  # the template's variables are no JSON object of strings
    21657: Reason.BAD_SENDER,  # the sender's name is not valid
    21658: Reason.OUR_BUG,  # a parameter is too long
    21659: Reason.BAD_SENDER,  # 'From' is not a number of Twilio's, or not for this country
    21660: Reason.BAD_SENDER,  # 'From' belongs to another account
    21701: Reason.BAD_SENDER,  # no such messaging service
    21703: Reason.BAD_SENDER,  # the service has no sender for this message
    21704: Reason.BAD_SENDER,  # the service has no sender at all
    21705: Reason.BAD_SENDER,  # the service is not valid
    30001: Reason.EXPIRED_THERE,  # waited longer than its validity
    30002: Reason.ACCOUNT_SUSPENDED,  # between the request and the sending
    30003: Reason.UNREACHABLE,  # switched off or out of coverage: passes
    30008: Reason.UNDELIVERED,  # for a reason the operator does not tell
}

#: seconds a message may wait at Twilio; below 6 it might be dropped before its turn
SHORTEST, LONGEST = 6, 36_000
SID = re.compile(r"(SM|MM)[0-9a-f]{32}")
NUMBER = re.compile(r"\+[0-9]+")
_TOKEN = re.compile(r"/status/([A-Za-z0-9_-]{1,64})/?$")
_MEDIA = re.compile(r"MediaUrl([0-9]+)")

# --- sending ------------------------------------------------------------------------------------------------------------


def valid_for(seconds: int) -> str:
    """Return how long Twilio may keep trying, within its bounds."""
    return str(min(max(seconds, SHORTEST), LONGEST))


def sender_field(sender: str) -> tuple[str, str]:
    """Return the pair that names the sender: a messaging service by its id, anything else as it is."""
    return ("MessagingServiceSid" if sender.startswith("MG") and re.fullmatch(r"MG[0-9a-fA-F]{32}", sender) else "From", sender)


def variables(content: Content | None) -> str:
    """Return a template's variables as the JSON that Twilio wants, or "" when there are none."""
    return json.dumps(dict(content.variables), ensure_ascii=False) if content and content.variables else ""


async def create(client: TwilioClient, out: Outbound, shared: Callable[[Outbound], str], *, to: str, codes: Mapping[int, Reason]) -> Sent:
    """POST a message once, by its own two fields and those that it shares with many. Raises SendFailed."""
    try:
        answer = await client.create(pressed(to, out.status_url, out.token, shared(out)), deadline=out.deadline)
    except TROUBLES as why:
        raise failure(why, Reason.UNCERTAIN) from None
    return read_created(Answer(answer.status, object_in(answer.text), answer.headers), client, to=to, codes=codes)


def pressed(to: str, callback: str, token: str, shared: str) -> bytes:
    """Return the body of a create. A message's own are its number and its callback; of the callback only `token`, which goes as it is."""
    before, found, after = callback.partition(token) if token.isalnum() else (callback, "", "")
    back = f"&StatusCallback={_quoted(before)}{found}{_quoted(after)}" if callback else ""
    number = f"%2B{to[1:]}" if NUMBER.fullmatch(to) else quote_plus(to)
    return f"To={number}{back}{shared}".encode()


def written(form: Sequence[tuple[str, str]]) -> str:
    """Return what stands in a create after its first two fields, without empty ones: what many messages share is written once, and kept."""
    return _joined(tuple(form[2:]))


@lru_cache(maxsize=1024)
def _joined(form: tuple[tuple[str, str], ...]) -> str:
    return "".join(f"&{name}={quote_plus(value)}" for name, value in form if value)


@lru_cache(maxsize=64)
def _quoted(text: str) -> str:
    return quote_plus(text)


def read_created(answer: Answer, client: TwilioClient, *, to: str, codes: Mapping[int, Reason]) -> Sent:
    """Return what the answer to a create proves. Raises SendFailed; UNCERTAIN for whatever Twilio would not say to this request."""
    body = answer.body
    sid = body.get("sid")
    ours = body.get("to") == to and body.get("account_sid") == client.account.sid
    if answer.status == 201 and ours and isinstance(sid, str) and SID.fullmatch(sid):
        word = _word(body)
        if word in _GIVEN_UP:
            error = _code(body.get("error_code"))
            raise SendFailed(_why(error, codes), code=error, detail=sid)
        return Sent(sid, EVIDENCE.get(word, Evidence.ACCEPTED), _segments(body), _price(body))
    code = answer.code
    if answer.status == 429:
        raise SendFailed(Reason.THROTTLED, code=str(code or 429), retry_after=client.retry_after(answer))
    if 400 <= answer.status < 500 and code:
        raise SendFailed(codes.get(code, Reason.REFUSED), code=str(code), retry_after=client.retry_after(answer))
    raise SendFailed(Reason.UNCERTAIN, code=str(code or answer.status), detail="not the answer to our request")


def read_status(resource: Mapping[str, Any], codes: Mapping[int, Reason]) -> Status:
    """Return the status that a message resource holds (counts and prices are strings there, and often still empty)."""
    word, code = _word(resource), _code(resource.get("error_code"))
    return Status(
        evidence=EVIDENCE.get(word, Evidence.ACCEPTED),
        provider_id=str(resource.get("sid") or ""),
        reason=_reason(word, code, codes),
        code=code,
        segments=_segments(resource),
        price=_price(resource),
        word=word[:40],
    )


def _word(resource: Mapping[str, Any]) -> str:
    return _readable(resource.get("status"))


def _code(value: object) -> str:
    return _readable(value)[:20]


def _readable(value: object) -> str:
    """Return a word without what cannot be printed: it is written down, and not every database takes every character."""
    return "".join(filter(str.isprintable, str(value or "")))


def _segments(resource: Mapping[str, Any]) -> int | None:
    return int(_amount(resource.get("num_segments"))) or None


def _price(resource: Mapping[str, Any]) -> float | None:
    return _amount(resource.get("price")) or None


def _reason(word: str, code: str, codes: Mapping[int, Reason]) -> Reason | None:
    return _why(code, codes) if word in _GIVEN_UP else None


def _why(code: str, codes: Mapping[int, Reason]) -> Reason:
    return codes.get(int(code), Reason.UNDELIVERED) if re.fullmatch(r"[0-9]{1,6}", code) else Reason.UNDELIVERED


def _amount(value: object) -> float:
    """Twilio's prices are negative, and its numbers strings; what is not there yet is 0."""
    if value is None:
        return 0.0
    try:
        amount = abs(float(str(value)))
    except ValueError:
        return 0.0
    return amount if amount < 1e6 else 0.0


# --- callbacks ----------------------------------------------------------------------------------------------------------


def genuine(callback: Callback, account: TwilioAccount) -> MultiDict[str]:
    """Return the callback's fields, if Twilio signed them for this account. Raises NotGenuine."""
    fields = MultiDict(callback.fields)
    if not fields:
        raise NotGenuine("Twilio's messages come as form fields.")
    if not _signed(callback, fields, account):
        raise NotGenuine("The signature is missing or wrong.")
    if fields.get("AccountSid") != account.sid:
        raise NotGenuine("This is for another account.")
    return fields


def _signed(callback: Callback, fields: MultiDict[str], account: TwilioAccount) -> bool:
    headers = callback.headers if isinstance(callback.headers, CIMultiDictProxy) else CIMultiDict(callback.headers)
    signature = headers.get(SIGNATURE_HEADER, "")
    algorithm, secrets = _secrets(headers.get(SIGNATURE_SETTINGS_HEADER, ""), account)
    url = callback.url.partition("#")[0]
    try:
        for secret in secrets:
            if hmac.compare_digest(_signature(url, callback.fields, secret, algorithm), signature.encode()):
                return True
        # the SDK tries the address with and without its port, too
        return any(_validator(secret).validate(url, fields, signature, algorithm) for secret in secrets)
    except Exception:  # noqa: BLE001 - the validator raises whatever it stumbles over; none of it is a signature
        return False


def _signature(url: str, fields: Sequence[tuple[str, str]], secret: str, algorithm: str) -> bytes:
    """What Twilio signs a form with: the address, then each name and value once, in order."""
    signed = url + "".join(name + value for name, value in sorted(set(fields)))
    return base64.b64encode(hmac.digest(secret.encode(), signed.encode(), _DIGESTS[algorithm]))


_DIGESTS = {HMAC_SHA1: "sha1", HMAC_SHA256: "sha256"}


def _validator(secret: str) -> Any:  # the SDK forgets to say what it returns
    return RequestValidator(secret)


def _secrets(settings: str, account: TwilioAccount) -> tuple[str, list[str]]:
    """The request names an algorithm and a key, but which secret goes with which algorithm is ours to say."""
    named = dict(part.strip().partition("=")[::2] for part in settings.split(",")) if settings else {}
    match named.get("algorithm", HMAC_SHA1):
        case "HMAC_SHA1":
            return HMAC_SHA1, [token for token in (account.auth_token, account.other_auth_token) if token]
        case "HMAC_SHA256":
            return HMAC_SHA256, [secret for key, secret in account.shared_keys if key == named.get("key")]
        case _:
            return HMAC_SHA1, []


def _path(callback: Callback) -> str:
    """What stands before a query; an address of ours has nothing in its host or scheme that could be taken for it."""
    return callback.url.partition("?")[0].partition("#")[0]


def is_status(callback: Callback) -> bool:
    """Whether this request came to a status URL. The signature covers the URL, so nobody can have it otherwise."""
    return "/status/" in _path(callback)


def parse_status(callback: Callback, fields: MultiDict[str], codes: Mapping[int, Reason]) -> list[Status]:
    """Return what a status callback says; the attempt's token stands in its URL. Unknown parameters are Twilio's good right."""
    token = _TOKEN.search(_path(callback))
    word, code = _readable(fields.get("MessageStatus") or fields.get("SmsStatus")), _code(fields.get("ErrorCode"))
    status = Status(
        evidence=EVIDENCE.get(word, Evidence.ACCEPTED),
        token=token[1] if token else "",
        provider_id=message_id(fields),
        reason=_reason(word, code, codes),
        code=code,
        word=word[:40],
    )
    return [status]


def message_id(fields: MultiDict[str]) -> str:
    """Return the message's id. Raises NotGenuine: Twilio never leaves it out."""
    sid = fields.get("MessageSid") or fields.get("SmsSid") or ""
    if not SID.fullmatch(sid):
        raise NotGenuine("There is no message id in it.")
    return sid


def media(fields: MultiDict[str]) -> tuple[Media, ...]:
    """Return the pictures and voice notes of an inbound message (to be fetched with our credentials)."""
    found = [(int(match[1]), value) for name, value in fields.items() if (match := _MEDIA.fullmatch(name))]
    return tuple(Media(url=url, content_type=fields.get(f"MediaContentType{number}") or "") for number, url in sorted(found))
