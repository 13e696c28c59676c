"""From a CAP message to a draft of ours: one alert, one text per language, and what the author must know before releasing it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from messages.alert import Act, Alert, Area, Certainty, Identity, Kind, Point, Severity, Urgency, Variant
from messages.cap import norway, own, scripts, times, wording
from messages.cap.model import DEFAULT_LIFE, CapAlert, CapArea, CapInfo
from messages.cap.own import Own
from messages.cap.remarks import Tongue, all_clear, remarks
from messages.cap.terms import MsgType, Status

_KIND: dict[str, Kind] = {Status.ACTUAL: Kind.ACTUAL, Status.EXERCISE: Kind.EXERCISE}
_ACT = {MsgType.UPDATE: Act.UPDATE, MsgType.CANCEL: Act.WITHDRAW}
#: parameters by which senders promise the next news
_NEXT_NEWS = ("NextUpdate",)
#: longest event kept, in characters: it is a label for staff
EVENT = 200
#: gravest first
_SEVERITY = (Severity.EXTREME, Severity.SEVERE, Severity.MODERATE, Severity.MINOR, Severity.UNKNOWN)
_URGENCY = (Urgency.IMMEDIATE, Urgency.EXPECTED, Urgency.FUTURE, Urgency.UNKNOWN, Urgency.PAST)
_CERTAINTY = (Certainty.OBSERVED, Certainty.LIKELY, Certainty.POSSIBLE, Certainty.UNLIKELY, Certainty.UNKNOWN)


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """What an author starts from. `references` are the CAP messages it follows; `notes` are sentences for the author."""

    alert: Alert
    variants: tuple[Variant, ...] = ()
    references: tuple[Identity, ...] = ()
    notes: tuple[str, ...] = ()


def draft(cap: CapAlert, *, number: int = 0, sender_languages: Sequence[str] = ("nb",), municipality: str = "") -> Draft:
    """The draft of a CAP message.

    `sender_languages`: whose text is taken for the original, best first: times, areas and gravity come from there.
    `municipality`: our own number; where parts of the message differ by area, a part that names it goes before a graver one.
    """
    act = act_of(cap)
    tongues = [_tongue(*group, act, municipality) for group in _by_language(cap, sender_languages).items()]
    alert = _alert(cap, number, act, tongues)
    return Draft(
        alert=alert,
        variants=tuple(tongue.variant for tongue in tongues),
        references=cap.references,
        notes=remarks(cap, alert, tongues),
    )


def _tongue(language: str, infos: list[CapInfo], act: Act, municipality: str) -> Tongue:
    chosen = _gravest(infos, municipality)
    return Tongue(language, infos, chosen, wording.variant(language, chosen, infos, over=act is Act.OVER))


def act_of(cap: CapAlert) -> Act:
    """What a message does to the one before it. AllClear throughout means over, whatever its type: so do MET Norway and others."""
    return Act.OVER if cap.infos and all(map(all_clear, cap.infos)) else _ACT.get(cap.msg_type, Act.ISSUE)


def _by_language(cap: CapAlert, first: Sequence[str]) -> dict[str, list[CapInfo]]:
    groups: dict[str, list[CapInfo]] = {}
    for info in cap.infos:
        groups.setdefault(scripts.tag(info.language), []).append(info)
    order = [language for language in map(scripts.tag, first) if language in groups]
    return {language: groups[language] for language in dict.fromkeys([*order, *groups])}


def _gravest(group: Sequence[CapInfo], municipality: str) -> CapInfo:
    return min(group, key=lambda info: (not _names(info, municipality), *_rank(info)))


def _names(info: CapInfo, municipality: str) -> bool:
    return bool(municipality) and any(municipality in numbers for numbers in norway.municipalities(info))


def _rank(info: CapInfo) -> tuple[bool, int, int, int]:
    return (
        all_clear(info),
        _SEVERITY.index(info.severity),
        _URGENCY.index(info.urgency),
        _CERTAINTY.index(info.certainty),
    )


def _alert(cap: CapAlert, number: int, act: Act, tongues: Sequence[Tongue]) -> Alert:
    kind = _kind(cap)
    if not tongues:
        expires = cap.sent + DEFAULT_LIFE
        return Alert(number=number, kind=kind, act=act, sent_at=cap.sent, expires_at=expires, identity=cap.identity)
    chosen = tongues[0].chosen
    said = [info for info in tongues[0].infos if wording.same_text(info, chosen)]
    return Alert(
        number=number,
        kind=kind,
        act=act,
        severity=chosen.severity,
        urgency=chosen.urgency,
        certainty=chosen.certainty,
        event=" ".join(chosen.event.split())[:EVENT],
        areas=_areas(tongues),
        sent_at=cap.sent,
        onset_at=_onset(cap, said),
        expires_at=_end(cap, said),
        next_news_at=_next_news(cap, chosen),
        act_by_at=_moment(chosen, Own.ACT_BY),
        identity=cap.identity,
    )


def _kind(cap: CapAlert) -> Kind:
    """Message and envelope must both be actual for a real alert."""
    status = cap.carrier_status if cap.status is Status.ACTUAL and cap.carrier_status else cap.status
    return _KIND.get(status, Kind.TEST)


def _onset(cap: CapAlert, said: Sequence[CapInfo]) -> datetime | None:
    """The first onset. CAP: without one it begins when it takes effect, and without that when it was sent. Ours: then nobody knows."""
    onsets = [info.onset for info in said if info.onset]
    effective = [] if own.is_own(cap) else [info.effective or cap.sent for info in said]
    return min(onsets or effective, default=None)


def _end(cap: CapAlert, said: Sequence[CapInfo]) -> datetime | None:
    """The last end, of the message or the event; without either, DEFAULT_LIFE after the start. Ours: then it is open."""
    ends = [info.expires for info in said if info.expires]
    if own.is_own(cap):
        return max(ends, default=None)
    ends += (moment for info in said if (moment := _moment(info, norway.EVENT_END)))
    return max(ends, default=max(cap.sent, *(info.onset or cap.sent for info in said)) + DEFAULT_LIFE)


def _next_news(cap: CapAlert, info: CapInfo) -> datetime | None:
    return _moment(info, Own.NEXT_NEWS) or (None if own.is_own(cap) else _moment(info, *_NEXT_NEWS))


def _moment(info: CapInfo, *names: str) -> datetime | None:
    return next((moment for name in names if (moment := times.maybe(info.parameter(name)))), None)


def _areas(tongues: Sequence[Tongue]) -> tuple[Area, ...]:
    """All areas of the first language, and of the others those that cover something new: a translated name alone is not new."""
    found: list[Area] = []
    for rank, tongue in enumerate(tongues):
        covered = {_cover(area) for area in found}
        for info in tongue.infos:
            areas = map(_area, info.areas, norway.municipalities(info))
            found += (area for area in areas if not rank or (any(_cover(area)) and _cover(area) not in covered))
    return tuple(dict.fromkeys(found))


def _cover(area: Area) -> tuple[tuple[object, ...], ...]:
    return area.municipalities, area.polygons, area.circles, area.geocodes, area.unreadable


def _area(area: CapArea, municipalities: tuple[str, ...]) -> Area:
    return Area(
        description=" ".join(area.description.split()),
        municipalities=municipalities,
        polygons=tuple(_closed(ring) for ring in area.polygons),
        circles=area.circles,
        geocodes=tuple((item.name, item.value) for item in area.geocodes if item.name != norway.MUNICIPALITY),
        unreadable=area.unreadable,
    )


def _closed(ring: tuple[Point, ...]) -> tuple[Point, ...]:
    return ring if ring[0] == ring[-1] else (*ring, ring[0])
