"""An alert's XML signature as evidence: none, valid, invalid, or beyond our judgement. Never the only reason to trust a message.

Certificates are judged at the time the message was sent, so that the same bytes give the same evidence tomorrow.
"""

from typing import TYPE_CHECKING

from lxml import etree

from messages.cap.model import CapAlert, Signature
from messages.cap.nodes import whole_text
from messages.cap.shape import DSIG
from messages.cap.terms import Evidence

if TYPE_CHECKING:
    from cryptography.x509 import Certificate

#: what a genuine signature stays far below; more would let a stranger make us compute for minutes
MAX_CHARACTERS, MAX_REFERENCES, MAX_TRANSFORMS = 32_000, 1, 4

_INTACT = "the content is as it was signed, but nobody here has vouched for the signer"


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
    verdict = _verify(etree.tostring(element, with_tail=False) if embedded else document, found, alert, trusted)
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


def _verify(data: bytes, signature: etree._Element, alert: CapAlert, trusted: bytes) -> Signature:
    # Imported here, since the library takes longer to load than most alerts take to read, and few alerts are signed.
    from cryptography.exceptions import UnsupportedAlgorithm
    from signxml.exceptions import InvalidCertificate, InvalidSignature, SignXMLException
    from signxml.verifier import SignatureConfiguration, XMLVerifier

    trouble: tuple[type[Exception], ...] = (SignXMLException, UnsupportedAlgorithm, etree.LxmlError, ValueError, TypeError, AttributeError)
    trouble += (LookupError, ArithmeticError, NotImplementedError)
    signer = ""
    try:
        leaf = _Certificate.of(signature)
        signer = leaf.subject if leaf else ""
        config = SignatureConfiguration(location="./", require_x509=leaf is not None, verification_time=alert.sent)
        XMLVerifier().verify(data, x509_cert=leaf.pem if leaf else None, expect_config=config)
        vouched = leaf is not None and leaf.vouched_for(trusted)
    except InvalidCertificate:
        return Signature(Evidence.CANNOT_JUDGE, "the certificate was not valid when the message was sent", signer)
    except InvalidSignature as error:
        return Signature(Evidence.INVALID, _first_line(error), signer)
    except trouble as error:
        return Signature(Evidence.CANNOT_JUDGE, _first_line(error), signer)
    return Signature(Evidence.VALID, "", signer) if vouched else Signature(Evidence.CANNOT_JUDGE, _INTACT, signer)


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:160]


class _Certificate:
    """The first certificate inside a signature."""

    def __init__(self, pem: str) -> None:
        from cryptography import x509

        self.pem = pem
        self.x509 = x509.load_pem_x509_certificate(pem.encode())
        self.subject = self.x509.subject.rfc4514_string()[:200]

    @classmethod
    def of(cls, signature: etree._Element) -> "_Certificate | None":
        text = signature.findtext(f".//{{{DSIG}}}X509Certificate")
        if text is None:
            return None
        return cls(f"-----BEGIN CERTIFICATE-----\n{''.join(text.split())}\n-----END CERTIFICATE-----\n")

    def vouched_for(self, trusted: bytes) -> bool:
        """Whether this certificate, or the one that issued it, is among the trusted."""
        from cryptography import x509

        anchors = x509.load_pem_x509_certificates(trusted) if trusted.strip() else []
        return any(anchor == self.x509 or self._issued_by(anchor) for anchor in anchors)

    def _issued_by(self, anchor: "Certificate") -> bool:
        from cryptography.exceptions import InvalidSignature

        try:
            self.x509.verify_directly_issued_by(anchor)
        except (ValueError, TypeError, InvalidSignature):
            return False
        return True
