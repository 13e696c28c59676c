"""A street of resource persons with the house at work: real mails carry real links, and pages are really served."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

import aiohttp

from messages import library
from messages.alert import Kind
from messages.form import Medium
from relay.store import alerts
from tests.stories.town import Somebody, Town, town

LINK = re.compile(r"/m/([a-z2-7]{26})")
OWN = re.compile(r"/me/([a-z2-7]{26})")
LANGUAGES = ("nb", "ar", "am", "uk", "my", "ur", "en", "so", "fa", "ckb")
VALUES = {
    "place": "Sørvik sentrum, Nes",
    "minutes": "3",
    "authority": "kommuneoverlegen i Sørvik",
    "advice": "Vannet må koke i tre minutter før det er trygt.",
    "advice_date": "02.02.2026",
}


@dataclass
class Street:
    """The town, its people by language, and a way to its pages."""

    town: Town
    session: aiohttp.ClientSession
    people: dict[str, Somebody] = field(default_factory=dict)
    seen: list[int] = field(default_factory=list)

    @property
    def url(self) -> str:
        """Where pages are served."""
        return self.town.relay.desk.public_url

    async def boil(
        self, *, kind: Kind = Kind.ACTUAL, languages: tuple[str, ...] = LANGUAGES, act_by_at: datetime | None = None, **values: str
    ) -> int:
        """Send the boil-water alert in many languages; return its id."""
        template = library.template("boil-water")
        now = self.town.clock.now()
        news = now + timedelta(hours=4)
        alert_id = await self.town.draft({}, topic="vann", kind=kind, onset_at=now, next_news_at=news, act_by_at=act_by_at)
        texts = [template.fill(tag, VALUES | values) for tag in languages]
        async with self.town.store.write() as conn:
            await alerts.put_variants(conn, self.town.municipality_id, alert_id, texts, "Kari", now)
        await self.town.relay.approve(self.town.municipality_id, alert_id, "Ola")
        await self.town.relay.release(self.town.municipality_id, alert_id, "Ola")
        await self.town.settle()
        return alert_id

    def link(self, language: str) -> str:
        """Return the path of the message page that the newest mail to this person names."""
        mailbox = self.people[language].mailbox
        assert mailbox is not None
        found = [token for shown in mailbox.messages for token in LINK.findall(shown.text)]
        assert found, ([shown.text for shown in mailbox.messages], [fact for fact in self.town.ledger if fact.channel == "email"])
        return f"/m/{found[-1]}"

    async def get(self, path: str, **headers: str) -> tuple[int, str]:
        """Look at a page as a browser does."""
        async with self.session.get(self.url + path, headers={"User-Agent": "Mozilla/5.0 (Linux; Android 14)"} | headers) as answer:
            return answer.status, await answer.text()

    async def press(self, path: str, code: str, **fields: str) -> tuple[int, str]:
        """Send one of a page's forms, with the hidden fields that stand in it."""
        _, page = await self.get(path)
        hidden = dict(re.findall(r'<input type="hidden" name="(n|id)" value="([^"]*)">', page))
        async with self.session.post(self.url + path, data=hidden | {"a": code} | fields) as answer:
            return answer.status, await answer.text()


@asynccontextmanager
async def street(database: str, folder: Path, languages: tuple[str, ...] = LANGUAGES) -> AsyncIterator[Street]:
    """Open a street with one person for each language, reached by mail first."""
    async with town(database, folder) as opened, aiohttp.ClientSession() as session:
        made = Street(opened, session)
        for tag in languages:
            made.people[tag] = await opened.person(f"Person{tag}", tag, by=(Medium.EMAIL, Medium.SMS))
        yield made


__all__ = ["LANGUAGES", "OWN", "Street", "street"]
