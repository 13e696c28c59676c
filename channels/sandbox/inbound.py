"""The way of an incoming message: what somebody wrote reaches the provider, is listed there, and is handed to the product."""

import json
import uuid
from dataclasses import dataclass, field
from datetime import datetime

from channels.sandbox.codes import State
from channels.sandbox.intake import is_name
from channels.sandbox.ledger import Event
from channels.sandbox.network import Network
from channels.sandbox.phones import Said
from channels.sandbox.postman import Answer, Call
from channels.sandbox.resource import API, WHATSAPP, Message, segments_of

#: words that the provider itself acts upon when they are the whole message, on numbers (not on names, not on WhatsApp)
STOP_WORDS = frozenset({"STOP", "UNSUBSCRIBE", "END", "QUIT", "STOPALL", "REVOKE", "OPTOUT", "CANCEL"})
START_WORDS = frozenset({"START", "UNSTOP", "YES"})
HELP_WORDS = frozenset({"HELP", "INFO"})


class CannotAnswer(ValueError):
    """This sender is a name, and nobody can answer a name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """What somebody wrote, pressed or attached."""

    #: their number, without "whatsapp:"
    sender: str
    #: our number, without "whatsapp:"
    to: str
    text: str = ""
    channel: str = "sms"
    #: id of the button that was pressed; `text` is then its title
    payload: str = ""
    #: the message that this answers
    reply_to: str = ""
    #: (content type, bytes) of pictures and voice notes
    media: tuple[tuple[str, bytes], ...] = ()
    name: str = ""
    #: when it was written; None: now
    at: datetime | None = None


@dataclass(slots=True)
class Inbox:
    """Takes what people write."""

    network: Network
    #: the sandbox's own address, for media
    base_url: str = ""
    #: (message, media id) -> (content type, bytes)
    media: dict[tuple[str, str], tuple[str, bytes]] = field(default_factory=dict)

    async def hear(self, written: Written) -> tuple[Message, Answer]:
        """Take what somebody wrote and hand it on; return it and the product's answer. Raises CannotAnswer."""
        if is_name(written.to):
            raise CannotAnswer(f"{written.to} is a name, and nobody can answer a name")
        message = self._keep(written)
        opt_out = self._opt(message)
        answer = await self._hand_on(message, self._fields(message, written, opt_out))
        return message, answer

    def _keep(self, written: Written) -> Message:
        prefix = WHATSAPP if written.channel == "whatsapp" else ""
        world = self.network.world
        now = written.at or world.agenda.now()
        sid = ("MM" if written.media else "SM") + uuid.uuid4().hex
        message = Message(
            sid=sid,
            to=prefix + written.to,
            sender=prefix + written.sender,
            body=written.text,
            state=State.RECEIVED,
            created=now,
            updated=now,
            sent=now,
            direction="inbound",
            segments=1 if prefix else segments_of(written.text),
            media=tuple(self._store(sid, kind, data) for kind, data in written.media),
            listed_from=now,
        )
        self.network.phones.of(written.sender).said.append(Said(channel=written.channel, to=written.to, text=written.text, at=now))
        self.network.shelf.put(message)
        self.network.heard_at[message.to, message.sender] = now
        world.ledger.write(
            Event.INBOUND,
            now,
            channel=message.channel,
            id=sid,
            to=written.to,
            sender=written.sender,
            body=written.text,
            payload=written.payload,
            reply_to=written.reply_to,
            media=list(message.media),
        )
        return message

    def _store(self, sid: str, kind: str, data: bytes) -> str:
        media_id = "ME" + uuid.uuid4().hex
        self.media[sid, media_id] = (kind, data)
        return f"{self.base_url}{API}/{self.network.world.account}/Messages/{sid}/Media/{media_id}"

    def _opt(self, message: Message) -> str:
        """Act on STOP and START; return the provider's word for it, or ""."""
        word = message.body.strip().upper()
        pair = (message.to, message.sender)
        if message.channel != "sms":
            return ""
        if word in STOP_WORDS:
            self.network.opted_out.add(pair)
            self.network.world.ledger.write(Event.OPTED_OUT, sender=message.to, to=message.sender)
            return "STOP"
        if word in START_WORDS:
            self.network.opted_out.discard(pair)
            self.network.opted_out_of_all.discard(message.sender)
            self.network.world.ledger.write(Event.OPTED_IN, sender=message.to, to=message.sender)
            return "START"
        return "HELP" if word in HELP_WORDS else ""

    def _fields(self, message: Message, written: Written, opt_out: str) -> dict[str, str]:
        fields = _sms_fields(message, self.network.world.account)
        for number, ((kind, _), url) in enumerate(zip(written.media, message.media, strict=True)):
            fields |= {f"MediaContentType{number}": kind, f"MediaUrl{number}": url}
        if opt_out and self.network.world.settings.advanced_opt_out:
            fields["OptOutType"] = opt_out
        if message.channel == "whatsapp":
            fields |= self._whatsapp_fields(message, written)
        return fields

    def _whatsapp_fields(self, message: Message, written: Written) -> dict[str, str]:
        answered = self.network.shelf.by_sid.get(written.reply_to)
        fields = {
            "ProfileName": written.name or written.sender,
            "WaId": written.sender.removeprefix("+"),
            "MessageType": _message_type(written, templated=bool(answered and answered.approved)),
            "ReferralNumMedia": "0",
            "Forwarded": "false",
            "FrequentlyForwarded": "false",
            "ChannelMetadata": json.dumps({"type": "whatsapp", "data": {"context": {"ProfileName": written.name or written.sender}}}),
        }
        if written.payload:
            fields |= {"ButtonText": written.text, "ButtonPayload": written.payload}
        if answered:
            fields |= {"OriginalRepliedMessageSid": answered.sid, "OriginalRepliedMessageSender": answered.sender}
        return fields

    async def _hand_on(self, message: Message, fields: dict[str, str]) -> Answer:
        settings = self.network.world.settings
        url = settings.inbound_urls.get(message.to) or settings.inbound_urls.get(message.to.removeprefix(WHATSAPP)) or settings.inbound_url
        if not url:
            answer = Answer(0, "no inbound_url is set")
        else:
            answer = await self.network.postman.deliver(Call(url=url, fields=fields, done=_nothing))
        self.network.world.ledger.write(
            Event.HANDED, id=message.sid, sender=message.sender.removeprefix(WHATSAPP), http=answer.http, note=answer.why, url=url
        )
        return answer


def _nothing(_answer: Answer) -> None:
    """Nobody else wants to hear."""


def _message_type(written: Written, *, templated: bool) -> str:
    """Return WhatsApp's word: a template's button is `button`, a quick reply in the session is `interactive`."""
    if written.payload:
        return "button" if templated else "interactive"
    if written.media:
        return written.media[0][0].partition("/")[0]
    return "text"


def _sms_fields(message: Message, account: str) -> dict[str, str]:
    places = {f"{side}{what}": "" for side in ("To", "From") for what in ("State", "City", "Zip")}
    return {
        "ToCountry": _country(message.to),
        "FromCountry": _country(message.sender),
        **places,
        "SmsMessageSid": message.sid,
        "SmsSid": message.sid,
        "MessageSid": message.sid,
        "SmsStatus": "received",
        "AccountSid": account,
        "From": message.sender,
        "To": message.to,
        "Body": message.body,
        "NumSegments": str(message.segments),
        "NumMedia": str(len(message.media)),
        "ApiVersion": "2010-04-01",
    }


def _country(number: str) -> str:
    return "NO" if number.removeprefix(WHATSAPP).startswith("+47") else ""
