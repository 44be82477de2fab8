"""What exceptions of aiohttp, TLS and the system mean for an engine's user, in words."""

import asyncio
import errno
import os
import ssl
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

import aiohttp

from tidegauge.docker.answer import NotHttp
from tidegauge.docker.certificate import Certificate, read_certificate
from tidegauge.docker.descriptors import exhausted
from tidegauge.docker.endpoint import Endpoint, Tls
from tidegauge.docker.sockets import absent, forbidden
from tidegauge.errors import (
    ConnectionLost,
    EngineError,
    EngineForbidden,
    EngineUnreachable,
    EngineUntrusted,
    NoSocketLeft,
    NotAnEngine,
)

PROBE_SECONDS = 3.0

# X509_V_ERR_... of OpenSSL, as `SSLCertVerificationError.verify_code` has them.
_NOT_YET_VALID, _EXPIRED, _SELF_SIGNED = 9, 10, 18
_UNKNOWN_ISSUERS = (_SELF_SIGNED, 19, 20, 21)
_WRONG_HOSTS = (62, 64)

# These begin to speak plainly, or hang up, where the answer to a handshake is due.
_NO_TLS = ("WRONG_VERSION_NUMBER", "RECORD_LAYER_FAILURE", "HTTP_REQUEST")


class Unreached(Exception):
    """There is no connection, for this reason; so aiohttp says it by `ClientConnectorError`."""

    def __init__(self, reason: OSError) -> None:
        super().__init__(str(reason))
        self.reason = reason


def translate(error: Exception, address: str) -> EngineError:
    """The error of ours that says what happened; the table of this seam."""
    cause = _root(error)
    match cause:
        case PermissionError():
            return EngineForbidden(forbidden(address))
        case FileNotFoundError() | ConnectionRefusedError() if address.startswith("unix:"):
            return EngineUnreachable(absent(address, there=isinstance(cause, ConnectionError)))
        case aiohttp.ServerTimeoutError() | TimeoutError():
            return EngineUnreachable(f"the engine at {address} does not answer in time.")
        case aiohttp.ClientResponseError() | NotHttp():
            return NotAnEngine(f"what listens at {address} does not speak HTTP as an engine does.")
        case _ if isinstance(error, aiohttp.ClientConnectorError | Unreached):
            return EngineUnreachable(
                f"no engine at {address}: {_reason(cause)}."
                " Is Docker running there, and listening at that address?"
            )
        case _:
            told = isinstance(error.__cause__, EngineError)  # by the way to it
            broke = f"the engine at {address} broke the connection off."
            return ConnectionLost(str(error.__cause__) if told else broke)


async def unanswered(
    error: Exception, endpoint: Endpoint, context: ssl.SSLContext | None
) -> EngineError:
    """The same for a request that got no answer at all.

    ``context`` is the one it was made with, if that was over TLS; then the server may be asked
    once more for its reason.
    """
    cause = _root(error)
    if isinstance(cause, OSError) and cause.errno in {errno.EMFILE, errno.ENFILE}:
        return NoSocketLeft(exhausted(endpoint.text))
    if context is None or endpoint.tls is None:
        return translate(error, endpoint.text)
    return await _untold(error, endpoint, endpoint.tls, context)


async def _untold(
    error: Exception, endpoint: Endpoint, tls: Tls, context: ssl.SSLContext
) -> EngineError:
    cause = _root(error)
    if isinstance(cause, ssl.SSLCertVerificationError):
        return EngineUntrusted(_untrusted(cause, endpoint, tls, await _certificate_of(endpoint)))
    if not isinstance(cause, ssl.SSLError):
        # A request under way can cost the alert that tells why, so see what comes without one.
        if _is_break(error, cause) and await _hangs_up(endpoint, context):
            return EngineForbidden(_unwanted(endpoint.text, tls))
        return translate(error, endpoint.text)
    reason = cause.reason or ""
    if _is_refusal(cause):
        return EngineForbidden(_unwanted(endpoint.text, tls))
    if any(word in reason for word in _NO_TLS):
        return NotAnEngine(
            f"what listens at {endpoint.text} does not speak TLS; if it is an engine, leave TLS"
            " out for it, or use the port that it has for TLS."
        )
    what = reason.lower().replace("_", " ") or "the connection ended"
    return NotAnEngine(f"no TLS with what listens at {endpoint.text}: {what}.")


def _root(error: BaseException) -> BaseException:
    """Without what was wrapped around it."""
    if isinstance(error, Unreached):
        return error.reason
    if isinstance(error, aiohttp.ClientConnectorError):
        return error.os_error
    if isinstance(error, aiohttp.ClientOSError) and isinstance(error.__cause__, OSError):
        return error.__cause__
    return error


