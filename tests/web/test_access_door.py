"""The door: who comes in, with which cookies, and how strangers who guess are kept out without shutting anybody else out."""

from collections.abc import AsyncIterator
from datetime import timedelta

import pyotp
import pytest
from sqlalchemy import select, update

from messages.alert import Alert, Kind, Variant
from relay.model import NotAllowed
from relay.store import alerts, users
from relay.store.acting import acts
from relay.store.register import Stamp
from relay.store.tables import User, login_attempt
from tests.web.house import PASSWORD, Browser, Open, opened, settings


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


async def test_only_a_place_of_ours_is_gone_back_to(web: Open) -> None:
    browser = await web.browser()
    for place in ("https://evil.example", "//evil.example", "/\\evil.example", "/%0d\n/x", "javascript:alert(1)", "/\t/evil.example"):
        answer = await browser.ask("POST", "/sign-in", data={"login": "viewer", "password": PASSWORD, "next": place})
        assert (answer.status, answer.location) == (303, "/"), place


async def test_the_cookie_is_kept_from_scripts_and_other_sites_and_new_at_every_sign_in(web: Open) -> None:
    browser = await web.browser("viewer")
    before = browser.cookie()
    answer = await browser.sign_in("viewer")
    assert "HttpOnly" in answer.headers["Set-Cookie"]
    assert "SameSite=Lax" in answer.headers["Set-Cookie"]
    assert "Secure" not in answer.headers["Set-Cookie"], "by http on this machine"
    assert browser.cookie() != before
    assert (await browser.ask("GET", "/me", headers={"Cookie": f"budstikke={before}"})).status in (200, 303)
    thief = await web.browser()
    assert (await thief.ask("GET", "/me", headers={"Cookie": f"budstikke={before}"})).status == 303, "the old session ended"


async def test_behind_https_the_cookie_is_the_hosts_own(web: Open) -> None:
    web.house.relay.desk.public_url = "https://varsel.example"
    browser = await web.browser()
    answer = await browser.ask("POST", "/sign-in", data={"login": "viewer", "password": PASSWORD, "next": "/"})
    assert answer.headers["Set-Cookie"].startswith("__Host-budstikke")
    assert all(mark in answer.headers["Set-Cookie"] for mark in ("Secure", "HttpOnly", "SameSite=Lax", "Path=/"))
    assert "max-age" in answer.headers["Strict-Transport-Security"]


async def test_a_planted_session_opens_nothing(web: Open) -> None:
    browser = await web.browser()
    answer = await browser.ask(
        "POST", "/sign-in", data={"login": "viewer", "password": PASSWORD}, headers={"Cookie": "budstikke=planted-by-somebody"}
    )
    assert answer.status == 303
    assert (await (await web.browser()).ask("GET", "/me", headers={"Cookie": "budstikke=planted-by-somebody"})).status == 303


async def test_signing_out_ends_the_session_and_only_by_a_form_of_ours(web: Open) -> None:
    browser = await web.browser("viewer")
    token = browser.cookie()
    assert (await browser.get("/sign-out")).status == 405
    assert (await browser.ask("POST", "/sign-out")).status == 403
    assert (await browser.post("/sign-out")).status == 303
    assert (await (await web.browser()).ask("GET", "/me", headers={"Cookie": f"budstikke={token}"})).status == 303


async def test_no_form_is_taken_from_elsewhere_or_without_its_own_token(web: Open) -> None:
    one, two = await web.browser("viewer"), await web.browser("coordinator")
    change = {"email": "", "phone": "", "language": "nn"}
    tried = [
        await one.ask("POST", "/me", data=change),
        await one.ask("POST", "/me", data={**change, "csrf": "0" * 64}),
        await one.ask("POST", "/me", data={**change, "csrf": two.csrf}),
        await one.ask("POST", "/me", data={**change, "csrf": one.csrf}, headers={"Sec-Fetch-Site": "cross-site"}),
        await one.ask("POST", "/me", data={**change, "csrf": one.csrf}, headers={"Sec-Fetch-Site": "same-site"}),
        await one.ask("POST", "/me", data={**change, "csrf": one.csrf}, headers={"Origin": "https://evil.example"}),
        await one.ask("POST", "/me", data={**change, "csrf": one.csrf}, headers={"Origin": "null"}),
        await one.ask("POST", "/me", data={**change, "csrf": one.csrf}, headers={"Content-Type": "text/plain"}),
        await one.ask("POST", "/sign-in", data={"login": "viewer", "password": PASSWORD}, headers={"Sec-Fetch-Site": "cross-site"}),
    ]
    assert [answer.status for answer in tried] == [403] * len(tried)
    async with web.house.store.read() as conn:
        assert (await users.find(conn, web.town, web.users["viewer"])).language == ""
    assert (await one.post("/me", **change)).status == 303


async def test_every_answer_is_hardened(web: Open) -> None:
    browser = await web.browser("viewer")
    for path in ("/me", "/sign-in", "/nowhere", "/users", "/healthz", "/avmeld/x", "/static/css/app.css"):
        headers = (await browser.get(path)).headers
        policy = headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert "*" not in policy
        assert headers["X-Content-Type-Options"] == "nosniff"


