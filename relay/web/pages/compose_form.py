"""A draft as a form: the fields that stand for it, and what a filled-in form means."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from messages.alert import Alert, Area, Gravity, Review, Severity, Urgency, Variant
from messages.languages import normalise
from relay import sense
from relay.model import Issue, Place
from relay.routing import inside
from relay.store import drafts
from relay.web.pages.alert_of import Form, field_of, moment

#: a text's fields in the form ("forward.ar"), and what each holds at most
TEXT_FIELDS: Mapping[str, int] = {"headline": 80, "forward": 600, "ask": 400, "topic": 20, "place": 160, "detail": 8000}
#: what a choice of gravity says in CAP's words
GRAVITIES: Mapping[Gravity, tuple[Severity, Urgency]] = {
    Gravity.LIFE: (Severity.SEVERE, Urgency.IMMEDIATE),
    Gravity.STANDARD: (Severity.MODERATE, Urgency.EXPECTED),
    Gravity.ROUTINE: (Severity.MINOR, Urgency.EXPECTED),
}
GRAVITY_WORDS: Mapping[Gravity, str] = {
    Gravity.LIFE: "Danger to life and health: at once, also in quiet hours",
    Gravity.STANDARD: "Important: waits for quiet hours to end",
    Gravity.ROUTINE: "Minor: waits, and reminds gently",
}
#: field -> the alert's moment
MOMENTS: Mapping[str, str] = {
    "onset": "onset_at",
    "expires": "expires_at",
    "next_news": "next_news_at",
    "act_by": "act_by_at",
}
#: how the form calls its moments, above which its slips are summed up: what is wrong with one may be wrong with four
LABELS: Mapping[str, str] = {"onset": "Since", "expires": "Until", "next_news": "Next news", "act_by": "Pass it on before"}
LONGEST_EVENT = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Filled:
    """A form that was read: the alert and its texts as far as they make sense, and what does not."""

    alert: Alert
    texts: tuple[Variant, ...]
    #: language groups that it goes to; none = all
    groups: frozenset[int] = frozenset()
    #: field -> English sentence
    errors: Mapping[str, str] = field(default_factory=dict)


# --- from a draft to its form ---------------------------------------------------------------------------------------------


def values_of(issue: Issue, place: Place, revision: int) -> dict[str, str]:
    """Return the fields of the form of a draft."""
    alert = issue.alert
    moments = {name: field_of(getattr(alert, attribute), place.timezone) for name, attribute in MOMENTS.items()}
    values = {"event": alert.event, "gravity": str(int(_chosen(alert))), "revision": str(revision), **moments}
    values["groups"] = ",".join(str(group) for group in sorted(issue.groups))
    if inside(alert.areas, place):
        values["concerns"] = "yes"
    for text in issue.variants.values():
        values |= {f"{name}.{text.language}": getattr(text, name) for name in TEXT_FIELDS}
        values |= {f"reviewed.{text.language}": "yes"} if text.review is Review.REVIEWED else {}
    return values


def _chosen(alert: Alert) -> Gravity:
    """The gravity that the words of an alert mean, whatever its kind: an exercise is played as grave as it would be."""
    grave = alert.severity in (Severity.EXTREME, Severity.SEVERE) and alert.urgency is Urgency.IMMEDIATE
    return Gravity.LIFE if grave else Gravity.ROUTINE if alert.severity is Severity.MINOR else Gravity.STANDARD


def languages_of(values: Mapping[str, str]) -> list[str]:
    """Return the languages that a form has fields for, in its order."""
    tags = [name.partition(".")[2] for name in values if name.startswith("headline.")]
    return [tag for tag in tags if normalise(tag) == tag]


# --- from the form to a draft ---------------------------------------------------------------------------------------------


def read(form: Form, before: Issue, place: Place, now: datetime, known: Collection[int]) -> Filled:
    """Read a form about a draft that is `before`. Everything that is wrong is named at once. `known`: the municipality's groups."""
    errors: dict[str, str] = {}
    alert, kept = _alert(form, before.alert, place, errors), list(before.variants.values())
    groups = _groups(form, before.groups, frozenset(known), errors)
    alert = _in_time(alert, now, errors)
    earlier = {text.language: text for text in kept}
    texts = [text for tag in languages_of(form) if (text := text_of(form, tag, earlier.get(tag), errors))]
    errors |= {f"headline.{tag}": sense.ONLY_PLAYED for tag in sense.only_played(texts, alert.kind)}
    if not texts:
        errors[f"headline.{place.norwegian}"] = "Write the text in at least one language."
    return Filled(alert=alert, texts=tuple(_followed(form, texts, earlier, place)), groups=groups, errors=errors)


