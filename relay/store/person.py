"""What happened with one person in one alert: why they got what they got, what became of every message, what they said."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Select, select
from sqlalchemy.ext.asyncio import AsyncConnection

from channels.base import Evidence
from relay.model import DeliveryState
from relay.store.columns import AnyRow
from relay.store.reach import words
from relay.store.tables import LanguageGroup, ResourcePerson, answer, attempt, delivery, recipient


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One planned message and what is known of it; `evidence` is "untried" before the first try."""

    part: str
    action: str
    channel: str
    language: str
    state: str
    evidence: str
    #: why it failed, or what made it needless, in words; "" otherwise
    why: str
    due_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """One person of an alert."""

    name: str
    group: str
    language: str
    #: why they get nothing; "": they are planned
    left_out: str
    rung: str
    reported: int
    answered_at: datetime | None
    failed: bool
    messages: tuple[Message, ...]
    #: everything they answered: (when, meaning, count)
    answers: tuple[tuple[datetime, str, int | None], ...]


async def stories(conn: AsyncConnection, alert_id: int, name_part: str = "") -> list[Story]:
    """Return the people of an alert whose names hold `name_part`, by name. Names are sealed: they are compared here."""
    found = (
        select(recipient, ResourcePerson.name, LanguageGroup.name.label("group"))
        .join(ResourcePerson, ResourcePerson.id == recipient.c.person_id)
        .join(LanguageGroup, LanguageGroup.id == recipient.c.group_id, isouter=True)
        .where(recipient.c.alert_id == alert_id)
    )
    wanted = name_part.strip().casefold()
    rows = [row for row in (await conn.execute(found)).all() if wanted in row.name.casefold()]
    messages = await _of_each(conn, select(delivery).where(delivery.c.alert_id == alert_id).order_by(delivery.c.due_at, delivery.c.id))
    answers = await _of_each(
        conn, select(answer, answer.c.count.label("people")).where(answer.c.alert_id == alert_id).order_by(answer.c.id)
    )
    whys = await _reasons(conn, alert_id)
    told = [_story(row, messages.get(row.id, ()), answers.get(row.id, ()), whys) for row in rows]
    return sorted(told, key=lambda one: one.name.casefold())


async def _of_each(conn: AsyncConnection, statement: Select[Any]) -> dict[int, list[AnyRow]]:
    found: defaultdict[int, list[AnyRow]] = defaultdict(list)
    for row in (await conn.execute(statement)).all():
        if row.recipient_id is not None:
            found[row.recipient_id].append(row)
    return dict(found)


async def _reasons(conn: AsyncConnection, alert_id: int) -> dict[int, str]:
    """The reason of each delivery's newest attempt that has one."""
    tried = select(attempt.c.delivery_id, attempt.c.reason).join(delivery, delivery.c.id == attempt.c.delivery_id)
    tried = tried.where(delivery.c.alert_id == alert_id, attempt.c.reason != "")
    return {row.delivery_id: row.reason for row in (await conn.execute(tried.order_by(attempt.c.id))).all()}


def _story(row: AnyRow, messages: Sequence[AnyRow], answers: Sequence[AnyRow], whys: Mapping[int, str]) -> Story:
    return Story(
        name=row.name,
        group=row.group or "",
        language=row.language,
        left_out=row.left_out,
        rung=row.rung,
        reported=row.reported,
        answered_at=row.answered_at,
        failed=row.failed,
        messages=tuple(_message(one, whys.get(one.id, one.reason)) for one in messages),
        answers=tuple((one.at, one.meaning, one.people) for one in answers),
    )


def _message(row: AnyRow, reason: str) -> Message:
    spared = row.spared_by.replace("_", " ") if row.state == DeliveryState.SPARED else ""
    return Message(
        part=row.part,
        action=row.action,
        channel=row.channel,
        language=row.language,
        state=row.state,
        evidence=Evidence(row.evidence).name if row.evidence >= 0 else "untried",
        why=spared or (words(reason) if reason else ""),
        due_at=row.due_at,
    )
