"""The register on its pages: people, groups, import, and the call list that follows every change."""

import re
from collections.abc import AsyncIterator
from typing import Any

import pytest
from sqlalchemy import func, select, update

from messages.form import Medium
from relay.model import AddressState
from relay.store import own_page, roster, trial
from relay.store.register import NewSender, Stamp, add_sender
from relay.store.tables import Address, LanguageGroup, ResourcePerson
from relay.web.pages.person_form import LABELS
from tests.web.alerts import furnish, nb, text_of
from tests.web.house import Browser, Open, opened, settings

LIST = """navn;språk;gruppe;mobil;avtale;18+ bekreftet
Dawit Tesfay;tigrinja;Tigrinja;412 34 567;2026-01-15;ja
Eden Haile;tigrinja;Tigrinja;{number};2026-01-15;ja
"""


@pytest.fixture(name="web")
async def _web(migrated_sqlite_url: str) -> AsyncIterator[Open]:
    async with opened(settings(migrated_sqlite_url)) as web:
        await furnish(web)
        yield web


async def count(web: Open) -> int:
    async with web.house.store.read() as conn:
        return int((await conn.execute(select(func.count()).select_from(ResourcePerson))).scalar_one())


async def somebody(web: Open, name: str) -> roster.Person:
    async with web.house.store.read() as conn:
        return next(one for one in await roster.everybody(conn, web.town) if one.name == name)


async def form_of(browser: Browser, path: str) -> dict[str, Any]:
    """Return a page's form as it would be sent unchanged."""
    page = text_of(await browser.get(path))
    fields = dict(re.findall(r'<input class="ds-input" id="\w+" name="(\w+)" type="\w+" value="([^"]*)"', page))
    return fields | {"groups": re.findall(r'name="groups" value="(\d+)" checked', page)}


# --- one person -------------------------------------------------------------------------------------------------------------


async def test_a_number_is_changed_and_the_rest_stays(web: Open) -> None:
    browser, before = await web.browser("coordinator"), await somebody(web, "so 0")
    path = f"/people/{before.person_id}"
    told = await form_of(browser, path)
    saved = await browser.post(path, **told | {"sms": "912 00 111"})
    assert saved.status == 303, text_of(saved)
    after = await somebody(web, "so 0")
    assert [way.value for way in after.ways] == ["+4791200111"]
    assert (after.agreed_on, after.groups, after.languages) == (before.agreed_on, before.groups, before.languages)
    async with web.house.store.read() as conn:
        kept = (await conn.execute(select(Address.state).where(Address.person_id == before.person_id))).scalars().all()
    assert sorted(kept) == [AddressState.ACTIVE, AddressState.REPLACED], "what was sent was sent to the old one"


async def test_whoever_changed_their_own_page_is_named_in_the_readers_language(web: Open) -> None:
    browser, person = await web.browser("coordinator"), await somebody(web, "so 0")
    now = web.clock.now()
    async with web.house.store.write() as conn:
        await own_page.change(conn, await own_page.own(conn, web.town, person.person_id), now, paused=True)
    for language, said in (("nb", "sist endret av personen selv"), ("nn", "sist endra av personen sjølv")):
        page = text_of(await browser.get(f"/people/{person.person_id}?lang={language}"))
        assert said in page
        assert "the person" not in page


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("/alerts/77/board", "Det er ikke noe varsel nr. 77 her."),
        ("/alerts/77/run", "Det er ikke noe varsel nr. 77 her."),
        ("/inbox/77", "Det er ingen samtale 77 her."),
        ("/tasks/77", "Det er ingen oppgave 77 her."),
    ],
)
async def test_what_is_not_there_is_named_in_the_readers_language(web: Open, path: str, said: str) -> None:
    answer = await (await web.browser("duty_officer")).get(f"{path}?lang=nb")
    assert answer.status == 404
    assert said in text_of(answer)


