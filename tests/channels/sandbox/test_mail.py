"""Mail, both ways, over real SMTP: letters are taken and refused, and people's answers, notes and bounces come back."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage

import aiosmtplib
import pytest
from aiosmtpd.lmtp import LMTP
from aiosmtpd.smtp import SMTP, Envelope, Session

from channels.clock import ManualClock
from channels.sandbox.ledger import Event, read
from channels.sandbox.people import Person
from channels.sandbox.sandbox import Sandbox

MAILBOX = "ayan@example.org"
TEXT = "Til deg: kan du gi videre nr. 12?\n\nSvar med ett tall alene på første linje: 1, 2 eller 4.\n\nاغلوا الماء"


@dataclass
class Listener:
    """The product's mail listener."""

    answers: list[str] = field(default_factory=list)
    letters: list[tuple[str, list[str], EmailMessage]] = field(default_factory=list)

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        content = envelope.content
        assert isinstance(content, bytes)
        answer = self.answers.pop(0) if self.answers else "250 OK"
        if answer.startswith("250"):
            self.letters.append((envelope.mail_from or "", envelope.rcpt_tos, message_from_bytes(content, policy=policy.default)))
        return answer


@pytest.fixture(params=["smtp", "lmtp"])
async def listener(request: pytest.FixtureRequest, sandbox: Sandbox) -> AsyncIterator[Listener]:
    listener, loop = Listener(), asyncio.get_running_loop()
    speak = LMTP if request.param == "lmtp" else SMTP
    server = await loop.create_server(lambda: speak(listener, hostname="svar.example.org", enable_SMTPUTF8=True, loop=loop), "127.0.0.1")
    sandbox.change(mail_to=f"127.0.0.1:{server.sockets[0].getsockname()[1]}", mail_protocol=request.param)
    yield listener
    server.close()


def letter(to: str = MAILBOX) -> EmailMessage:
    mail = EmailMessage()
    mail["From"], mail["To"] = "Sørby kommune <varsel@example.org>", to
    mail["Subject"] = "Sørby: KOK VANNET (nr. 12)"
    mail["Message-ID"], mail["Reply-To"] = "<attempt-1@example.org>", "svar+reply-token@svar.example.org"
    mail.set_content(TEXT)
    mail.add_alternative("<p lang=nb>Kok vannet</p>", subtype="html")
    return mail


async def post(sandbox: Sandbox, mail: EmailMessage, to: str = MAILBOX) -> None:
    await aiosmtplib.send(
        mail, sender="retur+t0ken@svar.example.org", recipients=[to], hostname="127.0.0.1", port=sandbox.smtp_port, start_tls=False
    )


async def test_a_letter_stands_in_the_ledger_before_it_is_taken(sandbox: Sandbox) -> None:
    await post(sandbox, letter())
    (entry,) = [entry for entry in read(sandbox.ledger.path) if entry.event is Event.ACCEPTED]
    assert (entry.channel, entry.to, entry.sender, entry.id) == ("email", MAILBOX, "varsel@example.org", "<attempt-1@example.org>")
    assert (entry.token, entry.envelope) == ("t0ken", "retur+t0ken@svar.example.org")
    assert (entry.subject, entry.body.strip(), "Kok vannet" in entry.html) == ("Sørby: KOK VANNET (nr. 12)", TEXT, True)
    assert entry.headers["Reply-To"] == "svar+reply-token@svar.example.org"
    shown = await sandbox.phone(MAILBOX).next()
    assert (shown.subject, shown.text.strip()) == (entry.subject, TEXT)


async def test_mailboxes_that_refuse(sandbox: Sandbox) -> None:
    with pytest.raises(aiosmtplib.SMTPRecipientsRefused) as nobody:
        await post(sandbox, letter(), "finnesikke@example.org")
    assert nobody.value.recipients[0].code == 550
    with pytest.raises(aiosmtplib.SMTPRecipientsRefused) as later:
        await post(sandbox, letter(), "senere@example.org")
    assert later.value.recipients[0].code == 451
    await post(sandbox, letter(), "senere@example.org")
    assert [(entry.to, entry.code, entry.token) for entry in sandbox.ledger.entries(Event.REFUSED)] == [
        ("finnesikke@example.org", 550, "t0ken"),
        ("senere@example.org", 451, "t0ken"),
    ]
    assert [entry.to for entry in sandbox.ledger.entries(Event.ACCEPTED)] == ["senere@example.org"]


