"""Alerts of a made-up coast, written for these tests: one whole message, and its parts to be changed one by one."""

from messages.cap import CapAlert, Draft, FlagKind, draft, read
from messages.cap.remarks import Remark

CAP = "urn:oasis:names:tc:emergency:cap:1.2"

HEAD = {
    "identifier": "2.49.0.1.578.0.TEST.1",
    "sender": "varsel@eksempel.no",
    "sent": "2026-11-23T18:00:00+01:00",
    "status": "Actual",
    "msgType": "Alert",
    "scope": "Public",
}
INFO = {
    "language": "nb",
    "category": "Safety",
    "event": "Høy vannstand",
    "urgency": "Immediate",
    "severity": "Severe",
    "certainty": "Likely",
    "onset": "2026-11-23T20:00:00+01:00",
    "expires": "2026-11-24T08:00:00+01:00",
    "headline": "Høy vannstand, rødt nivå, Sørvik, 23. november 20:00 til 24. november 08:00.",
    "description": "Sjøen stiger to meter over det vanlige.",
    "instruction": "Hold deg unna kaier og naust.",
}
AREA = "<area><areaDesc>Sørvik</areaDesc><polygon>59.1,5.1 59.1,5.3 59.2,5.3 59.1,5.1</polygon></area>"


def fields(values: dict[str, str]) -> str:
    """Elements with texts; a value may be markup, and "" leaves the element out."""
    return "".join(f"<{name}>{value}</{name}>" for name, value in values.items() if value)


def info(*, area: str = AREA, extra: str = "", **changes: str) -> str:
    """One info block; `extra` stands before the areas, where CAP has its parameters."""
    return f"<info>{fields(INFO | changes)}{extra}{area}</info>"


def alert(body: str | None = None, *, extra: str = "", namespace: str = CAP, **changes: str) -> bytes:
    """A whole document; `extra` stands before the infos, where CAP has its references."""
    inner = f"{fields(HEAD | changes)}{extra}{info() if body is None else body}"
    return f'<?xml version="1.0" encoding="UTF-8"?>\n<alert xmlns="{namespace}">{inner}</alert>'.encode()


def parameter(name: str, value: str) -> str:
    """One parameter."""
    return f"<parameter><valueName>{name}</valueName><value>{value}</value></parameter>"


def geocode(name: str, value: str) -> str:
    """One geocode."""
    return f"<geocode><valueName>{name}</valueName><value>{value}</value></geocode>"


def one(document: bytes, **options: str) -> CapAlert:
    """The only alert of a document."""
    (found,) = read(document, **options).alerts  # type: ignore[arg-type]  # only default_language is given here
    return found


def flags(message: CapAlert) -> set[FlagKind]:
    """What is odd about a message."""
    return {flag.kind for flag in message.flags}


def drafted(document: bytes, **options: object) -> Draft:
    """The draft of a document's only alert."""
    return draft(one(document), **options)  # type: ignore[arg-type]  # passed on as they are


def remarked(result: Draft, remark: Remark) -> bool:
    """Whether a note says this, whatever its detail."""
    begin, _, end = remark.value.partition("{detail}")
    return any(note.startswith(begin) and note.endswith(end) for note in result.notes)
