"""What an X.509 certificate says of itself, for sentences about TLS trouble.

Python reads certificates only of peers it trusts, and trouble is about the others.
"""

import ipaddress
from collections.abc import Iterator
from datetime import UTC, datetime

from msgspec import Struct

_COMMON_NAME, _ORGANISATION, _ALTERNATIVE_NAME = b"\x55\x04\x03", b"\x55\x04\x0a", b"\x55\x1d\x11"

# DER tags (X.690, and RFC 5280 for those of a certificate's own).
_UTC_TIME = 0x17
_VERSION, _EXTENSIONS = 0xA0, 0xA3
_DNS_NAME, _IP_ADDRESS = 0x82, 0x87


class Certificate(Struct, frozen=True):
    """Whose it is, who signed it, from when to when, and for which hosts."""

    subject: str
    issuer: str
    not_before: datetime
    not_after: datetime
    hosts: tuple[str, ...] = ()


def read_certificate(der: bytes) -> Certificate:
    """Read the DER form; raises `ValueError` for anything else."""
    try:
        (whole,) = _values(der)
        body = [part for part in _parts(_values(whole)[0]) if part[0] != _VERSION]
        # serial number, signature algorithm, then:
        issuer, validity, subject = (value for _, value in body[2:5])
        begin, end = (_time(*part) for part in _parts(validity))
        extensions = next((value for tag, value in body if tag == _EXTENSIONS), b"")
        return Certificate(_name(subject), _name(issuer), begin, end, tuple(_hosts(extensions)))
    except (IndexError, UnicodeDecodeError) as error:
        raise ValueError("no certificate") from error


def _parts(der: bytes) -> Iterator[tuple[int, bytes]]:
    """Tag and value, one after the other."""
    at = 0
    while at < len(der):
        tag, length = der[at], der[at + 1]
        at += 2
        if length & 0x80:
            size = length & 0x7F
            length = int.from_bytes(der[at : at + size])
            at += size
        yield tag, der[at : at + length]
        at += length


def _values(der: bytes) -> list[bytes]:
    return [value for _, value in _parts(der)]


def _name(der: bytes) -> str:
    """The common name, or the organisation."""
    pairs = [_values(pair) for group in _values(der) for pair in _values(group)]
    known = {pair[0]: pair[1].decode(errors="replace") for pair in pairs}
    return known.get(_COMMON_NAME) or known.get(_ORGANISATION) or "no name"


def _time(tag: int, value: bytes) -> datetime:
    year = "%y" if tag == _UTC_TIME else "%Y"
    return datetime.strptime(value.decode(), f"{year}%m%d%H%M%SZ").replace(tzinfo=UTC)


def _hosts(der: bytes) -> Iterator[str]:
    for extensions in _values(der):
        for extension in map(_values, _values(extensions)):
            if extension[0] == _ALTERNATIVE_NAME:
                (names,) = _values(extension[-1])
                for tag, value in _parts(names):
                    if tag == _DNS_NAME:
                        yield value.decode()
                    elif tag == _IP_ADDRESS:
                        yield str(ipaddress.ip_address(value))
