"""After a restore: what left since the backup is looked for at the providers and adopted, before anything is sent.

    look    every message that would leave is looked for in its provider's list, by number and text; found, it is adopted as sent
    hear    what people wrote meanwhile is fetched, and handled
    look    again, and for the house's short answers too; not before a message that was under way at the restore would show
    open    what is left has not left

What a provider cannot tell waits for a person (`budstikke restore --release`), but for the gravest: that leaves, and is flagged.
Later, whoever releases an alert that the backup holds may be the second to do so: what is planned for it is looked for in the same way.
"""

import asyncio
import re
from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from channels.base import SendFailed, Sweepable, Trace, Traceable
from channels.clock import Clock
from messages.alert import Gravity
from messages.form import Copy
from relay.desk import Desk
from relay.model import BudstikkeError, NotReady, Work
from relay.pulse import Pulse
from relay.store import claim, context, doubts, restored
from relay.store.engine import Store
from relay.store.restored import Restored, Waiting
from relay.wording import BLANK, Wording, body_hash, written

log = structlog.get_logger(__name__)

#: a backup's time and the provider's differ by so much at most, and a message was under way for so long at most
MARGIN, SLOWEST = timedelta(minutes=10), timedelta(seconds=30)
#: between two looks, and how many without a silent provider are enough
AGAIN, ENOUGH = timedelta(seconds=5), 2
#: questions to providers at once
AT_ONCE = 16

#: whom a sender writes to: (sender, number)
Line = tuple[int, str]


@dataclass(frozen=True, slots=True)
class _Unsure:
    """A delivery that may have left, with every text that it may have left with."""

    work: Work
    texts: frozenset[str]
    waiting: Waiting

    def may_have_left(self, found: Restored) -> bool:
        """Whether it can have left before the restore, as far as we can tell without asking."""
        return self.waiting.look_first or self.waiting.due_at <= found.at


