"""The inbox: what comes first, that every page counts the same, and that answers arrive where they must."""

import re
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from channels.sandbox.faults import Fault
from messages.alert import Kind
from messages.form import Medium
from messages.frames import say
from relay.model import TaskKind
from relay.store import tasks
from relay.store.tables import Sender, task, thread
from tests.stories.town import SMS_SENDER, Somebody, new
from tests.web.duty_town import WATER, Duty, duty_town


@pytest.fixture(name="duty")
async def _duty(migrated_sqlite_url: str, tmp_path: Path) -> AsyncIterator[Duty]:
    async with duty_town(migrated_sqlite_url, tmp_path) as open_town:
        yield open_town


async def opened(duty: Duty, *kinds: TaskKind) -> None:
    """Open a task of each kind, a minute apart."""
    for n, kind in enumerate(kinds):
        async with duty.town.store.write() as conn:
            fresh = tasks.NewTask(municipality_id=duty.town.municipality_id, kind=kind, cause=f"test:{n}")
            await tasks.open_task(conn, fresh, duty.town.clock.now())
        duty.town.clock.advance(minutes=1)


async def kinds(duty: Duty) -> list[str]:
    """Return the kinds of the inbox's rows, from top to bottom."""
    page = (await duty.officer.get("/inbox?lang=en")).text
    rows = {str(row.id): str(row.kind) for row in await duty.rows(select(task))}
    return [rows[found] for found in re.findall(r'id="item-(\d+)"', page)]


async def test_people_come_before_the_registers_upkeep_however_old_that_is(duty: Duty) -> None:
    await opened(duty, TaskKind.ADDRESS, TaskKind.OPTED_OUT, TaskKind.CALL, TaskKind.QUESTION, TaskKind.RING, TaskKind.DANGER)
    assert await kinds(duty) == ["danger", "ring", "question", "call", "address", "opted_out"]


async def test_every_kind_of_task_has_a_page_that_says_what_to_do(duty: Duty) -> None:
    await opened(duty, *TaskKind)
    for row in await duty.rows(select(task)):
        page = await duty.officer.get(f"/tasks/{row.id}?lang=en")
        assert page.status == 200, row.kind
        assert 'name="outcome"' in page.text, row.kind


async def test_menu_board_wall_and_inbox_count_the_same_things(duty: Duty) -> None:
    ayan, bilan = [await duty.town.person(name, "so") for name in ("Ayan", "Bilan")]
    await duty.issue()
    await ayan.phone.says("Ma badbaado baa?")
    await ayan.phone.says("Caruurta miyay cabbi karaan?")
    await bilan.phone.says("Hjelp, det brenner!")
    await duty.town.settle()
    made = await duty.press("/alerts/1/wall")
    wall = (await duty.officer.get(re.findall(r"http[^<\"]+(/wall/[\w-]+)", made.text)[0])).text
    inbox = (await duty.officer.get("/inbox?alert=1&lang=en")).text
    board = (await duty.officer.get("/alerts/1/board?lang=en")).text
    assert len(re.findall(r'id="item-', inbox)) == 2, "two conversations, however many messages"
    [menu] = re.findall(r'<span class="count grave">(\d+)<span', inbox)
    [beside] = re.findall(r'<a class="count grave" id="waiting" href="/inbox\?alert=1"[^>]*>(\d+)<', board)
    assert (menu, beside) == ("2", "2")
    assert re.findall(r'<div class="grave"><dt>[^<]+</dt><dd>(\d+)</dd>', wall) == ["2"]


async def test_what_is_real_comes_before_an_exercise_and_a_stopped_sender_before_its_danger(duty: Duty) -> None:
    ayan = await duty.town.person("Ayan", "so")
    await duty.issue(kind=Kind.EXERCISE)
    await ayan.phone.says("Hjelp, det brenner!")
    await duty.town.settle()
    await opened(duty, TaskKind.RING, TaskKind.SENDER)
    assert await kinds(duty) == ["ring", "sender", "danger"]


