"""What people do with an alert: look at its plan, approve, release, correct, close. Each is written down with who did it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from messages.alert import Act, Alert, Kind, Variant
from messages.form import Medium, Part
from relay.model import Action, AlertState, Home, Issue, NotAllowed, Policy, SparedBy
from relay.pace import seconds_to_send
from relay.routing.policy import CORRECTIONS
from relay.store import alerts, context, ending, plan, sealing, work
from relay.store.columns import AnyRow
from relay.store.identity import identity
from relay.store.tables import name_key
from relay.wording import Wording, units

ENDED = frozenset({AlertState.CLOSED, AlertState.REPLACED, AlertState.WITHDRAWN})


# --- review -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """What one channel's first messages cost."""

    medium: Medium
    people: int
    messages: int
    #: SMS segments, else messages
    units: int
    #: in NOK
    price: float
    #: at this sender's pace
    seconds: float
    two_way: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Review:
    """Everything a person looks at before release; the numbers are those of the plan that release writes."""

    row: AnyRow
    issue: Issue
    full: plan.FullPlan
    loads: tuple[Load, ...]
    #: what the frame says to most readers, to show the texts with
    home: Home

    @property
    def seconds(self) -> float:
        """Time to finish the first messages, in seconds: the channels go side by side."""
        return max((load.seconds for load in self.loads), default=0.0)

    @property
    def too_slow(self) -> bool:
        """Whether the first messages cannot all leave before the alert expires."""
        expires = self.issue.alert.expires_at
        return expires is not None and self.seconds > (expires - self.full.at).total_seconds()


async def review(
    conn: AsyncConnection, municipality_id: int, alert_id: int, policy: Policy, now: datetime, *, inside: bool = False
) -> Review:
    """Draw the plan as it would be written now, and count what it costs."""
    row = await alerts.row_of(conn, municipality_id, alert_id)
    issue = await alerts.issue(conn, municipality_id, alert_id, approved_only=row.state != AlertState.DRAFT)
    full = await plan.draw(conn, issue, policy, now, inside=inside)
    known = await context.load(conn, [municipality_id])
    loads = tuple(_load(full, medium, known) for medium in full.senders if _first(full, medium))
    sender = full.senders.get(Medium.SMS)
    home = known.home(municipality_id, None, sender.id if sender else None)
    return Review(row=row, issue=issue, full=full, loads=loads, home=home)


def _first(full: plan.FullPlan, medium: Medium) -> list[tuple[plan.Planned, Part, str]]:
    """The first messages by one medium: what leaves if everybody answers."""
    return [
        (one, send.part, send.language)
        for one in full.people
        for send in one.plan.sends
        if send.action is Action.MESSAGE and one.people.media[send.way] is medium
    ]


def _load(full: plan.FullPlan, medium: Medium, known: context.Context) -> Load:
    sends = _first(full, medium)
    sender = full.senders[medium]
    wording = Wording()
    total = sum(
        units(
            wording.first(
                full.issue,
                medium,
                part,
                language,
                known.home(full.issue.municipality_id, next((group for group, _ in one.people.groups), None), sender.id),
            )
        )
        for one, part, language in sends
    )
    return Load(
        medium=medium,
        people=len({one.person.person_id for one, _, _ in sends}),
        messages=len(sends),
        units=total,
        price=total * sender.price,
        seconds=seconds_to_send(total, sender.pace_per_second, sender.pace_burst),
        two_way=sender.two_way,
    )


# --- approve and release ------------------------------------------------------------------------------------------------


