"""TLS to an engine: what is refused, by whom and why, in words."""

import asyncio
import re
import shutil
from datetime import timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from certificates import Authority, key_bytes
from fakes.stats import frame, streaming
from fakes.tcp_engine import TcpEngine
from frames_of import frames_of
from tidegauge.docker.client import EngineClient
from tidegauge.docker.endpoint import Tls, parse_endpoint
from tidegauge.docker.tls import UnusableFile, client_context
from tidegauge.docker.transport import HttpTransport
from tidegauge.errors import EngineForbidden, EngineUnreachable, EngineUntrusted, NotAnEngine

DAYS_AGO = timedelta(days=-30)


class Site:
    """An engine's authority, its server certificate, and one for us."""

    def __init__(self, folder):
        self.authority = Authority(folder / "site")
        self.server = self.authority.signed("engine", ["localhost", "127.0.0.1"])
        self.mine = self.authority.signed("monitor")
        self.stranger = Authority(folder / "elsewhere", "other-ca")

    def engine(self, server=None):
        return TcpEngine((server or self.server).server(self.authority.ca))

    def tls(self, **changes):
        files = {"ca": self.authority.ca, "cert": self.mine.cert, "key": self.mine.key} | changes
        return Tls(**{name: str(path) for name, path in files.items()})


@pytest.fixture
def site(tmp_path):
    return Site(tmp_path)


async def connect(host, tls):
    client = EngineClient("local", HttpTransport(parse_endpoint(host, tls)))
    try:
        return await client.connect()
    finally:
        await client.close()


async def refused(kind, engine, tls, host=""):
    """The words of the refusal, with the engine's address put short."""
    with pytest.raises(kind) as error:
        await connect(host or engine.host, tls)
    return str(error.value).replace(host or engine.host, "HOST")


async def test_an_engine_is_asked_over_tls_and_streams(site):
    """With the right certificates TLS makes no difference, not even those of Docker's guide."""
    async with site.engine() as engine:
        container = engine.add("web", streaming(frame(1), frame(2), end=True))
        client = EngineClient("local", HttpTransport(parse_endpoint(engine.host, site.tls())))

        assert (await client.connect()).version == "20.10.24"
        async with frames_of(client, container, lambda *_: None) as frames:
            assert len([each async for each in frames]) == 2
        await client.close()


async def test_an_unverified_engine_may_be_anybody(site):
    """verify = false takes any certificate, for any host."""
    server = site.stranger.signed("anybody", ["elsewhere"])
    tls = Tls(cert=str(site.mine.cert), key=str(site.mine.key), verify=False)
    async with site.engine(server) as engine:
        assert (await connect(engine.host, tls)).kind == "docker"


async def test_a_foreign_engine_is_not_trusted(site):
    """Whose certificate it is, who signed it, and which authority we know."""
    server = site.stranger.signed("stranger", ["127.0.0.1"])
    async with site.engine(server) as engine:
        assert await refused(EngineUntrusted, engine, site.tls()) == (
            'the certificate of the engine at HOST ("stranger", issued by "other-ca") is not signed'
            f" by the authority in {site.authority.ca}; put that authority into"
            f" {site.authority.ca}."
        )


async def test_without_an_authority_the_machines_own_count(site):
    """https:// alone trusts what this machine trusts."""
    async with site.engine() as engine:
        host = engine.host.replace("tcp:", "https:")
        assert await refused(EngineUntrusted, engine, None, host) == (
            'the certificate of the engine at HOST ("engine", issued by "engine-ca") is not signed'
            " by an authority this machine trusts; give the authority as tls.ca."
        )


async def test_a_certificate_for_other_hosts_says_for_which(site):
    """The address must be one that the certificate is for."""
    server = site.authority.signed("engine", ["docker-host", "192.0.2.7"])
    async with site.engine(server) as engine:
        assert await refused(EngineUntrusted, engine, site.tls()) == (
            "the certificate of the engine at HOST is for docker-host and 192.0.2.7, not for"
            " 127.0.0.1; use an address that it is for, or renew it with one."
        )


