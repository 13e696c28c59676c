"""Letters: the headers that answers, bounces and unsubscribing hang on, and that nobody can slip one in."""

from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.header import decode_header, make_header
from email.message import EmailMessage
from typing import Any

import pytest
from hypothesis import given, strategies as st

from channels.base import Outbound, Reason, SendFailed
from channels.mail_out import compose

DOMAIN = "svar.sorby.example"
NOW = datetime(2026, 11, 23, 17, tzinfo=UTC)
OUT = Outbound(
    token="a" * 32,
    to="ayan@example.net",
    sender="Sørby kommune <varsel@sorby.example>",
    text="Kok vatnet.\nNr. 12",
    html="<p lang='nn'>Kok vatnet. æøå</p>",
    subject="Kok vatnet – nr. 12",
    language="nn",
    message_id="<d77@sorby.example>",
    reply_token="b" * 32,
    unsubscribe_url="https://varsel.sorby.example/avmeld/" + "c" * 43,
)
HEADERS = [
    "From",
    "To",
    "Subject",
    "Date",
    "Message-ID",
    "Reply-To",
    "List-Unsubscribe",
    "List-Unsubscribe-Post",
    "Auto-Submitted",
    "X-Auto-Response-Suppress",
    "Content-Language",
    "MIME-Version",
    "Content-Type",
]


def opened(out: Outbound) -> EmailMessage:
    """Return the letter as a mail programme reads it."""
    return message_from_bytes(compose(out, DOMAIN, NOW).data, policy=policy.default)


def test_every_header_says_what_it_must() -> None:
    letter = opened(OUT)
    assert letter.keys() == HEADERS
    assert str(letter["From"]) == "Sørby kommune <varsel@sorby.example>"
    assert str(letter["To"]) == "ayan@example.net"
    assert str(letter["Subject"]) == "Kok vatnet – nr. 12"
    assert str(letter["Date"]) == "Mon, 23 Nov 2026 17:00:00 +0000"
    assert str(letter["Message-ID"]) == "<d77@sorby.example>"
    assert str(letter["Reply-To"]) == f"svar+{'b' * 32}@{DOMAIN}"
    assert str(letter["List-Unsubscribe"]) == f"<{OUT.unsubscribe_url}>, <mailto:avmeld+{'b' * 32}@{DOMAIN}>"
    assert str(letter["List-Unsubscribe-Post"]) == "List-Unsubscribe=One-Click"
    assert str(letter["Auto-Submitted"]) == "auto-generated"
    assert str(letter["Content-Language"]) == "nn"


def test_bounces_come_back_to_the_attempt() -> None:
    letter = compose(OUT, DOMAIN, NOW)
    assert letter.mail_from == f"retur+{'a' * 32}@{DOMAIN}"
    assert letter.to == "ayan@example.net"


def test_text_and_html_say_what_they_said() -> None:
    letter = opened(OUT)
    plain, rich = letter.get_body(("plain",)), letter.get_body(("html",))
    assert plain is not None
    assert rich is not None
    assert plain.get_content().replace("\r\n", "\n") == "Kok vatnet.\nNr. 12\n"
    assert rich.get_content().strip() == OUT.html
    assert opened(OUT._replace(html="")).get_content_type() == "text/plain"


def test_every_byte_is_ascii_and_no_line_too_long() -> None:
    data = compose(OUT._replace(text="ቁጽሪ " * 5000, html="<p>" + "x" * 5000), DOMAIN, NOW).data
    assert data.isascii()
    assert max(len(line) for line in data.split(b"\r\n")) <= 998
    assert b"\n" not in data.replace(b"\r\n", b"")


@pytest.mark.parametrize(
    ("to", "reaches"),
    [
        ("ayan@example.net", "ayan@example.net"),
        ("a.b+c@sub.example.net", "a.b+c@sub.example.net"),
        ("o'hara@example.net", "o'hara@example.net"),
        ("ayan@sørby.example", "ayan@xn--srby-gra.example"),
        ("bjørn@example.net", "bjørn@example.net"),
    ],
)
def test_addresses_that_people_have(to: str, reaches: str) -> None:
    letter = compose(OUT._replace(to=to), DOMAIN, NOW)
    assert letter.to == reaches
    assert letter.needs_utf8 == (not reaches.isascii())


