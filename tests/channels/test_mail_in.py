"""Mails that came in, case by case: answers, bounces of many servers, out-of-office notes, complaints, farewells, and rubbish."""

import base64
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, strategies as st

from channels.base import Callback, Evidence, Inbound, NotGenuine, Reason, Status, Then
from channels.mail_in import MAIL_FROM, RCPT_TO, URL, read, tagged

DOMAIN = "svar.sorby.example"
TOKEN = "b" * 32
ATTEMPT = "a" * 32
SVAR, RETUR, AVMELD = f"svar+{TOKEN}@{DOMAIN}", f"retur+{ATTEMPT}@{DOMAIN}", f"avmeld+{TOKEN}@{DOMAIN}"
AT = datetime(2026, 11, 23, 17, tzinfo=UTC)
HEAD = "From: Ayan Øde <ayan@example.net>\nTo: svar\nSubject: Re: Nr. 12\nMessage-ID: <m1@example.net>\nIn-Reply-To: <d77@sorby.example>\n"
DAEMON = "From: Mail Delivery System <MAILER-DAEMON@mx.example.net>\nMessage-ID: <m2@mx.example.net>\n"


def call(mail: str | bytes, to: str = SVAR, sender: str = "ayan@example.net") -> Callback:
    body = mail if isinstance(mail, bytes) else mail.replace("\n", "\r\n").encode()
    return Callback(url=URL, fields=((MAIL_FROM, sender), (RCPT_TO, to)), body=body, received_at=AT)


def only(mail: str | bytes, to: str = SVAR, sender: str = "ayan@example.net") -> Inbound | Status:
    (found,) = read(call(mail, to, sender), DOMAIN)
    return found


def fields(found: object, *names: str) -> tuple[Any, ...]:
    return tuple(getattr(found, name) for name in names)


# --- answers ------------------------------------------------------------------------------------------------------------

PLAIN = "Content-Type: text/plain; charset=utf-8\n\n"
QUOTED = "\n\nmån. 23. nov. 2026 kl. 18:00 skrev Sørby kommune <varsel@sorby.example>:\n> Kok vatnet.\n> 1 Lese\n"
ANSWERS: list[tuple[str, str | bytes, str]] = [
    ("one digit, the letter quoted below", HEAD + PLAIN + "2" + QUOTED, "2"),
    ("no type at all", HEAD + "\n2\n", "2"),
    ("Arabic", HEAD + PLAIN + "٣ ٤٠\nتم" + QUOTED, "٣ ٤٠\nتم"),
    ("Latin-1", (HEAD + "Content-Type: text/plain; charset=iso-8859-1\n\n").encode() + "på veg".encode("latin-1"), "på veg"),
    ("Windows' Cyrillic", (HEAD + "Content-Type: text/plain; charset=windows-1251\n\n").encode() + "готово".encode("cp1251"), "готово"),
    ("base64", HEAD + PLAIN[:-1] + "Content-Transfer-Encoding: base64\n\nMiDigJMgw6U=", "2 – å"),
    ("base64 with its end missing", HEAD + PLAIN[:-1] + "Content-Transfer-Encoding: base64\n\nMiBv", "2 o"),
    ("quoted-printable", HEAD + PLAIN[:-1] + "Content-Transfer-Encoding: quoted-printable\n\n2 p=C3=A5 =\nveg", "2 på veg"),
    ("an alphabet that nobody knows", HEAD + "Content-Type: text/plain; charset=klingon\n\n2", "2"),
    ("a compression that calls itself an alphabet", HEAD + "Content-Type: text/plain; charset=zlib\n\n2", "2"),
    ("HTML alone", HEAD + "Content-Type: text/html; charset=utf-8\n\n<p>2<br>på veg</p><blockquote>Kok vatnet</blockquote>", "2\npå veg"),
    (
        "text and HTML",
        HEAD + "Content-Type: multipart/alternative; boundary=b\n\nHi\n--b\n" + PLAIN + "2\n--b\nContent-Type: text/html\n\n<p>3\n--b--\n",
        "2",
    ),
    (
        "an empty text beside the HTML",
        HEAD
        + 'Content-Type: multipart/alternative; boundary="a b"\n\n--a b\n'
        + PLAIN
        + " \n--a b\nContent-Type: text/html\n\n<p>4\n--a b--",
        "4",
    ),
    (
        "text deep inside, a signature attached",
        HEAD
        + "Content-Type: multipart/mixed; boundary=o\n\n--o\nContent-Type: multipart/related; boundary=i\n\n--i\n"
        + PLAIN
        + "2\n--i--\n--o\nContent-Type: text/plain\nContent-Disposition: attachment\n\nnot this\n--o--",
        "2",
    ),
    ("a part with no headers", HEAD + "Content-Type: multipart/mixed; boundary=b\n\n--b\n\n2\n--b--", "2"),
    ("an end that never comes", HEAD + "Content-Type: multipart/mixed; boundary=b\n\n--b\n" + PLAIN + "2", "2"),
    ("a boundary that is not there", HEAD + "Content-Type: multipart/mixed; boundary=b\n\n2", "2"),
    ("nothing", HEAD + "\n", ""),
]


