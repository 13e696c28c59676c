"""Sends duty officers the call list when the register has changed: by e-mail, as the sealed file that they can download too.

A mailbox fills on a telephone by itself, and keeps what it has when the net is down; a page kept by the browser is renewed only while it
is open, and forgotten after days. The file is the same as ever: whoever reads the mailbox cannot read the list.
"""

import asyncio
from functools import partial

import structlog

from relay.authority import DUTY
from relay.flow import Relay
from relay.store import call_list, call_list_post, people
from relay.web import call_file, words
from relay.web.filters import Reader
from relay.web.page import draw_for

log = structlog.get_logger(__name__)

#: seconds between two looks at the register
ROUND = 60.0


class CallPost:
    """Looks whether somebody has an old list. A register that is being written just now is sent when it has rested for a round."""

    def __init__(self, relay: Relay) -> None:
        self._relay = relay
        #: what stood in each municipality's list at the last look
        self._seen: dict[int, str] = {}

    async def run(self) -> None:
        """Look round until cancelled."""
        while True:
            await asyncio.sleep(ROUND)
            try:
                await self.round()
            except Exception as error:
                log.exception("call lists were not sent", error=type(error).__name__)

    async def round(self) -> int:
        """Look once; return how many lists were sent."""
        async with self._relay.store.write() as conn:
            await call_list_post.tidy(conn, DUTY, self._relay.clock.now())
            towns = await call_list_post.towns(conn)
        return sum([await self._safely(town) for town in towns])

    async def _safely(self, town: int) -> int:
        """One town's trouble, such as a number that no key opens, is not the others'."""
        try:
            return await self._town(town)
        except Exception as error:
            log.exception("a town's call lists were not sent", municipality=town, error=type(error).__name__)
            return 0

    async def at_once(self, town: int, user_id: int) -> None:
        """Send one user the list as it is, so that they see whether it reaches them."""
        async with self._relay.store.read() as conn:
            found = await call_list.read(conn, town, self._relay.clock.now())
            who = await call_list_post.subscribers(conn, town, DUTY)
        for one in who:
            if one.user_id == user_id:
                await self._send(town, one, found)

    async def _town(self, town: int) -> int:
        relay, now = self._relay, self._relay.clock.now()
        async with relay.store.read() as conn:
            every = await call_list_post.every(conn, town)
            who = [one for one in await call_list_post.subscribers(conn, town, DUTY) if one.may_get(now, every)]
            if not who:
                return 0
            found = await call_list.read(conn, town, now)
        rests, self._seen[town] = self._seen.get(town) == found.mark, found.mark
        if not rests and every >= call_list_post.QUIET:
            return 0
        return sum([await self._send(town, one, found) for one in who if one.lacks(found.mark, now)])

    async def _send(self, town: int, to: call_list_post.Subscriber, found: call_list.CallList) -> bool:
        relay, now = self._relay, self._relay.clock.now()
        file = await call_file.make(partial(draw_for, relay, town, to.language), found, to.key, now)
        async with relay.store.write() as conn:
            home = await people.place(conn, town)
            local = Reader(language=to.language, timezone=home.timezone, now=now).local(now)
            text = _text(to.language, town=home.name, when=f"{local:%d.%m.%Y %H:%M}", rows=found.people)
            sent = await call_list_post.post(conn, town, to, found.mark, text, file, now)
        relay.pulse.ring()
        return sent


def _text(language: str, **names: object) -> str:
    said = (
        words.say(language, "Here is the call list of %(town)s as it was %(when)s, with %(rows)s rows.", **names),
        words.say(language, "It opens in a browser with your passphrase, without a network too. Save it here, and delete the one before."),
        words.say(language, "You get it when the register changes. On the page of the call list you can say that you want it no more."),
    )
    return "\n\n".join(said)
