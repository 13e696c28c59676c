"""What comes back: statuses and answers become rows before they are acknowledged, whoever brings them and however often.

A callback is answered only after the commit that holds it, so the provider repeats what we could not keep.
"""

from collections.abc import Sequence

import structlog
from sqlalchemy.exc import OperationalError
from sqlalchemy.ext.asyncio import AsyncConnection

from channels.base import Callback, Inbound, Status
from channels.clock import Clock
from messages import frames
from messages.alert import Gravity, Kind
from messages.form import Medium
from messages.frames import Notice
from messages.reply import Meaning, Reply, understand
from relay.desk import Desk
from relay.model import Home, NotReady, Policy, TaskKind
from relay.pulse import Pulse
from relay.store import alerts, answers, context, inbox, statuses, threads, work
from relay.store.batch import Batch
from relay.store.engine import Store
from relay.talk import Asked, Say, Verdict, Writer, decide
from relay.wording import in_force, say

log = structlog.get_logger(__name__)

_MARKS = {Kind.EXERCISE: "mark.exercise", Kind.TEST: "mark.test"}
#: seconds that a status waits for others; its provider waits for fifteen
LINGER = 0.03
#: messages handled in one transaction, beyond those that were waited for
MOST_AT_ONCE = 20


class Receipts:
    """Hears callbacks and mails for all accounts."""

    def __init__(self, store: Store, desk: Desk, clock: Clock, pulse: Pulse, policy: Policy) -> None:
        self.store, self.desk, self.clock, self.pulse, self.policy = store, desk, clock, pulse, policy
        self.statuses: Batch[statuses.Told, bool] = Batch(store, statuses.apply, linger=LINGER)
        self.inbox: Batch[tuple[str, Medium, Inbound, str], int] = Batch(store, _keep)
        self.handling: Batch[None, int] = Batch(store, self._handle_some)

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
            await self.handle()
        self.pulse.ring()
        return new

    async def handle(self) -> int:
        """Handle what has been kept and not handled yet; return how many messages. A crash in between leaves them for the next stroke."""
        return await self.handling.put(None)

    async def close(self) -> None:
        """Write down what was taken."""
        await self.statuses.close()
        await self.inbox.close()
        await self.handling.close()

    # --- answers ------------------------------------------------------------------------------------------------------

    async def _handle_some(self, conn: AsyncConnection, asked: Sequence[None]) -> list[int]:
        """Handle waiting messages, each by itself: one that breaks us is kept for a person, and holds up no other."""
        waiting = await inbox.unhandled(conn, limit=len(asked) + MOST_AT_ONCE)
        for one in waiting:
            try:
                async with conn.begin_nested():
                    await self._handle(conn, one)
            except (NotReady, OperationalError):
                raise
            except Exception as error:
                log.exception("a message could not be handled", inbound=one.id, error=type(error).__name__)
                await self._for_a_person(conn, one)
        return [len(waiting)] * len(asked)

    async def _for_a_person(self, conn: AsyncConnection, kept: inbox.Kept) -> None:
        """Put a message that broke us before a person, unread by the house."""
        now = self.clock.now()
        origin = await inbox.origin(conn, kept, now)
        await inbox.handled(conn, kept.id, "broke_us", now)
        if origin.municipality_id is not None:
            await self._tasks(conn, kept, origin, Verdict(name="broke_us", tasks=(TaskKind.QUESTION,)), None)

    async def _handle(self, conn: AsyncConnection, kept: inbox.Kept) -> None:
        """Understand one message and do what follows from it."""
        now = self.clock.now()
        origin = await inbox.origin(conn, kept, now)
        reply = _understand(kept, origin)
        verdict = decide(reply, origin.writer)
        if origin.municipality_id is None:
            await inbox.handled(conn, kept.id, "no_sender_of_ours", now)
            return
        woken = await threads.wrote(conn, origin, now) if kept.channel is Medium.WHATSAPP else 0
        await self._answers(conn, kept, origin, reply, verdict)
        await self._opting(conn, origin, verdict)
        thread = await self._thread(conn, kept, origin, verdict)
        await self._tasks(conn, kept, origin, verdict, thread)
        if not (woken and verdict.name == "in_force"):
            await self._say(conn, kept, origin, verdict)
        await inbox.handled(conn, kept.id, verdict.name, now)

    async def _answers(self, conn: AsyncConnection, kept: inbox.Kept, origin: inbox.Origin, reply: Reply, verdict: Verdict) -> None:
        now = self.clock.now()
        await answers.bind(conn, kept, reply, verdict.bound, now)
        if verdict.name in ("message", "media"):
            await answers.note_message(conn, kept, reply, verdict.spares_reminders, origin.people, now)
        for bound in verdict.bound:
            uncounted = bound.meaning.value == "passed_on" and bound.count is None
            if bound.asked.open and (bound.meaning.value == "will_pass" or uncounted):
                due = answers.count_due(now, self.policy.count_after_minutes, told_already=uncounted)
                address = next(person.address_id for person in origin.people if person.person_id == bound.asked.person_id)
                await answers.ask_count(conn, bound.asked, address, due, now)
        for asked in verdict.doubts:
            await answers.doubt(conn, asked, now)

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
        about = _about(origin.writer, verdict)
        danger = TaskKind.DANGER in verdict.tasks
        return await threads.open_thread(
            conn, kept, origin, alert_id=about.alert_id if about else None, danger=danger, now=self.clock.now()
        )

    async def _tasks(self, conn: AsyncConnection, kept: inbox.Kept, origin: inbox.Origin, verdict: Verdict, thread: int | None) -> None:
        now = self.clock.now()
        about = _about(origin.writer, verdict)
        person = origin.people[0].person_id if origin.people else None
        for kind in verdict.tasks:
            new = work.NewTask(
                municipality_id=origin.municipality_id or 0,
                kind=kind,
                cause=f"{kind}:in:{kept.id}",
                alert_id=about.alert_id if about else None,
                recipient_id=about.recipient_id if about else None,
                person_id=person,
                thread_id=thread,
            )
            opened = await work.open_task(conn, new, now)
            if opened and kind in (TaskKind.DANGER, TaskKind.RING):
                await threads.alarm(conn, new, _alarm_words(kind, about), now)

    async def _say(self, conn: AsyncConnection, kept: inbox.Kept, origin: inbox.Origin, verdict: Verdict) -> None:
        """Answer in the writer's own language; a number that is nobody's is answered in the municipality's Norwegian."""
        if not verdict.say or origin.municipality_id is None or origin.sender_id is None:
            return
        home = await self._home(conn, origin)
        language = origin.people[0].languages[0] if origin.people and origin.people[0].languages else home.norwegian
        for one in verdict.say:
            values = dict(one.values) | await self._values(conn, one, origin, language)
            about, near = one.about, one.about or _about(origin.writer, verdict)
            of = about.kind if about else Kind.ACTUAL
            copy = say(one.notice, home, language, kept.channel, values, legend=about.legend if about else 0, of=of)
            ready = threads.ReadyNotice(
                name=one.notice,
                text=copy.text,
                language=language,
                gravity=Gravity.LIFE if one.notice is Notice.DANGER else Gravity.STANDARD,
                alert_id=near.alert_id if near else None,
                recipient_id=near.recipient_id if near else None,
            )
            await threads.answer(conn, kept, origin, ready, self.clock.now())

    async def _home(self, conn: AsyncConnection, origin: inbox.Origin) -> Home:
        assert origin.municipality_id is not None  # noqa: S101 - the caller has looked
        known = await context.load(conn, [origin.municipality_id])
        group = origin.people[0].group_id if origin.people else None
        return known.home(origin.municipality_id, group, origin.sender_id)

    async def _values(self, conn: AsyncConnection, one: Say, origin: inbox.Origin, language: str) -> dict[str, str | int]:
        if one.notice not in (Notice.IN_FORCE, Notice.VERIFY):
            return {}
        towns = {person.person_id: person.municipality_id for person in origin.people}
        opened = {(asked.alert_id, towns[asked.person_id]) for asked in origin.writer.alerts if asked.open}
        issues = [await alerts.issue(conn, town, alert_id) for alert_id, town in sorted(opened)]
        return {"alerts": in_force(issues, language)}


