"""The numbers of the reach board are counters. Whatever happens, in whatever order, they are what a recount of the rows gives."""

import asyncio
import shutil
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st
from sqlalchemy import select

from channels.base import Evidence, Inbound, Reason
from channels.clock import ManualClock
from messages.alert import Act, Alert, Kind, Severity, Urgency, Variant
from messages.form import Medium
from relay import acts
from relay.counting import STANDING, UNTRIED, message_adds, person_adds, standing
from relay.desk import Desk
from relay.model import Hours, NotAllowed, Place, Rung
from relay.pulse import Pulse
from relay.receipts import Receipts
from relay.routing import DEFAULT_POLICY
from relay.store import alerts, claim, doubts, ending, evidence, intent, queue, recipients, register
from relay.store.columns import AnyRow
from relay.store.engine import Store
from relay.store.register import NewGroup, NewPerson, NewSender, Stamp
from relay.store.tables import attempt, counter, delivery, recipient, recipient_group
from relay.store.workers import Lease

START = datetime(2026, 11, 23, 17, 0, tzinfo=UTC)
SENDER = "+4759440000"
NUMBERS = [f"+474100{n:04d}" for n in range(6)]
REASONS = [Reason.UNREACHABLE, Reason.ADDRESS_INVALID, Reason.OPTED_OUT, Reason.UNDELIVERED, Reason.NOT_CONNECTED, None]
TEXTS = ["1", "2", "3 40", "3 15", "3", "40", "4", "5", "8", "Hva nå?", "4 barn savnet", "STOPP", "START", "PAUSE", "61", "3 9000"]


@dataclass
class House:
    """A store with a town in it, and what happens to it."""

    store: Store
    clock: ManualClock
    receipts: Receipts
    town: int
    issued: list[int] = field(default_factory=list)
    heard: int = 0

    async def release(self, *, grave: bool = True) -> None:
        """Write an alert down and release it."""
        value = Alert(
            number=0,
            kind=Kind.ACTUAL,
            severity=Severity.SEVERE if grave else Severity.MODERATE,
            urgency=Urgency.IMMEDIATE,
            sent_at=self.clock.now(),
            expires_at=self.clock.now() + timedelta(hours=24),
        )
        texts = [Variant(language=tag, headline=tag.upper(), forward=tag) for tag in ("nb", "so", "ti")]
        async with self.store.write() as conn:
            new = alerts.NewAlert(alert=value, variants=texts, author="Kari", source="form")
            alert_id = await alerts.save(conn, self.town, new, self.clock.now())
            await acts.approve(conn, self.town, alert_id, "Ola", self.clock.now())
            await acts.release(conn, self.town, alert_id, "Ola", DEFAULT_POLICY, self.clock.now())
        self.issued.append(alert_id)

    async def begin(self, most: int) -> list[intent.Intended]:
        """Lease what is due and write intents, as a dispatcher does before its calls; return them in order."""
        async with self.store.write() as conn:
            works = claim.works(await claim.lease(conn, "w", 1, self.clock.now(), limit=most, term=Lease(30.0)), self.clock.now())
            intents = [intent.Intent(work=one, account="twilio", body_sha256="", segments=1, emulated=True) for one in works]
            return sorted(await intent.intend(conn, intent.tries(intents, self.clock.now()), self.clock.now()))

    async def learn(self, facts: Sequence[tuple[int, Evidence, Reason | None]]) -> None:
        """Learn about some of the attempts, newer and older ones, in one go."""
        async with self.store.write() as conn:
            known = list((await conn.execute(select(attempt.c.id).order_by(attempt.c.id))).scalars())
            if not known:
                return
            told = [
                evidence.Fact(attempt_id=known[which % len(known)], evidence=what, reason=why, provider_id=f"SM{known[which % len(known)]}")
                for which, what, why in facts
            ]
            await evidence.learn(conn, told, self.clock.now())

    async def hear(self, who: int, text: str) -> None:
        """Let somebody write."""
        self.heard += 1
        message = Inbound(
            provider_id=f"IN{self.heard}", sender=NUMBERS[who % len(NUMBERS)], to=SENDER, text=text, received_at=self.clock.now()
        )
        await self.receipts.take("twilio", Medium.SMS, message, "callback")
        await self.receipts.caught_up()

    async def pass_time(self, minutes: int) -> None:
        """Let the clock do what it alone does."""
        self.clock.advance(minutes=minutes)
        now = self.clock.now()
        async with self.store.write() as conn:
            await doubts.recover(conn, now, over=now)
            await queue.expire(conn, now)
            await queue.open_calls(conn, now)
            await ending.close_lapsed(conn, now)

    async def end(self, act: Act) -> None:
        """Withdraw or end the newest alert, if that can be."""
        async with self.store.write() as conn:
            try:
                await acts.correct(conn, self.town, self.issued[-1], act, "Kari", DEFAULT_POLICY, self.clock.now())
            except NotAllowed:
                return

    async def extend(self) -> None:
        """Release the newest alert once more, if that can be."""
        async with self.store.write() as conn:
            try:
                await acts.release(conn, self.town, self.issued[-1], "Ola", DEFAULT_POLICY, self.clock.now())
            except NotAllowed:
                return


