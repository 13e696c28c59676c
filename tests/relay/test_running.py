"""What coordinators and approvers do with an alert, before and after it is out."""

from datetime import timedelta

import pytest
from sqlalchemy import func, insert, select

from channels.sandbox.faults import Fault
from messages.alert import Act, Kind, Variant
from relay import acts, running, staff
from relay.model import AlertState, BadInput, DeliveryState, NotAllowed, Role, TaskKind
from relay.store import alerts, checklist, drafts, links, paging, tasks
from relay.store.register import Stamp
from relay.store.tables import User, alert, delivery, recipient, user_role
from tests.stories.town import Somebody, Town, new

HOLD = timedelta(seconds=10)
TEXTS = {"nb": "KOK VANNET", "so": "KARKARI BIYAHA"}


async def user(town: Town, name: str, role: Role, phone: str) -> int:
    """Let somebody work for the municipality."""
    stamp = Stamp(by="test", at=town.clock.now())
    values = {"municipality_id": town.municipality_id, "name": name, "login": name.lower(), "phone": phone, "language": "nb"}
    async with town.store.write() as conn:
        user_id: int = (await conn.execute(insert(User).values(values | stamp.new).returning(User.id))).scalar_one()
        await conn.execute(insert(user_role).values(user_id=user_id, role=role, municipality_id=town.municipality_id))
    return user_id


async def state(town: Town, alert_id: int) -> str:
    async with town.store.read() as conn:
        return str((await alerts.row_of(conn, town.municipality_id, alert_id)).state)


async def rows(town: Town, alert_id: int) -> int:
    async with town.store.read() as conn:
        found = [
            (await conn.execute(select(func.count()).select_from(table).where(table.c.alert_id == alert_id))).scalar_one()
            for table in (delivery, recipient)
        ]
    return sum(found)


async def ask(town: Town, alert_id: int, by: str = "Kari") -> int:
    async with town.store.write() as conn:
        return await acts.ask(conn, town.municipality_id, alert_id, by, town.clock.now(), site="https://varsel.test")


# --- approval -------------------------------------------------------------------------------------------------------------


async def test_a_waiting_approval_pages_one_approver_and_then_the_next_and_stops_when_one_has_approved(town: Town) -> None:
    for n, name in enumerate(("Ada", "Bo", "Cato")):
        await user(town, name, Role.APPROVER, f"+4740000{n:03}")
    alert_id = await town.draft(TEXTS)
    assert await ask(town, alert_id) == 3
    await town.settle()
    ada, bo, cato = (town.sandbox.phone(f"+4740000{n:03}") for n in range(3))
    [page] = new(ada)
    assert "https://varsel.test/alerts/1/approve" in page.text
    assert new(bo) == []
    await town.passes(minutes=2)
    assert len(new(bo)) == 1
    await town.relay.approve(town.municipality_id, alert_id, "Bo")
    await town.passes(minutes=10)
    assert new(cato) == []
    async with town.store.read() as conn:
        asked = await paging.paged(conn, town.municipality_id, staff.causes("ask", alert_id))
    assert [(one.name, one.state) for one in asked] == [
        ("Ada", DeliveryState.DONE),
        ("Bo", DeliveryState.DONE),
        ("Cato", DeliveryState.SPARED),
    ]


async def test_who_wrote_or_edited_a_draft_is_not_asked_to_approve_it(town: Town) -> None:
    await user(town, "Kari", Role.APPROVER, "+4740000001")
    await user(town, "Ola", Role.APPROVER, "+4740000002")
    assert await ask(town, await town.draft(TEXTS)) == 1


async def test_a_page_about_an_exercise_says_so_at_both_ends(town: Town) -> None:
    await user(town, "Ada", Role.APPROVER, "+4740000001")
    await ask(town, await town.draft(TEXTS, kind=Kind.EXERCISE))
    await town.settle()
    [page] = new(town.sandbox.phone("+4740000001"))
    assert page.text.startswith("ØVELSE ")
    assert page.text.endswith(" ØVELSE")