async def test_an_answer_quotes_the_letter(sandbox: Sandbox, listener: Listener) -> None:
    await post(sandbox, letter())
    await sandbox.settle()
    assert (await sandbox.phone(MAILBOX).says("2")).http == 250
    ((sender, to, mail),) = listener.letters
    assert (sender, to) == (MAILBOX, ["svar+reply-token@svar.example.org"])
    text = mail.get_content().replace("\r\n", "\n")
    assert text.startswith("2\n\n")
    assert "> Til deg: kan du gi videre nr. 12?" in text
    assert mail["In-Reply-To"] == "<attempt-1@example.org>"
    assert "Auto-Submitted" not in mail


async def test_people_answer_notes_go_out_and_letters_come_back(sandbox: Sandbox, clock: ManualClock, listener: Listener) -> None:
    for name in ("helper", "away", "bouncing"):
        sandbox.add(Person(mail=f"{name}@example.org", character=name, language="nb", delay=(10, 10)))
        await post(sandbox, letter(), f"{name}@example.org")
    await sandbox.settle()
    assert listener.letters == []
    clock.advance(seconds=10)
    await sandbox.settle()
    by_sender = {mail["From"]: (sender, to, mail) for sender, to, mail in listener.letters}
    sender, to, mail = by_sender["helper@example.org"]
    assert (sender, to, mail.get_content().splitlines()[0]) == ("helper@example.org", ["svar+reply-token@svar.example.org"], "2")
    sender, to, mail = by_sender["away@example.org"]
    assert (sender, to, mail["Auto-Submitted"]) == ("<>", ["retur+t0ken@svar.example.org"], "auto-replied")
    sender, to, mail = by_sender["Mail Delivery System <MAILER-DAEMON@sandbox.invalid>"]
    assert (sender, to, mail.get_content_type()) == ("<>", ["retur+t0ken@svar.example.org"], "multipart/report")
    _, status, original = mail.iter_parts()
    assert status.get_content_type() == "message/delivery-status"
    _, _, about = status.walk()
    assert about["Status"] == "5.1.1"
    assert "<attempt-1@example.org>" in original.get_content()
    assert sandbox.phone("bouncing@example.org").messages == []


async def test_an_answer_that_is_put_off_comes_again(sandbox: Sandbox, clock: ManualClock, listener: Listener) -> None:
    listener.answers = ["451 later"]
    await post(sandbox, letter())
    await sandbox.settle()
    assert (await sandbox.phone(MAILBOX).says("2")).http == 451
    assert listener.letters == []
    clock.advance(seconds=60)
    await sandbox.settle()
    assert len(listener.letters) == 1
    assert [entry.http for entry in sandbox.ledger.entries(Event.HANDED)] == [451, 250]


async def test_an_answer_that_is_refused_is_not_repeated(sandbox: Sandbox, clock: ManualClock, listener: Listener) -> None:
    listener.answers = ["550 no"]
    await post(sandbox, letter())
    await sandbox.settle()
    assert (await sandbox.phone(MAILBOX).says("2")).http == 550
    clock.advance(days=1)
    await sandbox.settle()
    assert listener.letters == []


async def test_nobody_listens(sandbox: Sandbox) -> None:
    await post(sandbox, letter())
    await sandbox.settle()
    assert (await sandbox.phone(MAILBOX).says("2")).http == 0
    sandbox.change(mail_to="127.0.0.1:1")
    assert (await sandbox.phone(MAILBOX).says("2")).http == 0
    assert len(sandbox.ledger.entries(Event.INBOUND)) == 2


async def test_one_person_holds_phone_and_mailbox_in_one_hand(sandbox: Sandbox) -> None:
    sandbox.add(Person(number="+4790000001", mail=MAILBOX))
    await post(sandbox, letter())
    assert (await sandbox.phone("+4790000001").next()).channel == "email"
