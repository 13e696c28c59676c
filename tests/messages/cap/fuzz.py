"""Thousands of broken alerts, one after the other: `python -m tests.messages.cap.fuzz [COUNT]`, 5,000 if none is given.

Prints how many were taken and how many refused, by reason. Stops at the first that raises anything but our own refusal,
or that is refused though the standard's own schema takes it and no rule of ours forbids it.
"""

import sys
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime

from lxml import etree

from messages.alert import Identity
from messages.cap import CapAlert, CapFault, CapRefused, draft, read, replay, write
from messages.cap.shape import CAP_12
from tests.messages.cap.corpus import oasis
from tests.messages.cap.mutations import mutant, seeds

TAKEN = "taken"
NOW = datetime(2026, 11, 23, 18, tzinfo=UTC)
#: what we refuse though the schema of the standard allows it: by size, by danger, and a sending time outside any calendar
OUR_OWN_RULES = {
    *(CapFault.TOO_LARGE, CapFault.TOO_MUCH_MARKUP, CapFault.TOO_DEEP, CapFault.TOO_MANY_PARTS, CapFault.TOO_MANY_POINTS),
    *(CapFault.LONG_IDENTITY, CapFault.DOCTYPE, CapFault.ENCODING),
}


def use(message: CapAlert) -> None:
    """Do with a message all that the house does."""
    result = draft(replay(message, NOW))
    assert len(result.variants) <= len(message.infos)
    message.why_never_real(NOW)
    again = write(result.alert, result.variants, sender="a@b.no", identifier="1", sent=NOW, references=(Identity("a", "b", NOW),))
    assert [info.headline for info in read(again).alerts[0].infos] == [" ".join(one.headline.split()) for one in result.variants]


def refusal_of(document: bytes) -> CapRefused | None:
    """Why a document is refused; None if it is taken, and then all of it has been used."""
    try:
        found = read(document)
    except CapRefused as refusal:
        return refusal
    for message in found.alerts:
        use(message)
    return None


def rightly(refusal: CapRefused, document: bytes, schema: etree.XMLSchema | None) -> bool:
    """Whether a document may be refused so: by a rule of ours, or because the standard's own schema refuses it too."""
    ours = refusal.why in OUR_OWN_RULES or "no usable time" in refusal.detail
    return bool(refusal.words) and (ours or schema is None or not is_valid(document, schema))


def is_valid(document: bytes, schema: etree.XMLSchema) -> bool:
    """Whether the standard's own schema takes a document as CAP 1.2."""
    try:
        root = etree.fromstring(document, etree.XMLParser(resolve_entities=False, no_network=True))
    except (etree.XMLSyntaxError, ValueError):
        return False
    return root.tag == f"{{{CAP_12}}}alert" and schema.validate(root)


def survey(mutants: int) -> Counter[str]:
    """How many of so many mutants were "taken", or refused by the name of the fault."""
    documents, schema = seeds(), oasis()
    found: Counter[str] = Counter()
    for number in range(mutants):
        document = mutant(number, documents)
        refusal = refusal_of(document)
        assert refusal is None or rightly(refusal, document, schema), f"mutant {number}: {refusal.words}"
        found[refusal.why.name if refusal else TAKEN] += 1
    return found


def main(arguments: Sequence[str]) -> int:
    """Survey as many as asked for, and print the counts."""
    found = survey(int(arguments[0]) if arguments else 5_000)
    taken = found.pop(TAKEN, 0)
    reasons = ", ".join(f"{count} {name}" for name, count in found.most_common())
    sys.stdout.write(f"{taken + found.total()} mutants of {len(seeds())} documents: {taken} taken, {found.total()} refused ({reasons})\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