async def test_a_session_ends_when_idle_and_after_a_shift_and_says_so_before(web: Open) -> None:
    browser, idle = await web.browser("duty_officer"), await web.browser("viewer")
    assert "signed out" not in (await browser.get("/session/left?lang=en")).text
    web.passes(minutes=51)
    assert "You will be signed out at" in (await browser.get("/session/left?lang=en")).text
    assert "Stay signed in" in (await browser.get("/session/left?lang=en")).text, "asking keeps nothing open"
    assert (await browser.post("/session/keep", next="/me")).location == "/me"
    web.passes(minutes=10)
    assert (await idle.get("/me")).status == 303
    for _ in range(14):
        web.passes(minutes=45)
        assert (await browser.get("/me")).status == 200
    web.passes(minutes=20)
    assert (await browser.get("/me")).status == 200
    web.passes(minutes=2)
    text = (await browser.get("/session/left?lang=en")).text
    assert "Stay signed in" not in text
    assert "You will be signed out at" in text
    web.passes(minutes=8)
    assert (await browser.get("/me")).status == 303, "a shift is over"


# --- strangers who guess --------------------------------------------------------------------------------------------------


async def guess(browser: Browser, login: str, times: int) -> list[int]:
    return [(await browser.sign_in(login, "not the password")).status for _ in range(times)]


async def test_ten_guesses_shut_the_door_for_strangers_and_not_for_who_is_known_or_shows_a_code(web: Open) -> None:
    known, stranger = await web.browser("duty_officer"), await web.browser()
    assert await guess(stranger, "duty_officer", 12) == [403] * 10 + [429] * 2
    assert (await stranger.sign_in("duty_officer")).status == 429, "even with the right password"
    assert (await known.sign_in("duty_officer")).status == 303, "where they have signed in before"
    secret = pyotp.random_base32()
    async with web.house.store.write() as conn:
        stamp = Stamp(by="", at=web.clock.now())
        await users.set_second_factor(conn, web.town, web.users["duty_officer"], secret, (), stamp)
    code = pyotp.TOTP(secret).at(web.clock.now())
    assert (await (await web.browser()).sign_in("duty_officer", "not the password", code)).status == 403
    assert (await (await web.browser()).sign_in("duty_officer", code=code)).status == 303, "on a new telephone, with the second factor"
    web.passes(minutes=16)
    assert (await stranger.sign_in("viewer")).status == 303


async def test_a_distributed_attack_keeps_nobody_out_who_is_known(web: Open) -> None:
    known = await web.browser("duty_officer")
    for step in range(15):
        bot = await web.browser(**{"X-Forwarded-For": f"203.0.113.{step}"})
        await bot.sign_in("duty_officer", "not the password")
    assert (await (await web.browser(**{"X-Forwarded-For": "198.51.100.1"})).sign_in("duty_officer")).status == 429
    assert (await known.sign_in("duty_officer")).status == 303


async def test_one_address_is_slowed_down_over_all_logins_and_another_is_not(web: Open) -> None:
    bot = await web.browser(**{"X-Forwarded-For": "203.0.113.9"})
    statuses = [(await bot.sign_in(f"nobody{step}", "not the password")).status for step in range(12)]
    assert statuses == [403] * 10 + [429] * 2
    assert (await bot.sign_in("viewer")).status == 429
    other = await web.browser(**{"X-Forwarded-For": "203.0.113.10"})
    assert (await other.sign_in("viewer")).status == 303


async def test_a_known_browser_has_ten_tries_of_its_own_and_shuts_out_nobody_else(web: Open) -> None:
    known, other = await web.browser("viewer"), await web.browser()
    assert (await guess(known, "viewer", 11))[-2:] == [403, 429]
    assert (await other.sign_in("viewer")).status == 303


async def test_a_login_that_nobody_has_is_answered_like_one_that_somebody_has(web: Open) -> None:
    answers: list[list[tuple[int, str]]] = []
    for login in ("viewer", "nobody"):
        browser = await web.browser(**{"X-Forwarded-For": f"203.0.113.{len(answers)}"})
        tried = [await browser.sign_in(login, "not the password") for _ in range(11)]
        answers.append([(answer.status, answer.text.replace(login, "LOGIN")) for answer in tried])
    assert answers[0] == answers[1]
    async with web.house.store.read() as conn:
        rows = (await conn.execute(select(login_attempt))).all()
    assert len(rows) == 22 - 2
    assert not any("viewer" in str(row) or "203.0" in str(row) for row in rows), "fingerprints only"


# --- two persons ----------------------------------------------------------------------------------------------------------


async def test_nobody_approves_what_they_wrote_under_whatever_name(web: Open) -> None:
    relay, now = web.house.relay, web.clock.now()
    value = Alert(number=0, kind=Kind.ACTUAL, event="vann", sent_at=now, expires_at=now + timedelta(hours=9))
    author, second = web.users["coordinator"], web.users["approver"]
    new = alerts.NewAlert(
        alert=value, variants=[Variant(language="nb", headline="Kok", forward="x")], author="The coordinator", source="form"
    )
    with acts("web", author):
        async with web.house.store.write() as conn:
            alert_id = await alerts.save(conn, web.town, new, now)
        for name in ("The coordinator", "Somebody Else", "The approver", ""):
            with pytest.raises(NotAllowed):
                await relay.approve(web.town, alert_id, name)
    with acts("cli"), pytest.raises(NotAllowed):
        await relay.approve(web.town, alert_id, " the  COORDINATOR")
    async with web.house.store.write() as conn:
        await conn.execute(update(User).where(User.id == author).values(name="Renamed", name_key="renamed"))
    with acts("cli"), pytest.raises(NotAllowed):
        await relay.approve(web.town, alert_id, "Renamed")
    with acts("web", second):
        await relay.approve(web.town, alert_id, "The approver")
    async with web.house.store.read() as conn:
        row = await alerts.row_of(conn, web.town, alert_id)
    assert (row.author_id, row.approver_id) == (author, second)
