"""The text of one language: ours where the message carries it, otherwise drawn from the source's words, sentence by whole sentence."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

import regex

from messages.alert import Review, Variant
from messages.cap import norway, own, rules, text, times
from messages.cap.model import CapInfo
from messages.cap.own import Own
from messages.segments import Coding, alphabet

#: longest headline that still reads as one, longest name of a matter (characters)
HEADLINE, TOPIC = 40, 24
#: longest list of places, in characters of the alphabet it is sent in
PLACES = {Coding.GSM7: 80, Coding.UCS2: 40}

#: elements kept beside the parameters: name in `extra` -> field of the info
ELEMENTS = {"cap:web": "web", "cap:contact": "contact"}

_CLOCK = regex.compile(r"(?<![0-9.:+])([0-9]{1,2})[:.]([0-9]{2})(?::[0-9]{2})?(?![0-9.:])")
_WORD = regex.compile(r"\p{L}+")
#: with these and numbers alone a part of a headline is nothing but a time; "før" and "before" say more, and stay
_TIME_WORD = regex.compile(
    "utc|gmt|cet|cest|t|z|kl|klokk[ae]n?|fra|frå|from|til|to|until|og|and|den|the|at|on"
    "|(jan|febr)uar|mars|april|mai|juni|juli|august|(septem|okto|novem|desem)ber"
    "|(jan|febr)uary|march|may|june|july|(octo|decem)ber"
    "|jan|feb|mar|apr|jun|jul|aug|sept?|o[kc]t|nov|de[sc]"
    "|(man|tirs|ons|tors|fre|lør|søn|mån|tys|laur|sun)dag"
    "|(mon|tues|wednes|thurs|fri|satur|sun)day|mon|tue|wed|thu|fri|sat|sun"
)


def variant(language: str, chosen: CapInfo, group: Sequence[CapInfo], *, over: bool = False) -> Variant:
    """The text of a language from its info blocks: `chosen` is what is said, the others stay in the long text.

    `over`: the danger has ended, so what happened comes before what to do.
    """
    ours = own.texts(chosen)
    headline = ours.get(Own.HEADLINE, title(chosen, language))
    where = ours.get(Own.PLACE, place(chosen, group))
    beside = f"{headline} {where} "
    return Variant(
        language=language,
        headline=headline,
        forward=ours.get(Own.FORWARD, text.fit(spoken(chosen, headline, over=over), lambda said: text.fits_sms(beside + said, language))),
        ask=ours.get(Own.ASK, ""),
        topic=ours.get(Own.TOPIC, topic(chosen)),
        place=where,
        detail=ours.get(Own.DETAIL, detail(chosen, group)),
        review=Review.REVIEWED if ours.get(Own.REVIEW, review(chosen)) == Review.REVIEWED else Review.DRAFT,
        source="cap",
        extra=extra(chosen),
    )


def review(info: CapInfo) -> Review:
    """A text that an authority has published is no draft of ours, unless we doubt its language."""
    sure = info.language_given and not any(rules.about_language(info))
    return Review.REVIEWED if sure else Review.DRAFT


def title(info: CapInfo, language: str) -> str:
    """A headline in capitals: the source's own without place and time if short enough, otherwise the event."""
    found = [name for name in (substance(info), text.clean(info.event)) if name]
    short = [name for name in found if len(name) <= HEADLINE] or sorted(found, key=len)
    return text.capitals(short[0], language) if short else ""


def substance(info: CapInfo) -> str:
    """The source's headline without the parts between commas that are a place or a time, which the frame says anyway."""
    places_said = {part for name in places([info]) for part in _parts(name.casefold())}
    said = (part for part in _parts(text.clean(info.headline)) if part.casefold() not in places_said)
    return ", ".join(part for part in said if not _is_its_time(info, part))


def _is_its_time(info: CapInfo, part: str) -> bool:
    """Whether words are nothing but when the alert begins and ends; any other hour ("2.50 m", "18.00") may be what matters."""
    clocks = _CLOCK.findall(part)
    if not clocks or not all(map(_TIME_WORD.fullmatch, _WORD.findall(part.lower()))):
        return False
    ends = (info.onset or info.effective, info.expires, times.maybe(info.parameter(norway.EVENT_END)))
    known = {clock for moment in ends if moment for clock in _clocks(moment)}
    return all((int(hour), int(minute)) in known for hour, minute in clocks)


