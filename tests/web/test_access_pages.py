"""Users, invitations, sessions, second factor, trial mode and acts, as people use them over HTTP."""

import re
from collections.abc import AsyncIterator
from pathlib import Path

import pyotp
import pytest

from relay.store import users
from relay.store.register import Stamp
from tests.web.house import PASSWORD, Open, opened, password_hash, settings


@pytest.fixture(name="house")
async def _house(migrated_sqlite_url: str) -> AsyncIterator[Open]:
    async with opened(settings(migrated_sqlite_url)) as web:
        yield web


async def test_an_invitation_makes_one_user_once(house: Open) -> None:
    boss = await house.browser("administrator")
    page = await boss.post("/users/invite", name="Åse Berg", role="approver", email="ase@moss.example")
    link = re.search(r"/invitation/[\w-]{43}", page.text)
    assert page.status == 200
    assert link
    guest = await house.browser()
    for _ in range(2):
        assert "Åse Berg" in (await guest.get(link[0])).text, "looking uses nothing up"
    assert (await guest.post(link[0], login="aase", password="kort")).status == 400
    assert (await guest.post(link[0], login="aase", password="hest sykkel båt")).status == 303
    assert (await guest.post(link[0], login="aase2", password="hest sykkel båt")).status == 404
    assert (await guest.get(link[0])).status == 404
    assert (await guest.sign_in("aase", "hest sykkel båt")).status == 303
    assert (await guest.get("/users")).status == 403
    assert (await guest.get("/me")).status == 200


async def test_what_is_wrong_with_an_invitation_is_said_in_its_form_and_nothing_else_is_lost(house: Open) -> None:
    boss, guest = await house.browser("administrator"), await house.browser()
    nobody = await boss.post("/users/invite", name="Åse Berg", email="ase@moss.example")
    assert nobody.status == 400
    assert 'value="Åse Berg"' in nobody.text
    assert 'value="ase@moss.example"' in nobody.text
    made = await boss.post("/users/invite", name="Åse Berg", role="approver")
    [link] = re.findall(r"/invitation/[\w-]{43}", made.text)[:1]
    good = {"login": "aase", "phone": "+4790000009", "password": "hest sykkel båt"}
    for wrong, value in (("password", "kort"), ("login", "viewer"), ("phone", "12")):
        page = await guest.post(link, **{**good, wrong: value})
        assert page.status == 400, wrong
        assert re.search(rf'id="{wrong}"[^>]*aria-invalid="true"', page.text), wrong
        for kept in {"login", "phone"} - {wrong}:
            assert f'value="{good[kept]}"' in page.text, wrong
        assert good["password"] not in page.text
    used = await guest.post(link, **good)
    assert used.status == 303
    assert "Brukeren din er klar" in (await guest.get(f"{used.location}&lang=nb")).text
    await guest.sign_in("aase", good["password"])
    assert good["phone"] in (await guest.get("/me")).text


async def test_a_user_left_without_a_role_is_refused_beside_the_ticks(house: Open) -> None:
    boss = await house.browser("administrator")
    refused = await boss.post(f"/users/{house.users['viewer']}/roles")
    assert refused.status == 400
    assert 'class="ds-validation-message" role="alert"' in refused.text
    assert f'action="/users/{house.users["viewer"]}/roles"' in refused.text


async def test_an_invitation_that_is_taken_back_or_old_opens_nothing(house: Open) -> None:
    boss, guest = await house.browser("administrator"), await house.browser()
    links = [
        re.search(r"/invitation/[\w-]{43}", (await boss.post("/users/invite", name=name, role="viewer")).text) for name in ("A b", "C d")
    ]
    listed = (await boss.get("/users")).text
    number = re.findall(r"/invitations/(\d+)/end", listed)[-1]
    assert (await boss.post(f"/invitations/{number}/end")).status == 303
    assert links[0]
    assert links[1]
    assert (await guest.get(links[0][0])).status == 404
    assert (await guest.get(links[1][0])).status == 200
    house.passes(days=7, seconds=1)
    assert (await guest.get(links[1][0])).status == 404


