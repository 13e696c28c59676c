"""The message page: what it shows, what its forms do, and that looking does nothing."""

import re
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import func, select, update

from messages import library
from messages.alert import Act, Kind
from messages.form import Medium, Part
from messages.frames import say
from messages.page_words import say_on_page
from relay.model import Rung
from relay.store import alerts, links
from relay.store.tables import Municipality, alert, answer, delivery, inbound, link_open, redistribution_report, share_link
from relay.web.leaf import Tongue, leaf
from tests.stories.arrange import change, rows, sends
from tests.stories.town import new
from tests.web.street import LANGUAGES, OWN, VALUES, Street, street

TRIES = 1000


@pytest.fixture(name="street")
async def _street(migrated_sqlite_url: str, tmp_path: Path) -> AsyncIterator[Street]:
    async with street(migrated_sqlite_url, tmp_path, ("nb", "ar", "uk")) as opened:
        yield opened


async def answers(street: Street) -> int:
    [row] = await rows(street.town, select(func.count().label("number")).select_from(answer))
    return int(row.number)


async def test_the_page_is_whole_in_one_answer_without_script_cookie_or_anything_fetched(street: Street) -> None:
    await street.boil(languages=("nb", "ar", "uk"))
    async with street.session.get(street.url + street.link("ar")) as got:
        page = await got.text()
    assert got.status == 200
    assert "Set-Cookie" not in got.headers
    assert "unsafe" not in got.headers["Content-Security-Policy"]
    assert got.headers["Content-Security-Policy"].startswith("default-src 'none'; style-src 'sha256-")
    assert got.headers["Referrer-Policy"] == "no-referrer"
    page = page.replace('<link rel="icon" href="data:,">', "")  # an empty icon of its own, so that no browser asks for one
    assert re.findall(r"<(?:script|link|img|iframe|object|embed)\b|\son\w+=|\sstyle=|url\(|@import", page) == []
    assert '<html lang="ar" dir="rtl">' in page


async def test_it_says_both_bodies_in_the_own_language_and_the_norwegian_beside(street: Street) -> None:
    await street.boil(languages=("nb", "ar", "uk"))
    _, page = await street.get(street.link("ar"))
    assert "<h1>اغلوا الماء</h1>" in page
    assert say("ar", "email.ask_heading") in page
    assert 'lang="nb" dir="ltr"' in page
    assert "KOK VANNET" in page
    assert "Jeg har lest den" in page, "the words are a draft: the Norwegian stands beside the button"
    assert "KOK VANNET" not in (await street.get(street.link("uk")))[1].split('lang="nb"')[0]


async def test_a_link_opens_with_the_mark_that_stands_behind_it_in_a_text_from_right_to_left(street: Street) -> None:
    """Some telephones take U+2069 for a part of the address; any other letter more is another token."""
    await street.boil(languages=("ar",))
    status, page = await street.get(f"{street.link('ar')}%E2%81%A9")
    assert (status, "اغلوا الماء" in page) == (200, True)
    assert (await street.get(f"{street.link('ar')}a"))[0] == 404


async def test_nobody_is_asked_to_pass_it_on_before_a_time_that_has_passed(street: Street) -> None:
    limit = street.town.clock.now() + timedelta(hours=3)
    await street.boil(languages=("nb", "ar"), act_by_at=limit)
    local = limit.astimezone(ZoneInfo("Europe/Oslo"))
    times = {"nb": f"kl. {local:%H.%M}", "ar": f"{local:%H:%M}"}
    assert all([time in (await street.get(street.link(tag)))[1] for tag, time in times.items()])
    street.town.clock.advance(hours=3)
    assert not any([time in (await street.get(street.link(tag)))[1] for tag, time in times.items()])
    assert "kan du gi videre nr. 1 (vann)?" in (await street.get(street.link("nb")))[1]


@pytest.mark.parametrize("alphabet", ["utf-7", "unicode_escape", "raw_unicode_escape"])
async def test_an_answer_in_an_alphabet_that_makes_half_characters_is_none(street: Street, alphabet: str) -> None:
    """Anybody who has the link may name an alphabet; what no page could show is not taken in, and the page comes again."""
    await street.boil(languages=("nb",))
    half = b"hva+2AA- skjer" if alphabet == "utf-7" else rb"hva\ud800 skjer"
    kind = {"Content-Type": f"application/x-www-form-urlencoded; charset={alphabet}"}
    body = b"a=q&n=1&id=abcdefgh12345678&text=" + half
    async with street.session.post(street.url + street.link("nb"), data=body, headers=kind, allow_redirects=False) as got:
        assert got.status < 500
    await street.town.settle()
    assert await rows(street.town, select(inbound.c.id)) == []