@pytest.mark.parametrize(("mail", "text"), [pytest.param(*case, id=label) for label, *case in ANSWERS])
def test_an_answer_is_read(mail: str | bytes, text: str) -> None:
    found = only(mail)
    assert fields(found, "text", "sender", "reply_token", "replied_to", "to") == (
        text,
        "ayan@example.net",
        TOKEN,
        "d77@sorby.example",
        SVAR,
    )
    assert fields(found, "automatic", "opt_out", "received_at") == (False, "", AT)


def test_a_mail_without_anything_still_has_its_token() -> None:
    for body in (b"", b"\r\n", b"\x00\xff", b"no header, no body"):
        assert fields(only(body), "reply_token", "sender") == (TOKEN, "")


def test_a_name_that_looks_like_an_address_is_not_the_sender() -> None:
    assert fields(only('From: "mayor@sorby.example" <ayan@example.net>\n\n2'), "sender") == ("ayan@example.net",)


def test_pictures_and_voice_notes_are_kept_and_nothing_that_runs() -> None:
    parts = [
        ("image/png", b"PNG"),
        ("audio/ogg", b"OGG"),
        ("image/svg+xml", b"<svg onload='x'/>"),
        ("text/html", b"<script>"),
        ("application/pdf", b"%PDF"),
    ]
    body = HEAD + "Content-Type: multipart/mixed; boundary=b\n\n"
    for kind, data in parts:
        body += f"--b\nContent-Type: {kind}\nContent-Disposition: attachment\nContent-Transfer-Encoding: base64\n\n"
        body += base64.b64encode(data).decode() + "\n"
    found = only(body + "--b--")
    assert isinstance(found, Inbound)
    assert [each.url for each in found.media] == ["data:image/png;base64,UE5H", "data:audio/ogg;base64,T0dH"]


def test_the_id_is_the_same_for_the_same_mail_and_no_other() -> None:
    one = only(HEAD + "\n2")
    assert isinstance(one, Inbound)
    others = [
        only(HEAD + "\n2", to=f"svar+{'c' * 32}@{DOMAIN}"),
        only(HEAD.replace("m1", "m9") + "\n2"),
        only("From: a@b.no\n\n2"),
        only("From: a@b.no\n\n3"),
    ]
    ids = [one.provider_id, *(getattr(each, "provider_id", "") for each in others)]
    assert getattr(only(HEAD + "\n2"), "provider_id", "") == one.provider_id
    assert len(set(ids)) == 5
    assert all(0 < len(each) <= 200 for each in ids)


# --- machines -----------------------------------------------------------------------------------------------------------

MACHINES: list[tuple[str, str, str, str]] = [
    ("RFC 3834", HEAD + "Auto-Submitted: auto-replied\n\nI am away until Monday.", SVAR, "ayan@example.net"),
    ("Exchange", HEAD.replace("Re: Nr. 12", "Automatisk svar: Nr. 12") + "\nEg er borte.", SVAR, "ayan@example.net"),
    ("an old server", HEAD + "X-Autoreply: yes\n\nAway.", SVAR, "ayan@example.net"),
    ("to the envelope's sender", HEAD + "Auto-Submitted: auto-replied\n\nAway.", RETUR, ""),
    ("with an encoded subject", HEAD.replace("Re: Nr. 12", "=?utf-8?b?RnJhdsOmcg==?= Nr. 12") + "\nEg er borte.", SVAR, "ayan@example.net"),
    ("a mailing list", HEAD + "List-Id: <x.example.net>\n\nDigest", SVAR, "ayan@example.net"),
]