async def test_a_link_to_a_new_password_ends_every_session(house: Open) -> None:
    boss, viewer = await house.browser("administrator"), await house.browser("viewer")
    link = re.search(r"/invitation/[\w-]{43}", (await boss.post(f"/users/{house.users['viewer']}/reset")).text)
    assert link
    assert (await (await house.browser()).post(link[0], password="hest sykkel båt")).status == 303
    assert (await viewer.get("/me")).status == 303
    assert (await viewer.sign_in("viewer")).status == 403
    assert (await viewer.sign_in("viewer", "hest sykkel båt")).status == 303


async def test_who_is_shut_out_is_out_at_once_and_the_last_administrator_cannot_be(house: Open) -> None:
    boss, viewer = await house.browser("administrator"), await house.browser("viewer")
    assert (await boss.post(f"/users/{house.users['viewer']}/shut-out")).status == 303
    assert (await viewer.get("/me")).status == 303
    assert (await viewer.sign_in("viewer")).status == 403
    own = house.users["administrator"]
    assert (await boss.post(f"/users/{own}/shut-out")).status == 403
    assert (await boss.post(f"/users/{own}/roles", role="viewer")).status == 403
    assert (await boss.get("/users")).status == 200
    assert (await boss.post(f"/users/{house.users['viewer']}/let-in")).status == 303
    assert (await viewer.sign_in("viewer")).status == 303


async def test_a_changed_role_holds_from_the_next_request(house: Open) -> None:
    boss, viewer = await house.browser("administrator"), await house.browser("viewer")
    assert (await viewer.get("/audit")).status == 403
    await boss.post(f"/users/{house.users['viewer']}/roles", role="administrator")
    assert (await viewer.get("/audit")).status == 200


async def test_sessions_are_listed_and_ended_ones_own_and_by_administrators_all(house: Open) -> None:
    here, there, boss = await house.browser("viewer"), await house.browser("viewer"), await house.browser("administrator")
    ids = re.findall(r"/sessions/(\d+)/end", (await here.get("/sessions")).text)
    assert len(ids) == 2, "one's own, not the administrator's"
    all_ids = re.findall(r"/sessions/(\d+)/end", (await boss.get("/sessions")).text)
    assert set(ids) < set(all_ids)
    bosses = (set(all_ids) - set(ids)).pop()
    assert (await here.post(f"/sessions/{bosses}/end")).status == 404
    assert (await here.post(f"/sessions/{max(ids, key=int)}/end")).status == 303
    assert (await there.get("/me")).status == 303
    assert (await here.get("/me")).status == 200
    assert (await boss.post(f"/sessions/{min(ids, key=int)}/end")).status == 303
    assert (await here.get("/me")).status == 303


async def test_another_towns_administrator_finds_nothing_of_ours(house: Open) -> None:
    stranger, viewer = await house.browser("elsewhere"), await house.browser("viewer")
    mine = house.users["viewer"]
    assert (await stranger.get(f"/users/{mine}")).status == 404
    for what in ("roles", "shut-out", "let-in", "reset"):
        assert (await stranger.post(f"/users/{mine}/{what}", role="administrator")).status == 404
    number = re.findall(r"/sessions/(\d+)/end", (await viewer.get("/sessions")).text)[0]
    assert (await stranger.post(f"/sessions/{number}/end")).status == 404
    assert (await viewer.get("/me")).status == 200
    assert "The viewer" not in (await stranger.get("/users")).text + (await stranger.get("/audit")).text


async def test_the_second_factor_is_turned_on_used_once_per_code_and_recovered(house: Open) -> None:
    browser = await house.browser("duty_officer")
    page = (await browser.get("/me/second-factor")).text
    assert "<svg" in page
    sealed, secret = re.search(r'name="sealed" value="([^"]+)"', page), re.search(r'class="secret">([A-Z2-7]{32})<', page)
    assert sealed
    assert secret
    code = pyotp.TOTP(secret[1])
    other = await house.browser("viewer")
    assert (await other.post("/me/second-factor", sealed=sealed[1], code=code.at(house.clock.now()))).status == 400, "another's secret"
    wrong = f"{(int(code.at(house.clock.now())) + 1) % 10**6:06}"
    assert (await browser.post("/me/second-factor", sealed=sealed[1], code=wrong)).status == 400
    page = (await browser.post("/me/second-factor", sealed=sealed[1], code=code.at(house.clock.now()))).text
    codes = re.findall(r"<li>(\w{5}-\w{5})</li>", page)
    assert len(set(codes)) == 10
    fresh = await house.browser()
    assert (await fresh.sign_in("duty_officer")).status == 403, "the password alone is not enough"
    assert (await fresh.sign_in("duty_officer", code=code.at(house.clock.now()))).status == 403, "that code was used to turn it on"
    house.passes(seconds=60)
    assert (await fresh.sign_in("duty_officer", code=code.at(house.clock.now()))).status == 303
    assert (await (await house.browser()).sign_in("duty_officer", code=code.at(house.clock.now()))).status == 403, "no code is good twice"
    assert (await (await house.browser()).sign_in("duty_officer", code=codes[0].upper())).status == 303
    assert (await (await house.browser()).sign_in("duty_officer", code=codes[0])).status == 403
    assert (await browser.post("/me/second-factor/off", code="000000")).status == 400
    house.passes(seconds=60)
    assert (await browser.post("/me/second-factor/off", code=code.at(house.clock.now()))).status == 303
    assert (await (await house.browser()).sign_in("duty_officer")).status == 303


