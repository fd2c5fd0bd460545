"""Transport security of an https deployment."""

import pytest

from conformance import expect, requirement
from fixtures import tls
from fixtures.http import Blocked
from fixtures.tls import Version


@requirement("TLS-1.2-min")
def test_current_versions_are_accepted(target):
    """TLS 1.2 or 1.3 is accepted."""
    version = tls.negotiated(target, Version.TLSv1_2, Version.TLSv1_3)

    expect.that(version, "a handshake with TLS 1.2 or 1.3", "a refusal")


@requirement("TLS-1.3-supported")
def test_newest_version_is_preferred(target):
    """TLS 1.3 is chosen where the client offers it."""
    version = tls.negotiated(target, Version.TLSv1_2, Version.TLSv1_3)

    expect.equal(version, "TLSv1.3", "the version")


@requirement("TLS-old-refused")
@pytest.mark.parametrize("version", [Version.TLSv1, Version.TLSv1_1], ids=["1.0", "1.1"])
def test_old_versions_are_refused(target, version):
    """TLS 1.0 and 1.1 are refused."""
    if not tls.can_offer(version):
        raise Blocked("the TLS library of this machine does not offer that version any more")
    agreed = tls.negotiated(target, version, version)

    expect.that(agreed is None, "a refused handshake", str(agreed))


@requirement("TLS-hsts")
def test_browsers_are_told_to_stay_with_https(discovery):
    """Answers over https tell browsers to stay with https."""
    expect.header(discovery, "Strict-Transport-Security", contains="max-age=")
