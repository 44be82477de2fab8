"""Posting to backends over HTTP: what each answer asks for, in words fit for users.

Foreign exceptions end here. Who calls decides nothing by status codes: the error's type says
whether to keep, to halve or to drop.
"""

import os
import re
import ssl
from base64 import b64encode
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from urllib.parse import SplitResult, quote, unquote, urlsplit

import aiohttp

from tidegauge import __version__
from tidegauge.errors import BackendUnavailable, BatchTooLarge, ConfigError, ExportError

ANSWER_BYTES = 4096
"""Of an answer's body at most so much is read."""

SAID_LENGTH = 200
"""Characters of it that are quoted."""

IDLE_SECONDS = 3.0
"""How long a connection waits for the next batch: less than servers wait before they hang up."""

_LATER = {HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_MANY_REQUESTS}

_REMEDIES: Mapping[int, str] = {
    HTTPStatus.UNAUTHORIZED: "check its user and password, or its token",
    HTTPStatus.FORBIDDEN: "give its user or token the right to write there",
    HTTPStatus.NOT_FOUND: "check the path of its address, and what it names",
}

_SECONDS = re.compile(r"\d{1,9}", re.ASCII)
_HEADER = re.compile(r"[\w!#$%&'*+.^`|~-]+", re.ASCII)


def shown_url(url: str) -> str:
    """The URL without what may be secret: user, password and query."""
    try:
        parts = urlsplit(url)
    except ValueError:  # half an IPv6 address
        parts = SplitResult("", "", "", "", "")
    if not parts.scheme or not parts.netloc:  # who knows what of it is a password
        return "an unreadable address"
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"


class HttpSender:
    """Posts bodies to one URL, one at a time; its session opens at the first, never before.

    ``who`` is the backend and where it is, for messages. ``timeout`` is in seconds, for the whole
    of a request. A user and password in the URL become basic authorization unless ``headers``
    has its own. ``remedies`` say, by status, what a user of this backend does about an answer; they
    go before those for all backends. Raises `ConfigError` for a URL nobody can post to,
    and for headers that are none.
    """

    def __init__(
        self,
        url: str,
        headers: Mapping[str, str],
        timeout: float,
        who: str,
        remedies: Mapping[int, str] | None = None,
    ) -> None:
        parts = _checked(url, who)
        _check_headers(headers, who)
        self._remedies = {**_REMEDIES, **(remedies or {})}
        self._who, self._timeout = who, timeout
        self._url = parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()
        self._headers = {
            "User-Agent": f"tidegauge/{__version__}",
            "Accept-Encoding": "identity",
            **_authorization(parts, headers),
            **headers,
        }
        self._secrets = _secrets(parts, self._headers)
        self._session: aiohttp.ClientSession | None = None

    async def post(self, body: bytes) -> bytes:
        """Post one body; the first bytes of a successful answer. Raises an `ExportError`."""
        try:
            # To the letter: another host must not get the credentials, nor a POST become a GET.
            async with self._open().post(self._url, data=body, allow_redirects=False) as response:
                said = await _beginning(response)
                if response.status // 100 != 2:
                    raise self._refusal(response, said)
                return said
        except (aiohttp.ClientError, OSError, TimeoutError, UnicodeError) as error:
            raise BackendUnavailable(self._without_secrets(self._trouble(error))) from error

    async def close(self) -> None:
        """Close the connections."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(keepalive_timeout=IDLE_SECONDS),
                cookie_jar=aiohttp.DummyCookieJar(),
                timeout=aiohttp.ClientTimeout(total=self._timeout),
                headers=self._headers,
                auto_decompress=False,
            )
        return self._session

    def _refusal(self, response: aiohttp.ClientResponse, said: bytes) -> ExportError:
        """The error that an answer other than success asks for."""
        status = response.status
        sentence = self._without_secrets(self._sentence(response, said))
        if status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
            return BatchTooLarge(sentence)
        if status in _LATER or status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            return BackendUnavailable(sentence, retry_after(response.headers))
        return ExportError(sentence)

    def _sentence(self, response: aiohttp.ClientResponse, said: bytes) -> str:
        status, location = response.status, response.headers.get("Location", "")
        answered = f"{self._who} answered {status} {_printable(response.reason or '')}".rstrip()
        if status // 100 == 3 and location:
            new = _printable(shown_url(location) if "://" in location else location)
            return f"{answered}: it has moved to {new}; set that as its address."
        text = _printable(self._without_secrets(said.decode(errors="replace")))
        if text and not text.startswith("<"):  # a page is for browsers
            answered = f'{answered}, saying "{text}"'
        remedy = self._remedies.get(status)
        return f"{answered}: {remedy}." if remedy else f"{answered}."

    def _trouble(self, error: Exception) -> str:
        """What kept an answer from coming."""
        cause = _root(error)
        match cause:
            case TimeoutError():
                return f"{self._who} took longer than {self._timeout:g} s."
            case aiohttp.ClientConnectorDNSError() | UnicodeError():
                return f"{self._who} cannot be reached: its host name is not known."
            case ssl.SSLError():
                return f"{self._who} cannot be reached over TLS: {_tls(cause)}."
            case aiohttp.ClientResponseError():
                return f"{self._who} does not answer in HTTP."
            case _ if isinstance(error, aiohttp.ClientConnectorError):
                return f"{self._who} cannot be reached: {_reason(cause)}."
            case _:
                return f"{self._who} broke the connection off."

    def _without_secrets(self, sentence: str) -> str:
        for secret in self._secrets:
            sentence = sentence.replace(secret, "***")
        return sentence


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds for which a backend asks to be left alone; ``None`` if it does not.

    A date is taken by the backend's own clock, its ``Date``: no two clocks agree.
    """
    wish = headers.get("Retry-After", "").strip()
    if _SECONDS.fullmatch(wish):
        return float(wish)
    try:
        wait = parsedate_to_datetime(wish) - parsedate_to_datetime(headers.get("Date", ""))
    except (TypeError, ValueError, OverflowError):
        return None
    return max(0.0, wait.total_seconds())


