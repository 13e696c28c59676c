"""The door: who comes in, with which cookies, and how strangers who guess are kept out without shutting anybody else out."""

from collections.abc import AsyncIterator

import pytest

from tests.web.house import PASSWORD, Open, opened, settings


@pytest.fixture(name="web")
async def _web(migrated_url: str) -> AsyncIterator[Open]:
    async with opened(settings(migrated_url)) as web:
        yield web


async def test_a_stranger_is_sent_to_the_door_and_back(web: Open) -> None:
    browser = await web.browser()
    answer = await browser.get("/me/password")
    assert (answer.status, answer.location) == (303, "/sign-in?next=/me/password")
    answer = await browser.get(answer.location)
    assert 'name="next" value="/me/password"' in answer.text
    answer = await browser.ask("POST", "/sign-in", data={"login": "VIEWER ", "password": PASSWORD, "next": "/me/password"})
    assert (answer.status, answer.location) == (303, "/me/password")
    assert (await browser.get("/me/password")).status == 200
