"""An answer, done: the ladder, the report, what it spares and what it pulls forward, in the transaction of its receipt."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import and_, case, func, insert, literal, not_, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from channels.base import Evidence
from messages.form import Part
from messages.reply import Meaning, Reply
from relay.counting import MAYBE_OUT
from relay.model import COUNTS_FOR_GROUP, Action, DeliveryState, Rung, SparedBy
from relay.routing import PULLS_FORWARD, QUORUM_SPARES, SPARES
from relay.store import evidence, recipients, tasks
from relay.store.columns import AnyRow
from relay.store.inbox import Kept, Person
from relay.store.sql import insert_ignore
from relay.store.tables import ALIKE, alert_group, answer, attempt, delivery, recipient, recipient_group, redistribution_report
from relay.talk import LADDER, Asked, Bound


async def bind(conn: AsyncConnection, kept: Kept, reply: Reply, bound: Sequence[Bound], now: datetime) -> None:
    """Write answers down and let each do what it does. The last answer wins; all are kept."""
    for one in bound:
        before = await _row(conn, one.asked.recipient_id)
        answer_id = await _write(conn, kept, reply, one, before, now)
        rung = LADDER[one.meaning]
        reported = await _report(conn, one, answer_id, before, now)
        await recipients.refresh(conn, {before.id}, now, answer=(rung, reported))
        await conn.execute(
            update(recipient).where(recipient.c.id == before.id).values(answered_at=now, count_doubted_at=None, count_doubted=None)
        )
        await prove(conn, before.id, now)
        if one.asked.open:
            await _spare(conn, before.id, one.meaning, now, kept.channel)
            await _pull(conn, before.id, one.meaning, now)
            await _count_for_groups(conn, before, rung, now)
        await tasks.close_tasks(conn, before.id, tasks.OF_ALERT, "answered", now)


async def note_message(
    conn: AsyncConnection, kept: Kept, reply: Reply, asked: Sequence[Asked], people: Sequence[Person], now: datetime
) -> None:
    """Keep a message that is no answer, and spare the reminder of the alert it must be about."""
    for one in asked:
        before = await _row(conn, one.recipient_id)
        await _write(conn, kept, reply, Bound(asked=one, meaning=Meaning.MESSAGE), before, now)
        await _spare(conn, one.recipient_id, Meaning.MESSAGE, now)
    if not asked and people:
        row = _answer_row(kept, reply, people[0].municipality_id, now) | {"person_id": people[0].person_id}
        await conn.execute(insert_ignore(answer).values(row))


async def rest(conn: AsyncConnection, asked: Iterable[Asked], meaning: Meaning, now: datetime) -> None:
    """Spare what a person who writes PAUSE or STOP shall not get any more: that is a wish, and no answer to an alert."""
    for one in asked:
        await _spare(conn, one.recipient_id, meaning, now)


async def left(conn: AsyncConnection, person_id: int, now: datetime) -> None:
    """Spare what somebody who has left would still get, and whom we would ring; let who stands by for them begin at once.

    Short answers to what they wrote still go.
    """
    mine = select(recipient.c.id).where(recipient.c.person_id == person_id)
    await _end(conn, (delivery.c.recipient_id.in_(mine), delivery.c.part != Part.NOTICE), SparedBy.LEFT, now)
    later = (delivery.c.stands_for_id.in_(mine), delivery.c.state == DeliveryState.WAITING, delivery.c.due_at > now)
    await conn.execute(update(delivery).where(*later).values(due_at=now))
    await recipients.refresh(conn, set((await conn.execute(mine)).scalars()), now)


async def _row(conn: AsyncConnection, recipient_id: int) -> AnyRow:
    return (await conn.execute(select(recipient).where(recipient.c.id == recipient_id).with_for_update())).one()


def _answer_row(kept: Kept, reply: Reply, municipality_id: int, now: datetime) -> dict[str, Any]:
    return {
        "municipality_id": municipality_id,
        "inbound_id": kept.id,
        "meaning": reply.meaning,
        "danger": reply.danger,
        "guessed": list(reply.guessed),
        "at": now,
    }


async def _write(conn: AsyncConnection, kept: Kept, reply: Reply, one: Bound, before: AnyRow, now: datetime) -> int:
    row = _answer_row(kept, reply, before.municipality_id, now) | {
        "alert_id": before.alert_id,
        "recipient_id": before.id,
        "person_id": before.person_id,
        "meaning": one.meaning,
        "count": one.count,
        "bound_by": one.by,
    }
    written: int = (await conn.execute(insert(answer).values(row).returning(answer.c.id))).scalar_one()
    data = {"recipient": before.id, "meaning": str(one.meaning), "count": one.count}
    await tasks.happened(conn, before.municipality_id, "answer", now, alert_id=before.alert_id, **data)
    return written


async def _report(conn: AsyncConnection, one: Bound, answer_id: int, before: AnyRow, now: datetime) -> int:
    """Keep a redistribution report; only a person's last one counts, and only while they stand by having passed it on."""
    if one.meaning is not Meaning.PASSED_ON:
        return 0
    theirs = redistribution_report.c.recipient_id == before.id
    if one.count is None:
        kept = await conn.execute(select(func.max(redistribution_report.c.count)).where(theirs, redistribution_report.c.counts))
        return int(kept.scalar() or 0)
    await conn.execute(update(redistribution_report).where(theirs).values(counts=False))
    row = {
        "municipality_id": before.municipality_id,
        "alert_id": before.alert_id,
        "recipient_id": before.id,
        "answer_id": answer_id,
        "count": one.count,
        "means": one.means,
        "counts": True,
        "at": now,
    }
    await conn.execute(insert(redistribution_report), [row])
    return one.count