@pytest.mark.parametrize(("mail", "to", "sender"), [pytest.param(*case, id=label) for label, *case in MACHINES])
def test_a_machine_is_known_for_one(mail: str, to: str, sender: str) -> None:
    found = only(mail, to, sender)
    assert isinstance(found, Inbound)
    assert found.automatic
    assert (found.replied_to, found.reply_token) == ((ATTEMPT, "") if to == RETUR else ("d77@sorby.example", TOKEN))


def test_a_person_who_writes_to_the_envelopes_sender_is_heard() -> None:
    found = only(HEAD + "\n2", RETUR)
    assert fields(found, "text", "replied_to", "automatic", "reply_token") == ("2", ATTEMPT, False, "")


# --- bounces ------------------------------------------------------------------------------------------------------------


def dsn(
    action: str, status: str, diagnostic: str = "", original: str = "", kind: str = "multipart/report; report-type=delivery-status"
) -> str:
    return (
        f"{DAEMON}Subject: Undelivered\nAuto-Submitted: auto-replied\nContent-Type: {kind}; boundary=b\n\n"
        f"--b\nContent-Type: text/plain\n\nWe are sorry.\n"
        f"--b\nContent-Type: message/delivery-status\n\nReporting-MTA: dns; mx.example.net\n\n"
        f"Final-Recipient: rfc822; ayan@example.net\nAction: {action}\nStatus: {status}\n"
        + (f"Diagnostic-Code: smtp; {diagnostic}\n" if diagnostic else "")
        + (f"\n--b\nContent-Type: message/rfc822\n\n{original}\n" if original else "")
        + "--b--\n"
    )


@dataclass(frozen=True)
class Bounce:
    label: str
    mail: str
    evidence: Evidence
    reason: Reason | None
    code: str
    to: str = RETUR
    token: str = ATTEMPT


ORIGINAL = f"Return-Path: <{RETUR}>\nFrom: varsel@sorby.example\nMessage-ID: <d77@sorby.example>\n\nKok vatnet"
GIVEN_UP = Evidence.UNDELIVERED
BOUNCES = [
    Bounce("no such user", dsn("failed", "5.1.1", "550 5.1.1 No such user"), GIVEN_UP, Reason.ADDRESS_INVALID, "5.1.1"),
    Bounce(
        "vague, the server's answer tells more", dsn("failed", "5.0.0", "550 5.2.2 Mailbox full"), GIVEN_UP, Reason.BOUNCED_FOR_NOW, "5.2.2"
    ),
    Bounce("vague, three figures tell more", dsn("failed", "5.0.0", "550 No such user"), GIVEN_UP, Reason.ADDRESS_INVALID, "5.1.1"),
    Bounce("vague and nothing else", dsn("failed", "5.0.0"), GIVEN_UP, Reason.ADDRESS_INVALID, "5.0.0"),
    Bounce("no such domain", dsn("failed", "5.1.2"), GIVEN_UP, Reason.ADDRESS_INVALID, "5.1.2"),
    Bounce("full", dsn("failed", "5.2.2"), GIVEN_UP, Reason.BOUNCED_FOR_NOW, "5.2.2"),
    Bounce("policy", dsn("failed", "5.7.1", "550 5.7.1 Blocked"), GIVEN_UP, Reason.BLOCKED, "5.7.1"),
    Bounce("Microsoft's DMARC", dsn("failed", "5.7.515"), GIVEN_UP, Reason.BLOCKED, "5.7.515"),
    Bounce("a stranger's word against our address", dsn("failed", "5.1.8"), GIVEN_UP, Reason.BLOCKED, "5.1.8"),
    Bounce("a stranger's word against our password", dsn("failed", "5.7.8"), GIVEN_UP, Reason.BLOCKED, "5.7.8"),
    Bounce("tried for too long", dsn("failed", "4.4.7"), GIVEN_UP, Reason.EXPIRED_THERE, "4.4.7"),
    Bounce("greylisted to the end", dsn("failed", "4.7.1"), GIVEN_UP, Reason.BOUNCED_FOR_NOW, "4.7.1"),
    Bounce("a comment behind the action", dsn("failed (bounced)", "5.1.1"), GIVEN_UP, Reason.ADDRESS_INVALID, "5.1.1"),
    Bounce("capitals", dsn("FAILED", "5.1.1"), GIVEN_UP, Reason.ADDRESS_INVALID, "5.1.1"),
    Bounce("only late", dsn("delayed", "4.4.1"), Evidence.ACCEPTED, None, "4.4.1"),
    Bounce("arrived", dsn("delivered", "2.0.0"), Evidence.DELIVERED, None, "2.0.0"),
    Bounce("handed to a silent server", dsn("relayed", "2.0.0"), Evidence.SENT, None, "2.0.0"),
    Bounce("an action nobody has heard of", dsn("pondered", "5.1.1"), Evidence.UNKNOWN, None, "5.1.1"),
    Bounce("not called a report", dsn("failed", "5.1.1", kind="multipart/mixed"), GIVEN_UP, Reason.ADDRESS_INVALID, "5.1.1"),
    Bounce(
        "sent to Reply-To, the letter inside", dsn("failed", "5.1.1", original=ORIGINAL), GIVEN_UP, Reason.ADDRESS_INVALID, "5.1.1", SVAR
    ),
    Bounce(
        "no fields, Norwegian words",
        f"{DAEMON}Subject: Kan ikke leveres: Nr. 12\n\nAdressen finnes ikke. 550 5.1.1 <ayan@example.net>",
        GIVEN_UP,
        Reason.ADDRESS_INVALID,
        "5.1.1",
    ),
    Bounce(
        "no fields, three figures", f"{DAEMON}Subject: failure notice\n\n550 sorry, no mailbox", GIVEN_UP, Reason.ADDRESS_INVALID, "5.1.1"
    ),
    Bounce("no fields, no figures", f"{DAEMON}Subject: Returned mail\n\nIt did not work.", GIVEN_UP, Reason.UNDELIVERED, ""),
    Bounce(
        "no fields, a daemon by another name",
        "From: Mailer Daemon <robot@mx.example.net>\nSubject: Hi\nMessage-ID: <m4@x>\n\n550 5.1.1 nobody",
        GIVEN_UP,
        Reason.ADDRESS_INVALID,
        "5.1.1",
    ),
    Bounce("no fields, only late", f"{DAEMON}Subject: Delayed: Nr. 12\n\n4.4.1 still trying", Evidence.ACCEPTED, None, "4.4.1"),
    Bounce(
        "from nobody, about nothing",
        "Subject: Undelivered Mail Returned to Sender\nMessage-ID: <m3@x>\n\n5.1.1",
        GIVEN_UP,
        Reason.ADDRESS_INVALID,
        "5.1.1",
    ),
]


