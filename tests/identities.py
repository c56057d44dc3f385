"""Throw-away TLS identities."""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


@dataclass(frozen=True, slots=True)
class Identity:
    """A TLS server's identity and the authority that vouches for it."""

    ca_file: Path
    server: ssl.SSLContext


def an_identity(
    folder: Path, *, name: str = "localhost", address: str = "127.0.0.1", age_days: int = 0
) -> Identity:
    """Make an authority, and a certificate for a host that is valid for two days.

    Both were made yesterday; the certificate `age_days` before that.
    """
    ca_key, ca = _certificate("throw-away authority", None, x509.BasicConstraints(True, None))
    alternatives = x509.SubjectAlternativeName(
        [x509.DNSName(name), x509.IPAddress(ip_address(address))]
    )
    key, certificate = _certificate(name, (ca_key, ca), alternatives, age_days)
    folder.mkdir(parents=True, exist_ok=True)
    ca_file, chain_file = folder / "ca.pem", folder / "server.pem"
    pem = serialization.Encoding.PEM
    ca_file.write_bytes(ca.public_bytes(pem))
    chain_file.write_bytes(
        key.private_bytes(
            pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        + certificate.public_bytes(pem)
    )  # fmt: skip
    server = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    server.load_cert_chain(chain_file)
    return Identity(ca_file, server)


def _certificate(
    name: str,
    issuer: tuple[ec.EllipticCurvePrivateKey, x509.Certificate] | None,
    extension: x509.ExtensionType,
    age_days: int = 0,
) -> tuple[ec.EllipticCurvePrivateKey, x509.Certificate]:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    signer, issuer_name = (issuer[0], issuer[1].subject) if issuer else (key, subject)
    now = datetime.now(UTC) - timedelta(days=age_days)
    built = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer_name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(extension, critical=issuer is None)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False
        )
        .sign(signer, hashes.SHA256())
    )
    return key, built