async def test_looking_is_no_answer_however_often_and_by_whomever(street: Street) -> None:
    alert_id = await street.boil(languages=("nb", "ar", "uk"))
    paths = [street.link(tag) for tag in ("nb", "ar", "uk")]
    for number in range(TRIES):
        path = paths[number % 3]
        method = "HEAD" if number % 2 else "GET"
        agent = ("Mozilla/5.0 HeadlessChrome/131", "Barracuda Sentinel", "WhatsApp/2.23", "Mozilla/5.0")[number % 4]
        async with street.session.request(method, street.url + path, headers={"User-Agent": agent}) as got:
            assert got.status == 200
    assert await answers(street) == 0
    assert await rows(street.town, select(inbound.c.id)) == []
    assert (await street.town.reach(alert_id)).totals.acknowledged == 0


async def test_pressing_the_button_acknowledges_and_spares_what_an_sms_answer_spares(street: Street) -> None:
    alert_id = await street.boil(languages=("nb", "ar", "uk"))
    status, page = await street.press(street.link("ar"), "1")
    assert status == 200
    assert say("ar", "notice.echo_received") in page
    assert 'class="go big"' not in page, "it is said once"
    reach = await street.town.reach(alert_id)
    assert (reach.totals.acknowledged, reach.totals.relayed) == (1, 0)
    await street.town.passes(hours=3)
    assert [send.action for send in await sends(street.town, street.people["ar"]) if send.attempts] == ["message"]
    assert len(street.people["nb"].mailbox.messages) > 1, "whoever has not answered is reminded"  # type: ignore[union-attr]


async def test_an_answer_counts_for_the_group_and_the_last_one_wins(street: Street) -> None:
    alert_id = await street.boil(languages=("nb", "ar", "uk"))
    await street.press(street.link("ar"), "2")
    _, page = await street.press(street.link("ar"), "3", count="٤٠", how="group")
    assert "40" in page
    reach = await street.town.reach(alert_id)
    assert (reach.totals.relayed, reach.totals.reported_reach) == (1, 40)
    recipient = await street.town.recipient(alert_id, street.people["ar"])
    assert (recipient.rung, recipient.reported) == (Rung.PASSED_ON, 40)
    _, page = await street.press(street.link("ar"), "4")
    assert (await street.town.reach(alert_id)).totals.relayed == 0
    assert say_on_page(("ar",), "message.read").text in page, "an answer can be changed to any other"
    await street.press(street.link("ar"), "1")
    assert (await street.town.recipient(alert_id, street.people["ar"])).rung == Rung.RECEIVED


async def test_the_means_are_kept_sealed_in_the_words_of_staff(street: Street) -> None:
    await street.boil(languages=("nb", "ar", "uk"))
    await street.press(street.link("ar"), "3", count="12", how="place")
    async with street.town.store.read() as conn:
        raw = (await conn.exec_driver_sql("SELECT means FROM redistribution_report")).scalar_one()
    assert b"m\xc3\xb8teplass" not in bytes(raw)
    [kept] = await rows(street.town, select(redistribution_report.c.means))
    assert kept.means == "møteplass"


async def test_an_unlikely_number_is_asked_back_once(street: Street) -> None:
    alert_id = await street.boil(languages=("nb", "ar", "uk"))
    _, page = await street.press(street.link("nb"), "3", count="20000")
    assert "Mente du 20 000 personer?" in page
    assert (await street.town.reach(alert_id)).totals.reported_reach == 0
    await street.press(street.link("nb"), "3", count="20000")
    assert (await street.town.reach(alert_id)).totals.reported_reach == 20_000


@pytest.mark.parametrize("written", ["mange", "-4", "4,5", "9" * 30])
async def test_what_is_no_number_is_said(street: Street, written: str) -> None:
    await street.boil(languages=("nb", "ar", "uk"))
    _, page = await street.press(street.link("nb"), "3", count=written)
    assert "Skriv et tall, for eksempel 40." in page
    assert await answers(street) == 0


