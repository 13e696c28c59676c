"""One call: what the provider is given, and what is known afterwards."""

from collections.abc import Mapping
from datetime import datetime

import structlog

from channels.base import Attached, Evidence, Outbound, Reason, SendFailed, Then
from channels.clock import Clock, monotonic
from messages.form import Medium
from relay.breaker import Breakers, Call, in_vain
from relay.desk import Desk
from relay.dispatch import logbook
from relay.dispatch.texts import Shared
from relay.log import tell
from relay.store.evidence import Fact
from relay.store.intent import Intended
from relay.verdict import POST_DEADLINE
from relay.wording import with_leave

log = structlog.get_logger(__name__)

#: seconds that a provider may keep trying: Twilio's bounds, and a little less than it takes an alert to be forgotten
SHORTEST_VALIDITY, LONGEST_VALIDITY = 6, 36_000


class Caller:
    """Makes a worker's calls, and lets the senders' breakers learn from each."""

    def __init__(self, desk: Desk, clock: Clock, breakers: Breakers, held_seconds: float) -> None:
        self.desk, self.clock, self.breakers = desk, clock, breakers
        self._held_seconds = held_seconds
        self._lines: list[tuple[datetime, Mapping[str, object]]] = []

    async def call(self, one: Intended, shared: Shared, begun: float) -> Fact:
        """Make the call, if there is time for it, and say what is known. Never raises: what we do not understand is an unknown.

        When a turn begins, what it sends is ours for some seconds at least. Where those do not outlast the call, as after a process was
        stopped and resumed, somebody else may be sending this by now: then nothing leaves.
        """
        work, called_at, began = one.intent.work, monotonic(), self.clock.now()
        in_time = called_at <= begun + self._held_seconds - POST_DEADLINE[work.gravity]
        fact = await self._made(one, shared, began) if in_time else _failed(one, SendFailed(Reason.HELD_UP))
        try:
            self._note(one, fact, began, called_at, heard=in_time)
        except Exception as error:
            # what is known of the message must not be lost by what is told of it
            log.exception("a call could not be noted", delivery=work.delivery_id, error=type(error).__name__)
        return fact

    def _note(self, one: Intended, fact: Fact, began: datetime, called_at: float, *, heard: bool) -> None:
        """Let the sender's breaker learn from a call that was made, and keep a line of the log."""
        work, now = one.intent.work, self.clock.now()
        if heard:
            vain, seconds = in_vain(fact.reason), (now - began).total_seconds()
            self.breakers.heard(work.sender_id, Call(work.to, vain, seconds, now), fact.retry_after)
        self._lines.append((now, logbook.line(work, fact, milliseconds=round((monotonic() - called_at) * 1000))))

    def tell(self) -> None:
        """Write a line about each call since we told last."""
        lines, self._lines = self._lines, []
        tell(__name__, "attempt", lines)

    async def _made(self, one: Intended, shared: Shared, now: datetime) -> Fact:
        try:
            channel = shared.channel or self.desk.channel(shared.sender)
            sent = await channel.send(self._outbound(one, shared, now))
        except SendFailed as failed:
            return _failed(one, failed)
        except Exception as error:
            log.exception("send broke", delivery=one.intent.work.delivery_id, error=type(error).__name__)
            return _failed(one, SendFailed(Reason.UNCERTAIN, code=type(error).__name__))
        return Fact(
            attempt_id=one.attempt_id,
            evidence=sent.evidence,
            provider_id=sent.provider_id,
            segments=sent.segments,
            price=sent.price,
        )

    def _outbound(self, one: Intended, shared: Shared, now: datetime) -> Outbound:
        work, token = one.intent.work, one.token
        if shared.outbound.content is not None and not shared.outbound.content.content_id:
            template = shared.copy.template
            raise SendFailed(Reason.NO_TEMPLATE, code=f"{template.name}:{template.language}" if template else "")
        valid_for, deadline = _validity(work.expires_at, now), POST_DEADLINE[work.gravity]
        mail = work.medium is Medium.EMAIL
        back = "" if mail else self.desk.status_url(shared.account, token)
        own = shared.outbound.to_one(token, work.to, status_url=back, valid_for=valid_for, deadline=deadline)
        if not mail:
            return own
        copy, message_id = with_leave(shared.copy, token), self.desk.message_id(f"delivery:{work.delivery_id}")
        attached = Attached(shared.file.name, shared.file.content) if shared.file else None
        leave = self.desk.leave_url(token)
        return own._replace(text=copy.text, html=copy.html, attached=attached, message_id=message_id, unsubscribe_url=leave)


def _failed(one: Intended, failed: SendFailed) -> Fact:
    unknown = failed.reason.then is Then.RESOLVE
    return Fact(
        attempt_id=one.attempt_id,
        evidence=Evidence.UNKNOWN if unknown else Evidence.REFUSED,
        reason=failed.reason,
        code="".join(filter(str.isprintable, failed.code))[:20],
        retry_after=failed.retry_after,
    )


def _validity(expires_at: datetime | None, now: datetime) -> int:
    """How long the provider may keep trying, in seconds: it too drops the message when the alert expires."""
    left = (expires_at - now).total_seconds() if expires_at else LONGEST_VALIDITY
    return int(min(max(left, SHORTEST_VALIDITY), LONGEST_VALIDITY))
