"""Asks a server for what PromQL finds, and turns what goes wrong into sentences for users."""

import asyncio
import os
from collections.abc import AsyncGenerator, Iterator, Mapping
from contextlib import asynccontextmanager
from http import HTTPStatus
from math import isfinite

import aiohttp
import msgspec
from msgspec import Struct

from tidegauge.errors import HistoryError

ANSWER_BYTES = 64 * 1024 * 1024
"""All answers to one question together have at most so many, uncompressed."""

POINTS = 11_000
"""Of a series Prometheus gives no more in one answer."""

AT_ONCE = 4
"""Requests under way for one question."""

IN_FLIGHT = 16
"""Requests under way at a server for all questions, however many look.

Beyond that they wait for their turn, in the order in which they came, and for the time that a
request may take at most: then it is said that the server is busy.
"""

SAID_LENGTH = 200
"""Characters of an answer that are quoted."""

_CREDENTIALS = "check history.username and history.password, or history.token"
_REMEDIES: Mapping[int, str] = {
    HTTPStatus.UNAUTHORIZED: _CREDENTIALS,
    HTTPStatus.FORBIDDEN: f"{_CREDENTIALS}; whose it is must be allowed to read",
    HTTPStatus.NOT_FOUND: "set history.prometheus to what comes before /api/v1/query",
    HTTPStatus.UNPROCESSABLE_ENTITY: "ask for a shorter range, or larger steps",
}


class Found(Struct, frozen=True):
    """One series: its labels, times in milliseconds, and a finite value at each."""

    labels: Mapping[str, str]
    times: list[int]
    values: list[float]


class _Series(Struct, frozen=True):
    metric: dict[str, str]
    values: list[tuple[float, str]] = []
    value: tuple[float, str] | None = None


class _Data(Struct, frozen=True):
    result: list[_Series]


class _Answer(Struct, frozen=True):
    data: _Data


class _Refusal(Struct, frozen=True):
    error: str


class PrometheusServer:
    """A server at ``url``; ``timeout`` is in seconds, for each request.

    Nothing stays open between two questions.
    """

    def __init__(self, url: str, headers: Mapping[str, str], timeout: float) -> None:
        self.url, self._headers, self._timeout = url.rstrip("/"), headers, timeout
        self._turns = asyncio.Semaphore(IN_FLIGHT)

    @asynccontextmanager
    async def question(
        self, most: int | None = None, *, first: bool = False
    ) -> AsyncGenerator["Question"]:
        """All requests for one answer; their answers together have `ANSWER_BYTES`, or ``most``.

        ``first`` is for what is asked once for all who look, and must not wait for the others.
        """
        async with aiohttp.ClientSession(
            headers=self._headers,
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=aiohttp.ClientTimeout(total=self._timeout),
        ) as session:
            turns = asyncio.Semaphore(AT_ONCE) if first else self._turns
            yield Question(session, self.url, self._timeout, most or ANSWER_BYTES, turns)