async def prove(conn: AsyncConnection, recipient_id: int, now: datetime) -> None:
    """An answer proves that the question arrived, also where the provider left us in doubt."""
    doubted = (
        select(attempt.c.id)
        .join(delivery, delivery.c.id == attempt.c.delivery_id)
        .where(
            delivery.c.recipient_id == recipient_id,
            delivery.c.part.in_((Part.ASK, Part.LETTER)),
            attempt.c.evidence == Evidence.UNKNOWN,
        )
    )
    facts = [
        evidence.Fact(attempt_id=found, evidence=Evidence.DELIVERED, found_by="reply") for found in (await conn.execute(doubted)).scalars()
    ]
    await evidence.learn(conn, facts, now)


async def doubt(conn: AsyncConnection, asked: Asked, count: int, now: datetime) -> None:
    """Note that an implausible count was asked back: the same one again is taken as it is."""
    doubted = {"count_doubted": count, "count_doubted_at": now, "count_asked_at": now}
    await conn.execute(update(recipient).where(recipient.c.id == asked.recipient_id).values(doubted))


# --- what an answer spares, and what it pulls forward -----------------------------------------------------------------------


def _actions(table: Any, meaning: Meaning) -> frozenset[Action]:
    return frozenset(action for action, meanings in table.items() if meaning in meanings)


async def spare_again(conn: AsyncConnection, alert_id: int, now: datetime) -> None:
    """Spare what earlier answers and met quorums make needless of rows that are new, or armed anew."""
    for meaning, rung in LADDER.items():
        stand_there = select(recipient.c.id).where(recipient.c.alert_id == alert_id, recipient.c.rung == rung)
        await _spare_steps(conn, stand_there, meaning, now)
    await _spare_by_quorum(conn, alert_id, now)


async def _spare(conn: AsyncConnection, recipient_id: int, meaning: Meaning, now: datetime, channel: str = "") -> None:
    await _spare_steps(conn, [recipient_id], meaning, now, channel)
    if meaning is Meaning.PASSED_ON or meaning is Meaning.CANNOT:
        count = (delivery.c.recipient_id == recipient_id, delivery.c.part == Part.COUNT)
        await _end(conn, count, SparedBy.OWN_ANSWER, now)


