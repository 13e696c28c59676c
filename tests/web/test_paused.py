"""A paused alert: its board, its wall and doctor say so, and nothing is promised or offered until it goes on."""

import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from relay import doctor
from tests.stories.town import new
from tests.web.duty_town import Duty, duty_town


@pytest.fixture(name="duty")
async def _duty(migrated_sqlite_url: str, tmp_path: Path) -> AsyncIterator[Duty]:
    async with duty_town(migrated_sqlite_url, tmp_path) as open_town:
        yield open_town


@pytest.fixture
async def either(migrated_url: str, tmp_path: Path) -> AsyncIterator[Duty]:
    """Yield the town on both databases."""
    async with duty_town(migrated_url, tmp_path) as open_town:
        yield open_town


async def test_a_paused_alert_says_so_above_all_and_promises_and_offers_nothing(duty: Duty) -> None:
    await duty.town.person("Ayan", "so")
    await duty.issue()
    going = (await duty.officer.get("/alerts/1/board?lang=en")).text
    await duty.press("/alerts/1/pause")
    board = (await duty.officer.get("/alerts/1/board?lang=en")).text
    assert "Next by itself" in going
    assert "/sooner/remind" in going
    assert "Under way" in going
    assert 'class="band band-danger paused"' not in going
    band = board.split('class="band band-danger paused"')[1].split("</div>")[0]
    assert re.search(r"Since [^<]*\d\d:\d\d, by The duty_officer\.", band)
    assert 'href="/alerts/1/run"' in band
    assert "nothing yet" not in band, "she has it already"
    for gone in ("Next by itself", "/sooner/remind", "Under way"):
        assert gone not in board, gone
    await duty.press("/alerts/1/resume")
    assert 'class="band band-danger paused"' not in (await duty.officer.get("/alerts/1/board")).text


async def test_a_paused_alert_counts_to_whom_nothing_has_left_and_its_wall_names_nobody(duty: Duty) -> None:
    for name in ("Ayan", "Bilan"):
        await duty.town.person(name, "so")
    await duty.release()
    await duty.press("/alerts/1/pause")
    board = (await duty.officer.get("/alerts/1/board?lang=en")).text
    made = (await duty.press("/alerts/1/wall")).text
    wall = (await duty.officer.get(f"/wall/{made.split('/wall/')[1].split('<')[0]}?lang=en")).text
    for page in (board, wall):
        band = page.split('class="band band-danger paused"')[1].split("</div>")[0]
        assert "2 of 2 people have got nothing yet." in band
    assert "The duty_officer" not in wall
    assert "It is held back from 2 people" in board
    assert "still on its way" not in board


async def test_an_old_page_of_a_paused_alert_leads_to_the_board_instead_of_a_refusal(duty: Duty) -> None:
    ayan = await duty.town.person("Ayan", "so")
    await duty.issue()
    await duty.press("/alerts/1/pause")
    new(ayan.phone)
    asked = await duty.officer.get("/alerts/1/sooner/remind")
    assert (asked.status, asked.location) == (303, "/alerts/1/board")
    await duty.officer.get("/alerts/1/run")
    pressed = await duty.officer.post("/alerts/1/sooner/remind")
    await duty.town.settle()
    assert (pressed.status, pressed.location) == (303, "/alerts/1/board")
    assert new(ayan.phone) == []


async def test_doctor_names_what_is_paused_and_since_when(either: Duty) -> None:
    duty = either
    await duty.town.person("Ayan", "so")
    await duty.issue()
    before = await doctor.checks(duty.town.store, duty.town.relay.desk, duty.town.clock.now())
    await duty.press("/alerts/1/pause")
    duty.town.clock.advance(seconds=600)
    [found] = [
        one for one in await doctor.checks(duty.town.store, duty.town.relay.desk, duty.town.clock.now()) if one.name.startswith("alert")
    ]
    assert not [one for one in before if one.name.startswith("alert")]
    assert (found.ok, found.grave) == (False, False)
    assert "no. 1" in found.name
    assert found.words == "paused 10 min ago, nothing of it leaves"