def _checked(url: str, who: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        fine = parts.scheme in {"http", "https"} and parts.hostname and parts.port != 0
    except ValueError:  # a port that is no number, half an IPv6 address
        fine, parts = False, urlsplit("")
    if not fine:
        raise ConfigError(f"{who}: its address must be like http://HOST:PORT/PATH or https://HOST.")
    return parts


def _check_headers(headers: Mapping[str, str], who: str) -> None:
    for name, value in headers.items():
        if not (_HEADER.fullmatch(name) and value.isprintable()):
            raise ConfigError(
                f"{who}: the header {name!r} cannot be sent; its name must be letters, digits"
                " and -, its value one line."
            )


def _authorization(parts: SplitResult, headers: Mapping[str, str]) -> Mapping[str, str]:
    if parts.username is None or "authorization" in map(str.lower, headers):
        return {}
    return basic_authorization(unquote(parts.username), unquote(parts.password or ""))


def basic_authorization(username: str, password: str) -> Mapping[str, str]:
    """The header by which a user is known."""
    pair = f"{username}:{password}".encode()
    return {"Authorization": f"Basic {b64encode(pair).decode()}"}


def _secrets(parts: SplitResult, headers: Mapping[str, str]) -> list[str]:
    """What must not be quoted, should a backend repeat it; the longest first."""
    password = unquote(parts.password or "")
    words = [
        word
        for name, value in headers.items()
        if not name.lower().startswith(("content-", "user-agent", "accept"))
        for word in value.split()
        if len(word) >= 8
    ]
    found = {*words, password, parts.password or "", quote(password, safe="")} - {""}
    return sorted(found, key=len, reverse=True)


async def _beginning(response: aiohttp.ClientResponse) -> bytes:
    """The body's first bytes; the status already tells, so a body that breaks off is no error."""
    said = b""
    try:
        while len(said) < ANSWER_BYTES:
            piece = await response.content.read(ANSWER_BYTES - len(said))
            if not piece:
                return said
            said += piece
    except (aiohttp.ClientError, OSError, TimeoutError):
        pass
    response.close()
    return said


def _printable(text: str) -> str:
    """One line without control characters, cut."""
    line = "".join(each if each.isprintable() else " " for each in text)
    line = " ".join(line.split())
    return line if len(line) <= SAID_LENGTH else f"{line[: SAID_LENGTH - 1]}…"


def _root(error: Exception) -> BaseException:
    """Without what aiohttp wrapped around it."""
    if isinstance(error, aiohttp.ClientConnectorDNSError):
        return error
    if isinstance(error, aiohttp.ClientConnectorError):
        return error.os_error
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        return error.certificate_error
    if isinstance(error, aiohttp.ClientOSError) and isinstance(error.__cause__, OSError):
        return error.__cause__
    return error


def _tls(error: ssl.SSLError) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        why = error.verify_message.lower().rstrip(".")
        return (
            f"its certificate is not one to trust ({why}); renew it, or add the authority that"
            " signed it to those this machine trusts"
        )
    reason = error.reason or ""
    if any(word in reason for word in ("WRONG_VERSION_NUMBER", "RECORD_LAYER", "HTTP_REQUEST")):
        return "what listens there speaks no TLS; use http://, or the port that it has for TLS"
    return reason.lower().replace("_", " ") or "the handshake was broken off"


def _reason(error: BaseException) -> str:
    if not isinstance(error, OSError):
        return str(error).lower()
    # asyncio's own text for a refused connection repeats the address instead of the reason
    system = os.strerror(error.errno) if error.errno and error.errno > 0 else error.strerror
    return (system or str(error)).lower()
