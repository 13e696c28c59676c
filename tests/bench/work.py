"""One measurement, in a process of its own: `python -m tests.bench.work NAME ARGUMENT…` prints its figures as a line of JSON."""

import asyncio
import base64
import json
import os
import re
import resource
import statistics
import sys
import tempfile
from asyncio.subprocess import Process
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, nullcontext
from pathlib import Path
from typing import TypeAlias
from urllib.parse import urlencode

import aiohttp
from aiohttp import web
from sqlalchemy import select
from sqlalchemy.engine import make_url

from channels.base import Callback
from channels.clock import monotonic
from relay import log
from relay.app import run
from relay.flow import Relay
from relay.store import counters
from relay.store.tables import attempt
from relay.worker import listen
from tests.bench.house import FORWARD, SENDER, another_alert, fill, open_beside, open_house
from tests.bench.provider import ACCOUNT

Figures: TypeAlias = dict[str, float]

TICKS = os.sysconf("SC_CLK_TCK")
#: seconds between looks at how far it has come
LEAST, LONGEST = 0.02, 0.5
#: callbacks a second that come in beside sending
STORM = 300
#: deliveries of an alert whose numbers are read, and how often they are
MILLION, LOOKS = 1_000_000, 200
TEXT = f"Bydal: KOK VANNET\n{FORWARD}\nNr. 1"


def form_of(number: int) -> dict[str, str]:
    """Return what the loop and the plain client post: as much as the product does."""
    form = {"To": f"+474{number:07d}", "StatusCallback": f"http://127.0.0.1:1/hooks/twilio/status/{number:032x}#rc=4&rp=5xx,ct,rt"}
    return form | {"ValidityPeriod": "36000", "SmartEncoded": "false", "RiskCheck": "disable", "From": SENDER, "Body": TEXT}


async def bare(provider: str, messages: str, window: str) -> Figures:
    """Post with aiohttp as it comes, in a loop, and record nothing."""
    url = f"{provider}/2010-04-01/Accounts/{ACCOUNT}/Messages.json"
    password = base64.b64encode(f"{ACCOUNT}:sandbox".encode()).decode()
    headers = {"Content-Type": "application/x-www-form-urlencoded", "Authorization": f"Basic {password}"}
    numbers = iter(range(int(messages)))

    async def one(session: aiohttp.ClientSession) -> None:
        for number in numbers:
            async with session.post(url, data=urlencode({**form_of(number), "StatusCallback": ""}), headers=headers) as answer:
                await answer.read()

    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=int(window))) as session:
        start, used = monotonic(), _cpu("")
        await asyncio.gather(*(one(session) for _ in range(int(window))))
        return _figures(int(messages), monotonic() - start, _cpu("") - used)


async def client(provider: str, messages: str) -> Figures:
    """Post with the plain `twilio` client, one after the other, as its documentation shows it."""
    from twilio.base.version import Version
    from twilio.rest import Client

    sdk = Client(ACCOUNT, "sandbox")
    sdk.api.base_url = provider
    assert isinstance(sdk.api.v2010, Version)
    start, used = monotonic(), _cpu("")
    for number in range(int(messages)):
        sdk.messages.create(to=f"+474{number:07d}", from_=SENDER, body=TEXT, validity_period=36000, smart_encoded=False)
    return _figures(int(messages), monotonic() - start, _cpu("") - used)


async def path(provider: str, url: str, people: str, window: str, receipts: str) -> Figures:
    """Release, lease, intend, post, record; with `receipts` until the last of two callbacks a message is on disk.

    On PostgreSQL by two workers that share the window, as one sets up who has a server for it.
    """
    messages = 2 * int(people)
    shared = url.startswith("postgres")
    own = int(window) // 2 if shared else int(window)
    async with open_house(provider, url, int(people), own) as (relay, municipality_id, alert_id):
        if receipts == "off":
            relay.desk.public_url = "http://127.0.0.1:9"
        async with _beside(provider, url, own, relay.desk.public_url) if shared else nullcontext() as other:
            released = monotonic()
            await relay.release(municipality_id, alert_id, "Ola")
            start, used = monotonic(), _cpu(url)
            if other is not None:
                _pipe(other).write(b"go\n")
            working = asyncio.create_task(relay.dispatcher.run())
            sent = await _until(relay, alert_id, "sent", messages)
            figures = _figures(messages, sent - start, _cpu(url) - used)
            if receipts == "on":
                heard = await _until(relay, alert_id, "delivered", messages)
                figures |= {"heard": messages / (heard - start), "cpu_heard": (_cpu(url) - used) / messages * 1000}
            relay.dispatcher.stop()
            await working
        reach = await relay.reach(municipality_id, alert_id)
        assert reach.totals.sent == int(people)
        return figures | {"release": start - released, "rss": _rss() if shared else _rss_with_children()}