async def _spare_steps(conn: AsyncConnection, whose: Any, meaning: Meaning, now: datetime, channel: str = "") -> None:
    """Spare what an answer by `channel` makes needless: the message itself only by other channels, and never when that is not known."""
    actions = _actions(SPARES, meaning)
    needed = and_(delivery.c.action == Action.MESSAGE, or_(literal(channel) == "", delivery.c.channel == channel))
    own = (delivery.c.recipient_id.in_(whose), delivery.c.action.in_(actions - {Action.DEPUTY}), not_(needed))
    await _end(conn, own, SparedBy.OWN_ANSWER, now)
    if Action.DEPUTY in actions:
        await _end(conn, [delivery.c.stands_for_id.in_(whose)], SparedBy.PRINCIPAL, now)


def not_begun() -> Any:
    """It waits for its time, or in a dispatcher's hand for its sender's pace. What is spared there, the last look will not let go."""
    return or_(delivery.c.state == DeliveryState.WAITING, and_(delivery.c.state == DeliveryState.CLAIMED, not_(_under_way())))


def _under_way() -> Any:
    return select(attempt.c.id).where(attempt.c.delivery_id == delivery.c.id, attempt.c.evidence.in_(MAYBE_OUT)).exists()


async def _end(conn: AsyncConnection, which: Sequence[Any], by: SparedBy, now: datetime) -> None:
    """Spare what has not begun. What is under way is marked, so that it is not tried again where this try comes to nothing."""
    await conn.execute(update(delivery).where(*which, not_begun()).values(state=DeliveryState.SPARED, spared_by=by, ended_at=now))
    under_way = (delivery.c.state == DeliveryState.CLAIMED, _under_way(), delivery.c.spared_by == "")
    await conn.execute(update(delivery).where(*which, *under_way).values(spared_by=by))


def _spared(by: SparedBy) -> tuple[Any, ...]:
    """Say of a delivery that it was spared, or marked so while it was under way."""
    return delivery.c.state.in_((DeliveryState.SPARED, DeliveryState.CLAIMED)), delivery.c.spared_by == by


#: what is spared is needed after all: it waits again, and what is under way is marked no more
_ARMED: Mapping[str, Any] = {
    "state": case((delivery.c.state == DeliveryState.SPARED, DeliveryState.WAITING), else_=delivery.c.state),
    "spared_by": "",
    "ended_at": None,
}


async def _pull(conn: AsyncConnection, recipient_id: int, meaning: Meaning, now: datetime) -> None:
    """*Cannot* brings the deputy at once: also one that an earlier answer of the same person had spared."""
    if Action.DEPUTY not in _actions(PULLS_FORWARD, meaning):
        return
    theirs = delivery.c.stands_for_id == recipient_id
    await conn.execute(update(delivery).where(theirs, *_spared(SparedBy.PRINCIPAL)).values(_ARMED))
    later = (theirs, delivery.c.state == DeliveryState.WAITING, delivery.c.due_at > now)
    await conn.execute(update(delivery).where(*later).values(due_at=now))


async def ask_count(conn: AsyncConnection, one: Asked, address_id: int, due_at: datetime, now: datetime) -> bool:
    """Plan the one follow-up: about how many? It goes the way the answer came; false when there is no such way."""
    template = select(delivery).where(
        delivery.c.recipient_id == one.recipient_id, delivery.c.address_id == address_id, delivery.c.sender_id.is_not(None)
    )
    like = (await conn.execute(template.order_by(delivery.c.id).limit(1))).one_or_none()
    if like is None:
        return False
    copied = {name: getattr(like, name) for name in ALIKE}
    row = copied | {
        "part": Part.COUNT,
        "cause": f"count:{one.recipient_id}",
        "step": like.step,
        "planned_at": due_at,
        "due_at": due_at,
        "state": DeliveryState.WAITING,
    }
    done = await conn.execute(insert_ignore(delivery).values(row))
    if done.rowcount or await _ask_after_all(conn, row, due_at):
        await conn.execute(update(recipient).where(recipient.c.id == one.recipient_id).values(count_asked_at=max(due_at, now)))
    return True


