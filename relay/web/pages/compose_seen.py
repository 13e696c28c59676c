"""What a draft would look like on phones, in every language at once: the two bodies, parts, price, who gets it, what is missing."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncConnection

from messages import fidelity
from messages.alert import Alert, Variant
from messages.form import Copy, Medium
from messages.languages import Choice, fits_label
from messages.segments import Count, count
from messages.voice import RenderError
from relay import preview
from relay.flow import Relay
from relay.model import AlertState, Home, Issue
from relay.store import context, coverage, drafts, plan

NOTHING_AMISS = fidelity.Difference()
#: what is compared with the source
COMPARED = ("headline", "forward", "ask", "detail")


@dataclass(frozen=True, slots=True, kw_only=True)
class Body:
    """One body as a phone shows it, and what it costs."""

    text: str
    count: Count
    #: slots of the frame that were left out for room
    dropped: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Fallback:
    """A text to people who read another language, and have none of their own: as their phones show it."""

    reads: str
    forward: Body
    ask: Body
    people: int
    by_sms: int
    #: SMS parts that one person gets
    parts: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """One language of a draft."""

    language: str
    forward: Body | None = None
    ask: Body | None = None
    #: why it cannot be put into words
    refused: str = ""
    #: who get it instead of a text of their own
    fallbacks: tuple[Fallback, ...] = ()
    #: its own readers who get this text as their first message, by any way, and those of them by SMS
    people: int = 0
    by_sms: int = 0
    #: of all SMS of this language, in NOK
    price: float = 0.0
    difference: fidelity.Difference = NOTHING_AMISS
    #: the letters are those of another language
    mislabelled: bool = False
    stale: bool = False

    @property
    def parts(self) -> int:
        """SMS parts that one person gets."""
        return sum(body.count.segments for body in (self.forward, self.ask) if body)


@dataclass(frozen=True, slots=True, kw_only=True)
class Lacking:
    """A group of whom some would read another language than their own."""

    group: coverage.GroupPlan
    #: what they would get instead
    texts: Mapping[Choice, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sight:
    """All of a draft."""

    languages: Mapping[str, Seen]
    lacking: tuple[Lacking, ...]
    planned: int
    left_out: int
    price: float


async def look(
    conn: AsyncConnection,
    relay: Relay,
    municipality_id: int,
    alert: Alert,
    texts: Sequence[Variant],
    norwegian: str,
    groups: frozenset[int] = frozenset(),
    *,
    given: int = 0,
) -> Sight:
    """Draw the plan of a draft as it is written, and count what it says. Nothing is stored. `groups`: those that it goes to; none = all.

    `given`: the digits of the answers of an alert that is out.
    """
    variants = {text.language: text for text in texts}
    issue = Issue(
        alert_id=0, municipality_id=municipality_id, state=AlertState.DRAFT, revision=0, alert=alert, variants=variants, groups=groups
    )
    full = await plan.draw(conn, issue, relay.policy, relay.clock.now())
    known = await context.load(conn, [municipality_id], site=relay.desk.public_url)
    digits = await preview.legend(conn, municipality_id, alert, given)
    sender = full.senders.get(Medium.SMS)
    home = known.home(municipality_id, None, sender.id if sender else None)
    by_group = coverage.by_group(full)
    source = drafts.source_of(texts, norwegian)
    price = sender.price if sender else 0.0
    seen = {text.language: _seen(text, source, _readings(full, text, home, digits), price) for text in texts}
    return Sight(
        languages=seen,
        lacking=tuple(Lacking(group=group, texts=group.texts) for group in by_group if _lacks(group)),
        planned=full.planned,
        left_out=full.size - full.planned,
        price=sum(one.price for one in seen.values()),
    )


def _lacks(group: coverage.GroupPlan) -> bool:
    return any(choice.language != group.row.language for choice in group.texts)


def _readings(full: plan.FullPlan, text: Variant, home: Home, digits: int) -> Sequence[preview.Reading] | str:
    """Return one text as its readers get it, its own first, or why it cannot be put into words."""
    try:
        return preview.readings(full, home, digits, only=text.language)
    except RenderError as error:
        return str(error)


def _seen(text: Variant, source: Variant | None, readings: Sequence[preview.Reading] | str, price: float) -> Seen:
    if isinstance(readings, str):
        return Seen(language=text.language, refused=readings)
    own, *others = readings
    translated = source is not None and source is not text
    return Seen(
        language=text.language,
        forward=_body(own.forward),
        ask=_body(own.ask),
        fallbacks=tuple(_fallback(one) for one in others),
        people=own.people,
        by_sms=own.by_sms,
        price=price * sum(one.parts * one.by_sms for one in readings),
        difference=fidelity.compare(_compared(source), _compared(text)) if translated and source else NOTHING_AMISS,
        mislabelled=not fits_label(f"{text.headline} {text.forward}", text.language),
        stale=_stale(text, source) if translated else False,
    )


def _fallback(one: preview.Reading) -> Fallback:
    return Fallback(reads=one.reads, forward=_body(one.forward), ask=_body(one.ask), people=one.people, by_sms=one.by_sms, parts=one.parts)


def _stale(text: Variant, source: Variant | None) -> bool:
    mark = drafts.fingerprint(source) if source else ""
    return text.extra.get(drafts.FOLLOWS, mark) != mark


def _compared(text: Variant) -> str:
    return "\n".join(getattr(text, name) for name in COMPARED)


def _body(copy: Copy) -> Body:
    return Body(text=copy.text, count=count(copy.text), dropped=copy.dropped)