@pytest.mark.parametrize(
    ("moved", "words"),
    [
        (DAYS_AGO, "expired on TIME UTC; renew it."),
        (-DAYS_AGO, "is not valid before TIME UTC; set the clocks right, or renew it."),
    ],
)
async def test_a_certificate_of_another_time_says_of_which(site, moved, words):
    """Expired, or not valid yet."""
    server = site.authority.signed("engine", ["127.0.0.1"], moved)
    async with site.engine(server) as engine:
        said = await refused(EngineUntrusted, engine, site.tls())

    said = re.sub(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", "TIME", said)
    assert said == f"the certificate of the engine at HOST {words}"


async def test_an_engine_that_wants_a_certificate_says_so(site):
    """The handshake succeeds without one; the refusal comes at the first read."""
    async with site.engine() as engine:
        assert await refused(EngineForbidden, engine, Tls(ca=str(site.authority.ca))) == (
            "the engine at HOST wants a client certificate and got none; give tls.cert and tls.key,"
            " or cert.pem and key.pem in DOCKER_CERT_PATH."
        )


async def test_a_foreign_client_certificate_is_named(site):
    """Which file, whose it is and who signed it."""
    foreign = site.stranger.signed("monitor")
    tls = site.tls(cert=foreign.cert, key=foreign.key)
    async with site.engine() as engine:
        assert await refused(EngineForbidden, engine, tls) == (
            f'the engine at HOST refuses the client certificate {foreign.cert} ("monitor", issued'
            ' by "other-ca"); use one that its authority has signed.'
        )


async def test_an_expired_client_certificate_is_told_apart(site):
    """Its time is over, so another one of the same authority will do."""
    old = site.authority.signed("monitor", moved=DAYS_AGO)
    async with site.engine() as engine:
        said = await refused(EngineForbidden, engine, site.tls(cert=old.cert, key=old.key))

    assert re.sub(r"\d{4}\S+ \S+", "TIME", said) == (
        f"the engine at HOST refuses the client certificate {old.cert}, which expired on TIME UTC;"
        " renew it."
    )


async def test_tls_to_a_plain_port_is_told(site):
    """What answers there begins to speak plainly, as Go's server does."""

    async def plain(reader, writer):
        await reader.read(1)
        writer.write(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(plain, "127.0.0.1") as server:
        host = f"tcp://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        with pytest.raises(NotAnEngine) as error:
            await connect(host, site.tls())
    assert str(error.value) == (
        f"what listens at {host} does not speak TLS; if it is an engine, leave TLS out for it, or"
        " use the port that it has for TLS."
    )


async def test_a_port_that_hangs_up_is_no_tls_port(site):
    """A handshake that is broken off is no lost engine."""

    async def hang_up(_reader, writer):
        writer.close()

    async with await asyncio.start_server(hang_up, "127.0.0.1") as server:
        port = server.sockets[0].getsockname()[1]
        with pytest.raises((NotAnEngine, EngineUnreachable), match=rf"127\.0\.0\.1:{port}"):
            await connect(f"tcp://127.0.0.1:{port}", site.tls())


async def test_a_refused_port_is_said_as_without_tls(site, unused_tcp_port):
    """Nobody listens: address and reason."""
    with pytest.raises(EngineUnreachable, match="connection refused"):
        await connect(f"tcp://127.0.0.1:{unused_tcp_port}", site.tls())


async def test_renewed_files_are_taken_and_broken_ones_are_not(site):
    """An engine that changes its authority is reached again without a restart."""
    other = site.stranger.signed("engine", ["127.0.0.1"])
    renewed = site.stranger.signed("renewed")
    tls = site.tls(ca=shutil.copy(site.authority.ca, site.authority.ca.with_name("used.pem")))
    async with TcpEngine(other.server(site.stranger.ca)) as engine:
        transport = HttpTransport(parse_endpoint(engine.host, tls))
        files = transport._tls
        before = files.context()

        site.mine.cert.write_bytes(renewed.cert.read_bytes())
        assert files.context() is before, "a certificate without its key is no change"
        site.mine.key.write_bytes(renewed.key.read_bytes())
        shutil.copy(site.stranger.ca, tls.ca)
        now = files.context()
        assert now is not before
        assert files.context() is now
        assert (await transport.get("/_ping", {})).status == 200
        await transport.close()


@pytest.mark.parametrize(
    ("files", "part", "clause"),
    [
        ({"ca": "none.pem"}, "ca", r"\(.*none.pem\) cannot be read: no such file or directory$"),
        ({"ca": "."}, "ca", "cannot be read: is a directory$"),
        ({"ca": "junk"}, "ca", r"\(.*junk\) holds no certificate in PEM form$"),
        ({"ca": "empty"}, "ca", "holds no certificate in PEM form$"),
        ({"cert": "junk"}, "cert", "holds no certificate in PEM form$"),
        ({"cert": ""}, "cert", "is missing, without which key is of no use$"),
        ({"key": ""}, "key", "is missing, without which cert is of no use$"),
        ({"key": "junk"}, "key", r"\(.*junk\) and .*cert.pem are no key and certificate in PEM"),
        ({"key": "other"}, "key", r"\(.*other\) is not the key of the certificate .*cert.pem$"),
        ({"key": "locked"}, "key", r"\(.*locked\) is encrypted; give a key without a passphrase$"),
    ],
)
def test_a_file_that_is_of_no_use_is_named(site, tmp_path, files, part, clause):
    """Which of the three, which file, and why; nobody is asked for a passphrase."""
    key = ec.generate_private_key(ec.SECP256R1())
    (tmp_path / "junk").write_text("junk", "ascii")
    (tmp_path / "empty").write_text("", "ascii")
    (tmp_path / "other").write_bytes(key_bytes(key))
    (tmp_path / "locked").write_bytes(key_bytes(key, b"secret"))

    with pytest.raises(UnusableFile, match=clause) as error:
        client_context(site.tls(**{name: path and tmp_path / path for name, path in files.items()}))
    assert error.value.part == part
