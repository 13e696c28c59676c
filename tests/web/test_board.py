"""The reach board: whom it puts first, what its buttons do and do not do, and what it costs to look on."""

import asyncio
import csv
import re
from collections.abc import AsyncIterator, Mapping
from io import StringIO
from pathlib import Path

import pytest
from sqlalchemy import func, select, update

from messages.alert import Act, Kind
from messages.form import Part
from relay.model import Role
from relay.pulse import Pulse
from relay.store import tasks, users
from relay.store.register import Stamp
from relay.store.tables import LanguageGroup, User, alert_group, browser_session, counter, delivery, inbound, note, progress, recipient
from relay.web.drawn import Drawn
from relay.web.live import Feed, Live
from relay.web.sheets import harmless
from tests.stories.town import Somebody, new
from tests.web.duty_town import WATER, Duty, duty_town
from tests.web.viewers import cost_of_one_change, picture


@pytest.fixture(name="duty")
async def _duty(migrated_sqlite_url: str, tmp_path: Path) -> AsyncIterator[Duty]:
    async with duty_town(migrated_sqlite_url, tmp_path) as open_town:
        yield open_town


@pytest.fixture
async def either(migrated_url: str, tmp_path: Path) -> AsyncIterator[Duty]:
    """Yield the town on both databases."""
    async with duty_town(migrated_url, tmp_path) as open_town:
        yield open_town


async def people(duty: Duty, language: str, *names: str) -> list[Somebody]:
    return [await duty.town.person(name, language) for name in names]


def forgotten(*somebody: Somebody) -> None:
    for one in somebody:
        new(one.phone)


async def test_the_group_that_lacks_most_is_first_and_its_button_says_how_many_it_reminds(duty: Duty) -> None:
    ayan, bilan, _ = await people(duty, "so", "Ayan", "Bilan", "Cawo")
    await people(duty, "ti", "Dawit", "Eden")
    await duty.issue()
    await ayan.phone.says("2")
    await bilan.phone.says("3 40")
    await duty.town.settle()
    page = (await duty.officer.get("/alerts/1/board")).text
    groups = await duty.rows(select(alert_group.c.group_id).order_by(alert_group.c.language.desc()))
    tigrinya, somali = (page.index(f'id="group-{row.group_id}"') for row in groups)
    assert tigrinya < somali
    assert f'href="/alerts/1/sooner/remind?group={groups[0].group_id}"' in page
    assert "Remind 2" in page
    assert "ti lacks 2 who pass it on" in page
    assert "Bilan has passed it on to about 40" in page


async def test_nobody_is_said_to_have_answered_while_it_is_on_its_way(duty: Duty) -> None:
    await people(duty, "so", "Ayan", "Bilan")
    town = duty.town
    alert_id = await town.draft(WATER)
    await town.relay.approve(town.municipality_id, alert_id, "Ola")
    await town.relay.release(town.municipality_id, alert_id, "Ola")
    page = (await duty.officer.get("/alerts/1/board")).text
    assert "It is still on its way to 2 people" in page
    assert "Everybody who could be asked has answered" not in page


async def test_reported_and_opened_stand_apart_and_are_not_added(duty: Duty) -> None:
    [ayan] = await people(duty, "so", "Ayan")
    await duty.issue()
    await ayan.phone.says("3 40")
    await duty.town.settle()
    group = duty.town.groups["so"]
    opened = {"municipality_id": duty.town.municipality_id, "alert_id": 1, "group_id": group, "channel": "", "name": "opened", "value": 31}
    await duty.change(counter.insert().values([opened, opened | {"group_id": 0}]))
    await duty.change(update(LanguageGroup).values(estimate=310, estimate_source="SSB 05183"))
    text = (await duty.officer.get("/alerts/1/board")).text
    table = (await duty.officer.get("/alerts/1/board.csv")).text
    [row] = csv.DictReader(StringIO(table.lstrip("\ufeff")), delimiter=";")
    assert (row["Reported reached"], row["Openings"], row["Estimated size"], row["Source"]) == ("40", "31", "310", "SSB 05183")
    assert "71" not in row.values()
    assert "of about 310" in text
    assert "31 openings" in text


