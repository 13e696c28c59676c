"""A person's own page: what they may change there, what they may only wish, and everything that is stored about them."""

import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from html import unescape
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from messages.form import Medium
from messages.page_words import say_on_page
from relay.store import links
from relay.store.tables import Address, ResourcePerson, arena, share_link, task
from tests.stories.arrange import rows, sends
from tests.stories.town import Somebody, new
from tests.web.street import OWN, Street, street


@pytest.fixture(name="street")
async def _street(migrated_sqlite_url: str, tmp_path: Path) -> AsyncIterator[Street]:
    async with street(migrated_sqlite_url, tmp_path, ("nb", "ar", "uk")) as opened:
        yield opened


async def own(street: Street, language: str = "nb") -> str:
    """Let a person ask for the link to their page, and return the path that came by mail."""
    mailbox = street.people[language].mailbox
    assert mailbox is not None
    async with street.session.post(street.url + street.link(language) + "/me") as got:
        assert got.status == 200
    await street.town.settle()
    return f"/me/{OWN.findall(mailbox.messages[-1].text)[-1]}"


async def post(street: Street, path: str, **fields: Any) -> tuple[int, str]:
    async with street.session.post(street.url + path, data=fields) as got:
        return got.status, await got.text()


async def person(street: Street, who: Somebody) -> Any:
    [row] = await rows(street.town, select(ResourcePerson.__table__).where(ResourcePerson.id == who.id))
    return row


async def test_a_pause_until_a_day_ends_by_itself_and_spares_what_waits(street: Street) -> None:
    await street.boil(languages=("nb", "ar", "uk"))
    path, nb = await own(street), street.people["nb"]
    status, page = await post(street, path, do="pause", until="2026-11-30")
    assert status == 200
    assert "Du har pause til og med 30.11.2026." in page
    assert (await person(street, nb)).paused_until == datetime(2026, 11, 30, 23, tzinfo=UTC)
    assert all(send.state != "WAITING" for send in await sends(street.town, nb) if send.action == "remind")
    _, page = await post(street, path, do="resume")
    assert "Du har pause" not in page
    assert (await person(street, nb)).paused_until is None


@pytest.mark.parametrize("until", ["2020-01-01", "9999-12-31", "i morgen", "2026-02-30", "2031-01-01"])
async def test_a_pause_that_cannot_be_is_refused_in_words(street: Street, until: str) -> None:
    await street.boil(languages=("nb", "ar", "uk"))
    path = await own(street)
    status, page = await post(street, path, do="pause", until=until)
    assert status == 400
    assert f"Dette kan ikke brukes: {until}" in page
    assert not (await person(street, street.people["nb"])).paused


async def test_languages_are_kept_in_the_order_chosen(street: Street) -> None:
    await street.boil(languages=("nb", "ar", "uk"))
    path = await own(street, "ar")
    await street.session.post(street.url + path, data=[("do", "languages"), ("language", "uk"), ("language", "ar"), ("language", "")])
    assert (await person(street, street.people["ar"])).languages == ["uk", "ar"]
    assert '<html lang="uk"' in (await street.get(path))[1]
    status, _ = await post(street, path, do="languages", language="tlh")
    assert status == 400


async def test_channels_are_tried_in_the_order_chosen(street: Street) -> None:
    await street.boil(languages=("nb", "ar", "uk"))
    path, nb = await own(street), street.people["nb"]
    await street.session.post(street.url + path, data=[("do", "channels"), ("channel", "sms"), ("channel", "email")])
    found = await rows(street.town, select(Address.channel).where(Address.person_id == nb.id).order_by(Address.position))
    assert [row.channel for row in found] == ["sms", "email"]
    await street.town.passes(hours=1)
    new(nb.phone)
    await street.boil(languages=("nb", "ar", "uk"))
    assert any("KOK VANNET" in shown.text for shown in new(nb.phone)), "the next message comes by SMS"


async def test_quiet_hours_are_the_persons_own_and_can_be_given_back(street: Street) -> None:
    await street.boil(languages=("nb", "ar", "uk"))
    path, nb = await own(street), street.people["nb"]
    await post(street, path, do="quiet", **{"from": "22:30", "to": "08:00"})
    assert (await person(street, nb)).quiet_from.isoformat() == "22:30:00"
    await post(street, path, do="quiet", **{"from": "", "to": ""})
    assert (await person(street, nb)).quiet_from is None
    assert (await post(street, path, do="quiet", **{"from": "25:00", "to": "08:00"}))[0] == 400
    status, page = await post(street, path, do="quiet", **{"from": "22:00", "to": "22:00"})
    assert (status, "22:00-22:00" in page) == (400, True), "the whole day, or none of it?"
    assert (await person(street, nb)).quiet_from is None


async def test_arenas_are_sealed_and_go_when_they_are_removed(street: Street) -> None:
    await street.boil(languages=("nb", "ar", "uk"))
    path = await own(street, "ar")
    _, page = await post(street, path, do="arena", name="مسجد النور", size="١٢٠")
    assert "مسجد النور" in page
    async with street.town.store.read() as conn:
        name, size = tuple[Any, ...]((await conn.exec_driver_sql("SELECT name, size FROM arena")).one())
    assert "مسجد".encode() not in bytes(name)
    assert size == 120
    other = await own(street, "nb")
    await post(street, other, do="no_arena", id="1")
    assert len(await rows(street.town, select(arena.c.id))) == 1, "nobody removes another's"
    await post(street, path, do="no_arena", id="1")
    assert await rows(street.town, select(arena.c.id)) == []


