"""The API: its description is true, its acts follow the pages' rules, a repetition does nothing, errors are problems in words."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from io import BytesIO
from typing import Any

import aiohttp
import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator
from sqlalchemy import func, select

from messages.cap import read as read_cap
from relay.model import Role
from relay.store import sealing, tokens, users
from relay.store.register import Stamp
from relay.store.tables import act_log, alert
from relay.town import demo_alert
from relay.web.api.describe import describe
from relay.web.api.operation import Scope
from relay.web.api.operations import OPERATIONS
from tests.web.conftest import Web

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest.fixture(autouse=True)
def keyring(open_web: Web) -> sealing.Keyring:
    """The house that is up has keys of its own."""
    sealing.use(open_web.keys)
    return open_web.keys


TEXT = {"language": "nb", "headline": "GÅ UT"}
DRAFT = {"kind": "ACTUAL", "event": "Rasfare", "severity": "Severe", "urgency": "Immediate", "texts": [TEXT]}


async def token_of(open_web: Web, role: Role, *scopes: Scope) -> str:
    """Make a token for a new user of this role."""
    relay = open_web.stand.house.relay
    async with relay.store.write() as conn:
        new = users.NewUser(name=f"Program {role} {len(scopes)}", roles=frozenset({role}))
        user_id = await users.add(conn, open_web.stand.municipality_id, new, Stamp(by="test", at=relay.clock.now()))
        wanted = frozenset(scopes or Scope)
        return await tokens.add(conn, open_web.stand.municipality_id, user_id, "test", wanted, "test", relay.clock.now())


@asynccontextmanager
async def program(open_web: Web, role: Role, *scopes: Scope) -> AsyncIterator[aiohttp.ClientSession]:
    """A program that has a token of a user with this role."""
    headers = {"Authorization": f"Bearer {await token_of(open_web, role, *scopes)}"}
    async with aiohttp.ClientSession(open_web.url, headers=headers) as session:
        yield session


async def asked(session: aiohttp.ClientSession, method: str, path: str, **more: Any) -> tuple[int, Any]:
    """Ask, and return status and JSON."""
    async with session.request(method, f"/api/v1{path}", **more) as answer:
        return answer.status, await answer.json(content_type=None)


async def test_the_description_is_valid_openapi_3_1_and_has_every_operation() -> None:
    told = describe(OPERATIONS, "1")
    OpenAPIV31SpecValidator(told).validate()
    named = {one["operationId"] for path in told["paths"].values() for one in path.values()}
    assert named == {one.name for one in OPERATIONS}


async def test_without_a_token_nothing_is_told(open_web: Web) -> None:
    async with open_web.client() as session:
        status, told = await asked(session, "GET", "/alerts")
    assert (status, told["type"]) == (401, "urn:budstikke:no-token")


async def test_a_token_reaches_as_far_as_its_scopes(open_web: Web) -> None:
    async with program(open_web, Role.COORDINATOR, Scope.READ) as session:
        assert (await asked(session, "GET", "/alerts"))[0] == 200
        assert (await asked(session, "GET", "/people"))[0] == 403
        assert (await asked(session, "POST", "/alerts", json=DRAFT))[0] == 403


async def test_a_token_does_not_reach_beyond_its_users_roles(open_web: Web) -> None:
    async with program(open_web, Role.VIEWER) as session:
        status, told = await asked(session, "POST", "/alerts", json=DRAFT)
        assert status == 403
        assert "coordinator" in told["detail"]


async def test_a_revoked_token_lets_nobody_in(open_web: Web) -> None:
    relay = open_web.stand.house.relay
    async with program(open_web, Role.VIEWER) as session:
        async with relay.store.write() as conn:
            [row, *_] = await tokens.listed(conn, open_web.stand.municipality_id)
            await tokens.revoke(conn, open_web.stand.municipality_id, row.id, "test", relay.clock.now())
        assert (await asked(session, "GET", "/alerts"))[0] == 401


async def test_a_cap_document_becomes_a_draft_and_comes_out_as_cap_again(open_web: Web) -> None:
    document = demo_alert(open_web.stand.house.relay.clock.now()).replace(b"<identifier>", b"<identifier>again-")
    async with program(open_web, Role.COORDINATOR) as session:
        status, told = await asked(session, "POST", "/alerts", data=document, headers={"Content-Type": "application/cap+xml"})
        assert status == 201
        number = told["alerts"][0]["number"]
        async with session.get(f"/api/v1/alerts/{number}/cap") as answer:
            [back] = read_cap(await answer.read()).alerts
        _, whole = await asked(session, "GET", f"/alerts/{number}")
    assert {info.language for info in back.infos} == {text["language"] for text in whole["texts"]}


async def test_what_tests_the_alerts_is_not_taken_as_a_real_alert(open_web: Web) -> None:
    played = {"language": "en", "headline": "WE TEST THE ALERTS"}
    async with program(open_web, Role.COORDINATOR) as session:
        status, told = await asked(session, "POST", "/alerts", json=DRAFT | {"texts": [played]})
        assert (status, "made for testing the alerts" in told["detail"]) == (422, True)
        _, taken = await asked(session, "POST", "/alerts", json=DRAFT)
        number = taken["alerts"][0]["number"]
        assert (await asked(session, "PUT", f"/alerts/{number}/texts", json=played))[0] == 422
        assert (await asked(session, "POST", "/alerts", json=DRAFT | {"kind": "EXERCISE", "texts": [played]}))[0] == 201


async def test_times_that_cannot_be_meant_are_refused_each_by_its_name(open_web: Web) -> None:
    now = open_web.stand.house.relay.clock.now()
    times = {"onset_at": "0202-01-01T00:00:00Z", "expires_at": "9999-12-31T23:59:00Z", "act_by_at": now.isoformat()}
    async with program(open_web, Role.COORDINATOR) as session:
        status, told = await asked(session, "POST", "/alerts", json=DRAFT | times)
        assert (status, sorted(one["where"] for one in told["errors"])) == (422, ["act_by_at", "expires_at", "onset_at"])
        near = {name: (now + timedelta(hours=3)).isoformat() for name in ("onset_at", "next_news_at", "act_by_at")}
        assert (await asked(session, "POST", "/alerts", json=DRAFT | near))[0] == 201


async def test_nobody_stands_for_their_own_words_by_another_token(open_web: Web) -> None:
    """Two different persons are two different users, whatever token they come with."""
    relay, town = open_web.stand.house.relay, open_web.stand.municipality_id
    now = relay.clock.now()
    async with relay.store.write() as conn:
        new = users.NewUser(name="Both At Once", roles=frozenset({Role.COORDINATOR, Role.APPROVER}))
        user_id = await users.add(conn, town, new, Stamp(by="test", at=now))
        two = [await tokens.add(conn, town, user_id, name, frozenset(Scope), "test", now) for name in ("one", "two")]
    first, second = ({"Authorization": f"Bearer {one}"} for one in two)
    async with open_web.client() as session:
        _, told = await asked(session, "POST", "/alerts", json=DRAFT, headers=first)
        number = told["alerts"][0]["number"]
        _, whole = await asked(session, "GET", f"/alerts/{number}", headers=first)
        seen = {"revision": whole["revision"]}
        assert (await asked(session, "POST", f"/alerts/{number}/approve", json=seen, headers=second))[0] == 403
    async with program(open_web, Role.APPROVER) as session:
        stale = {"revision": whole["revision"] + 1}
        assert (await asked(session, "POST", f"/alerts/{number}/approve", json=stale))[0] == 403
        assert (await asked(session, "POST", f"/alerts/{number}/approve", json=seen))[0] == 200
        status, released = await asked(session, "POST", f"/alerts/{number}/release", json={})
    assert status == 200, released
    assert released["deliveries"] > 0


async def test_the_same_key_does_the_same_thing_once(open_web: Web) -> None:
    key = {"Idempotency-Key": "an-evening-in-november"}
    async with program(open_web, Role.COORDINATOR) as session:
        before = await _alerts(open_web)
        first = await asked(session, "POST", "/alerts", json=DRAFT, headers=key)
        again = await asked(session, "POST", "/alerts", json=DRAFT, headers=key)
        other = await asked(session, "POST", "/alerts", json=DRAFT | {"event": "Flom"}, headers=key)
    assert first == again
    assert other[0] == 409
    assert await _alerts(open_web) == before + 1


async def test_a_request_that_was_refused_may_be_sent_again_under_its_key(open_web: Web) -> None:
    key = {"Idempotency-Key": "to-be-mended"}
    async with program(open_web, Role.COORDINATOR) as session:
        assert (await asked(session, "POST", "/alerts", json=DRAFT | {"kind": "TEST"}, headers=key))[0] == 422
        assert (await asked(session, "POST", "/alerts", json=DRAFT, headers=key))[0] == 201


async def _alerts(open_web: Web) -> int:
    async with open_web.stand.house.store.read() as conn:
        return int((await conn.execute(select(func.count()).select_from(alert))).scalar_one())


async def test_events_since_lose_none(open_web: Web) -> None:
    async with program(open_web, Role.COORDINATOR) as session:
        seen, last = [], 0
        while True:
            _, told = await asked(session, "GET", f"/events?since={last}&limit=1")
            if not told["events"]:
                break
            seen += [one["number"] for one in told["events"]]
            last = told["last"]
    assert seen == list(range(1, len(seen) + 1))
    assert len(seen) >= 3


async def test_reach_is_what_the_pages_say(open_web: Web) -> None:
    issued = open_web.stand.issued
    assert issued is not None
    known = await open_web.stand.house.relay.reach(open_web.stand.municipality_id, issued.alert_id)
    async with program(open_web, Role.VIEWER, Scope.READ) as session:
        _, told = await asked(session, "GET", f"/alerts/{issued.number}/reach")
    assert told["kind"] == "ACTUAL"
    assert told["totals"]["planned"] == known.totals.planned > 0
    assert [one["language"] for one in told["groups"]] == [one.language for one in known.groups]


GROUP = {"language": "am", "name": "Amharisktalende", "estimate": 130, "estimate_source": "SSB, table 09817", "estimate_on": "2026-01-01"}


async def test_a_group_is_added_and_written_anew_with_its_source_and_contact_point(open_web: Web) -> None:
    key = {"Idempotency-Key": "one-group"}
    async with program(open_web, Role.COORDINATOR) as session:
        status, contact = await asked(session, "POST", "/contacts", json={"name": "Marit", "phone": "+4740000110", "hours": "08-22"})
        assert status == 201, contact
        status, made = await asked(session, "POST", "/groups", json=GROUP, headers=key)
        assert (status, made["people"], made["quorum"], made["contact"]) == (201, 0, 2, None), made
        assert (await asked(session, "POST", "/groups", json=GROUP, headers=key)) == (201, made)
        _, told = await asked(session, "GET", "/groups")
        assert [one["name"] for one in told["groups"]].count("Amharisktalende") == 1
        anew = {"name": "Amharisk på Nes", "quorum": 3, "contact": contact["id"]}
        status, changed = await asked(session, "PUT", f"/groups/{made['id']}", json=anew)
        assert status == 200, changed
        assert changed == made | anew | {"estimate": None, "estimate_source": "", "estimate_on": None}
        assert (await asked(session, "GET", f"/groups/{made['id']}"))[1] == changed
        assert contact in (await asked(session, "GET", "/contacts"))[1]["contacts"]
    acts = await _acts(open_web)
    assert {"contact.add", "group.add", "group.change"} <= acts


async def _acts(open_web: Web) -> set[str]:
    async with open_web.stand.house.store.read() as conn:
        return set((await conn.execute(select(act_log.c.act))).scalars())


async def test_groups_tell_how_many_people_answer_for_each(open_web: Web) -> None:
    async with program(open_web, Role.VIEWER) as session:
        _, groups = await asked(session, "GET", "/groups")
        _, people = await asked(session, "GET", "/people")
    for one in groups["groups"]:
        assert one["people"] == sum(one["name"] in person["groups"] for person in people["people"])
    assert sum(one["people"] for one in groups["groups"]) > 0


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"estimate_source": ""}, "where the number comes from"),
        ({"estimate_on": None}, "where the number comes from"),
        ({"contact": 999_999}, "no such contact point"),
        ({"language": "tlh"}, "language"),
        ({"quorum": 0}, "quorum"),
        ({"name": " "}, "name"),
    ],
)
async def test_what_the_page_refuses_of_a_group_the_api_refuses(open_web: Web, change: dict[str, object], says: str) -> None:
    async with program(open_web, Role.COORDINATOR) as session:
        status, told = await asked(session, "POST", "/groups", json=GROUP | {"name": "Another"} | change)
    assert (status, says in told["detail"]) == (422, True), told


async def test_two_groups_of_one_language_have_two_names(open_web: Web) -> None:
    async with program(open_web, Role.COORDINATOR) as session:
        first, second = [
            (await asked(session, "POST", "/groups", json={"language": "rw", "name": name}))[1]["id"] for name in ("Kinyarwanda A", "B")
        ]
        status, told = await asked(session, "PUT", f"/groups/{second}", json={"name": "Kinyarwanda A"})
        assert (status, "is there already" in told["detail"]) == (422, True), told
        assert (await asked(session, "PUT", f"/groups/{first}", json={"name": "Kinyarwanda A", "quorum": 4}))[0] == 200


async def test_who_may_not_write_the_register_changes_no_group(open_web: Web) -> None:
    async with program(open_web, Role.COORDINATOR, Scope.READ) as session:
        assert (await asked(session, "GET", "/groups"))[0] == 200
        assert (await asked(session, "GET", "/contacts"))[0] == 403  # names and numbers
        assert (await asked(session, "POST", "/groups", json=GROUP))[0] == 403
    async with program(open_web, Role.VIEWER) as session:
        assert (await asked(session, "PUT", "/groups/1", json={"name": "Mine"}))[0] == 403
    async with program(open_web, Role.COORDINATOR) as session:
        assert (await asked(session, "GET", "/groups/999999"))[0] == 404
        assert (await asked(session, "PUT", "/groups/x", json={"name": "Mine"}))[0] == 404


@pytest.mark.parametrize(("method", "path", "status"), [("DELETE", "/alerts", 405), ("GET", "/nothing", 404)])
async def test_an_address_that_no_operation_has_is_a_problem_in_words(open_web: Web, method: str, path: str, status: int) -> None:
    async with program(open_web, Role.COORDINATOR) as session, session.request(method, f"/api/v1{path}") as response:
        told = await response.json(content_type="application/problem+json")
        allowed = response.headers.get("Allow", "")
    assert (response.status, told["status"]) == (status, status)
    assert "/api" in told["detail"]
    assert ("GET" in allowed) == (status == 405)


@pytest.mark.parametrize(
    ("method", "path", "body", "kind", "status"),
    [
        ("POST", "/alerts", b"{", "application/json", 400),
        ("POST", "/alerts", b"[" * 100_000, "application/json", 400),
        ("POST", "/alerts", b"<!DOCTYPE x><alert/>", "application/cap+xml", 422),
        ("POST", "/alerts", b"x", "text/plain", 415),
        ("POST", "/alerts", b" " * 1_100_000, "application/json", 413),
        ("POST", "/alerts", b'{"kind":"ACTUAL","event":"\\ud800"}', "application/json", 422),
        ("POST", "/people", "navn;språk;mobil\nA;nb;1\n".encode(), "text/csv", 422),
        ("GET", "/alerts/999999", b"", "application/json", 404),
    ],
)
async def test_bad_input_is_a_problem_in_words(open_web: Web, method: str, path: str, body: bytes, kind: str, status: int) -> None:
    async with program(open_web, Role.COORDINATOR) as session:
        found, told = await asked(session, method, path, data=BytesIO(body), headers={"Content-Type": kind})
    assert found == status, told
    assert told["detail"]
