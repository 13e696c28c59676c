"""A phone in a test's hand: read what stands on it, write, press a button, switch it off."""

from channels.sandbox.inbound import Inbox, Written
from channels.sandbox.mail import Post
from channels.sandbox.people import Act
from channels.sandbox.phones import Phone, Shown
from channels.sandbox.postman import Answer


class NothingToAnswer(ValueError):
    """There is no message on this phone that could be answered so."""


class Handset:
    """One person's phone and mailbox."""

    def __init__(self, address: str, phone: Phone, inbox: Inbox, post: Post) -> None:
        self.address = address
        self._phone = phone
        self._inbox = inbox
        self._post = post

    @property
    def messages(self) -> list[Shown]:
        """All messages on the screen, oldest first."""
        return self._phone.messages

    @property
    def untaken(self) -> list[Shown]:
        """What `next` has not returned yet."""
        return self._phone.untaken

    async def next(self, seconds: float = 5.0) -> Shown:
        """Return the next message; wait at most `seconds` of real time. Raises Silence."""
        return await self._phone.next(seconds)

    async def says(self, text: str, to: str = "", channel: str = "", media: tuple[tuple[str, bytes], ...] = ()) -> Answer:
        """Write `text`, by default where the last message came from; return the product's answer. Raises NothingToAnswer."""
        if "@" in self.address or channel == "email":
            return await self._post.back(self._last("email"), Act.TEXT, text)
        if not (to and channel):
            last = self._last(channel)
            to, channel = to or last.sender, last.channel
        if channel == "email":
            return await self._post.back(self._last("email"), Act.TEXT, text)
        return await self._hear(Written(sender=self._number(), to=to, text=text, channel=channel, media=media))

    async def press(self, button: str) -> Answer:
        """Press the button with this payload or title, in the newest message that has it. Raises NothingToAnswer."""
        for shown in reversed(self._phone.messages):
            for title, payload in shown.buttons:
                if button in (title, payload):
                    written = Written(
                        sender=shown.to, to=shown.sender, text=title, channel=shown.channel, payload=payload, reply_to=shown.id
                    )
                    return await self._hear(written)
        raise NothingToAnswer(f"no button {button!r} on {self.address}")

    def off(self) -> None:
        """Switch off: what comes ends as undelivered (30003)."""
        self._phone.is_off = True

    def on(self) -> None:
        """Switch on again."""
        self._phone.is_off = False

    async def _hear(self, written: Written) -> Answer:
        _, answer = await self._inbox.hear(written)
        return answer

    def _last(self, channel: str) -> Shown:
        shown = self._phone.last(channel)
        if shown is None:
            raise NothingToAnswer(f"nothing has come to {self.address}{f' by {channel}' if channel else ''}; say to whom")
        return shown

    def _number(self) -> str:
        return next(each for each in [self.address, *self._phone.addresses] if "@" not in each)