async def test_the_channel_of_a_sender_is_called_in_the_readers_language(web: Open) -> None:
    mailbox = NewSender(medium=Medium.EMAIL, address="varsel@moss.example", provider="email", account="email")
    async with web.house.store.write() as conn:
        await add_sender(conn, web.town, mailbox, Stamp(by="test", at=web.clock.now()))
    senders = text_of(await (await web.browser("administrator")).get("/settings?lang=nb"))
    assert "E-post" in senders
    assert "E-mail" not in senders


async def test_every_slip_of_a_form_is_named_and_nothing_is_written(web: Open) -> None:
    browser, before = await web.browser("coordinator"), await somebody(web, "so 0")
    path = f"/people/{before.person_id}"
    told = await form_of(browser, path)
    wrong = await browser.post(path, **told | {"sms": "12", "languages": "klingon", "agreed_on": "i går"})
    assert wrong.status == 422
    for name in ("sms", "languages", "agreed_on"):
        assert f'href="#{name}"' in wrong.text
        assert f'id="{name}-error"' in wrong.text
    assert await somebody(web, "so 0") == before
    assert (await (await web.browser("viewer")).post(path, **told)).status == 403


async def test_the_summary_of_slips_names_the_field_of_each(web: Open) -> None:
    browser = await web.browser("coordinator")
    page = text_of(await browser.get("/people/add?lang=nb"))
    assert [label for label in map(nb, LABELS.values()) if f">{label}" not in page] == [], "as the form calls them"
    wrong = await browser.post("/people/add?lang=nb", name="", languages="", groups="1", pause="i går")
    assert re.findall(r'<a class="ds-link" href="#(\w+)">(.+?)</a>', text_of(wrong)) == [
        ("pause", "På pause: «i går» er verken ja, nei eller en dag: skriv ja, nei eller en dag som 2026-11-23"),
        ("name", "Navn: Fyll ut dette."),
        ("languages", "Språk de leser: Fyll ut dette."),
        ("sms", "Mobil, for SMS: verken mobil, WhatsApp eller e-post: fyll ut minst én"),
    ]


async def test_two_who_share_a_number_are_told_of_each_other(web: Open) -> None:
    browser, other = await web.browser("coordinator"), await somebody(web, "so 1")
    path = f"/people/{(await somebody(web, 'so 0')).person_id}"
    assert "so 1" not in text_of(await browser.get(path)).split("<form")[0]
    await browser.post(path, **await form_of(browser, path) | {"sms": other.ways[0].value})
    page = text_of(await browser.get(f"{path}?lang=en"))
    assert re.search(r"Shares a number or mailbox with\s*<a[^>]*><bdi>so 1</bdi>", page)
    listed = text_of(await browser.get("/people?lang=en"))
    assert listed.count("shares a number with") == 2
    assert text_of(await browser.get("/people?q=nb&lang=en")).count("shares a number with") == 0


async def test_filters_stand_in_the_address_and_the_file_can_be_read_back(web: Open) -> None:
    browser = await web.browser("coordinator")
    assert text_of(await browser.get("/people?q=so")).count('<th scope="row">') == 3
    assert text_of(await browser.get("/people?medium=email")).count('<th scope="row">') == 0
    file = (await browser.get("/people?as=csv")).text
    tried = await browser.post("/people/import?lang=en", text=file.removeprefix("\ufeff"), do="try")
    assert "0 people would be added, 0 would be changed, 6 stay as before" in text_of(tried)


# --- import -----------------------------------------------------------------------------------------------------------------


async def test_an_import_is_tried_first_names_wrong_rows_and_writes_all_or_nothing(web: Open) -> None:
    browser, before = await web.browser("coordinator"), await count(web)
    wrong = await browser.post("/people/import?lang=en", text=LIST.format(number="12"), do="write")
    assert wrong.status == 422
    assert re.search(
        r'<td class="n" data-name="Row">3</td><td data-name="Name"><bdi>.+?</bdi></td><td data-name="Column">mobil</td>', wrong.text
    )
    assert "Nothing has been written." in wrong.text
    tried = await browser.post("/people/import?lang=en", text=LIST.format(number="41234568"), do="try")
    assert "2 people would be added" in tried.text
    assert "1 new group would be made" in tried.text
    assert await count(web) == before
    written = await browser.post("/people/import?lang=en", text=LIST.format(number="41234568"), do="write", new_groups="yes")
    assert "2 people added" in written.text
    again = await browser.post("/people/import?lang=en", text=LIST.format(number="41234568"), do="write")
    assert "0 people added, 0 changed, 2 as before" in again.text
    assert await count(web) == before + 2


