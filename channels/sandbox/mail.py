"""A mail server that takes letters into the ledger and puts them before people's eyes; and the post that brings answers back."""

import asyncio
import contextlib
import smtplib
from dataclasses import dataclass, field
from datetime import datetime
from email import message_from_bytes, policy
from email.message import EmailMessage, Message
from email.utils import parseaddr

from aiosmtpd.smtp import SMTP, Envelope, Session

from channels.sandbox.ledger import Event
from channels.sandbox.letters import away, bounce, new_id, reply
from channels.sandbox.people import Act
from channels.sandbox.phones import Phones, Said, Shown
from channels.sandbox.phrases import phrases
from channels.sandbox.postman import Answer
from channels.sandbox.world import World

#: mailboxes (what stands before "@" or "+") that do not exist, and those that want the sender to come back once
NOBODY, LATER = "finnesikke", "senere"
#: bytes
LARGEST = 2**20
#: seconds of emulated time after which a mail server tries again to hand an answer over
RETRIES = (60, 300, 900, 3_600)


@dataclass(slots=True)
class MailServer:
    """The recipients' mail servers, all in one."""

    world: World
    phones: Phones
    port: int = 0
    _greylisted: set[str] = field(default_factory=set)
    _server: asyncio.Server | None = None

    async def start(self, host: str, port: int) -> None:
        """Listen for SMTP. Raises OSError."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: self._protocol(loop), host, port)
        self.port = self._server.sockets[0].getsockname()[1]

    def _protocol(self, loop: asyncio.AbstractEventLoop) -> SMTP:
        return SMTP(self, hostname="sandbox.invalid", ident="sandbox", enable_SMTPUTF8=True, data_size_limit=LARGEST, loop=loop)

    async def stop(self) -> None:
        """Stop listening."""
        if self._server is not None:
            self._server.close()

    async def handle_RCPT(self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]) -> str:  # noqa: N802
        """Take or refuse one recipient."""
        mailbox = address.partition("@")[0].partition("+")[0].lower()
        if mailbox == NOBODY:
            return self._refuse(envelope, address, 550, "5.1.1 No such mailbox")
        if mailbox == LATER and address not in self._greylisted:
            self._greylisted.add(address)
            return self._refuse(envelope, address, 451, "4.7.1 Greylisted, come back later")
        envelope.rcpt_tos.append(address)
        envelope.rcpt_options.extend(options)
        return "250 2.1.5 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        """Take one letter; it is in the ledger, on disk, before the answer."""
        content = envelope.content or b""
        letter = message_from_bytes(content if isinstance(content, bytes) else content.encode(), policy=policy.default)
        shown = [_shown(letter, to, envelope.mail_from or "", self.world) for to in envelope.rcpt_tos]
        for each in shown:
            self._note(each, letter)
        await self.world.ledger.commit()
        for each in shown:
            self.deliver(each)
        return "250 2.0.0 Accepted"

    def _refuse(self, envelope: Envelope, to: str, code: int, words: str) -> str:
        sender = envelope.mail_from or ""
        self.world.ledger.write(Event.REFUSED, channel="email", to=to, envelope=sender, token=verp(sender), code=code, note=words)
        return f"{code} {words}"

    def _note(self, shown: Shown, letter: EmailMessage) -> None:
        self.world.ledger.write(
            Event.ACCEPTED,
            shown.at,
            channel="email",
            id=shown.id,
            to=shown.to,
            sender=shown.sender,
            body=shown.text,
            subject=shown.subject,
            html=shown.html,
            envelope=shown.return_path,
            token=verp(shown.return_path),
            headers={name: str(value) for name, value in letter.items()},
        )

    def deliver(self, shown: Shown) -> None:
        """Put a letter that has been taken before its reader's eyes, when that is due."""
        settings = self.world.settings
        wait = self.world.dice.between(settings.delivered_after, shown.to, shown.text, "delivered")
        self.world.agenda.after(wait, lambda: self._show(shown))

    def _show(self, shown: Shown) -> None:
        if not self.phones.of(shown.to).bounces:
            now, token = self.world.agenda.now(), verp(shown.return_path)
            self.world.ledger.write(Event.SHOWN, now, channel="email", id=shown.id, to=shown.to, sender=shown.sender, token=token)
        self.phones.show(shown)


