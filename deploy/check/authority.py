"""A certificate authority made on the spot, for a test: one certificate for one name."""

import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

#: valid around any day of a test, whatever the machine's clock says
BEGINS, ENDS = datetime(2020, 1, 1, tzinfo=UTC), datetime(2120, 1, 1, tzinfo=UTC)
#: clients refuse longer ones of a leaf
LEAF = timedelta(days=36500)


def issue(name: str, folder: Path) -> ssl.SSLContext:
    """Write authority.pem, fullchain.pem and privkey.pem into `folder`; return what trusts them."""
    folder.mkdir(parents=True, exist_ok=True)
    authority_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    issuer = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Test authority")])
    authority = _begun(issuer, issuer, authority_key).add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
    root = authority.sign(authority_key, hashes.SHA256())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    leaf = _begun(subject, issuer, key).add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
    signed = leaf.sign(authority_key, hashes.SHA256())
    pem = serialization.Encoding.PEM
    (folder / "authority.pem").write_bytes(root.public_bytes(pem))
    (folder / "fullchain.pem").write_bytes(signed.public_bytes(pem) + root.public_bytes(pem))
    secret = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    (folder / "privkey.pem").touch(mode=0o600)
    (folder / "privkey.pem").write_bytes(secret)
    return ssl.create_default_context(cafile=str(folder / "authority.pem"))


def _begun(subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey) -> x509.CertificateBuilder:
    builder = x509.CertificateBuilder(subject_name=subject, issuer_name=issuer, public_key=key.public_key())
    return builder.serial_number(x509.random_serial_number()).not_valid_before(BEGINS).not_valid_after(ENDS)
