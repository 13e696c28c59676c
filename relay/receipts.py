"""What comes back: statuses and answers become rows before they are acknowledged, whoever brings them and however often.

A callback is answered only after the commit that holds it, so the provider repeats what we could not keep. What a person wrote is
handled after that: its provider waits for no one.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial
from time import process_time

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from channels.base import Callback, Inbound, Status
from channels.clock import Clock, monotonic
from messages.form import Medium
from messages.reply import Meaning, Reply, reads_as, understand
from relay.desk import Desk
from relay.echo import Echo, alarm_words, nearest
from relay.model import NotFound, NotReady, Policy, TaskKind
from relay.pulse import Pulse
from relay.store import answers, canary, inbox, page_answers, policies, statuses, tasks, threads
from relay.store.batch import Batch, Patience
from relay.store.engine import Store
from relay.store.faults import meaning
from relay.talk import Asked, Verdict, decide

log = structlog.get_logger(__name__)

#: how long a status waits for others: its provider waits for fifteen seconds
LINGER = Patience(0.03, enough=32)
#: and while messages leave: a storm of receipts slows nothing that is being sent
WHILE_SENDING = Patience(0.25, enough=500)
#: messages handled in one transaction, beyond those that were waited for
MOST_AT_ONCE = 20
#: seconds after which a transaction takes no further message, and while messages leave: nobody else can write meanwhile
AT_A_TIME, BESIDE_SENDING = 0.25, 0.02
#: seconds between two such while messages leave: at most so many where sending has no time to spare, which shows in the share of a
#: breath that this process has worked (what writes to SQLite has a process of its own, and is not in it)
REST, BREATH, NO_TIME_TO_SPARE = 0.5, 0.05, 0.4


class Receipts:
    """Hears callbacks and mails for all accounts."""

    def __init__(self, store: Store, desk: Desk, clock: Clock, pulse: Pulse, policy: Policy) -> None:
        self.store, self.desk, self.clock, self.pulse, self.policy = store, desk, clock, pulse, policy
        #: the number of our own that answers by itself: what it writes is for nobody to read
        self.canary = ""
        self.statuses: Batch[statuses.Told, bool] = Batch(store, statuses.apply, patience=self._patience)
        self.inbox: Batch[tuple[str, inbox.Way, Inbound, str], int] = Batch(store, _keep)
        self.handling: Batch[None, bool] = Batch(store, self._handle_some)
        self._handler: asyncio.Task[None] | None = None
        self._kept_more = self._tried_again = False
        self.echo = Echo()

    async def hear(self, account: str, callback: Callback, heard_by: str = "callback") -> int:
        """Take a callback in and return how many things it told; NotGenuine when the provider did not sign it."""
        channel = self.desk.of_account(account)
        told = channel.parse(callback)
        for one in told:
            await self.take(account, channel.form.medium, one, heard_by)
        return len(told)

    async def take(self, account: str, medium: Medium, one: Inbound | Status, heard_by: str) -> int:
        """Take one thing in, and return 1 if it is new; it is committed then. Sweeps come this way too, so nothing is counted twice."""
        if isinstance(one, Status):
            told = statuses.Told(account=account, status=one, at=self.clock.now(), heard_by=heard_by)
            new = int(await self.statuses.put(told))
        else:
            new = await self.inbox.put((account, medium, one, heard_by))
            self.handle_soon()
        self.pulse.ring()
        return new

    async def answered(self, one: Inbound) -> str:
        """Take in an answer from a message page, each once, and return what was made of it: a Verdict's name."""
        await self.inbox.put((inbox.PAGE, inbox.PAGE, one, "page"))
        while not (verdict := await self._verdict(one)):
            await self.handling.put(None)
        self.pulse.ring()
        return verdict

    async def _verdict(self, one: Inbound) -> str:
        async with self.store.read() as conn:
            return await page_answers.verdict_of(conn, one.provider_id)

    def _patience(self) -> Patience:
        return WHILE_SENDING if self.desk.sending else LINGER

    def handle_soon(self) -> None:
        """Let what has been kept be handled, by one task at a time. A crash in between leaves it for the next stroke."""
        self._kept_more = True
        if self._handler is None or self._handler.done():
            self._handler = asyncio.create_task(self._handle_all())

    async def caught_up(self) -> None:
        """Return when what was kept until now has been handled, or was left to the next stroke."""
        if self._handler is not None:
            await self._handler

    async def _handle_all(self) -> None:
        while self._kept_more:
            self._kept_more = False
            try:
                while await self.handling.put(None):
                    self.pulse.ring()
                    await self._rest()
            except NotReady:
                log.warning("what people wrote is kept, and is handled when the database is back")
            self.pulse.ring()

    async def _rest(self) -> None:
        """Let messages leave, if any do: a crowd that asks must not slow them down."""
        end = monotonic() + REST
        while self.desk.sending and (begun := monotonic()) < end:
            worked = process_time()
            await asyncio.sleep(BREATH)
            if process_time() - worked < NO_TIME_TO_SPARE * (monotonic() - begun):
                return

    async def close(self) -> None:
        """Write down what was taken."""
        await self.statuses.close()
        await self.inbox.close()
        await self.caught_up()
        await self.handling.close()

    # --- answers ------------------------------------------------------------------------------------------------------

    async def _handle_some(self, conn: AsyncConnection, asked: Sequence[None]) -> list[bool]:
        """Handle waiting messages, each by itself: one that breaks us is kept for a person, and holds up no other.

        Returns to everybody whether the time was over before all of them were.
        """
        self.echo.begin()
        if not self._tried_again:
            await inbox.try_again(conn)
            self._tried_again = True
        waiting, handled = await inbox.unhandled(conn, limit=len(asked) + MOST_AT_ONCE), 0
        until = monotonic() + (BESIDE_SENDING if self.desk.sending else AT_A_TIME)
        for one in waiting:
            if not one.readable:
                await self._unreadable(conn, one)
            elif not await _whole(conn, one, partial(self._handle, conn, one)):
                await self._for_a_person(conn, one)
            handled += 1
            if monotonic() >= until:
                break
        return [handled < len(waiting)] * len(asked)

    async def _unreadable(self, conn: AsyncConnection, kept: inbox.Kept) -> None:
        """Ask for the key, with a task as grave as danger: nobody knows what it says. It is tried again when we start anew."""
        now = self.clock.now()
        words = "A message came that no key of this installation opens. Set the earlier key beside the new one, and restart."
        await inbox.handled(conn, kept.id, inbox.UNREADABLE, now)
        town = (await inbox.somewhere(conn, kept)).municipality_id
        log.error("a message cannot be opened", inbound=kept.id, municipality=town)
        if town is not None:
            new = tasks.NewTask(municipality_id=town, kind=TaskKind.DANGER, cause=f"unreadable:in:{kept.id}", words=words)
            await tasks.open_task(conn, new, now)

    async def _for_a_person(self, conn: AsyncConnection, kept: inbox.Kept) -> None:
        """Open a task for a message that we failed to process; only its danger words were looked for."""
        now = self.clock.now()
        await inbox.handled(conn, kept.id, "broke_us", now)
        kind = TaskKind.DANGER if reads_as(kept.message.text, mail=kept.channel is Medium.EMAIL) else TaskKind.QUESTION
        for find in (partial(_origin, conn, kept, now), partial(inbox.somewhere, conn, kept)):
            if await _whole(conn, kept, partial(self._before_somebody, conn, kept, find, kind)):
                return
        log.error("a message that broke us is before nobody", inbound=kept.id, kind=kind)

    async def _before_somebody(
        self, conn: AsyncConnection, kept: inbox.Kept, find: Callable[[], Awaitable[inbox.Origin]], kind: TaskKind
    ) -> None:
        origin = await find()
        if origin.municipality_id is None:
            raise NotFound("No municipality uses the account that this message came to.")
        verdict = Verdict(name="broke_us", tasks=(kind,), thread=True)
        await self._tasks(conn, kept, origin, verdict, await self._thread(conn, kept, origin, verdict))

    async def _handle(self, conn: AsyncConnection, kept: inbox.Kept) -> None:
        """Understand one message and do what follows from it."""
        now = self.clock.now()
        origin = await _origin(conn, kept, now)
        if self.canary and await canary.heard(conn, kept, origin.senders.values(), self.canary, now) and not origin.people:
            await inbox.handled(conn, kept.id, "canary", now)
            return
        reply = _understand(kept, origin)
        verdict = decide(reply, origin.writer)
        if kept.again:
            await self._answers_after_all(conn, kept, origin, reply, verdict)
            return
        if origin.municipality_id is None or not (origin.to_us or origin.people or reply.danger):
            tell = log.error if reply.danger else log.warning
            tell("a message came to no sender of ours", inbound=kept.id, danger=reply.danger)
            await inbox.handled(conn, kept.id, "no_sender_of_ours", now)
            return
        woken = await threads.wrote(conn, origin, now) if kept.channel is Medium.WHATSAPP else 0
        await self._answers(conn, kept, origin, reply, verdict)
        await self._opting(conn, origin, verdict)
        thread = await self._thread(conn, kept, origin, verdict)
        await self._tasks(conn, kept, origin, verdict, thread)
        wake = woken and verdict.name == "in_force"
        if not wake and not await _whole(conn, kept, partial(self.echo.say, conn, kept, origin, verdict, now)) and not verdict.tasks:
            # nobody has told the person that they were heard
            unsaid = partial(_origin, conn, kept, now)
            await _whole(conn, kept, partial(self._before_somebody, conn, kept, unsaid, TaskKind.QUESTION))
        await inbox.handled(conn, kept.id, verdict.name, now)

    async def _answers_after_all(
        self, conn: AsyncConnection, kept: inbox.Kept, origin: inbox.Origin, reply: Reply, verdict: Verdict
    ) -> None:
        """Count a message that a person had been given to read as the answer that it is; it has been replied to."""
        if verdict.bound:
            await self._answers(conn, kept, origin, reply, verdict)
        await inbox.handled(conn, kept.id, verdict.name if verdict.bound else inbox.FOR_A_PERSON, self.clock.now())

    async def _answers(self, conn: AsyncConnection, kept: inbox.Kept, origin: inbox.Origin, reply: Reply, verdict: Verdict) -> None:
        now = self.clock.now()
        await answers.bind(conn, kept, reply, verdict.bound, now)
        if verdict.name in ("message", "media"):
            await answers.note_message(conn, kept, reply, verdict.spares_reminders, origin.people, now)
        await self._ask_count(conn, origin, verdict)
        for asked in verdict.doubts:
            await answers.doubt(conn, asked, reply.count or 0, now)

    async def _ask_count(self, conn: AsyncConnection, origin: inbox.Origin, verdict: Verdict) -> None:
        """Ask about how many, if nobody has told; a number that several people share is asked once."""
        now = self.clock.now()
        if any(bound.count is not None for bound in verdict.bound):
            return
        for bound in verdict.bound:
            told_already = bound.meaning is Meaning.PASSED_ON
            if not bound.asked.open or bound.asked.withdraws or not (told_already or bound.meaning is Meaning.WILL_PASS):
                continue
            person = next(person for person in origin.people if person.person_id == bound.asked.person_id)
            holds = await policies.of(conn, person.municipality_id, self.policy)
            due = answers.count_due(now, holds.count_after_minutes, told_already=told_already)
            if await answers.ask_count(conn, bound.asked, person.address_id, due, now):
                return

    async def _opting(self, conn: AsyncConnection, origin: inbox.Origin, verdict: Verdict) -> None:
        now = self.clock.now()
        if verdict.opts_out or verdict.opts_in:
            await threads.opt(conn, origin, now, out=verdict.opts_out)
        if verdict.pauses:
            await threads.pause(conn, origin, now, paused=True)
        if verdict.pauses or verdict.opts_out:
            await answers.rest(conn, origin.writer.alerts, Meaning.PAUSE if verdict.pauses else Meaning.STOP, now)

    async def _thread(self, conn: AsyncConnection, kept: inbox.Kept, origin: inbox.Origin, verdict: Verdict) -> int | None:
        if not verdict.thread:
            return None
        about = nearest(origin.writer, verdict)
        danger = TaskKind.DANGER in verdict.tasks
        return await threads.open_thread(
            conn, kept, origin.of(about), alert_id=about.alert_id if about else None, danger=danger, now=self.clock.now()
        )

    async def _tasks(self, conn: AsyncConnection, kept: inbox.Kept, origin: inbox.Origin, verdict: Verdict, thread: int | None) -> None:
        now = self.clock.now()
        about = nearest(origin.writer, verdict)
        home = origin.of(about)
        for kind in verdict.tasks:
            new = _task(kind, kept, home, about, thread)
            opened = await tasks.open_task(conn, new, now)
            if opened and kind in (TaskKind.DANGER, TaskKind.RING):
                await _whole(conn, kept, partial(threads.alarm, conn, new, partial(alarm_words, kind, about), now))
        for other in origin.by_town() if verdict.opts_out else ():
            if other.municipality_id != home.municipality_id:
                await tasks.open_task(conn, _task(TaskKind.OPTED_OUT, kept, other, None, None), now)