def _is_break(error: Exception, cause: BaseException) -> bool:
    never = isinstance(error, aiohttp.ClientConnectorError | Unreached)
    if never or isinstance(cause, TimeoutError):
        return False
    return isinstance(cause, OSError | aiohttp.ServerDisconnectedError)


def _is_refusal(error: ssl.SSLError) -> bool:
    """True for an alert about our certificate, or the lack of one."""
    reason = error.reason or ""
    return "_ALERT_" in reason and any(part in reason for part in ("CERT", "UNKNOWN_CA", "ACCESS"))


def _reason(error: BaseException) -> str:
    if not isinstance(error, OSError):
        return str(error).lower()
    # asyncio's own text for a refused connection repeats the address instead of the reason
    system = os.strerror(error.errno) if error.errno and error.errno > 0 else error.strerror
    return (system or str(error)).lower()


def _untrusted(
    error: ssl.SSLCertVerificationError, endpoint: Endpoint, tls: Tls, shown: Certificate | None
) -> str:
    whose = f"the certificate of the engine at {endpoint.text}"
    code = error.verify_code
    if code in _WRONG_HOSTS:
        host = urlsplit(endpoint.base).hostname
        real = f"is for {' and '.join(shown.hosts) or 'no host'}, " if shown else "is "
        return f"{whose} {real}not for {host}; use an address that it is for, or renew it with one."
    if code == _EXPIRED:
        return f"{whose} expired{f' on {_time(shown.not_after)}' if shown else ''}; renew it."
    if code == _NOT_YET_VALID:
        since = f"before {_time(shown.not_before)}" if shown else "yet"
        return f"{whose} is not valid {since}; set the clocks right, or renew it."
    if code in _UNKNOWN_ISSUERS:
        issued = f' ("{shown.subject}", issued by "{shown.issuer}")' if shown else ""
        signed = f"the authority in {tls.ca}" if tls.ca else "an authority this machine trusts"
        remedy = f"put that authority into {tls.ca}" if tls.ca else "give the authority as tls.ca"
        return f"{whose}{issued} is not signed by {signed}; {remedy}."
    return f"{whose} is not to be trusted: {error.verify_message.lower().rstrip('.')}."


def _unwanted(address: str, tls: Tls) -> str:
    """Why a server refused the client certificate."""
    if not tls.cert:
        return (
            f"the engine at {address} wants a client certificate and got none; give tls.cert and"
            " tls.key, or cert.pem and key.pem in DOCKER_CERT_PATH."
        )
    sentence = f"the engine at {address} refuses the client certificate {tls.cert}"
    try:
        mine = read_certificate(ssl.PEM_cert_to_DER_cert(Path(tls.cert).read_text("ascii").strip()))
    except (OSError, ValueError):
        return f"{sentence}; use one that its authority has signed."
    if mine.not_after < datetime.now(UTC):
        return f"{sentence}, which expired on {_time(mine.not_after)}; renew it."
    return (
        f'{sentence} ("{mine.subject}", issued by "{mine.issuer}"); use one that its authority'
        " has signed."
    )


def _time(time: datetime) -> str:
    return f"{time:%Y-%m-%d %H:%M:%S} UTC"


async def _certificate_of(endpoint: Endpoint) -> Certificate | None:
    """What the server shows, whoever it is; ``None`` if it cannot be had."""
    anyone = ssl.create_default_context()
    anyone.check_hostname, anyone.verify_mode = False, ssl.CERT_NONE
    try:
        async with asyncio.timeout(PROBE_SECONDS), _opened(endpoint, anyone) as (_, writer):
            shown: ssl.SSLObject = writer.get_extra_info("ssl_object")
            return read_certificate(shown.getpeercert(binary_form=True) or b"")
    except (OSError, TimeoutError, ValueError):
        return None


async def _hangs_up(endpoint: Endpoint, context: ssl.SSLContext) -> bool:
    """True for a server that ends the connection after the handshake, before any request.

    That is how TLS 1.3 refuses a client, with an alert or without; others wait for a request.
    """
    try:
        async with asyncio.timeout(PROBE_SECONDS), _opened(endpoint, context) as (reader, _):
            return not await reader.read(1)
    except ssl.SSLError as error:
        return _is_refusal(error)
    except TimeoutError:
        return False
    except OSError as error:
        return isinstance(error, ConnectionResetError | BrokenPipeError)


@asynccontextmanager
async def _opened(
    endpoint: Endpoint, context: ssl.SSLContext
) -> AsyncGenerator[tuple[asyncio.StreamReader, asyncio.StreamWriter], None]:
    parts = urlsplit(endpoint.base)
    reader, writer = await asyncio.open_connection(parts.hostname, parts.port, ssl=context)
    try:
        yield reader, writer
    finally:
        writer.transport.abort()
