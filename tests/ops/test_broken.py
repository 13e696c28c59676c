"""Doctor names each of ten broken installations and what to do, and finds nothing grave where all is well."""

import asyncio
import json
import os
import subprocess
from collections.abc import AsyncIterator, Mapping
from html import unescape
from pathlib import Path
from typing import Any

import pytest

from relay.store import durable
from relay.store.engine import Store
from relay.web import words
from tests.ops.broken import BREAKAGES, BUDSTIKKE, Breakage, named
from tests.ops.house import Well, well
from tests.web.house import opened, settings


@pytest.fixture
async def one(tmp_path: Path) -> AsyncIterator[Well]:
    async with well(tmp_path) as found:
        yield found


@pytest.mark.parametrize("breakage", BREAKAGES, ids=[each.words for each in BREAKAGES])
async def test_doctor_names_what_is_broken_and_what_to_do(one: Well, breakage: Breakage) -> None:
    before = await one.house.examine()
    assert [each for each in before if not each.ok and each.grave] == []
    checks = await breakage.breaks(one)
    found = named(breakage, checks, before)
    assert found is not None, [each for each in checks if not each.ok]
    assert [language for language in ("nb", "nn") if words.told(language, found.remedy) == found.remedy] == []


def _doctor(folder: Path, told: Mapping[str, str]) -> tuple[int, list[dict[str, Any]]]:
    """Run the command; return its exit code and what it found fault with."""
    surroundings = {"PATH": os.environ["PATH"], **{f"BUDSTIKKE_{name.upper()}": value for name, value in told.items()}}
    done = subprocess.run([BUDSTIKKE, "doctor", "--json"], env=surroundings, cwd=folder, capture_output=True, text=True, check=False)
    return done.returncode, [each for each in json.loads(done.stdout) if not each["ok"]]


async def test_the_exit_code_says_how_grave_it_is(one: Well, tmp_path: Path) -> None:
    code, ill = await asyncio.to_thread(_doctor, tmp_path, one.told)
    assert (code, {each["grave"] for each in ill}) == (7, {False})
    code, ill = await asyncio.to_thread(_doctor, tmp_path, {})
    assert code == 6
    assert "database and keys" in {each["name"] for each in ill if each["grave"]}


@pytest.mark.parametrize("language", words.LANGUAGES)
async def test_the_page_says_in_its_readers_language_what_the_command_says(migrated_sqlite_url: str, language: str) -> None:
    async with opened(settings(migrated_sqlite_url)) as house:
        page = await (await house.browser("administrator")).get(f"/doctor?lang={language}")
        checks = await house.house.examine()
    shown = unescape(page.text)
    for each in checks:
        assert words.told(language, each.name) in shown
        assert each.ok or words.told(language, each.remedy) in shown
    english = {each.words for each in checks if words.told("nb", each.words) != each.words}
    assert english
    assert [one for one in english if f"<span>{one}</span>" in shown] == [] or language == "en"
    assert {"disk", "commits", "backup", "public address"} <= {each.name for each in checks}


async def test_a_server_that_may_lose_a_commit_is_named(postgres_url: str) -> None:
    store = await Store.open(postgres_url)
    try:
        assert await durable.lax(store) == {"fsync": "off", "full_page_writes": "off"}, "so the tests' own server is set up"
    finally:
        await store.close()