async def test_the_same_form_sent_twice_is_one_answer(street: Street) -> None:
    await street.boil(languages=("nb", "ar", "uk"))
    _, page = await street.get(street.link("nb"))
    hidden = dict(re.findall(r'<input type="hidden" name="(n|id)" value="([^"]*)">', page))
    for _ in range(2):
        async with street.session.post(street.url + street.link("nb"), data=hidden | {"a": "1"}) as got:
            assert got.status == 200
    assert await answers(street) == 1


async def test_a_question_is_read_by_a_person_and_danger_is_answered_at_once(street: Street) -> None:
    await street.boil(languages=("nb", "ar", "uk"))
    _, page = await street.press(street.link("nb"), "q", text="Gjelder det også for spedbarn?")
    assert "Et menneske i Sørvik leser dette." in page
    _, page = await street.press(street.link("nb"), "q", text="Hjelp, det brenner!")
    assert "brann 110, politi 112, ambulanse 113" in page
    assert await street.town.tasks() == ["danger", "question"]
    _, page = await street.press(street.link("nb"), "q", text="  ")
    assert "Skriv spørsmålet ditt først." in page


async def test_ring_me_makes_a_task_and_says_who_will_ring(street: Street) -> None:
    await street.boil(languages=("nb", "ar", "uk"))
    _, page = await street.press(street.link("nb"), "5")
    assert "Kari Nordmann ringer deg så snart som mulig." in page
    assert await street.town.tasks() == ["ring"]


async def test_the_house_does_not_answer_twice_where_the_page_has_said_it(street: Street) -> None:
    await street.boil(languages=("nb", "ar", "uk"))
    mailbox = street.people["nb"].mailbox
    assert mailbox is not None
    new(mailbox)
    await street.press(street.link("nb"), "1")
    await street.town.settle()
    assert new(mailbox) == []


async def update_of(street: Street, alert_id: int, **values: str) -> int:
    """Replace an alert by a newer one with other values."""
    town, now = street.town, street.town.clock.now()
    newer = await town.draft({}, topic="vann", act=Act.UPDATE, onset_at=now)
    texts = [library.template("boil-water").fill(tag, VALUES | values) for tag in ("nb", "ar", "uk")]
    async with town.store.write() as conn:
        await conn.execute(update(alert).where(alert.c.id == newer).values(replaces_id=alert_id))
        await alerts.put_variants(conn, town.municipality_id, newer, texts, "Kari", now)
    await town.relay.approve(town.municipality_id, newer, "Ola")
    await town.relay.release(town.municipality_id, newer, "Ola")
    await town.settle()
    return newer


async def test_an_older_link_shows_the_newest_version_and_marks_what_is_new(street: Street) -> None:
    first = await street.boil(languages=("nb", "ar", "uk"))
    old = street.link("nb")
    await update_of(street, first, minutes="5")
    _, page = await street.get(old)
    assert "Dette er nytt. Nr. 2 gjelder i stedet for nr. 1." in page
    assert "<mark>Kok det i 5 minutter før du drikker, lager mat eller pusser tenner.</mark>" in page
    assert "<del>Kok det i 3 minutter før du drikker, lager mat eller pusser tenner.</del>" in page
    assert "<mark>Sted" not in page, "the place is the same"


async def test_an_answer_given_to_the_older_version_is_asked_for_again(street: Street) -> None:
    first = await street.boil(languages=("nb", "ar", "uk"))
    path = street.link("nb")
    _, page = await street.get(path)
    hidden = dict(re.findall(r'<input type="hidden" name="(n|id)" value="([^"]*)">', page))
    second = await update_of(street, first, minutes="5")
    async with street.session.post(street.url + path, data=hidden | {"a": "2"}) as got:
        assert "Meldingen er endret siden du åpnet siden." in await got.text()
    assert await answers(street) == 0
    await street.press(path, "2")
    assert (await street.town.reach(second)).totals.acknowledged == 1
    assert (await street.town.reach(first)).totals.acknowledged == 0


async def test_a_withdrawal_flips_every_page_and_asks_for_one_thing(street: Street) -> None:
    first = await street.boil(languages=("nb", "ar", "uk"))
    path = street.link("nb")
    await street.press(path, "3", count="30")
    withdrawal = await street.town.relay.correct(street.town.municipality_id, first, Act.WITHDRAW, "Ola")
    await street.town.settle()
    _, page = await street.get(path)
    assert "TRUKKET TILBAKE. Nr. 1 var feil, vi beklager." in page
    assert "<del>" in page
    assert "Jeg har sagt fra" in page
    assert "Jeg har lest den" not in page
    await street.press(path, "3")
    assert (await street.town.recipient(withdrawal, street.people["nb"])).rung == Rung.PASSED_ON
    assert "Jeg har sagt fra" not in (await street.get(path))[1]
    assert "Jeg har sagt fra" not in (await street.get(street.link("ar")))[1], "nor where nothing was passed on"


