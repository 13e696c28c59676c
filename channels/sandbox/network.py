"""The way of an outgoing message: accepted, queued at its sender's pace, sent, on the phone or not, and the calls about it."""

import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from channels.sandbox.codes import FINAL, FIRST_OF_WHATSAPP, WAITING, Refused, State
from channels.sandbox.intake import Order, token_of
from channels.sandbox.ledger import Event
from channels.sandbox.phones import Phones, Shown
from channels.sandbox.postman import Answer, Call, Postman
from channels.sandbox.resource import WHATSAPP, Message, Shelf, segments_of
from channels.sandbox.world import World

#: how long somebody's last message lets us write freely on WhatsApp
WINDOW = timedelta(hours=24)


@dataclass(slots=True)
class Network:
    """The provider's own road and the operators behind it."""

    world: World
    postman: Postman
    phones: Phones
    shelf: Shelf = field(default_factory=Shelf)
    #: (our sender, their address) of those who said STOP
    opted_out: set[tuple[str, str]] = field(default_factory=set)
    #: numbers that said STOP to every sender before anything began
    opted_out_of_all: set[str] = field(default_factory=set)
    #: (our sender, their address) -> when they last wrote
    heard_at: dict[tuple[str, str], datetime] = field(default_factory=dict)
    #: sender -> when its queue is empty
    _free_at: dict[str, datetime] = field(default_factory=dict)

    def is_out(self, sender: str, to: str) -> bool:
        """Whether `to` has opted out of `sender`."""
        return (sender, to) in self.opted_out or to in self.opted_out_of_all

    def accept(self, order: Order) -> Message:
        """Take `order` into the house and the ledger; `launch` sets it on its way. Raises Refused (21611)."""
        now = self.world.agenda.now()
        segments = segments_of(order.body) if not order.to.startswith(WHATSAPP) else 1
        self._check_queue(order.sender, segments, now)
        nth = len(self.shelf.by_to.get(order.to, ()))
        lag = self.world.dice.between(self.world.settings.list_lag, order.to, nth, "lag")
        message = Message(
            sid=("MM" if order.media else "SM") + uuid.uuid4().hex,
            to=order.to,
            sender=order.sender,
            body=order.body,
            state=State.SCHEDULED if order.send_at else State.ACCEPTED if order.service else State.QUEUED,
            created=now,
            updated=now,
            service=order.service,
            segments=segments,
            media=order.media,
            callback=order.callback,
            token=token_of(order.callback),
            valid_for=order.valid_for,
            buttons=order.buttons,
            template=order.content.sid if order.content else "",
            approved=order.content is not None and order.content.approval == "approved",
            listed_from=now + timedelta(seconds=lag),
            nth=nth,
            send_at=order.send_at,
        )
        self.shelf.put(message)
        self._note_accepted(message)
        return message

    def launch(self, message: Message) -> None:
        """Set an accepted message on its way."""
        if message.send_at:
            self.world.agenda.at(message.send_at, lambda: self._queue(message))
        else:
            self._queue(message)

    def resume(self, message: Message) -> None:
        """Set a message on its way again that an earlier sandbox has left on it."""
        if message.state is State.SENT:
            self._later("delivered", message, self._arrive)
        else:
            self.launch(message)

    def cancel(self, message: Message) -> None:
        """Take back a message that has not left. Raises Refused (30409)."""
        if message.state not in WAITING:
            raise Refused(30409, message.state.value)
        self.world.ledger.write(Event.CANCELED, self.world.agenda.now(), id=message.sid, to=message.number, token=message.token)
        self._enter(message, State.CANCELED)

    def redact(self, message: Message) -> None:
        """Forget the text of a message that has ended. Raises Refused (20009)."""
        if message.state not in FINAL:
            raise Refused(20009, "nor redacted")
        message.body, message.updated = "", self.world.agenda.now()
        self.world.ledger.write(Event.REDACTED, message.updated, id=message.sid, to=message.number)

    def delete(self, message: Message) -> None:
        """Forget a message that has ended. Raises Refused (20009)."""
        if message.state not in FINAL:
            raise Refused(20009)
        self.shelf.remove(message.sid)
        self.world.ledger.write(Event.DELETED, self.world.agenda.now(), id=message.sid, to=message.number)

    def _note_accepted(self, message: Message) -> None:
        self.world.ledger.write(
            Event.ACCEPTED,
            message.created,
            channel=message.channel,
            id=message.sid,
            to=message.number,
            sender=message.sender.removeprefix(WHATSAPP),
            body=message.body,
            token=message.token,
            status=message.state.value,
            segments=message.segments,
            url=message.callback,
            service=message.service,
            valid_for=message.valid_for,
            buttons=[list(button) for button in message.buttons],
            media=list(message.media),
            template=message.template,
            due=message.send_at.isoformat() if message.send_at else "",
        )

    def _check_queue(self, sender: str, segments: int, now: datetime) -> None:
        settings = self.world.settings
        if settings.pace and settings.queue:
            waiting = (self._free_at.get(sender, now) - now).total_seconds() * settings.pace
            if waiting + segments > settings.queue:
                raise Refused(21611, sender)

    def _slot(self, message: Message, now: datetime) -> datetime:
        """Return when the sender's pace lets `message` go, and take that time."""
        pace = self.world.settings.pace
        if not pace:
            return now
        start = max(now, self._free_at.get(message.sender, now))
        self._free_at[message.sender] = start + timedelta(seconds=message.segments / pace)
        return start

    def _queue(self, message: Message) -> None:
        if message.state not in WAITING:
            return
        if message.service and message.state is not State.QUEUED:
            self._enter(message, State.QUEUED)
        now = self.world.agenda.now()
        start, end = self._slot(message, now), now + timedelta(seconds=message.valid_for)
        if start > end:
            self.world.agenda.at(end, lambda: self._transmit(message, 30001))
        else:
            self.world.agenda.at(start, lambda: self._transmit(message, self._refusal(message)))

    def _refusal(self, message: Message) -> int:
        """Return the code with which WhatsApp would not even take it, or 0."""
        if message.channel != "whatsapp":
            return 0
        fate = self.phones.of(message.number).fate("whatsapp")
        if fate >= FIRST_OF_WHATSAPP:
            return fate
        heard = self.heard_at.get((message.sender, message.to))
        return 0 if message.approved or (heard and self.world.agenda.now() - heard <= WINDOW) else 63016

    def _transmit(self, message: Message, refusal: int) -> None:
        if message.state not in WAITING:
            return
        if refusal:
            self._enter(message, State.FAILED, refusal)
            return
        message.state = State.SENDING
        self._later("sent", message, self._sent)

    def _sent(self, message: Message) -> None:
        message.sent = self.world.agenda.now()
        self._enter(message, State.SENT)
        if not self.phones.of(message.number).no_receipts:
            self._later("delivered", message, self._arrive)
        else:
            self._show(message)

    def _arrive(self, message: Message) -> None:
        phone = self.phones.of(message.number)
        if code := phone.fate(message.channel):
            self._enter(message, State.UNDELIVERED, code)
            return
        self._enter(message, State.DELIVERED)
        self._show(message)
        if message.channel == "whatsapp" and phone.reads:
            self._later("read", message, lambda each: self._enter(each, State.READ))

    def _show(self, message: Message) -> None:
        shown = shown_of(message, self.world.agenda.now())
        self.world.ledger.write(
            Event.SHOWN, shown.at, channel=shown.channel, id=shown.id, to=shown.to, sender=shown.sender, token=message.token
        )
        self.phones.show(shown)

    def _later(self, what: str, message: Message, then: Callable[[Message], None]) -> None:
        spans = self.world.settings
        span = {"sent": spans.sent_after, "delivered": spans.delivered_after, "read": spans.read_after}[what]
        self.world.agenda.after(self.world.dice.between(span, message.to, message.nth, what), lambda: then(message))

    def _enter(self, message: Message, state: State, code: int = 0) -> None:
        message.state, message.code, message.updated = state, code, self.world.agenda.now()
        self.world.ledger.write(
            Event.STATUS,
            message.updated,
            channel=message.channel,
            id=message.sid,
            to=message.number,
            sender=message.sender.removeprefix(WHATSAPP),
            token=message.token,
            status=state.value,
            code=code,
        )
        if message.callback and self.world.settings.callbacks:
            self._call(message, state)

    def _call(self, message: Message, state: State) -> None:
        settings, dice, about = self.world.settings, self.world.dice, (message.to, message.nth, state.value)
        if dice.happens(settings.callback_loss, *about, "loss"):
            self.world.ledger.write(Event.DROPPED, id=message.sid, to=message.number, token=message.token, status=state.value)
            return
        fields = status_fields(message, self.world.account)
        for copy in range(2 if dice.happens(settings.callback_repeat, *about, "repeat") else 1):
            delay = dice.between(settings.callback_delay, *about, "delay", copy)
            delay += settings.callback_shuffle * dice.roll(*about, "shuffle", copy) if settings.callback_shuffle else 0
            self._post(message, state, fields, delay)

    def _post(self, message: Message, state: State, fields: dict[str, str], delay: float) -> None:
        call = Call(url=message.callback, fields=fields, done=lambda answer: self._note_call(message, state, answer))
        if delay:
            self.world.agenda.after(delay, lambda: self.postman.post(message.sid, call))
        else:
            self.postman.post(message.sid, call)

    def _note_call(self, message: Message, state: State, answer: Answer) -> None:
        self.world.ledger.write(
            Event.CALLBACK,
            id=message.sid,
            to=message.number,
            token=message.token,
            status=state.value,
            http=answer.http,
            note=answer.why,
            url=message.callback,
        )


