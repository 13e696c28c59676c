"""What mail servers mean by their codes (RFC 3463), in an answer to us or in a report of what became of a mail."""

import re
from collections.abc import Mapping
from enum import Enum

from channels.base import Evidence, Reason, Then

#: enhanced status code, or its first two figures -> reason; the longest that fits counts
REASONS: Mapping[str, Reason] = {
    "5.0.0": Reason.ADDRESS_INVALID,  # no more is said; nearly always: nobody of that name
    "5.1": Reason.ADDRESS_INVALID,  # no such mailbox, domain or syntax
    "5.1.7": Reason.BAD_SENDER,  # our own address does not please
    "5.1.8": Reason.BAD_SENDER,  # our own domain does not please
    "5.2": Reason.UNDELIVERED,  # something with this mailbox
    "5.2.1": Reason.ADDRESS_INVALID,  # the mailbox is closed
    "5.2.2": Reason.BOUNCED_FOR_NOW,  # the mailbox is full: passes
    "5.2.3": Reason.BAD_CONTENT,  # too large for this mailbox
    "5.3": Reason.REFUSED,  # something with their system
    "5.3.4": Reason.BAD_CONTENT,  # too large for their system
    "5.4": Reason.UNDELIVERED,  # no way to their server
    "5.4.1": Reason.ADDRESS_INVALID,  # Exchange Online: nobody of that name
    "5.4.4": Reason.ADDRESS_INVALID,  # the domain leads nowhere
    "5.4.7": Reason.EXPIRED_THERE,  # tried for too long
    "5.5": Reason.REFUSED,  # they did not understand us, or say so of anything
    "5.6": Reason.BAD_CONTENT,  # something with the contents
    "5.7": Reason.BLOCKED,  # their policy
    "5.7.8": Reason.NOT_AUTHORISED,  # our password
    "4": Reason.BOUNCED_FOR_NOW,  # come back later: greylisting, full, busy
    "4.4.7": Reason.EXPIRED_THERE,  # tried for too long
}

#: in a report it is a stranger's server that speaks: its word against our address must not stop us for everybody
REPORT_REASONS: Mapping[str, Reason] = {
    code: Reason.BLOCKED if reason.then is Then.STOP_SENDER else reason for code, reason in REASONS.items()
}

#: the answer to MAIL FROM speaks of us, whatever its figures
SENDER_REASONS: Mapping[str, Reason] = {"5": Reason.BAD_SENDER, "5.3.4": Reason.BAD_CONTENT, "5.7.8": Reason.NOT_AUTHORISED}

#: what a report says was done -> what it proves (RFC 3464)
ACTIONS: Mapping[str, Evidence] = {
    "failed": Evidence.UNDELIVERED,  # given up
    "delayed": Evidence.ACCEPTED,  # not there yet, still trying: no failure
    "delivered": Evidence.DELIVERED,  # in the mailbox
    "relayed": Evidence.SENT,  # handed to a server that sends no reports
    "expanded": Evidence.SENT,  # handed to a list
}

_ENHANCED = re.compile(r"(?<![\d.])([245]\.\d{1,3}\.\d{1,3})(?![\d.])")
_BASIC = re.compile(r"(?<![\d.])([45]\d\d)(?![\d.])")
#: says as good as nothing
_VAGUE = frozenset({"5.0.0", "5.5.0", "4.0.0"})


class Stage(Enum):
    """The steps of a mail's way: (what codes mean there, what three figures alone mean there)."""

    _value_: tuple[Mapping[str, Reason], Mapping[int, str]]
    MAIL = (SENDER_REASONS, dict[int, str]())
    RCPT = (REASONS, {550: "5.1.1", 551: "5.1.6", 552: "5.2.2", 553: "5.1.3", 554: "5.7.0"})
    REPORT = (REPORT_REASONS, {550: "5.1.1", 551: "5.1.6", 552: "5.2.2", 553: "5.1.3", 554: "5.7.0"})
    DATA = (REASONS, {550: "5.7.0", 552: "5.3.4", 554: "5.7.0"})

    def code(self, basic: int, text: str) -> str:
        """Return the enhanced code of an answer; where it has none, the one that its three figures stand for."""
        return enhanced(text) or self.value[1].get(basic, f"{basic // 100}.0.0")

    def reason(self, code: str) -> Reason:
        """Return what an enhanced code means at this step."""
        family = code.rpartition(".")[0]
        table = self.value[0]
        return table.get(code) or table.get(family) or table.get(code[:1]) or REASONS.get(code[:1]) or Reason.UNDELIVERED


def enhanced(text: str) -> str:
    """Return the enhanced code in `text` that says most; "" if there is none."""
    found = [str(code) for code in _ENHANCED.findall(text[:2000])]
    telling = [code for code in found if code not in _VAGUE]
    return next(iter(telling or found), "")


def reported(status: str, diagnostic: str) -> str:
    """Return the code of a report: from its own field, or from the answer it quotes where that tells more; "" if from neither."""
    basic = _BASIC.search(diagnostic[:2000])
    code = enhanced(f"{status} {diagnostic}")
    return Stage.REPORT.code(int(basic[1]), "") if basic and (not code or code in _VAGUE) else code
