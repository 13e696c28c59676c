"""Mail coming in over a real socket: taken only when committed, nobody else's, and never at the price of everybody's."""

import asyncio
import logging
import smtplib
from datetime import UTC, datetime
from typing import Any

import pytest

from channels import listener as module
from channels.base import Callback, NotGenuine
from channels.clock import ManualClock, SystemClock
from channels.listener import MailListener
from channels.mail_in import MAIL_FROM, RCPT_TO, URL, read

DOMAIN = "svar.sorby.example"
SVAR = f"svar+{'b' * 32}@{DOMAIN}"
RETUR = f"retur+{'a' * 32}@{DOMAIN}"
CLOCK = ManualClock(datetime(2026, 11, 23, 17, tzinfo=UTC))
MAIL = "From: ayan@example.net\r\nSubject: x\r\n\r\n2\r\n"


class Desk:
    """Takes callbacks, or does what it is told to instead."""

    def __init__(self, trouble: BaseException | None = None) -> None:
        self.taken: list[Callback] = []
        self.trouble = trouble

    async def take(self, callback: Callback) -> None:
        if self.trouble is not None:
            raise self.trouble
        self.taken.append(callback)


def hand_in(port: int, *, to: str = SVAR, sender: str = "ayan@example.net", mail: str = MAIL, lmtp: bool = True) -> int:
    """Hand a mail in as a mail server does; return the code of the answer that decided."""
    client = smtplib.LMTP if lmtp else smtplib.SMTP
    try:
        with client("127.0.0.1", port, "mx.example.net", timeout=10) as connection:
            connection.sendmail(sender, [to], mail.encode())
    except smtplib.SMTPRecipientsRefused as why:
        return next(iter(why.recipients.values()))[0]
    except smtplib.SMTPResponseException as why:
        return why.smtp_code
    return 250


async def outcome(desk: Desk, **named: Any) -> int:
    async with MailListener(DOMAIN, desk.take, CLOCK, lmtp=named.get("lmtp", True)) as listener:
        return await asyncio.to_thread(hand_in, listener.port, **named)


@pytest.mark.parametrize("lmtp", [True, False])
async def test_a_mail_is_handed_on_as_it_came(lmtp: bool) -> None:  # noqa: FBT001
    desk = Desk()
    assert await outcome(desk, lmtp=lmtp, mail=MAIL + ".. dots\r\n.\r\n..\r\n" + "å" * 2000 + "\r\n") == 250
    (callback,) = desk.taken
    assert callback.url == URL
    assert callback.fields == ((MAIL_FROM, "ayan@example.net"), (RCPT_TO, SVAR))
    assert callback.received_at == CLOCK.now()
    assert callback.body == (MAIL + ".. dots\r\n.\r\n..\r\n" + "å" * 2000 + "\r\n").encode()
    (inbound,) = read(callback, DOMAIN)
    assert getattr(inbound, "sender", "") == "ayan@example.net"


async def test_a_bounce_comes_from_nobody() -> None:
    desk = Desk()
    assert await outcome(desk, to=RETUR, sender="") == 250
    assert dict(desk.taken[0].fields)[MAIL_FROM].strip("<>") == ""


@pytest.mark.parametrize(
    ("trouble", "code"),
    [(RuntimeError("the database is away"), 451), (TimeoutError(), 451), (NotGenuine("no"), 550)],
)
async def test_what_could_not_be_taken_is_not_called_taken(trouble: Exception, code: int) -> None:
    desk = Desk(trouble)
    assert await outcome(desk) == code
    desk.trouble = None
    assert await outcome(desk) == 250


async def test_the_answer_waits_for_the_commit() -> None:
    committed = asyncio.Event()

    async def slowly(_callback: Callback) -> None:
        await committed.wait()

    async with MailListener(DOMAIN, slowly, CLOCK) as listener:
        sending = asyncio.create_task(asyncio.to_thread(hand_in, listener.port))
        await asyncio.sleep(0.2)
        assert not sending.done()
        committed.set()
        assert await sending == 250


@pytest.mark.parametrize(
    "to", ["varsel@sorby.example", f"svar@{DOMAIN}", f"svar+{'b' * 32}@elsewhere.example", f"postmaster@{DOMAIN}", f"{'x' * 500}@{DOMAIN}"]
)
async def test_mail_for_others_is_refused_for_good(to: str) -> None:
    desk = Desk()
    assert await outcome(desk, to=to) in {550, 553, 500}
    assert desk.taken == []


async def test_each_recipient_has_a_commit_of_its_own() -> None:
    desk = Desk()
    async with MailListener(DOMAIN, desk.take, CLOCK) as listener:

        def two() -> dict[str, tuple[int, bytes]]:
            with smtplib.LMTP("127.0.0.1", listener.port, "mx.example.net", timeout=10) as connection:
                return connection.sendmail("ayan@example.net", [SVAR, RETUR], MAIL.encode())

        left = await asyncio.to_thread(two)
    assert [code for code, _ in left.values()] == [452]
    assert [dict(each.fields)[RCPT_TO] for each in desk.taken] == [SVAR]


async def test_a_mail_that_is_too_large_is_refused() -> None:
    desk = Desk()
    assert await outcome(desk, mail=MAIL + ("x" * 70 + "\r\n") * 20_000) == 552
    assert desk.taken == []


async def test_a_line_longer_than_the_standard_is_taken() -> None:
    desk = Desk()
    assert await outcome(desk, mail=MAIL + "x" * 20_000 + "\r\n") == 250
    assert b"x" * 20_000 in desk.taken[0].body


