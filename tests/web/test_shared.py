"""The page that everybody may read: always the newest, counted by the hour, and nothing kept that tells one reader from another."""

import re
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest
from sqlalchemy import select

from messages.alert import Act, Kind
from messages.frames import say
from relay.store.tables import link_open, share_link
from relay.web.pages.shared import PREVIEWS, SCANNERS
from tests.stories.arrange import rows
from tests.web.street import Street, street

PHONE = "Mozilla/5.0 (Linux; Android 14; SM-A155F) AppleWebKit/537.36 Chrome/131.0 Mobile Safari/537.36"
MARKED_READER = "203.0.113.77"
HEADERS_OF_A_READER = {
    "X-Forwarded-For": MARKED_READER,
    "User-Agent": PHONE + " reader-4711",
    "Cookie": "reader=4711",
    "Accept-Language": "ti-ER;q=0.4711",
    "Referer": "https://facebook.example/groups/4711",
}


@pytest.fixture(name="street")
async def _street(migrated_sqlite_url: str, tmp_path: Path) -> AsyncIterator[Street]:
    async with street(migrated_sqlite_url, tmp_path, ("nb", "ar", "uk")) as opened:
        yield opened


async def shared(street: Street, language: str = "ar") -> str:
    """Return the path of the page that a person passes on."""
    _, page = await street.get(street.link(language) + "/share")
    found = re.search(r"/s/[a-z2-7]{26}", page)
    assert found is not None
    return found[0]


async def counted(street: Street) -> dict[str, int]:
    found = await rows(street.town, select(link_open.c.by, link_open.c["count"].label("openings")))
    return {row.by: row.openings for row in found}


async def test_it_says_what_holds_in_that_language_and_in_norwegian_who_says_it_and_how_to_check(street: Street) -> None:
    await street.boil(languages=("nb", "ar", "uk"))
    status, page = await street.get(await shared(street))
    assert status == 200
    assert "<h1>اغلوا الماء</h1>" in page
    assert "KOK VANNET" in page
    assert say("ar", "email.verify_heading") in page
    assert "91234567" in page
    assert "هذه رسالة رسمية من" in page
    assert "<form" not in page, "nothing of the ask is on it"
    assert say("ar", "ask.to_you") not in page


async def test_every_language_that_there_is_can_be_chosen(street: Street) -> None:
    await street.boil(languages=("nb", "ar", "uk", "am"))
    path = await shared(street)
    _, page = await street.get(path)
    assert re.findall(r'href="\?l=([\w-]+)"', page) == ["am", "nb", "uk"]
    _, page = await street.get(f"{path}?l=am", **{"Sec-Fetch-Site": "same-origin"})
    assert '<html lang="am" dir="ltr">' in page
    for strange in ("xx", "../..", "<script>", "th"):
        assert (await street.get(f"{path}?l={strange}"))[0] == 200


async def test_a_withdrawal_flips_the_page_at_once_and_strikes_what_was_said(street: Street) -> None:
    alert_id = await street.boil(languages=("nb", "ar", "uk"))
    path = await shared(street, "nb")
    assert "<del>" not in (await street.get(path))[1]
    await street.town.relay.correct(street.town.municipality_id, alert_id, Act.WITHDRAW, "Ola")
    _, page = await street.get(path)
    assert "TRUKKET TILBAKE" in page
    assert re.search(r"<del>.*KOK VANNET.*</del>", page, re.DOTALL)
    assert "<h1>KOK VANNET" not in page


async def test_danger_over_is_said_and_is_no_withdrawal(street: Street) -> None:
    alert_id = await street.boil(languages=("nb", "ar", "uk"))
    path = await shared(street, "nb")
    await street.town.relay.correct(street.town.municipality_id, alert_id, Act.OVER, "Ola")
    _, page = await street.get(path)
    assert "FAREN ER OVER" in page
    assert "TRUKKET" not in page


async def test_what_has_lapsed_says_so_on_the_page_and_on_the_poster(street: Street) -> None:
    await street.boil(languages=("nb", "ar", "uk"))
    path = await shared(street, "nb")
    street.town.clock.advance(hours=24, minutes=1)
    for page in (path, f"{path}/poster"):
        assert "Denne meldingen gjelder ikke lenger." in (await street.get(page))[1]


