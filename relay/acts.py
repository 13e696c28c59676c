"""What people do with an alert: ask, approve, release, correct, close. Each is written down with who did it."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncConnection

from messages.alert import Act, Alert, Kind, Variant
from relay import authority, sense, staff
from relay.model import AlertState, BadInput, Issue, NotAllowed, Policy, SparedBy, TaskKind
from relay.routing.policy import CORRECTIONS
from relay.store import alerts, drafts, ending, paging, plan, plan_rows, sealing, tasks
from relay.store.columns import AnyRow
from relay.store.identity import identity
from relay.store.names import ActName

# in these words the pages' catalogues find them
WHY_WAKE = "Say why these groups are woken: it is kept with the alert."
WHY_BACK = "Write what should be changed, so that the author can."

#: nothing of an alert that is released from a page leaves before that, so that it can be undone
UNDO_WINDOW = timedelta(seconds=10)
OWN_WORDS = (
    "%(name)s wrote or edited alert no. %(number)s and cannot approve it too. Ask a second person, or in an emergency give the reason"
    " why one person decides alone."
)
EXPIRED = "Alert no. %(number)s has expired. Take the source's newest message, or write a new alert."
NO_WITHDRAWAL = "What withdraws cannot be withdrawn itself: its readers must not be told that it was wrong. If it was, write a new alert."
FAR_AWAY = "A time of alert no. %(number)s is more than a year from now. Edit the alert and look at the years."
PLAYED = (
    "Alert no. %(number)s has a text that is made for testing the alerts, and would go out as a real alert, without the word for exercise."
    " Write a new alert instead, and choose “Exercise” for it."
)
NO_DIGITS = "The alerts %(numbers)s are open, and answers have no digits left for one more. End one of them, or update one instead."
#: what cannot be done with an alert in the state that it is in
TOO_LATE: Mapping[str, str] = {
    AlertState.DRAFT: "Alert no. %(number)s is a draft: that cannot be done with it yet.",
    AlertState.APPROVED: "Alert no. %(number)s is approved already: that cannot be done with it any more.",
    AlertState.RELEASED: "Alert no. %(number)s is out: that cannot be done with it any more.",
    AlertState.CLOSED: "Alert no. %(number)s has ended: that cannot be done with it any more.",
    AlertState.REPLACED: "Alert no. %(number)s was updated by a newer one: do it with that one.",
    AlertState.WITHDRAWN: "Alert no. %(number)s was withdrawn: that cannot be done with it any more.",
}
#: what a correction of an alert is called where it is written down
CORRECTED: Mapping[Act, ActName] = {Act.WITHDRAW: "alert.withdraw", Act.OVER: "alert.over"}

ENDED = frozenset({AlertState.CLOSED, AlertState.REPLACED, AlertState.WITHDRAWN})


# --- approve and release ------------------------------------------------------------------------------------------------


async def ask(
    conn: AsyncConnection,
    municipality_id: int,
    alert_id: int,
    by: str,
    now: datetime,
    *,
    wake: Collection[int] = (),
    reason: str = "",
    site: str = "",
) -> int:
    """Ask for approval: the approvers are paged one after the other. Returns how many of them can be reached by SMS.

    `wake`, `reason`: what the author proposes to them about the night.
    """
    row = await alerts.row_of(conn, municipality_id, alert_id, to_change=True)
    _must_be(row, AlertState.DRAFT)
    await tasks.close_cause(conn, municipality_id, f"returned:{alert_id}", by, "asked again", now)
    reached = await staff.ask(conn, row, by, site, now)
    await tasks.acted(conn, by, "alert.ask", now, municipality_id=municipality_id, subject=f"alert:{alert_id}", reached=reached)
    proposed = {"wake": sorted(wake), "reason": reason[:300]}
    await tasks.happened(conn, municipality_id, "alert.asked", now, alert_id=alert_id, reached=reached, **proposed)
    return reached


async def send_back(conn: AsyncConnection, municipality_id: int, alert_id: int, by: str, reason: str, now: datetime) -> None:
    """Give a draft back to its author, with a reason; BadInput without one."""
    row = await alerts.row_of(conn, municipality_id, alert_id, to_change=True)
    _must_be(row, AlertState.DRAFT, AlertState.APPROVED)
    if not reason.strip():
        raise BadInput(WHY_BACK)
    await paging.stop(conn, municipality_id, staff.causes("ask", alert_id), now)
    await drafts.send_back(conn, alert_id, now)
    cause = f"returned:{alert_id}"
    returned = tasks.NewTask(municipality_id=municipality_id, kind=TaskKind.RETURNED, cause=cause, words=reason.strip(), alert_id=alert_id)
    await tasks.open_task(conn, returned, now)
    await tasks.acted(conn, by, "alert.send_back", now, municipality_id=municipality_id, subject=f"alert:{alert_id}")
    await tasks.happened(conn, municipality_id, "alert.sent_back", now, alert_id=alert_id)


async def approve(
    conn: AsyncConnection, municipality_id: int, alert_id: int, by: str, now: datetime, *, override: str = "", site: str = ""
) -> None:
    """Stand for an alert's texts. A real alert needs a second person, or a reason that everybody will read."""
    row = await alerts.row_of(conn, municipality_id, alert_id, to_change=True)
    _must_be(row, AlertState.DRAFT)
    _in_time(row, now)
    issue = await alerts.issue(conn, municipality_id, alert_id, approved_only=False)
    _near(row, issue, now)
    approver_id = await identity(conn, municipality_id, by, now)
    if authority.needs_second_person(row.kind) and authority.is_author(row, by, approver_id) and not override.strip():
        raise NotAllowed(OWN_WORDS, name=by, number=row.number)
    if not issue.variants:
        raise NotAllowed("Alert no. %(number)s has no text in any language yet.", number=row.number)
    _not_played(row, issue)
    await alerts.approve(conn, alert_id, by, now, override, approver_id=approver_id)
    # the reason is a person's words, which stand with the alert: here only that there was one, and which
    reason = sealing.keyring().lookup(override) if override else ""
    await tasks.acted(conn, by, "alert.approve", now, municipality_id=municipality_id, subject=f"alert:{alert_id}", override=reason)
    await tasks.happened(conn, municipality_id, "alert.approved", now, alert_id=alert_id)
    await paging.stop(conn, municipality_id, staff.causes("ask", alert_id), now)
    if override:
        await _alone(conn, row, by, site, now)