async def test_what_is_sent_back_waits_for_its_author_with_the_reason(town: Town) -> None:
    alert_id = await town.draft(TEXTS)
    await town.relay.approve(town.municipality_id, alert_id, "Ola")
    now = town.clock.now()
    async with town.store.write() as conn:
        with pytest.raises(BadInput):
            await acts.send_back(conn, town.municipality_id, alert_id, "Ola", "  ", now)
        await acts.send_back(conn, town.municipality_id, alert_id, "Ola", "Minuttene mangler.", now)
    async with town.store.read() as conn:
        [task] = await tasks.listed(conn, town.municipality_id)
    assert (task.kind, task.words, await state(town, alert_id)) == (TaskKind.RETURNED, "Minuttene mangler.", AlertState.DRAFT)
    await ask(town, alert_id)
    assert await town.tasks() == []


async def test_whoever_approves_alone_is_seen_by_all_and_looked_over_by_another(town: Town) -> None:
    await user(town, "Sjef", Role.ADMINISTRATOR, "+4740000001")
    await user(town, "Kari", Role.APPROVER, "+4740000002")
    alert_id = await town.draft(TEXTS)
    await town.relay.approve(town.municipality_id, alert_id, "Kari", override="Ingen andre svarer")
    await town.settle()
    [told] = new(town.sandbox.phone("+4740000001"))
    assert "alene" in told.text
    assert new(town.sandbox.phone("+4740000002")) == []
    assert await town.tasks() == [TaskKind.REVIEW]
    async with town.store.write() as conn:
        with pytest.raises(NotAllowed):
            await running.looked_over(conn, town.municipality_id, alert_id, "kari ", town.clock.now())
        await running.looked_over(conn, town.municipality_id, alert_id, "Sjef", town.clock.now())
    assert await town.tasks() == []


# --- undo, pause, late texts ------------------------------------------------------------------------------------------------


async def test_ten_seconds_of_undo_leave_nothing_behind_and_nothing_on_a_phone(town: Town) -> None:
    ayan = await town.person("Ayan", "so")
    alert_id = await town.draft(TEXTS)
    await town.relay.approve(town.municipality_id, alert_id, "Ola")
    planned = await town.relay.release(town.municipality_id, alert_id, "Ola", hold=HOLD)
    await town.passes(seconds=9)
    assert new(ayan.phone) == []
    async with town.store.write() as conn:
        await running.undo(conn, town.municipality_id, alert_id, "Ola", town.clock.now())
    assert (await state(town, alert_id), await rows(town, alert_id)) == (AlertState.APPROVED, 0)
    await town.passes(minutes=30)
    assert new(ayan.phone) == []
    assert await town.relay.release(town.municipality_id, alert_id, "Ola") == planned
    await town.settle()
    assert len(new(ayan.phone)) == 2
    assert (await town.reach(alert_id)).totals.planned == 1


async def test_what_has_begun_to_leave_cannot_be_undone(town: Town) -> None:
    await town.person("Ayan", "so")
    alert_id = await town.draft(TEXTS)
    await town.relay.approve(town.municipality_id, alert_id, "Ola")
    await town.relay.release(town.municipality_id, alert_id, "Ola", hold=HOLD)
    await town.passes(seconds=11)
    async with town.store.write() as conn:
        with pytest.raises(NotAllowed, match="begun to leave"):
            await running.undo(conn, town.municipality_id, alert_id, "Ola", town.clock.now())


async def test_what_was_tried_in_vain_cannot_be_undone_either(town: Town) -> None:
    """Nothing has left, and each try is on record: that record is not taken away."""
    await town.person("Ayan", "so")
    town.sandbox.order(Fault(kind="throttle", retry_after=None))
    alert_id = await town.draft(TEXTS)
    await town.relay.approve(town.municipality_id, alert_id, "Ola")
    await town.relay.release(town.municipality_id, alert_id, "Ola")
    await town.settle()
    async with town.store.write() as conn:
        with pytest.raises(NotAllowed, match="begun to leave"):
            await running.undo(conn, town.municipality_id, alert_id, "Ola", town.clock.now())


async def test_a_link_that_was_made_for_a_text_goes_with_an_undone_release(town: Town) -> None:
    await town.person("Ayan", "so")
    alert_id = await town.draft(TEXTS)
    await town.relay.approve(town.municipality_id, alert_id, "Ola")
    await town.relay.release(town.municipality_id, alert_id, "Ola", hold=HOLD)
    async with town.store.write() as conn:
        [someone] = (await conn.execute(select(recipient.c.id).where(recipient.c.alert_id == alert_id))).scalars()
        await links.of_recipients(conn, [someone], town.clock.now())
        await running.undo(conn, town.municipality_id, alert_id, "Ola", town.clock.now())
    assert (await state(town, alert_id), await rows(town, alert_id)) == (AlertState.APPROVED, 0)


