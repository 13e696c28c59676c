"""The crowd: people with characters put to their phones, and what they do carried out when its time comes."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime

from channels.sandbox.inbound import Inbox, Written
from channels.sandbox.ledger import Event
from channels.sandbox.mail import Post
from channels.sandbox.people import Act, Deed, Mind, Person, react
from channels.sandbox.phones import Shown

#: one grey pixel: what the photographer sends
PICTURE = (
    b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00\x00\x01\x00\x00\x00\x01\x08\x00\x00\x00\x00:~\x9bU"
    b"\x00\x00\x00\nIDATx\x9cch\x00\x00\x00\x82\x00\x81w\xcdr\xb6\x00\x00\x00\x00IEND\xaeB`\x82"
)


@dataclass(slots=True)
class Crowd:
    """Everybody who has a character."""

    inbox: Inbox
    post: Post
    minds: dict[str, Mind] = field(default_factory=dict)
    #: deeds whose time came while nobody was to answer
    held: list[Deed] = field(default_factory=list)

    def add(self, people: Iterable[Person]) -> None:
        """Give people their phones and characters, and note it. Somebody described twice starts anew."""
        for person in people:
            self.introduce(person)
            self.inbox.network.world.ledger.write(Event.PERSON, to=person.addresses[0], payload=person.model_dump_json())

    def introduce(self, person: Person) -> None:
        """Give somebody their phone and character."""
        nature, network = person.nature, self.inbox.network
        phone = network.phones.join(person.addresses)
        phone.fails, phone.no_receipts, phone.bounces = dict(nature.fails), nature.no_receipts, nature.act is Act.BOUNCE
        self.minds.update(dict.fromkeys(person.addresses, Mind(person)))
        if nature.opted_out:
            network.opted_out_of_all.add(person.number)

    def see(self, shown: Shown) -> None:
        """Somebody has a message before their eyes."""
        if deed := self.makes_up_mind(shown):
            self.plan(deed)

    def makes_up_mind(self, shown: Shown) -> Deed | None:
        """Return what the reader of a message will do about it, if anything."""
        mind = self.minds.get(shown.to)
        return react(mind, shown, self.inbox.network.world.dice) if mind else None

    def plan(self, deed: Deed) -> None:
        """Have `deed` done when its time comes."""
        self.inbox.network.world.agenda.at(deed.at, lambda: self._due(deed))

    def resume(self) -> None:
        """Let everybody do what they have held back."""
        held, self.held = self.held, []
        for deed in held:
            self._due(deed)

    def _due(self, deed: Deed) -> None:
        world = self.inbox.network.world
        if not world.settings.answering:
            self.held.append(deed)
        elif not self.inbox.network.phones.of(deed.shown.to).is_off:
            world.spawn(self._do(deed, world.agenda.now()))

    async def _do(self, deed: Deed, at: datetime) -> None:
        if deed.shown.channel == "email":
            await self.post.back(deed.shown, deed.act, deed.text, self._language(deed), at)
        else:
            await self.inbox.hear(replace(self._written(deed), at=at))

    def _language(self, deed: Deed) -> str:
        return self.minds[deed.shown.to].person.language

    def _written(self, deed: Deed) -> Written:
        shown, person = deed.shown, self.minds[deed.shown.to].person
        return Written(
            sender=shown.to,
            to=deed.to or shown.sender,
            text=deed.text,
            channel="sms" if deed.to else shown.channel,
            payload=deed.payload,
            reply_to=shown.id if deed.act is Act.PRESS else "",
            media=(("image/png", PICTURE),) if deed.act is Act.PICTURE else (),
            name=person.name,
        )
