"""An alert that goes to chosen language groups: what is ticked is what is reviewed, planned, corrected and seen on the board."""

from collections.abc import AsyncIterator
from datetime import date

import pytest
from sqlalchemy import select

from messages.alert import Act, Kind
from messages.form import Medium
from messages.languages import name as language_name
from relay.store.register import NewGroup, NewPerson, Stamp, add_group, add_people
from relay.store.tables import alert_group, recipient
from tests.web.alerts import draft, form, furnish, planned, row, text_of
from tests.web.house import Browser, Open, opened, settings


@pytest.fixture(name="web")
async def _web(migrated_sqlite_url: str) -> AsyncIterator[Open]:
    async with opened(settings(migrated_sqlite_url)) as web:
        await furnish(web)
        yield web


async def choose(browser: Browser, number: int, *groups: int, shown: bool = True) -> int:
    """Save a draft's form with these groups ticked; return the answer's status."""
    fields = form() | ({"groups_shown": "yes"} if shown else {})
    saved = await browser.post(f"/alerts/{number}/edit", **fields, **({"groups": [str(one) for one in groups]} if groups else {}))
    return saved.status


async def released(web: Open, number: int) -> int:
    """Approve and release; return the alert's id."""
    found = await row(web, number)
    await web.house.relay.approve(web.town, found.id, "Ola")
    await web.house.relay.release(web.town, found.id, "Ola")
    return int(found.id)


async def groups_of(web: Open, number: int) -> list[str]:
    """Return the languages of the groups on an alert's board."""
    found = await row(web, number)
    async with web.house.store.read() as conn:
        return list((await conn.execute(select(alert_group.c.language).where(alert_group.c.alert_id == found.id))).scalars())


async def test_only_the_ticked_groups_are_counted_reviewed_planned_and_on_the_board(web: Open) -> None:
    browser = await web.browser("coordinator")
    number = await draft(browser)
    somali = 2
    assert await choose(browser, number, somali) == 303
    edit = text_of(await browser.get(f"/alerts/{number}/edit?lang=en"))
    assert "1 of 2 groups" in edit
    assert "<strong>3 people</strong> would get it now" in edit
    review = text_of(await browser.get(f"/alerts/{number}/review?lang=en"))
    assert "It goes to chosen groups only." in review
    assert f"Not to: {language_name('nb', 'en')} (nb)." in " ".join(review.split())
    await released(web, number)
    assert (await planned(web, number))[0] == 3
    assert await groups_of(web, number) == ["so"]
    async with web.house.store.read() as conn:
        assert len((await conn.execute(select(recipient.c.id))).all()) == 3, "who is not chosen is not even left out"


async def test_all_ticked_is_all_also_those_that_are_made_later(web: Open) -> None:
    browser = await web.browser("coordinator")
    number = await draft(browser)
    assert await choose(browser, number, 1, 2) == 303
    assert (await row(web, number)).groups is None
    assert await choose(browser, number, 1) == 303
    assert (await row(web, number)).groups == [1]
    assert await choose(browser, number, shown=False) == 303
    assert (await row(web, number)).groups == [1], "a form that does not show them leaves them"
    assert await choose(browser, number, 1, 2, 99) == 303
    assert (await row(web, number)).groups is None, "another municipality's group is none of ours"


async def test_none_ticked_is_refused_and_what_was_written_stays(web: Open) -> None:
    browser = await web.browser("coordinator")
    number = await draft(browser)
    refused = await browser.post(f"/alerts/{number}/edit?lang=en", **form(event="Endret"), groups_shown="yes")
    assert refused.status == 422
    assert "Choose at least one group that it goes to." in refused.text
    assert 'value="Endret"' in refused.text
    assert (await row(web, number)).groups is None


async def test_a_changed_choice_must_be_approved_anew(web: Open) -> None:
    browser = await web.browser("coordinator")
    number = await draft(browser)
    await web.house.relay.approve(web.town, (await row(web, number)).id, "Ola")
    await choose(browser, number, 1)
    found = await row(web, number)
    assert (found.state, found.approver) == ("DRAFT", "")


async def test_who_is_in_two_groups_gets_it_for_the_chosen_one(web: Open) -> None:
    stamp, day = Stamp(by="test", at=web.clock.now()), date(2026, 1, 1)
    async with web.house.store.write() as conn:
        arabic = await add_group(conn, web.town, NewGroup(language="ar", name="ar"), stamp)
        both = NewPerson(
            name="Both",
            languages=("so", "nb"),
            groups=(2, arabic),
            ways=((Medium.SMS, "+4791200444"),),
            agreed_on=day,
            adult_confirmed_on=day,
        )
        await add_people(conn, web.town, [both], stamp)
    browser = await web.browser("coordinator")
    number = await draft(browser)
    await choose(browser, number, arabic)
    await released(web, number)
    assert (await planned(web, number))[0] == 1
    assert await groups_of(web, number) == ["ar"]


async def test_updates_begin_with_the_same_groups_and_corrections_reach_all_who_got_it(web: Open) -> None:
    browser = await web.browser("coordinator")
    number = await draft(browser)
    await choose(browser, number, 2)
    first = await released(web, number)
    web.passes(minutes=1)
    begun = await browser.post("/alerts/new", start="update", update=str(number), kind=Kind.ACTUAL)
    update = int(begun.location.split("/")[2])
    assert (await row(web, update)).groups == [2]
    withdrawal = await web.house.relay.correct(web.town, first, Act.WITHDRAW, "Ola")
    async with web.house.store.read() as conn:
        mine = select(recipient.c.person_id).where(recipient.c.alert_id == withdrawal)
        assert len((await conn.execute(mine)).all()) == 3


async def test_an_exercise_for_one_group_is_copied_with_its_choice(web: Open) -> None:
    browser = await web.browser("coordinator")
    number = await draft(browser, Kind.EXERCISE)
    await choose(browser, number, 2)
    begun = await browser.post("/alerts/new", start="earlier", alert=str(number), kind=Kind.EXERCISE)
    assert (await row(web, int(begun.location.split("/")[2]))).groups == [2]
