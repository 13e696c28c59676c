"""The front door for CAP from outside: bytes in, messages out, or one clear refusal."""

import gc
import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace

from lxml import etree

from messages.cap import build, carriers, guard, rules, shape, signature
from messages.cap.faults import CapRefused
from messages.cap.guard import LIMITS
from messages.cap.model import CapAlert, Document, Flag
from messages.cap.nodes import line
from messages.cap.terms import CapFault, Carrier, FlagKind


def read(document: bytes, *, default_language: str = "nb", trusted: bytes = b"") -> Document:
    """Reads an alert, a feed or an envelope. Raises CapRefused, and nothing else, for whatever is not taken.

    `default_language` stands in where the sender names none. `trusted` holds certificates in PEM whose signatures count
    as VALID; without them the best evidence is CANNOT_JUDGE. In a feed, an alert that is refused does not stop the others.
    """
    with _nothing_collected():
        return _read(document, default_language, trusted)


@contextmanager
def _nothing_collected() -> Iterator[None]:
    """Stop the garbage collector for one document: the points of a long coastline are no garbage, and looking through all of them
    again and again while they are made costs a third of the time. Documents are capped in size, so that little can gather.
    """
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def _read(document: bytes, default_language: str, trusted: bytes) -> Document:
    root, flags = guard.parse(document)
    source = _Source(document, default_language, trusted, tuple(flags))
    if shape.version_of(root) is None:
        return source.unload(carriers.unload(root))
    if len(document) > LIMITS.alert_bytes:
        raise CapRefused(CapFault.TOO_LARGE, f"{len(document):,} bytes, an alert has at most {LIMITS.alert_bytes:,}")
    return Document(carrier=Carrier.CAP, alerts=(source.alert(root, hashlib.sha256(document).hexdigest()),))


class _Source:
    """One document on its way in; holds what is the same for all its alerts."""

    def __init__(self, document: bytes, default_language: str, trusted: bytes, flags: tuple[Flag, ...]) -> None:
        self.document = document
        self.default_language = default_language
        self.trusted = trusted
        self.flags = flags

    def unload(self, load: carriers.Load) -> Document:
        """The document of a feed; raises the first refusal if there is nothing else in it."""
        alerts: list[CapAlert] = []
        refused: list[CapRefused] = []
        for element in load.alerts:
            try:
                alerts.append(self._inner(element, load.status))
            except CapRefused as refusal:
                refused.append(refusal)
        if refused and not alerts and not load.links:
            raise refused[0]
        return Document(carrier=load.carrier, alerts=tuple(alerts), links=load.links, refused=tuple(refused))

    def _inner(self, element: etree._Element, carrier_status: str) -> CapAlert:
        canonical = etree.tostring(element, method="c14n", with_tail=False)
        if len(canonical) > LIMITS.alert_bytes:
            raise CapRefused(CapFault.TOO_LARGE, f"{len(canonical):,} bytes, an alert has at most {LIMITS.alert_bytes:,}")
        return self.alert(element, hashlib.sha256(canonical).hexdigest(), carrier_status, embedded=True)

    def alert(self, element: etree._Element, digest: str, carrier_status: str = "", *, embedded: bool = False) -> CapAlert:
        """One alert, with everything that is odd about it."""
        version = shape.version_of(element)
        if version is None:
            raise CapRefused(CapFault.NOT_CAP, f"line {line(element)}, an alert in no namespace of CAP")
        tidy, odd = shape.tidy(element)
        shape.check(tidy)
        alert = build.build(tidy, default_language=self.default_language, version=version)
        evidence = signature.judge(element, self.document, alert, trusted=self.trusted, embedded=embedded)
        alert = replace(alert, carrier_status=carrier_status, signature=evidence, raw_sha256=digest)
        return replace(alert, flags=tuple(_not_too_often((*self.flags, *odd, *alert.flags, *rules.judge(alert)))))


def _not_too_often(flags: Iterable[Flag]) -> Iterator[Flag]:
    seen: Counter[FlagKind] = Counter()
    for flag in flags:
        seen[flag.kind] += 1
        if seen[flag.kind] <= LIMITS.flags:
            yield flag