def _clocks(moment: datetime) -> tuple[tuple[int, int], ...]:
    """Return a moment's hour and minute as its source wrote them, and in UTC."""
    return tuple((one.hour, one.minute) for one in (moment, moment.astimezone(UTC)))


def _parts(words: str) -> list[str]:
    return [part for piece in words.split(", ") if (part := piece.strip(" ."))]


def left_out(info: CapInfo, headline: str, said: str, *, over: bool = False) -> int:
    """How many sentences of the source a forward text leaves out."""
    return sum(sentence not in said for part in spoken(info, headline, over=over) for sentence in part)


def spoken(info: CapInfo, headline: str, *, over: bool = False) -> list[list[str]]:
    """The source's sentences by what they are for: what to do, what happens, what may come of it; not what the headline has said."""
    advice, event = _useful(info.instruction), _useful(info.description)
    parts = [event, advice] if over else [advice, event]
    parts.append(_useful(info.parameter(norway.CONSEQUENCES) or ""))
    if substance(info).casefold() != headline.casefold() and substance(info):
        parts.insert(0, [text.as_sentence(substance(info))])
    return [[sentence for sentence in part if sentence.strip(" .").casefold() != headline.casefold()] for part in parts]


def _useful(words: str) -> list[str]:
    return [] if text.is_nothing(words) else text.sentences(words)


def topic(info: CapInfo) -> str:
    """A word or two that name the matter: the event in small letters, or its first word if it is long."""
    event = text.clean(info.event).lower()
    return event if len(event) <= TOPIC else event.split(maxsplit=1)[0].strip(",.:;")


def places(group: Sequence[CapInfo]) -> list[str]:
    """The names of all areas, each once; one area may hold several, parted by semicolons."""
    names = (name.strip() for info in group for area in info.areas for name in text.clean(area.description).split(";"))
    return [name for name in dict.fromkeys(names) if name]


def place(chosen: CapInfo, group: Sequence[CapInfo]) -> str:
    """Where it applies: whole names as far as they fit, the rest shown by an ellipsis."""
    names = places([info for info in group if same_text(info, chosen)])
    shown = names[:1]
    for name in names[1:]:
        longer = ", ".join([*shown, name])
        if len(longer) > PLACES[alphabet(longer)]:
            return ", ".join(shown) + " ..."
        shown.append(name)
    return ", ".join(shown)


def same_text(one: CapInfo, other: CapInfo) -> bool:
    """Whether two info blocks say the same, perhaps of other areas or times."""
    return _texts(one) == _texts(other)


def _texts(info: CapInfo) -> tuple[str, ...]:
    return info.event, info.headline, info.description, info.instruction


def detail(chosen: CapInfo, group: Sequence[CapInfo]) -> str:
    """The long text: all the source says, the chosen part first; the other parts follow under the names of their areas."""
    others = [info for info in group if not same_text(info, chosen)]
    sections = [_section(chosen), *(f"{', '.join(places([info]))}:\n{_section(info)}" for info in others)]
    return "\n\n".join(dict.fromkeys(section for section in sections if section))


def _section(info: CapInfo) -> str:
    consequences = info.parameter(norway.CONSEQUENCES) or ""
    parts = (info.headline, info.description, info.instruction, consequences)
    return "\n\n".join(text.clean_lines(part) for part in parts if not text.is_nothing(part))


def extra(info: CapInfo) -> Mapping[str, str]:
    """The parameters that have no place of their own; several of one name are joined by semicolons."""
    kept: dict[str, list[str]] = {name: [value] for name, field in ELEMENTS.items() if (value := getattr(info, field))}
    for item in info.parameters:
        if not item.name.startswith(own.PREFIX) and item.name != norway.MUNICIPALITY:
            kept.setdefault(item.name, []).append(item.value)
    return {name: "; ".join(values) for name, values in kept.items()}