async def test_the_row_shows_the_words_of_danger_and_what_was_written_after_them(duty: Duty) -> None:
    ayan = await duty.town.person("Ayan", "so")
    await duty.issue()
    await ayan.phone.says("Hjelp, det brenner!")
    await duty.town.settle()
    alone = (await duty.officer.get("/inbox?lang=en")).text
    await ayan.phone.says("Er biblioteket stengt?")
    await duty.town.settle()
    both = (await duty.officer.get("/inbox?lang=en")).text
    assert "And later:" not in alone
    assert re.search(r'<p class="said-short" dir="auto">Hjelp, det brenner!</p>.*?<bdi>Er biblioteket stengt\?</bdi>', both, re.DOTALL)


async def test_whoever_is_told_to_ring_is_given_the_number(duty: Duty) -> None:
    ayan = await duty.town.person("Ayan", "so", number="+4741000777")
    await duty.issue()
    await ayan.phone.says("Hjelp, det brenner!")
    await duty.town.settle()
    known = await conversation(duty)
    link = 'href="tel:+4741000777"'
    assert link in (await duty.officer.get(known)).text.split('class="danger-box"')[1].split("</section>")[0]
    assert link in (await duty.officer.get("/alerts/1/people/1")).text
    assert link not in (await duty.viewer.get(known)).text
    assert link not in (await duty.viewer.get("/alerts/1/people/1")).text


async def test_a_number_that_we_do_not_know_can_be_rung_too(duty: Duty) -> None:
    stranger = duty.town.sandbox.phone("+4741000888")
    await stranger.says("Hjelp, det brenner!", to=SMS_SENDER, channel="sms")
    await duty.town.settle()
    assert 'href="tel:+4741000888"' in (await duty.officer.get(await conversation(duty))).text


# --- a sender that is stopped -------------------------------------------------------------------------------------------------


async def test_a_stopped_sender_is_named_and_starts_again_from_its_task(duty: Duty) -> None:
    ayan = await duty.town.person("Ayan", "so", number="+4741000777")
    duty.town.sandbox.order(Fault(kind="unauthorised", times=1))
    await duty.issue()
    await duty.town.settle()
    [stopped] = await duty.rows(select(task).where(task.c.kind == TaskKind.SENDER))
    [sender] = await duty.rows(select(Sender.address).where(Sender.stopped != ""))
    inbox = (await duty.officer.get("/inbox?kind=sender&lang=en")).text.split('id="queue"')[1]
    page = (await duty.officer.get(f"/tasks/{stopped.id}?lang=en")).text
    for shown in (inbox, page):
        assert sender.address in shown
        assert "Ayan" not in shown
        assert "4741000777" not in shown
    assert "Start the sender again" not in (await duty.viewer.get(f"/tasks/{stopped.id}?lang=en")).text
    assert not new(ayan.phone)
    started = await duty.officer.post(f"/tasks/{stopped.id}/start")
    await duty.town.settle()
    assert started.status == 303
    assert new(ayan.phone)
    assert not await duty.rows(select(task).where(task.c.kind == TaskKind.SENDER, task.c.done_at.is_(None)))


# --- answers --------------------------------------------------------------------------------------------------------------


async def conversation(duty: Duty) -> str:
    """Return the address of the one conversation that is open."""
    [row] = await duty.rows(select(thread.c.id))
    return f"/inbox/{row.id}"


def once(page: str) -> str:
    """Return what makes a form's answer leave once."""
    return str(re.findall(r'name="once" value="([^"]+)"', page)[-1])