async def test_an_administrator_switches_trial_mode_off_and_the_band_goes(house: Open) -> None:
    boss = await house.browser("administrator")
    assert "band-trial" in (await boss.get("/trial")).text
    assert (await boss.post("/trial/allow", value="412 34 567")).status == 303
    page = (await boss.get("/trial")).text
    assert "+4741234567" in page
    assert (await boss.post("/trial/allow", value="+4741234567")).status == 400
    [entry] = re.findall(r"/trial/allow/(\d+)/end", page)
    assert (await (await house.browser("elsewhere")).post(f"/trial/allow/{entry}/end")).status == 404
    assert (await boss.post(f"/trial/allow/{entry}/end")).status == 303
    assert (await (await house.browser("coordinator")).post("/trial/real")).status == 403
    assert (await boss.post("/trial/real")).status == 303
    assert "band-trial" not in (await boss.get("/me")).text
    assert "band-trial" in (await (await house.browser("elsewhere")).get("/me")).text
    assert "Avsluttet prøvedrift" in (await boss.get("/audit?search=trial&lang=nb")).text


async def test_acts_are_searched_by_name_and_paged(house: Open) -> None:
    boss = await house.browser("administrator")
    for _ in range(55):
        await boss.post("/me", email="", phone="", language="nb")
    page = (await boss.get("/audit?search=The+administrator&lang=nb")).text
    assert page.count("Endret en bruker") == 50
    older = re.search(r"before=(\d+)", page)
    assert older
    assert "Endret en bruker" in (await boss.get(f"/audit?search=The+administrator&before={older[1]}")).text
    assert "La til en bruker" not in (await boss.get("/audit?search=sign_in")).text


async def test_acts_are_read_and_found_in_their_readers_language(house: Open) -> None:
    boss = await house.browser("administrator")
    await boss.post("/settings/tokens", name="Kart", user=str(house.users["coordinator"]), scope="write")
    for language, made, looked_for in (("nb", "Laget en nøkkel", "laget+nøkkel"), ("nn", "Laga ein nøkkel", "laga+nøkkel")):
        found = (await boss.get(f"/audit?search={looked_for}&lang={language}")).text
        assert made in found
        assert "Nøkkel 1<" in found
        assert found.count("<tr>") == 2, "the heads of the columns, and this act alone"
        assert not re.search(r"token\.add|house|&#39;", found)
    assert "Skrive varsler" in (await boss.get("/audit?search=token.add&lang=nb")).text, "a scope in words, found by the act's own name"
    assert (await boss.get("/audit?search=Nøkkel+1&lang=nb")).text.count("<tr>") == 2, "found as the page calls it"
    assert "<tr>" not in (await boss.get("/audit?search=Nøkkel+11&lang=nb")).text


async def test_a_token_says_what_it_lets_a_program_do_with_the_scope_beside(house: Open) -> None:
    boss = await house.browser("administrator")
    await boss.post("/settings/tokens", name="Kart", user=str(house.users["coordinator"]), scope="read")
    page = (await boss.get("/settings/tokens?lang=nb")).text
    assert page.count("Se varsler <small><code>read</code></small>") == 2, "in the list, and in the form"


