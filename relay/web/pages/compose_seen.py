"""What a draft would look like on phones, in every language at once: the two bodies, parts, price, who gets it, what is missing."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncConnection

from messages import fidelity
from messages.alert import Alert, Variant
from messages.form import Copy, Medium, Part
from messages.languages import Choice, fits_label
from messages.render import render
from messages.segments import Count, count
from messages.voice import RenderError
from relay.flow import Relay
from relay.model import AlertState, Home, Issue
from relay.store import context, coverage, drafts, plan
from relay.wording import facts

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
class Seen:
    """One language of a draft."""

    language: str
    forward: Body | None = None
    ask: Body | None = None
    #: why it cannot be put into words
    refused: str = ""
    #: people who get this text as their first message, by any way, and those of them by SMS
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
) -> Sight:
    """Draw the plan of a draft as it is written, and count what it says. Nothing is stored. `groups`: those that it goes to; none = all."""
    variants = {text.language: text for text in texts}
    issue = Issue(
        alert_id=0, municipality_id=municipality_id, state=AlertState.DRAFT, revision=0, alert=alert, variants=variants, groups=groups
    )
    full = await plan.draw(conn, issue, relay.policy, relay.clock.now())
    known = await context.load(conn, [municipality_id])
    sender = full.senders.get(Medium.SMS)
    home = known.home(municipality_id, None, sender.id if sender else None)
    by_group = coverage.by_group(full)
    source = drafts.source_of(texts, norwegian)
    seen = {text.language: _seen(alert, text, source, home, full, sender.price if sender else 0.0) for text in texts}
    return Sight(
        languages=seen,
        lacking=tuple(Lacking(group=group, texts=group.texts) for group in by_group if _lacks(group)),
        planned=sum(not one.plan.left_out for one in full.people),
        left_out=sum(bool(one.plan.left_out) for one in full.people),
        price=sum(one.price for one in seen.values()),
    )


def _lacks(group: coverage.GroupPlan) -> bool:
    return any(choice.language != group.row.language for choice in group.texts)


def _seen(alert: Alert, text: Variant, source: Variant | None, home: Home, full: plan.FullPlan, price: float) -> Seen:
    try:
        copies = {copy.part: copy for copy in render(alert, text, facts(home, text.language), Medium.SMS)}
    except RenderError as error:
        return Seen(language=text.language, refused=str(error))
    forward, ask = _body(copies.get(Part.FORWARD)), _body(copies.get(Part.ASK))
    sends = _sends(full, text.language)
    segments = {Part.FORWARD: forward.count.segments if forward else 0, Part.ASK: ask.count.segments if ask else 0}
    translated = source is not None and source is not text
    return Seen(
        language=text.language,
        forward=forward,
        ask=ask,
        people=len({person for person, _, _ in sends}),
        by_sms=len({person for person, medium, _ in sends if medium is Medium.SMS}),
        price=price * sum(segments.get(part, 0) * n for (medium, part), n in _by_part(sends).items() if medium is Medium.SMS),
        difference=fidelity.compare(_compared(source), _compared(text)) if translated and source else NOTHING_AMISS,
        mislabelled=not fits_label(f"{text.headline} {text.forward}", text.language),
        stale=_stale(text, source) if translated else False,
    )


def _stale(text: Variant, source: Variant | None) -> bool:
    mark = drafts.fingerprint(source) if source else ""
    return text.extra.get(drafts.FOLLOWS, mark) != mark


def _compared(text: Variant) -> str:
    return "\n".join(getattr(text, name) for name in COMPARED)


def _body(copy: Copy | None) -> Body | None:
    return Body(text=copy.text, count=count(copy.text), dropped=copy.dropped) if copy else None


def _sends(full: plan.FullPlan, language: str) -> list[tuple[int, Medium, Part]]:
    """The first messages in a language: to whom, by what, which body."""
    return [
        (one.person.person_id, one.people.media[send.way], send.part)
        for one in full.people
        for send in one.plan.sends
        if send.language == language and send.action == "message" and send.way >= 0
    ]


def _by_part(sends: Sequence[tuple[int, Medium, Part]]) -> Counter[tuple[Medium, Part]]:
    return Counter((medium, part) for _, medium, part in sends)