def verp(address: str) -> str:
    """Return what stands behind "+" in the envelope's sender: the token of the attempt."""
    return address.partition("@")[0].partition("+")[2]


def _shown(letter: EmailMessage, to: str, envelope: str, world: World) -> Shown:
    return Shown(
        id=str(letter["Message-ID"] or new_id()).strip(),
        channel="email",
        sender=parseaddr(str(letter["From"] or ""))[1],
        to=to,
        text=_part(letter, "plain"),
        at=world.agenda.now(),
        subject=str(letter["Subject"] or ""),
        html=_part(letter, "html"),
        reply_to=str(letter["Reply-To"] or ""),
        return_path=envelope,
        references=str(letter["References"] or ""),
    )


def _part(letter: EmailMessage, kind: str) -> str:
    part = letter.get_body((kind,))
    if part is None:
        return ""
    with contextlib.suppress(KeyError, LookupError):  # a text in an alphabet that nobody knows
        return str(part.get_content()).replace("\r\n", "\n")
    return ""


@dataclass(slots=True)
class Post:
    """Brings people's answers to the product's own mail listener."""

    world: World
    phones: Phones

    async def back(self, shown: Shown, act: Act, text: str = "", language: str = "en", at: datetime | None = None) -> Answer:
        """Do `act` about the letter `shown`, now or as of `at`, in words of `text` or the usual ones; return how the listener took it."""
        now = at or self.world.agenda.now()
        letter: Message
        if act is Act.BOUNCE:
            sender, to, letter = "", shown.return_path, bounce(shown, now)
        elif act is Act.AWAY:
            subject, note = phrases(language).away
            text = text or note
            sender, to, letter = "", shown.return_path, away(shown, subject, text, now)
        else:
            sender, to, letter = shown.to, parseaddr(shown.reply_to or shown.sender)[1], reply(shown, text, now)
        self.world.ledger.write(
            Event.INBOUND,
            now,
            channel="email",
            id=letter["Message-ID"],
            sender=shown.to,
            to=to,
            body=text,
            reply_to=shown.id,
            note=act.value,
        )
        if act is not Act.BOUNCE:
            self.phones.of(shown.to).said.append(Said(channel="email", to=to, text=text, at=now))
        return await self._hand_over(letter, sender, to, shown.to)

    async def _hand_over(self, letter: Message, sender: str, to: str, whose: str, attempt: int = 0) -> Answer:
        settings = self.world.settings
        if not settings.mail_to:
            answer = Answer(0, "no mail_to is set")
        else:
            answer = await asyncio.to_thread(_deliver, settings.mail_to, settings.mail_protocol, letter, sender, to)
        self.world.ledger.write(
            Event.HANDED,
            channel="email",
            id=letter["Message-ID"],
            sender=whose,
            to=to,
            http=answer.http,
            note=answer.why,
            url=settings.mail_to,
        )
        if settings.mail_to and (answer.http == 0 or 400 <= answer.http < 500) and attempt < len(RETRIES):
            again = self._hand_over
            self.world.agenda.after(RETRIES[attempt], lambda: self.world.spawn(again(letter, sender, to, whose, attempt + 1)))
        return answer


def _deliver(server: str, protocol: str, letter: Message, sender: str, to: str) -> Answer:
    """Speak SMTP or LMTP to the product; in a thread, since this is the standard library's client."""
    host, _, port = server.rpartition(":")
    client = smtplib.LMTP if protocol == "lmtp" else smtplib.SMTP
    try:
        with client(host, int(port), local_hostname="sandbox.invalid", timeout=15) as connection:
            connection.send_message(letter, sender, [to])
    except smtplib.SMTPRecipientsRefused as why:
        code, words = next(iter(why.recipients.values()))
        return Answer(code, words.decode(errors="replace"))
    except smtplib.SMTPResponseException as why:
        return Answer(why.smtp_code, str(why.smtp_error))
    except (OSError, smtplib.SMTPException, ValueError) as why:
        return Answer(0, str(why))
    return Answer(250)
