"""Says to systemd how we are (sd_notify): ready, at work, ending. Without systemd, that is without NOTIFY_SOCKET, it says nothing.

Units are Type=notify with WatchdogSec=: a process that gives no WATCHDOG=1 for so long is killed and started again.
"""

import asyncio
import os
import socket
from collections.abc import Callable

#: seconds between two signs of life of a process that only serves
SIGN = 1.0


def ready(words: str) -> None:
    """Say that we do our work from now on; `words` stand in `systemctl status`."""
    _tell(f"READY=1\nSTATUS={words}")


def stopping() -> None:
    """Say that we are about to end, and drain."""
    _tell("STOPPING=1\nSTATUS=Finishes what is in flight.")


class Watched:
    """Feeds the watchdog only when the dispatcher has turned since: `turned` counts its turns."""

    def __init__(self, turned: Callable[[], int]) -> None:
        self._turned = turned
        self._fed_at = -1

    async def feed(self) -> None:
        """Give a sign of life if there is life."""
        turned = self._turned()
        if turned != self._fed_at:
            self._fed_at = turned
            _tell("WATCHDOG=1")


async def signs() -> None:
    """Give signs of life as long as this process's loop runs: for one that only serves. Runs until cancelled."""
    while True:
        _tell("WATCHDOG=1")
        await asyncio.sleep(SIGN)


def _tell(words: str) -> None:
    """Send one datagram. Whoever asked for it may be gone: our work goes on."""
    place = os.environ.get("NOTIFY_SOCKET", "")
    if not place.startswith(("/", "@")):
        return
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK) as line:
            line.sendto(words.encode(), place.replace("@", "\0", 1) if place[0] == "@" else place)
    except OSError:
        return
