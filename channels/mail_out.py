"""A letter on its way out: headers that a person's and a machine's mail programme understand, and none that anybody slipped in."""

import re
from dataclasses import dataclass
from datetime import datetime
from email.header import Header
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime

from channels.base import Outbound, Reason, SendFailed

#: ASCII only, so that no relay has to convert it
_POLICY = SMTP.clone(cte_type="7bit")
_LOCAL = re.compile(r"[^\s<>\"(),:;\\@\[\]\x00-\x1f\x7f]{1,64}")
_HOST = re.compile(r"[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*")
_TOKEN = re.compile(r"[A-Za-z0-9_-]{8,64}")
_PRINTABLE = re.compile(r"[\x20-\x7e]*")
_ID = re.compile(r"<[^<>\s@]+@[^<>\s@]+>")
_SENDER = re.compile(r"(?P<name>[^<>\x00-\x1f\x7f\x85\u2028\u2029]*?)\s*<(?P<address>[^<>]+)>")
_URL = re.compile(r"https?://[!-;=?-~]+")
#: characters of a header that stay on one line
_LINE = 900


@dataclass(frozen=True, slots=True)
class Letter:
    """A mail ready for one recipient."""

    mail_from: str
    to: str
    data: bytes
    #: the mailbox's name is not ASCII: the relay must know SMTPUTF8
    needs_utf8: bool


def compose(out: Outbound, domain: str, now: datetime) -> Letter:
    """Write `out` as a mail whose answers and bounces come to `domain`. Raises SendFailed: ADDRESS_INVALID, BAD_CONTENT."""
    if not all(_TOKEN.fullmatch(token) for token in (out.token, out.reply_token or out.token)):
        raise SendFailed(Reason.OUR_BUG, detail="not a token that fits into an address")
    to = mailbox(out.to, Reason.ADDRESS_INVALID)
    head = "".join(_line(name, value) for name, value in _headers(out, to, domain, now) if value)
    return Letter(
        mail_from=f"retur+{out.token}@{domain}",
        to=to,
        data=head.encode() + _body(out),
        needs_utf8=not to.isascii(),
    )


def mailbox(address: str, otherwise: Reason) -> str:
    """Return `address` with its domain in ASCII. Raises SendFailed(otherwise) for what is no plain mail address."""
    local, _, host = address.rpartition("@")
    try:
        host = host.encode("idna").decode()
        local.encode()
    except UnicodeError:
        host = ""
    if not _LOCAL.fullmatch(local) or not _HOST.fullmatch(host) or len(local) + len(host) > 253:
        raise SendFailed(otherwise, detail="not a mail address")
    return f"{local}@{host}"


def _headers(out: Outbound, to: str, domain: str, now: datetime) -> list[tuple[str, str]]:
    unsubscribe = [f"<{_url(out.unsubscribe_url)}>"] if out.unsubscribe_url else []
    unsubscribe += [f"<mailto:avmeld+{out.reply_token}@{domain}>"] if out.reply_token else []
    return [
        ("From", _from(out.sender)),
        ("To", f"<{to}>"),
        ("Subject", out.subject.strip()),
        ("Date", format_datetime(now)),
        ("Message-ID", message_id(out, domain)),
        ("Reply-To", f"<svar+{out.reply_token}@{domain}>" if out.reply_token else ""),
        ("List-Unsubscribe", ", ".join(unsubscribe)),
        # the one click that a mail programme makes: a POST, which no scanner makes by itself
        ("List-Unsubscribe-Post", "List-Unsubscribe=One-Click" if out.unsubscribe_url else ""),
        ("Auto-Submitted", "auto-generated"),
        ("X-Auto-Response-Suppress", "OOF, AutoReply"),
        ("Content-Language", out.language),
    ]


def message_id(out: Outbound, domain: str) -> str:
    """Return the Message-ID, in its angle brackets. Raises SendFailed(OUR_BUG)."""
    given = out.message_id or f"{out.token}@{domain}"
    given = given if given.startswith("<") else f"<{given}>"
    if not _ID.fullmatch(given):
        raise SendFailed(Reason.OUR_BUG, detail="not a Message-ID")
    return given


def _url(url: str) -> str:
    if len(url) > 500 or not _URL.fullmatch(url):
        raise SendFailed(Reason.OUR_BUG, detail="not a URL to unsubscribe by")
    return url


def _from(sender: str) -> str:
    """Return From for "a@b" or "Name <a@b>"."""
    named = _SENDER.fullmatch(sender)
    name, address = (named["name"].strip(), named["address"]) if named else ("", sender)
    address = mailbox(address, Reason.BAD_SENDER)
    if not address.isascii():
        raise SendFailed(Reason.BAD_SENDER, detail="the sender's own address must be ASCII")
    if not name:
        return address
    return f"{name if re.fullmatch(r'[A-Za-z0-9 ]+', name) else _encoded(name, joint=' ')} <{address}>"


def _line(name: str, value: str) -> str:
    """Return one header. Whatever could begin another is refused, whatever is not ASCII is encoded."""
    if any(ord(character) < 32 or character in "\x7f\x85\u2028\u2029" for character in value):
        raise SendFailed(Reason.BAD_CONTENT, detail=f"a control character in {name}")
    readable = _PRINTABLE.fullmatch(value) and not (name == "Subject" and "=?" in value)
    plain = name == "To" or (readable and len(value) < _LINE)
    return f"{name}: {value if plain else _encoded(value)}\r\n"


def _encoded(value: str, joint: str = "\r\n ") -> str:
    try:
        lines = Header(value, "utf-8", maxlinelen=70).encode(linesep="\r\n").split("\r\n")
    except UnicodeError:
        raise SendFailed(Reason.BAD_CONTENT, detail="half a character (a lone surrogate)") from None
    return joint.join(line.strip() for line in lines)


def _body(out: Outbound) -> bytes:
    """Return the parts and the headers that say how they are written."""
    message = EmailMessage(policy=_POLICY)
    try:
        message.set_content(out.text)
        if out.html:
            message.add_alternative(out.html, subtype="html")
        if out.attached:
            message.add_attachment(out.attached.content, maintype="text", subtype="html", filename=out.attached.name)
        return message.as_bytes()
    except UnicodeError:
        raise SendFailed(Reason.BAD_CONTENT, detail="half a character (a lone surrogate)") from None
