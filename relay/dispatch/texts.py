"""The words for what was leased: whose text cannot be made, must not be disturbed yet, or waits for WhatsApp's window, is set aside.

Like people read the same: what they share is made once a batch.
"""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TypeAlias

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from channels.base import Channel, Content, Outbound
from messages.form import Copy, Medium, Part
from relay.breaker import Breakers
from relay.desk import Desk
from relay.model import Health, Hours, Issue, Policy, Work
from relay.pace import Pacer, SharedPacer
from relay.routing import first_moment
from relay.store import aside, context, letters, links, unreadable
from relay.store.columns import AnyRow
from relay.store.intent import Intent
from relay.wording import Wording, body_hash, has_link, units, with_link, written

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Shared:
    """What all have in common who get the same text by the same sender in the same way."""

    copy: Copy
    sender: AnyRow
    account: str
    #: what the sender goes by, if this installation has it
    channel: Channel | None
    #: the message as all get it
    outbound: Outbound
    #: what one costs of the sender's pace
    units: int
    body_sha256: str
    #: must wait until the person opens the window
    behind_window: bool
    #: carries a link to each reader's own page
    linked: bool
    emulated: bool
    #: what a letter to a colleague brings
    file: letters.File | None = None


#: a piece of work and its words
Ready: TypeAlias = tuple[Work, Shared]


class Texts:
    """What one worker knows of towns, senders and alerts, and the texts that it has made."""

    def __init__(self, desk: Desk, policy: Policy) -> None:
        self.desk, self.policy = desk, policy
        self.wording = Wording()
        self.context = context.Context(municipalities={}, contacts={}, of_group={}, senders={})
        self.issues: dict[int, Issue] = {}

    async def learn(
        self, conn: AsyncConnection, leased: Sequence[AnyRow], pacer: Pacer | SharedPacer, breakers: Breakers, now: datetime
    ) -> None:
        """Read what the new ones have in common; texts again only when their alert has changed."""
        fresh = await context.load_to_send(conn, {row.municipality_id for row in leased}, site=self.desk.public_url)
        self.context = self.context.with_(fresh)
        for town, point in fresh.unreadable:
            await unreadable.say(conn, town, unreadable.CONTACT, point, now)
        for row in fresh.senders.values():
            pacer.set(row.id, row.pace_per_second, row.pace_burst, now)
            breakers.told(row.id, Health(row.health), row.health_since, row.try_at)
        wanted = {(row.municipality_id, row.alert_id, row.revision) for row in leased if row.alert_id is not None}
        stale = {
            (town, alert) for town, alert, revision in wanted if not (alert in self.issues and self.issues[alert].revision == revision)
        }
        fresh_issues = await context.issues(conn, stale)
        # what an alert said before must not leave where what it says now cannot be read
        self.issues = {alert: issue for alert, issue in self.issues.items() if (issue.municipality_id, alert) not in stale} | fresh_issues

    def simple(self, leased: Sequence[Work], now: datetime) -> list[Ready] | None:
        """Find the words for each; None where one of them needs the database besides: a link, a file, or to be set aside."""
        ready: list[Ready] = []
        made: dict[Hashable, Shared] = {}
        for work in leased:
            shared = self._shared(work, made)
            for_a_colleague = work.alert_id is None and work.medium is Medium.EMAIL
            if shared.linked or shared.behind_window or for_a_colleague or self._not_before(work, now) is not None:
                return None
            ready.append((work, shared))
        return ready

    async def ready(self, conn: AsyncConnection, leased: Sequence[Work], now: datetime) -> list[Ready]:
        """Find the words for each; a text that cannot be made is nobody else's trouble."""
        ready: list[Ready] = []
        made: dict[Hashable, Shared] = {}
        for work in leased:
            if self._is_unread(work):
                await aside.spoilt(conn, work.delivery_id, now)
                continue
            try:
                shared = self._shared(work, made)
            except Exception as error:
                log.exception("no text", delivery=work.delivery_id, error=type(error).__name__)
                await aside.fail(conn, work, "NO_TEXT", str(error), now)
                continue
            try:
                later = self._not_before(work, now)
            except Exception as error:
                log.exception("its reader's hours cannot be told", delivery=work.delivery_id, error=type(error).__name__)
                await aside.spoilt(conn, work.delivery_id, now)
                continue
            if later is not None:
                await aside.put_off(conn, work.delivery_id, later)
            elif shared.behind_window:
                await aside.hold_for_window(conn, [work.delivery_id])
                await aside.wake(conn, work, now)
            else:
                ready.append((work, shared))
        return await self._enclosed(conn, await self._addressed(conn, ready, now))

    def _is_unread(self, work: Work) -> bool:
        """Whether its alert could not be read; the log has told why, and another time it may be."""
        return bool(work.alert_id is not None and not work.text and work.alert_id not in self.issues)

    def _shared(self, work: Work, made: dict[Hashable, Shared]) -> Shared:
        key = _reading(work)
        if key not in made:
            made[key] = self._make(work)
        return made[key]

    def _make(self, work: Work) -> Shared:
        copy, sender = self._copy(work), self.context.senders[work.sender_id]
        outside = _outside_window(work)
        template = copy.template if outside else None
        content_id = sender.contents.get(f"{template.name}:{template.language}") if template else None
        variables = {str(place): value for place, value in enumerate(template.variables, 1)} if template else {}
        return Shared(
            copy=copy,
            sender=sender,
            account=sender.account,
            channel=self.desk.channels.get((sender.provider, sender.account)),
            # WhatsApp outside the window: the approved template; else the text goes as it is
            outbound=_for_all(sender.address, copy, Content(content_id=content_id or "", variables=variables) if template else None),
            units=units(copy),
            body_sha256=body_hash(template.text if template else copy.text),
            behind_window=outside and content_id is None and work.part not in (Part.WAKE, Part.NOTICE),
            linked=has_link(copy),
            emulated=self.desk.emulates(sender.account),
        )

    def _copy(self, work: Work) -> Copy:
        home = self.context.home(work.municipality_id, work.group_id, work.sender_id)
        if work.text or work.alert_id is None:
            return written(work, home)
        return self.wording.of(work, self.issues[work.alert_id], home)

    async def _addressed(self, conn: AsyncConnection, ready: list[Ready], now: datetime) -> list[Ready]:
        """Put each reader's own link where their text carries one."""
        linked = {work.recipient_id for work, shared in ready if shared.linked and work.recipient_id is not None}
        if not linked:
            return ready
        tokens = await links.of_recipients(conn, linked, now)
        return [(work, _own(shared, tokens.get(work.recipient_id or 0, "")) if shared.linked else shared) for work, shared in ready]

    async def _enclosed(self, conn: AsyncConnection, ready: list[Ready]) -> list[Ready]:
        """Put into letters to colleagues what they bring; nobody else is sent a file."""
        ours = {work.delivery_id for work, _ in ready if work.medium is Medium.EMAIL and work.alert_id is None}
        files = await letters.files(conn, ours) if ours else {}
        if not files:
            return ready
        return [(work, replace(shared, file=files.get(work.delivery_id))) for work, shared in ready]

    def _not_before(self, work: Work, now: datetime) -> datetime | None:
        """When the reader may be disturbed, if not now: a retry or a step that came forward must not wake anybody either."""
        if work.may_wake or work.gravity in self.policy.pierces or work.part is Part.NOTICE:
            return None
        town = self.context.municipalities[work.municipality_id]
        quiet = work.quiet or Hours.of(town.quiet_from, town.quiet_to)
        moment = first_moment(now, quiet=quiet, working=work.working, timezone=town.timezone)
        return moment.at if moment.at > now else None


