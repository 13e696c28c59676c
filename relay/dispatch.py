"""The dispatcher: a wheel. Each turn writes down what came of the last sends and what the next ones intend, in one commit; then it sends.

An intent is on disk before its call leaves, so a crash leaves at most one window of unknowns, and every unknown can be looked for.
Who may still be sent to is looked up in the same transaction, right before the call. No connection is held while a provider works.
"""

import asyncio
from collections import Counter, deque
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

import structlog
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection

from channels.base import Content, Evidence, Outbound, Reason, SendFailed
from channels.clock import Clock, monotonic
from messages.form import Copy, Medium, Part
from relay.breaker import Breakers, Call, Change, in_vain
from relay.desk import Desk
from relay.model import Health, Hours, Issue, NotReady, Policy, Work
from relay.pace import Pacer, SharedPacer
from relay.pulse import Pulse
from relay.routing import first_moment
from relay.store import aside, claim, context, evidence, intent, links, queue, senders
from relay.store.engine import Store
from relay.store.workers import Lease
from relay.verdict import POST_DEADLINE
from relay.wording import Wording, body_hash, has_link, units, with_link, written

log = structlog.get_logger(__name__)

#: seconds that a provider may keep trying: Twilio's bounds, and a little less than it takes an alert to be forgotten
SHORTEST_VALIDITY, LONGEST_VALIDITY = 6, 36_000
#: turns of the wheel without anything to do before it asks the store again, in seconds
REST = 1.0
#: seconds between looks at the store while calls are in flight
LOOK_ROUND = 0.25
#: how much is leased at once, in windows; how often a lease is renewed in its time
LEASE_WINDOWS, RENEWALS = 4, 6
#: a sender has enough in hand for so many seconds
BUSY_SECONDS = 2.0


