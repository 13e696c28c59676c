"""One spelling for each number and mailbox, so that what was written one way is found again when it comes another way."""

import re

import phonenumbers

from messages.form import Medium
from relay.model import BadInput
from relay.people_csv import cells

_E164 = re.compile(r"\+[1-9]\d{6,14}")
_DIGITS = re.compile(r"[^\d+]")
_PREFIX = "whatsapp:"


def normal_address(medium: Medium, value: str, region: str = "NO") -> str:
    """Return the spelling that a fingerprint is taken of. Never fails: what is no number or mailbox keeps its own words."""
    plain = " ".join(value.split()).casefold().removeprefix(_PREFIX)
    if medium is Medium.EMAIL:
        return _domain_in_ascii(plain)
    return plain if _E164.fullmatch(plain) or any(map(str.isalpha, plain)) else _number(plain, region)


def checked_address(medium: Medium, value: str, region: str = "NO") -> str:
    """Return a number in E.164 or a mailbox, as it is stored and sent to; BadInput with what is wrong with it."""
    try:
        if medium is Medium.EMAIL:
            return cells.mailbox(value.strip())
        plain = value.strip().removeprefix(_PREFIX)
        return cells.mobile(plain, region) if medium is Medium.SMS else cells.number(plain, region)
    except cells.Wrong as why:
        raise BadInput(f"{why}.") from why


def _number(plain: str, region: str) -> str:
    try:
        parsed = phonenumbers.parse(plain, region)
    except phonenumbers.NumberParseException:
        digits = _DIGITS.sub("", plain)
        return plain if digits in ("", plain) else _number(digits, region)
    return phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164)


def _domain_in_ascii(mailbox: str) -> str:
    local, at, domain = mailbox.rpartition("@")
    try:
        ascii_ = domain.encode("idna").decode("ascii")
    except UnicodeError:
        return mailbox
    # some marks come apart into a blank and an accent: that is no domain
    return mailbox if any(map(str.isspace, ascii_)) else f"{local}{at}{ascii_}"