async def test_an_undone_update_leaves_what_it_replaced_in_force(town: Town) -> None:
    await town.person("Ayan", "so")
    first = await town.issue(TEXTS)
    second = await town.draft(TEXTS, act=Act.UPDATE)
    async with town.store.write() as conn:
        await conn.execute(alert.update().where(alert.c.id == second).values(replaces_id=first))
    await town.relay.approve(town.municipality_id, second, "Ola")
    await town.relay.release(town.municipality_id, second, "Ola", hold=HOLD)
    assert await state(town, first) == AlertState.REPLACED
    async with town.store.write() as conn:
        await running.undo(conn, town.municipality_id, second, "Ola", town.clock.now())
    assert (await state(town, first), await state(town, second)) == (AlertState.RELEASED, AlertState.APPROVED)


async def test_a_paused_alert_holds_back_what_is_due_until_it_goes_on(town: Town) -> None:
    ayan = await town.person("Ayan", "so")
    alert_id = await town.issue(TEXTS)
    new(ayan.phone)
    async with town.store.write() as conn:
        await running.pause(conn, town.municipality_id, alert_id, "Ola", town.clock.now(), paused=True)
    await town.passes(minutes=30)
    assert new(ayan.phone) == []
    async with town.store.write() as conn:
        await running.pause(conn, town.municipality_id, alert_id, "Ola", town.clock.now(), paused=False)
    await town.settle()
    assert new(ayan.phone) != []


async def test_a_late_language_goes_to_those_who_got_another_one_after_a_second_person(town: Town) -> None:
    ayan: Somebody = await town.person("Ayan", "so")
    alert_id = await town.issue({"nb": "KOK VANNET"})
    new(ayan.phone)
    late = Variant(language="so", headline="KARKARI BIYAHA", forward="Karkari.", topic="biyo")
    async with town.store.write() as conn:
        assert await drafts.fallbacks(conn, alert_id) == {"so": 1}
        await drafts.put_late(conn, town.municipality_id, alert_id, late, "Kari", town.clock.now())
        with pytest.raises(NotAllowed, match="second person"):
            await running.approve_text(conn, town.municipality_id, alert_id, "so", "KARI", town.clock.now())
        await running.approve_text(conn, town.municipality_id, alert_id, "so", "Ola", town.clock.now())
        with pytest.raises(NotAllowed, match="out already"):
            await drafts.put_late(conn, town.municipality_id, alert_id, late, "Kari", town.clock.now())
    assert await town.relay.release(town.municipality_id, alert_id, "Ola") > 0
    await town.settle()
    assert any("KARKARI BIYAHA" in message.text for message in new(ayan.phone))


# --- review, drafts, checklist ----------------------------------------------------------------------------------------------


async def test_a_group_that_is_woken_gets_it_at_night_and_the_others_in_the_morning(town: Town) -> None:
    ayan, ivan = await town.person("Ayan", "so"), await town.person("Ivan", "uk")
    await town.passes(hours=5)
    alert_id = await town.draft(TEXTS, grave=False)
    await town.relay.approve(town.municipality_id, alert_id, "Ola")
    wake = [town.groups["so"]]
    review = await town.relay.review(town.municipality_id, alert_id, wake=wake)
    assert [one.plan.waits_until is None for one in review.full.people()] == [True, False]
    with pytest.raises(BadInput):
        await town.relay.release(town.municipality_id, alert_id, "Ola", wake=wake)
    await town.relay.release(town.municipality_id, alert_id, "Ola", wake=wake, reason="Vannet brukes ved frokost")
    await town.settle()
    assert (len(new(ayan.phone)), len(new(ivan.phone))) == (2, 0)


async def test_an_exercise_wakes_nobody_whatever_is_asked(town: Town) -> None:
    await town.person("Ayan", "so")
    await town.passes(hours=5)
    alert_id = await town.draft(TEXTS, kind=Kind.EXERCISE)
    review = await town.relay.review(town.municipality_id, alert_id, wake=[town.groups["so"]])
    assert all(one.plan.waits_until is not None for one in review.full.people())


