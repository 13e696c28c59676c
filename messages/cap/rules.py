"""The rules of CAP that no schema can hold. Nothing here refuses: what is broken is flagged and stays with the alert."""

import re
from collections.abc import Iterator
from itertools import islice

from messages.cap import norway, scripts
from messages.cap.guard import LIMITS
from messages.cap.model import CapAlert, CapInfo, Flag
from messages.cap.terms import Evidence, FlagKind, MsgType, Scope, Status

#: what CAP forbids in sender and identifier
_FORBIDDEN = re.compile(r"[\s,<&]")


def judge(alert: CapAlert) -> tuple[Flag, ...]:
    """What is odd about a whole message, beyond what reading its values showed."""
    return (*_identity(alert), *_references(alert), *_scope(alert), *_times(alert), *_texts(alert), *_areas(alert), *_trust(alert))


def _identity(alert: CapAlert) -> Iterator[Flag]:
    for name, value in (("sender", alert.sender), ("identifier", alert.identifier)):
        if not value or _FORBIDDEN.search(value):
            yield Flag(FlagKind.BAD_IDENTITY, detail=f"{name} {value!r}"[:100])


def _references(alert: CapAlert) -> Iterator[Flag]:
    if alert.msg_type is not MsgType.ALERT and not alert.references:
        yield Flag(FlagKind.NO_REFERENCES, detail=alert.msg_type.value)


def _scope(alert: CapAlert) -> Iterator[Flag]:
    if alert.scope is Scope.RESTRICTED and not alert.restriction:
        yield Flag(FlagKind.NO_RESTRICTION)
    if alert.scope is Scope.PRIVATE and not alert.addresses:
        yield Flag(FlagKind.NO_ADDRESSES)


def _times(alert: CapAlert) -> Iterator[Flag]:
    for number, info in enumerate(alert.infos, 1):
        if info.expires is None:
            yield Flag(FlagKind.NO_EXPIRES, detail=f"info {number}")
        elif info.expires < alert.sent:
            yield Flag(FlagKind.EXPIRES_BEFORE_SENT, detail=f"info {number}")


def _texts(alert: CapAlert) -> Iterator[Flag]:
    if not alert.infos and alert.msg_type in (MsgType.ALERT, MsgType.UPDATE):
        yield Flag(FlagKind.NO_INFO)
    for number, info in enumerate(alert.infos, 1):
        yield from about_language(info, f"info {number}, {info.language[:40]}")


def about_language(info: CapInfo, where: str = "") -> Iterator[Flag]:
    """What makes us doubt the language that a text is labelled with."""
    text = f"{info.event} {info.headline} {info.description} {info.instruction}"
    if not scripts.well_formed(info.language):
        yield Flag(FlagKind.LANGUAGE_TAG, detail=where)
    if script := scripts.mismatch(info.language, text):
        yield Flag(FlagKind.SCRIPT_MISMATCH, detail=f"{where}: written in {script}")
    if scripts.likely_zawgyi(text):
        yield Flag(FlagKind.LIKELY_ZAWGYI, detail=where)


def _areas(alert: CapAlert) -> Iterator[Flag]:
    for number, info in enumerate(alert.infos, 1):
        for wrong in islice(norway.unreadable(info), LIMITS.flags):
            yield Flag(FlagKind.MUNICIPALITY_UNREADABLE, detail=f"info {number}, {wrong!r}"[:100])


def _trust(alert: CapAlert) -> Iterator[Flag]:
    if alert.signature.evidence is Evidence.INVALID:
        yield Flag(FlagKind.SIGNATURE_INVALID, detail=alert.signature.detail)
    if alert.carrier_status not in ("", Status.ACTUAL):
        yield Flag(FlagKind.CARRIER_NOT_ACTUAL, detail=alert.carrier_status[:40])
