"""What MET Norway's and NVE's own profile of CAP adds: municipality numbers, the end of the event, and a strict sense of Cancel."""

import re
from collections.abc import Iterator

from messages.cap.model import CapAlert, CapArea, CapInfo

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


def municipalities(info: CapInfo, area: CapArea) -> tuple[str, ...]:
    """The municipality numbers of an area, or of the whole info where they stand there; each once, in order."""
    found = (number for number in _listed(info, area) if _NUMBER.fullmatch(number))
    return tuple(dict.fromkeys(found))


def unreadable(info: CapInfo) -> Iterator[str]:
    """What stands among municipality numbers and is none."""
    areas = info.areas or (CapArea(),)
    found = (number for area in areas for number in _listed(info, area) if not _NUMBER.fullmatch(number))
    return iter(dict.fromkeys(found))


def _listed(info: CapInfo, area: CapArea) -> Iterator[str]:
    for item in (*area.geocodes, *info.parameters):
        if item.name == MUNICIPALITY:
            yield from re.split(r"[;,\s]+", item.value.strip(" ;,\n"))
