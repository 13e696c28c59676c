"""A mail that came in to one of our own addresses: an answer, a bounce, an out-of-office note, a complaint, a farewell.

svar+TOKEN is the Reply-To of a letter, retur+TOKEN its envelope's sender, avmeld+TOKEN its way out. The token is the proof:
From can be written by anybody. What a bounce is about is told by the address first, by its fields second, by the letter in it
third; a mail without a sender that looks like a bounce counts as one last of all.
"""

import base64
import hashlib
import re
from dataclasses import dataclass, replace

from channels.base import Callback, Evidence, Inbound, Media, NotGenuine, Status
from channels.mime import LARGEST, Mail, Part, blocks, open_mail
from channels.smtp_codes import ACTIONS, Stage, reported
from messages.reply import is_automatic, own_words, text_of_html, unquoted

#: names of the envelope's fields in a Callback whose url is URL
MAIL_FROM, RCPT_TO = "mail_from", "rcpt_to"
URL = "lmtp:"

_TAGGED = re.compile(r"(?P<kind>svar|retur|avmeld)\+(?P<token>[A-Za-z0-9_-]{8,64})@(?P<host>[A-Za-z0-9.-]{1,253})", re.IGNORECASE)
_ADDRESS = re.compile(r"[^\s<>()\",:;]{1,64}@[^\s<>()\",:;@]{1,189}")
#: without NUL, which PostgreSQL keeps in no text
_MESSAGE_ID = re.compile(rb"^message-id:\s*<([^<>\s\0]{1,190})>", re.IGNORECASE | re.MULTILINE)

#: what stands in From, or in the subject, of bounces that do not say so in fields
_DAEMONS = ("mailer-daemon", "mailer daemon", "mailerdaemon", "mdaemon@", "postmaster@", "mail delivery", "maildelivery")
_GIVEN_UP = (
    *("undeliver", "not delivered", "delivery fail", "failure notice", "returned mail", "returned to sender", "(failure)"),
    *(
        "delivery has failed",
        "delivery status notification",
        "mail delivery failed",
        "ikke levert",
        "ikke leveres",
        "leveringsfeil",
        "kunne ikke levere",
    ),
)
_DELAYED = ("delayed", "(delay)", "warning:", "forsinket")

#: what is kept of pictures and voice notes: kinds that a browser shows without running anything
_KEPT = re.compile(r"image/(jpeg|png|gif|webp|heic)|audio/(mpeg|mp4|ogg|amr|aac|wav|x-wav|3gpp|webm)")


@dataclass(frozen=True, slots=True)
class Tag:
    """One of our own addresses, taken apart."""

    kind: str
    token: str
    address: str


@dataclass(frozen=True, slots=True)
class _Incoming:
    callback: Callback
    tag: Tag
    mail: Mail
    mail_from: str
    body: bytes


def tagged(address: str, domain: str) -> Tag | None:
    """Return what `address` at `domain` is for; None: it is none of ours."""
    found = _TAGGED.fullmatch(address.strip().strip("<>"))
    if found is None or found["host"].lower() != domain:
        return None
    return Tag(found["kind"].lower(), found["token"], found[0])


def read(callback: Callback, domain: str) -> list[Inbound | Status]:
    """Return what a mail to our own addresses at `domain` means. Raises NotGenuine when it came to none of them."""
    to = [value for name, value in callback.fields if name == RCPT_TO]
    tags = [tag for address in to if (tag := tagged(address, domain))]
    if callback.url != URL or not tags:
        raise NotGenuine("This mail came to none of our own addresses.")
    mail_from = next((value for name, value in callback.fields if name == MAIL_FROM), "").strip("<>")
    body = callback.body[:LARGEST]
    mail = open_mail(body)
    return [each for tag in tags if (each := _meaning(_Incoming(callback, tag, mail, mail_from, body), domain))]


def _meaning(incoming: _Incoming, domain: str) -> Inbound | Status | None:
    kinds = {part.kind: part for part in incoming.mail.parts}
    if complaint := kinds.get("message/feedback-report"):
        return _complaint(incoming, complaint, domain)
    if report := kinds.get("message/delivery-status"):
        return _report(incoming, report, domain)
    if incoming.tag.kind == "avmeld":
        return replace(_inbound(incoming, opt_out="STOP"), text=own_words(_written(incoming.mail), mail=True), media=_media(incoming.mail))
    if incoming.tag.kind == "retur" and (status := _guessed(incoming)):
        return status
    return _inbound(incoming, automatic=_is_automatic(incoming))


# --- bounces ------------------------------------------------------------------------------------------------------------


def _report(incoming: _Incoming, part: Part, domain: str) -> Status | Inbound | None:
    """Read a delivery report (RFC 3464): one block about the mail, then one for each recipient, and ours has one."""
    about = [block for block in blocks(part.data()) if "action" in block]
    if not about:
        return _guessed(incoming) or _inbound(incoming, automatic=True)
    action = about[0]["action"].partition(" ")[0].lower()
    code = reported(about[0].get("status", ""), about[0].get("diagnostic-code", ""))
    return _status(incoming, action, code, domain)