@asynccontextmanager
async def house(url: str) -> AsyncIterator[House]:
    """Open a store with six people in two groups: one in both, one deputy, one without agreement, one who sleeps early."""
    clock = ManualClock(START)
    store = await Store.open(url)
    stamp = Stamp("test", START)
    async with store.write() as conn:
        town = await register.add_municipality(conn, Place(number="9901", name="Sørvik", point=None, quiet=Hours(time(21), time(7))), stamp)
        for medium, provider, sender in ((Medium.SMS, "twilio_sms", SENDER), (Medium.EMAIL, "email", "varsel@sorvik.test")):
            new = NewSender(medium=medium, address=sender, provider=provider, account="twilio")
            await register.add_sender(conn, town, new, stamp)
        so, ti = [await register.add_group(conn, town, NewGroup(language=tag, name=tag, quorum=2), stamp) for tag in ("so", "ti")]
        ids = await register.add_people(conn, town, [_person(n, so, ti) for n in range(len(NUMBERS))], stamp)
        await register.set_deputies(conn, {ids[2]: ids[0]}, stamp)
    pulse = Pulse()
    receipts = Receipts(store, Desk({}, "https://varsel.test", "svar.test"), clock, pulse, DEFAULT_POLICY)
    made = House(store, clock, receipts, town)
    try:
        yield made
    finally:
        await receipts.close()
        await store.close()


def _person(n: int, so: int, ti: int) -> NewPerson:
    mail = ((Medium.EMAIL, f"person{n}@folk.test"),) if n % 2 == 0 else ()
    return NewPerson(
        name=f"Person{n}",
        languages=("so",),
        groups=(so, ti) if n == 1 else (ti,) if n == 3 else (so,),
        ways=((Medium.SMS, NUMBERS[n]), *mail),
        agreed_on=None if n == 4 else date(2026, 1, 1),
        adult_confirmed_on=date(2026, 1, 1),
        quiet=Hours(time(17), time(20)) if n == 5 else None,
    )


# --- the recount ------------------------------------------------------------------------------------------------------

Numbers = Counter[tuple[int, int, str, str]]


async def counters(store: Store) -> Numbers:
    async with store.read() as conn:
        rows = (await conn.execute(select(counter))).all()
    return Counter({(row.alert_id, row.group_id, row.channel, row.name): row.value for row in rows if row.value})


async def recounted(store: Store) -> Numbers:
    """Count people and messages by their rows."""
    numbers: Numbers = Counter()
    async with store.read() as conn:
        people = (await conn.execute(select(recipient))).all()
        groups = (await conn.execute(select(recipient_group))).all()
        messages = (await conn.execute(select(delivery).where(delivery.c.alert_id.is_not(None)))).all()
    for row in people:
        mine = [one.group_id for one in groups if one.recipient_id == row.id]
        for name, value in person_adds(recipients.person_facts(row)).items():
            numbers.update({(row.alert_id, group, "", name): value for group in (0, *mine)})
    for row in messages:
        for name, value in message_adds(row.evidence).items():
            numbers[row.alert_id, 0, row.channel, name] += value
    return +numbers


async def check_rows(store: Store) -> None:
    """A delivery has the best of its attempts, a person the best of their deliveries, and an answer proves that it arrived."""
    async with store.read() as conn:
        attempts = (await conn.execute(select(attempt.c.delivery_id, attempt.c.evidence))).all()
        messages = (await conn.execute(select(delivery))).all()
        people = (await conn.execute(select(recipient))).all()
    for row in messages:
        known = [one.evidence for one in attempts if one.delivery_id == row.id]
        assert row.evidence in (standing(known), standing(one for one in known if one > Evidence.INTENT)), row.id
        assert sum(one in (Evidence.INTENT, Evidence.UNKNOWN) for one in known) <= 1, row.id
    for row in people:
        assert row.evidence == _best(row, messages), row.id


def _best(person: AnyRow, messages: Sequence[AnyRow]) -> int:
    """An answer proves all; without one, a person has what every body of the message has, by the best way that has them all."""
    if person.rung != Rung.NONE:
        return Evidence.READ
    bodies = [
        one for one in messages if one.recipient_id == person.id and one.action != "call" and one.part in ("forward", "ask", "letter")
    ]
    needed = [one for one in bodies if one.state != "SPARED" or one.evidence != UNTRIED]
    ways = {one.address_id for one in needed}
    return standing(min((one.evidence for one in needed if one.address_id == way), key=STANDING.index) for way in ways)


# --- what may happen --------------------------------------------------------------------------------------------------

outcomes = st.tuples(st.integers(0, 40), st.sampled_from([one for one in Evidence if one is not Evidence.INTENT]), st.sampled_from(REASONS))
events = st.one_of(
    st.tuples(st.just("begin"), st.integers(1, 12)),
    st.tuples(st.just("learn"), st.lists(outcomes, min_size=1, max_size=6)),
    st.tuples(st.just("hear"), st.integers(0, 5), st.sampled_from(TEXTS)),
    st.tuples(st.just("pass_time"), st.sampled_from([1, 10, 20, 60, 600])),
    st.tuples(st.just("extend")),
    st.tuples(st.just("end"), st.sampled_from([Act.WITHDRAW, Act.OVER])),
)


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(events, min_size=5, max_size=25))
def test_counters_are_what_a_recount_gives(migrated_file: Path, tmp_path_factory: pytest.TempPathFactory, happens: list[Any]) -> None:
    """Facts late, repeated and shuffled, answers of all kinds, time, corrections, second releases."""
    file = tmp_path_factory.mktemp("recount") / "budstikke.db"
    shutil.copy(migrated_file, file)

    async def play() -> None:
        async with house(f"sqlite+aiosqlite:///{file}") as made:
            await made.release()
            await made.begin(4)
            for name, *given_ in happens:
                await getattr(made, name)(*given_)
            assert await counters(made.store) == await recounted(made.store)
            await check_rows(made.store)

    with asyncio.Runner() as runner:
        runner.run(play())
    shutil.rmtree(file.parent)