@pytest.mark.parametrize("value", ["abc", "", "12", "ring meg", "+47 999", "meg@", "a b@folk.test"])
async def test_what_is_no_number_and_no_mailbox_is_refused_in_the_readers_language_and_is_nobodys_task(street: Street, value: str) -> None:
    await street.boil(languages=("nb", "ar", "uk"))
    status, page = await post(street, await own(street, "uk"), do="address", value=value)
    assert (status, say_on_page(("uk",), "me.wrong", value=value or "-").text in unescape(page)) == (400, True)
    assert await rows(street.town, select(task.c.id)) == []


@pytest.mark.parametrize("value", ["99988777", "+46 70 123 45 67", "٩٩٩ ٨٨ ٧٧٧", "nytt.navn@folk.test"])
async def test_numbers_however_they_are_written_and_mailboxes_are_taken(street: Street, value: str) -> None:
    await street.boil(languages=("nb", "ar", "uk"))
    assert (await post(street, await own(street, "uk"), do="address", value=value))[0] == 200
    assert [row.words for row in await rows(street.town, select(task.c.words))] == [value]


async def test_a_new_number_is_a_wish_before_the_coordinator_and_changes_nothing(street: Street) -> None:
    await street.boil(languages=("nb", "ar", "uk"))
    path, nb = await own(street), street.people["nb"]
    before = await rows(street.town, select(Address.__table__).where(Address.person_id == nb.id))
    pages = [(await post(street, path, do="address", value="+47 999 88 777"))[1] for _ in range(3)]
    assert all("Ingenting er endret ennå." in page for page in pages)
    assert await rows(street.town, select(Address.__table__).where(Address.person_id == nb.id)) == before
    [wish] = await rows(street.town, select(task.c.kind, task.c.words, task.c.person_id))
    assert (wish.kind, wish.person_id) == ("new_address", nb.id)
    assert "+47 999 88 777" in wish.words
    async with street.town.store.read() as conn:
        words, cause = tuple[Any, ...]((await conn.exec_driver_sql("SELECT words, cause FROM task")).one())
    assert b"999 88 777" not in bytes(words)
    assert "88777" not in cause


async def test_everything_that_is_stored_is_given_and_nothing_of_others(street: Street) -> None:
    await street.boil(languages=("nb", "ar", "uk"))
    await street.press(street.link("nb"), "3", count="7", how="talking")
    await street.press(street.link("nb"), "q", text="Hvor lenge varer det?")
    await street.press(street.link("ar"), "q", text="سؤال آخر")
    path = await own(street)
    await post(street, path, do="arena", name="Kafé Nes", size="40")
    _, text = await street.get(f"{path}/data.json")
    told = json.loads(text)
    assert told["name"] == "Personnb"
    assert [row["value"] for row in told["addresses"]] == ["personnb@folk.test", "+4741000001"]
    assert [row["name"] for row in told["arenas"]] == ["Kafé Nes"]
    assert [(row["count"], row["means"]) for row in told["reports"]] == [(7, "snakket med dem")]
    assert [row["text"] for row in told["conversation"]] == ["Hvor lenge varer det?"]
    assert {row["meaning"] for row in told["answers"]} == {"passed_on", "message"}
    assert [(row["number"], row["kind"]) for row in told["alerts"]] == [(1, "ACTUAL")]
    assert "سؤال" not in text
    assert "Personar" not in text


async def test_leaving_stops_messages_links_and_places_and_tells_the_coordinator(street: Street) -> None:
    await street.boil(languages=("nb", "ar", "uk"))
    path, nb = await own(street), street.people["nb"]
    message = street.link("nb")
    await post(street, path, do="arena", name="Kafé Nes")
    assert (await post(street, path, do="leave"))[0] == 400, "not without the tick"
    _, page = await post(street, path, do="leave", sure="yes")
    assert "Du er ikke lenger ressursperson. Tusen takk" in page
    assert [(await street.get(one))[0] for one in (path, message)] == [404, 404]
    assert await rows(street.town, select(arena.c.id)) == []
    assert await street.town.tasks() == ["opted_out"]
    mailbox = nb.mailbox
    assert mailbox is not None
    new(mailbox), new(nb.phone)
    await street.town.passes(hours=5)
    await street.boil(languages=("nb", "ar", "uk"))
    assert new(mailbox) + new(nb.phone) == []


async def test_the_link_ends_after_three_days_and_looking_changes_nothing(street: Street) -> None:
    await street.boil(languages=("nb", "ar", "uk"))
    path = await own(street)
    before = await person(street, street.people["nb"])
    for method in ("GET", "HEAD"):
        async with street.session.request(method, street.url + path) as got:
            assert got.status == 200
    assert await person(street, street.people["nb"]) == before
    street.town.clock.advance(hours=71)
    assert (await street.get(path))[0] == 200
    street.town.clock.advance(hours=2)
    assert (await street.get(path))[0] == 404
    assert links.OWN_PAGE_FOR.days == 3


async def test_a_person_reached_by_sms_gets_the_link_there(street: Street) -> None:
    ada = await street.town.person("Ada", "nb", by=(Medium.SMS,))
    await street.boil(languages=("nb", "ar", "uk"))
    async with street.town.store.write() as conn:
        recipient = await street.town.recipient(1, ada)
        tokens = await links.of_recipients(conn, {recipient.id}, street.town.clock.now())
    new(ada.phone)
    async with street.session.post(f"{street.url}/m/{tokens[recipient.id]}/me") as got:
        assert got.status == 200
    await street.town.settle()
    [shown] = new(ada.phone)
    assert shown.text.startswith("Din egen side, bare for deg: http")
    assert len(await rows(street.town, select(share_link.c.id).where(share_link.c.kind == "own"))) == 1