def _guessed(incoming: _Incoming) -> Status | Inbound | None:
    """Read a bounce that has no fields: by who sent it and what it says."""
    sender, subject = incoming.mail.words("from").lower(), incoming.mail.words("subject").lower()
    from_daemon = any(name in sender for name in _DAEMONS)
    if not from_daemon and (incoming.mail_from or not any(words in subject for words in _GIVEN_UP)):
        return None
    text = _text(incoming.mail)
    action = "delayed" if any(words in subject for words in _DELAYED) else "failed"
    return _status(incoming, action, reported("", text), "")


def _status(incoming: _Incoming, action: str, code: str, domain: str) -> Status | Inbound:
    evidence = ACTIONS.get(action, Evidence.UNKNOWN)
    reason = Stage.REPORT.reason(code) if evidence is Evidence.UNDELIVERED else None
    token = _attempt(incoming, domain)
    about = token or _letter_inside(incoming.body)
    if not about:  # a bounce of something; at least it is known whose answer it came in place of
        return _inbound(incoming, automatic=True)
    return Status(evidence=evidence, token=token, provider_id=about, reason=reason, code=code, word=action[:40])


def _attempt(incoming: _Incoming, domain: str) -> str:
    """Return the attempt's token: from the address the bounce came to, else from the envelope that the bounce quotes."""
    if incoming.tag.kind == "retur":
        return incoming.tag.token
    return _quoted(incoming.body, "retur", domain)


def _quoted(body: bytes, kind: str, domain: str) -> str:
    found = re.search(rb"%s\+([A-Za-z0-9_-]{8,64})@%s" % (kind.encode(), re.escape(domain.encode())), body, re.IGNORECASE)
    return found[1].decode() if found else ""


def _letter_inside(body: bytes) -> str:
    """Return the Message-ID of the letter that the bounce carries: the last one in it, the first is the bounce's own."""
    found = _MESSAGE_ID.findall(body)
    return found[-1].decode("ascii", "replace") if len(found) > 1 else ""


# --- complaints and farewells -------------------------------------------------------------------------------------------


def _complaint(incoming: _Incoming, part: Part, domain: str) -> Inbound | None:
    """Read a complaint (ARF, RFC 5965): somebody pressed *spam*, which we take for STOP."""
    kind = next((block["feedback-type"] for block in blocks(part.data()) if "feedback-type" in block), "").lower()
    if kind in {"not-spam", "auth-failure", "dmarc"}:
        return None
    body = incoming.body
    token = _quoted(body, "avmeld", domain) or _quoted(body, "svar", domain)
    return _inbound(incoming, opt_out="STOP", automatic=True, token=token)


# --- answers ------------------------------------------------------------------------------------------------------------


def _inbound(incoming: _Incoming, *, opt_out: str = "", automatic: bool = False, token: str = "") -> Inbound:
    tag, mail = incoming.tag, incoming.mail
    answers_attempt = tag.kind == "retur"
    return Inbound(
        provider_id=_identity(incoming),
        sender=_sender(mail),
        to=tag.address[:254],
        text="" if opt_out else _text(mail),
        received_at=incoming.callback.received_at,
        replied_to=tag.token if answers_attempt else mail.headers.get("in-reply-to", "").strip("<> ")[:200],
        reply_token=token or ("" if answers_attempt else tag.token),
        opt_out=opt_out,
        automatic=automatic,
        media=() if opt_out else _media(mail),
    )


def _identity(incoming: _Incoming) -> str:
    """Return an id that is the same when a mail is handed in twice, and another for each of our addresses it came to."""
    own = incoming.mail.headers.get("message-id", "").encode() or incoming.body
    return hashlib.sha256(own + b"\0" + incoming.tag.address.lower().encode()).hexdigest()[:40]


def _is_automatic(incoming: _Incoming) -> bool:
    headers = {**incoming.mail.headers, "return-path": f"<{incoming.mail_from}>"}
    return is_automatic(headers, incoming.mail.words("subject"))


def _sender(mail: Mail) -> str:
    """Return the address in From: the last one there, since a name may look like one too."""
    found = _ADDRESS.findall(mail.headers.get("from", "")[:1000])
    return str(found[-1]) if found else ""


def _text(mail: Mail) -> str:
    """Return what the person wrote above the quoted letter; if that is nothing, all of it."""
    written = _written(mail)
    return unquoted(written) or written.strip()


def _written(mail: Mail) -> str:
    """Return the whole text of a mail, as plain text."""
    readable = [part for part in mail.parts if not part.is_attached]
    written = next((part.text() for part in readable if part.kind == "text/plain" and part.raw.strip()), "")
    if not written.strip():
        written = next((text_of_html(part.text()) for part in readable if part.kind == "text/html"), "")
    return written


def _media(mail: Mail) -> tuple[Media, ...]:
    """Return pictures and voice notes, each as a URL that holds it."""
    return tuple(
        Media(url=f"data:{part.kind};base64,{base64.b64encode(part.data()).decode()}", content_type=part.kind)
        for part in mail.parts
        if _KEPT.fullmatch(part.kind)
    )
