"""Certificates made for one test: an authority, and what it signs, right or wrong."""

import ipaddress
import ssl
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

DAY = timedelta(days=1)


class Pair(NamedTuple):
    """A certificate and its key, as files."""

    cert: Path
    key: Path

    def server(self, clients: Path) -> ssl.SSLContext:
        """A server that shows this one, and wants clients of that authority as dockerd does."""
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=str(clients))
        context.verify_flags &= ~ssl.VERIFY_X509_STRICT  # neither is dockerd
        context.load_cert_chain(self.cert, self.key)
        context.verify_mode = ssl.CERT_REQUIRED
        return context


class Authority:
    """Signs in a folder; its own certificate is ``ca``."""

    def __init__(self, folder: Path, name: str = "engine-ca") -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder, self._name = folder, x509.Name([_common_name(name)])
        self._key = ec.generate_private_key(ec.SECP256R1())
        is_authority = x509.BasicConstraints(ca=True, path_length=None)
        made = self._draft(self._name, self._key, timedelta(0))
        made = made.add_extension(is_authority, critical=True)
        self.ca = folder / "ca.pem"
        self.ca.write_bytes(_pem(made.sign(self._key, hashes.SHA256())))

    def signed(self, name: str, hosts: Sequence[str] = (), moved: timedelta = timedelta(0)) -> Pair:
        """A certificate for these hosts, valid for a day around now, or around another time.

        It has no key identifiers and usages, like those of Docker's own guide.
        """
        key = ec.generate_private_key(ec.SECP256R1())
        made = self._draft(x509.Name([_common_name(name)]), key, moved)
        if hosts:
            names = x509.SubjectAlternativeName([_host(each) for each in hosts])
            made = made.add_extension(names, critical=False)
        pair = Pair(self._folder / f"{name}-cert.pem", self._folder / f"{name}-key.pem")
        pair.cert.write_bytes(_pem(made.sign(self._key, hashes.SHA256())))
        pair.key.write_bytes(key_bytes(key))
        return pair

    def _draft(
        self, subject: x509.Name, key: ec.EllipticCurvePrivateKey, moved: timedelta
    ) -> x509.CertificateBuilder:
        now = datetime.now(UTC) + moved
        return x509.CertificateBuilder(
            issuer_name=self._name,
            subject_name=subject,
            public_key=key.public_key(),
            serial_number=x509.random_serial_number(),
            not_valid_before=now - DAY,
            not_valid_after=now + DAY,
        )


def key_bytes(key: ec.EllipticCurvePrivateKey, password: bytes = b"") -> bytes:
    """The key in PEM form."""
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.BestAvailableEncryption(password)
        if password
        else serialization.NoEncryption(),
    )


def _common_name(name: str) -> x509.NameAttribute[str]:
    return x509.NameAttribute(NameOID.COMMON_NAME, name)


def _host(text: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(text))
    except ValueError:
        return x509.DNSName(text)


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)
