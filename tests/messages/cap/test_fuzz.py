"""Whatever comes in, nothing but our own refusal comes out. BUDSTIKKE_FUZZ=5000 runs as many; without it a few hundred."""

import os
from datetime import UTC, datetime

from lxml import etree

from messages.alert import Identity
from messages.cap import CapAlert, CapFault, CapRefused, draft, read, replay, write
from messages.cap.shape import CAP_12
from tests.messages.cap.corpus import oasis
from tests.messages.cap.mutations import mutant, seeds

MUTANTS = int(os.environ.get("BUDSTIKKE_FUZZ", "600"))
NOW = datetime(2026, 11, 23, 18, tzinfo=UTC)
#: what we refuse though the schema of the standard allows it: by size, by danger, and a sending time outside any calendar
OUR_OWN_RULES = {
    *(CapFault.TOO_LARGE, CapFault.TOO_MUCH_MARKUP, CapFault.TOO_DEEP, CapFault.TOO_MANY_PARTS, CapFault.TOO_MANY_POINTS),
    *(CapFault.DOCTYPE, CapFault.ENCODING),
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


def test_nothing_but_our_own_refusal_comes_out() -> None:
    documents, schema = seeds(), oasis()
    taken, refused = 0, 0
    for number in range(MUTANTS):
        document = mutant(number, documents)
        if refusal := refusal_of(document):
            refused += 1
            assert rightly(refusal, document, schema), f"mutant {number}: {refusal.words}"
        else:
            taken += 1
    # a fuzz that only meets one of the two doors tests nothing
    assert min(taken, refused) > MUTANTS / 10