async def approve(conn: AsyncConnection, municipality_id: int, alert_id: int, by: str, now: datetime, *, override: str = "") -> None:
    """Stand for an alert's texts. A real alert needs a second person, or a reason that everybody will read."""
    row = await alerts.row_of(conn, municipality_id, alert_id, to_change=True)
    _must_be(row, AlertState.DRAFT)
    approver_id = await identity(conn, municipality_id, by, now)
    if row.kind == Kind.ACTUAL and _wrote(row, by, approver_id) and not override.strip():
        msg = f"{by} wrote or edited alert no. {row.number} and cannot approve it too. Ask a second person, or give --override REASON."
        raise NotAllowed(msg)
    issue = await alerts.issue(conn, municipality_id, alert_id, approved_only=False)
    if not issue.variants:
        raise NotAllowed(f"Alert no. {row.number} has no text in any language yet.")
    await alerts.approve(conn, alert_id, by, now, override, approver_id=approver_id)
    # the reason is a person's words, which stand with the alert: here only that there was one, and which
    reason = sealing.keyring().lookup(override) if override else ""
    await work.acted(conn, by, "alert.approve", now, municipality_id=municipality_id, subject=f"alert:{alert_id}", override=reason)
    await work.happened(conn, municipality_id, "alert.approved", now, alert_id=alert_id)


def _wrote(row: AnyRow, by: str, user_id: int | None) -> bool:
    """Whether this person wrote or last edited an alert: the same user, or (from before there were users) the same name."""
    return (user_id is not None and user_id in (row.author_id, row.editor_id)) or name_key(by) in (
        name_key(row.author),
        name_key(row.editor),
    )


async def release(
    conn: AsyncConnection, municipality_id: int, alert_id: int, by: str, policy: Policy, now: datetime, *, inside: bool = False
) -> int:
    """Write the whole plan down; return how many deliveries are new. Releasing again extends: people added, texts approved late."""
    row = await alerts.row_of(conn, municipality_id, alert_id, to_change=True)
    _may_leave(row, now)
    if row.state == AlertState.APPROVED:
        old = await _replace(conn, municipality_id, row, now)
        legend = await _legend(conn, municipality_id, row, old, now)
        values = {"released_at": now, "legend": legend, "replaces_id": old.id if old else None}
        await alerts.move(conn, alert_id, AlertState.RELEASED, now, **values)
    else:
        _must_be(row, AlertState.RELEASED)
        await alerts.move(conn, alert_id, AlertState.RELEASED, now)
    issue = await alerts.issue(conn, municipality_id, alert_id)
    added = await plan.write(conn, await plan.draw(conn, issue, policy, now, inside=inside))
    await work.acted(conn, by, "alert.release", now, municipality_id=municipality_id, subject=f"alert:{alert_id}", deliveries=added)
    await work.happened(conn, municipality_id, "alert.released", now, alert_id=alert_id, deliveries=added)
    return added


def _may_leave(row: AnyRow, now: datetime) -> None:
    if row.never_real:
        raise NotAllowed(f"Alert no. {row.number} cannot be released: {row.never_real}")
    if row.expires_at is not None and row.expires_at <= now:
        raise NotAllowed(f"Alert no. {row.number} has expired. Take the source's newest message, or write a new alert.")
    if row.state == AlertState.DRAFT:
        raise NotAllowed(f"Alert no. {row.number} is not approved yet.")


def _must_be(row: AnyRow, *states: AlertState) -> None:
    if row.state not in states:
        raise NotAllowed(f"Alert no. {row.number} is {row.state.lower()}; that cannot be done with it any more.")


async def _replace(conn: AsyncConnection, municipality_id: int, row: AnyRow, now: datetime) -> AnyRow | None:
    """End the alert that this one replaces, withdraws or ends: what has not left is dropped, what has is corrected by this one.

    Where another update came first, it is that one which ends: of two drafts about the same alert only the last stays in force.
    """
    if row.replaces_id is None:
        return None
    states = {Act.UPDATE: AlertState.REPLACED, Act.WITHDRAW: AlertState.WITHDRAWN, Act.OVER: AlertState.CLOSED}
    old = await alerts.newest_of(conn, municipality_id, row.replaces_id)
    if old.state in (AlertState.RELEASED, AlertState.APPROVED):
        await alerts.move(conn, old.id, states[Act(row.act)], now)
        await ending.spare_unsent(conn, old.id, now, by=SparedBy.NEWER_ALERT)
    return old


