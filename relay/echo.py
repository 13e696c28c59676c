"""What the house writes back by itself to whoever wrote, and to the duty officer's telephone."""

from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from messages.alert import Gravity, Kind
from messages.form import Copy, Medium
from messages.frames import Notice, between, mark
from relay.model import Home, TaskKind
from relay.store import alerts, context, inbox, threads
from relay.store.notices import ReadyNotice
from relay.talk import Asked, Say, Verdict, Writer, shown_as
from relay.wording import choice, in_force, say, say_to_a_stranger


class Echo:
    """Writes answers of the house; what it has read of a municipality holds until the next transaction begins."""

    def __init__(self) -> None:
        self._towns: dict[int, context.Context] = {}

    def begin(self) -> None:
        """Forget what was read in an earlier transaction."""
        self._towns.clear()

    async def say(self, conn: AsyncConnection, kept: inbox.Kept, origin: inbox.Origin, verdict: Verdict, now: datetime) -> None:
        """Answer in the writer's own language, as the municipality whose alert it is about; a number that is nobody's in two languages."""
        for one in verdict.say:
            near = one.about or nearest(origin.writer, verdict)
            town = origin.of(near)
            if town.municipality_id is None or town.sender_id is None or kept.channel == inbox.PAGE:
                continue
            copy = await self._words(conn, kept.channel, town, one, origin)
            ready = ReadyNotice(
                name=one.notice,
                text=copy.text,
                language=copy.language,
                gravity=Gravity.LIFE if one.notice is Notice.DANGER else Gravity.STANDARD,
                alert_id=near.alert_id if near else None,
                recipient_id=near.recipient_id if near else None,
            )
            await threads.answer(conn, kept, town, ready, now)

    async def _words(self, conn: AsyncConnection, channel: Medium, town: inbox.Origin, one: Say, origin: inbox.Origin) -> Copy:
        home = await self._home(conn, town)
        if not town.people:
            return say_to_a_stranger(one.notice, home, channel)
        languages = town.people[0].languages
        language = languages[0] if languages else home.norwegian
        values = dict(one.values) | await self._values(conn, one, origin, language)
        legend = one.about.legend if one.about else 0
        return say(one.notice, home, language, channel, values, legend=legend, of=shown_as(one, town.writer))

    async def _home(self, conn: AsyncConnection, origin: inbox.Origin) -> Home:
        assert origin.municipality_id is not None  # noqa: S101 - the caller has looked
        if origin.municipality_id not in self._towns:
            self._towns[origin.municipality_id] = await context.load(conn, [origin.municipality_id])
        group = origin.people[0].group_id if origin.people else None
        return self._towns[origin.municipality_id].home(origin.municipality_id, group, origin.sender_id)

    async def _values(self, conn: AsyncConnection, one: Say, origin: inbox.Origin, language: str) -> dict[str, str | int]:
        if one.offers:
            offered = (choice(asked.number, asked.topic, asked.kind, f"{asked.legend}{digit}", language) for asked, digit in one.offers)
            return {"choices": ", ".join(offered)}
        if one.notice not in (Notice.IN_FORCE, Notice.VERIFY):
            return {}
        towns = {person.person_id: person.municipality_id for person in origin.people}
        opened = {(asked.alert_id, towns[asked.person_id]) for asked in origin.writer.alerts if asked.open}
        issues = [await alerts.issue(conn, town, alert_id) for alert_id, town in sorted(opened)]
        return {"alerts": in_force(issues, language)}


def nearest(writer: Writer, verdict: Verdict) -> Asked | None:
    """The alert that a message is most likely about: the one bound, the one named, else the gravest open one."""
    if verdict.bound:
        return verdict.bound[0].asked
    named = [asked for asked in writer.alerts if asked.recipient_id == writer.exact_recipient_id]
    opened = sorted((asked for asked in writer.alerts if asked.open), key=lambda asked: (asked.gravity, -asked.number))
    return next(iter([*named, *opened]), None)


#: by the municipality's Norwegian; the alert's number is filled in
_ALARM = {
    "nb": {
        TaskKind.DANGER: "BUDSTIKKE VAKT: En ressursperson har skrevet om fare{number}. Åpne innboksen nå.",
        TaskKind.RING: "BUDSTIKKE VAKT: En ressursperson ber om å bli ringt{number}. Åpne innboksen nå.",
        "number": " til melding nr. {number}",
    },
    "nn": {
        TaskKind.DANGER: "BUDSTIKKE VAKT: Ein ressursperson har skrive om fare{number}. Opne innboksen no.",
        TaskKind.RING: "BUDSTIKKE VAKT: Ein ressursperson ber om å bli ringt{number}. Opne innboksen no.",
        "number": " til melding nr. {number}",
    },
}


def alarm_words(kind: TaskKind, about: Asked | None, norwegian: str) -> str:
    """What the duty officer's telephone says: no name and no content, since it lies on a night table; an exercise says so at both ends."""
    words = _ALARM.get(norwegian, _ALARM["nb"])
    text = words[kind].format(number=words["number"].format(number=about.number) if about else "")
    return between(mark(about.kind if about else Kind.ACTUAL, norwegian), text)