def _groups(form: Form, before: frozenset[int], known: frozenset[int], errors: dict[str, str]) -> frozenset[int]:
    """Read the ticked groups, which a form that does not show them leaves as they were. All that there are is all, also later ones."""
    if "groups" not in form:
        return before
    chosen = frozenset(int(one) for one in form["groups"].split(",") if one.isdigit()) & known
    if not chosen and known:
        errors["groups"] = "Choose at least one group that it goes to."
    return frozenset() if chosen == known else chosen


def _alert(form: Form, before: Alert, place: Place, errors: dict[str, str]) -> Alert:
    event = " ".join(form.get("event", "").split())
    if not event:
        errors["event"] = "Say in a few words what it is about."
    moments = {name: _moment(form, name, place, errors) for name in MOMENTS}
    alert = replace(
        before,
        event=event[:LONGEST_EVENT],
        areas=_areas(form, before, place),
        onset_at=moments["onset"],
        expires_at=moments["expires"],
        next_news_at=moments["next_news"],
        act_by_at=moments["act_by"],
    )
    chosen = Gravity(int(form["gravity"])) if form.get("gravity", "") in ("0", "1", "2") else _chosen(before)
    if chosen is _chosen(before):
        return alert
    severity, urgency = GRAVITIES[chosen]
    return replace(alert, severity=severity, urgency=urgency)


def _in_time(alert: Alert, now: datetime, errors: dict[str, str]) -> Alert:
    """Name the moments that cannot be meant; the alert is shown without those that no calendar of ours reaches."""
    wrong = sense.amiss(alert, now)
    errors |= {name: wrong[attribute].sentence for name, attribute in MOMENTS.items() if attribute in wrong}
    return sense.without(alert, sense.far(alert, now))


def _moment(form: Form, name: str, place: Place, errors: dict[str, str]) -> datetime | None:
    try:
        return moment(form.get(name, ""), place.timezone)
    except ValueError:
        errors[name] = "This is no date with a time. Write it as 2026-11-24T18:00."
        return None


def _areas(form: Form, before: Alert, place: Place) -> tuple[Area, ...]:
    """The source's areas stay; whether they concern us is said by hand where the map does not."""
    if form.get("concerns") != "yes" or inside(before.areas, place):
        return before.areas
    return (*before.areas, Area(description=place.name, municipalities=(place.number,)))


def text_of(form: Form, tag: str, before: Variant | None, errors: dict[str, str]) -> Variant | None:
    """Read one language's fields; None where nothing is written. What is wrong is added to `errors`."""
    given = {name: _tidy(form.get(f"{name}.{tag}", "")) for name in TEXT_FIELDS}
    if not any(given[name] for name in ("headline", "forward", "ask", "detail")):
        return None
    if not given["headline"]:
        errors[f"headline.{tag}"] = "Begin with what people must do, in a few words."
    for name, most in TEXT_FIELDS.items():
        if len(given[name]) > most:
            errors[f"{name}.{tag}"] = "This is too long for its field."
    review = Review.REVIEWED if form.get(f"reviewed.{tag}") == "yes" else Review.DRAFT
    base = before or Variant(language=tag, headline="", forward="")
    return replace(
        base,
        review=review,
        headline=given["headline"],
        forward=given["forward"],
        ask=given["ask"],
        topic=given["topic"],
        place=given["place"],
        detail=given["detail"],
    )


def _tidy(written: str) -> str:
    """Line ends of one kind, no half characters and no NUL: what a database keeps and a phone can show."""
    clean = written.encode("utf-8", "replace").decode("utf-8").replace("\r\n", "\n").replace("\r", "\n").replace("\0", "")
    return clean.strip()


def _followed(form: Form, texts: Sequence[Variant], earlier: Mapping[str, Variant], place: Place) -> list[Variant]:
    """A text that was written anew, or is said to be right still, follows the source as it stands; another follows what it did."""
    fresh = [text if _stays(form, text, earlier.get(text.language)) else _loose(text) for text in texts]
    return drafts.follow(fresh, place.norwegian)


def _stays(form: Form, text: Variant, before: Variant | None) -> bool:
    same = before is not None and all(getattr(text, name) == getattr(before, name) for name in drafts.HEARD)
    return same and form.get(f"checked.{text.language}") != "yes"


def _loose(text: Variant) -> Variant:
    return replace(text, extra={name: value for name, value in text.extra.items() if name != drafts.FOLLOWS})