async def _alone(conn: AsyncConnection, row: AnyRow, by: str, site: str, now: datetime) -> None:
    """One person approved alone: everybody who answers for alerts hears of it at once, and a second one looks it over afterwards."""
    later = tasks.NewTask(municipality_id=row.municipality_id, kind=TaskKind.REVIEW, cause=f"review:{row.id}", alert_id=row.id)
    await tasks.open_task(conn, later, now)
    await staff.tell(conn, row, "override", by, site, now)


async def release(
    conn: AsyncConnection,
    municipality_id: int,
    alert_id: int,
    by: str,
    policy: Policy,
    now: datetime,
    *,
    inside: bool = False,
    wake: Collection[int] = (),
    reason: str = "",
    hold: timedelta = timedelta(),
    site: str = "",
) -> int:
    """Write the whole plan down; return how many deliveries are new. Releasing again extends: people added, texts approved late.

    `wake`: groups that are not spared for the night, and the `reason`, without which it is BadInput.
    `hold`: nothing of a first release leaves before that, so that it can be undone.
    """
    row = await alerts.row_of(conn, municipality_id, alert_id, to_change=True)
    _may_leave(row, now)
    approved = await alerts.issue(conn, municipality_id, alert_id)
    _not_played(row, approved)
    if wake and not reason.strip():
        raise BadInput(WHY_WAKE)
    first, old = row.state == AlertState.APPROVED, None
    gone = sense.passed(approved.alert, now) if first else ()
    if first:
        _near(row, approved, now)
        old = await _replace(conn, municipality_id, row, now)
        legend = await _legend(conn, municipality_id, row, old, now)
        values = {"released_at": now, "legend": legend, "replaces_id": old.id if old else None}
        # a line of courtesy whose moment passed while the alert waited is left out: that keeps nobody waiting
        await alerts.move(conn, alert_id, AlertState.RELEASED, now, **values, **dict.fromkeys(gone))
    else:
        _must_be(row, AlertState.RELEASED)
        await alerts.move(conn, alert_id, AlertState.RELEASED, now)
    issue = await alerts.issue(conn, municipality_id, alert_id)
    added = await plan_rows.write(conn, await plan.draw(conn, issue, policy, now + hold if first else now, inside=inside, wake=wake))
    if old is not None and row.act == Act.UPDATE:
        await ending.ring_on(conn, old.id, alert_id, now)
    if first and row.kind == Kind.ACTUAL and row.act not in CORRECTIONS:
        await staff.tell(conn, row, "release", by, site, now + hold)
    woken = {"wake": sorted(wake), "reason": reason[:300]} if wake else {}
    told = woken | ({"passed": list(gone)} if gone else {})
    await tasks.acted(
        conn, by, "alert.release", now, municipality_id=municipality_id, subject=f"alert:{alert_id}", deliveries=added, **told
    )
    await tasks.happened(conn, municipality_id, "alert.released", now, alert_id=alert_id, deliveries=added, **woken)
    return added


