"""The dispatcher against a provider that fails in every way: nothing is lost, nothing doubled in silence, and the gravest goes first."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import func, select, text, update
from structlog.testing import capture_logs

import channels.sandbox.server as provider
from channels.base import Evidence
from channels.sandbox.faults import Fault
from channels.sandbox.intake import one, token_of
from channels.sandbox.ledger import Event
from messages.alert import Gravity, Kind
from messages.form import Medium
from messages.render import render as honest_render
from relay import wording
from relay.model import AddressState, BadInput, NotReady, TaskKind
from relay.store import claim, evidence, intent
from relay.store.tables import Address, Sender, alert as alert_table, attempt, delivery
from relay.store.workers import Lease
from relay.verdict import POST_DEADLINE
from tests.relay.witness import (
    WATER,
    accepted,
    another,
    attempts,
    copies,
    in_time,
    planned,
    reconcile,
    released,
    restart,
    slow_sender,
)
from tests.stories.arrange import address, change, rows, texts
from tests.stories.town import ON_SQLITE, Town, new

# --- faults -----------------------------------------------------------------------------------------------------------

#: fault, can the same message be at the provider twice because of it
FAULTS = [
    (Fault(kind="error", times=1), False),
    (Fault(kind="error", times=1, status=500), False),
    (Fault(kind="error_accepted", times=1), True),
    (Fault(kind="reset", times=1), False),
    (Fault(kind="reset_accepted", times=1), True),
    (Fault(kind="stall", times=1, seconds=0.6), False),
    (Fault(kind="slow", times=1, seconds=0.6), True),
    (Fault(kind="throttle", times=1, retry_after=20), False),
    (Fault(kind="truncated", times=1), True),
    (Fault(kind="html", times=1), True),
    (Fault(kind="empty", times=1), True),
    (Fault(kind="odd_json", times=1), True),
    (Fault(kind="wrong_sid", times=1), True),
    (Fault(kind="repeated_sid", nth=[2]), True),
    (Fault(kind="foreign", times=1), True),
    (Fault(kind="redirect", times=1), False),
]


def name_of(value: object) -> str:
    return f"{value.kind}{value.status}" if isinstance(value, Fault) else str(value)


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Shorten the deadline of a call: seconds of real time."""
    for gravity in Gravity:
        monkeypatch.setitem(POST_DEADLINE, gravity, 0.3)


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("callbacks", [True, False], ids=["told", "untold"])
@pytest.mark.parametrize(("fault", "taken"), FAULTS, ids=name_of)
@ON_SQLITE
async def test_a_fault_loses_and_doubles_nothing(town: Town, fault: Fault, *, taken: bool, callbacks: bool) -> None:
    """Told of it by callbacks, or left to look for itself: each text arrives, and one that was taken is not sent again."""
    town.sandbox.change(callbacks=callbacks)
    town.sandbox.order(fault)
    ayan = await town.person("Ayan", "nb")
    alert_id = await released(town)
    await town.passes(minutes=2)
    assert len(new(ayan.phone)) == 2
    assert set(copies(town).values()) == {1}
    await reconcile(town, alert_id)
    assert {row.state for row in await planned(town, alert_id) if row.action == "message"} == {"DONE"}
    reach = await town.reach(alert_id)
    again = 0 if taken or fault.kind == "throttle" else 1
    assert reach.possible_duplicates == again, "whoever was sent to again is flagged, and nobody else"
    assert (reach.totals.sent, reach.totals.unknown) == (1, 0)


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("kind", ["error", "error_accepted", "reset", "reset_accepted", "stall", "throttle", "repeated_sid"])
async def test_a_bad_night_on_both_databases(town: Town, kind: Any) -> None:
    """Every third call goes wrong for a while; then all is well, and all is in order."""
    people = [await town.person(f"Person{n}", "nb") for n in range(6)]
    town.sandbox.order(Fault(kind=kind, chance=0.34, seconds=0.6))
    alert_id = await released(town)
    await town.passes(seconds=20)
    town.sandbox.faults.clear()
    await town.passes(minutes=2)
    assert all(len({shown.text for shown in new(person.phone)}) == 2 for person in people)
    await reconcile(town, alert_id)
    assert (await town.reach(alert_id)).totals.unknown == 0