async def test_a_ready_answer_reaches_the_phone_in_its_readers_language(duty: Duty) -> None:
    ayan = await duty.town.person("Ayan", "so")
    await duty.issue()
    await ayan.phone.says("Run miyaa?")
    await duty.town.settle()
    new(ayan.phone)
    path = await conversation(duty)
    page = (await duty.officer.get(f"{path}?lang=en")).text
    assert "We will ring you" in page
    await duty.officer.post(f"{path}/reply", ready="ring", once=f"{once(page)}-ring")
    await duty.town.settle()
    [shown] = new(ayan.phone)
    assert shown.text.startswith(say("so", "notice.echo_ring_me", contact="Kari Nordmann", danger_number="112")[:20])


async def test_own_words_leave_once_and_about_an_exercise_are_marked_as_one(duty: Duty) -> None:
    ayan = await duty.town.person("Ayan", "so")
    await duty.issue(kind=Kind.EXERCISE)
    await ayan.phone.says("Ma run baa?")
    await duty.town.settle()
    new(ayan.phone)
    path = await conversation(duty)
    form = {"text": "Vi ringer deg.", "language": "nb", "once": once((await duty.officer.get(path)).text)}
    for _ in range(2):
        await duty.officer.post(f"{path}/reply", **form)
        await duty.town.settle()
    [shown] = new(ayan.phone)
    assert shown.text == "ØVELSE Vi ringer deg. ØVELSE"
    empty = await duty.officer.post(f"{path}/reply", text=" ", once="x", language="nb")
    assert (empty.status, await kinds(duty)) == (400, ["question"])


async def test_what_is_written_to_somebody_in_danger_does_not_count_as_seen_to(duty: Duty) -> None:
    """The box is ticked beforehand only where a written answer may be all that is needed."""
    ayan = await duty.town.person("Ayan", "so")
    await duty.issue()
    for words, ticked in (("Ma run baa?", True), ("Hjelp, det brenner", False)):
        await ayan.phone.says(words)
        await duty.town.settle()
        page = (await duty.officer.get(await conversation(duty))).text
        [box] = re.findall(r'<input[^>]*name="settle"[^>]*>', page)
        assert (" checked" in box) is ticked, box


async def test_a_conversation_is_handed_over_and_seen_to(duty: Duty) -> None:
    ayan = await duty.town.person("Ayan", "so")
    await duty.issue()
    await ayan.phone.says("Ma run baa?")
    await duty.town.settle()
    path = await conversation(duty)
    await duty.officer.post(f"{path}/own")
    assert "The duty_officer" in (await duty.officer.get(path)).text
    await duty.officer.post(f"{path}/own", owner="The coordinator")
    assert [row.owner for row in await duty.rows(select(task))] == ["The coordinator"]
    assert (await duty.officer.post(f"{path}/own", owner="Nobody we know")).status == 400
    assert (await duty.viewer.post(f"{path}/settle", outcome="x")).status == 403
    await duty.officer.post(f"{path}/settle", outcome="Rang her")
    assert [(row.done_by, row.outcome) for row in await duty.rows(select(task))] == [("The duty_officer", "Rang her")]
    assert await kinds(duty) == []


# --- what is in doubt -----------------------------------------------------------------------------------------------------


async def in_doubt(duty: Duty) -> tuple[Somebody, str]:
    """Send an exercise of which one message may or may not have left; return the person, and the page that asks."""
    duty.town.sandbox.change(callbacks=False)
    duty.town.sandbox.order(Fault(kind="error", times=1))
    ayan = await duty.town.person("Ayan", "so")
    await duty.issue(kind=Kind.EXERCISE)
    await duty.town.passes(minutes=30)
    [row] = await duty.rows(select(task.c.id).where(task.c.cause.startswith("unknown:"), task.c.done_at.is_(None)))
    return ayan, f"/tasks/{row.id}"


def copies(somebody: Somebody) -> int:
    """Count the messages on a phone that everybody should hear."""
    return sum(WATER["so"] in shown.text and "?" not in shown.text for shown in somebody.phone.messages)