async def test_an_agreement_that_begins_later_is_told_on_trial_and_in_the_register(web: Open) -> None:
    browser = await web.browser("coordinator")
    heads, row = "navn;språk;mobil;avtale;avtale til;18+ bekreftet", "so;41234567"
    listed = f"{heads}\nHodan Ali;{row};2099-01-01;;ja"
    tried = text_of(await browser.post("/people/import?lang=nb", text=listed, do="try"))
    assert "avtalen begynner 01.01.2099: før det sendes ingenting til denne personen" in tried
    ended = await browser.post("/people/import?lang=nb", text=f"{heads}\nHodan Ali;{row};2020-01-01;2021-01-01;ja", do="try")
    assert "avtalen ble avsluttet 01.01.2021: ingenting sendes til denne personen" in text_of(ended)
    await browser.post("/people/import?lang=nb", text=listed, do="write")
    person = await somebody(web, "Hodan Ali")
    for page in ("/people?lack=later", f"/people/{person.person_id}"):
        told = text_of(await browser.get(page))
        assert "rolleavtalen begynner 1. jan. 2099" in told
        assert "Hodan Ali" in told
    assert "Hodan Ali" not in text_of(await browser.get("/people?lack=agreement"))


async def test_a_new_group_is_made_only_when_somebody_has_said_that_it_is_meant(web: Open) -> None:
    """A mistyped group would be one of its own, that no text in its language is looked for."""
    browser, before = await web.browser("coordinator"), await count(web)
    async with web.house.store.write() as conn:
        await conn.execute(update(LanguageGroup).where(LanguageGroup.language == "so").values(name="Somaliere i Nes"))
    rows = ("Hodan Ali;somali;Somaliere i Ness;41234567", "Axmed Ali;somali;Somail;41234568", "Eva Li;somali;Foreldre;41234569")
    listed = "\n".join(("navn;språk;gruppe;mobil", *rows))
    tried = text_of(await browser.post("/people/import?lang=nb", text=listed, do="try"))
    assert "Det ville bli laget 3 nye grupper" in tried
    named = [re.sub(r"<[^>]+>", "", one) for one in re.findall(r"<li><strong>(.+?)</li>", tried)]
    assert named == ["Somaliere i Ness – menes Somaliere i Nes?", "Somail – menes Somali?", "Foreldre"]
    refused = await browser.post("/people/import?lang=nb", text=listed, do="write")
    assert (refused.status, "Si først at de nye gruppene er ment" in refused.text, await count(web)) == (422, True, before)
    written = await browser.post("/people/import?lang=nb", text=listed, do="write", new_groups="yes")
    assert (written.status, await count(web)) == (200, before + 3)


async def test_an_unknown_deputy_is_one_error_in_the_readers_language_with_the_name_of_the_row(web: Open) -> None:
    browser = await web.browser("coordinator")
    listed = "navn;språk;mobil;stedfortreder for\nRahwa Habte;norsk;41234567;Ukjent Person\nSelam Tekle;klingonsk;41234568;"
    wrong = await browser.post("/people/import?lang=nb", text=listed, do="try")
    rows = [re.sub(r"<[^>]+>", " ", row).split() for row in re.findall(r"<tr>(<td.+?)</tr>", text_of(wrong))]
    assert [" ".join(row) for row in rows[:4]] == [
        "2 Rahwa Habte stedfortreder for «Ukjent Person» er verken i denne filen eller i registeret: skriv navnet slik det står der",
        "3 Selam Tekle språk «klingonsk» er ikke et språk vi kjenner: skriv navnet eller koden, som tigrinja eller ti",
        "2 Rahwa Habte språk «norsk» er tatt som bokmål; er det ikke det, skriv nynorsk",
        "2 Rahwa Habte uten datert avtale sendes ingenting til denne personen",
    ]


