"""The send protocol as a machine of states: any evening of troubles over the real house and the emulated provider, on a clock that stands.

After every step nothing is claimed without evidence, and nobody has two in silence; at the end all is healed, and nobody is lost. The
test fails if a branch of the protocol was never reached.
"""

import asyncio
import shutil
import tempfile
from collections import Counter
from collections.abc import Coroutine
from contextlib import AsyncExitStack, suppress
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar

import pytest
from hypothesis import HealthCheck, Phase, settings, strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule, run_state_machine_as_test
from sqlalchemy import select, update

from channels.base import Evidence
from channels.registry import build
from channels.sandbox.faults import Fault
from channels.sandbox.ledger import Event
from channels.settings import SmsSettings, TwilioAccount
from messages.alert import Act, Kind
from messages.form import Medium
from relay.model import AlertState, NotAllowed
from relay.store import alerts, doubts, intent, tasks
from relay.store.claim import lease, works as works_of
from relay.store.doubts import ASKED
from relay.store.tables import ResourcePerson, Sender, alert, recipient, task
from relay.store.workers import Lease
from tests.relay.branches import Branch, reached, seen
from tests.relay.witness import restart
from tests.stories.arrange import change, rows
from tests.stories.town import SMS_SENDER, Somebody, Town, town

T = TypeVar("T")

#: what the next calls meet: orders for the provider
TROUBLES: dict[str, list[dict[str, Any]]] = {
    "none": [],
    "error": [{"kind": "error"}],
    "error, for long": [{"kind": "error", "times": 9}],
    "error, and taken": [{"kind": "error_accepted"}],
    "cut": [{"kind": "reset"}],
    "cut, and taken": [{"kind": "reset_accepted"}],
    "both cut, and taken": [{"kind": "reset_accepted", "times": 2}],
    "truncated": [{"kind": "truncated"}],
    "odd": [{"kind": "odd_json"}],
    "redirect": [{"kind": "redirect"}],
    "repeated id": [{"kind": "repeated_sid", "nth": [2]}],
    "throttle": [{"kind": "throttle", "times": 2}],
    "no such number": [{"kind": "refuse", "code": 21211}],
    "wrote STOP": [{"kind": "refuse", "code": 21610}],
    "text": [{"kind": "refuse", "code": 21617}],
    "credentials": [{"kind": "unauthorised"}],
    "sender": [{"kind": "refuse", "code": 21606}],
}
#: how the provider treats us meanwhile
MOODS: dict[str, dict[str, Any]] = {
    "well": {"callbacks": True, "callback_delay": (0, 0), "list_lag": (0, 0)},
    "silent": {"callbacks": False, "callback_delay": (0, 0), "list_lag": (0, 0)},
    "silent, and its list lags": {"callbacks": False, "callback_delay": (0, 0), "list_lag": (600, 600)},
    "late": {"callbacks": True, "callback_delay": (120, 120), "list_lag": (900, 900)},
}
SORTS: dict[str, dict[str, Any]] = {"life": {}, "standard": {"grave": False}, "routine": {"kind": Kind.EXERCISE}}
WAYS = {"phone": (Medium.SMS,), "phone and mail": (Medium.SMS, Medium.EMAIL)}
#: seconds that pass at a time
SPANS = (6, 65, 130, 700)

#: how many evenings, and how many steps each
EVENINGS, STEPS = 4, 12

#: what all evenings together have reached
REACHED: set[Branch] = set()