async def test_a_reminder_goes_to_who_is_silent_and_to_nobody_who_has_answered_or_written(either: Duty) -> None:
    duty = either
    answered, wrote, silent = await people(duty, "so", "Ayan", "Bilan", "Cawo")
    await duty.issue()
    await answered.phone.says("1")
    await wrote.phone.says("Biyuhu ma nadiif baa?")
    await duty.town.settle()
    forgotten(answered, wrote, silent)
    before = (await duty.officer.get("/alerts/1/sooner/remind")).text
    assert "1 person now" in before
    assert "Has written to us: answer the message instead." in before
    assert (await duty.press("/alerts/1/sooner/remind")).location == "/alerts/1/board"
    assert len(new(silent.phone)) == 1
    assert new(answered.phone) == new(wrote.phone) == []
    [reminder] = await duty.rows(select(delivery).where(delivery.c.part == Part.REMINDER, delivery.c.state == "DONE"))
    assert reminder.action == "remind"
    assert "Reminder to 1 brought forward" in (await duty.officer.get("/alerts/1/board")).text


async def test_groups_that_have_enough_do_not_hide_who_is_silent(duty: Duty) -> None:
    """Nothing to do for all groups is not said in the words of: everybody has answered."""
    [silent] = await people(duty, "so", "Ayan")
    await duty.issue()
    await duty.change(update(alert_group).values(met_at=duty.town.clock.now()))
    for action in ("remind", "call"):
        page = (await duty.officer.get(f"/alerts/1/sooner/{action}")).text
        assert "No group lacks anybody any more." in page
        assert "has answered." not in page
    assert silent.name in (await duty.officer.get(f"/alerts/1/sooner/remind?group={duty.town.groups['so']}")).text


async def test_nobody_is_reminded_twice_in_a_quarter_or_three_times_at_all(duty: Duty) -> None:
    [silent] = await people(duty, "so", "Ayan")
    await duty.issue()
    got = []
    for minutes in (0, 1, 30, 30):
        await duty.town.passes(minutes=minutes)
        forgotten(silent)
        await duty.press("/alerts/1/sooner/remind")
        got.append(len(new(silent.phone)))
    assert got == [1, 0, 1, 0]
    assert "Has had two reminders" in (await duty.officer.get("/alerts/1/sooner/remind")).text


async def test_a_reminder_waits_for_the_morning_unless_it_is_about_life(duty: Duty) -> None:
    [silent] = await people(duty, "so", "Ayan")
    await duty.issue(grave=False)
    await duty.town.passes(hours=4)
    forgotten(silent)
    await duty.officer.sign_in("duty_officer")
    assert "when their quiet hours are over" in (await duty.officer.get("/alerts/1/sooner/remind")).text
    await duty.press("/alerts/1/sooner/remind")
    await duty.town.passes(hours=8)
    assert new(silent.phone) == []
    await duty.town.passes(hours=2)
    assert len(new(silent.phone)) == 1


async def test_deputies_are_asked_and_calls_are_opened_at_once(duty: Duty) -> None:
    [silent] = await people(duty, "so", "Ayan")
    deputy = await duty.town.person("Deka", "so", deputy_of=silent)
    await duty.issue()
    assert new(deputy.phone) == []
    await duty.press("/alerts/1/sooner/deputy")
    assert len(new(deputy.phone)) == 2
    await duty.press("/alerts/1/sooner/call")
    assert "call" in await duty.town.tasks()
    assert "It is a task already to ring them." in (await duty.officer.get("/alerts/1/sooner/call")).text


async def test_who_only_looks_has_no_button_and_is_refused(duty: Duty) -> None:
    await people(duty, "so", "Ayan")
    await duty.issue()
    page = await duty.viewer.get("/alerts/1/board")
    assert page.status == 200
    assert "/sooner/" not in page.text
    assert (await duty.viewer.post("/alerts/1/sooner/remind")).status == 403
    assert (await duty.viewer.get("/alerts/2/board")).status == 404


