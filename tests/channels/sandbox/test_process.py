"""The sandbox as a process of its own, steered by its control API; it outlives whoever started it."""

import asyncio
import contextlib
import json
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from channels.sandbox.house import ACCOUNT
from channels.sandbox.ledger import Event, read
from channels.sandbox.people import Person
from channels.sandbox.sandbox import Sandbox
from tests.channels.sandbox.product import AYAN, OURS, Product
from tests.channels.sandbox.test_reading import ASK

COMMAND = (sys.executable, "-m", "channels.sandbox")


@asynccontextmanager
async def process(*arguments: str) -> AsyncIterator[tuple[Process, dict[str, Any]]]:
    running = await asyncio.create_subprocess_exec(*COMMAND, *arguments, stdout=PIPE)
    assert running.stdout is not None
    try:
        yield running, json.loads(await asyncio.wait_for(running.stdout.readline(), 20))
    finally:
        if running.returncode is None:
            running.terminate()
        assert await asyncio.wait_for(running.wait(), 10) == 0


class Remote:
    """A client of the control API."""

    def __init__(self, session: aiohttp.ClientSession, url: str) -> None:
        self._session, self._url = session, url

    async def ask(self, method: str, path: str, body: object = None, status: int = 200) -> Any:
        async with self._session.request(method, f"{self._url}/sandbox{path}", json=body) as answer:
            assert answer.status == status, await answer.text()
            return await answer.json()

    async def create(self, to: str, body: str) -> None:
        url = f"{self._url}/2010-04-01/Accounts/{ACCOUNT}/Messages.json"
        headers = {"Authorization": aiohttp.encode_basic_auth(ACCOUNT, "sandbox")}
        async with self._session.post(url, data={"To": to, "From": OURS, "Body": body}, headers=headers) as answer:
            assert answer.status == 201, await answer.text()


@pytest.fixture
async def remote(tmp_path: Path, product: Product) -> AsyncIterator[Remote]:
    people = tmp_path / "people.json"
    people.write_text(json.dumps([{"number": AYAN, "character": "helper", "delay": [30, 30], "reaches": 40}]))
    arguments = ["--ledger", str(tmp_path / "ledger"), "--phones", str(people), "--start", "2026-11-23T18:00:00+01:00"]
    settings = ["--set", f"inbound_url={product.url}/hooks/a/inbound"]
    async with process(*arguments, *settings) as (_, ready), aiohttp.ClientSession() as session:
        yield Remote(session, ready["url"])


@pytest.fixture
async def near(sandbox: Sandbox) -> AsyncIterator[Remote]:
    """Return the same API of a sandbox in this very process."""
    sandbox.add(Person(number=AYAN, character="helper"))
    async with aiohttp.ClientSession() as session:
        yield Remote(session, sandbox.url)


async def test_a_night_by_remote_control(remote: Remote, product: Product, tmp_path: Path) -> None:
    state = await remote.ask("GET", "")
    assert state["now"].startswith("2026-11-23T17:00:0")
    await remote.create(AYAN, ASK)
    state = await remote.ask("POST", "/settle", {})
    assert product.inbound() == []
    assert state["next_due_at"].startswith("2026-11-23T17:00:3")
    await remote.ask("POST", "/clock", {"now": state["next_due_at"]})
    await remote.ask("POST", "/settle", {"within": None})
    assert [each["Body"] for each in product.inbound()] == ["2"]
    phone = await remote.ask("GET", f"/phone/{AYAN}")
    assert [message["text"] for message in phone["messages"]] == [ASK]
    assert phone["person"]["character"] == "helper"
    assert (await remote.ask("POST", "/say", {"from": AYAN, "text": "4 barn savnet"}))["http"] == 204
    assert (await remote.ask("GET", "/recount"))["channels"]["sms"]["inbound"] == 2
    assert [entry.body for entry in read(tmp_path / "ledger") if entry.event is Event.ACCEPTED] == [ASK]


async def test_phones_settings_and_faults_at_hand(near: Remote) -> None:
    assert await near.ask("POST", "/phones", [{"number": "+4790000002", "character": "silent", "language": "ti"}]) == {"people": 1}
    assert {tuple(phone["addresses"]) for phone in await near.ask("GET", "/phones")} == {(AYAN,), ("+4790000002",)}
    await near.ask("POST", f"/phone/{AYAN}", {"off": True})
    assert (await near.ask("GET", f"/phone/{AYAN}"))["off"] is True
    assert (await near.ask("POST", "/settings", {"list_lag": [1, 3]}))["list_lag"] == [1, 3]
    assert [fault["kind"] for fault in await near.ask("POST", "/faults", [{"kind": "throttle", "suffix": "7"}])] == ["throttle"]
    assert await near.ask("DELETE", "/faults") == []


