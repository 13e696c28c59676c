"""The provider's callbacks, fed by a process of its own: it reads whom to call in the provider's file, and signs.

python -m tests.bench.caller told.log     two callbacks a message, *sent* then *delivered*, as they come, until killed
python -m tests.bench.caller storm FILE STATE RATE  a signed callback about each message of the file: as fast as they are answered, or
                                                    RATE a second; prints the seconds
"""

import asyncio
import base64
import hashlib
import hmac
import os
import sys
import time
from collections import deque
from pathlib import Path
from urllib.parse import quote_plus, unquote, urldefrag, urlsplit

from tests.bench.provider import ACCOUNT, LINE

TOKEN = "sandbox"
#: the life of every message, as Twilio tells it
STATES = ("sent", "delivered")
#: connections on which we call
LINES = 100
#: seconds between looks at the file
LOOK = 0.005


def request(url: str, sid: str, state: str, number: str) -> bytes:
    """Return one callback as it goes over the line, signed as Twilio signs."""
    fields = (("MessageSid", sid), ("SmsSid", sid), ("MessageStatus", state), ("SmsStatus", state), ("AccountSid", ACCOUNT), ("To", number))
    signed = url + "".join(name + value for name, value in sorted(fields))
    signature = base64.b64encode(hmac.digest(TOKEN.encode(), signed.encode(), hashlib.sha1)).decode()
    place = urlsplit(url)
    body = "&".join(f"{name}={quote_plus(value)}" for name, value in fields)
    head = f"POST {place.path} HTTP/1.1\r\nHost: {place.netloc}\r\nX-Twilio-Signature: {signature}\r\n"
    return f"{head}Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode()


class Calls:
    """Requests that wait for a line, in order."""

    def __init__(self) -> None:
        self.due: deque[tuple[str, bytes]] = deque()
        self.rung = asyncio.Event()
        self.answered = 0
        self.wanted = -1
        self.done = asyncio.Event()

    def put(self, url: str, *requests: bytes) -> None:
        """Add what is to be sent to the house at `url`."""
        netloc = urlsplit(url).netloc
        self.due.extend((netloc, one) for one in requests)
        self.rung.set()

    async def line(self) -> None:
        """Work on one connection for ever."""
        reader = writer = at = None
        while True:
            while not self.due:
                self.rung.clear()
                await self.rung.wait()
            netloc, one = self.due.popleft()
            try:
                if writer is None or at != netloc:
                    at = netloc
                    reader, writer = await asyncio.open_connection(*netloc.split(":"))
                assert reader is not None
                writer.write(one)
                head = await reader.readuntil(b"\r\n\r\n")
            except (OSError, asyncio.IncompleteReadError):
                writer = None  # the house of a round before
                continue
            if not head.startswith(b"HTTP/1.1 204"):
                sys.exit(f"callback answered {head[:40]!r}")
            self.answered += 1
            if self.answered == self.wanted:
                self.done.set()


async def follow(told: Path) -> None:
    """Call back about every message that the provider writes down from now on."""
    calls = Calls()
    lines = [asyncio.create_task(calls.line()) for _ in range(LINES)]
    with told.open() as file:
        file.seek(0, os.SEEK_END)
        rest = ""
        while not any(line.done() for line in lines):
            text = rest + file.read()
            whole, _, rest = text.rpartition("\n")
            for number, back, to in LINE.findall(whole):
                if back:
                    url = urldefrag(unquote(back)).url
                    calls.put(url, *(request(url, f"SM{number}", state, unquote(to)) for state in STATES))
            await asyncio.sleep(LOOK)


async def storm(told: str, state: str, rate: float) -> float:
    """Tell that each message of a provider's file is in `state`; return the seconds it took. `rate`: so many a second, 0: no limit."""
    calls = Calls()
    found = [(urldefrag(unquote(back)).url, number, unquote(to)) for number, back, to in LINE.findall(told)]
    made = [(url, request(url, f"SM{number}", state, to)) for url, number, to in found]
    calls.wanted = len(made)
    lines = [asyncio.create_task(calls.line()) for _ in range(LINES)]
    start = time.perf_counter()
    for n, (url, one) in enumerate(made):
        if rate:
            await asyncio.sleep(start + n / rate - time.perf_counter())
        calls.put(url, one)
    waits = [asyncio.create_task(calls.done.wait()), *lines]
    await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    seconds = time.perf_counter() - start
    for task in waits:
        task.cancel()
    return seconds


if __name__ == "__main__":
    import uvloop

    if sys.argv[1] == "storm":
        print(uvloop.run(storm(Path(sys.argv[2]).read_text(), sys.argv[3], float(sys.argv[4]))), flush=True)
    else:
        uvloop.run(follow(Path(sys.argv[1])))
