"""A house whose messages do not leave says so on every page: which page, from when, and until it is mended."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import update

from channels.sandbox.faults import Fault
from messages.alert import Gravity
from messages.form import Medium
from relay.model import DeliveryState, Health
from relay.store import restored, workers
from relay.store.tables import Sender, delivery, worker
from tests.web.duty_town import Duty, duty_town
from tests.web.viewers import picture

STOPPED, UNTRIED = "Nobody has kept time since", "has not been tried"
PAGES = ("/", "/inbox", "/alerts", "/alerts/1/board", "/alerts/1/run", "/alerts/1/people", "/call-list")


@pytest.fixture(name="duty")
async def _duty(migrated_sqlite_url: str, tmp_path: Path) -> AsyncIterator[Duty]:
    async with duty_town(migrated_sqlite_url, tmp_path) as open_town:
        await workers.register(open_town.town.store, "worker-1", open_town.town.clock.now())
        await signs(open_town)
        yield open_town


async def signs(duty: Duty) -> None:
    """Let the worker keep time now."""
    await duty.change(update(worker).values(seen_at=duty.town.clock.now(), leader=True))


async def released(duty: Duty) -> None:
    """Release an alert to one person; nothing is dispatched."""
    await duty.town.person("Ayan", "so")
    await duty.release()


async def says(duty: Duty, path: str, words: str) -> bool:
    """Whether a page says this; what it says may be a moment old, so it is asked until it does, for a while."""
    for _ in range(100):
        if words in (await duty.officer.get(f"{path}?lang=en")).text:
            return True
        await asyncio.sleep(0.1)
    return False


async def wall(duty: Duty) -> str:
    return str((await duty.press("/alerts/1/wall")).text).split("/wall/")[1].split('"')[0].split("<")[0]


async def test_doctor_is_one_press_away_for_everybody_whom_it_lets_in_and_for_nobody_else(duty: Duty) -> None:
    for path in ("/", "/inbox", "/alerts"):
        assert 'href="/doctor"' in (await duty.officer.get(path)).text, path
        assert 'href="/doctor"' not in (await duty.viewer.get(path)).text, path
    opened = await duty.officer.get("/doctor")
    assert opened.status == 200
    assert 'href="/settings"' not in opened.text, "the way back is not to a page that refuses her"
    assert (await duty.viewer.get("/doctor")).status == 403


async def test_a_worker_that_has_died_stands_on_every_page_until_one_keeps_time_again(duty: Duty) -> None:
    await released(duty)
    link = f"/wall/{await wall(duty)}"
    fresh = [path for path in (*PAGES, link) if 'class="band band-danger halts"' in (await duty.officer.get(path)).text]
    duty.town.clock.advance(seconds=63)
    silent = [path for path in (*PAGES, link) if not await says(duty, path, STOPPED)]
    await signs(duty)
    duty.town.clock.advance(seconds=1)
    await signs(duty)
    await duty.town.settle()
    still = ["not asked"]
    for _ in range(100):
        still = [path for path in (*PAGES, link) if STOPPED in (await duty.officer.get(f"{path}?lang=en")).text]
        if not still:
            break
        await asyncio.sleep(0.1)
    assert (fresh, silent, still) == ([], [], [])


async def test_the_band_comes_and_goes_on_a_board_that_is_open(duty: Duty) -> None:
    await released(duty)
    async with duty.officer.http.get(f"{duty.officer.url}/alerts/1/board/live?lang=en") as stream:
        before = await asyncio.wait_for(picture(stream), 60)
        duty.town.clock.advance(seconds=63)
        dead = await asyncio.wait_for(picture(stream), 60)
        await signs(duty)
        duty.town.relay.pulse.ring()
        after = dead
        for _ in range(5):
            after = await asyncio.wait_for(picture(stream), 60)
            if STOPPED.encode() not in after:
                break
    assert STOPPED.encode() not in before
    assert STOPPED.encode() in dead
    assert STOPPED.encode() not in after


async def test_nothing_is_called_sent_that_has_not_left(duty: Duty) -> None:
    await released(duty)
    page = (await duty.officer.get("/?lang=en")).text
    run = (await duty.officer.get("/alerts/1/run?lang=en")).text
    await duty.town.settle()
    left = (await duty.officer.get("/?lang=en")).text
    assert "nothing has left yet" in page
    assert "sent <time" not in page
    assert "</time> sent<" not in run
    assert "sent <time" in left
    assert "nothing has left yet" not in left


async def test_a_message_that_nobody_tries_is_told_but_a_long_queue_that_moves_is_not(duty: Duty) -> None:
    await released(duty)
    duty.town.clock.advance(seconds=48)
    await signs(duty)
    assert await says(duty, "/", UNTRIED)
    await duty.town.settle()
    long_due = {"state": DeliveryState.WAITING, "due_at": duty.town.clock.now() - timedelta(minutes=5), "hold": ""}
    await duty.change(update(delivery).values(long_due))
    moves = (await duty.officer.get("/alerts/1/board?lang=en")).text
    duty.town.clock.advance(seconds=31)
    await signs(duty)
    stands = (await duty.officer.get("/alerts/1/board?lang=en")).text
    assert UNTRIED not in moves
    assert UNTRIED in stands


async def test_a_sender_that_the_provider_refuses_stands_on_every_page_with_its_number_and_why(duty: Duty) -> None:
    duty.town.sandbox.order(Fault(kind="unauthorised"))
    await released(duty)
    await duty.town.settle()
    for path in PAGES:
        assert await says(duty, path, "Nothing leaves by SMS."), path
    page = (await duty.officer.get("/alerts/1/run?lang=en")).text
    [sender] = [row for row in await duty.rows(Sender.__table__.select()) if row.channel == Medium.SMS]
    assert sender.stopped
    assert sender.address in page
    assert sender.address not in (await duty.officer.get(f"/wall/{await wall(duty)}?lang=en")).text


async def down(duty: Duty, *media: Medium) -> None:
    """Let the providers of these channels answer no more, since just now."""
    since = {"health": Health.DOWN, "health_since": duty.town.clock.now(), "try_at": duty.town.clock.now() + timedelta(hours=1)}
    await duty.change(update(Sender).where(Sender.channel.in_(media)).values(since))


async def test_another_way_is_promised_only_where_there_is_one(duty: Duty) -> None:
    await released(duty)
    await down(duty, Medium.SMS)
    assert await says(duty, "/", "What cannot wait goes by another channel to those who have one; the rest waits.")
    some = (await duty.officer.get("/alerts/1/board?lang=en")).text
    await down(duty, *Medium)
    assert await says(duty, "/", "No other sender or channel is well: messages wait.")
    none = (await duty.officer.get("/alerts/1/board?lang=en")).text
    assert "No other sender" not in some
    assert "ring the most important people" not in some
    assert "by another" not in none
    assert "ring the most important people" in none
    for board in (some, none):
        assert "1 of 1 people has got nothing yet." in board.split("halts")[1].split("</div>")[0]


@pytest.mark.parametrize(("held", "words"), [(Gravity.LIFE, "Messages do not leave."), (Gravity.STANDARD, "Only danger to life leaves.")])
async def test_a_restored_house_says_on_every_page_that_nothing_leaves_yet_and_promises_nothing(
    duty: Duty, held: Gravity, words: str
) -> None:
    await released(duty)
    await duty.town.settle()
    await signs(duty)
    before = (await duty.officer.get("/alerts/1/board?lang=en")).text
    async with duty.town.store.write() as conn:
        await restored.begin(conn, duty.town.clock.now() - timedelta(hours=2), duty.town.clock.now())
        if held is not Gravity.LIFE:
            await restored.let_gravest_go(conn)
    silent = [path for path in (*PAGES, f"/wall/{await wall(duty)}") if not await says(duty, path, f"<strong>{words}</strong>")]
    board = (await duty.officer.get("/alerts/1/board?lang=en")).text
    async with duty.town.store.write() as conn:
        await restored.release(conn)
    after = (await duty.officer.get("/alerts/1/board?lang=en")).text
    assert silent == []
    assert "The database was restored from the backup of" in board
    # the alert is about life
    assert ["Next by itself" in page for page in (before, board, after)] == [True, held is Gravity.STANDARD, True]
    assert "was restored" not in after


async def test_a_clock_that_jumps_takes_the_worker_along(duty: Duty) -> None:
    async with duty.town.store.write() as conn:
        before = await workers.ticked_at(conn)
        await workers.carry(conn, timedelta(hours=2))
        after = await workers.ticked_at(conn)
    assert before is not None
    assert after == before + timedelta(hours=2)


async def test_only_those_who_ring_are_led_to_the_call_list(duty: Duty) -> None:
    await released(duty)
    duty.town.clock.advance(seconds=63)
    assert await says(duty, "/alerts/1/board", STOPPED)
    band = (await duty.officer.get("/alerts/1/board")).text.split("halts")[1].split("</div>")[0]
    seen = (await duty.viewer.get("/alerts/1/board")).text.split("halts")[1].split("</div>")[0]
    assert "/call-list" in band
    assert "/call-list" not in seen