class Question:
    """Requests over one session; all times are in milliseconds. Each raises `HistoryError`."""

    def __init__(
        self,
        session: aiohttp.ClientSession,
        url: str,
        timeout: float,
        most: int,
        turns: asyncio.Semaphore,
    ) -> None:
        self._session, self._url, self._timeout = session, url, timeout
        self._under_way, self._turns = asyncio.Semaphore(AT_ONCE), turns
        self._most = self._left = most

    async def at(self, promql: str, time: int) -> list[Found]:
        """What an expression is at one time; of a range of samples, these."""
        return await self._ask("query", {"query": promql, "time": _seconds(time)})

    async def now(self) -> int:
        """The time by the server's clock."""
        found = await self._ask("query", {"query": "vector(time())"})
        return round(1000 * found[0].values[0]) if found and found[0].values else 0

    async def over(self, promql: str, first: int, last: int, step: int) -> list[Found]:
        """What it is at the first time and every step until the last."""
        found: list[Found] = []
        for begin in range(first, last + 1, POINTS * step):
            end = min(last, begin + (POINTS - 1) * step)
            span = {"start": _seconds(begin), "end": _seconds(end), "step": _seconds(step)}
            found += await self._ask("query_range", {"query": promql, **span})
        return found

    async def _ask(self, what: str, form: Mapping[str, str]) -> list[Found]:
        # VictoriaMetrics would move ranges to what it has cached, and show the newest seconds late.
        form = {**form, "nocache": "1", "latency_offset": "1ms", "timeout": f"{self._timeout:g}"}
        async with self._under_way, self._turn():
            body = await self._post(f"{self._url}/api/v1/{what}", form)
        return await asyncio.to_thread(self._read, body)

    @asynccontextmanager
    async def _turn(self) -> AsyncGenerator[None]:
        try:
            async with asyncio.timeout(self._timeout):
                await self._turns.acquire()
        except TimeoutError as error:
            raise HistoryError(
                f"history.prometheus, {self._url}, was busy with other questions for"
                f" {self._timeout:g} s; look at fewer things at once, or raise history.timeout."
            ) from error
        try:
            yield
        finally:
            self._turns.release()

    async def _post(self, url: str, form: Mapping[str, str]) -> bytes:
        try:
            # To the letter: another host must not get the credentials.
            async with self._session.post(url, data=form, allow_redirects=False) as response:
                body = await self._body(response)
                if response.status != HTTPStatus.OK:
                    raise HistoryError(self._refusal(response, body))
                return body
        except (aiohttp.ClientError, OSError, TimeoutError, UnicodeError) as error:
            raise HistoryError(self._trouble(error)) from error

    async def _body(self, response: aiohttp.ClientResponse) -> bytes:
        pieces: list[bytes] = []
        async for piece in response.content.iter_any():
            self._left -= len(piece)
            if self._left < 0:
                raise HistoryError(
                    f"the answer of history.prometheus, {self._url}, has more than"
                    f" {self._most // 2**20} MiB; ask for less: a shorter range, larger steps, or"
                    " by history.labels fewer machines."
                )
            pieces.append(piece)
        return b"".join(pieces)

    def _read(self, body: bytes) -> list[Found]:
        try:
            return [*_found(msgspec.json.decode(body, type=_Answer))]
        except (msgspec.MsgspecError, ValueError) as error:
            raise HistoryError(
                f"what answers at history.prometheus, {self._url}, is no Prometheus; set it to"
                " what comes before /api/v1/query."
            ) from error

    def _refusal(self, response: aiohttp.ClientResponse, body: bytes) -> str:
        status = response.status
        answered = f"history.prometheus, {self._url}, answered {status} {response.reason or ''}"
        if status // 100 == 3:
            return f"{answered}: set it to where the server has moved to."
        try:
            said = " ".join(msgspec.json.decode(body, type=_Refusal).error.split())
            answered = f'{answered}, saying "{_cut(said)}"'
        except (msgspec.MsgspecError, ValueError):  # a page is for browsers
            pass
        return f"{answered}: {_REMEDIES.get(status, 'see its log')}."

    def _trouble(self, error: Exception) -> str:
        """What kept an answer from coming."""
        at = f"history.prometheus, {self._url},"
        if isinstance(error, TimeoutError):
            return (
                f"{at} took longer than {self._timeout:g} s; ask for a shorter range, or raise"
                " history.timeout."
            )
        if isinstance(error, aiohttp.ClientConnectorCertificateError):
            return (
                f"{at} has a certificate that is not one to trust; renew it, or add the authority"
                " that signed it to those this machine trusts."
            )
        if isinstance(error, aiohttp.ClientSSLError):
            return f"{at} speaks no TLS; set it to http://, or to the port that it has for TLS."
        if isinstance(error, aiohttp.ClientConnectorError):
            why = os.strerror(number) if (number := error.os_error.errno or 0) > 0 else ""
            why = why.lower() or "its host name is not known"
            return f"{at} cannot be reached: {why}; check the address, and that the server runs."
        return f"{at} broke the connection off, or does not answer in HTTP; check the address."


def _found(answer: _Answer) -> Iterator[Found]:
    for series in answer.data.result:
        values = [series.value] if series.value else series.values
        known = [(at, value) for at, text in values if isfinite(value := float(text))]
        yield Found(
            series.metric,
            [round(1000 * at) for at, _ in known],
            [value for _, value in known],
        )


def _cut(said: str) -> str:
    """The end, for VictoriaMetrics repeats the query first."""
    return said if len(said) <= SAID_LENGTH else f"…{said[-SAID_LENGTH:]}"


def _seconds(milliseconds: int) -> str:
    return f"{milliseconds / 1000:.3f}"
