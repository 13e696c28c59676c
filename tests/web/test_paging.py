"""Approvers are paged by SMS one after the other; whoever answers for alerts hears of what is out, or was done alone."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy import select

from messages.alert import Kind
from relay.model import Role
from relay.store import users
from relay.store.register import Stamp
from relay.store.tables import task
from tests.stories.town import new
from tests.web.duty_town import WATER, Duty, duty_town
from tests.web.house import Browser, password_hash

PHONES = {"approver": "+4791200001", "bente": "+4791200002", "cecilie": "+4791200003", "administrator": "+4791200009"}


@pytest.fixture(name="duty")
async def _duty(migrated_sqlite_url: str, tmp_path: Path) -> AsyncIterator[Duty]:
    async with duty_town(migrated_sqlite_url, tmp_path) as open_town:
        await telephones(open_town)
        yield open_town


async def telephones(duty: Duty) -> None:
    """Let there be three approvers, and give them and the administrator telephones."""
    mine, stamp = duty.town.municipality_id, Stamp(by="test", at=duty.town.clock.now())
    async with duty.town.store.write() as conn:
        for login in ("bente", "cecilie"):
            one = users.NewUser(name=login.capitalize(), roles=frozenset({Role.APPROVER}), login=login, language="nb")
            await users.add(conn, mine, one, stamp, password_hash=password_hash())
        for login, phone in PHONES.items():
            known = await users.by_login(conn, login)
            assert known is not None
            await users.change(conn, mine, known.id, stamp, email="", phone=phone, language="nb")


async def signed_in(duty: Duty, login: str) -> Browser:
    browser = await duty.stack.enter_async_context(Browser(duty.officer.url, headers={"Sec-Fetch-Site": "same-origin"}))
    await browser.sign_in(login)
    return browser


def heard(duty: Duty, login: str) -> list[str]:
    """Take the new messages off somebody's telephone."""
    return [shown.text for shown in new(duty.town.sandbox.phone(PHONES[login]))]


async def asked(duty: Duty, **more: object) -> tuple[Browser, str]:
    """Let a coordinator write an alert and ask for approval; return the browser and the alert's address."""
    await duty.town.person("Ayan", "so")
    await duty.town.draft(WATER, **more)  # type: ignore[arg-type]
    coordinator = await signed_in(duty, "coordinator")
    assert (await coordinator.post("/alerts/1/ask")).status == 303
    await duty.town.settle()
    return coordinator, "/alerts/1"


async def test_the_next_approver_is_paged_after_minutes_and_nobody_more_once_one_has_approved(duty: Duty) -> None:
    coordinator, alert = await asked(duty)
    first = [login for login in ("approver", "bente", "cecilie") if heard(duty, login)]
    assert len(first) == 1
    await duty.town.passes(minutes=1)
    assert [login for login in PHONES if heard(duty, login)] == [], "the first one has two minutes"
    await duty.town.passes(minutes=1, seconds=10)
    second = [login for login in ("approver", "bente", "cecilie") if any("/alerts/1/approve" in text for text in heard(duty, login))]
    assert len(second) == 1
    assert first != second
    page = (await coordinator.get(f"{alert}/review?lang=en")).text
    assert page.count("delivered") >= 2, "the author sees who was asked, and that it arrived"
    await duty.town.relay.approve(duty.town.municipality_id, 1, second[0].capitalize() if second[0] != "approver" else "The approver")
    await duty.town.passes(minutes=10)
    assert [login for login in PHONES if heard(duty, login)] == []
    assert "was not needed" in (await coordinator.get(f"{alert}/review?lang=en")).text


async def test_an_exercise_that_asks_for_approval_says_so_at_both_ends(duty: Duty) -> None:
    await asked(duty, kind=Kind.EXERCISE)
    [text] = [text for login in ("approver", "bente", "cecilie") for text in heard(duty, login)]
    assert text.startswith("ØVELSE Til godkjenning")
    assert text.endswith("ØVELSE")


async def test_everybody_who_answers_for_alerts_hears_of_what_is_out_and_of_what_was_done_alone(duty: Duty) -> None:
    """A real alert approved by its own author, with a reason: a notice to all at once, and a task that a second person looks it over."""
    await asked(duty)
    for login in PHONES:
        heard(duty, login)
    await duty.town.relay.approve(duty.town.municipality_id, 1, "Kari", override="Ingen svarer")
    await duty.town.settle()
    for login in PHONES:
        assert any("godkjent av én person alene" in text for text in heard(duty, login)), login
    assert "review" in await duty.town.tasks()
    await duty.town.relay.release(duty.town.municipality_id, 1, "Kari")
    await duty.town.settle()
    for login in PHONES:
        assert any("sendes nå" in text for text in heard(duty, login)), login
    reviewer = await signed_in(duty, "bente")
    page = (await reviewer.get("/alerts/1/run?lang=en")).text
    assert "Kari approved this alone." in page
    assert "Ingen svarer" in page
    assert (await reviewer.post("/alerts/1/looked-over")).status == 303
    [row] = await duty.rows(select(task.c.done_by).where(task.c.kind == "review"))
    assert row.done_by == "Bente"
