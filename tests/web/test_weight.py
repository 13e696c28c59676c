"""The message page comes in one answer of at most 14 KB, and no page asks anybody but the house for anything."""

import re
from collections.abc import AsyncIterator, Iterator
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import quote, urlsplit

import pytest
import pytest_asyncio

from relay.store import sealing
from tests.web.conftest import Web
from tests.web.eyes import browser
from tests.web.places import busy_town, links_held, places
from tests.web.street import street
from tests.web.weigh import LIMIT, weigh

#: the heaviest by script, both directions, and Norwegian; `python -m tests.web.weigh` weighs all
WEIGHED = ("nb", "ar", "fa", "my", "th", "ti")
#: attributes that a browser asks for by itself, or sends something to
FETCHED = {"src", "href", "action", "formaction", "srcset", "data", "poster", "hx-get", "hx-post", "hx-sse:connect", "ping", "background"}
URL = re.compile(r"""url\(\s*["']?([^"')]+)|@import\s+["']([^"']+)""")
#: what opens a program, or is carried in the page itself
CARRIED = ("data:", "mailto:", "tel:", "sms:", "blob:")
#: a person presses these; a browser asks for nothing before
PRESSED = ("https://wa.me/",)


@pytest.mark.slow
async def test_the_message_page_is_one_request_of_at_most_14_kb(migrated_sqlite_url: str, tmp_path: Path, chromium: str) -> None:
    async with street(migrated_sqlite_url, tmp_path, WEIGHED) as where, browser(chromium) as seeing:
        await where.boil(languages=WEIGHED)
        for one in await weigh(where, seeing, WEIGHED):
            assert one.requests == (where.link(one.language),)
            assert max(one.sent, one.raw) <= LIMIT, str(one)


async def test_a_browser_packs_the_shared_text_as_we_would(migrated_sqlite_url: str, tmp_path: Path, chromium: str) -> None:
    async with street(migrated_sqlite_url, tmp_path, ("my", "fa")) as where, browser(chromium) as seeing:
        await where.boil(languages=("my", "fa"))
        for tag in ("my", "fa"):
            page = await seeing.new_page()
            await page.goto(where.url + where.link(tag))
            for scheme in ("sms:", "https://wa.me/"):
                link = await page.eval_on_selector(f"a[href^='{scheme}']", "one => one.href")
                written = await page.eval_on_selector(f"a[href^='{scheme}']", "one => one.getAttribute('href')")
                assert link == quote(written, safe=":/?&=%")
                assert "%E1" in link if tag == "my" else "%D8" in link


class _Asks(HTMLParser):
    """Collects what a page asks for, and what runs in it."""

    def __init__(self) -> None:
        super().__init__()
        self.addresses: list[str] = []
        self.inline: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            self.addresses += [value or ""] if name in FETCHED else []
            self.inline += [f"{tag} {name}"] if name.startswith("on") or name == "style" else []
        if tag == "script" and "src" not in dict(attrs):
            self.inline.append("script")


def foreign(url: str, text: str) -> Iterator[str]:
    """Yield what in a page or a sheet leads away from the house that served it."""
    page = _Asks()
    page.feed(text)
    yield from page.inline
    own = urlsplit(url).netloc
    for address in [*page.addresses, *(a or b for a, b in URL.findall(text))]:
        if address.startswith((*CARRIED, *PRESSED)):
            continue
        if urlsplit(address).netloc not in ("", own):
            yield address


def loose(policy: str) -> list[str]:
    """Return what in a content security policy lets in more than is there."""
    parts = dict(one.strip().partition(" ")[::2] for one in policy.split(";"))
    found = [f"{name} {value}" for name, value in parts.items() if re.search(r"unsafe|\*|https?:", value)]
    return found + ([] if parts.get("default-src") == "'none'" else ["no default"])


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def town(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Web]:
    async with busy_town(tmp_path_factory.mktemp("weight")) as web:
        yield web


@pytest.mark.slow
@pytest.mark.asyncio(loop_scope="module")
async def test_no_page_sheet_or_policy_lets_anything_but_the_house_in(town: Web) -> None:
    sealing.use(town.keys)
    wrong: dict[str, list[str]] = {}
    sheets: set[str] = set()
    opened = 0
    for place in [*await places(town), *await links_held(town)]:
        async with town.client(place.role) as client, client.get(place.address) as answer:
            text = await answer.text()
            found = [*foreign(town.url, text), *loose(answer.headers["Content-Security-Policy"])]
            sheets |= set(re.findall(r'href="(/static/[^"]+\.css[^"]*)"', text))
            opened += answer.status == 200
            if found or answer.status != 200:
                wrong[place.address] = [*found, str(answer.status)]
    async with town.client() as client:
        for sheet in sorted(sheets):
            async with client.get(sheet) as answer:
                if found := list(foreign(town.url, await answer.text())):
                    wrong[sheet] = found
    assert wrong == {}
    assert opened > 40
    assert len(sheets) >= 3


def test_the_looker_sees_what_leads_away() -> None:
    page = '<a href="//elsewhere.example/x">.</a><img src="https://e.example/i.png"><p onclick="x()"><script>1</script><style>@import "https://f.example/"'
    assert len(list(foreign("http://127.0.0.1:1", page))) == 5
    assert loose("default-src 'none'; script-src 'self' 'unsafe-inline'") == ["script-src 'self' 'unsafe-inline'"]
    assert loose("default-src 'none'; img-src *; font-src https:") == ["img-src *", "font-src https:"]
