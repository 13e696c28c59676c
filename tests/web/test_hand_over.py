"""Hand-over: what one duty officer writes stands before the next, on the situation and every board, until another is written."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy import func, select

from relay.store import purge
from relay.store.tables import act_log, hand_over
from tests.web.duty_town import Duty, duty_town


@pytest.fixture(name="duty")
async def _duty(migrated_sqlite_url: str, tmp_path: Path) -> AsyncIterator[Duty]:
    async with duty_town(migrated_sqlite_url, tmp_path) as open_town:
        yield open_town


async def test_a_note_stands_on_situation_and_board_until_the_next_one(duty: Duty) -> None:
    await duty.town.person("Ayan", "so")
    number = await duty.issue()
    answer = await duty.press("/hand-over", going_on="Vannet er <b>grumset</b>.", remains="Ring Ayan klokka 23.")
    assert answer.status == 303
    pages = ["/?lang=en", f"/alerts/{number}/board?lang=en", "/hand-over?lang=en"]
    for page in pages:
        text = (await duty.viewer.get(page)).text
        assert "Vannet er &lt;b&gt;grumset&lt;/b&gt;." in text, page
        assert "Ring Ayan klokka 23." in text, page
        assert "The duty_officer" in text, page
    duty.town.clock.advance(minutes=50)
    await duty.press("/hand-over", going_on="Alt er stille.")
    for page in pages[:2]:
        text = (await duty.viewer.get(page)).text
        assert "Alt er stille." in text, page
        assert "grumset" not in text, page
    listed = (await duty.viewer.get(pages[2])).text
    assert listed.index("Holds now") < listed.index("Alt er stille.") < listed.index("grumset"), "the newest holds, and stands first"
    [acts] = await duty.rows(select(func.count()).where(act_log.c.act == "hand_over.write"))
    assert acts[0] == 2


async def test_a_note_that_says_nothing_is_refused_and_a_viewer_writes_none(duty: Duty) -> None:
    answer = await duty.press("/hand-over?lang=en", going_on="  ", remains="Ring Ayan.")
    assert answer.status == 422
    assert "Say what is going on" in answer.text
    assert "Ring Ayan." in answer.text, "what was written is not lost"
    await duty.viewer.get("/hand-over")
    assert (await duty.viewer.post("/hand-over", going_on="Mine")).status == 403
    assert 'name="going_on"' not in (await duty.viewer.get("/hand-over")).text
    assert await duty.rows(select(hand_over)) == []


async def test_a_note_is_sealed_and_forgotten_with_other_texts(duty: Duty) -> None:
    await duty.press("/hand-over", going_on="Ring Ayan.")
    raw = await duty.rows(select(func.length(hand_over.c.going_on), hand_over.c.going_on))
    assert raw[0][1] == "Ring Ayan."
    assert raw[0][0] > len("Ring Ayan.") + 12, "it is sealed at rest"
    duty.town.clock.advance(days=91)
    [kind] = [one for one in purge.KINDS if one.name == "notes at hand-over"]
    async with duty.town.store.write() as conn:
        now = duty.town.clock.now()
        await kind.forget(conn, await purge.due(conn, kind, now, 90), now)
    assert await duty.rows(select(hand_over)) == []