class Dispatcher:
    """One worker's wheel. `window` is the most attempts that may be without an outcome at once: what a crash can leave unknown."""

    def __init__(
        self, store: Store, desk: Desk, clock: Clock, pulse: Pulse, policy: Policy, *, worker: str, fence: int, window: int, lease: Lease
    ) -> None:
        self.store, self.desk, self.clock, self.pulse = store, desk, clock, pulse
        self.policy = policy
        self.worker, self.fence, self.window, self.lease = worker, fence, window, lease
        self.wording = Wording()
        self.pacer = SharedPacer() if lease.by_database else Pacer()
        self.breakers = Breakers()
        self.context: context.Context | None = None
        self.issues: dict[int, Issue] = {}
        self.waiting: deque[tuple[Work, Copy]] = deque()
        #: calls under way, and the address that each goes to
        self.flying: dict[asyncio.Task[evidence.Fact], str] = {}
        self.landed: list[evidence.Fact] = []
        self.renew_at = clock.now()
        self.stopping = False
        #: false while this worker's clock is off: it takes nothing new
        self.claims = True
        #: how often the wheel has come round, in vain too: the watchdog looks at it
        self.turns = 0
        #: is everything due sent and written down? Read by the demo, which then lets time jump
        self.idle = False

    # --- the wheel ----------------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Turn until `stop`; then finish what is in flight and give back what was not begun."""
        while not self.stopping:
            try:
                await self.drain()
            except (NotReady, OSError, DBAPIError) as error:
                log.warning("dispatch waits for the database", error=str(error)[:200])
            except Exception:
                log.exception("a turn broke; nothing was written, the next one follows")
            self.turns += 1
            self.idle = True
            await self.pulse.wait(REST)
            self.idle = False
        await self._finish()

    def stop(self) -> None:
        """Begin nothing new."""
        self.stopping = True
        self.pulse.ring()

    async def drain(self) -> int:
        """Send all that is due; return how many attempts were made. Stops short when only a standing clock holds the pace up."""
        sent = 0
        while not self.stopping:
            made, leased = await self._turn()
            sent += made
            self.turns += 1
            if self.flying:
                await self._land()
            elif self.waiting:
                if not await self._rest_for_pace():
                    break
            elif not self.landed and not leased:
                break
        return sent

    async def _turn(self) -> tuple[int, int]:
        """Record, lease, look, intend: one transaction. Then send."""
        now, begun = self.clock.now(), monotonic()
        landed, self.landed = self.landed, []
        held, changes = self.waiting.copy(), list(self.breakers.changes(now))
        try:
            async with self.store.write() as conn:
                await evidence.learn(conn, landed, now)
                await self._mind_senders(conn, changes, now)
                leased = await self._lease(conn, now)
                self.waiting.extend(await self._ready(conn, leased, now))
                await self.pacer.reserve(conn, self._following(), now)
                chosen = self._choose(now)
                intents = [self._intent(work, copy) for work, copy in chosen]
                intended = await intent.intend(conn, intents, now, self.lease)
        except BaseException:
            # nothing was written: what we know and what we hold stays in hand for the next turn
            self.landed[:0] = landed
            self.waiting = held
            self.breakers.unsaid(changes)
            raise
        copies = {work.delivery_id: copy for work, copy in chosen}
        for one in intended:
            task = asyncio.create_task(self._fly(one, copies[one.intent.work.delivery_id], begun))
            self.flying[task] = one.intent.work.to
        return len(intended), len(leased)

    def _following(self) -> Mapping[int, int]:
        """Return the units of each sender's next message."""
        following: dict[int, int] = {}
        for work, copy in self.waiting:
            if work.sender_id not in following:
                following[work.sender_id] = units(copy)
        return following

    def _choose(self, now: datetime) -> list[tuple[Work, Copy]]:
        """Take the next ones that their senders' pace allows, up to the window; a slow sender holds nobody else up.

        One call at a time to one person: the forward comes before the ask, a correction after what it corrects.
        """
        room = self.window - len(self.flying)
        spoken_to = set(self.flying.values())
        chosen: list[tuple[Work, Copy]] = []
        kept: list[tuple[Work, Copy]] = []
        while self.waiting and len(chosen) < room:
            work, copy = self.waiting.popleft()
            may_leave = work.to not in spoken_to and self.breakers.may_call(work.sender_id, now)
            if may_leave and self.pacer.take(work.sender_id, units(copy), now):
                self.breakers.calls(work.sender_id, now)
                spoken_to.add(work.to)
                chosen.append((work, copy))
            else:
                kept.append((work, copy))
        self.waiting.extendleft(reversed(kept))
        return chosen

    async def _lease(self, conn: AsyncConnection, now: datetime) -> list[Work]:
        """Take more when little is in hand. What is graver than all in hand goes first: the rest goes back."""
        if self.stopping or not self.claims:
            return []
        await self._renew(conn, now)
        await self._let_go(conn, now)
        gravest = await queue.gravest_due(conn, now)
        if gravest is None:
            return []
        graver = [work.delivery_id for work, _ in self.waiting if work.gravity > gravest]
        if graver:
            await claim.give_back(conn, self.fence, graver)
            self.waiting = deque((work, copy) for work, copy in self.waiting if work.gravity <= gravest)
        busy = self._busy()
        free = sum(work.sender_id not in busy for work, _ in self.waiting)
        if free >= self.window:
            return []
        most = LEASE_WINDOWS * self.window
        return await claim.lease(conn, self.worker, self.fence, now, limit=most, until=self.lease.until(now), without=busy)

    async def _renew(self, conn: AsyncConnection, now: datetime) -> None:
        """What waits for its sender's pace stays ours; what was spared or cancelled meanwhile holds up nothing behind it."""
        if now < self.renew_at:
            return
        self.renew_at = now + timedelta(seconds=self.lease.seconds / RENEWALS)
        held = [work.delivery_id for work, _ in self.waiting]
        ours = await claim.renew(conn, self.fence, held, self.lease.until(now))
        self.waiting = deque((work, copy) for work, copy in self.waiting if work.delivery_id in ours)

    async def _mind_senders(self, conn: AsyncConnection, changes: Sequence[Change], now: datetime) -> None:
        """Write down how senders fare now; what is in hand of one that is slow or down goes back, to leave another way."""
        if not changes:
            return
        for change in changes:
            await senders.became(conn, change, now)
        ill = {change.sender_id for change in changes if change.health is not Health.WELL}
        await claim.give_back(conn, self.fence, [work.delivery_id for work, _ in self.waiting if work.sender_id in ill])
        self.waiting = deque((work, copy) for work, copy in self.waiting if work.sender_id not in ill)
        await senders.stand_in(conn, now)

    async def _let_go(self, conn: AsyncConnection, now: datetime) -> None:
        """Give back what waits for a sender that is down: another sender or channel may take it."""
        shut = [work.delivery_id for work, _ in self.waiting if not self.breakers.may_call(work.sender_id, now)]
        if shut:
            await claim.give_back(conn, self.fence, shut)
            self.waiting = deque((work, copy) for work, copy in self.waiting if self.breakers.may_call(work.sender_id, now))

    def _busy(self) -> set[int]:
        """Senders with more in hand than they can send in the next moments: leasing more for them would block the others."""
        load: Counter[int] = Counter()
        for work, copy in self.waiting:
            load[work.sender_id] += units(copy)
        return {sender for sender, held in load.items() if held >= self.pacer.soon(sender, BUSY_SECONDS)}

    async def _land(self) -> None:
        """Wait for the first call to come back, and take with it all that came back by then; look round now and then meanwhile."""
        done, _ = await asyncio.wait(self.flying, return_when=asyncio.FIRST_COMPLETED, timeout=LOOK_ROUND)
        for task in done:
            del self.flying[task]
            self.landed.append(task.result())

    async def _rest_for_pace(self) -> bool:
        """Wait until a sender may go on; false when the clock stands still."""
        now = self.clock.now()
        ready = min(self.pacer.ready_at(work.sender_id, units(copy), now) for work, copy in self.waiting)
        if ready <= now:
            return True
        await self.clock.sleep(min(LOOK_ROUND, max(0.001, (ready - now).total_seconds())))
        return self.clock.now() > now

    async def _finish(self) -> None:
        while self.flying:
            await self._land()
        async with self.store.write() as conn:
            await evidence.learn(conn, self.landed, self.clock.now())
            await claim.give_back(conn, self.fence, [work.delivery_id for work, _ in self.waiting])
        self.landed, self.waiting = [], deque()

    # --- getting ready ------------------------------------------------------------------------------------------------

    async def _learn_context(self, conn: AsyncConnection, leased: list[Work]) -> None:
        """Read what the new ones have in common; texts again only when their alert has changed."""
        if not leased:
            return
        fresh = await context.load(conn, (work.municipality_id for work in leased), page=self.desk.message_page())
        self.context = self.context.with_(fresh) if self.context else fresh
        for row in fresh.senders.values():
            self.pacer.set(row.id, row.pace_per_second, row.pace_burst, self.clock.now())
            self.breakers.told(row.id, Health(row.health), row.health_since, row.try_at)
        stale = {
            (work.municipality_id, work.alert_id)
            for work in leased
            if work.alert_id is not None and not (work.alert_id in self.issues and self.issues[work.alert_id].revision == work.revision)
        }
        self.issues |= await context.issues(conn, stale)

    async def _ready(self, conn: AsyncConnection, leased: list[Work], now: datetime) -> list[tuple[Work, Copy]]:
        """Find the words for each; a text that cannot be made is nobody else's trouble."""
        await self._learn_context(conn, leased)
        ready = []
        for work in leased:
            try:
                copy = self._copy(work)
            except Exception as error:
                log.exception("no text", delivery=work.delivery_id, error=type(error).__name__)
                await aside.fail(conn, work, "NO_TEXT", str(error), now)
                continue
            later = self._not_before(work, now)
            if later is not None:
                await aside.put_off(conn, work.delivery_id, later)
            elif self._behind_window(work, copy):
                await aside.hold_for_window(conn, [work.delivery_id])
                await aside.wake(conn, work, now)
            else:
                ready.append((work, copy))
        return await self._addressed(conn, ready, now)

    async def _addressed(self, conn: AsyncConnection, ready: list[tuple[Work, Copy]], now: datetime) -> list[tuple[Work, Copy]]:
        """Put each reader's own link where their text carries one."""
        linked = {work.recipient_id for work, copy in ready if work.recipient_id is not None and has_link(copy)}
        if not linked:
            return ready
        tokens = await links.of_recipients(conn, linked, now)
        return [(work, with_link(copy, tokens.get(work.recipient_id or 0, "")) if has_link(copy) else copy) for work, copy in ready]

    def _copy(self, work: Work) -> Copy:
        assert self.context is not None  # noqa: S101 - loaded in the same turn
        home = self.context.home(work.municipality_id, work.group_id, work.sender_id)
        if work.text or work.alert_id is None:
            return written(work, home)
        return self.wording.of(work, self.issues[work.alert_id], home)

    def _not_before(self, work: Work, now: datetime) -> datetime | None:
        """When the reader may be disturbed, if not now: a retry or a step that came forward must not wake anybody either."""
        if work.may_wake or work.gravity in self.policy.pierces or work.part is Part.NOTICE or self.context is None:
            return None
        town = self.context.municipalities[work.municipality_id]
        quiet = work.quiet or (Hours(town.quiet_from, town.quiet_to) if town.quiet_from and town.quiet_to else None)
        moment = first_moment(now, quiet=quiet, working=work.working, timezone=town.timezone)
        return moment.at if moment.at > now else None

    def _behind_window(self, work: Work, copy: Copy) -> bool:
        """A WhatsApp text that has no template of its own must wait for the person's next message; the wake-up goes instead."""
        if not _outside_window(work) or work.part in (Part.WAKE, Part.NOTICE):
            return False
        return self._content_id(work, copy) is None

    def _content_id(self, work: Work, copy: Copy) -> str | None:
        assert self.context is not None  # noqa: S101 - loaded in the same turn
        contents: Mapping[str, str] = self.context.senders[work.sender_id].contents
        return contents.get(f"{copy.template.name}:{copy.template.language}") if copy.template else None

    def _intent(self, work: Work, copy: Copy) -> intent.Intent:
        assert self.context is not None  # noqa: S101 - loaded in the same turn
        account = self.context.senders[work.sender_id].account
        shown = copy.template.text if copy.template and _outside_window(work) else copy.text
        return intent.Intent(
            work=work, account=account, body_sha256=body_hash(shown), segments=units(copy), emulated=self.desk.emulates(account)
        )

    # --- one call -------------------------------------------------------------------------------------------------------

    async def _fly(self, one: intent.Intended, copy: Copy, begun: float) -> evidence.Fact:
        """Make the call and say what is known afterwards. Never raises: what we do not understand is an unknown.

        The lease counts from `begun`. Where it does not outlast the call, as after a process was stopped and resumed, somebody else
        may be sending this by now: then nothing leaves.
        """
        work, began = one.intent.work, self.clock.now()
        if monotonic() > begun + self.lease.seconds - POST_DEADLINE[work.gravity]:
            return _failed(one, SendFailed(Reason.HELD_UP))
        try:
            channel = self.desk.channel(self.context.senders[work.sender_id] if self.context else None)
            sent = await channel.send(self._outbound(one, copy))
        except SendFailed as failed:
            return self._came_back(one, began, _failed(one, failed))
        except Exception as error:
            log.exception("send broke", delivery=work.delivery_id, error=type(error).__name__)
            return self._came_back(one, began, _failed(one, SendFailed(Reason.UNCERTAIN, code=type(error).__name__)))
        fact = evidence.Fact(
            attempt_id=one.attempt_id,
            evidence=sent.evidence,
            provider_id=sent.provider_id,
            segments=sent.segments,
            price=sent.price,
        )
        return self._came_back(one, began, fact)

    def _came_back(self, one: intent.Intended, began: datetime, fact: evidence.Fact) -> evidence.Fact:
        """Let the sender's breaker learn from the call."""
        work, now = one.intent.work, self.clock.now()
        call = Call(to=work.to, vain=in_vain(fact.reason), seconds=(now - began).total_seconds(), at=now)
        self.breakers.heard(work.sender_id, call, fact.retry_after)
        return fact

    def _outbound(self, one: intent.Intended, copy: Copy) -> Outbound:
        work = one.intent.work
        assert self.context is not None  # noqa: S101 - loaded before any intent
        sender = self.context.senders[work.sender_id]
        return Outbound(
            token=one.token,
            to=work.to,
            sender=sender.address,
            text=copy.text,
            status_url="" if work.medium is Medium.EMAIL else self.desk.status_url(sender.account, one.token),
            valid_for=_validity(work.expires_at, self.clock.now()),
            deadline=POST_DEADLINE[work.gravity],
            content=self._content(work, copy),
            buttons=copy.buttons,
            subject=copy.subject,
            html=copy.html,
            language=copy.language,
            message_id=self.desk.message_id(f"delivery:{work.delivery_id}"),
            reply_token=one.token,
            unsubscribe_url=self.desk.leave_url(one.token) if work.medium is Medium.EMAIL else "",
        )

    def _content(self, work: Work, copy: Copy) -> Content | None:
        if not _outside_window(work) or copy.template is None:
            return None
        content_id = self._content_id(work, copy)
        if content_id is None:
            raise SendFailed(Reason.NO_TEMPLATE, code=f"{copy.template.name}:{copy.template.language}")
        variables = {str(place): value for place, value in enumerate(copy.template.variables, 1)}
        return Content(content_id=content_id, variables=variables)


def _outside_window(work: Work) -> bool:
    return work.medium is Medium.WHATSAPP and not work.window_open


def _failed(one: intent.Intended, failed: SendFailed) -> evidence.Fact:
    unknown = failed.reason.then.name == "RESOLVE"
    return evidence.Fact(
        attempt_id=one.attempt_id,
        evidence=Evidence.UNKNOWN if unknown else Evidence.REFUSED,
        reason=failed.reason,
        code=failed.code[:20],
        retry_after=failed.retry_after,
    )


def _validity(expires_at: datetime | None, now: datetime) -> int:
    """How long the provider may keep trying, in seconds: it too drops the message when the alert expires."""
    left = (expires_at - now).total_seconds() if expires_at else LONGEST_VALIDITY
    return int(min(max(left, SHORTEST_VALIDITY), LONGEST_VALIDITY))