async def _keep(conn: AsyncConnection, items: Sequence[tuple[str, inbox.Way, Inbound, str]]) -> list[int]:
    """Keep messages, each once; say of each whether it is new."""
    return [await inbox.keep(conn, account, medium, [message], heard_by) for account, medium, message, heard_by in items]


async def _origin(conn: AsyncConnection, kept: inbox.Kept, now: datetime) -> inbox.Origin:
    if kept.channel == inbox.PAGE:
        return await page_answers.origin(conn, kept, now)
    return await inbox.origin(conn, kept, now)


def _understand(kept: inbox.Kept, origin: inbox.Origin) -> Reply:
    message, alerts = kept.message, origin.writer.alerts
    read = partial(
        understand,
        message.text,
        languages=tuple(dict.fromkeys(language for person in origin.people for language in person.languages)),
        payload=message.payload,
        mail=kept.channel is Medium.EMAIL,
        # a complaint is written by a machine, and is a person's wish all the same
        automatic=message.automatic and not message.opt_out,
        open_alerts=tuple(asked.number for asked in alerts if asked.open),
    )
    if message.opt_out in ("STOP", "START"):
        return _opted(message.opt_out, read())
    counting = {asked.alert_id for asked in alerts if asked.count_open}
    if not counting and any(asked.counted for asked in alerts):
        again = read(count_open=True)
        # 1 to 5 are answers; any other number corrects the one that they told before
        return again if "count-without-3" in again.guessed and "count-or-answer" not in again.guessed else read(count_open=False)
    reply = read(count_open=bool(counting))
    others = any(asked.open and asked.alert_id not in counting for asked in alerts)
    # 1 to 5 may answer the other alert as well as they may count
    return read(count_open=False) if others and "count-or-answer" in reply.guessed else reply