class Reconciler:
    """Keeps the gate of a restored database until it is known what left."""

    def __init__(self, store: Store, desk: Desk, clock: Clock, pulse: Pulse, hear: Callable[[], Awaitable[object]]) -> None:
        self.store, self.desk, self.clock, self.pulse, self._hear = store, desk, clock, pulse, hear
        self._wording = Wording()
        #: complete looks so far and what they were for, the first look, and when to look again
        self._looks = 0
        self._looked_for: frozenset[int] = frozenset()
        self._first: datetime | None = None
        self._again: datetime | None = None

    async def look(self) -> bool:
        """Look once if it is time; return whether everything may leave."""
        now = self.clock.now()
        async with self.store.read() as conn:
            found = await restored.pending(conn)
            if found is None:
                self._begin_anew()
                return True
            if self._again is not None and now < self._again:
                return found.held is None
            heard = found.held is None or not await restored.unheard(conn, self._sweepable(), found.at)
            due = await restored.waiting(conn, everything=found.held is not None)
            unsure = await self._unsure(conn, due, now)
        self._first, self._again = self._first or now, now + AGAIN
        await self._look_for(unsure, self._planned_since(due), found, now, heard=heard)
        return found.held is None

    def _begin_anew(self) -> None:
        self._looks, self._looked_for = 0, frozenset()
        self._first = self._again = None

    def _planned_since(self, due: Mapping[int, Waiting]) -> frozenset[int]:
        """Return what was planned since the restore; looks that have missed some of it do not count."""
        ids = frozenset(one.id for one in due.values() if one.look_first)
        if not ids <= self._looked_for:
            self._looks = 0
        self._looked_for = ids
        return ids

    async def _look_for(self, unsure: Sequence[_Unsure], ids: frozenset[int], found: Restored, now: datetime, *, heard: bool) -> None:
        last = heard and self._looks + 1 >= ENOUGH and now - found.at >= SLOWEST
        silent = await self._adopt(unsure, found, now, last=last)
        if silent:
            await self._without([one for one in unsure if one.work.sender_id in silent], found, now)
            return
        self._looks += heard
        if last:
            await self._open(ids, found, now)
            return
        if found.held is not None:
            await self._hear()
        if not heard:
            await self._without((), found, now)

    def _sweepable(self) -> list[str]:
        return [account for (_, account), channel in self.desk.channels.items() if isinstance(channel, Sweepable)]

    # --- what may have left -------------------------------------------------------------------------------------------

    async def _unsure(self, conn: AsyncConnection, due: Mapping[int, Waiting], now: datetime) -> list[_Unsure]:
        works = await claim.look_at(conn, list(due), now)
        if not works:
            return []
        known = await context.load(conn, (work.municipality_id for work in works), site=self.desk.public_url)
        issues = await context.issues(conn, {(work.municipality_id, work.alert_id) for work in works if work.alert_id is not None})
        unsure = []
        for work in works:
            try:
                home = known.home(work.municipality_id, work.group_id, work.sender_id)
                plain = bool(work.text) or work.alert_id is None
                copy = written(work, home) if plain else self._wording.of(work, issues[work.alert_id or 0], home)
            except BudstikkeError as error:
                log.warning("no text to look for", delivery=work.delivery_id, error=str(error))
                continue
            except Exception as error:
                log.exception("no text to look for", delivery=work.delivery_id, error=type(error).__name__)
                continue
            unsure.append(_Unsure(work, frozenset(map(self._plain, _texts(copy))), due[work.delivery_id]))
        return unsure

    def _plain(self, text: str) -> str:
        """Return a text without the reader's own link: that may be younger than the backup."""
        page = self.desk.message_page()
        return re.sub(rf"({re.escape(page)})[a-z2-7]{{26}}", rf"\g<1>{BLANK}", text) if page else text

    # --- what has left ------------------------------------------------------------------------------------------------

    async def _adopt(self, unsure: Sequence[_Unsure], found: Restored, now: datetime, *, last: bool) -> set[int]:
        """Look for each and adopt what is found; return the senders whose provider did not answer."""
        lines: dict[Line, list[_Unsure]] = defaultdict(list)
        for one in unsure:
            lines[one.work.sender_id, one.work.to].append(one)
        async with self.store.read() as conn:
            known = await context.load(conn, {one.work.municipality_id for one in unsure})
        turns = asyncio.Semaphore(AT_ONCE)
        looks = await asyncio.gather(*(self._ask(known, line, found.since - MARGIN, turns) for line in lines))
        silent = {line[0] for line, traces in zip(lines, looks, strict=True) if traces is None}
        seen = {line: traces for line, traces in zip(lines, looks, strict=True) if traces}
        if seen:
            adopted, strange = await self._matched(known, lines, seen, now)
            if last:
                async with self.store.write() as conn:
                    await restored.flag(conn, strange)
            if adopted:
                log.warning("messages that left after the backup are known again", count=adopted)
        return silent

    async def _ask(self, known: context.Context, line: Line, since: datetime, turns: asyncio.Semaphore) -> list[Trace] | None:
        """Return what the provider has, oldest first; None when it does not answer. One that cannot be asked has nothing to tell."""
        sender = known.senders[line[0]]
        channel: object = self.desk.channels.get((sender.provider, sender.account))
        if not isinstance(channel, Traceable):
            return []
        try:
            async with turns:
                traces = await channel.trace(line[1], sender.address, since)
            return sorted((trace for trace in traces if trace.created_at >= since), key=lambda trace: trace.created_at)
        except SendFailed as failed:
            log.warning("provider list cannot be read", account=sender.account, reason=failed.reason.name)
        except Exception as error:
            # whatever breaks on it: a list that we do not understand tells as little as a silent provider, and shuts no gate for others
            log.exception("provider list breaks us", account=sender.account, error=type(error).__name__)
        return None

    async def _matched(
        self, known: context.Context, lines: Mapping[Line, Sequence[_Unsure]], seen: Mapping[Line, Sequence[Trace]], now: datetime
    ) -> tuple[int, set[int]]:
        """Match all together; where one trace breaks that, each number by itself, and whoever has the odd one may have got a copy."""
        try:
            async with self.store.write() as conn:
                return await self._match(conn, known, lines, seen, now)
        except (NotReady, OSError):
            raise
        except Exception:
            log.exception("what providers tell cannot be adopted together")
        adopted, strange = 0, set[int]()
        for line, traces in seen.items():
            try:
                async with self.store.write() as conn:
                    more, odd = await self._match(conn, known, lines, {line: traces}, now)
            except (NotReady, OSError):
                raise
            except Exception:
                log.exception("what a provider tells cannot be adopted", sender=line[0], traces=len(traces))
                more, odd = 0, _people(lines[line])
            adopted, strange = adopted + more, strange | odd
        return adopted, strange

    async def _match(
        self,
        conn: AsyncConnection,
        known: context.Context,
        lines: Mapping[Line, Sequence[_Unsure]],
        seen: Mapping[Line, Sequence[Trace]],
        now: datetime,
    ) -> tuple[int, set[int]]:
        """Give each message to the delivery that says the same; return how many, and to whom one went that none says."""
        looked_for, adopted, strange = await restored.in_doubt(conn), 0, set[int]()
        for line, traces in seen.items():
            account, open_ones = known.senders[line[0]].account, list(lines[line])
            taken = await doubts.taken_ids(conn, account, [trace.provider_id for trace in traces])
            for trace in (one for one in traces if one.provider_id not in taken):
                text = self._plain(trace.text)
                same = next((one for one in open_ones if text in one.texts), None)
                if same is not None:
                    open_ones.remove(same)
                    adopted += 1
                    await restored.adopt(conn, same.work, account, trace, body_hash(trace.text), now)
                elif body_hash(trace.text) not in looked_for:
                    strange |= _people(open_ones)
        return adopted, strange

    # --- and then -----------------------------------------------------------------------------------------------------

    async def _without(self, unasked: Sequence[_Unsure], found: Restored, now: datetime) -> None:
        """A provider does not answer: the gravest cannot wait for it longer than a message is looked for."""
        self._looks = 0
        assert self._first is not None  # noqa: S101 - set by every look
        gravest = [one for one in unasked if one.work.gravity is Gravity.LIFE and one.may_have_left(found)]
        waits = found.held is Gravity.LIFE or any(one.waiting.look_first for one in gravest)
        if not waits or now - self._first < SLOWEST:
            return
        async with self.store.write() as conn:
            await restored.flag(conn, _people(gravest))
            await restored.let_gravest_go(conn)
        log.error("the provider cannot be asked what left after the backup; the gravest messages leave all the same", count=len(gravest))
        self.pulse.ring()

    async def _open(self, ids: frozenset[int], found: Restored, now: datetime) -> None:
        """Let go what has not left; what nobody can be asked about waits for a person, but for the gravest."""
        async with self.store.write() as conn:
            due = await restored.waiting(conn, everything=found.held is not None)
            unsure = await self._unsure(conn, {key: one for key, one in due.items() if key in ids or not one.look_first}, now)
            mute = self._mute(await context.load(conn, {one.work.municipality_id for one in unsure}))
            unasked = [one for one in unsure if one.work.sender_id in mute and one.may_have_left(found)]
            kept = await self._for_a_person(conn, unasked)
            await restored.flag(conn, _people([one for one in unasked if one.work.delivery_id not in kept]))
            await restored.hold(conn, kept)
            await restored.end(conn, ids)
        log.warning("it is known what left after the backup; messages leave again", kept_for_a_person=len(kept))
        self._begin_anew()
        self.pulse.ring()

    async def _for_a_person(self, conn: AsyncConnection, unasked: Sequence[_Unsure]) -> set[int]:
        """Choose what waits for a person's word. What was released anew has that word, unless other messages of it were found."""
        alerts = {one.work.alert_id for one in unasked if one.waiting.look_first and one.work.alert_id is not None}
        out = await restored.out_before(conn, alerts)
        lesser = (one for one in unasked if one.work.gravity is not Gravity.LIFE)
        return {one.work.delivery_id for one in lesser if not one.waiting.look_first or one.work.alert_id in out}

    def _mute(self, known: context.Context) -> set[int]:
        """Senders whose provider cannot be asked what left."""
        channels: Mapping[tuple[str, str], object] = self.desk.channels
        return {row.id for row in known.senders.values() if not isinstance(channels.get((row.provider, row.account)), Traceable)}


def _people(unsure: Sequence[_Unsure]) -> set[int]:
    return {one.work.recipient_id for one in unsure if one.work.recipient_id is not None}


def _texts(copy: Copy) -> tuple[str, ...]:
    """As free text, or as WhatsApp's template."""
    return (copy.text, copy.template.text) if copy.template else (copy.text,)
