"""Signatures are evidence: none, valid, invalid, or beyond judgement. Keys and certificates are made here, for these tests."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import cache

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID
from lxml import etree
from signxml.algorithms import DigestAlgorithm, SignatureMethod
from signxml.signer import XMLSigner

from messages.cap import CapAlert, Evidence, FlagKind, read
from messages.cap.shape import DSIG
from messages.cap.signature import MAX_CHARACTERS
from tests.messages.cap.samples import alert, flags, one

SENT = datetime(2026, 11, 23, 17, tzinfo=UTC)
YEAR = timedelta(days=365)


@cache
def key(_owner: str) -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


@cache
def certificate(name: str, issuer: str = "", start: datetime = SENT - YEAR, end: datetime = SENT + YEAR) -> x509.Certificate:
    return (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]))
        .issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, issuer or name)]))
        .public_key(key(name).public_key())
        .serial_number(7)
        .not_valid_before(start)
        .not_valid_after(end)
        .sign(key(issuer or name), hashes.SHA256())
    )


def pem(*certificates: x509.Certificate) -> bytes:
    return b"".join(one.public_bytes(Encoding.PEM) for one in certificates)


def signed(
    signer: x509.Certificate | None = None, document: bytes | None = None, *, bare: bool = False, prefix: str | None = "ds"
) -> bytes:
    """A signed alert: by the certificate given, by that of "varsel", or by a bare key with `bare=True`."""
    root = etree.fromstring(document or alert())
    maker = XMLSigner(signature_algorithm=SignatureMethod.ECDSA_SHA256, digest_algorithm=DigestAlgorithm.SHA256)
    maker.namespaces = {prefix: DSIG}  # type: ignore[dict-item]  # None: the default namespace
    cert = None if bare else [signer or certificate("varsel")]
    whole = maker.sign(root, key=key("varsel"), always_add_key_value=cert is None, cert=cert)
    return etree.tostring(whole)


def judged(document: bytes, trusted: bytes = b"") -> CapAlert:
    (found,) = read(document, trusted=trusted).alerts
    return found


def test_an_unsigned_alert_has_no_evidence() -> None:
    assert one(alert()).signature.evidence is Evidence.NONE


def test_a_signature_without_prefix_is_judged_alike() -> None:
    # libxml2 2.14 makes parts of such a tree canonical wrongly when they are left in their place
    document = signed(prefix=None)
    assert b"<SignedInfo>" in document
    assert judged(document, pem(certificate("varsel"))).signature.evidence is Evidence.VALID


@pytest.mark.parametrize(
    ("signer", "trusted"),
    [
        (certificate("varsel"), certificate("varsel")),
        (certificate("varsel", "myndighet"), certificate("myndighet")),
    ],
    ids=["the signer is trusted", "its issuer is"],
)
def test_a_trusted_signature_is_valid(signer: x509.Certificate, trusted: x509.Certificate) -> None:
    message = judged(signed(signer), pem(certificate("fremmed"), trusted))
    assert message.signature.evidence is Evidence.VALID
    assert message.signature.signer == "CN=varsel"
    assert message.flags == ()


#: what a signed document is like -> the phrase that says why nobody can judge it
UNJUDGED: dict[str, tuple[Callable[[], bytes], str]] = {
    "nobody vouches": (signed, "nobody here has vouched"),
    "a key without a name": (lambda: signed(bare=True), "nobody here has vouched"),
    "expired when sent": (lambda: signed(certificate("varsel", end=SENT - YEAR / 2)), "not valid when"),
    "not yet valid": (lambda: signed(certificate("varsel", start=SENT + YEAR / 2)), "not valid when"),
    "a weak method": (lambda: signed().replace(b"ecdsa-sha256", b"ecdsa-sha1"), "SHA1"),
    "no certificate inside": (lambda: signed().replace(b"<ds:X509Certificate>", b"<ds:X509Certificate>x"), "PEM"),
    "endless": (
        lambda: signed().replace(b"</ds:SignatureValue>", b"\n" * MAX_CHARACTERS + b"</ds:SignatureValue>"),
        "longer than any genuine",
    ),
    "several references": (
        lambda: signed().replace(b"</ds:SignedInfo>", b'<ds:Reference URI=""/></ds:SignedInfo>'),
        "more than one thing",
    ),
    "a part of it": (lambda: signed().replace(b'URI=""', b'URI="#part"'), "does not cover the whole"),
    "not by the standard": (lambda: signed().replace(b"<ds:SignatureValue>", b"<ds:SignatureValue Id='to ord'>"), "Id"),
}


@pytest.mark.parametrize(("make", "phrase"), UNJUDGED.values(), ids=UNJUDGED.keys())
def test_what_cannot_be_judged_is_said_to_be_so(make: Callable[[], bytes], phrase: str) -> None:
    message = judged(make(), pem(certificate("fremmed")))
    assert message.signature.evidence is Evidence.CANNOT_JUDGE
    assert phrase in message.signature.detail
    assert message.infos


def tampered(document: bytes) -> bytes:
    return document.replace(b"to meter", b"ti meter")


@pytest.mark.parametrize("document", [tampered(signed()), tampered(signed(bare=True))], ids=["certificate", "bare key"])
def test_a_changed_alert_is_invalid_and_flagged_but_not_refused(document: bytes) -> None:
    message = judged(document, pem(certificate("varsel")))
    assert message.signature.evidence is Evidence.INVALID
    assert FlagKind.SIGNATURE_INVALID in flags(message)


def test_a_signature_of_another_key_is_invalid() -> None:
    message = judged(signed(certificate("fremmed")), pem(certificate("fremmed")))
    assert message.signature.evidence is Evidence.INVALID


def inside(document: bytes) -> bytes:
    return b'<feed xmlns="http://www.w3.org/2005/Atom"><entry><content type="text/xml">' + document + b"</content></entry></feed>"


def test_inside_a_feed_a_misfit_proves_nothing() -> None:
    message = judged(inside(tampered(signed())), pem(certificate("varsel")))
    assert message.signature.evidence is Evidence.CANNOT_JUDGE
    assert message.signature.detail.startswith("inside a feed: ")


def test_inside_a_feed_a_signature_that_fits_is_evidence_too() -> None:
    assert judged(inside(signed()), pem(certificate("varsel"))).signature.evidence is Evidence.VALID


def test_the_same_bytes_give_the_same_evidence_whenever_they_are_read() -> None:
    long_ago = signed(
        certificate("varsel", start=datetime(2001, 1, 1, tzinfo=UTC), end=datetime(2003, 1, 1, tzinfo=UTC)),
        alert(sent="2002-01-01T00:00:00+01:00"),
    )
    trusted = pem(certificate("varsel", start=datetime(2001, 1, 1, tzinfo=UTC), end=datetime(2003, 1, 1, tzinfo=UTC)))
    assert judged(long_ago, trusted).signature.evidence is Evidence.VALID