async def _ask_after_all(conn: AsyncConnection, row: dict[str, Any], due_at: datetime) -> bool:
    """Arm the question again that an earlier answer had spared; false when it was asked, or still waits."""
    spared = (
        delivery.c.municipality_id == row["municipality_id"],
        delivery.c.cause == row["cause"],
        delivery.c.part == Part.COUNT,
        *_spared(SparedBy.OWN_ANSWER),
    )
    again = {**_ARMED, "planned_at": due_at, "due_at": due_at}
    return bool((await conn.execute(update(delivery).where(*spared).values(again))).rowcount)


# --- quorum -------------------------------------------------------------------------------------------------------------


async def _count_for_groups(conn: AsyncConnection, before: AnyRow, rung: Rung, now: datetime) -> None:
    """Count a person toward their groups' quorums, or no longer; the steps of a met group are spared, of an unmet one armed again."""
    change = int(rung in COUNTS_FOR_GROUP) - int(Rung(before.rung) in COUNTS_FOR_GROUP)
    if not change:
        return
    groups = select(recipient_group.c.group_id).where(recipient_group.c.recipient_id == before.id)
    mine = (alert_group.c.alert_id == before.alert_id, alert_group.c.group_id.in_(groups))
    await conn.execute(update(alert_group).where(*mine).values(counted=alert_group.c.counted + change))
    met = (*mine, alert_group.c.counted >= alert_group.c.quorum, alert_group.c.met_at.is_(None))
    unmet = (*mine, alert_group.c.counted < alert_group.c.quorum, alert_group.c.met_at.is_not(None))
    turned = (await conn.execute(update(alert_group).where(*met).values(met_at=now))).rowcount
    turned += (await conn.execute(update(alert_group).where(*unmet).values(met_at=None))).rowcount
    await _spare_by_quorum(conn, before.alert_id, now, only=None if turned else before.id)


async def _spare_by_quorum(conn: AsyncConnection, alert_id: int, now: datetime, *, only: int | None = None) -> None:
    """A step of the group is needless when every group that the person answers for has its quorum.

    `only`: no group's quorum has turned, so that nobody else's steps can have: an answer must not cost as much as the town has people.
    """
    asked = recipient_group.c.alert_id == alert_id if only is None else recipient_group.c.recipient_id == only
    lacking = (
        select(recipient_group.c.recipient_id)
        .join(
            alert_group,
            (alert_group.c.alert_id == recipient_group.c.alert_id) & (alert_group.c.group_id == recipient_group.c.group_id),
        )
        .where(asked, alert_group.c.met_at.is_(None))
    )
    whose = func.coalesce(delivery.c.stands_for_id, delivery.c.recipient_id)
    theirs = (or_(delivery.c.recipient_id == only, delivery.c.stands_for_id == only), whose == only)
    steps = (*((delivery.c.alert_id == alert_id,) if only is None else theirs), delivery.c.action.in_(QUORUM_SPARES))
    await _end(conn, (*steps, whose.not_in(lacking)), SparedBy.QUORUM, now)
    again = (*steps, *_spared(SparedBy.QUORUM), whose.in_(lacking))
    for action in QUORUM_SPARES:
        # whoever has answered since has spared their own steps
        rungs = {LADDER[meaning] for meaning in SPARES.get(action, ()) if meaning in LADDER}
        answered = select(recipient.c.id).where(recipient.c.alert_id == alert_id, recipient.c.rung.in_(rungs))
        answered = answered if only is None else answered.where(recipient.c.id == only)
        await conn.execute(update(delivery).where(*again, delivery.c.action == action, whose.not_in(answered)).values(_ARMED))


def count_due(now: datetime, minutes: int, *, told_already: bool) -> datetime:
    """When to ask about how many: at once after *passed on* without a number, later after *will pass on*."""
    return now if told_already else now + timedelta(minutes=minutes)
