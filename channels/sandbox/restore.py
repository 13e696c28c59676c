"""A sandbox that starts on an old ledger goes on where the last one stopped.

Messages, opt-outs and templates are as they were; what was on its way arrives, and people who owe an answer give it.
"""

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from channels.sandbox.codes import FINAL, State
from channels.sandbox.contents import Content, Contents
from channels.sandbox.crowd import Crowd
from channels.sandbox.ledger import Entry, Event
from channels.sandbox.mail import MailServer
from channels.sandbox.network import Network, shown_of
from channels.sandbox.people import Deed, Person
from channels.sandbox.phones import Said, Shown
from channels.sandbox.resource import WHATSAPP, Message


def restore(entries: Iterable[Entry], mail: MailServer, contents: Contents, crowd: Crowd) -> None:
    """Rebuild the provider's memory from its own ledger, and take up what was unfinished."""
    memory = _Memory(crowd.inbox.network, mail, contents, crowd)
    for entry in entries:
        memory.take(entry)
    memory.go_on()


@dataclass(slots=True)
class _Memory:
    network: Network
    mail: MailServer
    contents: Contents
    crowd: Crowd
    #: messages that stand on a screen
    seen: set[str] = field(default_factory=set)
    #: letters that stand in the ledger and may not have been shown
    letters: dict[str, Shown] = field(default_factory=dict)
    #: address -> what this person has made up their mind to do, oldest first
    owed: dict[str, list[Deed]] = field(default_factory=dict)

    def take(self, entry: Entry) -> None:
        """Remember one fact."""
        if handler := TAKERS.get(entry.event):
            handler(self, entry)

    def go_on(self) -> None:
        """Set on its way what had not arrived, and let people do what they owe."""
        for message in list(self.network.shelf.by_sid.values()):
            if message.state not in FINAL and message.sid not in self.seen:
                self.network.resume(message)
        for letter in self.letters.values():
            self.mail.deliver(letter)
        for deeds in self.owed.values():
            for deed in deeds:
                self.crowd.plan(deed)

    def accepted(self, entry: Entry) -> None:
        if entry.channel == "email":
            self.letters[f"{entry.id} {entry.to}"] = _letter(entry)
            return
        message = _message(entry, len(self.network.shelf.by_to.get(_address(entry, entry.to), ())), self.contents)
        self.network.shelf.put(message)

    def status(self, entry: Entry) -> None:
        message = self.network.shelf.by_sid.get(entry.id)
        if message is not None:
            message.state, message.code, message.updated = State(entry.status), entry.code, entry.at
            message.sent = entry.at if message.state is State.SENT else message.sent

    def shown(self, entry: Entry) -> None:
        shown = self._what_was_shown(entry)
        if shown is None:
            return
        self.seen.add(shown.id)
        self.network.phones.of(shown.to).show(shown)
        if deed := self.crowd.makes_up_mind(shown):
            self.owed.setdefault(shown.to, []).append(deed)

    def _what_was_shown(self, entry: Entry) -> Shown | None:
        if entry.channel == "email":
            return self.letters.pop(f"{entry.id} {entry.to}", None)
        message = self.network.shelf.by_sid.get(entry.id)
        return shown_of(message, entry.at) if message else None

    def inbound(self, entry: Entry) -> None:
        if self.owed.get(entry.sender):
            self.owed[entry.sender].pop(0)
        said = Said(channel=entry.channel, to=entry.to, text=entry.body, at=entry.at)
        self.network.phones.of(entry.sender).said.append(said)
        if entry.channel == "email":
            return
        message = _inbound(entry)
        self.network.shelf.put(message)
        self.network.heard_at[message.to, message.sender] = entry.at

    def redacted(self, entry: Entry) -> None:
        if message := self.network.shelf.by_sid.get(entry.id):
            message.body = ""

    def deleted(self, entry: Entry) -> None:
        if entry.id in self.network.shelf.by_sid:
            self.network.shelf.remove(entry.id)

    def opted_out(self, entry: Entry) -> None:
        self.network.opted_out.add((entry.sender, entry.to))

    def opted_in(self, entry: Entry) -> None:
        self.network.opted_out.discard((entry.sender, entry.to))
        self.network.opted_out_of_all.discard(entry.to)

    def person(self, entry: Entry) -> None:
        self.crowd.introduce(Person.model_validate_json(entry.payload))

    def template(self, entry: Entry) -> None:
        if entry.body:
            self.contents.by_sid[entry.id] = _content(entry)
        elif content := self.contents.by_sid.get(entry.id):
            content.approval, content.approval_name = entry.status, entry.note


TAKERS: dict[Event, Callable[[_Memory, Entry], None]] = {
    Event.ACCEPTED: _Memory.accepted,
    Event.STATUS: _Memory.status,
    Event.SHOWN: _Memory.shown,
    Event.INBOUND: _Memory.inbound,
    Event.REDACTED: _Memory.redacted,
    Event.DELETED: _Memory.deleted,
    Event.OPTED_OUT: _Memory.opted_out,
    Event.OPTED_IN: _Memory.opted_in,
    Event.PERSON: _Memory.person,
    Event.TEMPLATE: _Memory.template,
}


def _address(entry: Entry, number: str) -> str:
    return WHATSAPP + number if entry.channel == "whatsapp" else number


def _message(entry: Entry, nth: int, contents: Contents) -> Message:
    content = contents.by_sid.get(entry.template)
    return Message(
        sid=entry.id,
        to=_address(entry, entry.to),
        sender=_address(entry, entry.sender),
        body=entry.body,
        state=State(entry.status),
        created=entry.at,
        updated=entry.at,
        service=entry.service,
        segments=entry.segments,
        media=entry.media,
        callback=entry.url,
        token=entry.token,
        valid_for=entry.valid_for,
        buttons=entry.buttons,
        template=entry.template,
        approved=content is not None and content.approval == "approved",
        listed_from=entry.at,
        nth=nth,
        send_at=entry.due,
    )


def _inbound(entry: Entry) -> Message:
    return Message(
        sid=entry.id,
        to=_address(entry, entry.to),
        sender=_address(entry, entry.sender),
        body=entry.body,
        state=State.RECEIVED,
        created=entry.at,
        updated=entry.at,
        sent=entry.at,
        direction="inbound",
        media=entry.media,
        listed_from=entry.at,
    )


def _letter(entry: Entry) -> Shown:
    return Shown(
        id=entry.id,
        channel="email",
        sender=entry.sender,
        to=entry.to,
        text=entry.body,
        at=entry.at,
        subject=entry.subject,
        html=entry.html,
        reply_to=entry.headers.get("Reply-To", ""),
        return_path=entry.envelope,
        references=entry.headers.get("References", ""),
    )


def _content(entry: Entry) -> Content:
    facts = json.loads(entry.body)
    return Content(
        sid=entry.id,
        name=facts["friendly_name"],
        language=facts["language"],
        variables=facts["variables"],
        types=facts["types"],
        created=entry.at,
        approval=entry.status,
    )