async def _keep(conn: AsyncConnection, items: Sequence[tuple[str, Medium, Inbound, str]]) -> list[int]:
    """Keep messages, each once; say of each whether it is new."""
    return [await inbox.keep(conn, account, medium, [message], heard_by) for account, medium, message, heard_by in items]


def _understand(kept: inbox.Kept, origin: inbox.Origin) -> Reply:
    message, writer = kept.message, origin.writer
    languages = tuple(dict.fromkeys(language for person in origin.people for language in person.languages))
    return understand(
        {"STOP": "STOP", "START": "START"}.get(message.opt_out, message.text),
        languages=languages,
        payload=message.payload,
        count_open=any(asked.count_open for asked in writer.alerts),
        automatic=message.automatic,
        open_alerts=tuple(asked.number for asked in writer.alerts if asked.open),
    )


def _about(writer: Writer, verdict: Verdict) -> Asked | None:
    """The alert that a message is most likely about: the one bound, the one named, else the gravest open one."""
    if verdict.bound:
        return verdict.bound[0].asked
    named = [asked for asked in writer.alerts if asked.recipient_id == writer.exact_recipient_id]
    opened = sorted((asked for asked in writer.alerts if asked.open), key=lambda asked: (asked.gravity, -asked.number))
    return next(iter([*named, *opened]), None)


def _alarm_words(kind: TaskKind, about: Asked | None) -> str:
    """What the duty officer's telephone says: no name and no content, since it lies on a night table; an exercise says so at both ends."""
    what = "En ressursperson har skrevet om fare" if kind is TaskKind.DANGER else "En ressursperson ber om å bli ringt"
    number = f" til melding nr. {about.number}" if about else ""
    mark = "" if about is None or about.kind is Kind.ACTUAL else frames.say("nb", _MARKS[about.kind])
    return f"{mark} BUDSTIKKE VAKT: {what}{number}. Se vaktlisten nå. {mark}".strip()
