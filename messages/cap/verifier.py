"""The cryptography behind signature.py, apart because it takes longer to load than most alerts take to read, and few are signed."""

from cryptography import x509
from cryptography.exceptions import InvalidSignature as BadSignature, UnsupportedAlgorithm
from lxml import etree
from signxml.exceptions import InvalidCertificate, InvalidSignature, SignXMLException
from signxml.verifier import SignatureConfiguration, XMLVerifier

from messages.cap.model import CapAlert, Signature
from messages.cap.shape import DSIG
from messages.cap.terms import Evidence

_INTACT = "the content is as it was signed, but nobody here has vouched for the signer"
#: what the libraries raise over material that is broken rather than forged
_TROUBLE = (
    *(SignXMLException, UnsupportedAlgorithm, etree.LxmlError),
    *(ValueError, TypeError, AttributeError, LookupError, ArithmeticError, NotImplementedError),
)


def verify(data: bytes, signature: etree._Element, alert: CapAlert, trusted: bytes) -> Signature:
    """Judges the signature of a whole document; certificates are held against the time at which the alert was sent."""
    signer = ""
    try:
        leaf = _leaf(signature)
        signer = leaf.subject.rfc4514_string()[:200] if leaf else ""
        config = SignatureConfiguration(location="./", require_x509=leaf is not None, verification_time=alert.sent)
        _Verifier().verify(data, x509_cert=leaf, expect_config=config)
        vouched = leaf is not None and _vouched_for(leaf, trusted)
    except InvalidCertificate:
        return Signature(Evidence.CANNOT_JUDGE, "the certificate was not valid when the message was sent", signer)
    except InvalidSignature as error:
        return Signature(Evidence.INVALID, _first_line(error), signer)
    except _TROUBLE as error:
        return Signature(Evidence.CANNOT_JUDGE, _first_line(error), signer)
    return Signature(Evidence.VALID, "", signer) if vouched else Signature(Evidence.CANNOT_JUDGE, _INTACT, signer)


class _Verifier(XMLVerifier):
    """Makes a part of a tree canonical as a tree of its own: in place, libxml2 2.14 writes xmlns="" where nothing stands."""

    def _c14n(self, nodes, algorithm, inclusive_ns_prefixes=None):  # type: ignore[no-untyped-def]  # as the library has it
        whole = etree.fromstring(etree.tostring(nodes, with_tail=False), etree.XMLParser(resolve_entities=False, no_network=True))
        return super()._c14n(whole, algorithm=algorithm, inclusive_ns_prefixes=inclusive_ns_prefixes)


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0].strip(" :")[:160]


def _leaf(signature: etree._Element) -> x509.Certificate | None:
    """The first certificate inside a signature, which is its signer's; None if it names only a key."""
    text = signature.findtext(f".//{{{DSIG}}}X509Certificate")
    if text is None:
        return None
    body = "".join(text.split())
    return x509.load_pem_x509_certificate(f"-----BEGIN CERTIFICATE-----\n{body}\n-----END CERTIFICATE-----\n".encode())


def _vouched_for(leaf: x509.Certificate, trusted: bytes) -> bool:
    """Whether a certificate, or the one that issued it, is among the trusted."""
    anchors = x509.load_pem_x509_certificates(trusted) if trusted.strip() else []
    return any(anchor == leaf or _issued(leaf, anchor) for anchor in anchors)


def _issued(leaf: x509.Certificate, anchor: x509.Certificate) -> bool:
    try:
        leaf.verify_directly_issued_by(anchor)
    except (ValueError, TypeError, BadSignature):
        return False
    return True