@pytest.mark.parametrize("path", ["sooner/message", "sooner/nonsense", "sooner/remind?group=99", "sooner/remind?group=x", "people/99"])
async def test_what_is_not_there_is_not_found(duty: Duty, path: str) -> None:
    await people(duty, "so", "Ayan")
    await duty.issue()
    assert (await duty.officer.get(f"/alerts/1/{path}")).status == 404


async def test_the_curve_ends_where_the_counters_stand(either: Duty) -> None:
    duty = either
    first, second, third = await people(duty, "so", "Ayan", "Bilan", "Cawo")
    await duty.issue()
    for somebody, text, minutes in ((first, "1", 4), (second, "3 20", 3), (first, "3 10", 9), (third, "4", 1), (second, "4", 2)):
        await duty.town.passes(minutes=minutes)
        await somebody.phone.says(text)
        await duty.town.settle()
    grown = {
        row.name: row.total
        for row in await duty.rows(select(progress.c.name, func.sum(progress.c.value).label("total")).group_by(progress.c.name))
    }
    counted = select(counter.c.name, counter.c.value).where(counter.c.group_id == 0, counter.c.channel == "")
    numbers = {row.name: row.value for row in await duty.rows(counted)}
    assert (grown["acknowledged"], grown["relayed"]) == (numbers["acknowledged"], numbers["relayed"]) == (3, 1)
    table = (await duty.officer.get("/alerts/1/board?as=table")).text
    # the release's row, and one for every answer that changed a number
    assert table.count('<tr><th scope="row">18:') == 6


async def test_every_attempt_of_a_person_is_told_with_its_evidence(duty: Duty) -> None:
    [ayan] = await people(duty, "so", "Ayan")
    await duty.issue()
    await ayan.phone.says("3 15")
    await duty.town.settle()
    [row] = await duty.rows(select(recipient))
    page = (await duty.officer.get(f"/alerts/1/people/{row.id}")).text
    for told in ("Attempt 1", "Delivered", "by the provider&#39;s message", "Not needed any more", "the person has answered", "3 15"):
        assert told in page
    assert "Ayan" in (await duty.officer.get("/alerts/1/people?show=passed_on&q=aya")).text
    assert "Nobody of this alert fits" in (await duty.officer.get("/alerts/1/people?show=unanswered")).text


@pytest.mark.parametrize("cell", ["=1+1", "+47", "-1", "@SUM(A1)", "\t=1", " =1", "\r=1"])
def test_no_cell_of_a_file_is_a_formula(cell: str) -> None:
    assert harmless(cell).startswith("'")


async def test_whom_we_are_to_ring_has_been_sent_nothing_by_that(duty: Duty) -> None:
    """The task is on the list; "sent" would say that somebody has rung."""
    (ayan,) = await people(duty, "so", "Ayan")
    await duty.issue()
    await duty.change(update(delivery).where(delivery.c.action == "call").values(due_at=duty.town.clock.now()))
    await duty.town.settle()
    rung = await duty.rows(select(delivery.c.state).where(delivery.c.action == "call"))
    assert {row.state for row in rung} == {"DONE"}
    page = (await duty.officer.get(f"/alerts/1/people/{ayan.id}")).text
    call = page.split('data-state="DONE"')[-1]
    assert "To be rung" in call
    assert ">Sent<" not in call


async def test_stopping_takes_two_presses_and_leads_to_what_was_sent_and_no_withdrawal_is_stopped_so(duty: Duty) -> None:
    await people(duty, "so", "Ayan")
    await duty.issue()
    page = (await duty.officer.get("/alerts/1/run")).text
    assert "Everybody who got it is told at once that it was wrong." in page.split("<details")[-1]
    done = await duty.officer.post("/alerts/1/cancel")
    assert (done.status, done.location) == (303, "/alerts/2/run")
    page = (await duty.officer.get("/alerts/2/run")).text
    assert ("/alerts/2/undo" in page, "/alerts/2/cancel" in page) == (True, False)


async def test_whose_message_has_not_arrived_can_be_found(duty: Duty) -> None:
    """Beside those who have it and have not answered, and those who have answered though nobody told that it arrived."""
    _, bo, chen, _ = await people(duty, "so", "Ayan", "Bo", "Chen", "Dina")
    bo.phone._phone.no_receipts = True
    chen.phone._phone.no_receipts = True
    await duty.issue()
    await chen.phone.says("1")
    await duty.town.settle()
    page = (await duty.officer.get("/alerts/1/people?show=not_reached")).text
    assert [name for name in ("Ayan", "Bo", "Chen", "Dina") if f">{name}<" in page] == ["Bo"]


