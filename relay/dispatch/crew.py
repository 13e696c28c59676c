"""The crew: as many as may call at once, each of whom makes one call after another. A task for each call cost as much as its text."""

import asyncio
import math
from collections import deque
from collections.abc import Mapping, Sequence
from contextlib import suppress

from channels.clock import monotonic
from relay.dispatch.call import Caller
from relay.dispatch.texts import Shared
from relay.store.evidence import Fact
from relay.store.intent import Intended

#: seconds of a call up to which others are waited for, and how long; where they take longer, it is the window that holds us up, and each
#: place in it is filled as it becomes free
SWIFT, COMPANY_SECONDS = 0.02, 0.004


class Crew:
    """Makes a worker's calls side by side, and keeps what came of them until it is written down."""

    def __init__(self, caller: Caller) -> None:
        self.caller = caller
        #: the address that each attempt under way goes to
        self.flying: dict[int, str] = {}
        self.landed: list[tuple[Intended, Fact]] = []
        #: seconds that the last call took; before the first, nobody can tell
        self.took = math.inf
        #: rings when a call comes back
        self.back = asyncio.Event()
        self._due: deque[tuple[Intended, Shared, float]] = deque()
        self._idle: list[asyncio.Future[None]] = []
        self._stays = False
        self._members: set[asyncio.Task[None]] = set()

    @property
    def swift(self) -> bool:
        """Whether calls are a matter of a moment, as far as the last one tells: a wrong guess costs one turn."""
        return self.took < SWIFT

    def send(self, intended: Sequence[Intended], shared: Mapping[int, Shared], begun: float) -> None:
        """Let go what is on disk; `begun`: when its turn did."""
        self._stays = True
        for one in intended:
            work = one.intent.work
            self.flying[one.attempt_id] = work.to
            self._due.append((one, shared[work.delivery_id], begun))
            if not self._woken():
                member = asyncio.create_task(self._work())
                self._members.add(member)
                member.add_done_callback(self._members.discard)

    async def land(self, enough: float, patience: float) -> None:
        """Wait for the first call to come back, at most `patience` seconds, and a moment for others."""
        if not self.landed:
            with suppress(TimeoutError):
                async with asyncio.timeout(patience):
                    await self.back.wait()
        await self._company(enough)
        self.back.clear()

    async def _company(self, enough: float) -> None:
        """Let others come back with the first one, where that is a matter of a moment: up to `enough` of them."""
        if not self.swift:
            return
        until, came = monotonic() + COMPANY_SECONDS, 0
        # slow ones may hold much of the window: whoever does not come with the others is not waited for
        while self.flying and came < len(self.landed) < enough and monotonic() < until:
            came = len(self.landed)
            await asyncio.sleep(0.001)

    def dismiss(self) -> None:
        """Let whoever has nothing to do go home; whoever calls goes after the call."""
        self._stays = False
        while self._woken():
            pass

    async def finish(self) -> None:
        """Wait for what is under way, and for everybody to be gone."""
        while self.flying:
            self.back.clear()
            await self.back.wait()
        self.dismiss()
        if self._members:
            await asyncio.wait(self._members)

    def _woken(self) -> bool:
        """Wake somebody who has nothing to do, if there is anybody."""
        while self._idle:
            rest = self._idle.pop()
            if not rest.done():
                rest.set_result(None)
                return True
        return False

    async def _work(self) -> None:
        while True:
            while self._due:
                one, shared, begun = self._due.popleft()
                called_at = monotonic()
                try:
                    fact = await self.caller.call(one, shared, begun)
                    # only now: whoever writes them down takes the list away
                    self.landed.append((one, fact))
                finally:
                    self.took = monotonic() - called_at
                    del self.flying[one.attempt_id]
                    self.back.set()
            if not self._stays:
                return
            rest = asyncio.get_running_loop().create_future()
            self._idle.append(rest)
            await rest