async def talk(port: int, *lines: bytes, patience: float = 1) -> bytes:
    """Say `lines` and return all that is answered until the other end hangs up, or says nothing for a while."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"".join(lines))
    said = b""
    try:
        async with asyncio.timeout(patience):
            while part := await reader.read(4096):
                said += part
    except TimeoutError:
        pass
    writer.close()
    return said


async def test_a_connection_cannot_go_on_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "CONNECTION_SECONDS", 0.3)
    async with MailListener(DOMAIN, Desk().take, CLOCK) as listener:
        reader, writer = await asyncio.open_connection("127.0.0.1", listener.port)
        for _ in range(10):  # half a second of good behaviour
            writer.write(b"NOOP\r\n")
            await asyncio.sleep(0.05)
        assert reader.at_eof() or isinstance(reader.exception(), ConnectionError)
        writer.close()


async def test_a_sender_that_falls_silent_in_the_middle_is_hung_up_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "COMMAND_SECONDS", 0.3)
    desk = Desk()
    async with MailListener(DOMAIN, desk.take, CLOCK) as listener:
        greeting = f"LHLO x\r\nMAIL FROM:<a@b.example>\r\nRCPT TO:<{SVAR}>\r\n".encode()
        async with asyncio.timeout(5):  # ends before that, or fails
            said = await talk(listener.port, greeting, b"DATA\r\nSubject: x\r\n", patience=30)
    assert b"354" in said
    assert desk.taken == []


async def test_there_is_room_for_so_many_and_those_who_come_later_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "CONNECTIONS", 3)
    async with MailListener(DOMAIN, Desk().take, CLOCK) as listener:
        held = [await asyncio.open_connection("127.0.0.1", listener.port) for _ in range(3)]
        for reader, _ in held:
            assert (await reader.readline()).startswith(b"220")
        assert (await talk(listener.port)).startswith(b"421")
        held[0][1].close()
        await held[0][1].wait_closed()
        await asyncio.sleep(0.05)
        assert await asyncio.to_thread(hand_in, listener.port) == 250
        for _, writer in held[1:]:
            writer.close()


async def test_commands_without_end_are_cut_off() -> None:
    async with MailListener(DOMAIN, Desk().take, CLOCK) as listener:
        said = await talk(listener.port, b"LHLO x\r\n", b"NOOP\r\n" * 100)
        assert b"421" in said
        assert b"502" in await talk(listener.port, b"\xff\r\n", b"XYZZY\r\n" * 20)


async def test_nobody_is_let_in_by_password_and_nobody_relays() -> None:
    async with MailListener(DOMAIN, Desk().take, CLOCK, lmtp=False) as listener:
        said = await talk(listener.port, b"EHLO x\r\nAUTH PLAIN AGEAYg==\r\nMAIL FROM:<a@b.example>\r\nRCPT TO:<c@d.example>\r\nQUIT\r\n")
    assert b"235" not in said
    assert b"550" in said


async def test_what_is_being_handled_is_finished_when_we_stop() -> None:
    done: list[Callback] = []

    async def slowly(callback: Callback) -> None:
        await asyncio.sleep(0.3)
        done.append(callback)

    listener = MailListener(DOMAIN, slowly, CLOCK)
    await listener.start()
    sending = asyncio.create_task(asyncio.to_thread(hand_in, listener.port))
    await asyncio.sleep(0.15)
    await listener.stop()
    assert await sending == 250
    assert len(done) == 1


async def test_a_sender_who_hangs_up_does_not_undo_what_is_being_committed() -> None:
    done = asyncio.Event()

    async def slowly(_callback: Callback) -> None:
        await asyncio.sleep(0.2)
        done.set()

    async with MailListener(DOMAIN, slowly, CLOCK) as listener:
        _, writer = await asyncio.open_connection("127.0.0.1", listener.port)
        writer.write(f"LHLO x\r\nMAIL FROM:<a@b.example>\r\nRCPT TO:<{SVAR}>\r\nDATA\r\n{MAIL}.\r\n".encode())
        await writer.drain()
        await asyncio.sleep(0.1)
        writer.close()
        await asyncio.wait_for(done.wait(), 2)


async def test_two_hundred_at_once_are_all_taken() -> None:
    desk = Desk()
    async with MailListener(DOMAIN, desk.take, SystemClock()) as listener:

        async def one(n: int) -> bytes:
            mail = f"From: p{n}@example.net\r\nMessage-ID: <{n}@example.net>\r\n\r\n{n}\r\n"
            script = f"LHLO x\r\nMAIL FROM:<p{n}@example.net>\r\nRCPT TO:<{SVAR}>\r\nDATA\r\n{mail}.\r\nQUIT\r\n"
            return await talk(listener.port, script.encode(), patience=60)

        for start in range(0, 200, 50):
            said = await asyncio.gather(*(one(n) for n in range(start, start + 50)))
            assert all(b"250 2.0.0" in each for each in said)
    assert {getattr(each, "sender", "") for call in desk.taken for each in read(call, DOMAIN)} == {f"p{n}@example.net" for n in range(200)}


async def test_logs_hold_no_address_and_no_mail(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    assert await outcome(Desk(RuntimeError("for ayan@example.net"))) == 451
    assert await outcome(Desk(), to="varsel@sorby.example") == 550
    assert "could not be taken (RuntimeError)" in caplog.text
    for secret in ("ayan@", "bbbb", "Subject"):
        assert secret not in caplog.text