async def test_an_intent_is_on_disk_before_the_call(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    """When the provider reads a request, another connection sees the attempt that it belongs to, without an outcome."""
    seen: list[int] = []
    honest = provider._form

    async def looked(request: Any) -> dict[str, list[str]]:
        form = await honest(request)
        token = token_of(one(form, "StatusCallback"))
        seen.extend(row.evidence for row in await rows(town, select(attempt.c.evidence).where(attempt.c.token == token)))
        return form

    monkeypatch.setattr(provider, "_form", looked)
    for n in range(5):
        await town.person(f"Person{n}", "nb")
    await town.issue(WATER)
    assert seen == [Evidence.INTENT] * 10


async def test_no_call_is_made_for_an_intent_that_was_not_written(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    """The database goes away at the very commit: nothing leaves. It comes back: everything does, once."""
    honest = intent.intend
    monkeypatch.setattr(intent, "intend", _away)
    ayan = await town.person("Ayan", "nb")
    await released(town)
    for _ in range(3):
        with pytest.raises(NotReady):
            await town.relay.dispatcher.drain()
    assert accepted(town) == []
    monkeypatch.setattr(intent, "intend", honest)
    await town.settle()
    assert len(new(ayan.phone)) == 2


async def _away(*_: object) -> Any:
    raise NotReady("The disk under the database is full. Make room: it heals by itself.")


async def test_an_outcome_that_cannot_be_written_stays_in_hand(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the provider said is written down when the database is back; nobody is asked twice."""
    town.sandbox.change(callbacks=False)
    honest, failures = evidence.learn, [True, True]

    async def learn(conn: Any, facts: Any, now: Any) -> int:
        if facts and failures:
            failures.pop()
            raise NotReady("The connection to the database was lost. It is tried again.")
        return await honest(conn, facts, now)

    monkeypatch.setattr(evidence, "learn", learn)
    await town.person("Ayan", "nb")
    alert_id = await released(town)
    for _ in range(2):
        with pytest.raises(NotReady):
            await town.relay.dispatcher.drain()
    await town.settle()
    assert {row.evidence for row in await attempts(town)} == {Evidence.ACCEPTED}
    assert set(copies(town).values()) == {1}
    await reconcile(town, alert_id)


async def test_a_commit_whose_word_was_lost(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    """The database did commit and we did not hear it: the intent counts as one in doubt, the wheel turns on, nothing is doubled."""
    honest, losses = town.store.write, [True]

    @asynccontextmanager
    async def write() -> AsyncIterator[Any]:
        async with honest() as conn:
            before = (await conn.execute(select(func.count(attempt.c.id)))).scalar_one()
            yield conn
            after = (await conn.execute(select(func.count(attempt.c.id)))).scalar_one()
        if losses and after > before:
            losses.pop()
            raise NotReady("The connection to the database was lost. It is tried again.")

    monkeypatch.setattr(town.store, "write", write)
    ayan = await town.person("Ayan", "nb")
    alert_id = await released(town)
    with pytest.raises(NotReady):
        await town.settle()
    await town.passes(minutes=2)
    assert len({shown.text for shown in new(ayan.phone)}) == 2
    assert (await town.reach(alert_id)).possible_duplicates == 1
    await reconcile(town, alert_id)


# --- crashes, leases, fences ------------------------------------------------------------------------------------------


async def test_a_crash_between_call_and_outcome(town: Town) -> None:
    """The provider has it, we died before we wrote that down: it is found in the provider's list and not sent again."""
    town.sandbox.change(callbacks=False)
    await town.person("Ayan", "nb")
    alert_id = await released(town)
    doomed = town.relay.dispatcher
    await doomed._turn()
    await asyncio.gather(*doomed.flying)
    assert len(accepted(town)) == 1
    heir = await restart(town)
    assert Evidence.UNKNOWN in {row.evidence for row in await planned(heir, alert_id)}, "until it is found it is said to be in doubt"
    await heir.passes(minutes=1)
    assert set(copies(town).values()) == {1}
    assert "list" in {row.found_by for row in await attempts(town)}
    assert (await heir.reach(alert_id)).possible_duplicates == 0
    await reconcile(heir, alert_id)


async def test_a_crash_before_the_call(town: Town) -> None:
    """The intent is on disk and nothing ever left: after the silence it is sent again, and flagged, since we cannot know."""
    ayan = await town.person("Ayan", "nb")
    alert_id = await released(town)
    async with town.store.write() as conn:
        works = await claim.lease(conn, "doomed", 1, town.clock.now(), limit=1, until=town.clock.now() + timedelta(seconds=30))
        intents = [intent.Intent(work=work, account="twilio", body_sha256="", segments=1, emulated=True) for work in works]
        await intent.intend(conn, intents, town.clock.now(), Lease(30.0))
    heir = await restart(town)
    await heir.passes(seconds=28)
    assert len(new(ayan.phone)) == 1, "the other message; the doubtful one waits for its silence"
    await heir.passes(seconds=30)
    assert len(new(ayan.phone)) == 1
    assert (await heir.reach(alert_id)).possible_duplicates == 1
    await reconcile(heir, alert_id)


async def test_a_second_dispatcher_cannot_send_what_the_first_one_holds(town: Town) -> None:
    """Until the lease runs out it finds nothing; then it sends, and the first one finds that it may not any more."""
    await slow_sender(town, 0.01, 1.0)
    people = [await town.person(f"Person{n}", "nb") for n in range(3)]
    alert_id = await released(town)
    await town.relay.dispatcher.drain()
    held = len(town.relay.dispatcher.waiting)
    assert held == 5
    second = another(town)
    assert await second.relay.dispatcher.drain() == 0
    await slow_sender(town, 1000.0, 1000.0)
    town.clock.advance(seconds=31)
    await second.settle()
    assert len(accepted(town)) == 6
    assert len(town.relay.dispatcher.waiting) == held
    town.clock.advance(minutes=5)
    assert await town.relay.dispatcher.drain() == 0
    assert set(copies(town).values()) == {1}
    assert all(len(new(person.phone)) == 2 for person in people)
    await reconcile(town, alert_id)


async def test_two_dispatchers_at_once(town: Town) -> None:
    """They share the work and never a message."""
    people = [await town.person(f"Person{n}", "nb") for n in range(12)]
    await released(town)
    second = another(town, window=3)
    sent = await asyncio.gather(town.relay.dispatcher.drain(), second.relay.dispatcher.drain())
    await town.settle()
    assert sum(sent) == 24
    assert set(copies(town).values()) == {1}
    assert all(len(new(person.phone)) == 2 for person in people)


@ON_SQLITE
async def test_what_is_in_hand_twice_is_sent_once(town: Town) -> None:
    """Our own lease ran out while we stood still, and we took the same rows again: also when the first try is in doubt."""
    await slow_sender(town, 0.02, 1.0)
    await town.person("Ayan", "nb")
    alert_id = await released(town)
    await town.relay.dispatcher.drain()
    town.clock.advance(seconds=45)
    town.sandbox.change(callbacks=False)
    town.sandbox.order(Fault(kind="reset_accepted", times=1))
    await town.settle()
    await in_time(town, minutes=4)
    assert set(copies(town).values()) == {1}
    await reconcile(town, alert_id)


async def test_stopping_finishes_what_is_in_the_air_and_gives_the_rest_back(town: Town) -> None:
    """Another process goes on with it at once."""
    await slow_sender(town, 0.01, 1.0)
    people = [await town.person(f"Person{n}", "nb") for n in range(3)]
    await released(town)
    dispatcher = town.relay.dispatcher
    running = asyncio.create_task(dispatcher.run())
    async with asyncio.timeout(5):
        while not (dispatcher.waiting and dispatcher.idle):  # noqa: ASYNC110 - the dispatcher rings for nobody
            await asyncio.sleep(0.01)
    dispatcher.stop()
    await asyncio.wait_for(running, 5)
    assert await rows(town, select(delivery.c.id).where(delivery.c.state == "CLAIMED")) == []
    await slow_sender(town, 1000.0, 1000.0)
    await another(town).settle()
    assert all(len(new(person.phone)) == 2 for person in people)
    assert set(copies(town).values()) == {1}


# --- who goes first ---------------------------------------------------------------------------------------------------


async def test_danger_overtakes_a_backlog(town: Town) -> None:
    """A slow sender has an hour's worth of exercise in hand: an alert about life leaves at its next message."""
    await slow_sender(town, 1.0, 1.0)
    for n in range(8):
        await town.person(f"Person{n}", "nb")
    await released(town, {"nb": "ØVELSE"}, kind=Kind.EXERCISE)
    await in_time(town, seconds=6)
    begun = len(accepted(town))
    assert begun
    await released(town, {"nb": "GÅ UT NÅ"})
    await in_time(town, seconds=50)
    bodies = [entry.body for entry in accepted(town)][begun:]
    grave = ["ØVELSE" not in body for body in bodies]
    assert grave[: sum(grave)] == [True] * sum(grave), "all of the graver one before any other"
    assert sum(grave) > 8


async def test_an_answer_to_somebody_in_danger_overtakes_everything(town: Town) -> None:
    """The fixed reply does not queue behind the broadcast."""
    await slow_sender(town, 0.5, 1.0)
    people = [await town.person(f"Person{n}", "nb") for n in range(6)]
    await released(town, grave=False)
    await in_time(town, seconds=8)
    begun = len(accepted(town))
    first = next(person for person in people if person.phone.messages)
    await first.phone.says("4 barn savnet")
    await in_time(town, seconds=20)
    assert {entry.to for entry in accepted(town)[begun : begun + 2]} == {first.phone.address, "+4799999999"}


async def test_a_slow_sender_holds_up_no_other(town: Town) -> None:
    """Letters leave at once while SMS queue."""
    await slow_sender(town, 0.01, 1.0)
    for n in range(5):
        await town.person(f"Person{n}", "nb")
    reader = await town.person("Leser", "nb", by=(Medium.EMAIL,))
    await town.issue(WATER)
    assert reader.mailbox is not None
    assert len(new(reader.mailbox)) == 1
    assert len(accepted(town)) < 5


async def test_forward_comes_before_ask(town: Town) -> None:
    """One call at a time to one person, in order, however wide the window."""
    town.sandbox.order(Fault(kind="slow", seconds=0.1, nth=[1, 3, 5]))
    people = [await town.person(f"Person{n}", "nb") for n in range(4)]
    await town.issue(WATER)
    for person in people:
        forward, ask = texts(new(person.phone))
        assert "KOK VANNET" in forward
        assert "KOK VANNET" not in ask


# --- what is one's own trouble ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("error", [BadInput("no text"), ValueError("a hole in the frame"), KeyError("x")], ids=repr)
@ON_SQLITE
async def test_a_text_that_cannot_be_made_is_one_persons_trouble(town: Town, error: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    """The others get theirs, the author has a task, and the next channel does not wait for it."""

    def render(alert: Any, variant: Any, facts: Any, medium: Any) -> Any:
        if variant.language == "so" and medium is Medium.SMS:
            raise error
        return honest_render(alert, variant, facts, medium)

    monkeypatch.setattr(wording, "render", render)
    ayan = await town.person("Ayan", "so", by=(Medium.SMS, Medium.EMAIL))
    kari = await town.person("Kari", "nb")
    with capture_logs() as logged:
        await town.issue(WATER)
    assert len(new(kari.phone)) == 2
    assert new(ayan.phone) == []
    assert ayan.mailbox is not None
    assert len(new(ayan.mailbox)) == 1
    assert "text" in await town.tasks()
    assert {entry["error"] for entry in logged if entry["event"] == "no text"} == {type(error).__name__}


async def test_a_number_that_cannot_be_opened_is_one_persons_trouble(town: Town) -> None:
    """One damaged row stops nobody else's message."""
    ayan = await town.person("Ayan", "nb", by=(Medium.SMS, Medium.EMAIL))
    kari = await town.person("Kari", "nb")
    where = "WHERE person_id = :person AND channel = 'sms'"
    await change(town, text(f"UPDATE address SET value = :damaged {where}").bindparams(damaged=b"\x01damaged", person=ayan.id))
    alert_id = await released(town)
    await town.settle()
    assert len(new(kari.phone)) == 2
    assert ayan.mailbox is not None
    assert len(new(ayan.mailbox)) == 1
    assert "address" in await town.tasks()
    good = (await address(town, kari)).value
    await change(town, update(Address).where(Address.person_id == ayan.id, Address.channel == Medium.SMS).values(value=good))
    await town.passes(minutes=6)
    assert len(new(kari.phone)) == 2, "mended (here with another's number), it leaves after all"
    assert {row.state for row in await planned(town, alert_id) if row.action == "message"} == {"DONE"}


#: Twilio's code -> what becomes of the address, and which task a person gets
CODES = [
    (21610, AddressState.OPTED_OUT, TaskKind.OPTED_OUT),
    (21211, AddressState.INVALID, TaskKind.ADDRESS),
    (21614, AddressState.INVALID, TaskKind.ADDRESS),
    (21408, AddressState.ACTIVE, None),
    (21617, AddressState.ACTIVE, TaskKind.TEXT),
]


@pytest.mark.parametrize(("code", "state", "kind"), CODES)
@ON_SQLITE
async def test_a_refusal_and_who_hears_of_it(town: Town, code: int, state: AddressState, kind: TaskKind | None) -> None:
    """The next channel comes at once; whoever can mend it has a task, once."""
    town.sandbox.order(Fault(kind="refuse", code=code))
    ayan = await town.person("Ayan", "nb", by=(Medium.SMS, Medium.EMAIL))
    await town.issue(WATER)
    assert (await address(town, ayan)).state == state
    assert ayan.mailbox is not None
    assert len(new(ayan.mailbox)) == 1
    assert [one for one in await town.tasks() if one != "call"] == ([kind] if kind else [])


@pytest.mark.parametrize(("code", "reason"), [(21606, "BAD_SENDER"), (20003, "NOT_AUTHORISED"), (30002, "ACCOUNT_SUSPENDED")])
async def test_a_sender_in_trouble_is_stopped_and_its_queue_kept(town: Town, code: int, reason: str) -> None:
    """One refusal and not one for each person; a person is alarmed; once mended, everything leaves."""
    people = [await town.person(f"Person{n}", "nb") for n in range(8)]
    if code == 20003:
        town.sandbox.world.auth_token = "changed"
    else:
        town.sandbox.order(Fault(kind="refuse", code=code))
    small = another(town, window=2)
    alert_id = await released(town)
    await small.settle()
    [stopped] = await rows(town, select(Sender.stopped).where(Sender.channel == Medium.SMS))
    assert stopped.stopped == reason
    refused = len(await attempts(town))
    assert refused <= 4, "what was in the air, and nothing after it"
    assert await town.tasks() == ["sender"]
    await small.passes(seconds=20)
    assert len(await attempts(town)) == refused
    town.sandbox.faults.clear()
    town.sandbox.world.auth_token = "sandbox"
    await change(town, update(Sender).values(stopped="", stopped_at=None))
    await small.settle()
    assert all(len(new(person.phone)) == 2 for person in people)
    await reconcile(town, alert_id)


async def test_a_paused_alert_does_not_silence_the_answer_to_danger(town: Town) -> None:
    """Nothing of the alert leaves; whoever is in danger is answered."""
    ayan = await town.person("Ayan", "nb")
    alert_id = await town.issue(WATER)
    new(ayan.phone)
    await change(town, update(alert_table).where(alert_table.c.id == alert_id).values(paused=True))
    await ayan.phone.says("4 barn savnet")
    await town.settle()
    assert "112" in "".join(texts(new(ayan.phone)))
    await town.passes(minutes=15)
    assert new(ayan.phone) == []


# --- what the provider is told ----------------------------------------------------------------------------------------


@ON_SQLITE
async def test_the_provider_drops_it_too_when_the_alert_is_over(town: Town) -> None:
    """The validity period ends with the alert; ten hours at most."""
    await town.person("Ayan", "nb")
    await town.issue(WATER, expires_at=town.clock.now() + timedelta(minutes=20))
    assert {entry.valid_for for entry in accepted(town)} == {1200}
    await town.issue(WATER)
    assert {entry.valid_for for entry in accepted(town)} == {1200, 36_000}


@ON_SQLITE
async def test_the_pace_is_in_segments(town: Town) -> None:
    """A segment a second: what leaves in half a minute is what the sender bears, counted by the provider."""
    await slow_sender(town, 1.0, 2.0)
    for n in range(15):
        await town.person(f"Person{n}", "nb")
    await released(town)
    await in_time(town, seconds=30)
    segments = sum(entry.segments for entry in accepted(town))
    assert 28 <= segments <= 2 + 30 + 2


@ON_SQLITE
async def test_every_attempt_has_a_token_of_its_own(town: Town) -> None:
    """128 random bits, new for each try, and never the same twice."""
    town.sandbox.order(Fault(kind="throttle", times=3))
    for n in range(3):
        await town.person(f"Person{n}", "nb")
    await town.issue(WATER)
    await in_time(town, seconds=10)
    tokens = [row.token for row in await attempts(town)]
    assert len(set(tokens)) == len(tokens) == 9
    assert all(len(token) == 32 for token in tokens)
    assert len(town.sandbox.ledger.entries(Event.FAULT)) == 3