async def test_an_ended_message_says_so_and_takes_only_what_was_done(street: Street) -> None:
    await street.boil(languages=("nb", "ar", "uk"))
    path = street.link("nb")
    street.town.clock.advance(hours=25)
    _, page = await street.get(path)
    assert "Denne meldingen gjelder ikke lenger. Den tok slutt tir. 24.11 kl. 18.00." in page
    assert "Jeg har lest den" not in page
    assert "Jeg har gitt den videre" in page
    assert "Gi den videre</h2>" not in page.replace(" </h2>", "</h2>")


@pytest.mark.parametrize(("tag", "mark"), [("nb", "ØVELSE"), ("ar", "تمرين فقط"), ("uk", say("uk", "mark.exercise"))])
async def test_an_exercise_says_so_first_and_last_on_a_striped_band(street: Street, tag: str, mark: str) -> None:
    await street.boil(kind=Kind.EXERCISE, languages=("nb", "ar", "uk"))
    _, page = await street.get(street.link(tag))
    body = page.split("<body>")[1]
    assert body.strip().startswith(f'<p class="band"><b>{mark}</b>')
    assert body.split('<p class="band">')[-1].startswith(f"<b>{mark}</b>")
    assert body.split('<p class="band">')[-1].count("<p>") == 0, "nothing follows the last band"
    assert "repeating-linear-gradient" in page


async def test_the_text_to_pass_on_has_the_own_line_on_top_and_the_facts_locked(street: Street) -> None:
    await street.boil(languages=("nb", "ar", "uk"))
    path = street.link("nb") + "/share"
    async with street.session.post(street.url + path, data={"line": 'Hei alle!\n</textarea><script>x</script> "'}) as got:
        page = await got.text()
    assert "<script>" not in page
    text = re.search(r"<textarea[^>]*>(.*?)</textarea>", page, re.DOTALL)
    assert text is not None
    lines = text[1].replace("&#10;", "\n").splitlines()
    assert lines[0].startswith("Hei alle! &lt;/textarea&gt;")
    assert lines[1] == "Sørvik: KOK VANNET"
    assert lines[-1].startswith("Nyeste versjon: http")
    assert "sms:?&amp;body=Hei%20alle" in page
    assert "https://wa.me/?text=Hei%20alle" in page


async def test_an_exercise_that_is_passed_on_begins_and_ends_with_its_mark(street: Street) -> None:
    await street.boil(kind=Kind.EXERCISE, languages=("nb", "ar", "uk"))
    async with street.session.post(street.url + street.link("nb") + "/share", data={"line": "Hei"}) as got:
        page = await got.text()
    text = re.search(r"<textarea[^>]*>(.*?)</textarea>", page, re.DOTALL)
    assert text is not None
    assert text[1].startswith("ØVELSE&#10;Hei&#10;")
    assert text[1].endswith("&#10;ØVELSE")


async def test_the_own_page_is_sent_to_the_persons_own_address_and_stands_on_no_page(street: Street) -> None:
    await street.boil(languages=("nb", "ar", "uk"))
    _, page = await street.get(street.link("nb"))
    assert OWN.findall(page) == []
    mailbox = street.people["nb"].mailbox
    assert mailbox is not None
    new(mailbox)
    for _ in range(10):
        async with street.session.post(street.url + street.link("nb") + "/me") as got:
            assert "Lenken er på vei til deg." in await got.text()
    await street.town.settle()
    sent = new(mailbox)
    assert len(sent) == 5, "not for ever"
    assert all(OWN.search(shown.text) for shown in sent)


async def test_a_link_that_was_revoked_opens_nothing_and_the_next_message_makes_another(street: Street) -> None:
    await street.boil(languages=("nb", "ar", "uk"))
    old = street.link("nb")
    async with street.town.store.write() as conn:
        person = street.people["nb"].id
        assert await links.revoke(conn, street.town.municipality_id, person, street.town.clock.now()) == 2
        assert await links.revoke(conn, street.town.municipality_id + 1, street.people["ar"].id, street.town.clock.now()) == 0
    assert (await street.get(old))[0] == 404
    assert (await street.get(street.link("ar")))[0] == 200
    await street.town.passes(hours=1)
    await street.boil(languages=("nb", "ar", "uk"))
    assert (await street.get(street.link("nb")))[0] == 200