# --- groups -----------------------------------------------------------------------------------------------------------------


async def test_a_group_is_made_changed_and_kept_as_long_as_somebody_is_in_it(web: Open) -> None:
    browser = await web.browser("coordinator")
    fields = {"language": "ti", "name": "Tigrinja i Nes", "quorum": "3"}
    made = await browser.post("/people/groups/new", **fields, estimate="120")
    assert (made.status, await _group(web, "ti")) == (422, None), "a size without its source"
    await browser.post("/people/groups/new", **fields, estimate="120", estimate_source="SSB 09817", estimate_on="2026-01-01")
    group = await _group(web, "ti")
    assert (group.name, group.quorum, group.estimate) == ("Tigrinja i Nes", 3, 120)
    await browser.post("/people/groups", name="Omar", phone="912 00 222", hours="08-16")
    page = (await browser.get(f"/people/groups/{group.id}")).text
    contact = re.findall(r'<option value="(\d+)">Omar', page)[0]
    await browser.post(f"/people/groups/{group.id}", name="Tigrinja", quorum="2", contact=contact)
    assert (await _group(web, "ti")).contact_point_id == int(contact)
    somali = await _group(web, "so")
    refused = await browser.post(f"/people/groups/{somali.id}", name="so", quorum="2", do="remove")
    assert (refused.status, (await _group(web, "so")).id) == (422, somali.id)
    await browser.post(f"/people/groups/{group.id}", name="x", quorum="1", do="remove")
    assert await _group(web, "ti") is None


async def _group(web: Open, language: str) -> Any:
    async with web.house.store.read() as conn:
        mine = (LanguageGroup.municipality_id == web.town, LanguageGroup.language == language)
        return (await conn.execute(select(LanguageGroup.__table__).where(*mine))).one_or_none()


# --- the call list ----------------------------------------------------------------------------------------------------------


async def test_the_call_list_is_the_register_as_it_is_and_an_old_copy_is_told(web: Open) -> None:
    officer, coordinator = await web.browser("duty_officer"), await web.browser("coordinator")
    person = await somebody(web, "so 0")
    page = text_of(await officer.get("/call-list?lang=en"))
    assert all(f"so {n}" in page for n in range(3))
    phrase = "fire ord som ingen vet"
    file = await officer.post("/call-list", passphrase=phrase, again=phrase)
    assert "so 0" not in file.text
    assert "attachment" in file.headers["Content-Disposition"]
    assert "Up to date" in text_of(await officer.get("/call-list?lang=en"))
    assert "Your call list is old" not in text_of(await officer.get("/inbox?lang=en"))
    path = f"/people/{person.person_id}"
    await coordinator.post(path, **await form_of(coordinator, path) | {"sms": "91200333"})
    assert "+4791200333" in (await officer.get("/call-list")).text
    assert "Your copy is old" in text_of(await officer.get("/call-list?lang=en"))
    assert "call list is old" in text_of(await officer.get("/inbox?lang=en"))
    assert (await (await web.browser("viewer")).get("/call-list")).status == 403


# --- the trial ----------------------------------------------------------------------------------------------------------------


async def test_a_person_of_the_register_is_put_on_the_list_of_the_trial(web: Open) -> None:
    boss, one = await web.browser("administrator"), await somebody(web, "so 0")
    offered = f'<option value="{one.person_id}">so 0</option>'
    assert offered in (await boss.get("/trial")).text
    assert (await boss.post("/trial/allow", person=str(one.person_id))).status == 303
    async with web.house.store.read() as conn:
        assert await trial.people_allowed(conn, web.town, web.clock.now()) == {one.person_id}
    page = (await boss.get("/trial")).text
    assert offered not in page
    assert "<span>so 0</span>" in page
    assert (await boss.post("/trial/allow", person="999999")).status == 404
    assert (await boss.post("/trial/allow", person="so 0")).status == 404
