"""What Twilio tells us: signatures, statuses and answers, as tables of captured shapes. Forgeries change one thing each."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, strategies as st
from multidict import MultiDict
from twilio.request_validator import RequestValidator

from channels import twilio_messages, twilio_sms, twilio_whatsapp
from channels.base import Callback, Evidence, Inbound, Media, NotGenuine, Reason, Status
from channels.clock import SystemClock
from channels.settings import SANDBOX_SID, SmsSettings, WhatsAppSettings
from channels.twilio_client import TwilioClient
from channels.twilio_sms import TwilioSms
from channels.twilio_whatsapp import TwilioWhatsApp
from tests.channels.rigs import account

BASE = "https://varsel.sorby.example:8443/hooks/sorby"
TOKEN = "0123456789abcdef0123456789abcdef"
SID = "SM" + "0123456789abcdef" * 2
AT = datetime(2026, 11, 23, 17, tzinfo=UTC)
COMMON = {"AccountSid": SANDBOX_SID, "ApiVersion": "2010-04-01"}
STATUS = {
    **COMMON,
    "SmsSid": SID,
    "SmsStatus": "delivered",
    "MessageStatus": "delivered",
    "To": "+4790000001",
    "MessageSid": SID,
    "From": "+4759440000",
}
INBOUND = {
    **COMMON,
    **{f"{side}{what}": "" for side in ("To", "From") for what in ("State", "City", "Zip")},
    "ToCountry": "NO",
    "SmsMessageSid": SID,
    "SmsSid": SID,
    "MessageSid": SID,
    "SmsStatus": "received",
    "From": "+4790000001",
    "To": "+4759440000",
    "Body": " 2 ",
    "NumSegments": "1",
    "NumMedia": "0",
}
WA_INBOUND = {
    **INBOUND,
    "From": "whatsapp:+4790000001",
    "To": "whatsapp:+4759440000",
    "ProfileName": "Ayan",
    "WaId": "4790000001",
    "MessageType": "text",
}


def sms(**changes: Any) -> TwilioSms:
    its = account("", **changes)
    return TwilioSms(SmsSettings(account=its), TwilioClient(its, SystemClock()))


def whatsapp() -> TwilioWhatsApp:
    its = account("")
    return TwilioWhatsApp(WhatsAppSettings(account=its), TwilioClient(its, SystemClock()))


def signed(url: str, fields: dict[str, str] | list[tuple[str, str]], secret: str = "sandbox", algorithm: str = "") -> Callback:
    """Return the callback as Twilio would make it."""
    pairs = list(fields.items()) if isinstance(fields, dict) else fields
    signature = RequestValidator(secret).compute_signature(url.partition("#")[0], MultiDict(pairs), algorithm or None)
    headers = {"X-Twilio-Signature": signature}
    if algorithm:
        headers["X-Twilio-Webhooks-Signature-Settings"] = f"key=webhooks_sharedkey_1,algorithm={algorithm}"
    return Callback(url=url, headers=headers, fields=pairs, received_at=AT)


def status_call(**changes: str) -> Callback:
    return signed(f"{BASE}/status/{TOKEN}", {**STATUS, **changes})


# --- signatures ---------------------------------------------------------------------------------------------------------


def test_the_signature_is_twilios() -> None:
    """The example that Twilio publishes with its library: the key 12345, a request with query and five fields."""
    fields = {
        "CallSid": "CA1234567890ABCDE",
        "Digits": "1234",
        "From": "+14158675309",
        "To": "+18005551212",
        "Caller": "+14158675309",
        "AccountSid": SANDBOX_SID,
    }
    published = {name: value for name, value in fields.items() if name != "AccountSid"}
    url = "https://mycompany.com/myapp.php?foo=1&bar=2"
    assert RequestValidator("12345").compute_signature(url, published) == "RSOYDt4T1cUTdK1PDd93/VVr8B8="
    ours = account("", auth_token="12345")
    call = signed(url, fields, "12345")
    assert twilio_messages.genuine(call, ours)["Digits"] == "1234"
    assert not twilio_messages._signed(replace(call, fields=[*published.items()]), MultiDict(published), ours)
    published_call = replace(call, headers={"X-Twilio-Signature": "RSOYDt4T1cUTdK1PDd93/VVr8B8="})
    assert twilio_messages._signed(published_call, MultiDict(published), ours)


@pytest.mark.parametrize(
    ("label", "call"),
    [
        ("as it is", status_call()),
        ("with a fragment", replace(status_call(), url=f"{BASE}/status/{TOKEN}#rc=4&rp=5xx,ct,rt")),
        ("header names in small letters", replace(status_call(), headers={k.lower(): v for k, v in status_call().headers.items()})),
        ("unknown parameters", status_call(SomethingNew="1", Zzz="")),
        ("blanks and repeats", signed(f"{BASE}/status/{TOKEN}", [*STATUS.items(), ("Empty", ""), ("Twice", "a"), ("Twice", "b")])),
    ],
)
def test_what_twilio_signed_is_believed(label: str, call: Callback) -> None:
    (status,) = sms().parse(call)
    assert isinstance(status, Status), label
    assert (status.token, status.provider_id) == (TOKEN, SID)


GENUINE = status_call()
FORGERIES: list[tuple[str, Callback]] = [
    ("no signature", replace(GENUINE, headers={})),
    ("an empty signature", replace(GENUINE, headers={"X-Twilio-Signature": ""})),
    ("a signature that is no base64", replace(GENUINE, headers={"X-Twilio-Signature": "æ" * 28})),
    ("another token's signature", signed(f"{BASE}/status/{TOKEN}", STATUS, "somebody else's")),
    ("another address", replace(GENUINE, url=f"{BASE}/status/{'f' * 32}")),
    ("another port", replace(GENUINE, url=GENUINE.url.replace(":8443", ":8444"))),
    ("another host", replace(GENUINE, url=GENUINE.url.replace("varsel", "xarsel"))),
    ("an inbound made of a status", replace(GENUINE, url=f"{BASE}/inbound")),
    ("a field changed", replace(GENUINE, fields=[*(STATUS | {"MessageStatus": "read"}).items()])),
    ("a field added", replace(GENUINE, fields=[*STATUS.items(), ("ErrorCode", "30007")])),
    ("a field left out", replace(GENUINE, fields=[*STATUS.items()][1:])),
    ("another account, rightly signed", status_call(AccountSid="AC" + "1" * 32)),
    ("no message id, rightly signed", status_call(MessageSid="", SmsSid="")),
    ("a foreign id, rightly signed", status_call(MessageSid="<script>")),
    ("no fields", signed(f"{BASE}/status/{TOKEN}", {})),
    ("JSON in place of a form", replace(signed(f"{BASE}/status/{TOKEN}?bodySHA256=00", {}), body=b'{"MessageSid": "SM1"}')),
    ("a port that is no number", replace(GENUINE, url=GENUINE.url.replace(":8443", ":port"))),
    ("no URL", replace(GENUINE, url="")),
    ("half a character", replace(GENUINE, fields=[*STATUS.items(), ("x", "\ud83d")])),
    ("SHA-256 without a shared key", signed(f"{BASE}/status/{TOKEN}", STATUS, "sandbox", "HMAC_SHA256")),
    ("an algorithm of the sender's", signed(f"{BASE}/status/{TOKEN}", STATUS, "sandbox", "HMAC_SHA1")),
]
FORGERIES[-1][1].headers["X-Twilio-Webhooks-Signature-Settings"] = "key=x,algorithm=MD5"  # type: ignore[index]


@pytest.mark.parametrize("call", [pytest.param(call, id=label) for label, call in FORGERIES])
def test_a_forgery_is_not_believed(call: Callback) -> None:
    with pytest.raises(NotGenuine):
        sms().parse(call)


def test_both_tokens_sign_while_they_are_being_changed() -> None:
    old = signed(f"{BASE}/status/{TOKEN}", STATUS, "the old one")
    assert sms(other_auth_token="the old one").parse(old)
    assert sms(other_auth_token="the old one").parse(GENUINE)
    with pytest.raises(NotGenuine):
        sms().parse(old)


def test_a_shared_key_signs_with_sha256_and_nothing_else() -> None:
    keyed = sms(shared_keys=(("webhooks_sharedkey_1", "shared"), ("webhooks_sharedkey_2", "another")))
    call = signed(f"{BASE}/status/{TOKEN}", STATUS, "shared", "HMAC_SHA256")
    assert keyed.parse(call)
    for settings, secret, algorithm in [
        ("key=webhooks_sharedkey_2,algorithm=HMAC_SHA256", "shared", "HMAC_SHA256"),  # another key's name
        ("key=webhooks_sharedkey_1,algorithm=HMAC_SHA256", "sandbox", "HMAC_SHA256"),  # the auth token in a new dress
        ("", "shared", "HMAC_SHA1"),  # the shared key in the old one
        ("key=webhooks_sharedkey_1,algorithm=HMAC_SHA1", "shared", "HMAC_SHA1"),
        ("algorithm=HMAC_SHA256", "", "HMAC_SHA256"),
    ]:
        forged = signed(f"{BASE}/status/{TOKEN}", STATUS, secret, algorithm)
        headers = {**forged.headers, "X-Twilio-Webhooks-Signature-Settings": settings}
        with pytest.raises(NotGenuine):
            keyed.parse(replace(forged, headers=headers))


@given(st.lists(st.tuples(st.text(max_size=20), st.text(max_size=40)), max_size=8), st.text(max_size=60), st.text(max_size=60))
def test_nothing_that_comes_in_makes_parse_stumble(fields: list[tuple[str, str]], url: str, signature: str) -> None:
    call = Callback(url=url, headers={"X-Twilio-Signature": signature}, fields=fields, received_at=AT)
    for channel in (sms(), whatsapp()):
        with pytest.raises(NotGenuine):
            channel.parse(call)


# --- statuses -----------------------------------------------------------------------------------------------------------

STATUSES: list[tuple[str, str, Evidence, Reason | None]] = [
    ("accepted", "", Evidence.ACCEPTED, None),
    ("scheduled", "", Evidence.ACCEPTED, None),
    ("queued", "", Evidence.ACCEPTED, None),
    ("sending", "", Evidence.ACCEPTED, None),
    ("sent", "", Evidence.SENT, None),
    ("delivered", "", Evidence.DELIVERED, None),
    ("read", "", Evidence.READ, None),
    ("partially_delivered", "", Evidence.SENT, None),
    ("canceled", "", Evidence.UNDELIVERED, None),
    ("undelivered", "30003", Evidence.UNDELIVERED, Reason.UNREACHABLE),
    ("undelivered", "30005", Evidence.UNDELIVERED, Reason.ADDRESS_INVALID),
    ("undelivered", "30006", Evidence.UNDELIVERED, Reason.NOT_A_MOBILE),
    ("failed", "30007", Evidence.UNDELIVERED, Reason.FILTERED),
    ("failed", "21610", Evidence.UNDELIVERED, Reason.OPTED_OUT),
    ("failed", "", Evidence.UNDELIVERED, Reason.UNDELIVERED),
    ("undelivered", "99999", Evidence.UNDELIVERED, Reason.UNDELIVERED),
    ("failed", "many", Evidence.UNDELIVERED, Reason.UNDELIVERED),
    ("teleported", "", Evidence.ACCEPTED, None),
]
#: what a database may refuse to keep, and what is left of it
UNPRINTABLE = [("failed\0", "30007\0"), ("fai\nled", "30\x07007")]


@pytest.mark.parametrize(("word", "code", "evidence", "reason"), STATUSES)
def test_each_word_proves_what_it_proves(word: str, code: str, evidence: Evidence, reason: Reason | None) -> None:
    (status,) = sms().parse(status_call(MessageStatus=word, SmsStatus=word, **({"ErrorCode": code} if code else {})))
    assert status == Status(evidence=evidence, token=TOKEN, provider_id=SID, reason=reason, code=code, word=word)


@pytest.mark.parametrize(("word", "code"), UNPRINTABLE, ids=["nothing", "signs"])
def test_what_cannot_be_printed_is_left_out(word: str, code: str) -> None:
    """A sign in a code, which its database refuses, would keep what came of a call from being written down."""
    seen = twilio_messages.read_status({"sid": SID, "status": word, "error_code": code}, {})
    assert (seen.word, seen.code, seen.reason) == ("failed", "30007", Reason.UNDELIVERED)
    (told,) = sms().parse(status_call(MessageStatus=word, SmsStatus=word, ErrorCode=code))
    assert (told.word, told.code) == ("failed", "30007")  # type: ignore[union-attr]


def test_every_word_of_twilios_has_its_evidence() -> None:
    from twilio.rest.api.v2010.account.message import MessageInstance

    words = {value for name, value in vars(MessageInstance.Status).items() if name.isupper()}
    assert words - {"receiving", "received"} == set(twilio_messages.EVIDENCE)


def test_a_window_that_has_closed_is_told_by_a_status() -> None:
    (status,) = whatsapp().parse(status_call(MessageStatus="failed", ErrorCode="63016", ChannelPrefix="whatsapp"))
    assert isinstance(status, Status)
    assert status.reason is Reason.WINDOW_CLOSED


#: every code that a message can meet, by the research, under what it must lead to
LISTED: dict[Reason, tuple[int, ...]] = {
    Reason.NOT_AUTHORISED: (20003,),
    Reason.OUR_BUG: (20404, 21656, 21609),
    Reason.THROTTLED: (20429,),
    Reason.UNCERTAIN: (20500,),
    Reason.ADDRESS_INVALID: (21211, 21217, 30005),
    Reason.NOT_A_MOBILE: (21614, 30006),
    Reason.BAD_CONTENT: (21602, 21617, 21619, 21620, 21623),
    Reason.BAD_SENDER: (21212, 21601, 21603, 21606, 21608, 21659, 21703, 21705, 63007),
    Reason.OUT_OF_REACH: (21408, 21612, 30018, 30022, 30023, 30034, 30042, 30450, 63015),
    Reason.OPTED_OUT: (21610, 63014),
    Reason.QUEUE_FULL: (21611,),
    Reason.EXPIRED_THERE: (30001,),
    Reason.ACCOUNT_SUSPENDED: (30002, 63051),
    Reason.UNREACHABLE: (30003,),
    Reason.BLOCKED: (30004, 63032, 63049),
    Reason.FILTERED: (30007, 63005, 63013, 63021, 63019, 11751, 63030),
    Reason.UNDELIVERED: (30008, 30410, 30500, 63001, 63008, 63010, 63012, 63020),
    Reason.NOT_ON_WHATSAPP: (63003, 63024),
    Reason.WINDOW_CLOSED: (63016,),
    Reason.WHATSAPP_LIMIT: (63017, 63018),
    Reason.NO_TEMPLATE: (63027, 63028, 63041),
}


@pytest.mark.parametrize(("reason", "code"), [(reason, code) for reason, codes in LISTED.items() for code in codes])
def test_each_code_has_its_reason(reason: Reason, code: int) -> None:
    table = twilio_whatsapp.CODES if code >= 63000 else twilio_sms.CODES
    assert table[code] is reason


def test_one_persons_number_never_stops_the_sender_for_everybody() -> None:
    """Codes that speak of the pair of sender and recipient: a foreign number in the register is no reason to fall silent."""
    for code in (21408, 21612, 30018, 30034, 30042, 30450):
        assert twilio_sms.CODES[code].then.value == "next"


# --- answers ------------------------------------------------------------------------------------------------------------


def inbound(channel: TwilioSms | TwilioWhatsApp, fields: dict[str, str]) -> Inbound:
    (found,) = channel.parse(signed(f"{BASE}/inbound", fields))
    assert isinstance(found, Inbound)
    return found


SMS_ANSWERS: list[tuple[str, dict[str, str], dict[str, object]]] = [
    ("a digit, spaces kept", {}, {"sender": "+4790000001", "to": "+4759440000", "text": " 2 ", "provider_id": SID}),
    ("a name of Twilio's for STOP", {"Body": "STOPP", "OptOutType": "STOP"}, {"opt_out": "STOP", "text": "STOPP"}),
    ("STOP in small letters", {"OptOutType": "Stop"}, {"opt_out": "STOP"}),
    ("nothing at all", {"Body": ""}, {"text": ""}),
    ("right to left", {"Body": "٣ ٤٠\n\u200fتم"}, {"text": "٣ ٤٠\n\u200fتم"}),
    (
        "two pictures",
        {"NumMedia": "2", "MediaUrl1": "u1", "MediaContentType1": "image/png", "MediaUrl0": "u0", "MediaContentType0": "image/jpeg"},
        {"media": (Media(url="u0", content_type="image/jpeg"), Media(url="u1", content_type="image/png"))},
    ),
    ("a number of pictures that is a lie", {"NumMedia": "999999999"}, {"media": ()}),
    ("through a messaging service", {"MessagingServiceSid": "MG" + "a" * 32}, {"to": "+4759440000"}),
]


@pytest.mark.parametrize(("changes", "expected"), [pytest.param(*case, id=label) for label, *case in SMS_ANSWERS])
def test_an_sms_is_read(changes: dict[str, str], expected: dict[str, object]) -> None:
    found = inbound(sms(), {**INBOUND, **changes})
    assert {name: getattr(found, name) for name in expected} == expected
    assert found.received_at == AT


HIDDEN = "NO.4566abcDEF"
WHATSAPP_ANSWERS: list[tuple[str, dict[str, str], dict[str, object]]] = [
    ("text", {"Body": "2"}, {"sender": "+4790000001", "to": "+4759440000", "text": "2", "external_id": ""}),
    (
        "a quick reply",
        {"Body": "Eg fører vidare", "ButtonText": "Eg fører vidare", "ButtonPayload": "12.2", "OriginalRepliedMessageSid": SID},
        {"payload": "12.2", "replied_to": SID, "text": "Eg fører vidare"},
    ),
    ("a button whose title comes alone", {"Body": "", "ButtonText": "Read", "ButtonPayload": "12.1"}, {"text": "Read", "payload": "12.1"}),
    ("a row of a list", {"Body": "", "ListId": "12.4", "ListTitle": "Cannot"}, {"text": "Cannot", "payload": "12.4"}),
    ("a number that is hidden", {"From": f"whatsapp:{HIDDEN}"}, {"sender": "", "external_id": HIDDEN}),
    ("number and id", {"ExternalUserId": f"whatsapp:{HIDDEN}"}, {"sender": "+4790000001", "external_id": HIDDEN}),
    ("the id by its other name", {"ExternalUserIdentifier": HIDDEN}, {"sender": "+4790000001", "external_id": HIDDEN}),
    ("an id whose letters are also in the prefix", {"From": "whatsapp:pasta"}, {"sender": "", "external_id": "pasta"}),
    (
        "a place",
        {"Body": "", "MessageType": "location", "Latitude": "60.39", "Longitude": "5.32", "Address": "Torget 1", "Label": "Torget"},
        {"text": "Torget Torget 1 60.39 5.32"},
    ),
    (
        "a voice note",
        {"Body": "", "NumMedia": "1", "MediaUrl0": "https://a.example/v", "MediaContentType0": "audio/ogg"},
        {"text": "", "media": (Media(url="https://a.example/v", content_type="audio/ogg"),)},
    ),
]


@pytest.mark.parametrize(("changes", "expected"), [pytest.param(*case, id=label) for label, *case in WHATSAPP_ANSWERS])
def test_a_whatsapp_message_is_read(changes: dict[str, str], expected: dict[str, object]) -> None:
    found = inbound(whatsapp(), {**WA_INBOUND, **changes})
    assert {name: getattr(found, name) for name in expected} == expected
