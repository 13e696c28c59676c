"""Our own words inside CAP: the parameters that carry what CAP has no element for, so that another Budstikke reads what we wrote."""

from enum import StrEnum

import regex

from messages.cap.model import CapAlert, CapInfo

PREFIX = "budstikke:"

_CONTROL = regex.compile(r"[^\P{Cc}\n]")


class Own(StrEnum):
    """Our parameters. Texts travel as they are; times in CAP's form."""

    HEADLINE = "budstikke:headline"
    FORWARD = "budstikke:forward"
    ASK = "budstikke:ask"
    TOPIC = "budstikke:topic"
    PLACE = "budstikke:place"
    DETAIL = "budstikke:detail"
    REVIEW = "budstikke:review"
    NEXT_NEWS = "budstikke:nextNews"
    ACT_BY = "budstikke:actBy"


def texts(info: CapInfo) -> dict[str, str]:
    """The texts of ours that an info block carries, by parameter, without control characters."""
    return {item.name: _CONTROL.sub("", item.value) for item in info.parameters if item.name in _NAMES}


def is_own(alert: CapAlert) -> bool:
    """Whether a message was written by a Budstikke: what it leaves out is then left out on purpose."""
    return any(info.parameter(Own.FORWARD) is not None for info in alert.infos)


_NAMES = frozenset(Own)