def _may_leave(row: AnyRow, now: datetime) -> None:
    if row.never_real:
        raise NotAllowed("Alert no. %(number)s cannot be released: %(why)s", number=row.number, why=row.never_real)
    _in_time(row, now)
    if row.state == AlertState.DRAFT:
        raise NotAllowed("Alert no. %(number)s is not approved yet.", number=row.number)


def _in_time(row: AnyRow, now: datetime) -> None:
    if row.expires_at is not None and row.expires_at <= now:
        raise NotAllowed(EXPIRED, number=row.number)


def _near(row: AnyRow, issue: Issue, now: datetime) -> None:
    if sense.far(issue.alert, now):
        raise NotAllowed(FAR_AWAY, number=row.number)


def _not_played(row: AnyRow, issue: Issue) -> None:
    """What takes a real alert back, or ends it, says none of its words, and must always be able to leave."""
    if row.act not in CORRECTIONS and sense.only_played(issue.variants.values(), row.kind):
        raise NotAllowed(PLAYED, number=row.number)


def _must_be(row: AnyRow, *states: AlertState) -> None:
    if row.state not in states:
        raise NotAllowed(TOO_LATE[row.state], number=row.number)


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
        raise NotAllowed(NO_DIGITS, numbers=numbers)
    return legend


# --- corrections ----------------------------------------------------------------------------------------------------------


async def correct(
    conn: AsyncConnection, municipality_id: int, alert_id: int, act: Act, by: str, policy: Policy, now: datetime, *, site: str = ""
) -> int:
    """Withdraw (it was wrong) or end (it was right) a released alert at once: one person, with notice to all; return the new alert's id.

    NotAllowed for a withdrawal: "no. 7 was wrong" would say that the false alarm was right.
    """
    row = await alerts.row_of(conn, municipality_id, alert_id, to_change=True)
    _must_be(row, AlertState.RELEASED)
    if row.act == Act.WITHDRAW:
        raise NotAllowed(NO_WITHDRAWAL)
    issue = await alerts.issue(conn, municipality_id, alert_id)
    new = correction(row, issue.alert, list(issue.variants.values()), act, by, now)
    correction_id = await alerts.save(conn, municipality_id, new, now)
    await alerts.approve(conn, correction_id, by, now, "", approver_id=await identity(conn, municipality_id, by, now))
    await tasks.acted(conn, by, CORRECTED[act], now, municipality_id=municipality_id, subject=f"alert:{alert_id}")
    await release(conn, municipality_id, correction_id, by, policy, now)
    await staff.tell(conn, row, act.lower(), by, site, now)
    return correction_id


def correction(row: AnyRow, original: Alert, texts: Sequence[Variant], act: Act, by: str, now: datetime) -> alerts.NewAlert:
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
    same = {"groups": row.groups}
    return alerts.NewAlert(alert=value, variants=silent, author=by, source="house", replaces_id=row.id, approved=True, values=same)


async def cancel(
    conn: AsyncConnection, municipality_id: int, alert_id: int, by: str, policy: Policy, now: datetime, *, site: str = ""
) -> int | None:
    """Stop what is unsent, and withdraw what may have left; return the withdrawal's id, or None when nothing had left.

    When nothing has left of an update, it is as if it had never been released: what it had replaced is in force again.
    """
    row = await alerts.row_of(conn, municipality_id, alert_id, to_change=True)
    if row.state in ENDED:
        _must_be(row, AlertState.RELEASED)
    if row.state == AlertState.RELEASED and await ending.may_have_left(conn, alert_id):
        return await correct(conn, municipality_id, alert_id, Act.WITHDRAW, by, policy, now, site=site)
    await alerts.move(conn, alert_id, AlertState.WITHDRAWN, now)
    await ending.spare_unsent(conn, alert_id, now)
    await ending.put_back(conn, municipality_id, row, now)
    await tasks.acted(conn, by, "alert.cancel", now, municipality_id=municipality_id, subject=f"alert:{alert_id}")
    await tasks.happened(conn, municipality_id, "alert.cancelled", now, alert_id=alert_id)
    return None