def _opted(word: str, written: Reply) -> Reply:
    """The wish that the way here or the provider tells; what was written beside it is for a person to read."""
    wish = understand(word)
    only_the_wish = written.meaning in (Meaning.EMPTY, wish.meaning)
    return replace(wish, danger=written.danger, text=written.text, guessed=() if only_the_wish else ("more-text",))


async def _whole(conn: AsyncConnection, kept: inbox.Kept, step: Callable[[], Awaitable[object]]) -> bool:
    """Take a step as a whole or not at all, and say which: what breaks takes nothing else of its message with it."""
    try:
        async with conn.begin_nested():
            await step()
    except Exception as error:
        if isinstance(error, NotReady) or meaning(error) is not None:
            # the database's state: nothing is wrong with the message
            raise
        log.exception("a message could not be handled", inbound=kept.id, error=type(error).__name__)
        return False
    return True


def _task(kind: TaskKind, kept: inbox.Kept, home: inbox.Origin, about: Asked | None, thread: int | None) -> tasks.NewTask:
    return tasks.NewTask(
        municipality_id=home.municipality_id or 0,
        kind=kind,
        cause=f"{kind}:in:{kept.id}",
        alert_id=about.alert_id if about else None,
        recipient_id=about.recipient_id if about else None,
        person_id=home.people[0].person_id if home.people else None,
        thread_id=thread,
    )
