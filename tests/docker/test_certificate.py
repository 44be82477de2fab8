"""Certificates are read for sentences only, so what is none must do no harm."""

import ssl
from contextlib import suppress
from datetime import timedelta

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from certificates import Authority
from tidegauge.docker.certificate import read_certificate

unhurried = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])


def read(path):
    return read_certificate(ssl.PEM_cert_to_DER_cert(path.read_text("ascii")))


def test_a_certificate_says_whose_it_is(tmp_path):
    """Subject, issuer, hosts and times."""
    authority = Authority(tmp_path, "the authority")
    found = read(authority.signed("web-1", ["web-1", "::1", "10.0.0.1"]).cert)

    assert (found.subject, found.issuer) == ("web-1", "the authority")
    assert found.hosts == ("web-1", "::1", "10.0.0.1")
    assert found.not_after - found.not_before == timedelta(days=2)


def test_times_after_2049_are_written_otherwise(tmp_path):
    """From then on the year has four digits."""
    far = Authority(tmp_path).signed("far", moved=timedelta(days=365 * 40))

    assert read(far.cert).not_after.year > 2060


@unhurried
@given(st.binary(max_size=400))
def test_bytes_that_are_none_are_refused(junk):
    """A `ValueError`, or nonsense, but nothing else."""
    with suppress(ValueError):
        read_certificate(junk)


@unhurried
@given(st.data())
def test_damaged_ones_are_refused(tmp_path_factory, data):
    """The same for one that was cut or changed."""
    whole = bytearray(_SAMPLE or _make_sample(tmp_path_factory))
    at = data.draw(st.integers(0, len(whole) - 1))
    whole[at] = data.draw(st.integers(0, 255))
    with suppress(ValueError):
        read_certificate(bytes(whole[: data.draw(st.integers(0, len(whole)))]))


_SAMPLE = bytearray()


def _make_sample(factory):
    made = Authority(factory.mktemp("ca")).signed("web", ["web", "10.0.0.1"])
    _SAMPLE.extend(ssl.PEM_cert_to_DER_cert(made.cert.read_text("ascii")))
    return _SAMPLE