@asynccontextmanager
async def _beside(provider: str, url: str, window: int, public_url: str) -> AsyncIterator[Process]:
    """A second worker in a process of its own; it begins when it is told so, and ends with us."""
    command = (sys.executable, "-m", "tests.bench.work", "second", provider, url, str(window), public_url)
    process = await asyncio.create_subprocess_exec(*command, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE)
    assert process.stdout is not None
    try:
        await process.stdout.readline()
        yield process
    finally:
        _pipe(process).close()
        await process.wait()


def _pipe(process: Process) -> asyncio.StreamWriter:
    assert process.stdin is not None
    return process.stdin


async def second(provider: str, url: str, window: str, public_url: str) -> Figures:
    """Work beside `path` from the first line of standard input to its end."""
    async with open_beside(provider, url, int(window)) as relay:
        relay.desk.public_url = public_url
        listening = asyncio.create_task(listen(relay))
        print("ready", flush=True)
        if await asyncio.to_thread(sys.stdin.readline):
            working = asyncio.create_task(relay.dispatcher.run())
            await asyncio.to_thread(sys.stdin.readline)
            relay.dispatcher.stop()
            await working
        listening.cancel()
    return {"rss": _rss()}


async def hooks(provider: str, url: str, people: str, window: str) -> Figures:
    """Hear one callback about each message as fast as they come, with a database and without; then send while 300 a second come."""
    messages = 2 * int(people)
    async with open_house(provider, url, int(people), int(window)) as (relay, municipality_id, alert_id):
        alone = await _sends(relay, municipality_id, alert_id, messages)
        async with _silent(relay) as place:
            silent = messages / float(await _call(await _told(relay, place), "sent", 0))
        told = await _told(relay, relay.desk.public_url)
        heard = messages / float(await _call(told, "sent", 0))
        beside = asyncio.create_task(_call(told, "delivered", STORM))
        second = await another_alert(relay, municipality_id)
        stormy = await _sends(relay, municipality_id, second, messages)
        beside.cancel()
    return {"heard": heard, "silent": silent, "alone": alone, "stormy": stormy}


async def _sends(relay: Relay, municipality_id: int, alert_id: int, messages: int) -> float:
    """Release and send; return messages a second."""
    await relay.release(municipality_id, alert_id, "Ola")
    start = monotonic()
    working = asyncio.create_task(relay.dispatcher.run())
    sent = await _until(relay, alert_id, "sent", messages)
    relay.dispatcher.stop()
    await working
    relay.dispatcher.stopping = False
    return messages / (sent - start)


@asynccontextmanager
async def _silent(relay: Relay) -> AsyncIterator[str]:
    """Serve callbacks as the house does, signature and all, and keep nothing."""

    async def heard(request: web.Request) -> web.Response:
        fields = [(name, str(value)) for name, value in (await request.post()).items()]
        came = Callback(url=place + request.raw_path, headers=dict(request.headers), fields=fields, received_at=relay.clock.now())
        relay.desk.of_account("twilio").parse(came)
        return web.Response(status=204)

    app = web.Application()
    app.router.add_post("/hooks/{account}/status/{token}", heard)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    place = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield place
    await runner.cleanup()


async def _told(relay: Relay, place: str) -> str:
    """What the provider would have written down, had it been told to call `place` back."""
    async with relay.store.read() as conn:
        rows = (await conn.execute(select(attempt.c.provider_id, attempt.c.token))).all()
    return "".join(f"{row.provider_id.removeprefix('SM')} {place}/hooks/twilio/status/{row.token} {SENDER}\n" for row in rows)


async def _call(told: str, state: str, rate: float) -> str:
    with tempfile.NamedTemporaryFile("w") as file:
        file.write(told)
        file.flush()
        command = (sys.executable, "-m", "tests.bench.caller", "storm", file.name, state, str(rate))
        process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
        try:
            return (await process.communicate())[0].decode()
        finally:
            if process.returncode is None:
                process.kill()