async def test_a_name_that_is_a_formula_is_text_in_the_file(duty: Duty) -> None:
    await people(duty, "so", '=HYPERLINK("http://x")')
    await duty.issue()
    assert "\"'=HYPERLINK(" in (await duty.officer.get("/alerts/1/people.csv")).text


@pytest.mark.parametrize(
    ("act", "called", "about"),
    [
        (Act.WITHDRAW, "Withdrawal", "Withdraws no. 1, vann"),
        (Act.OVER, "Danger over", "Says that the danger of no. 1, vann, is over"),
    ],
)
async def test_what_takes_an_alert_back_or_ends_it_says_so_and_which_one_wherever_it_stands(
    duty: Duty, act: Act, called: str, about: str
) -> None:
    await people(duty, "so", "Ayan")
    await duty.issue()
    await duty.town.relay.correct(duty.town.municipality_id, 1, act, "Ola")
    await duty.town.settle()
    link = (await duty.press("/alerts/2/wall")).text.split("/wall/")[1].split("<")[0].split('"')[0]
    for path in ("/alerts/2/board", f"/wall/{link}?lang=en"):
        page = (await duty.officer.get(path)).text
        headed = re.sub(r"\s+", " ", re.sub("<[^>]*>", "", page[page.index("<h1>") : page.index("</h1>")]))
        assert headed.startswith(f"No. 2 {called}: vann"), path
        assert about in page, path
        assert "Danger to life" not in page, "the danger was that of the alert before"
    for path in ("/alerts", "/"):
        page = (await duty.officer.get(path)).text
        assert f">{called}</span>" in page, path
        assert about in page, path


@pytest.mark.parametrize(("kind", "mark", "begins"), [("ACTUAL", "", ""), ("EXERCISE", "EXERCISE", "OVELSE-"), ("TEST", "TEST", "TEST-")])
async def test_a_file_of_what_is_not_real_says_so_in_its_name_and_in_every_row(duty: Duty, kind: str, mark: str, begins: str) -> None:
    await people(duty, "so", "Ayan", "Bilan")
    await duty.issue(kind=Kind(kind))
    for file, name, first in (("board.csv", "rekkevidde-1", "Group"), ("people.csv", "personer-1", "Person")):
        answer = await duty.officer.get(f"/alerts/1/{file}")
        assert answer.headers["Content-Disposition"] == f'attachment; filename="{begins}{name}.csv"'
        rows = list(csv.reader(StringIO(answer.text.lstrip("\ufeff")), delimiter=";"))
        assert rows[0][: 2 if mark else 1] == ([mark, first] if mark else [first])
        assert len(rows) > 1
        assert all((row[0] == mark) is bool(mark) and len(row) == len(rows[0]) for row in rows)


# --- who looks on ---------------------------------------------------------------------------------------------------------


async def test_a_stream_ends_with_the_session_that_opened_it_and_with_no_other(duty: Duty) -> None:
    await people(duty, "so", "Ayan")
    await duty.issue()
    url = f"{duty.officer.url}/alerts/1/board/live"
    ours, theirs = await duty.officer.http.get(url), await duty.viewer.http.get(url)
    await picture(ours)
    await picture(theirs)
    revoked = update(browser_session).where(browser_session.c.user_id == select(User.id).where(User.login == "viewer").scalar_subquery())
    await duty.change(revoked.values(ended_at=duty.town.clock.now(), ended_by="revoked"))
    duty.town.relay.pulse.ring()
    while await theirs.content.readline():
        pass
    assert theirs.content.at_eof()
    async with duty.town.store.write() as conn:
        await tasks.happened(conn, duty.town.municipality_id, "task.done", duty.town.clock.now(), alert_id=1)
    duty.town.relay.pulse.ring()
    assert b"data:" in await picture(ours)
    assert (await duty.viewer.get("/alerts/1/board/live")).status == 303
    ours.close()


