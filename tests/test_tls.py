"""The checks of TLS detect servers with bad TLS, as the embedded server has none."""

import contextlib
import socket
import ssl
import threading
import warnings
from collections.abc import Iterator

import pytest
import trustme

from conformance.mismatch import Mismatch
from conformance.oauth import test_tls as checks
from fixtures.target.model import Target
from fixtures.wire.client import Http, Transport
from fixtures.wire.tls import Version

HSTS = b"Strict-Transport-Security: max-age=63072000\r\n"
OLD = {Version.TLSv1: "TLS 1.0", Version.TLSv1_1: "TLS 1.1"}


@pytest.fixture(scope="module")
def authority():
    """A certificate authority of the tests."""
    return trustme.CA()


@pytest.fixture
def context(authority):
    """The context of a good TLS server, which tests change to a bad one."""
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.minimum_version = Version.TLSv1_2
    made.set_ciphers("ECDHE+AESGCM")
    key_type = trustme.KeyType.RSA  # a static RSA key exchange needs an RSA key
    authority.issue_cert("127.0.0.1", key_type=key_type).configure_cert(made)
    return made


@pytest.fixture
def judged(authority, tmp_path):
    """Starts a server with a TLS context, and returns the fixtures of a check."""
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    with contextlib.ExitStack() as stack:

        def make(
            context: ssl.SSLContext | None,
            headers: bytes = HSTS,
            status: str = "200 OK",
            body: bytes = b"{}",
        ) -> dict[str, object]:
            port = stack.enter_context(serving(context, headers, status, body))
            target = Target(
                name="tls",
                kind="url",
                url=f"https://127.0.0.1:{port}",
                verify=str(tmp_path / "ca.pem"),
            )
            transport = Transport(verify=str(tmp_path / "ca.pem"), read_seconds=5)
            stack.callback(transport.close)
            return {"target": target, "http": Http(transport)}

        yield make


@contextlib.contextmanager
def serving(
    context: ssl.SSLContext | None, headers: bytes, status: str, body: bytes
) -> Iterator[int]:
    """Run a server that sends the same response to every request; yield its port."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = listener.accept()
                with contextlib.suppress(OSError), connection:
                    connection.settimeout(5)
                    respond(connection, context, headers, status, body)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    yield listener.getsockname()[1]
    listener.shutdown(socket.SHUT_RDWR)
    listener.close()
    thread.join(10)


def respond(
    connection: socket.socket,
    context: ssl.SSLContext | None,
    headers: bytes,
    status: str,
    body: bytes,
) -> None:
    """Make the TLS handshake, if there is a context, and respond to one request."""
    secured = context.wrap_socket(connection, server_side=True) if context else connection
    if secured.recv(65536):
        head = f"HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {len(body)}"
        secured.sendall(head.encode() + b"\r\n" + headers + b"Connection: close\r\n\r\n" + body)
    secured.close()


def allow(context: ssl.SSLContext, lowest: Version, highest: Version, suites: str) -> None:
    """Allow versions and cipher suites that a server should refuse."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        context.minimum_version, context.maximum_version = lowest, highest
    context.set_ciphers(f"{suites}:@SECLEVEL=0")


def test_good_server_passes(judged, context):
    """A server with good TLS passes every check."""
    server = judged(context)
    target, http = server["target"], server["http"]

    checks.test_current_versions_are_accepted(target)
    checks.test_newest_version_is_preferred(target)
    for version in OLD:
        checks.test_old_versions_are_refused(target, version)
    for lacking in checks.EMPTY_SUITES:
        checks.test_suites_that_protect_nothing_are_refused(target, lacking)
    checks.test_suites_without_forward_secrecy_are_refused(target)
    checks.test_certificate_is_valid(target)
    for endpoint in checks.IN_CLEAR:
        checks.test_clear_text_is_refused(target, http, endpoint)
    checks.test_plain_answers_do_not_speak_of_https(target, http)
    checks.test_browsers_are_told_to_stay_with_https(http.get(target.base_url))


@pytest.mark.parametrize("version", list(OLD), ids=list(OLD.values()))
def test_old_version_is_noticed(judged, context, version):
    """A server that accepts TLS 1.0 or 1.1 fails."""
    allow(context, version, Version.TLSv1_3, "ALL")

    with pytest.raises(Mismatch, match=f"received {version.name.replace('_', '.')}"):
        checks.test_old_versions_are_refused(judged(context)["target"], version)


