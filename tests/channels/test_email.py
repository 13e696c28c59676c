"""Handing letters over: what each answer of a relay means at each step, and connections that are used again."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from channels.base import Callback, Outbound, Reason, SendFailed
from channels.clock import SystemClock, monotonic
from channels.email import Email
from channels.listener import MailListener
from channels.settings import EmailSettings, Security
from tests.channels.providers import unknown_certificate
from tests.channels.relays import FaultyRelay
from tests.channels.rigs import DOMAIN, Rig, email_rig

OUT = Outbound(token="a" * 32, to="ayan@example.net", sender="varsel@sorby.example", text="Kok vatnet", subject="Nr. 12", deadline=2.0)


def email(port: int, **changes: Any) -> Email:
    settings = {"host": "127.0.0.1", "port": port, "security": Security.NONE, "domain": DOMAIN, **changes}
    return Email(EmailSettings(**settings), SystemClock())


async def outcome(relay: FaultyRelay, out: Outbound = OUT, **changes: Any) -> SendFailed:
    channel = email(relay.port, **changes)
    with pytest.raises(SendFailed) as failure:
        await channel.send(out)
    await channel.close()
    return failure.value


@pytest.mark.parametrize(
    ("step", "trouble", "reason"),
    [
        ("HELLO", "cut", Reason.NOT_CONNECTED),
        ("HELLO", "silence", Reason.NOT_CONNECTED),
        ("HELLO", "554 5.7.1 Go away", Reason.NOT_CONNECTED),
        ("HELLO", "HTTP/1.1 400 Bad Request", Reason.NOT_CONNECTED),
        ("EHLO", "cut", Reason.NOT_CONNECTED),
        ("MAIL", "cut", Reason.NOT_CONNECTED),
        ("MAIL", "silence", Reason.NOT_CONNECTED),
        ("MAIL", "nonsense", Reason.NOT_CONNECTED),
        ("MAIL", "451 4.3.0 Later", Reason.BOUNCED_FOR_NOW),
        ("MAIL", "421 Too many", Reason.BOUNCED_FOR_NOW),
        ("MAIL", "550 5.7.1 Not your address", Reason.BAD_SENDER),
        ("MAIL", "553 Who are you?", Reason.BAD_SENDER),
        ("MAIL", "552 5.3.4 Too large", Reason.BAD_CONTENT),
        ("RCPT", "cut", Reason.NOT_CONNECTED),
        ("RCPT", "silence", Reason.NOT_CONNECTED),
        ("RCPT", "450 4.7.1 Greylisted", Reason.BOUNCED_FOR_NOW),
        ("RCPT", "452 4.2.2 Mailbox full", Reason.BOUNCED_FOR_NOW),
        ("RCPT", "550 5.1.1 No such user", Reason.ADDRESS_INVALID),
        ("RCPT", "550 No such user", Reason.ADDRESS_INVALID),
        ("RCPT", "550 5.4.1 Recipient address rejected: Access denied", Reason.ADDRESS_INVALID),
        ("RCPT", "550 5.1.8 Bad sender domain", Reason.BAD_SENDER),
        ("RCPT", "552 5.2.2 Mailbox full", Reason.BOUNCED_FOR_NOW),
        ("RCPT", "550 5.2.1 Mailbox closed", Reason.ADDRESS_INVALID),
        ("RCPT", "554 5.7.1 Relay access denied", Reason.BLOCKED),
        ("RCPT", "550 5.7.515 Access denied, DMARC", Reason.BLOCKED),
        ("DATA", "451 4.3.0 Later", Reason.BOUNCED_FOR_NOW),
        ("DATA", "554 5.5.1 No valid recipients", Reason.REFUSED),
        ("DATA", "cut", Reason.UNCERTAIN),
        ("BODY", "cut", Reason.UNCERTAIN),
        ("BODY", "silence", Reason.UNCERTAIN),
        ("BODY", "nonsense", Reason.UNCERTAIN),
        ("BODY", "354 What?", Reason.UNCERTAIN),
        ("BODY", "451 4.3.0 Later", Reason.BOUNCED_FOR_NOW),
        ("BODY", "550 This is spam", Reason.BLOCKED),
        ("BODY", "552 5.3.4 Too large", Reason.BAD_CONTENT),
        ("BODY", "550 5.6.0 Malformed", Reason.BAD_CONTENT),
    ],
)
async def test_each_answer_has_its_meaning_at_its_step(step: str, trouble: str, reason: Reason) -> None:
    async with FaultyRelay(step, trouble) as relay:
        failure = await outcome(relay, OUT._replace(deadline=0.4))
        assert failure.reason is reason
        assert relay.steps.count("MAIL") <= 1


async def test_the_code_is_kept_for_people_who_look_closer() -> None:
    async with FaultyRelay("RCPT", "550 No such user") as relay:
        assert (await outcome(relay)).code == "550 5.1.1"


async def test_many_letters_go_over_one_connection() -> None:
    async with FaultyRelay() as relay:
        channel = email(relay.port)
        for _ in range(5):
            assert (await channel.send(OUT)).provider_id == OUT.token
        await channel.close()
        await asyncio.sleep(0.05)
    assert (relay.steps.count("HELLO"), relay.steps.count("BODY"), relay.steps[-1]) == (1, 5, "QUIT")


async def test_never_more_connections_than_allowed() -> None:
    async with FaultyRelay() as relay:
        channel = email(relay.port, connections=3)
        await asyncio.gather(*(channel.send(OUT) for _ in range(40)))
        await channel.close()
    assert relay.steps.count("BODY") == 40
    assert relay.steps.count("HELLO") <= 3


async def test_a_connection_that_went_stale_is_replaced_and_the_letter_goes_once() -> None:
    async with FaultyRelay("RSET", "cut") as relay:
        channel = email(relay.port)
        for _ in range(3):
            await channel.send(OUT)
        await channel.close()
    assert (relay.steps.count("HELLO"), relay.steps.count("BODY")) == (3, 3)


async def test_a_refusal_leaves_the_connection_usable() -> None:
    async with FaultyRelay("RCPT", "550 5.1.1 No such user") as relay:
        channel = email(relay.port)
        for _ in range(3):
            with pytest.raises(SendFailed):
                await channel.send(OUT)
        await channel.close()
    assert (relay.steps.count("HELLO"), relay.steps.count("RSET")) == (1, 2)


async def test_waiting_for_a_free_connection_counts_toward_the_deadline() -> None:
    async with FaultyRelay("BODY", "silence") as relay:
        channel = email(relay.port, connections=1)
        begun = monotonic()
        first, second = await asyncio.gather(
            channel.send(OUT._replace(deadline=0.8)), channel.send(OUT._replace(deadline=0.3)), return_exceptions=True
        )
        took = monotonic() - begun
        await channel.close()
    assert isinstance(first, SendFailed)
    assert isinstance(second, SendFailed)
    assert (first.reason, second.reason) == (Reason.UNCERTAIN, Reason.NOT_CONNECTED)
    assert took < 3


# --- TLS and passwords --------------------------------------------------------------------------------------------------


async def test_over_tls_with_a_password(tmp_path: Path) -> None:
    context = unknown_certificate(tmp_path)
    named: dict[str, Any] = {"security": Security.TLS, "username": "sorby", "password": "s3cret"}
    async with FaultyRelay(tls=context) as relay:
        channel = email(relay.port, ca_file=str(tmp_path / "server.pem"), **named)
        await channel.send(OUT)
        assert (await channel.check())[0].ok
        await channel.close()
        assert "AUTH" in relay.steps
    async with FaultyRelay(tls=context) as relay:
        assert (await outcome(relay, **named)).reason is Reason.NOT_CONNECTED  # nobody vouches for this certificate
        assert relay.steps == []


@pytest.mark.parametrize(
    ("answer", "reason"), [("535 5.7.8 Wrong password", Reason.NOT_AUTHORISED), ("454 4.7.0 Temporary failure", Reason.NOT_CONNECTED)]
)
async def test_a_wrong_password_stops_the_sender_a_tired_server_does_not(tmp_path: Path, answer: str, reason: Reason) -> None:
    named: dict[str, Any] = {"security": Security.TLS, "username": "sorby", "password": "s3cret"}
    async with FaultyRelay("AUTH", answer, unknown_certificate(tmp_path)) as relay:
        failure = await outcome(relay, ca_file=str(tmp_path / "server.pem"), **named)
        assert failure.reason is reason
        assert "MAIL" not in relay.steps
        channel = email(relay.port, ca_file=str(tmp_path / "server.pem"), **named)
        line = (await channel.check())[0]
        assert (line.ok, "password" in line.remedy) == (False, True)


async def test_starttls_is_demanded_not_merely_tried() -> None:
    async with FaultyRelay() as relay:
        assert (await outcome(relay, security=Security.STARTTLS)).reason is Reason.NOT_CONNECTED
        assert "MAIL" not in relay.steps


async def test_starttls_protects_the_letter(tmp_path: Path) -> None:
    got: list[Callback] = []

    async def take(callback: Callback) -> None:
        got.append(callback)

    context = unknown_certificate(tmp_path)
    async with MailListener(DOMAIN, take, SystemClock(), lmtp=False, tls=context) as listener:
        channel = email(listener.port, security=Security.STARTTLS, ca_file=str(tmp_path / "server.pem"))
        await channel.send(OUT._replace(to=f"svar+{'b' * 32}@{DOMAIN}"))
        await channel.close()
    assert b"Kok vatnet" in got[0].body


async def test_doctor_says_that_the_relay_is_away() -> None:
    channel = email(1)
    assert not (await channel.check())[0].ok


# --- addresses outside ASCII --------------------------------------------------------------------------------------------


@pytest.fixture
async def rig(tmp_path: Path) -> AsyncIterator[Rig]:
    async with email_rig(tmp_path / "ledger.jsonl") as ready:
        yield ready


async def test_a_mailbox_outside_ascii_is_reached_where_the_relay_knows_how(rig: Rig) -> None:
    sent = await rig.channel.send(rig.out(to="bjørn@example.net"))
    assert rig.copy_of(sent.provider_id).to == "bjørn@example.net"
    async with FaultyRelay() as relay:
        assert (await outcome(relay, OUT._replace(to="bjørn@example.net"))).reason is Reason.REFUSED
        assert "DATA" not in relay.steps


async def test_a_letter_is_greylisted_and_then_taken(rig: Rig) -> None:
    with pytest.raises(SendFailed) as refusal:
        await rig.channel.send(rig.out(to="senere@example.net"))
    assert refusal.value.reason is Reason.BOUNCED_FOR_NOW
    sent = await rig.channel.send(rig.out(to="senere@example.net"))
    assert rig.copy_of(sent.provider_id).to == "senere@example.net"
