"""An old message as if it were sent now: for exercises, demonstrations and trials with real alerts."""

import hashlib
from dataclasses import replace as changed
from datetime import datetime, timedelta

from messages.cap import times
from messages.cap.model import CapAlert, CapInfo, Flag, Named
from messages.cap.terms import FlagKind


def replay(cap: CapAlert, now: datetime) -> CapAlert:
    """The message with all its times moved so that it was sent `now`; the distances between them stay.

    Its identity and digest are new, so that the same message can be replayed again. References, and dates inside its texts,
    stay as they were; a flag says so.
    """
    sent = now.replace(microsecond=0)
    shift = sent - cap.sent
    digest = hashlib.sha256(f"{cap.raw_sha256} {times.write(sent)}".encode()).hexdigest()
    return changed(
        cap,
        sent=cap.sent + shift,
        infos=tuple(_moved(info, shift) for info in cap.infos),
        flags=(*cap.flags, Flag(FlagKind.REPLAYED, detail=f"sent {times.write(cap.sent)}")),
        raw_sha256=digest,
    )


def _moved(info: CapInfo, shift: timedelta) -> CapInfo:
    return changed(
        info,
        effective=info.effective and info.effective + shift,
        onset=info.onset and info.onset + shift,
        expires=info.expires and info.expires + shift,
        parameters=tuple(_moved_parameter(item, shift) for item in info.parameters),
    )


def _moved_parameter(item: Named, shift: timedelta) -> Named:
    moment = times.maybe(item.value)
    return Named(item.name, times.write(moment + shift)) if moment else item
