"""WhatsApp through Twilio: free text inside the 24-hour window, approved templates outside it, quick replies in both."""

from collections.abc import AsyncIterator, Mapping
from datetime import datetime
from urllib.parse import urlsplit

from multidict import MultiDict

from channels import twilio_lists as books, twilio_messages as twilio
from channels.base import Callback, Check, Content, Inbound, Outbound, Reason, SendFailed, Sent, Status, Trace
from channels.settings import WhatsAppSettings
from channels.told import Told
from channels.twilio_client import TwilioClient
from channels.twilio_templates import Templates
from messages.form import Alphabet, Button, Feature, Form, Medium

PREFIX = "whatsapp:"

#: what WhatsApp adds to Twilio's codes
CODES: Mapping[int, Reason] = {
    **twilio.CODES,
    63001: Reason.UNDELIVERED,  # WhatsApp did not recognise Twilio
    63002: Reason.BAD_SENDER,  # WhatsApp does not know our number
    63003: Reason.NOT_ON_WHATSAPP,  # WhatsApp does not know this number
    63005: Reason.FILTERED,  # WhatsApp did not take this content
    63007: Reason.BAD_SENDER,  # Twilio has no WhatsApp sender of this number
    63008: Reason.UNDELIVERED,  # the sender is set up wrongly on Twilio's side
    63009: Reason.UNDELIVERED,  # an error at WhatsApp's
    63010: Reason.UNDELIVERED,  # an error at Twilio's
    63012: Reason.UNDELIVERED,  # an error at WhatsApp's
    63013: Reason.FILTERED,  # against WhatsApp's rules
    63014: Reason.OPTED_OUT,  # the person has blocked us
    63015: Reason.OUT_OF_REACH,  # Twilio's own sandbox: this phone has not joined
    63016: Reason.WINDOW_CLOSED,  # free text outside the 24 hours
    63017: Reason.WHATSAPP_LIMIT,  # too many to this person
    63018: Reason.WHATSAPP_LIMIT,  # too many from this sender
    63019: Reason.FILTERED,  # a picture could not be fetched
    63020: Reason.UNDELIVERED,  # trouble with the business account at Meta
    63021: Reason.FILTERED,  # the text is too long or malformed for WhatsApp
    63024: Reason.NOT_ON_WHATSAPP,  # this number cannot get WhatsApp
    63027: Reason.NO_TEMPLATE,  # the template does not exist in this language
    63028: Reason.NO_TEMPLATE,  # the template wants another number of variables
    63029: Reason.UNDELIVERED,  # the phone could not load the template
    63030: Reason.FILTERED,  # a picture or parameter that WhatsApp does not carry
    63032: Reason.BLOCKED,  # Meta chose not to deliver to this person
    63038: Reason.WHATSAPP_LIMIT,  # the sender's people for today are used up
    63040: Reason.NO_TEMPLATE,  # the template was rejected
    63041: Reason.NO_TEMPLATE,  # the template is paused
    63042: Reason.NO_TEMPLATE,  # the template is disabled
    63049: Reason.BLOCKED,  # Meta held it back, to spare the person messages
    63051: Reason.ACCOUNT_SUSPENDED,  # the business account is locked
}

#: 1,024 characters are what a bubble with buttons, and a template, can hold
FORM = Form(
    Medium.WHATSAPP,
    1024,
    Alphabet.UNICODE,
    frozenset({Feature.DELIVERED, Feature.READ, Feature.REPLY, Feature.BUTTONS, Feature.MEDIA}),
)


def create_form(out: Outbound, quick_replies: Mapping[int, str]) -> list[tuple[str, str]]:
    """Return the fields of a create, in the SDK's order: a template, or text, or text with quick replies."""
    content = out.content or quick_reply(out.text, out.buttons, quick_replies)
    return [
        ("To", PREFIX + out.to),
        ("StatusCallback", out.status_url),
        ("ValidityPeriod", twilio.valid_for(out.valid_for)),
        ("ContentVariables", twilio.variables(content)),
        twilio.sender_field(out.sender if out.sender.startswith("MG") else PREFIX + out.sender),
        ("Body", "" if content else out.text),
        *(("MediaUrl", url) for url in out.media if not content),
        ("ContentSid", content.content_id if content else ""),
    ]


def quick_reply(text: str, buttons: tuple[Button, ...], quick_replies: Mapping[int, str]) -> Content | None:
    """Return `text` with `buttons` as one content: variable 1 is the text, then title and payload of each button.

    None without buttons, or without a content for so many: then the text goes alone, and is answered in words.
    """
    content_id = quick_replies.get(len(buttons))
    if not content_id:
        return None
    values = [text, *(value for button in buttons for value in (button.title, button.payload))]
    return Content(content_id=content_id, variables={str(number): value for number, value in enumerate(values, 1)})