async def test_a_password_for_one_use_opens_only_the_page_for_a_new_one(house: Open) -> None:
    async with house.house.store.write() as conn:
        stamp = Stamp(by="", at=house.clock.now())
        await users.set_password(conn, house.town, house.users["viewer"], password_hash(), stamp, once=True)
    browser = await house.browser("viewer")
    assert (await browser.get("/me")).location == "/me/password"
    assert (await browser.post("/me/password", before="wrong one here", after="hest sykkel båt")).status == 400
    assert (await browser.post("/me/password", before=PASSWORD, after=PASSWORD)).status == 400
    assert (await browser.post("/me/password", before=PASSWORD, after="hest sykkel båt")).status == 303
    assert (await browser.get("/me")).status == 200


def test_every_template_of_the_door_stands_without_inline_style_or_script() -> None:
    for file in Path("relay/web/templates/access").glob("*.html"):
        assert not re.search(r"<style|<script|\sstyle=|\son\w+=", file.read_text()), file


async def test_an_address_that_leads_nowhere_is_a_page_with_a_way_back(house: Open) -> None:
    viewer, stranger = await house.browser("viewer"), await house.browser()
    for path in ("/nowhere", "/alerts/abc", "/alerts/999/board", "/people/99999999"):
        answer = await viewer.get(f"{path}?lang=en")
        assert answer.status in (403, 404), path
        assert 'href="/"' in answer.text, path
        assert 'aria-label="Main menu"' in answer.text, "whoever is signed in has the bar"
    lost = await stranger.get("/nowhere?lang=en")
    assert (lost.status, "No page has this address." in lost.text, "Main menu" in lost.text) == (404, True, False)
    assert (await viewer.get("/api/v1/nowhere")).headers["Content-Type"].startswith(("application/problem+json", "text/plain"))


# --- how one wants the pages ----------------------------------------------------------------------------------------------


async def test_what_is_chosen_in_the_menu_holds_on_every_later_page_of_this_browser(house: Open) -> None:
    guest = await house.browser()
    assert ">Sign in</h1>" in (await guest.get("/sign-in?lang=en")).text
    assert ">Sign in</h1>" in (await guest.get("/sign-in")).text
    await guest.sign_in("viewer")
    assert ">Alerts</h1>" in (await guest.get("/alerts")).text
    await guest.get("/alerts?scheme=dark")
    page = (await guest.get("/people")).text
    assert 'data-color-scheme="dark"' in page
    assert 'lang="en"' in page
    chosen = await guest.get("/?lang=nn")
    assert all(mark in chosen.headers["Set-Cookie"] for mark in ("budstikke-language=nn", "HttpOnly", "SameSite=Lax", "Path=/", "Max-Age"))
    assert "Set-Cookie" not in (await guest.get("/alerts")).headers
    other = await house.browser("viewer")
    assert 'lang="nb"' in (await other.get("/alerts")).text, "another browser is not asked to follow"
    await guest.post("/sign-out")
    page = (await guest.get("/sign-in")).text
    assert ('lang="nb"' in page, 'data-color-scheme="dark"' in page) == (True, False), "nor is whoever comes to it next"


async def test_the_menu_changes_one_thing_of_an_address_and_leaves_the_rest(house: Open) -> None:
    guest = await house.browser()
    page = (await guest.get("/sign-in?next=/alerts%3Fstate%3Dout&lang=nn")).text
    assert 'href="?next=%2Falerts%3Fstate%3Dout&amp;lang=en"' in page
    assert 'href="?next=%2Falerts%3Fstate%3Dout&amp;lang=nn&amp;scheme=dark"' in page


async def test_the_language_of_the_account_takes_the_place_of_what_the_menu_was_told(house: Open) -> None:
    browser = await house.browser("viewer")
    await browser.get("/me?lang=en")
    await browser.post("/me", email="", phone="+4790000008", language="")
    assert 'lang="en"' in (await browser.get("/alerts")).text, "another change of the account is none of the language"
    await browser.post("/me", email="", phone="", language="nn")
    assert 'lang="nn"' in (await browser.get("/alerts")).text


async def test_nobody_who_only_holds_a_link_gets_a_cookie_and_no_other_site_chooses(house: Open) -> None:
    guest = await house.browser()
    for path in ("/m/x", "/s/x", "/me/x", "/avmeld/x", "/wall/x", "/nowhere"):
        assert "Set-Cookie" not in (await guest.get(f"{path}?lang=en&scheme=dark")).headers, path
    led = await guest.ask("GET", "/sign-in?lang=en", headers={"Sec-Fetch-Site": "cross-site"})
    assert "Set-Cookie" not in led.headers