async def test_an_exercise_in_doubt_is_sent_again_only_when_a_person_says_so(duty: Duty) -> None:
    ayan, path = await in_doubt(duty)
    before = copies(ayan)
    page = (await duty.officer.get(f"{path}?lang=en")).text
    assert "Send it again" in page
    assert "Exercise" in page
    assert (await duty.viewer.post(f"{path}/again")).status == 403
    assert (await duty.officer.post(f"{path}/again")).status == 303
    await duty.town.settle()
    assert copies(ayan) == before + 1
    assert (await duty.officer.post(f"{path}/again")).status in (403, 404), "it is asked once"


async def test_an_exercise_in_doubt_is_left_when_a_person_says_so(duty: Duty) -> None:
    ayan, path = await in_doubt(duty)
    before = copies(ayan)
    assert (await duty.officer.post(f"{path}/leave")).status == 303
    await duty.town.passes(minutes=30)
    assert copies(ayan) == before
    [row] = await duty.rows(select(task.c.outcome).where(task.c.cause.startswith("unknown:")))
    assert row.outcome == "left as it is"
    assert "unreachable" not in await kinds(duty)


async def test_the_call_list_says_who_lacks_the_agreement_or_the_age(duty: Duty) -> None:
    await duty.town.person("Ayan", "so")
    await duty.town.person("Bilan", "so", agreed_on=None)
    await duty.town.person("Cawo", "so", adult_confirmed_on=None)
    rows = (await duty.officer.get("/call-list?lang=en")).text.split("<tr>")
    said = {name: next(row for row in rows if f"<bdi>{name}</bdi>" in row) for name in ("Ayan", "Bilan", "Cawo")}
    assert "No role agreement" in said["Bilan"]
    assert "It is not confirmed that they are 18" in said["Cawo"]
    assert 'class="bad"' not in said["Ayan"]


async def test_the_call_list_names_everybody_also_whom_nobody_can_ring(duty: Duty) -> None:
    """A list that leaves somebody out says at night that they do not exist; and an agreement has its days."""
    today = duty.town.clock.now().date()
    await duty.town.person("Ayan", "so", agreed_until=today)
    await duty.town.person("Bilan", "so", by=(Medium.EMAIL,))
    await duty.town.person("Cawo", "so", agreed_on=today + timedelta(days=1))
    await duty.town.person("Dalmar", "so", agreed_until=today - timedelta(days=1))
    await duty.town.person("Eedo", "so", left_at=duty.town.clock.now())
    page = (await duty.officer.get("/call-list?lang=en")).text
    rows = page.split("<tr>")
    said = {name: next(row for row in rows if f"<bdi>{name}</bdi>" in row) for name in ("Ayan", "Bilan", "Cawo", "Dalmar")}
    assert "no number that can be rung" in said["Bilan"]
    assert "The role agreement begins later" in said["Cawo"]
    assert "The role agreement has ended" in said["Dalmar"]
    assert 'class="bad"' not in said["Ayan"], "today is its last day"
    assert "Eedo" not in page
    assert "Bilan" in (await duty.officer.get("/call-list.csv")).text


async def test_nobody_answered_is_no_end(duty: Duty) -> None:
    """Who asked to be rung and was not spoken with stays in the inbox, with whoever tried."""
    ayan = await duty.town.person("Ayan", "so")
    await duty.issue()
    await ayan.phone.says("5", to=SMS_SENDER, channel="sms")
    await duty.town.settle()
    mine = select(task.c.id, task.c.owner, task.c.done_at).where(task.c.kind == "ring")
    [row] = await duty.rows(mine)
    assert (await duty.officer.post(f"/tasks/{row.id}/done", outcome="No answer", more="Ringte to ganger")).status == 303
    [row] = await duty.rows(mine)
    assert row.done_at is None
    assert row.owner
    assert "Tried, and not done: No answer. Ringte to ganger" in (await duty.officer.get(f"/tasks/{row.id}?lang=en")).text
    assert (await duty.officer.post(f"/tasks/{row.id}/done", outcome="Rang them")).status == 303
    [row] = await duty.rows(mine)
    assert row.done_at is not None
