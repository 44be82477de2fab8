"""TLS to an engine: a context made of PEM files, and anew when the files change."""

import contextlib
import ssl
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

from tidegauge.docker.endpoint import Tls

_NO_CERTIFICATE = "holds no certificate in PEM form"


class UnusableFile(ValueError):
    """A file that gives no TLS; the text is a clause to follow ``part``: ca, cert or key."""

    def __init__(self, part: str, clause: str) -> None:
        super().__init__(clause)
        self.part = part


def client_context(tls: Tls) -> ssl.SSLContext:
    """What the files make; raises `UnusableFile`."""
    authority = _read_certificate("ca", tls.ca) if tls.ca else None
    try:
        context = ssl.create_default_context(cadata=authority)
    except ssl.SSLError:
        raise UnusableFile("ca", f"({tls.ca}) {_NO_CERTIFICATE}") from None
    # Strict since Python 3.13, and then without mercy for certificates made by Docker's own guide.
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    if not tls.verify:
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    if tls.cert or tls.key:
        _load_pair(context, tls)
    return context


def _load_pair(context: ssl.SSLContext, tls: Tls) -> None:
    for part, path, other in (("cert", tls.cert, "key"), ("key", tls.key, "cert")):
        if not path:
            raise UnusableFile(part, f"is missing, without which {other} is of no use")
    _read_certificate("cert", tls.cert)
    _read("key", tls.key)
    try:
        context.load_cert_chain(tls.cert, tls.key, _no_password(tls.key))
    except ssl.SSLError as error:
        if error.reason == "KEY_VALUES_MISMATCH":
            clause = f"({tls.key}) is not the key of the certificate {tls.cert}"
        else:
            clause = f"({tls.key}) and {tls.cert} are no key and certificate in PEM form"
        raise UnusableFile("key", clause) from error


def _no_password(path: str) -> Callable[[], str]:
    """To be called for an encrypted key; without it OpenSSL would ask at the terminal."""

    def refuse() -> NoReturn:
        raise UnusableFile("key", f"({path}) is encrypted; give a key without a passphrase")

    return refuse


def _read_certificate(part: str, path: str) -> str:
    text = _read(part, path)
    # Without one OpenSSL would be content, and the machine's own authorities would count.
    if "-----BEGIN CERTIFICATE-----" not in text:
        raise UnusableFile(part, f"({path}) {_NO_CERTIFICATE}")
    return text


def _read(part: str, path: str) -> str:
    try:
        return Path(path).read_text(encoding="ascii", errors="replace")
    except OSError as error:
        reason = (error.strerror or "unknown error").lower()
        raise UnusableFile(part, f"({path}) cannot be read: {reason}") from error


class TlsFiles:
    """The context of files that are renewed while we run, one after the other as renewals are."""

    def __init__(self, tls: Tls) -> None:
        self.tls = tls
        self._stamps = self._look()
        self._context = client_context(tls)

    def context(self) -> ssl.SSLContext:
        """What the files make now, or made when they were last in order."""
        if (stamps := self._look()) != self._stamps:
            with contextlib.suppress(UnusableFile):
                self._context, self._stamps = client_context(self.tls), stamps
        return self._context

    def _look(self) -> list[tuple[int, int] | None]:
        return [_stamp(Path(path)) for path in (self.tls.ca, self.tls.cert, self.tls.key) if path]


def _stamp(path: Path) -> tuple[int, int] | None:
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_mtime_ns, status.st_ino
