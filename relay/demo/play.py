"""The demo's evening: the house at work, the phones answering, and time that jumps over dull stretches."""

import asyncio
import json
import signal
import tempfile
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import count
from pathlib import Path

from rich.console import Console, Group
from rich.live import Live

from channels.clock import DemoClock, SystemClock
from relay import app, reach as numbers
from relay.app import House, open_house
from relay.demo import staff, stage
from relay.demo.board import board
from relay.demo.phones import held
from relay.demo.provider import Provider
from relay.model import Reach
from relay.store import queue, remembered, tasks
from relay.town import town

#: a Tuesday at 18:00 in Norway: the same evening each time, so that a seed repeats
EVENING = datetime.fromisoformat("2026-11-24T18:00:00+01:00")
#: seconds between looks; how many quiet looks make a jump; how many looks there are to one picture of the board
LOOK = 0.05
QUIET_LOOKS = 2
PICTURE = 5
STRIDE = timedelta(seconds=30)


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What `budstikke demo` was asked for."""

    people: int = 60
    seed: int = 1
    exit: bool = False
    as_json: bool = False
    cap: bytes | None = None
    replay: bool = False
    database: str = ""
    state: Path | None = None


async def run(options: Options) -> None:
    """Play the demo. Raises BudstikkeError in words."""
    with tempfile.TemporaryDirectory(prefix="budstikke-demo-") as scratch:
        folder = _folder(options.state or Path(scratch))
        async with opened(options, folder) as stand:
            await _Evening(options, stand).play()


def _folder(wanted: Path) -> Path:
    wanted.mkdir(parents=True, exist_ok=True)
    return wanted.resolve()


@dataclass(frozen=True, slots=True, kw_only=True)
class Stand:
    """A demo that is up: the house with its pages, the emulated phones, the town, and the alert."""

    house: House
    provider: Provider
    #: where the pages are
    url: str
    municipality_id: int
    #: none where the phones wait for somebody to send something
    issued: stage.Issued | None


@asynccontextmanager
async def opened(options: Options, folder: Path, *, issue: bool = True) -> AsyncIterator[Stand]:
    """Start the provider and the house, and release the alert."""
    made = town(options.people, options.seed)
    database = options.database or f"sqlite+aiosqlite:///{folder / 'budstikke.db'}"
    async with AsyncExitStack() as stack:
        # an official message of today is in force today; an old one, and our own, are played on the demo's evening
        clock = await stage.upgrade(database, SystemClock().now() if options.cap and not options.replay else EVENING)
        provider = await Provider.open(folder, made.phones(), seed=options.seed, start=clock.now())
        stack.push_async_callback(provider.close)
        clock.jump(await provider.now())
        replies, contents = await stage.templates(provider, clock, [group.language for group in made.groups])
        house = await stack.enter_async_context(open_house(stage.settings(folder, provider, database, replies), clock=clock))
        url = await house.listen(held(provider, made))
        mail_port = await house.listen_for_mail(0)
        await _connect(provider, house, url, mail_port, made.senders)
        municipality_id = await stage.populate(house, made, contents)
        await staff.let_in(house, municipality_id)
        issued = await stage.issue(house, municipality_id, options.cap, replay=options.replay) if issue else None
        yield Stand(house=house, provider=provider, url=url, municipality_id=municipality_id, issued=issued)


async def _connect(provider: Provider, house: House, url: str, mail_port: int, senders: object) -> None:
    """Tell the provider where answers go."""
    account = house.settings.twilio_account
    inbound = {"inbound_url": f"{url}/hooks/{account}/inbound", "inbound_urls": {}}
    for medium, address in dict(senders).items():  # type: ignore[call-overload]
        if medium == "whatsapp":
            inbound["inbound_urls"] = {f"whatsapp:{address}": f"{url}/hooks/{account}-whatsapp/inbound"}
    await provider.ask("settings", inbound | {"mail_to": f"127.0.0.1:{mail_port}", "mail_protocol": "smtp"})


class _Evening:
    """One run of the demo."""

    def __init__(self, options: Options, stand: Stand) -> None:
        assert stand.issued is not None  # noqa: S101 - an evening has its message
        self.options, self.house, self.provider = options, stand.house, stand.provider
        self.municipality_id, self.issued, self.url = stand.municipality_id, stand.issued, stand.url
        self.screen = Console(stderr=options.as_json, quiet=options.as_json)
        self.over = asyncio.Event()

    async def play(self) -> None:
        """Play until the plan has settled (`--exit`) or somebody ends it."""
        for note in self.issued.notes:
            self.screen.print(note, style="yellow")
        if not self.options.exit:
            self._invite()
        for stop in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(stop, self.over.set)
        working = asyncio.create_task(self.house.work())
        try:
            await self._watch(working)
        finally:
            self.house.relay.dispatcher.stop()
            await working
        reach = await self._reach()
        if self.options.as_json:
            print(json.dumps(numbers.as_json(reach), ensure_ascii=False, indent=1))

    def _invite(self) -> None:
        """Say where the pages are and who may come in."""
        who = ", ".join(f"[bold]{one.login}[/]" for one in staff.STAFF)
        self.screen.print(f"Open [bold]{self.url}[/] and sign in as {who}. Password: [bold]{staff.PASSWORD}[/]", soft_wrap=True)
        self.screen.print(
            f"The emulated phones are at [bold]{self.url}/phones[/], the board at [bold]{self.url}/alerts/{self.issued.number}/board[/]."
        )
        self.screen.print("End with Ctrl-C.", style="dim")

    async def _watch(self, working: asyncio.Task[None]) -> None:
        quiet, settled = 0, False
        with Live(console=self.screen, refresh_per_second=8, transient=False) as live:
            for look in count():
                quiet = quiet + 1 if await self._is_quiet() else 0
                if quiet >= QUIET_LOOKS and not settled:
                    settled, quiet = not (await self._jump() or await self._missed()), 0
                if not self.options.as_json and (settled or look % PICTURE == 0):
                    live.update(await self._board(settled=settled))
                if (settled and self.options.exit) or working.done() or await self._is_over():
                    return

    async def _is_over(self) -> bool:
        """Whether somebody has ended the demo; asked as long as a look takes."""
        with suppress(TimeoutError):
            async with asyncio.timeout(LOOK):
                await self.over.wait()
        return self.over.is_set()

    async def _is_quiet(self) -> bool:
        """Nothing due, nothing in flight, nothing on its way to or from the phones."""
        if not self.house.relay.dispatcher.idle or self.house.relay.dispatcher.crew.flying:
            return False
        state = await self.provider.ask("clock")
        now = self.house.relay.clock.now()
        soon = state["next_due_at"] is not None and datetime.fromisoformat(state["next_due_at"]) <= now
        await self.house.relay.receipts.caught_up()
        async with self.house.store.read() as conn:
            due = await queue.next_due(conn)
        return state["under_way"] <= 0 and not soon and (due is None or due > now)

    async def _jump(self) -> bool:
        """Move both clocks to whatever comes next; false when nothing comes any more."""
        clock = self.house.relay.clock
        assert isinstance(clock, DemoClock)  # noqa: S101 - the demo's own clock
        state = await self.provider.ask("clock")
        async with self.house.store.read() as conn:
            due = await queue.next_due(conn)
        to = _next(clock.now(), due, state["next_due_at"])
        if to is None:
            return False
        await self.provider.ask("clock", {"now": to.isoformat()})
        await staff.carry_along(self.house, to - clock.now())
        clock.jump(to)
        async with self.house.store.write() as conn:
            await remembered.put(conn, stage.OFFSET, clock.now().isoformat())
        await self._clockwork()
        return True

    async def _missed(self) -> bool:
        """Ask the provider about everything whose end it has not told us, as after a crash; true when something came of it."""
        return await self.house.relay.sweep() > 0

    async def _clockwork(self) -> None:
        await self.house.relay.clockwork()
        self.house.relay.pulse.ring()
        self.house.relay.dispatcher.idle = False

    async def _reach(self) -> Reach:
        return await self.house.relay.reach(self.municipality_id, self.issued.alert_id)

    async def _board(self, *, settled: bool) -> Group:
        async with self.house.store.read() as conn:
            waiting = await tasks.open_kinds(conn, self.municipality_id)
        title = f"Budvik, alert no. {self.issued.number}" + (" (from before)" if self.issued.again else "")
        return board(await self._reach(), self.house.relay.clock.now(), waiting, title=title, done=settled)


def _next(now: datetime, due: datetime | None, answers: str | None) -> datetime | None:
    """When to look again: what people do within half a minute is played in one go, unless something of ours comes due before."""
    answered = datetime.fromisoformat(answers) if answers else None
    if answered is not None:
        answered = max(answered, now + STRIDE)
    coming = [moment for moment in (due, answered) if moment is not None]
    return max(min(coming), now) if coming else None


def main(options: Options) -> None:
    """Run the demo to its end. Raises BudstikkeError in words."""
    app.run(run(options))