async def test_a_changed_draft_must_be_approved_anew_keeps_its_kind_and_marks_old_translations(town: Town) -> None:
    alert_id = await town.draft(TEXTS)
    await town.relay.approve(town.municipality_id, alert_id, "Ola")
    async with town.store.write() as conn:
        issue = await alerts.issue(conn, town.municipality_id, alert_id)
        followed = drafts.follow(list(issue.variants.values()), "nb")
        await drafts.change(conn, town.municipality_id, alert_id, issue.alert, followed, "Per", town.clock.now())
        assert [text.stale for text in await drafts.texts(conn, alert_id, "nb")] == [False, False]
        [norwegian] = [text for text in followed if text.language == "nb"]
        said = Variant(language="nb", headline="KOK VANNET NÅ", forward=norwegian.forward, topic="vann", place="Sentrum")
        others = [text for text in followed if text.language != "nb"]
        await drafts.change(conn, town.municipality_id, alert_id, issue.alert, [said, *others], "Per", town.clock.now())
        found = await drafts.texts(conn, alert_id, "nb")
        row = await alerts.row_of(conn, town.municipality_id, alert_id)
    assert [(text.variant.language, text.stale, text.updated_by) for text in found] == [("nb", False, "Per"), ("so", True, "Per")]
    assert (row.state, row.kind, row.editor, row.approver) == (AlertState.DRAFT, Kind.ACTUAL, "Per", "")


async def test_released_texts_cannot_be_changed(town: Town) -> None:
    await town.person("Ayan", "so")
    alert_id = await town.issue(TEXTS)
    async with town.store.write() as conn:
        issue = await alerts.issue(conn, town.municipality_id, alert_id)
        with pytest.raises(NotAllowed, match="Write an update"):
            await drafts.change(conn, town.municipality_id, alert_id, issue.alert, list(issue.variants.values()), "Per", town.clock.now())


async def test_the_ordinary_channels_are_ticked_off_with_who_and_when_and_can_be_taken_back(town: Town) -> None:
    alert_id = await town.draft(TEXTS)
    now = town.clock.now()
    async with town.store.write() as conn:
        await running.tick(conn, town.municipality_id, alert_id, "web", "Kari", now, used=True)
        await running.tick(conn, town.municipality_id, alert_id, "radio", "Kari", now, used=True)
        await running.tick(conn, town.municipality_id, alert_id, "radio", "Ola", now, used=False)
        with pytest.raises(BadInput):
            await running.tick(conn, town.municipality_id, alert_id, "brevdue", "Kari", now, used=True)
        assert await checklist.ticked(conn, town.municipality_id, alert_id) == {"web": checklist.Ticked(by="Kari", at=now)}


async def test_what_withdraws_cannot_be_withdrawn(town: Town) -> None:
    """That no. 2 was wrong would say that the false alarm was right."""
    ayan = await town.person("Ayan", "so")
    alert_id = await town.issue(TEXTS)
    withdrawal = await town.relay.correct(town.municipality_id, alert_id, Act.WITHDRAW, "Ola")
    await town.settle()
    new(ayan.phone)
    for act in (Act.WITHDRAW, Act.OVER):
        with pytest.raises(NotAllowed, match="write a new alert"):
            await town.relay.correct(town.municipality_id, withdrawal, act, "Ola")
    with pytest.raises(NotAllowed, match="write a new alert"):
        await town.relay.cancel(town.municipality_id, withdrawal, "Ola")
    await town.settle()
    assert new(ayan.phone) == []


async def test_a_withdrawal_is_told_to_all_who_answer_for_alerts(town: Town) -> None:
    await user(town, "Sjef", Role.ADMINISTRATOR, "+4740000001")
    await town.person("Ayan", "so")
    alert_id = await town.issue(TEXTS)
    new(town.sandbox.phone("+4740000001"))
    await town.relay.correct(town.municipality_id, alert_id, Act.WITHDRAW, "Ola")
    await town.settle()
    [told] = new(town.sandbox.phone("+4740000001"))
    assert "trukket tilbake" in told.text