async def test_an_exercise_is_unmistakable_on_page_preview_and_poster(street: Street) -> None:
    await street.boil(kind=Kind.EXERCISE, languages=("nb", "ar", "uk"))
    path = await shared(street, "nb")
    for page in (path, f"{path}/poster"):
        body = (await street.get(page))[1].split("<body>")[1]
        assert body.strip().startswith('<p class="band"><b>ØVELSE</b>')
        assert body.split('<p class="band">')[-1].startswith("<b>ØVELSE</b>")
    assert 'property="og:title" content="ØVELSE KOK VANNET ØVELSE"' in (await street.get(path))[1]


async def test_the_poster_has_a_code_that_leads_to_the_page(street: Street) -> None:
    await street.boil(languages=("nb", "ar", "uk"))
    path = await shared(street, "nb")
    _, page = await street.get(f"{path}/poster")
    assert f"<title>{street.url}{path}</title>" in page, "the code says where it leads"
    assert re.search(r"<svg[^>]*>.*<path", page, re.DOTALL)
    assert "style=" not in page
    assert await counted(street) == {}, "a printed poster is no reader"


async def test_people_previews_and_scanners_are_counted_apart_and_people_alone_are_opened(street: Street) -> None:
    alert_id = await street.boil(languages=("nb", "ar", "uk"))
    path = await shared(street)
    for _ in range(3):
        await street.get(path, **{"User-Agent": PHONE})
    await street.get(path, **{"User-Agent": PHONE, "Sec-Fetch-Site": "same-origin"})  # whoever changes the language
    for agent in ("WhatsApp/2.23.20.0 A", "facebookexternalhit/1.1", "Slackbot-LinkExpanding 1.0", "TelegramBot (like TwitterBot)"):
        await street.get(path, **{"User-Agent": agent})
    for agent in ("python-requests/2.32", "Mozilla/5.0 HeadlessChrome/131", "Googlebot/2.1", ""):
        await street.get(path, **{"User-Agent": agent})
    await street.get(path, **{"User-Agent": PHONE, "Sec-Purpose": "prefetch"})
    async with street.session.head(street.url + path, headers={"User-Agent": PHONE}) as got:
        assert got.status == 200
    assert await counted(street) == {"person": 3, "preview": 4, "scanner": 6}
    reach = await street.town.reach(alert_id)
    assert (reach.totals.opened, reach.totals.reported_reach, reach.totals.relayed) == (3, 0, 0)
    assert {group.language: group.opened for group in reach.groups} == {"nb": 0, "ar": 3, "uk": 0}


async def test_openings_are_kept_by_the_hour(street: Street) -> None:
    alert_id = await street.boil(languages=("nb", "ar", "uk"))
    path = await shared(street)
    for _ in range(2):
        await street.get(path, **{"User-Agent": PHONE})
    street.town.clock.advance(minutes=59)
    await street.get(path, **{"User-Agent": PHONE})
    street.town.clock.advance(minutes=1)
    await street.get(path, **{"User-Agent": PHONE})
    async with street.town.store.read() as conn:
        kept = select(link_open.c.hour, link_open.c.by, link_open.c.count.label("openings")).join_from(link_open, share_link)
        found = (await conn.execute(kept.where(share_link.c.alert_id == alert_id).order_by(link_open.c.hour))).all()
    assert [(row.hour.hour, row.by, row.openings) for row in found] == [(17, "person", 3), (18, "person", 1)]


async def test_nothing_is_kept_that_singles_out_a_reader(street: Street, tmp_path: Path) -> None:
    await street.boil(languages=("nb", "ar", "uk"))
    path = await shared(street)
    for _ in range(50):
        async with street.session.get(street.url + path, headers=HEADERS_OF_A_READER) as got:
            assert "Set-Cookie" not in got.headers
            assert "ETag" not in got.headers
            assert "Last-Modified" not in got.headers
    assert await counted(street) == {"person": 50}
    await street.town.store.close()
    left = on_disk(tmp_path)
    assert [mark for mark in (MARKED_READER, "reader-4711", "SM-A155F", "0.4711", "groups/4711") if mark.encode() in left] == []


def on_disk(folder: Path) -> bytes:
    return b"".join(file.read_bytes() for file in folder.glob("budstikke.db*"))


async def test_two_readers_get_the_same_page(street: Street) -> None:
    await street.boil(languages=("nb", "ar", "uk"))
    path = await shared(street)
    pages = set()
    for number in range(3):
        async with aiohttp.ClientSession() as reader, reader.get(street.url + path, headers={"User-Agent": f"{PHONE} {number}"}) as got:
            pages.add(await got.text())
    assert len(pages) == 1


def test_previews_and_scanners_are_named_as_they_are_compared() -> None:
    assert all(name == name.lower() for name in (*PREVIEWS, *SCANNERS))
    assert not set(PREVIEWS) & set(SCANNERS)