@pytest.mark.parametrize("case", [pytest.param(case, id=case.label) for case in BOUNCES])
def test_a_bounce_is_read(case: Bounce) -> None:
    found = only(case.mail, case.to, "")
    assert isinstance(found, Status)
    assert fields(found, "evidence", "reason", "code", "token", "provider_id") == (
        case.evidence,
        case.reason,
        case.code,
        case.token,
        case.token,
    )


@given(st.from_regex(r"[245]\.[0-9]{1,3}\.[0-9]{1,3}", fullmatch=True), st.sampled_from(["", "550 no", "535 5.7.8 no", "553 5.1.7 no"]))
def test_no_bounce_stops_the_sender_for_everybody(status: str, diagnostic: str) -> None:
    """A recipient knows the token of the letter they got, and can write any bounce about it."""
    found = only(dsn("failed", status, diagnostic), RETUR, "")
    assert isinstance(found, Status)
    assert found.reason is not None
    assert found.reason.then is not Then.STOP_SENDER


def test_a_bounce_that_names_only_the_letter_is_bound_by_its_message_id() -> None:
    original = "From: varsel@sorby.example\nMessage-ID: <d77@sorby.example>\n\nKok vatnet"
    found = only(dsn("failed", "5.1.1", original=original), SVAR, "")
    assert isinstance(found, Status)
    assert fields(found, "token", "provider_id", "reason") == ("", "d77@sorby.example", Reason.ADDRESS_INVALID)


def test_a_bounce_says_nothing_that_a_database_cannot_keep() -> None:
    """PostgreSQL keeps NUL in no text: a bounce that holds one could never be taken in."""
    original = "From: varsel@sorby.example\nMessage-ID: <d77@sorby.example>\nX: y\n\nMessage-ID: <d7\0@sorby.example>"
    found = only(dsn("fai\0led", "5.1.1\0", "550\0 5.1.1", original), SVAR, "")
    assert isinstance(found, Status)
    assert fields(found, "provider_id", "code", "word") == ("d77@sorby.example", "5.1.1", "fai\ufffdled")
    answer = only(HEAD.replace("<d77@", "<d7\0@") + "\n2")
    assert isinstance(answer, Inbound)
    assert answer.replied_to == "d7\ufffd@sorby.example"


