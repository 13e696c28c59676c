"""An invitation is sent by e-mail where that was asked for and can be done; the page says which, and the letter lets one person in."""

import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, cast

import pytest
from sqlalchemy import delete, select, update

from messages.form import Medium
from relay.store.tables import Municipality, Sender, User, delivery, invitation
from tests.stories.town import new
from tests.web.duty_town import Duty, duty_town
from tests.web.house import Browser

ASE = "ase@kommune.example"


@pytest.fixture(name="duty")
async def _duty(migrated_sqlite_url: str, tmp_path: Path) -> AsyncIterator[Duty]:
    async with duty_town(migrated_sqlite_url, tmp_path) as open_town:
        yield open_town


async def administrator(duty: Duty) -> Browser:
    boss = await duty.stack.enter_async_context(Browser(duty.officer.url, headers={"Sec-Fetch-Site": "same-origin"}))
    assert (await boss.sign_in("administrator")).status == 303
    return boss


async def invited(duty: Duty, boss: Browser, **more: str) -> str:
    """Invite Åse, let the house work, and return the page that says what came of it."""
    page = await boss.post("/users/invite?lang=en", name="Åse Berg", role="approver", email=ASE, **more)
    assert page.status == 200, page.text
    await duty.town.settle()
    return page.text


def real(duty: Duty) -> None:
    """Let the mail relay count as a real one: the sandbox answers in its place, so that we see what leaves."""
    for channel in duty.town.relay.desk.channels.values():
        cast("Any", channel).place = "mail.example.com"


def letters(duty: Duty) -> list[str]:
    return [shown.text for shown in new(duty.town.sandbox.phone(ASE))]


@pytest.mark.parametrize("mode", ["REAL", "TRIAL"])
async def test_an_invitation_is_sent_in_the_language_of_whoever_gets_it_and_lets_them_in(duty: Duty, mode: str) -> None:
    """Also on trial: it is no resource person who is written to, and somebody must be able to come in."""
    real(duty)
    await duty.change(update(Municipality).values(mode=mode))
    boss = await administrator(duty)
    page = await invited(duty, boss, send="yes", language="nn")
    assert "It is on its way by e-mail" in page
    [letter] = letters(duty)
    assert "The administrator inviterer deg, Åse Berg, til Budstikke, som Sørvik varslar med på mange språk." in letter
    [link] = re.findall(rf"{duty.officer.url}(/invitation/[\w-]{{43}}\?lang=nn)", letter)
    listed = (await boss.get("/users?lang=en")).text
    assert "E-mail" in listed
    assert "must be handed over" not in listed
    guest = await duty.stack.enter_async_context(Browser(duty.officer.url))
    assert "Åse Berg" in (await guest.get(link)).text
    assert (await guest.post(link, login="aase", password="hest sykkel båt")).status == 303
    [row] = await duty.rows(select(User.language).where(User.login == "aase"))
    assert row.language == "nn"


async def test_without_the_tick_or_a_sender_it_must_be_handed_over_and_that_is_said(duty: Duty) -> None:
    boss = await administrator(duty)
    assert "varsel@" in (await boss.get("/users?lang=en")).text
    page = await invited(duty, boss)
    assert "hand it over yourself" in page
    assert "on its way" not in page
    assert "must be handed over" in (await boss.get("/users?lang=en")).text
    await duty.change(update(Sender).where(Sender.channel == Medium.EMAIL).values(stopped="wrong password"))
    page = await invited(duty, boss, send="yes")
    assert "It was not sent" in page
    await duty.change(delete(Sender).where(Sender.channel == Medium.EMAIL))
    assert "no e-mail sender that could send the link" in (await boss.get("/users?lang=en")).text
    assert letters(duty) == []
    assert await duty.rows(select(delivery)) == []


async def test_a_letter_that_has_not_left_is_taken_back_with_its_invitation(duty: Duty) -> None:
    boss = await administrator(duty)
    await boss.post("/users/invite", name="Åse Berg", role="approver", email=ASE, send="yes")
    [row] = await duty.rows(select(invitation.c.id))
    assert (await boss.post(f"/invitations/{row.id}/end")).status == 303
    await duty.town.settle()
    assert letters(duty) == []
    [row] = await duty.rows(select(delivery.c.state))
    assert row.state == "SPARED"


@pytest.mark.parametrize("column", ["ended_at", "expires_at"])
async def test_on_trial_only_the_mailboxes_of_open_invitations_are_written_to(duty: Duty, column: str) -> None:
    real(duty)
    await duty.change(update(Municipality).values(mode="TRIAL"))
    boss = await administrator(duty)
    await boss.post("/users/invite", name="Åse Berg", role="approver", email=ASE, send="yes")
    await duty.change(update(invitation).values({column: duty.town.clock.now()}))
    await duty.town.settle()
    assert letters(duty) == []
    [row] = await duty.rows(select(delivery.c.hold))
    assert row.hold == "trial"