class Protocol(RuleBasedStateMachine):
    """One evening."""

    template: Path

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.stack = AsyncExitStack()
        self.fence = 1
        self.folder = tempfile.TemporaryDirectory(prefix="budstikke-protocol-")
        self.people: list[Somebody] = []
        self.alerts: list[int] = []

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Do something in this evening's loop."""
        return self.runner.run(work)

    @initialize()
    def begins(self) -> None:
        file = shutil.copy(self.template, Path(self.folder.name) / "budstikke.db")
        self.town: Town = self.run(self.stack.enter_async_context(town(f"sqlite+aiosqlite:///{file}", Path(self.folder.name))))
        account = TwilioAccount(key="twilio", sid=self.town.sandbox.world.account, auth_token="sandbox", base_url="http://127.0.0.1:9")
        self.nowhere = build("twilio_sms", SmsSettings(account=account), clock=self.town.clock)

    # --- what is sent, and what it meets ------------------------------------------------------------------------------

    @rule(
        trouble=st.sampled_from(sorted(TROUBLES)),
        mood=st.sampled_from(sorted(MOODS)),
        sort=st.sampled_from(sorted(SORTS)),
        way=st.sampled_from(sorted(WAYS)),
        minutes=st.sampled_from((1, 600)),
    )
    def somebody_is_sent_an_alert(self, trouble: str, mood: str, sort: str, way: str, minutes: int) -> None:
        self.run(self._send(TROUBLES[trouble], MOODS[mood], SORTS[sort], WAYS[way], minutes))

    async def _send(
        self, orders: list[dict[str, Any]], mood: dict[str, Any], sort: dict[str, Any], way: tuple[Medium, ...], minutes: int
    ) -> None:
        await self._newcomer(way)
        self.town.sandbox.faults.clear()
        self.town.sandbox.change(**mood)
        self.town.sandbox.order(*(Fault.model_validate({"times": 1} | order) for order in orders))
        await self._release(sort, minutes)
        await self.town.settle()

    async def _newcomer(self, way: tuple[Medium, ...]) -> None:
        """Somebody new lives here, whom alone the next alert is for; of the older alerts the last two stay open."""
        left = [person.id for person in self.people]
        await change(self.town, update(ResourcePerson).where(ResourcePerson.id.in_(left)).values(paused=True))
        async with self.town.store.write() as conn:
            for old in self.alerts[:-2]:
                await alerts.move(conn, old, AlertState.CLOSED, self.town.clock.now())
        self.alerts = self.alerts[-2:]
        self.people.append(await self.town.person(f"Person{len(self.people)}", "nb", by=way))

    async def _release(self, sort: dict[str, Any], minutes: int = 600) -> None:
        town = self.town
        alert_id = await town.draft({"nb": "KOK VANNET"}, expires_at=town.clock.now() + timedelta(minutes=minutes), **sort)
        await town.relay.approve(town.municipality_id, alert_id, "Ola")
        await town.relay.release(town.municipality_id, alert_id, "Ola")
        self.alerts.append(alert_id)

    @rule(called=st.booleans(), mood=st.sampled_from(sorted(MOODS)))
    def the_house_dies_with_calls_in_the_air(self, *, called: bool, mood: str) -> None:
        self.run(self._die(MOODS[mood], called=called))

    async def _die(self, mood: dict[str, Any], *, called: bool) -> None:
        await self._newcomer((Medium.SMS,))
        self.town.sandbox.faults.clear()
        self.town.sandbox.change(**mood)
        await self._release({})
        if called:
            doomed = self.town.relay.dispatcher
            # one turn leases, the next one sends
            while not doomed.crew.flying:
                await doomed._turn()
            await doomed.crew.finish()
        else:
            now = self.town.clock.now()
            async with self.town.store.write() as conn:
                works = works_of(await lease(conn, "doomed", 1, now, limit=1, term=Lease(30.0)), now)
                intents = [intent.Intent(work=work, account="twilio", body_sha256="", segments=1, emulated=True) for work in works]
                await intent.intend(conn, intent.tries(intents, now), now)
        self.fence += 1
        self.town = await restart(self.town, self.fence)

    @rule()
    def the_provider_cannot_be_reached(self) -> None:
        self.run(self._unreachable())

    async def _unreachable(self) -> None:
        channels = self.town.relay.desk.channels
        honest = channels["twilio_sms", "twilio"]
        channels["twilio_sms", "twilio"] = self.nowhere
        await self._send([], MOODS["well"], {}, (Medium.SMS,), 600)
        channels["twilio_sms", "twilio"] = honest

    # --- what happens meanwhile ---------------------------------------------------------------------------------------

    @rule(seconds=st.sampled_from(SPANS))
    def time_passes(self, seconds: int) -> None:
        self.run(self.town.passes(seconds=seconds))

    @rule(down=st.booleans())
    def the_list_goes_down_or_comes_back(self, *, down: bool) -> None:
        orders = [each for each in self.town.sandbox.faults.orders if each.fault.on != "list"]
        self.town.sandbox.faults.orders[:] = orders
        if down:
            self.town.sandbox.order(Fault(kind="error", on="list"))

    @precondition(lambda self: self.people)
    @rule(heard=st.booleans())
    def the_reader_answers(self, *, heard: bool) -> None:
        self.run(self._answer(heard=heard))

    async def _answer(self, *, heard: bool) -> None:
        if await self._lacks_something():
            return  # nobody answers a question that never came
        phone, hooks = self.people[-1].phone, self.town.sandbox.world.settings.inbound_urls
        if not heard:
            self.town.sandbox.change(inbound_urls={})
        await phone.says("1", to=SMS_SENDER, channel="sms")
        self.town.sandbox.change(inbound_urls=hooks)
        if not heard:
            await self.town.relay.sweep()
        await self.town.settle()

    async def _lacks_something(self) -> bool:
        """Whether the newest person waits for a message that is in doubt here, and that the provider does not have."""
        evening = await seen(self.town)
        taken = {entry.token for entry in evening.ledger if entry.event is Event.ACCEPTED}
        theirs = {one.id for one in evening.deliveries.values() if one.person_id == self.people[-1].id}
        return any(row.delivery_id in theirs and row.evidence == Evidence.UNKNOWN and row.token not in taken for row in evening.attempts)

    @precondition(lambda self: self.people)
    @rule(code=st.sampled_from((0, 30003, 30008)))
    def the_next_readers_phone(self, code: int) -> None:
        """Everything to the newest phone fails on its way from now on; 0: it arrives again."""
        self.people[-1].phone._phone.fails = {"sms": code} if code else {}
        self.run(self._release_to_all())

    async def _release_to_all(self) -> None:
        self.town.sandbox.faults.clear()
        self.town.sandbox.change(**MOODS["well"])
        async with self.town.store.write() as conn:
            for old in self.alerts[:-1]:
                await alerts.move(conn, old, AlertState.CLOSED, self.town.clock.now())
        self.alerts = self.alerts[-1:]
        await self._release({})
        await self.town.settle()

    @precondition(lambda self: self.alerts)
    @rule(act=st.sampled_from((Act.WITHDRAW, Act.OVER)))
    def the_alert_is_corrected(self, act: Act) -> None:
        alert_id = self.alerts.pop()
        self.run(self._correct(alert_id, act))

    async def _correct(self, alert_id: int, act: Act) -> None:
        [row] = await rows(self.town, select(alert.c.state).where(alert.c.id == alert_id))
        if row.state == AlertState.RELEASED:
            await self.town.relay.correct(self.town.municipality_id, alert_id, act, "Kari")
            await self.town.settle()

    @precondition(lambda self: self.alerts)
    @rule(seconds=st.sampled_from(SPANS))
    def the_alert_is_paused_for_a_while(self, seconds: int) -> None:
        self.run(self._pause(seconds))

    async def _pause(self, seconds: int) -> None:
        mine = update(alert).where(alert.c.id == self.alerts[-1])
        await change(self.town, mine.values(paused=True))
        before = len(self.town.sandbox.ledger.entries(Event.ACCEPTED))
        await self.town.passes(seconds=seconds)
        if len(self.town.sandbox.ledger.entries(Event.ACCEPTED)) == before:
            REACHED.add(Branch.PAUSED)
        await change(self.town, mine.values(paused=False))
        await self.town.settle()
        REACHED.add(Branch.RESUMED)

    @rule(again=st.booleans())
    def a_person_decides_what_is_asked(self, *, again: bool) -> None:
        self.run(self._decide(again=again))

    async def _decide(self, *, again: bool) -> None:
        town, now = self.town, self.town.clock.now()
        for row in await rows(town, select(task).where(task.c.cause.startswith(ASKED), task.c.done_at.is_(None))):
            async with town.store.write() as conn:
                with suppress(NotAllowed):
                    if again:
                        await doubts.send_again_on_request(conn, town.municipality_id, row.id, "Kari", now)
                    else:
                        await tasks.done(conn, town.municipality_id, row.id, "Kari", now, outcome="left")
        await town.settle()

    @rule()
    def a_person_starts_the_sender(self) -> None:
        self.run(self._start())

    async def _start(self) -> None:
        if await rows(self.town, select(Sender.id).where(Sender.stopped != "")):
            await change(self.town, update(Sender).values(stopped="", stopped_at=None))
            await self.town.settle()
            REACHED.add(Branch.SENDER_STARTED)

    # --- what always holds --------------------------------------------------------------------------------------------

    @invariant()
    def nothing_is_claimed_and_nobody_doubled_in_silence(self) -> None:
        self.run(self._look())

    async def _look(self) -> None:
        evening = await seen(self.town)
        REACHED.update(reached(evening))
        taken = Counter(entry.token for entry in evening.ledger if entry.event is Event.ACCEPTED)
        copies: Counter[int] = Counter()
        for row in evening.attempts:
            copies[row.delivery_id] += taken[row.token]
            assert row.channel == Medium.EMAIL or row.evidence < Evidence.ACCEPTED or taken[row.token], "claimed without evidence"
        marked = {row.id for row in await rows(self.town, select(recipient.c.id).where(recipient.c.possible_duplicate))}
        for send, count in copies.items():
            owner = evening.deliveries[send].recipient_id
            tried_again_on_the_way = any(row.delivery_id == send and row.evidence == Evidence.UNDELIVERED for row in evening.attempts)
            assert count <= 1 or owner in marked or owner is None or tried_again_on_the_way, "doubled in silence"

    def teardown(self) -> None:
        """Heal everything, let an hour pass, and look for whoever was lost."""
        try:
            self.run(self._end())
        finally:
            self.run(self.nowhere.close())
            self.run(self.stack.aclose())
            self.runner.close()
            self.folder.cleanup()

    async def _end(self) -> None:
        town = self.town
        town.sandbox.faults.clear()
        town.sandbox.change(**MOODS["well"])
        await change(town, update(Sender).values(stopped="", stopped_at=None))
        await town.passes(minutes=25)
        await self._look()
        evening = await seen(town)
        taken = {entry.token for entry in evening.ledger if entry.event is Event.ACCEPTED}
        reached_by = {row.delivery_id for row in evening.attempts if row.token in taken}
        asked = {row.delivery_id for row in evening.tasks}
        for row in evening.deliveries.values():
            over = row.alert_id is None or evening.alerts[row.alert_id].state != AlertState.RELEASED
            if row.action == "message" and not over and row.state not in ("SPARED", "EXPIRED", "FAILED"):
                assert row.id in reached_by or row.id in asked, "lost"