async def test_tokens_have_128_random_bits_and_the_database_holds_none_of_them(street: Street) -> None:
    await street.boil(languages=("nb", "ar", "uk"))
    tokens = [street.link(tag).rpartition("/")[2] for tag in ("nb", "ar", "uk")]
    assert len(set(tokens)) == 3
    assert all(links.TOKEN.match(token) for token in tokens)
    assert links.TOKEN_BYTES * 8 >= 128
    kept = str([tuple(row) for row in await rows(street.town, select(share_link))])
    assert [token for token in tokens if token in kept] == []


async def test_wrong_tokens_of_every_form_open_nothing_and_say_the_same(street: Street) -> None:
    await street.boil(languages=("nb", "ar", "uk"))
    right = street.link("nb").rpartition("/")[2]
    wrong = [
        "a" * 26,
        right[:-1],
        right + "a",
        right.upper(),
        right[:-1] + ("a" if right[-1] != "a" else "b"),
        "0" * 26,
        "%00",
        "..%2f",
        "ж" * 26,
    ]
    pages = set()
    for token in wrong:
        for path in (f"/m/{token}", f"/s/{token}", f"/me/{token}"):
            status, page = await street.get(path)
            assert status == 404
            pages.add(page)
    assert len(pages) == 1
    assert "Denne lenken virker ikke lenger." in pages.pop()


async def test_a_link_of_one_kind_opens_no_page_of_another(street: Street) -> None:
    await street.boil(languages=("nb", "ar", "uk"))
    token = street.link("nb").rpartition("/")[2]
    assert [(await street.get(f"/{kind}/{token}"))[0] for kind in ("m", "s", "me")] == [200, 404, 404]


async def test_no_sms_carries_a_link_unless_the_municipality_has_chosen_it(street: Street) -> None:
    town = street.town
    ada = await town.person("Ada", "nb", by=(Medium.SMS,))
    await street.boil(languages=("nb", "ar", "uk"))
    assert all("http" not in shown.text for shown in new(ada.phone))
    await change(town, update(Municipality).values(links_in_sms=True))
    await town.passes(hours=1)
    await street.boil(languages=("nb", "ar", "uk"))
    linked = [shown.text for shown in new(ada.phone) if "/m/" in shown.text]
    assert len(linked) >= 1
    token = re.search(r"/m/([a-z2-7]{26})", linked[-1])
    assert token is not None
    assert (await street.get(f"/m/{token[1]}"))[0] == 200
    [sent, *_] = [send for send in await sends(town, ada, Part.ASK) if send.attempts]
    assert sent.language == "nb"


async def test_a_person_whose_text_is_missing_reads_the_norwegian_and_why(street: Street) -> None:
    await street.boil(languages=("nb", "uk"))
    _, page = await street.get(street.link("ar"))
    assert '<html lang="ar" dir="rtl">' in page
    assert 'lang="nb" dir="ltr">KOK VANNET</h1>' in page
    assert say("ar", "missing.no_text") in page


async def test_another_municipalitys_alert_is_never_shown(street: Street) -> None:
    await street.boil(languages=("nb", "ar", "uk"))
    path = street.link("nb")
    await change(street.town, update(alert).values(municipality_id=street.town.municipality_id))
    assert (await street.get(path))[0] == 200
    counted = await rows(street.town, select(link_open))
    assert counted == [], "the message page counts nobody"


async def test_deliveries_name_no_token(street: Street) -> None:
    await street.boil(languages=("nb", "ar", "uk"))
    kept = await rows(street.town, select(delivery.c.text))
    assert all(row.text is None for row in kept)


def test_words_that_a_language_lacks_are_said_in_norwegian_and_marked_as_that() -> None:
    tongue = Tongue(("rhg", "ar"))
    assert str(tongue.say("message.read")) == '<span lang="ar" dir="rtl">قرأت الرسالة</span>'
    page = leaf("stranger.html", Tongue(("th", "nb"))).text or ""
    assert page.startswith('<!doctype html>\n<html lang="th"')
    assert len(LANGUAGES) > 5
    assert timedelta(days=3) == links.OWN_PAGE_FOR