def test_server_of_old_versions_only_is_noticed(judged, context):
    """A server that speaks nothing newer than TLS 1.1 fails."""
    allow(context, Version.TLSv1, Version.TLSv1_1, "ALL")

    with pytest.raises(Mismatch, match=r"TLS 1\.2 or 1\.3"):
        checks.test_current_versions_are_accepted(judged(context)["target"])


def test_missing_newest_version_is_noticed(judged, context):
    """A server without TLS 1.3 fails."""
    context.maximum_version = Version.TLSv1_2

    with pytest.raises(Mismatch, match=r"received TLSv1\.2"):
        checks.test_newest_version_is_preferred(judged(context)["target"])


@pytest.mark.parametrize("lacking", list(checks.EMPTY_SUITES))
def test_suite_that_protects_nothing_is_noticed(judged, context, lacking):
    """A server with suites that do not encrypt, or do not authenticate, fails."""
    suites = checks.EMPTY_SUITES[lacking]
    allow(context, Version.TLSv1_2, Version.TLSv1_2, f"ALL:{suites}")

    with pytest.raises(Mismatch, match=f"without {lacking}"):
        checks.test_suites_that_protect_nothing_are_refused(judged(context)["target"], lacking)


def test_suite_without_forward_secrecy_is_noticed(judged, context):
    """A server with suites of a static RSA key exchange fails."""
    allow(context, Version.TLSv1_2, Version.TLSv1_3, "ALL")

    with pytest.raises(Mismatch, match="forward secrecy"):
        checks.test_suites_without_forward_secrecy_are_refused(judged(context)["target"])


@pytest.mark.parametrize("wrong", ["host", "authority"])
def test_bad_certificate_is_noticed(judged, authority, wrong):
    """A server with a certificate of another host, or of an unknown authority, fails."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    issuer = trustme.CA() if wrong == "authority" else authority
    issuer.issue_cert("other.example" if wrong == "host" else "127.0.0.1").configure_cert(context)

    message = {"host": "IP address mismatch", "authority": "unable to get local issuer"}[wrong]
    with pytest.raises(Mismatch, match=message):
        checks.test_certificate_is_valid(judged(context)["target"])


@pytest.mark.parametrize("endpoint", list(checks.IN_CLEAR))
@pytest.mark.parametrize(
    ("status", "headers", "body", "message"),
    [
        ("200 OK", b"", b"{}", "no document over http"),
        ("302 Found", b"Location: /login\r\n", b"", "https, or no redirect"),
        ("302 Found", b"Location: http://e.org/login\r\n", b"", "https, or no redirect"),
        ("401 Unauthorized", b"", b'{"error":"invalid_client"}', "no error of the endpoint"),
    ],
    ids=["document", "redirect", "redirect_to_http", "oauth_error"],
)
def test_clear_text_is_noticed(judged, endpoint, status, headers, body, message):
    """A server that does over http what it does over https fails, also where it refuses."""
    server = judged(None, headers, status, body)

    with pytest.raises(Mismatch, match=message):
        checks.test_clear_text_is_refused(**server, endpoint=endpoint)


@pytest.mark.parametrize("endpoint", list(checks.IN_CLEAR))
@pytest.mark.parametrize(
    ("status", "headers", "body"),
    [
        ("301 Moved", b"Location: https://e.org/\r\n", b""),
        ("400 Bad Request", b"", b"<p>plain HTTP to an SSL-enabled port"),
        ("403 Forbidden", b"", b'{"error":"tls_required"}'),
    ],
    ids=["to_https", "wrong_port", "forbidden"],
)
def test_refusal_of_clear_text_is_right(judged, endpoint, status, headers, body):
    """A web server may redirect to https, or refuse in any form."""
    server = judged(None, headers, status, body)

    checks.test_clear_text_is_refused(**server, endpoint=endpoint)


def test_missing_hsts_is_noticed(judged, context):
    """A server that does not tell browsers to stay with https fails."""
    server = judged(context, b"")

    with pytest.raises(Mismatch, match="Strict-Transport-Security"):
        checks.test_browsers_are_told_to_stay_with_https(
            server["http"].get(server["target"].base_url)
        )
