"""The call list by post: a sealed file by real SMTP, at once, after a change that has come to rest, and sooner while an alert is out."""

import asyncio
import json
import re
from base64 import b64decode
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from hashlib import pbkdf2_hmac
from pathlib import Path

import pytest
from aiosmtpd.smtp import SMTP, Envelope, Session
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from sqlalchemy import delete, select, text, update

from channels.registry import Lines, build
from channels.settings import EmailSettings, Security
from messages.form import Medium
from relay.model import Health
from relay.store.tables import Sender, User, call_list_copy, call_list_post, delivery, delivery_file, user_role
from relay.web.call_post import CallPost
from tests.stories.town import DOMAIN
from tests.web.duty_town import Duty, duty_town

PHRASE, MAILBOX = "fire ord som ingen vet", "vakt@kommune.example"


@dataclass
class Postbox:
    """A mail relay that keeps whole letters."""

    letters: list[EmailMessage] = field(default_factory=list)
    #: says no for good
    refuses: bool = False

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802 - aiosmtpd's name
        if self.refuses:
            return "550 5.7.1 No files of this kind"
        self.letters.append(message_from_bytes(envelope.content or b"", policy=policy.default))  # type: ignore[arg-type]
        return "250 2.0.0 Accepted"


@dataclass
class Office:
    """A duty officer who gets the list by post, and what has come."""

    duty: Duty
    postbox: Postbox
    post: CallPost

    async def press(self, do: str, phrase: str = PHRASE) -> str:
        """Press a button of the page; return what the page says then."""
        answer = await self.duty.press("/call-list", do=do, passphrase=phrase, again=phrase)
        page = (await self.duty.officer.get("/call-list?lang=en")).text
        return str(answer.text) if answer.status >= 400 else page

    async def minutes(self, count: int) -> int:
        """Let minutes pass, with a look at each; return how many lists came."""
        before = len(self.postbox.letters)
        for _ in range(count):
            self.duty.town.clock.advance(minutes=1)
            await self.post.round()
            await self.duty.town.settle()
        return len(self.postbox.letters) - before

    def newest(self, phrase: str = PHRASE) -> str:
        """Open the newest letter's file as its owner does."""
        [file] = self.postbox.letters[-1].iter_attachments()
        assert re.fullmatch(r"ringeliste-\d{4}-\d\d-\d\d\.html", file.get_filename() or "")
        page = file.get_content()
        assert isinstance(page, str)
        sealed = json.loads(re.findall(r'<script id="sealed" type="application/json">(.*?)</script>', page)[0])
        salt, nonce, content = (b64decode(sealed[name]) for name in ("salt", "nonce", "content"))
        key = pbkdf2_hmac("sha256", phrase.encode(), salt, sealed["rounds"], 32)
        return AESGCM(key).decrypt(nonce, content, None).decode()


@asynccontextmanager
async def opened(url: str, folder: Path) -> AsyncIterator[Office]:
    """Open the town with a mail relay that keeps whole letters."""
    loop, postbox = asyncio.get_running_loop(), Postbox()
    server = await loop.create_server(lambda: SMTP(postbox, hostname="post.example", loop=loop), "127.0.0.1", 0)
    async with duty_town(url, folder) as duty:
        port = server.sockets[0].getsockname()[1]
        mail = EmailSettings(host="127.0.0.1", port=port, security=Security.NONE, domain=DOMAIN)
        await duty.town.relay.desk.channels["email", "email"].close()
        duty.town.relay.desk.channels["email", "email"] = build("email", mail, clock=duty.town.clock, lines=Lines())
        await duty.change(update(User).where(User.login == "duty_officer").values(email=MAILBOX))
        await duty.town.person("Ayan", "so")
        yield Office(duty, postbox, CallPost(duty.town.relay))
    server.close()


@pytest.fixture(name="office")
async def _office(migrated_sqlite_url: str, tmp_path: Path) -> AsyncIterator[Office]:
    async with opened(migrated_sqlite_url, tmp_path) as made:
        yield made


async def test_a_change_arrives_once_on_either_database(migrated_url: str, tmp_path: Path) -> None:
    async with opened(migrated_url, tmp_path) as office:
        await office.press("post")
        await office.duty.town.person("Bilan", "so")
        other = CallPost(office.duty.town.relay)
        for _ in range(62):
            office.duty.town.clock.advance(minutes=1)
            await asyncio.gather(office.post.round(), other.round())
        await office.duty.town.settle()
        assert len(office.postbox.letters) == 2, "two processes look, and one of them sends"
        assert "Bilan" in office.newest()
        await office.minutes(1)
        assert len(await office.duty.rows(select(call_list_copy))) == 2


async def test_the_first_one_comes_at_once_and_opens_with_the_passphrase_alone(office: Office) -> None:
    page = await office.press("post")
    assert f"to {MAILBOX}," in page
    [letter] = office.postbox.letters
    assert letter["To"] == MAILBOX
    assert "Ayan" not in letter.as_string()
    body = letter.get_body(("plain",))
    assert body is not None
    assert "call list of Sørvik" in body.get_content()
    assert "Ayan" in office.newest()
    [row] = await office.duty.rows(select(call_list_post.c.key))
    raw = await office.duty.rows(text("SELECT key FROM call_list_post"))
    assert bytes.fromhex(row.key) not in raw[0].key, "the key is sealed at rest"
    assert PHRASE not in row.key