def sent(trouble: str, mood: str = "silent", sort: str = "life", way: str = "phone", minutes: int = 600) -> tuple[str, dict[str, Any]]:
    return "somebody_is_sent_an_alert", {"trouble": trouble, "mood": mood, "sort": sort, "way": way, "minutes": minutes}


def waits(seconds: int) -> tuple[str, dict[str, Any]]:
    return "time_passes", {"seconds": seconds}


#: evenings that chance plays too seldom
WALKS: list[list[tuple[str, dict[str, Any]]]] = [
    [sent("throttle"), waits(6), sent("text", "well"), sent("repeated id"), waits(65)],
    [sent("credentials", minutes=1), waits(130), ("a_person_starts_the_sender", {}), sent("wrote STOP"), sent("no such number")],
    [
        ("the_list_goes_down_or_comes_back", {"down": True}),
        sent("error, for long", way="phone and mail"),
        ("the_list_goes_down_or_comes_back", {"down": True}),
        waits(6),
        waits(130),
        waits(700),
        ("a_person_decides_what_is_asked", {"again": True}),
    ],
    [sent("both cut, and taken"), ("the_reader_answers", {"heard": True}), sent("none"), ("the_reader_answers", {"heard": False})],
    [
        sent("cut, and taken", "late", "routine"),
        waits(65),
        waits(700),
        sent("cut", sort="routine"),
        waits(6),
        ("a_person_decides_what_is_asked", {"again": True}),
    ],
    [sent("odd", way="phone and mail"), ("the_alert_is_paused_for_a_while", {"seconds": 6})],
    [("the_house_dies_with_calls_in_the_air", {"called": True, "mood": "silent"}), waits(65)],
    [("the_house_dies_with_calls_in_the_air", {"called": False, "mood": "well"}), waits(65), ("the_provider_cannot_be_reached", {})],
    [
        sent("none", "well", way="phone and mail"),
        ("the_next_readers_phone", {"code": 30003}),
        ("the_alert_is_paused_for_a_while", {"seconds": 700}),
        ("the_next_readers_phone", {"code": 30008}),
    ],
    [sent("error", sort="standard"), waits(6), waits(130), sent("cut, and taken", "silent, and its list lags"), waits(65)],
    [sent("error", minutes=1), waits(130), sent("error"), waits(6), ("the_alert_is_corrected", {"act": Act.WITHDRAW}), waits(65)],
]


def walk(steps: list[tuple[str, dict[str, Any]]]) -> None:
    """Play one evening by heart, with the same looks after each step and at its end."""
    evening = Protocol()
    evening.begins()
    try:
        for name, choices in steps:
            getattr(evening, name)(**choices)
            evening.nothing_is_claimed_and_nobody_doubled_in_silence()
    finally:
        evening.teardown()


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.usefixtures("keyring")
def test_every_branch_is_reached_and_nobody_is_lost(migrated_file: Path) -> None:
    Protocol.template = migrated_file
    REACHED.clear()
    for steps in WALKS:
        walk(steps)
    run_state_machine_as_test(
        Protocol,
        settings=settings(
            max_examples=EVENINGS,
            stateful_step_count=STEPS,
            derandomize=True,
            deadline=None,
            database=None,
            phases=(Phase.generate,),
            suppress_health_check=list(HealthCheck),
        ),
    )
    assert len(Branch) >= 30
    assert " ".join(sorted(branch.name for branch in set(Branch) - REACHED)) == ""
