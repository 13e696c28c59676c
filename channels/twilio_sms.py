"""SMS through Twilio."""

from collections.abc import AsyncIterator, Mapping
from datetime import datetime
from functools import lru_cache
from urllib.parse import urlsplit

from channels import twilio_lists as books, twilio_messages as twilio
from channels.base import Callback, Check, Inbound, Outbound, Reason, Sent, Status, Trace
from channels.settings import SmsSettings
from channels.twilio_client import TwilioClient
from messages.form import Alphabet, Feature, Form, Medium

#: what SMS adds to Twilio's codes
CODES: Mapping[int, Reason] = {
    **twilio.CODES,
    30004: Reason.BLOCKED,  # the phone or its operator takes nothing from this sender
    30005: Reason.ADDRESS_INVALID,  # the number is not in use
    30006: Reason.NOT_A_MOBILE,  # a landline, or an operator that cannot be reached
    30007: Reason.FILTERED,  # the operator did not like the text: often a link
    30010: Reason.BAD_CONTENT,  # dearer than the limit we set
    30017: Reason.UNDELIVERED,  # the operator's network is congested
    30018: Reason.OUT_OF_REACH,  # this operator wants the sender's name registered first
    30022: Reason.OUT_OF_REACH,  # the United States' rules of pace
    30023: Reason.OUT_OF_REACH,  # the United States' daily limit
    30024: Reason.OUT_OF_REACH,  # this operator does not know the sender's number
    30032: Reason.OUT_OF_REACH,  # a toll-free sender that nobody has verified
    30033: Reason.OUT_OF_REACH,  # the United States: the registration is suspended
    30034: Reason.OUT_OF_REACH,  # the United States: the sender is not registered
    30035: Reason.OUT_OF_REACH,  # the United States: the registration is under way
    30036: Reason.EXPIRED_THERE,  # waited longer than its validity
    30042: Reason.OUT_OF_REACH,  # this operator refuses the sender's name
    30410: Reason.UNDELIVERED,  # the operator did not answer in time
    30450: Reason.OUT_OF_REACH,  # taken for fraud, for want of a sending history: put the country on the safe list
    30500: Reason.UNDELIVERED,  # an error at the operator's
}

FORM = Form(Medium.SMS, 1600, Alphabet.GSM7_OR_UCS2, frozenset({Feature.DELIVERED, Feature.REPLY}))


def create_form(out: Outbound) -> list[tuple[str, str]]:
    """Return the fields of a create, in the SDK's order; empty ones are left out later.

    The text goes as it is: no exchange of look-alike characters (SmartEncoded), since we have counted the segments, and no
    guess at fraud (RiskCheck), which takes a broadcast for it.
    """
    return [
        ("To", out.to),
        ("StatusCallback", out.status_url),
        ("ValidityPeriod", twilio.valid_for(out.valid_for)),
        ("SmartEncoded", "false"),
        ("RiskCheck", "disable"),
        twilio.sender_field(out.sender),
        ("Body", out.text),
    ]


def _shared(out: Outbound) -> str:
    return _written(out.sender, out.text, out.valid_for)


@lru_cache(maxsize=1024)
def _written(sender: str, text: str, valid_for: int) -> str:
    return twilio.written(create_form(Outbound("", "", sender, text, valid_for=valid_for)))


class TwilioSms:
    """SMS through Twilio: send, parse, trace, sweep, check."""

    name = "twilio_sms"
    form = FORM

    def __init__(self, settings: SmsSettings, client: TwilioClient) -> None:
        self.account = settings.account.key
        self.place = urlsplit(settings.account.base_url).netloc or "api.twilio.com"
        self.pace = settings.pace
        self._client = client.use()

    async def send(self, out: Outbound) -> Sent:
        """POST once, within `out.deadline` seconds. Raises SendFailed."""
        return await twilio.create(self._client, out, _shared, to=out.to, codes=CODES)

    def parse(self, callback: Callback) -> list[Inbound | Status]:
        """Read a status or an answer. Raises NotGenuine."""
        fields = twilio.genuine(callback, self._client.account)
        if twilio.is_status(callback):
            return [*twilio.parse_status(callback, fields, CODES)]
        inbound = Inbound(
            provider_id=twilio.message_id(fields),
            sender=fields.get("From") or "",
            to=fields.get("To") or "",
            text=fields.get("Body") or "",
            received_at=callback.received_at,
            opt_out=(fields.get("OptOutType") or "").upper(),
            media=twilio.media(fields),
        )
        return [inbound]

    async def trace(self, to: str, sender: str, since: datetime) -> list[Trace]:
        """List what Twilio has from `sender` to `to` since `since`. Raises SendFailed."""
        found = await books.messages_to(self._client, to, sender, since)
        return [
            Trace(
                provider_id=message["sid"],
                to=to,
                sender=str(message.get("from") or sender),
                text=str(message.get("body") or ""),
                created_at=books.our_time(self._client, message.get("date_created")),
                status=twilio.read_status(message, CODES),
            )
            for message in found
        ]

    async def sweep(self, to: str, since: datetime) -> AsyncIterator[Inbound]:
        """Yield what people sent to `to` since `since`. Raises SendFailed."""
        async for message in books.messages_from_people(self._client, to, since):
            yield Inbound(
                provider_id=message["sid"],
                sender=str(message.get("from") or ""),
                to=to,
                text=str(message.get("body") or ""),
                received_at=books.our_time(self._client, message.get("date_sent")),
                media=await books.media_of(self._client, message),
            )

    async def status_of(self, provider_id: str) -> Status:
        """Fetch one message's status. Raises SendFailed."""
        return twilio.read_status(await books.fetch(self._client, provider_id), CODES)

    async def redact(self, provider_id: str, *, whole: bool) -> None:
        """Let Twilio forget a message. Raises SendFailed."""
        await books.redact(self._client, provider_id, whole=whole)

    async def check(self) -> list[Check]:
        """Look at the account, its clock, and the callbacks that went wrong."""
        return [*await books.check_account(self._client), *await books.check_webhooks(self._client)]

    async def close(self) -> None:
        """Let go of the account's connections."""
        await self._client.close()
