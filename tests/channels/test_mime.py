"""Mails made to hurt: none may hold up the house, and from each something is read."""

import base64
import quopri
from datetime import UTC, datetime
from time import process_time

import pytest
from hypothesis import given, strategies as st

from channels.base import Callback, Inbound, Status
from channels.mail_in import MAIL_FROM, RCPT_TO, URL, read
from channels.mime import open_mail

DOMAIN = "svar.sorby.example"
ATTEMPT = "a" * 32
SVAR, RETUR, AVMELD = f"svar+{'b' * 32}@{DOMAIN}", f"retur+{ATTEMPT}@{DOMAIN}", f"avmeld+{'b' * 32}@{DOMAIN}"


def call(body: bytes, to: str) -> Callback:
    return Callback(url=URL, fields=((MAIL_FROM, ""), (RCPT_TO, to)), body=body, received_at=datetime(2026, 11, 23, tzinfo=UTC))


H = b"From: a@b.example\r\nSubject: x\r\n"
MULTI = b'Content-Type: multipart/mixed; boundary="%d"\r\n\r\n--%d\r\n'
HOSTILE: dict[str, bytes] = {
    "a hundred thousand parts": H + b"Content-Type: multipart/mixed; boundary=b\r\n\r\n" + b"--b\r\n\r\nx\r\n" * 100_000,
    "parts in parts in parts": H + b"".join(MULTI % (n, n) for n in range(15_000)),
    "parts in parts, then lines": H + b"".join(MULTI % (n, n) for n in range(90)) + b"x\r\n" * 330_000,
    "mails in mails in mails": H + b"Content-Type: message/rfc822\r\n\r\n" * 30_000,
    "nothing but headers": H + b"a: b\r\n" * 160_000,
    "one header without end": H + b"Subject: " + b"x" * 990_000,
    "folded for ever": H + b"X: y" + b"\r\n y" * 240_000,
    "parameters without end": H + b"Content-Type: multipart/mixed; " + b'a*0="b";' * 80_000 + b"\r\n\r\nhi",
    "boundaries of blanks": H + b"Content-Type: multipart/mixed; boundary=b\r\n\r\n" + (b"--b" + b" " * 5_000) * 190,
    "one line": H + b"\r\n" + b"a" * 990_000,
    "carriage returns": H + b"\r\n" + b"\r" * 990_000,
    "blank lines": H + b"\r\n" * 490_000,
    "brackets in From": b"From: " + b"(" * 990_000 + b"\r\n\r\nx",
    "encoded words": b"Subject: " + b"=?utf-8?q?" * 90_000 + b"\r\n\r\nx",
    "quotes": H + b"\r\n" + b">" * 990_000,
    "tags": H + b"Content-Type: text/html\r\n\r\n" + b"<div>" * 198_000,
    "angle brackets": H + b"Content-Type: text/html\r\n\r\n" + b"<" * 990_000,
    "a comment without end": H + b"Content-Type: text/html\r\n\r\n" + b"<!--" * 240_000,
    "a character of a million digits": H + b"Content-Type: text/html\r\n\r\n<p>2 &#" + b"9" * 990_000,
    "sections that HTML does not have": H + b"Content-Type: text/html\r\n\r\n" + b"<![%x[" * 160_000,
    "punycode": H + b"Content-Type: text/plain; charset=punycode\r\n\r\n" + b"a-" + b"9" * 900_000,
    "soft line ends": H + b"Content-Transfer-Encoding: quoted-printable\r\n\r\n" + b"=\r\n" * 330_000,
    "reports": H + b"Content-Type: message/delivery-status\r\n\r\n" + b"a: b\r\n\r\n" * 120_000,
    "message ids": H + b"\r\n" + b"Message-ID: <a@b>\r\n" * 52_000,
    "our own address, again and again": H + b"\r\n" + f"retur+{ATTEMPT}@x ".encode() * 19_000,
}


def test_no_more_parts_are_opened_than_people_send() -> None:
    inner = b"".join(b"--i\r\n\r\nx\r\n" for _ in range(40))
    outer = (b"--o\r\nContent-Type: multipart/mixed; boundary=i\r\n\r\n" + inner) * 40
    assert len(open_mail(H + b"Content-Type: multipart/mixed; boundary=o\r\n\r\n" + outer).parts) <= 50


@pytest.mark.parametrize("name", HOSTILE)
def test_no_mail_takes_long(name: str) -> None:
    begun = process_time()  # of our own work: others may be busy on this machine
    for to in (SVAR, RETUR):
        (found,) = read(call(HOSTILE[name], to), DOMAIN)
        assert isinstance(found, (Inbound, Status))
    assert process_time() - begun < 4.0  # for two readings; the standard parser takes several seconds, or gives up


TOKENS = {SVAR: "b" * 32, RETUR: ATTEMPT, AVMELD: "b" * 32}


@given(st.binary(max_size=2000), st.sampled_from([SVAR, RETUR, AVMELD]))
def test_whatever_comes_is_one_answer_or_one_status_of_the_one_it_was_sent_to(body: bytes, to: str) -> None:
    (found,) = read(call(body, to), DOMAIN)
    if isinstance(found, Status):
        assert found.token == TOKENS[to]
    else:
        assert (found.to, found.replied_to if to == RETUR else found.reply_token) == (to, TOKENS[to])
        assert found.opt_out == ("STOP" if to == AVMELD else "")
        assert read(call(body, to), DOMAIN) == [found]  # handed in twice it is the same answer


#: what nobody's mail programme takes for a quotation, a signature or a blank
SAID = st.text(st.sampled_from("abcæøåжعمሰไม0123456789?!"), min_size=1, max_size=300)


@given(SAID, st.sampled_from(["7bit", "base64", "quoted-printable"]))
def test_what_a_person_wrote_comes_out_whole_however_it_was_wrapped(said: str, wrapped: str) -> None:
    data = said.encode()
    body = {"base64": base64.encodebytes(data), "quoted-printable": quopri.encodestring(data)}.get(wrapped, data)
    head = f"Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: {wrapped}\r\n\r\n".encode()
    (found,) = read(call(H + head + body, SVAR), DOMAIN)
    assert isinstance(found, Inbound)
    assert (found.sender, found.text) == ("a@b.example", said)


@given(st.text(max_size=500), st.text(max_size=200))
def test_any_header_can_be_read(value: str, kind: str) -> None:
    raw = f"Subject: {value}\r\nContent-Type: {kind}\r\nContent-Transfer-Encoding: {value}\r\n\r\nx".encode("utf-8", "surrogateescape")
    mail = open_mail(raw)
    assert "\n" not in mail.words("subject")
    assert mail.parts
    assert all(isinstance(part.text(), str) for part in mail.parts)


@given(st.text(st.characters(codec="utf-8", exclude_categories=["C", "Z"]), max_size=200).filter(lambda text: "=?" not in text))
def test_a_header_is_read_as_it_was_written(value: str) -> None:
    assert open_mail(f"Subject: {value}\r\n\r\nx".encode()).words("subject") == value
    encoded = f"=?utf-8?b?{base64.b64encode(value.encode()).decode()}?="
    assert open_mail(f"Subject: {encoded}\r\n\r\nx".encode()).words("subject") == value