def intent_of(ready: Ready) -> Intent:
    """Return what the attempt row says before the call."""
    work, shared = ready
    return Intent(work, shared.account, shared.body_sha256, shared.units, shared.emulated)


def _reading(work: Work) -> Hashable:
    """What a text depends on. A short answer was written for one person."""
    if work.text or work.alert_id is None:
        return work.delivery_id
    return (
        work.alert_id,
        work.group_id,
        work.sender_id,
        work.part,
        work.language,
        work.reader_language,
        work.legend,
        work.is_deputy,
        work.had_passed_on,
        work.window_open,
    )


def _own(shared: Shared, token: str) -> Shared:
    copy, content = with_link(shared.copy, token), shared.outbound.content
    body_sha256 = shared.body_sha256 if content else body_hash(copy.text)
    return replace(shared, copy=copy, outbound=_for_all(shared.outbound.sender, copy, content), body_sha256=body_sha256)


def _for_all(sender: str, copy: Copy, content: Content | None) -> Outbound:
    """Return a message without what is each reader's own."""
    return Outbound(
        token="",
        to="",
        sender=sender,
        text=copy.text,
        content=content,
        buttons=copy.buttons,
        subject=copy.subject,
        html=copy.html,
        language=copy.language,
    )


def _outside_window(work: Work) -> bool:
    return work.medium is Medium.WHATSAPP and not work.window_open