@pytest.mark.parametrize(
    "to",
    [
        "",
        "@",
        "ayan",
        "ayan@",
        "@example.net",
        "a b@example.net",
        "a@b@example.net",
        "ayan@example.net, other@example.net",
        "ayan@example.net\r\nRCPT TO:<other@example.net>",
        "ayan@example.net>",
        "<ayan@example.net>",
        "Ayan <ayan@example.net>",
        '"a b"@example.net',
        "ayan@exa mple.net",
        "ayan@example..net",
        "ayan@[127.0.0.1]",
        "\ud83d@example.net",
        "ayan@\ud83d.net",
        "x" * 65 + "@example.net",
        "ayan@" + "x" * 64 + ".net",
        "ayan@" + "x.example." * 40 + "net",
    ],
)
def test_what_is_no_address_is_refused_before_it_leaves(to: str) -> None:
    with pytest.raises(SendFailed) as refusal:
        compose(OUT._replace(to=to), DOMAIN, NOW)
    assert refusal.value.reason is Reason.ADDRESS_INVALID


INJECTION = "x\r\nBcc: everybody@example.net"


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"subject": INJECTION}, Reason.BAD_CONTENT),
        ({"subject": "x\nBcc: everybody@example.net"}, Reason.BAD_CONTENT),
        ({"subject": "x\rBcc: everybody@example.net"}, Reason.BAD_CONTENT),
        ({"subject": "x\x85Bcc: everybody@example.net"}, Reason.BAD_CONTENT),
        ({"subject": "x\u2028Bcc: everybody@example.net"}, Reason.BAD_CONTENT),
        ({"subject": "x\x00"}, Reason.BAD_CONTENT),
        ({"subject": "half \ud83d"}, Reason.BAD_CONTENT),
        ({"text": "half \ud83d"}, Reason.BAD_CONTENT),
        ({"html": "half \ud83d"}, Reason.BAD_CONTENT),
        ({"language": INJECTION}, Reason.BAD_CONTENT),
        ({"sender": INJECTION}, Reason.BAD_SENDER),
        ({"sender": "Sørby"}, Reason.BAD_SENDER),
        ({"sender": f"{INJECTION} <varsel@sorby.example>"}, Reason.BAD_SENDER),
        ({"message_id": INJECTION}, Reason.OUR_BUG),
        ({"message_id": "<a@b>\r\nBcc: x@y"}, Reason.OUR_BUG),
        ({"unsubscribe_url": f"https://x/{INJECTION}"}, Reason.OUR_BUG),
        ({"unsubscribe_url": "https://x/>, <mailto:other@example.net"}, Reason.OUR_BUG),
        ({"unsubscribe_url": "javascript:alert(1)"}, Reason.OUR_BUG),
        ({"token": INJECTION}, Reason.OUR_BUG),
        ({"reply_token": INJECTION}, Reason.OUR_BUG),
    ],
)
def test_nobody_slips_in_a_header(changes: dict[str, Any], reason: Reason) -> None:
    with pytest.raises(SendFailed) as refusal:
        compose(OUT._replace(**changes), DOMAIN, NOW)
    assert refusal.value.reason is reason


def test_a_long_name_and_a_long_subject_arrive_whole() -> None:
    name, subject = "Sørby, Ålesund og Bærum kommunar " * 4, "Kok vatnet – ቁጽሪ 12. " * 20
    long = OUT._replace(sender=f"{name.strip()} <varsel@sorby.example>", subject=subject.strip())
    letter, raw = opened(long), message_from_bytes(compose(long, DOMAIN, NOW).data)["From"]
    assert str(make_header(decode_header(raw))) == f"{name.strip()} <varsel@sorby.example>"
    assert str(letter["Subject"]) == subject.strip()


def test_a_subject_that_looks_encoded_is_shown_as_it_was_written() -> None:
    subject = "=?utf-8?q?x=0D=0ABcc:_everybody@example.net?="
    letter = opened(OUT._replace(subject=subject))
    assert str(letter["Subject"]) == subject
    assert letter.keys() == HEADERS


@given(subject=st.text(max_size=300), text=st.text(max_size=300), language=st.text(max_size=20), name=st.text(max_size=40))
def test_whatever_is_written_the_headers_are_ours(subject: str, text: str, language: str, name: str) -> None:
    sender = f"{name} <varsel@sorby.example>"
    try:
        letter = opened(OUT._replace(subject=subject, text=text, html="", language=language, sender=sender))
    except SendFailed as refusal:
        assert refusal.reason in {Reason.BAD_CONTENT, Reason.BAD_SENDER}  # noqa: PT017 - either outcome is right
        return
    left_out = {header for header, value in (("Subject", subject.strip()), ("Content-Language", language)) if not value}
    assert sorted(letter.keys()) == sorted({*HEADERS, "Content-Transfer-Encoding"} - left_out)
    assert str(letter["Subject"] or "") == subject.strip()