async def test_a_changed_register_is_sent_when_it_rests_and_at_most_once_an_hour(office: Office) -> None:
    await office.press("post")
    assert await office.minutes(70) == 0, "nothing has changed"
    await office.duty.town.person("Bilan", "so")
    assert await office.minutes(1) == 0, "it may still be being written"
    await office.duty.town.person("Cawo", "so")
    assert await office.minutes(1) == 0
    assert await office.minutes(1) == 1
    assert "Cawo" in office.newest()
    await office.duty.town.person("Dahir", "so")
    assert await office.minutes(58) == 0, "an hour has not passed"
    assert await office.minutes(3) == 1
    assert "Dahir" in office.newest()
    assert await office.minutes(70) == 0


async def test_what_arrived_counts_as_the_copy_and_its_file_is_not_kept(office: Office) -> None:
    await office.press("post")
    await office.minutes(1)
    assert len(await office.duty.rows(select(call_list_copy))) == 1
    assert await office.duty.rows(select(delivery_file)) == []
    assert "Up to date" in (await office.duty.officer.get("/call-list?lang=en")).text
    await office.minutes(2)
    assert len(await office.duty.rows(select(call_list_copy))) == 1


async def test_while_an_alert_is_out_nobody_waits_for_the_hour(office: Office) -> None:
    await office.press("post")
    await office.duty.issue()
    await office.duty.town.person("Bilan", "so")
    before = len(office.postbox.letters)
    await office.minutes(6)
    assert len(office.postbox.letters) == before + 1
    assert "Bilan" in office.newest()


async def test_one_that_was_refused_is_no_copy_and_is_tried_again_later(office: Office) -> None:
    office.postbox.refuses = True
    await office.press("post")
    await office.minutes(2)
    assert await office.duty.rows(select(call_list_copy)) == []
    office.postbox.refuses = False
    await office.duty.change(update(Sender).values(stopped="", stopped_at=None))
    assert await office.minutes(63) == 0, "nothing is new: a dead mailbox is not written to every hour"
    assert await office.minutes(5 * 60) == 1
    assert "Ayan" in office.newest()


async def test_who_wants_it_no_more_or_is_shut_out_or_off_duty_gets_none(office: Office) -> None:
    await office.press("post")
    town, officer = office.duty.town, select(User.id).where(User.login == "duty_officer")
    await office.duty.change(update(User).where(User.id.in_(officer)).values(active=False))
    await town.person("Bilan", "so")
    assert await office.minutes(70) == 0
    assert await office.duty.rows(select(call_list_post)) == [], "the key of who was shut out is gone"
    await office.duty.change(update(User).where(User.id.in_(officer)).values(active=True))
    await office.duty.officer.sign_in("duty_officer")
    await office.press("post")
    mine = user_role.c.user_id.in_(officer)
    await office.duty.change(update(user_role).where(mine).values(role="viewer"))
    await town.person("Cawo", "so")
    assert await office.minutes(70) == 0
    await office.duty.change(update(user_role).where(mine).values(role="duty_officer"))
    await office.duty.officer.sign_in("duty_officer")
    await office.press("stop")
    assert await office.duty.rows(select(call_list_post)) == [], "the key is gone"
    assert await office.minutes(70) == 0


async def test_a_list_that_waits_is_stopped_with_its_reader_and_replaced_by_a_newer_one(office: Office) -> None:
    await office.duty.change(
        update(Sender)
        .where(Sender.channel == Medium.EMAIL)
        .values(health=Health.DOWN, try_at=office.duty.town.clock.now() + timedelta(days=1))
    )
    await office.press("post")
    await office.duty.town.person("Bilan", "so")
    await office.minutes(70)
    waiting = select(delivery.c.state).where(delivery.c.cause.startswith("call_list:")).order_by(delivery.c.id)
    assert [row.state for row in await office.duty.rows(waiting)] == ["SPARED", "WAITING"], "the newest alone"
    await office.duty.change(update(User).where(User.login == "duty_officer").values(active=False))
    await office.minutes(2)
    assert [row.state for row in await office.duty.rows(waiting)] == ["SPARED", "SPARED"]
    assert await office.duty.rows(select(delivery_file.c.name)) == [], "no file of who is shut out stays"
    assert office.postbox.letters == []


async def test_without_a_mailbox_or_a_sender_it_says_what_is_missing(office: Office) -> None:
    await office.duty.change(delete(Sender).where(Sender.channel == Medium.EMAIL))
    assert "no e-mail sender" in await office.press("post")
    await office.duty.change(update(User).where(User.login == "duty_officer").values(email=None))
    page = await office.press("post")
    assert "no mailbox" in page
    assert "when you have an e-mail address" in page
    assert office.postbox.letters == []
