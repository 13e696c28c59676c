"""What comes back by mail: an answer with the letter quoted below, a note that somebody is away, a letter sent back."""

import uuid
from datetime import datetime
from email.message import EmailMessage, Message
from email.mime.multipart import MIMEMultipart
from email.mime.text import MIMEText
from email.utils import format_datetime, parseaddr

from channels.sandbox.phones import Shown


def new_id() -> str:
    """Return a new Message-ID of ours."""
    return f"<{uuid.uuid4().hex}@sandbox.invalid>"


def reply(shown: Shown, text: str, at: datetime) -> EmailMessage:
    """Return an answer as mail programs write it: the text, and the letter quoted below."""
    letter = _letter(shown, shown.reply_to or shown.sender, f"Re: {shown.subject.removeprefix('Re: ')}", at)
    quoted = "\n".join(f"> {line}" for line in shown.text.splitlines())
    letter.set_content(f"{text}\n\n{shown.at:%Y-%m-%d %H:%M} {shown.sender}:\n{quoted}\n")
    return letter


def away(shown: Shown, subject: str, text: str, at: datetime) -> EmailMessage:
    """Return what a mailbox sends by itself (RFC 3834): to the envelope's sender, marked as automatic."""
    letter = _letter(shown, shown.return_path or shown.sender, f"{subject} ({shown.subject})", at)
    letter["Auto-Submitted"] = "auto-replied"
    letter["Precedence"] = "bulk"
    letter.set_content(f"{text}\n")
    return letter


def _letter(shown: Shown, to: str, subject: str, at: datetime) -> EmailMessage:
    letter = EmailMessage()
    letter["From"], letter["To"] = shown.to, parseaddr(to)[1]
    letter["Subject"] = subject
    letter["Date"] = format_datetime(at)
    letter["Message-ID"] = new_id()
    letter["In-Reply-To"] = shown.id
    letter["References"] = f"{shown.references} {shown.id}".strip()
    return letter


def bounce(shown: Shown, at: datetime, status: str = "5.1.1", words: str = "550 5.1.1 No such mailbox") -> MIMEMultipart:
    """Return a delivery status notification (RFC 3464) about a letter that was taken and could not be delivered."""
    letter = MIMEMultipart("report")
    letter.set_param("report-type", "delivery-status")
    letter["From"], letter["To"] = "Mail Delivery System <MAILER-DAEMON@sandbox.invalid>", shown.return_path
    letter["Subject"] = "Undelivered Mail Returned to Sender"
    letter["Date"], letter["Message-ID"] = format_datetime(at), new_id()
    letter["Auto-Submitted"] = "auto-replied"
    letter.attach(MIMEText(f"Your message to {shown.to} could not be delivered.\n{words}\n"))
    letter.attach(_status(shown.to, status, words))
    original = MIMEText(
        f"From: {shown.sender}\nTo: {shown.to}\nSubject: {shown.subject}\nMessage-ID: {shown.id}\n", "rfc822-headers", "utf-8"
    )
    letter.attach(original)
    return letter


def _status(to: str, status: str, words: str) -> Message:
    about_server, about_recipient = Message(), Message()
    about_server["Reporting-MTA"] = "dns; sandbox.invalid"
    about_recipient["Final-Recipient"] = f"rfc822; {to}"
    about_recipient["Action"] = "failed"
    about_recipient["Status"] = status
    about_recipient["Diagnostic-Code"] = f"smtp; {words}"
    part = Message()
    part["Content-Type"] = "message/delivery-status"
    part.set_payload([about_server, about_recipient])
    return part