async def _legend(conn: AsyncConnection, municipality_id: int, row: AnyRow, old: AnyRow | None, now: datetime) -> int:
    """Choose the digits of the answers: those of the alert that this one follows, or free ones; a correction always leaves."""
    if old is not None and old.state == AlertState.RELEASED:
        return int(old.legend)
    legend = await alerts.free_legend(conn, municipality_id)
    if legend is None:
        legend = await ending.close_correction(conn, municipality_id, now)
    if legend is None and row.act in CORRECTIONS:
        return alerts.LEGENDS[0]
    if legend is None:
        numbers = ", ".join(f"no. {one.number}" for one in await alerts.in_force(conn, municipality_id))
        raise NotAllowed(
            f"Alerts {numbers} are open, and answers have no digits left for one more. End one of them, or update one instead."
        )
    return legend


# --- corrections ----------------------------------------------------------------------------------------------------------


async def correct(conn: AsyncConnection, municipality_id: int, alert_id: int, act: Act, by: str, policy: Policy, now: datetime) -> int:
    """Withdraw (it was wrong) or end (it was right) a released alert at once: one person, with notice to all; return the new alert's id."""
    row = await alerts.row_of(conn, municipality_id, alert_id, to_change=True)
    _must_be(row, AlertState.RELEASED)
    issue = await alerts.issue(conn, municipality_id, alert_id)
    new = _correction(row, issue.alert, list(issue.variants.values()), act, by, now)
    correction_id = await alerts.save(conn, municipality_id, new, now)
    await alerts.approve(conn, correction_id, by, now, "", approver_id=await identity(conn, municipality_id, by, now))
    await work.acted(conn, by, f"alert.{act.lower()}", now, municipality_id=municipality_id, subject=f"alert:{alert_id}")
    await release(conn, municipality_id, correction_id, by, policy, now)
    return correction_id


def _correction(row: AnyRow, original: Alert, texts: Sequence[Variant], act: Act, by: str, now: datetime) -> alerts.NewAlert:
    """The words of a correction stand ready in every language's frame; topic and place are the original's."""
    value = replace(
        original,
        number=0,
        act=act,
        sent_at=now,
        onset_at=None,
        expires_at=None,
        next_news_at=None,
        act_by_at=None,
        replaces=original.number,
        identity=None,
    )
    # what was wrong, or is over, is not said again
    silent = [replace(text, headline="", forward="", ask="", detail="") for text in texts]
    return alerts.NewAlert(alert=value, variants=silent, author=by, source="house", replaces_id=row.id, approved=True)


async def cancel(conn: AsyncConnection, municipality_id: int, alert_id: int, by: str, policy: Policy, now: datetime) -> int | None:
    """Stop what is unsent, and withdraw what may have left; return the withdrawal's id, or None when nothing had left.

    When nothing has left of an update, it is as if it had never been released: what it had replaced is in force again.
    """
    row = await alerts.row_of(conn, municipality_id, alert_id, to_change=True)
    if row.state in ENDED:
        _must_be(row, AlertState.RELEASED)
    if row.state == AlertState.RELEASED and await ending.may_have_left(conn, alert_id):
        return await correct(conn, municipality_id, alert_id, Act.WITHDRAW, by, policy, now)
    await alerts.move(conn, alert_id, AlertState.WITHDRAWN, now)
    await ending.spare_unsent(conn, alert_id, now)
    await ending.put_back(conn, municipality_id, row, now)
    await work.acted(conn, by, "alert.cancel", now, municipality_id=municipality_id, subject=f"alert:{alert_id}")
    await work.happened(conn, municipality_id, "alert.cancelled", now, alert_id=alert_id)
    return None