def shown_of(message: Message, at: datetime) -> Shown:
    """Return `message` as it stands on the screen."""
    return Shown(
        id=message.sid,
        channel=message.channel,
        sender=message.sender.removeprefix(WHATSAPP),
        to=message.number,
        text=message.body,
        at=at,
        buttons=message.buttons,
        media=message.media,
    )


def status_fields(message: Message, account: str) -> dict[str, str]:
    """Return the form of a status callback."""
    fields = {
        "SmsSid": message.sid,
        "SmsStatus": message.state.value,
        "MessageStatus": message.state.value,
        "To": message.to,
        "MessageSid": message.sid,
        "AccountSid": account,
        "From": message.sender,
        "ApiVersion": "2010-04-01",
    }
    if message.service:
        fields["MessagingServiceSid"] = message.service
    if message.code:
        fields["ErrorCode"] = str(message.code)
    if message.channel == "whatsapp":
        fields |= {"ChannelPrefix": "whatsapp", "ChannelToAddress": message.to, "ChannelInstallSid": "XE" + "0" * 32}
        if message.state in {State.DELIVERED, State.READ}:
            fields["EventType"] = message.state.value.upper()
    elif message.state is State.DELIVERED:
        fields["RawDlrDoneDate"] = message.updated.strftime("%y%m%d%H%M")
    return fields