def test_a_bounce_of_nobody_knows_what_is_at_least_not_an_answer() -> None:
    found = only(dsn("failed", "5.1.1").replace("<m2@mx.example.net>", ""), SVAR, "")
    assert isinstance(found, Inbound)
    assert found.automatic


def test_a_report_with_nothing_in_it_is_no_answer_either() -> None:
    found = only(
        dsn("failed", "5.1.1").replace("Action:", "Inaction:").replace("Mail Delivery System <MAILER-DAEMON@", "<somebody@"),
        RETUR,
        "x@y.example",
    )
    assert isinstance(found, Inbound)
    assert found.automatic


def test_a_person_who_writes_550_is_no_bounce() -> None:
    found = only(HEAD + "\n550 people have got it", RETUR)
    assert isinstance(found, Inbound)
    assert found.text == "550 people have got it"


# --- complaints and farewells -------------------------------------------------------------------------------------------


def arf(kind: str, original: str) -> str:
    return (
        "From: abuse@example.net\nContent-Type: multipart/report; report-type=feedback-report; boundary=b\n\n"
        "--b\nContent-Type: text/plain\n\nSpam.\n"
        f"--b\nContent-Type: message/feedback-report\n\nFeedback-Type: {kind}\nVersion: 1\n\n"
        f"--b\nContent-Type: message/rfc822\n\n{original}\n--b--\n"
    )


def test_a_complaint_is_taken_for_stop() -> None:
    found = only(arf("abuse", f"From: varsel@sorby.example\nReply-To: <{SVAR}>\n\nKok vatnet"), RETUR, "abuse@example.net")
    assert fields(found, "opt_out", "automatic", "reply_token", "replied_to", "text") == ("STOP", True, TOKEN, ATTEMPT, "")


def test_not_spam_is_no_complaint() -> None:
    assert read(call(arf("not-spam", ""), RETUR), DOMAIN) == []


def test_a_mail_to_the_way_out_is_stop() -> None:
    found = only(HEAD + "\nunsubscribe", AVMELD)
    assert fields(found, "opt_out", "reply_token", "automatic") == ("STOP", TOKEN, False)


def test_what_is_written_to_the_way_out_is_kept_and_what_is_quoted_is_not() -> None:
    found = only(HEAD + "\nI have moved to Bergen.\n\n> Kok vatnet", AVMELD)
    assert fields(found, "opt_out", "text") == ("STOP", "I have moved to Bergen.")
    assert fields(only(HEAD + "\n> Kok vatnet", AVMELD), "text") == ("",)


@pytest.mark.parametrize("above", ["-----", "Kl 18:30 skrev jeg til 4 naboer:"])
def test_what_is_written_under_a_rule_to_the_way_out_is_kept(above: str) -> None:
    found = only(f"{HEAD}\n{above}\nbarna brenner inne, hjelp", AVMELD)
    assert fields(found, "opt_out", "text") == ("STOP", f"{above}\nbarna brenner inne, hjelp")


# --- whose mail ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "address",
    [
        "",
        "varsel@sorby.example",
        f"svar@{DOMAIN}",
        f"svar+@{DOMAIN}",
        f"svar+short@{DOMAIN}",
        f"svar+{'x' * 65}@{DOMAIN}",
        f"svar+{TOKEN}@elsewhere.example",
        f"svar+{TOKEN}@{DOMAIN}.evil.example",
        f"svar+{TOKEN}@x.{DOMAIN}",
        f"svar+{TOKEN}/../@{DOMAIN}",
        f"other+{TOKEN}@{DOMAIN}",
        f"xsvar+{TOKEN}@{DOMAIN}",
        f"svar+{TOKEN}@{DOMAIN}\r\nx",
    ],
)
def test_mail_for_others_is_not_ours(address: str) -> None:
    assert tagged(address, DOMAIN) is None
    with pytest.raises(NotGenuine):
        read(call(HEAD, address), DOMAIN)


def test_servers_may_write_our_address_in_capitals() -> None:
    assert fields(tagged(f"<SVAR+{TOKEN}@{DOMAIN.upper()}>", DOMAIN), "kind", "token") == ("svar", TOKEN)
