"""What MET Norway's and NVE's own profile of CAP adds: municipality numbers, the end of the event, and a strict sense of Cancel."""

import re
from collections.abc import Iterable, Iterator

from messages.cap.model import CapAlert, CapInfo, Named

#: geocode (older) or parameter (since 2024) with municipality numbers, joined by semicolons
MUNICIPALITY = "MunicipalityId"
#: parameter: the end of the weather; `expires` is only the end of the message
EVENT_END = "eventEndingTime"
#: parameter: what may happen, in whole sentences
CONSEQUENCES = "consequences"

#: senders by the end of their address, and how their profile's code begins
_SENDERS = ("@met.no", "@nve.no")
_CODES = ("CAP-V12.NO", "profile:cap:https://git.smhi.se/metcoop/")

_NUMBER = re.compile(r"[0-9]{4}")


def is_norwegian(alert: CapAlert) -> bool:
    """Whether a message follows the Norwegian profile."""
    return alert.sender.endswith(_SENDERS) or any(code.startswith(_CODES) for code in alert.codes)


def municipalities(info: CapInfo) -> list[tuple[str, ...]]:
    """The municipality numbers of each area of an info: the area's own, or else those of the whole info. Each once, in order."""
    everywhere = _numbers(info.parameters)
    return [_numbers(area.geocodes) or everywhere for area in info.areas]


def unreadable(info: CapInfo) -> Iterator[str]:
    """What stands among municipality numbers and is none."""
    listed = (item for items in (info.parameters, *(area.geocodes for area in info.areas)) for item in _listed(items))
    return (item for item in dict.fromkeys(listed) if not _NUMBER.fullmatch(item))


def _numbers(items: Iterable[Named]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(item for item in _listed(items) if _NUMBER.fullmatch(item)))


def _listed(items: Iterable[Named]) -> Iterator[str]:
    return (word for item in items if item.name == MUNICIPALITY for word in re.split(r"[;,\s]+", item.value) if word)
