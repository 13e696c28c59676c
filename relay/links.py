"""What a link opens: an alert as it stands now, for the person whose link it is, or for everybody they passed it on to.

Reading changes nothing: scanners and previews open links before people do.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from messages.alert import Alert, Variant
from messages.frames import Facts
from messages.languages import NORWEGIAN, choose, normalise
from messages.page import ENDS, Sheet, sheet, text_to_pass_on
from messages.page_words import say_on_page
from relay import sense
from relay.model import AlertState, Home, Issue, Rung
from relay.store import alerts, context, links
from relay.store.columns import AnyRow
from relay.store.links import LinkKind
from relay.wording import facts as facts_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """An alert as it stands: the newest version, and the one that the reader of this link may know."""

    issue: Issue
    before: Issue | None
    home: Home
    #: languages that the reader accepts, the text's first
    languages: tuple[str, ...]
    facts: Facts
    changed_at: datetime
    #: when it ended; None: it is in force, or its own text says that it is over
    ended_at: datetime | None

    @property
    def alert(self) -> Alert:
        """The newest version."""
        return self.issue.alert

    @property
    def text(self) -> Variant:
        """Its text in the reader's language."""
        return self.issue.variants[choose(self.languages, self.issue.variants).language]

    @property
    def is_correction(self) -> bool:
        """Whether it says that an alert was wrong, or is over."""
        return self.alert.act in ENDS

    @property
    def replaces(self) -> int:
        """The number of the version that an update replaces for this reader; 0 where there is none."""
        return self.before.alert.number if self.before and not self.is_correction else 0

    def sheet(self) -> Sheet:
        """The alert in the reader's language, with what is new in it."""
        return sheet(self.alert, self.text, self.facts, self._before(self.text.language))

    def norwegian(self) -> Sheet | None:
        """The same in Norwegian; None where the text is Norwegian, or there is none."""
        tags = [tag for tag in (self.home.norwegian, *NORWEGIAN) if tag in self.issue.variants]
        if self.text.language in NORWEGIAN or not tags:
            return None
        told = replace(self.facts, language=tags[0], missing=False)
        return sheet(self.alert, self.issue.variants[tags[0]], told, self._before(tags[0]))

    def said_before(self) -> Sheet | None:
        """What a correction takes back or ends, as it was said."""
        before = self._before(self.text.language)
        return sheet(*before, self.facts) if before and self.is_correction else None

    def _before(self, language: str) -> tuple[Alert, Variant] | None:
        if self.before is None or language not in self.before.variants:
            return None
        return self.before.alert, self.before.variants[language]

    def to_pass_on(self, own_line: str, link: str) -> str:
        """The text that goes on from hand to hand."""
        here = say_on_page(self.languages, "share.newest_here").text
        return text_to_pass_on(self.alert, self.text, self.facts, own_line, here, link)


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """What the message page shows one resource person."""

    standing: Standing
    municipality_id: int
    person_id: int
    #: whose answers are taken here; None: this person is not planned for the newest version
    recipient_id: int | None
    rung: Rung
    reported: int
    had_passed_on: bool
    #: of the page to pass on; "" when there is none
    share_token: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Shared:
    """What the page for everybody shows."""

    standing: Standing
    link_id: int

    @property
    def others(self) -> tuple[str, ...]:
        """The other languages that there is a text in."""
        return tuple(tag for tag in sorted(self.standing.issue.variants) if tag != self.standing.text.language)


async def message(conn: AsyncConnection, token: str, now: datetime) -> Message | None:
    """Return what a message link opens; None when it opens nothing."""
    link = await links.find(conn, LinkKind.MESSAGE, token, now)
    if link is None:
        return None
    row = await links.newest(conn, link.municipality_id, link.alert_id)
    mine = await links.recipient_of(conn, link.municipality_id, row.id, link.person_id)
    told = mine or await links.recipient_of(conn, link.municipality_id, link.alert_id, link.person_id)
    read = await links.languages_of(conn, link.municipality_id, link.person_id)
    return Message(
        standing=await _standing(conn, link, row, told, read, now),
        municipality_id=link.municipality_id,
        person_id=link.person_id,
        recipient_id=mine.id if mine else None,
        rung=Rung(mine.rung) if mine else Rung.NONE,
        reported=mine.reported if mine else 0,
        had_passed_on=bool(mine and mine.had_passed_on),
        share_token=await links.share_token(conn, told.id) if told else "",
    )


async def shared(conn: AsyncConnection, token: str, language: str, now: datetime) -> Shared | None:
    """Return what a passed-on link opens, in `language` where there is a text in it; None when it opens nothing."""
    link = await links.find(conn, LinkKind.SHARE, token, now)
    if link is None:
        return None
    row = await links.newest(conn, link.municipality_id, link.alert_id)
    told = await links.recipient_of(conn, link.municipality_id, link.alert_id, link.person_id)
    wanted = normalise(language)
    return Shared(standing=await _standing(conn, link, row, told, (wanted,) if wanted else (), now), link_id=link.id)


async def _standing(conn: AsyncConnection, link: AnyRow, row: AnyRow, told: AnyRow | None, read: Sequence[str], now: datetime) -> Standing:
    """Everything that a page says of an alert, whoever reads it."""
    issue = await alerts.issue(conn, row.municipality_id, row.id)
    # nobody is asked at 22:00 whether they can pass it on before 21:00
    issue = replace(issue, alert=sense.timely(issue.alert, now, ("act_by_at",)))
    known = await context.load(conn, [row.municipality_id])
    home = known.home(row.municipality_id, told.group_id if told else None, None)
    # a person's own text comes first; whoever chooses a language on the page has said which
    wanted = (
        (told.reader_language, told.language, *read) if told and link.kind == LinkKind.MESSAGE else (*read, told.language if told else "")
    )
    languages = tuple(dict.fromkeys(filter(None, (*wanted, home.norwegian))))
    text = choose(languages, issue.variants).language
    return Standing(
        issue=issue,
        before=await _known_before(conn, link, row),
        home=home,
        languages=languages,
        facts=_facts(home, languages[0], text, told),
        changed_at=row.released_at or row.updated_at,
        ended_at=_ended(row, now),
    )


async def _known_before(conn: AsyncConnection, link: AnyRow, row: AnyRow) -> Issue | None:
    """The version that this reader knows: the link's own, or the one that its alert replaced."""
    before = link.alert_id if link.alert_id != row.id else row.replaces_id
    return await alerts.issue(conn, row.municipality_id, before) if before is not None else None


def _facts(home: Home, language: str, text: str, told: AnyRow | None) -> Facts:
    own = normalise(language) == normalise(text)
    return facts_of(
        home,
        language,
        missing=not own,
        deputy=bool(told and told.deputy),
        had_passed_on=bool(told and told.had_passed_on),
        two_way=True,
        legend=0,
    )


def _ended(row: AnyRow, now: datetime) -> datetime | None:
    if row.act in ENDS:
        return None
    if row.expires_at is not None and row.expires_at <= now:
        return row.expires_at  # type: ignore[no-any-return]
    return row.ended_at if row.state != AlertState.RELEASED else None