class TwilioWhatsApp:
    """WhatsApp through Twilio: send, parse, trace, sweep, check."""

    name = "twilio_whatsapp"
    form = FORM

    def __init__(self, settings: WhatsAppSettings, client: TwilioClient) -> None:
        self.account = settings.account.key
        self.place = urlsplit(settings.account.base_url).netloc or "api.twilio.com"
        self.pace = settings.pace
        self._quick_replies = settings.quick_replies
        self._client = client.use()

    async def send(self, out: Outbound) -> Sent:
        """POST once, within `out.deadline` seconds. Raises SendFailed."""
        return await twilio.create(self._client, out, self._shared, to=PREFIX + out.to, codes=CODES)

    def parse(self, callback: Callback) -> list[Inbound | Status]:
        """Read a status or an answer. Raises NotGenuine."""
        fields = twilio.genuine(callback, self._client.account)
        if twilio.is_status(callback):
            return [*twilio.parse_status(callback, fields, CODES)]
        sender, external_id = _who(fields)
        inbound = Inbound(
            provider_id=twilio.message_id(fields),
            sender=sender,
            to=(fields.get("To") or "").removeprefix(PREFIX),
            text=_said(fields),
            received_at=callback.received_at,
            payload=fields.get("ButtonPayload") or fields.get("ListId") or "",
            replied_to=fields.get("OriginalRepliedMessageSid") or "",
            opt_out=(fields.get("OptOutType") or "").upper(),
            media=twilio.media(fields),
            external_id=external_id,
        )
        return [inbound]

    async def trace(self, to: str, sender: str, since: datetime) -> list[Trace]:
        """List what Twilio has from `sender` to `to` since `since`. Raises SendFailed."""
        who = sender if sender.startswith("MG") else PREFIX + sender
        found = await books.messages_to(self._client, PREFIX + to, who, since)
        return [
            Trace(
                provider_id=message["sid"],
                to=to,
                sender=str(message.get("from") or sender).removeprefix(PREFIX),
                text=str(message.get("body") or ""),
                created_at=books.our_time(self._client, message.get("date_created")),
                status=twilio.read_status(message, CODES),
            )
            for message in found
        ]

    async def sweep(self, to: str, since: datetime) -> AsyncIterator[Inbound]:
        """Yield what people sent to `to` since `since`: text and media; which button it was is not in the books. Raises SendFailed."""
        async for message in books.messages_from_people(self._client, PREFIX + to, since):
            sender, external_id = _number_or_id(str(message.get("from") or ""))
            yield Inbound(
                provider_id=message["sid"],
                sender=sender,
                to=to,
                text=str(message.get("body") or ""),
                received_at=books.our_time(self._client, message.get("date_sent")),
                media=await books.media_of(self._client, message),
                external_id=external_id,
            )

    async def status_of(self, provider_id: str) -> Status:
        """Fetch one message's status. Raises SendFailed."""
        return twilio.read_status(await books.fetch(self._client, provider_id), CODES)

    async def redact(self, provider_id: str, *, whole: bool) -> None:
        """Let Twilio forget a message. Raises SendFailed."""
        await books.redact(self._client, provider_id, whole=whole)

    async def check(self) -> list[Check]:
        """Look at the account and at the contents that carry the quick replies."""
        lines = await books.check_account(self._client)
        return [*lines, await self._check_quick_replies()] if lines[0].ok else lines

    async def close(self) -> None:
        """Let go of the account's connections."""
        await self._client.close()

    def _shared(self, out: Outbound) -> str:
        return twilio.written(create_form(out, self._quick_replies))

    async def _check_quick_replies(self) -> Check:
        name = Told("Quick replies at Twilio %(account)s", account=self.account)
        remedy = Told("Run `budstikke whatsapp templates`.")
        try:
            known = {each.content_id for each in await Templates(self._client).list()}
        except SendFailed as why:
            return Check(name, ok=False, words=Told(why.reason.words), remedy=remedy)
        missing = [str(number) for number in (1, 2, 3) if self._quick_replies.get(number) not in known]
        if missing:
            words = Told("None for %(numbers)s buttons: their text goes without buttons.", numbers=", ".join(missing))
            return Check(name, ok=False, words=words, remedy=remedy, grave=False)
        return Check(name, ok=True, words=Told("All are there."))


def _who(fields: MultiDict[str]) -> tuple[str, str]:
    """Return the person's number ("" when hidden) and WhatsApp's own id of them ("" when not told)."""
    number, external_id = _number_or_id(fields.get("From") or "")
    named = fields.get("ExternalUserId") or fields.get("ExternalUserIdentifier") or ""
    return number, named.removeprefix(PREFIX) or external_id


def _number_or_id(value: str) -> tuple[str, str]:
    value = value.removeprefix(PREFIX)
    return (value, "") if value.startswith("+") else ("", value)


def _said(fields: MultiDict[str]) -> str:
    """Return the text; for a button or list its title, for a place its name and position."""
    text = fields.get("Body") or fields.get("ButtonText") or fields.get("ListTitle") or ""
    place = [fields.get(name) or "" for name in ("Label", "Address", "Latitude", "Longitude")]
    return text or " ".join(part for part in place if part)
