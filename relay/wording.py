"""From rows to words: what a planned send says to this reader, and the house's short answers.

Rendering depends only on the alert, its texts and the facts of the frame, so each distinct text is made once and kept.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

from messages import frames
from messages.alert import Act, Alert, Kind
from messages.form import Copy, Medium, Part
from messages.frames import MARKS, Facts, Notice, between, mark
from messages.languages import choose, normalise
from messages.render import count_question, notice, remind, render
from messages.segments import count
from relay.model import BadInput, Home, Issue, Work

#: distinct texts kept: languages x media x parts x groups of a few open alerts
KEPT = 4096
#: stands in a text where the reader's own token will be, so that all who read the same share one text; as long as a token
BLANK = "0" * 26
#: stands in a letter where the attempt's own token will be, by which its reader leaves
LEAVING = "leave-by-this-letter"
_ENDINGS: Mapping[Act, str] = {Act.WITHDRAW: "act.withdrawn", Act.OVER: "act.over"}


def facts(home: Home, language: str, **more: object) -> Facts:
    """Return the frame's facts for a reader of `language`."""
    given = Facts(
        language=language,
        municipality=home.municipality,
        timezone=home.timezone,
        contact_name=home.contact_name,
        contact_phone=home.contact_phone,
        contact_hours=home.contact_hours,
        two_way=home.two_way,
        reply_to=home.reply_to,
        link=f"{home.site}/m/{BLANK}" if home.site else "",
        unsubscribe_url=f"{home.site}/avmeld/{LEAVING}" if home.site else "",
        link_in_sms=home.links_in_sms or not (home.two_way or home.reply_to or home.contact_phone),
    )
    return replace(given, **more)  # type: ignore[arg-type]


class Wording:
    """Texts of planned sends, each made once for all who read the same."""

    def __init__(self) -> None:
        self._copies: dict[tuple[object, ...], Mapping[Part, Copy]] = {}

    def of(self, work: Work, issue: Issue, home: Home) -> Copy:
        """Return what this piece of work says; raises BadInput when its text is gone."""
        reader = _Reader(work.language, work.reader_language, work.legend, work.is_deputy, work.had_passed_on)
        return self._copy(issue, home, work.medium, work.part, reader)

    def first(
        self, issue: Issue, medium: Medium, part: Part, language: str, home: Home, *, reads: str = "", legend: int = 0, again: bool = False
    ) -> Copy:
        """Return a first message as it will be worded, before there is any work: to who reads `reads` (else the text's language).

        `legend`: of the digits of the answers; `again`: to somebody who had passed on what this follows.
        """
        return self._copy(issue, home, medium, part, _Reader(language, reads or language, legend, had_passed_on=again))

    def _copy(self, issue: Issue, home: Home, medium: Medium, part: Part, reader: "_Reader") -> Copy:
        key = (issue.alert_id, issue.revision, home, medium, reader)
        if key not in self._copies:
            if len(self._copies) >= KEPT:
                self._copies.clear()
            self._copies[key] = _copies(issue, home, medium, reader)
        if part not in self._copies[key]:
            raise BadInput(f"Alert no. {issue.alert.number} has no {part} for {medium}.")
        return self._copies[key][part]


@dataclass(frozen=True, slots=True)
class _Reader:
    """What tells one reader's text from another's."""

    language: str
    frame_language: str
    legend: int = 0
    is_deputy: bool = False
    had_passed_on: bool = False


def _copies(issue: Issue, home: Home, medium: Medium, reader: _Reader) -> Mapping[Part, Copy]:
    variant = issue.variants.get(reader.language)
    if variant is None:
        raise BadInput(f"Alert no. {issue.alert.number} has no approved text in {reader.language}.")
    own = normalise(reader.frame_language) == normalise(reader.language)
    twin = issue.variants.get(home.norwegian) or issue.variants.get("nb") or issue.variants.get("nn")
    given = facts(
        home,
        reader.frame_language,
        legend=reader.legend,
        deputy=reader.is_deputy,
        had_passed_on=reader.had_passed_on,
        missing=not own,
        twin=(twin.headline, twin.forward) if twin and twin.language != reader.language else None,
    )
    made = {copy.part: copy for copy in render(issue.alert, variant, given, medium)}
    made[Part.REMINDER] = remind(issue.alert, variant, given, medium)
    made[Part.COUNT] = count_question(issue.alert, variant, given, medium)
    return made


def has_link(copy: Copy) -> bool:
    """Whether a text carries a link to the reader's own page."""
    return BLANK in copy.text or BLANK in copy.html


def with_link(copy: Copy, token: str) -> Copy:
    """Put a reader's token into the text that all share."""
    return replace(copy, text=copy.text.replace(BLANK, token), html=copy.html.replace(BLANK, token))


def with_leave(copy: Copy, token: str) -> Copy:
    """Put an attempt's token into the link by which the reader of a letter leaves."""
    return replace(copy, text=copy.text.replace(LEAVING, token), html=copy.html.replace(LEAVING, token))


def say(
    kind: Notice, home: Home, language: str, medium: Medium, values: Mapping[str, str | int], *, legend: int = 0, of: Kind = Kind.ACTUAL
) -> Copy:
    """Return one of the house's short answers; one about an exercise is marked as that."""
    return notice(kind, facts(home, language, values=dict(values), legend=legend), medium, of=of)


def say_to_a_stranger(kind: Notice, home: Home, medium: Medium) -> Copy:
    """Return a short answer to a number that is nobody's, in Norwegian and in English: we do not know what its owner reads."""
    norwegian, english = (say(kind, home, language, medium, {}) for language in (home.norwegian, "en"))
    return replace(norwegian, text=f"{norwegian.text}\n{english.text}")


def written(work: Work, home: Home) -> Copy:
    """Return a short answer as it was written down; its mail's subject is marked where its text is."""
    words = frames.say(work.language, "email.subject_notice", municipality=home.municipality)
    marks = (mark(kind, work.language) for kind in MARKS)
    found = next((each for each in marks if work.text.startswith(each) and work.text.endswith(each)), "")
    return Copy(medium=work.medium, part=work.part, language=work.language, text=work.text, subject=between(found, words))


@lru_cache(maxsize=KEPT)
def segments(text: str) -> int:
    """How many SMS segments a text costs."""
    return count(text).segments


def units(copy: Copy) -> int:
    """What a copy costs of its sender's pace: segments for SMS, one for everything else."""
    return segments(copy.text) if copy.medium is Medium.SMS else 1


@lru_cache(maxsize=KEPT)
def body_hash(text: str) -> str:
    """The fingerprint by which a text is recognised at the provider."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def choice(number: int, topic: str, kind: Kind, answer: str, language: str) -> str:
    """One alert of several that an answer may mean, and how to answer it: "12 (vann): 01"; what is not real says so."""
    return f"{number} ({mark(kind, language)} {topic}): {answer}".replace("( ", "(")


def in_force(issues: Sequence[Issue], language: str) -> str:
    """One line for each alert in force, in the reader's language where there is a text, else in Norwegian."""
    lines = []
    for issue in issues:
        text = issue.variants[choose((language,), issue.variants).language] if issue.variants else None
        line = f"{issue.alert.number}: {_ending(issue.alert, language) or (text.headline if text else issue.alert.event)}"
        lines.append(between(mark(issue.alert.kind, language), line))
    return "\n".join(lines)


def _ending(alert: Alert, language: str) -> str:
    """Say what a withdrawal or the end says, which has no headline of its own; "" of all others."""
    entry = _ENDINGS.get(alert.act)
    return frames.say(language, entry, replaces=alert.replaces) if entry else ""