async def many(provider: str, url: str, people: str, window: str) -> Figures:
    """Write the plan for many people, and read what came of an alert with a million deliveries."""
    async with open_house(provider, url, int(people), int(window)) as (relay, municipality_id, alert_id):
        before = _rss()
        start = monotonic()
        sends = await relay.release(municipality_id, alert_id, "Ola")
        fan_out, grown = monotonic() - start, _rss() - before
        await fill(relay, alert_id, MILLION)
        whole = [await _seconds(relay.reach(municipality_id, alert_id)) for _ in range(LOOKS)]
        async with relay.store.read() as conn:
            numbers = [await _seconds(counters.read(conn, alert_id)) for _ in range(LOOKS)]
    reach = {"reach": statistics.median(numbers) * 1000, "whole": statistics.median(whole) * 1000}
    return {"fan_out": fan_out, "sends": sends, "grown": grown, **reach}


async def _seconds(work: Awaitable[object]) -> float:
    start = monotonic()
    await work
    return monotonic() - start


def _rss() -> float:
    """The most memory so far, in MiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _rss_with_children() -> float:
    """The same together with the processes that this one has started: on SQLite what writes."""
    parent, most = re.compile(rf"^PPid:\t{os.getpid()}$", re.MULTILINE), re.compile(r"^VmHWM:\s+(\d+) kB$", re.MULTILINE)
    texts = [_text(status) for status in Path("/proc").glob("[0-9]*/status")]
    return _rss() + sum(int(found[1]) / 1024 for text in texts if parent.search(text) and (found := most.search(text)))


def _text(file: Path) -> str:
    """What stands in a file about a process, nothing where that has ended."""
    try:
        return file.read_text()
    except OSError:
        return ""


async def _until(relay: Relay, alert_id: int, name: str, wanted: int) -> float:
    """Wait until the counters say so, and return when that was. A look costs as much as five messages: few before the end is near."""
    began = monotonic()
    while True:
        async with relay.store.read() as conn:
            numbers = await counters.read(conn, alert_id)
        now, come = monotonic(), numbers.get((0, "sms"), {}).get(name, 0)
        if come >= wanted:
            return now
        left = (wanted - come) * (now - began) / come if come else LONGEST
        await asyncio.sleep(min(max(left / 2, LEAST), LONGEST))


def _figures(messages: int, seconds: float, cpu: float) -> Figures:
    return {"rate": messages / seconds, "cpu": cpu / messages * 1000}


def _cpu(url: str) -> float:
    """CPU seconds of this process, of those it has started (what writes to SQLite, a second worker), and of the server behind `url`."""
    mine = resource.getrusage(resource.RUSAGE_SELF)
    others = _ticks(lambda _, parent: parent == os.getpid())
    return mine.ru_utime + mine.ru_stime + others + (_server_cpu(url) if url.startswith("postgres") else 0.0)


def _server_cpu(url: str) -> float:
    folder = Path(str(make_url(url).query["host"]))
    head = int((folder / "postmaster.pid").read_text().split()[0])
    return _ticks(lambda process, parent: head in (process, parent), ended=head)


def _ticks(wanted: Callable[[int, int], bool], *, ended: int = 0) -> float:
    """CPU seconds of the processes that are wanted by their and their parent's numbers; of `ended` with those of children that are gone."""
    ticks = 0
    for stat in Path("/proc").glob("[0-9]*/stat"):
        _, _, rest = _text(stat).rpartition(") ")
        if not rest:
            continue
        process, fields = int(stat.parent.name), rest.split()
        if wanted(process, int(fields[1])):
            ticks += sum(int(value) for value in fields[11 : 15 if process == ended else 13])
    return ticks / TICKS


WORK: Mapping[str, Callable[..., Awaitable[Figures]]] = {
    "bare": bare,
    "client": client,
    "path": path,
    "second": second,
    "hooks": hooks,
    "many": many,
}


async def _measure(name: str, *given: str) -> Figures:
    return await WORK[name](*given)


if __name__ == "__main__":
    # every attempt has its line, as when it is served
    with Path(os.devnull).open("w") as nowhere:
        log.configure(form="json", stream=nowhere)
        print(json.dumps(run(_measure(*sys.argv[1:]))))