async def test_a_stream_ends_when_its_users_roles_change_and_comes_back_with_the_new_ones(duty: Duty) -> None:
    await people(duty, "so", "Ayan")
    await duty.issue()
    ours, theirs = [await one.http.get(f"{one.url}/alerts/1/board/live?lang=en") for one in (duty.officer, duty.viewer)]
    assert b"sooner/remind" in await picture(ours)
    await picture(theirs)
    async with duty.town.store.write() as conn:
        officer = await users.by_login(conn, "duty_officer")
        assert officer is not None
        stamp = Stamp(by="test", at=duty.town.clock.now())
        await users.set_roles(conn, duty.town.municipality_id, officer.id, frozenset({Role.VIEWER}), stamp)
        await tasks.happened(conn, duty.town.municipality_id, "task.done", duty.town.clock.now(), alert_id=1)
    duty.town.relay.pulse.ring()
    while await ours.content.readline():
        pass
    assert ours.content.at_eof()
    assert b"data:" in await picture(theirs), "nobody else's ends"
    theirs.close()
    again = await duty.officer.http.get(f"{duty.officer.url}/alerts/1/board/live?lang=en")
    assert b"sooner/remind" not in await picture(again)
    again.close()


async def test_a_picture_that_cannot_be_drawn_keeps_no_other_from_being_drawn() -> None:
    """Whatever breaks: half a character in a text, an odd row. Nobody else's stream ends, and this one's comes when it can."""
    pulse, drawn = Pulse(), list[str]()

    async def nobody(_sessions: object) -> Mapping[int, frozenset[Role]]:
        raise ValueError("an odd session")

    async def odd() -> str:
        if not drawn:
            raise ValueError("an odd row")
        return "half a character: \ud800"

    async def sound() -> str:
        drawn.append("picture")
        return f"picture {len(drawn)}"

    live = Live(pulse, nobody)
    live._feeds |= {"odd": Feed(odd), "sound": Feed(sound)}
    running = asyncio.create_task(live.run())
    async with asyncio.timeout(10):
        while len(drawn) < 3:
            pulse.ring()
            await asyncio.sleep(0.05)
    assert not running.done()
    running.cancel()


async def test_half_a_character_in_a_message_breaks_no_inbox(duty: Duty) -> None:
    """It was kept before such forms were refused, or came another way."""
    (ayan,) = await people(duty, "so", "Ayan")
    await duty.issue()
    await ayan.phone.says("Hva skjer?")
    await duty.town.settle()
    await duty.change(update(note).values(text="Hva \ud800 skjer?"))
    await duty.change(update(inbound).values(text="Hva \ud800 skjer?"))
    page = await duty.officer.get("/inbox")
    assert page.status == 200
    assert "Hva \ufffd skjer?" in page.text


async def test_what_many_look_at_is_drawn_once_and_anew_when_it_shows_something_else() -> None:
    drawn, times = Drawn(), []

    async def draw() -> str:
        times.append(1)
        return f"picture {len(times)}"

    shown = [await drawn.of("board 1", state, draw) for state in ((1,), (1,), (2,), (2,), (1,))]
    assert shown == ["picture 1", "picture 1", "picture 2", "picture 2", "picture 3"]
    assert await drawn.of("board 2", (1,), draw) == "picture 4", "another kind of page is another picture"


async def test_two_hundred_viewers_cost_the_statements_of_one(duty: Duty) -> None:
    await people(duty, "so", "Ayan", "Bilan")
    await duty.issue()
    one, many = await cost_of_one_change(duty, 1), await cost_of_one_change(duty, 200)
    assert one == many
    assert 10 < len(one) < 30


async def test_a_time_to_pass_it_on_that_is_past_is_marked(duty: Duty) -> None:
    await people(duty, "so", "Ayan")
    await duty.issue()
    assert "that time is past" not in (await duty.officer.get("/alerts/1/board?lang=en")).text
    duty.town.clock.advance(hours=3, minutes=1)
    await duty.officer.sign_in("duty_officer")
    assert "that time is past" in (await duty.officer.get("/alerts/1/board?lang=en")).text
