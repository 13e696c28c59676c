"""An alert's XML signature as evidence: none, valid, invalid, or beyond our judgement. Never the only reason to trust a message.

Certificates are judged at the time the message was sent, so that the same bytes give the same evidence tomorrow.
"""

from lxml import etree

from messages.cap.model import CapAlert, Signature
from messages.cap.nodes import whole_text
from messages.cap.shape import DSIG
from messages.cap.terms import Evidence

#: what a genuine signature stays far below; more would let a stranger make us compute for minutes
MAX_CHARACTERS, MAX_REFERENCES, MAX_TRANSFORMS = 32_000, 1, 4


def judge(element: etree._Element, document: bytes, alert: CapAlert, *, trusted: bytes = b"", embedded: bool = False) -> Signature:
    """What the signature of an alert element proves.

    `document` is what was received, comments and all; of an alert inside a feed only `element` is judged, and since feeds
    alter what surrounds it, a misfit there proves nothing. `trusted`: certificates in PEM, of signers or of their issuers.
    """
    found = element.find(f"{{{DSIG}}}Signature")
    if found is None:
        return Signature()
    if reason := _not_for_us(found, element):
        return Signature(Evidence.CANNOT_JUDGE, reason)
    from messages.cap.verifier import verify

    verdict = verify(etree.tostring(element, with_tail=False) if embedded else document, found, alert, trusted)
    if embedded and verdict.evidence is Evidence.INVALID:
        return Signature(Evidence.CANNOT_JUDGE, f"inside a feed: {verdict.detail}", verdict.signer)
    return verdict


def _not_for_us(signature: etree._Element, alert: etree._Element) -> str:
    """Why a signature is not even tried; "" if it is. Guards against costly ones, and ones that cover something else."""
    if len(whole_text(signature)) > MAX_CHARACTERS:
        return "the signature is longer than any genuine one"
    references = signature.findall(f".//{{{DSIG}}}Reference")
    if len(references) != MAX_REFERENCES or len(signature.findall(f".//{{{DSIG}}}Transform")) > MAX_TRANSFORMS:
        return "the signature covers more than one thing, or transforms it too often"
    uri = references[0].get("URI", "")
    ids = {alert.get(name) for name in ("Id", "ID", "id")} - {None}
    return "" if uri == "" or uri.removeprefix("#") in ids else "the signature does not cover the whole alert"