@pytest.mark.parametrize(
    ("path", "body", "words"),
    [
        ("/phones", [{"number": "nobody"}], "number"),
        ("/phones", {}, "valid list"),
        ("/settings", {"pase": 1}, "pase"),
        ("/settings", [], "JSON object"),
        ("/faults", [{"kind": "meteor"}], "kind"),
        ("/say", {"from": "+4790000009", "text": "1"}, "nothing has come"),
        ("/say", {"from": AYAN, "to": "SorbyKomm", "channel": "sms", "text": "1"}, "is a name"),
        ("/say", {"from": AYAN, "to": OURS, "channel": "sms", "media": [{"type": "image/png", "data": "?"}]}, "base64"),
        ("/press", {"from": AYAN, "button": "12.1"}, "no button"),
        ("/clock", {"now": "2026-11-23T18:00:00"}, "zone"),
    ],
)
async def test_what_makes_no_sense_is_explained(near: Remote, path: str, body: object, words: str) -> None:
    assert words in (await near.ask("POST", path, body, status=400))["error"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--phones", "nowhere.json"], "No such file"),
        (["--set", "pase=1"], "pase"),
        (["--set", "pace"], "NAME=VALUE"),
        (["--speed", "0"], "more than 0"),
        (["--start", "2026-11-23T18:00:00"], "zone"),
        (["--ledger", "/nowhere/ledger"], "No such file"),
    ],
)
async def test_what_keeps_it_from_starting_is_one_clear_sentence(tmp_path: Path, arguments: list[str], words: str) -> None:
    given = [*COMMAND, "--ledger", str(tmp_path / "ledger"), *arguments]
    failed = await asyncio.create_subprocess_exec(*given, stderr=PIPE)
    _, said = await failed.communicate()
    assert failed.returncode == 2
    assert words in said.decode()
    assert "Traceback" not in said.decode()


async def test_a_port_that_is_taken(tmp_path: Path, product: Product) -> None:
    port = product.url.rpartition(":")[2]
    failed = await asyncio.create_subprocess_exec(*COMMAND, "--ledger", str(tmp_path / "ledger"), "--port", port, stderr=PIPE)
    _, said = await failed.communicate()
    assert (failed.returncode, "address already in use" in said.decode()) == (2, True)
    assert "Traceback" not in said.decode()


async def test_what_was_answered_is_in_the_ledger_even_of_a_sandbox_that_is_killed(tmp_path: Path) -> None:
    answered: list[str] = []
    enough = asyncio.Event()

    async def send(session: aiohttp.ClientSession, url: str) -> None:
        headers = {"Authorization": aiohttp.encode_basic_auth(ACCOUNT, "sandbox")}
        form = {"To": AYAN, "From": OURS, "Body": "hei"}
        with contextlib.suppress(aiohttp.ClientError, ConnectionError):
            while True:
                async with session.post(f"{url}/2010-04-01/Accounts/{ACCOUNT}/Messages.json", data=form, headers=headers) as answer:
                    answered.append((await answer.json())["sid"])
                if len(answered) == 200:
                    enough.set()

    running = await asyncio.create_subprocess_exec(*COMMAND, "--ledger", str(tmp_path / "ledger"), stdout=PIPE)
    assert running.stdout is not None
    url = json.loads(await running.stdout.readline())["url"]
    async with aiohttp.ClientSession() as session:
        sending = [asyncio.create_task(send(session, url)) for _ in range(20)]
        await asyncio.wait_for(enough.wait(), 30)
        running.kill()
        await asyncio.gather(*sending)
    await running.wait()
    assert set(answered) <= {entry.id for entry in read(tmp_path / "ledger") if entry.event is Event.ACCEPTED}
    async with process("--ledger", str(tmp_path / "ledger")) as (_, ready), aiohttp.ClientSession() as session:
        state = await Remote(session, ready["url"]).ask("POST", "/settle", {"within": None})
    copies = {entry.id for entry in read(tmp_path / "ledger") if entry.event is Event.ACCEPTED}
    assert state["events"]["accepted"] == len(copies) >= len(answered)
    assert copies == {entry.id for entry in read(tmp_path / "ledger") if entry.event is Event.SHOWN}, "all arrive after all"


async def test_time_runs_faster_on_request(tmp_path: Path, product: Product) -> None:
    people = tmp_path / "people.json"
    people.write_text(json.dumps([{"number": AYAN, "character": "reader", "delay": [600, 600]}]))
    arguments = ["--ledger", str(tmp_path / "ledger"), "--phones", str(people), "--speed", "3000"]
    arguments += ["--set", f"inbound_url={product.url}/hooks/a/inbound"]
    async with process(*arguments) as (_, ready), aiohttp.ClientSession() as session:
        remote = Remote(session, ready["url"])
        await remote.create(AYAN, ASK)
        await remote.ask("POST", "/settle", {"within": None, "seconds": 10})
    assert [each["Body"] for each in product.inbound()] == ["1"]
