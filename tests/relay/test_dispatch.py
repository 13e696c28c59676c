"""The dispatcher at work: the gravest goes first, one person's trouble is nobody else's, and the provider is told what it must know."""

import asyncio
import itertools
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import func, select, text, update
from structlog.testing import capture_logs

from channels.base import Evidence, Reason
from channels.sandbox.faults import Fault
from channels.sandbox.ledger import Event
from messages.alert import Kind, Severity, Urgency
from messages.form import Medium
from messages.render import render as honest_render
from relay import wording
from relay.dispatch.crew import Crew
from relay.dispatch.texts import Shared
from relay.model import AddressState, BadInput, DeliveryState, TaskKind
from relay.store import alerts
from relay.store.evidence import Fact
from relay.store.intent import Intended
from relay.store.tables import Address, Sender, alert as alert_table, attempt
from tests.relay.witness import (
    WATER,
    accepted,
    another,
    attempts,
    in_time,
    planned,
    reconcile,
    released,
    slow_sender,
)
from tests.stories.arrange import address, change, rows, texts
from tests.stories.town import ON_SQLITE, Town, new

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


@ON_SQLITE
async def test_what_waits_for_a_slow_sender_holds_up_nothing_less_grave(town: Town) -> None:
    """An hour's worth of SMS about life is in hand, and more of it is due: letters about something lesser leave all the same."""
    await slow_sender(town, 0.02, 1.0)
    for n in range(3):
        await town.person(f"Person{n}", "nb")
    for _ in range(2):
        await released(town)
        await town.relay.dispatcher.drain()
    for n in range(5):
        await town.person(f"Reader{n}", "nb", by=(Medium.EMAIL,))
    lesser = await released(town, severity=Severity.MINOR, urgency=Urgency.FUTURE)
    async with asyncio.timeout(10):
        await town.relay.dispatcher.drain()
    letters = [row for row in await planned(town, lesser) if row.channel == Medium.EMAIL and row.due_at <= town.clock.now()]
    assert len(letters) >= 5
    assert all(row.attempts for row in letters)


@ON_SQLITE
async def test_a_log_that_cannot_be_written_loses_nothing(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    """The words for what was leased are found beside a line of the log: where that fails, the next turn finds them."""
    for n in range(3):
        await town.person(f"Person{n}", "nb")
    await released(town)
    monkeypatch.setattr(town.relay.dispatcher.crew.caller, "tell", _full_disk)
    await town.relay.dispatcher.drain()
    assert len(accepted(town)) == 6


def _full_disk() -> None:
    raise OSError(28, "No space left on device")


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


class OptedOut:
    """A caller whose provider says of everybody, when it is let, that they asked for no more."""

    def __init__(self) -> None:
        self.let = asyncio.Event()

    def tell(self) -> None: ...

    async def call(self, one: Intended, _shared: Shared, _begun: float) -> Fact:
        await self.let.wait()
        return Fact(attempt_id=one.attempt_id, evidence=Evidence.REFUSED, reason=Reason.OPTED_OUT, code="21610")


@ON_SQLITE
async def test_nothing_more_goes_to_somebody_before_it_is_written_what_came_of_the_last(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A refusal that comes back in the middle of a turn is written down by the next: the ask does not leave meanwhile."""
    await town.person("Person", "nb")
    await released(town)
    wheel, caller = town.relay.dispatcher, OptedOut()
    wheel.crew = Crew(caller)  # type: ignore[arg-type]
    assert (await wheel._turn())[0] == 1
    reserve = wheel.pacer.reserve

    async def meanwhile(*given: Any) -> None:
        caller.let.set()
        await wheel.crew.back.wait()
        await reserve(*given)

    monkeypatch.setattr(wheel.pacer, "reserve", meanwhile)
    assert wheel.waiting
    for _ in range(3):
        assert (await wheel._turn())[0] == 0
    await wheel._finish()
    assert [row.evidence for row in await attempts(town)] == [Evidence.REFUSED]


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


async def test_an_alert_that_cannot_be_read_is_no_other_alerts_trouble(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    """The other one's messages leave; this one's leave when it can be read, and a person knows that they wait."""
    await town.person("Ayan", "nb")
    odd = await released(town)
    sound = await released(town, {"nb": "SKRED. Gå ut."})
    honest = alerts.issue

    async def issue(conn: Any, municipality_id: int, alert_id: int, **more: Any) -> Any:
        if alert_id == odd:
            raise ValueError("an odd row")
        return await honest(conn, municipality_id, alert_id, **more)

    monkeypatch.setattr(alerts, "issue", issue)
    await town.settle()
    assert {entry.body.split(".")[0].split(":")[-1].strip() for entry in accepted(town) if "SKRED" in entry.body} == {"SKRED"}
    assert not any("KOK VANNET" in entry.body for entry in accepted(town))
    assert TaskKind.UNREACHABLE in await town.tasks()
    monkeypatch.setattr(alerts, "issue", honest)
    await in_time(town, minutes=6)
    assert any("KOK VANNET" in entry.body for entry in accepted(town))
    await reconcile(town, odd)
    await reconcile(town, sound)


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


@pytest.mark.parametrize(("state", "reason"), [(AddressState.OPTED_OUT, "OPTED_OUT"), (AddressState.INVALID, "ADDRESS_INVALID")])
async def test_what_may_not_leave_says_why(town: Town, state: AddressState, reason: str) -> None:
    """Who has written STOP since the release is not told of as a wrong number."""
    await town.person("Ayan", "nb")
    alert_id = await released(town)
    await change(town, update(Address).values(state=state))
    await town.settle()
    assert accepted(town) == []
    assert {row.reason for row in await planned(town, alert_id) if row.state == DeliveryState.FAILED} == {reason}


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
    assert len({token[-26:] for token in tokens}) == 9, "what is behind the moment is chance alone"
    assert all(len(token) == 40 for token in tokens)
    assert len(town.sandbox.ledger.entries(Event.FAULT)) == 3


class Hasty:
    """A caller whose provider answers at once, or a little later: calls come back while a turn writes."""

    def __init__(self) -> None:
        self.pauses = itertools.cycle((0.0, 0.002, 0.0, 0.005, 0.001))

    def tell(self) -> None: ...

    async def call(self, one: Intended, _shared: Shared, _begun: float) -> Fact:
        await asyncio.sleep(next(self.pauses))
        return Fact(attempt_id=one.attempt_id, evidence=Evidence.ACCEPTED, provider_id=f"SM{one.token}")


@ON_SQLITE
async def test_no_more_than_a_window_is_ever_without_an_outcome_on_disk(town: Town) -> None:
    """What a crash can leave unknown is what the settings promise, also where calls come back while the next ones are written down."""
    for n in range(30):
        await town.person(f"Person{n}", "nb")
    await released(town)
    wheel, caller = town.relay.dispatcher, Hasty()
    wheel.window, wheel.crew = 10, Crew(caller)  # type: ignore[arg-type]
    made, most = 0, 0
    while made < 60:
        made += (await wheel._turn())[0]
        open_ones = select(func.count()).select_from(attempt).where(attempt.c.evidence == int(Evidence.INTENT))
        most = max(most, (await rows(town, open_ones))[0][0])
        await asyncio.sleep(0.001)
    assert 5 <= most <= 10
    await wheel._finish()
    assert {row.evidence for row in await attempts(town)} == {Evidence.ACCEPTED}
