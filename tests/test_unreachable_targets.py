"""A target that cannot be judged ends the run with exit code 6, the cause and what to do."""

import contextlib
import socket
import ssl
import threading
import time

import pytest
import trustme

from fixtures.embedded.server import EmbeddedServer
from fixtures.wire.client import Http, NoResponse, Transport
from tests.runs import run, target_file


@contextlib.contextmanager
def answering(answer, tls=None):
    """Run a server that sends the same bytes to each connection, or nothing if they are None."""
    listener = socket.create_server(("127.0.0.1", 0))
    port = listener.getsockname()[1]
    if tls is not None:
        listener = tls.wrap_socket(listener, server_side=True)
    open_connections = []

    def serve():
        while True:
            try:
                connection, _ = listener.accept()
            except ssl.SSLError:
                continue  # the client refused the certificate
            except OSError:
                return
            open_connections.append(connection)
            if answer is None:
                continue
            with contextlib.suppress(OSError):
                connection.recv(65536)
                connection.sendall(answer)
                connection.close()

    threading.Thread(target=serve, daemon=True).start()
    yield f"{'http' if tls is None else 'https'}://127.0.0.1:{port}"
    listener.close()
    for connection in open_connections:
        connection.close()


def http(status, content_type, body):
    """Return an HTTP response as bytes."""
    head = f"HTTP/1.1 {status}\r\nContent-Type: {content_type}\r\nContent-Length: {len(body)}"
    return f"{head}\r\nConnection: close\r\n\r\n{body}".encode()


HTML = http("200 OK", "text/html", "<html>a shop</html>")
OFF = http("404 Not Found", "application/json", "{}")
MOVED = b"HTTP/1.1 301 Moved\r\nLocation: https://elsewhere.example/\r\nContent-Length: 0\r\n\r\n"
TO_HTTPS = (
    b"HTTP/1.1 308 Moved\r\nContent-Length: 0\r\nLocation: "
    b"https://emr.example/oauth2/default/.well-known/openid-configuration\r\n\r\n"
)
ITSELF = (
    b"HTTP/1.1 301 Moved\r\nContent-Length: 0\r\n"
    b"Location: /oauth2/default/.well-known/openid-configuration\r\n\r\n"
)
NUMBER = http("200 OK", "application/json", '{"issuer": 1}')
NO_HOST = http("200 OK", "application/json", '{"issuer": "/oauth2/default"}')
APACHE = http("400 Bad Request", "text/html", "speaking plain HTTP to an SSL-enabled server port")
NGINX = http("400 Bad Request", "text/html", "The plain HTTP request was sent to HTTPS port")
LOGIN = http("401 Unauthorized\r\nWWW-Authenticate: Basic", "text/html", "log in")
ELSEWHERE = http("200 OK", "application/json", '{"issuer": "https://internal/oauth2/default"}')


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        pytest.param(HTML, "is this an OpenEMR address?", id="html"),
        pytest.param(OFF, "switch the APIs on", id="apis-off"),
        pytest.param(MOVED, "redirects to https://elsewhere.example/", id="redirect"),
        pytest.param(ITSELF, "redirects to itself", id="to-itself"),
        pytest.param(NUMBER, "discovery document is 1, and no URL", id="issuer-number"),
        pytest.param(NO_HOST, "is '/oauth2/default', and no URL", id="issuer-path"),
        pytest.param(TO_HTTPS, "redirects to https://emr.example: name that", id="to-https"),
        pytest.param(APACHE, "it speaks TLS on that port: use https://", id="apache"),
        pytest.param(NGINX, "it speaks TLS on that port: use https://", id="nginx"),
        pytest.param(b"\x15\x03\x01\x00\x02\x02\x46", "if it speaks TLS, use https://", id="alert"),
        pytest.param(b"", "is it https:// that it speaks", id="closed"),
        pytest.param(LOGIN, "a proxy, asks for a login: let it forward /oauth2/", id="proxy-login"),
        pytest.param(http("403 No", "text/html", ""), "refuses this address", id="proxy-refusal"),
        pytest.param(http("502 No", "text/html", ""), "is OpenEMR up?", id="gateway"),
        pytest.param(ELSEWHERE, "Connectors > Site Address", id="site-address"),
        pytest.param(http("500 No", "text/html", ""), "error log", id="broken"),
        pytest.param(b"SSH-2.0-OpenSSH_9.2\r\n", "cannot be reached", id="not-http"),
        pytest.param(None, "does not answer", id="hangs"),
    ],
)
def test_server_that_is_not_openemr_is_explained(tmp_path, answer, message):
    """A server that is not a working OpenEMR ends the run with its cause and exit code 6."""
    with answering(answer) as url:
        finished = run(
            tmp_path / "results", f"--target={target_file(tmp_path, url, 'read_seconds = 1.0')}"
        )

    assert (finished.exit_code, message in finished.output) == (6, True), finished.output


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("http://127.0.0.1:1", "nothing listens there"),
        ("http://openemr.invalid", "the host name is not known"),
    ],
)
def test_unreachable_server_is_explained(tmp_path, url, message):
    """A server that cannot be reached ends the run with its cause and exit code 6."""
    finished = run(tmp_path / "results", f"--target={target_file(tmp_path, url)}")

    assert (finished.exit_code, message in finished.output) == (6, True), finished.output


@pytest.fixture(scope="module")
def authority():
    """A certificate authority of the tests."""
    return trustme.CA()


@pytest.fixture(scope="module")
def own_certificate(authority):
    """A TLS server context with a certificate of that authority."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    return context


def test_untrusted_certificate_is_explained(tmp_path, own_certificate):
    """An untrusted certificate ends the run with the keys for the target file."""
    with answering(ELSEWHERE, own_certificate) as url:
        finished = run(tmp_path / "results", f"--target={target_file(tmp_path, url)}")

    assert finished.exit_code == 6
    assert "its TLS certificate is not trusted" in finished.output
    assert "ca_file" in finished.output


@pytest.mark.parametrize("trust", ["ca_file", "verify"])
def test_target_file_sets_the_trust(tmp_path, own_certificate, authority, trust):
    """With `ca_file` or `verify = false` the run gets past the certificate."""
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    tls = {"ca_file": '[tls]\nca_file = "ca.pem"', "verify": "[tls]\nverify = false"}[trust]
    with answering(ELSEWHERE, own_certificate) as url:
        finished = run(tmp_path / "results", f"--target={target_file(tmp_path, url, tls)}")

    assert "Connectors > Site Address" in finished.output


def test_https_url_of_an_http_port_is_explained(tmp_path):
    """The message says that the port does not speak TLS."""
    with answering(HTML) as url:
        target = target_file(tmp_path, url.replace("http://", "https://"))
        finished = run(tmp_path / "results", f"--target={target}")

    assert finished.exit_code == 6
    assert "does not speak TLS" in finished.output


def test_usage_errors_have_their_own_exit_code(tmp_path):
    """A wrong target is a usage error: exit code 4 and one sentence."""
    finished = run(tmp_path / "results", "--target=openemr-99")

    assert finished.exit_code == 4
    assert "there is no target 'openemr-99'" in finished.output


def test_other_version_is_explained(tmp_path):
    """A server of another version than that of the target file is not judged."""
    with EmbeddedServer() as server:
        target = target_file(tmp_path, server.url, 'version = "7.0.3"')
        finished = run(tmp_path / "results", f"--target={target}")

    assert finished.exit_code == 6
    assert "says OpenEMR 7.0.3, and the server says 8.1.0" in finished.output


def test_refused_administrator_is_explained(tmp_path):
    """A wrong password of the administrator ends the run before any check."""
    with EmbeddedServer() as server:
        path = tmp_path / "target.toml"
        path.write_text(
            f'kind = "url"\nurl = "{server.url}"\n'
            '[users.admin]\nname = "admin"\npassword = "not the password"\n',
            "utf-8",
        )
        finished = run(tmp_path / "results", f"--target={path}")

    assert finished.exit_code == 6
    assert "OpenEMR refused the administrator 'admin'" in finished.output
    assert "not the password" not in finished.output


def test_message_is_printed_once(tmp_path):
    """The sentence of exit code 6 is not repeated."""
    finished = run(tmp_path / "results", f"--target={target_file(tmp_path, 'http://127.0.0.1:1')}")

    assert finished.output.count("nothing listens there") == 1
    assert "nothing was judged (exit code 6)" in finished.output


def test_unknown_defect_of_the_embedded_server_is_explained(tmp_path):
    """A misspelt defect in the URL is named, with the one that was probably meant."""
    with EmbeddedServer() as server:
        target = target_file(tmp_path, f"{server.url}/~metadata_is_htlm")
        finished = run(tmp_path / "results", f"--target={target}")

    assert finished.exit_code == 6
    assert "no defect 'metadata_is_htlm'; did you mean 'metadata_is_html'?" in finished.output


def test_plain_http_on_a_tls_port_is_explained(tmp_path, own_certificate):
    """The message names https."""
    with answering(ELSEWHERE, own_certificate) as url:
        target = target_file(tmp_path, url.replace("https://", "http://"))
        finished = run(tmp_path / "results", f"--target={target}")

    assert finished.exit_code == 6
    assert "https://" in finished.output


@contextlib.contextmanager
def dripping(content, first_read=True):
    """Run a server that sends one byte of its response after the other, and never ends."""
    listener = socket.create_server(("127.0.0.1", 0))
    ended = threading.Event()

    def drip(connection):
        with contextlib.suppress(OSError), connection:
            if first_read:
                connection.recv(65536)
            connection.sendall(content)
            while not ended.wait(0.1):
                connection.sendall(b"x")

    def serve():
        with contextlib.suppress(OSError):
            while True:
                connection, _ = listener.accept()
                threading.Thread(target=drip, args=(connection,), daemon=True).start()

    threading.Thread(target=serve, daemon=True).start()
    yield listener.getsockname()[1]
    ended.set()
    listener.close()


@pytest.mark.parametrize(
    "content",
    [b"HTTP/1.1 20", b"HTTP/1.1 200 OK\r\nX-Header: ", b"HTTP/1.1 200 OK\r\n\r\n"],
    ids=["status line", "headers", "body"],
)
def test_response_that_never_ends_is_cut_off(content):
    """One deadline holds for the whole response, however often a byte comes."""
    with dripping(content) as port:
        transport = Transport(read_seconds=0.5)
        began = time.monotonic()
        with pytest.raises(NoResponse, match="the answer did not end in time"):
            Http(transport).get(f"http://127.0.0.1:{port}/")
        transport.close()

    assert time.monotonic() - began < 3


def test_handshake_that_never_ends_is_cut_off():
    """The deadline holds for TLS too."""
    with dripping(b"\x16\x03\x03\x40\x00", first_read=False) as port:
        transport = Transport(read_seconds=0.5)
        began = time.monotonic()
        with pytest.raises(NoResponse):
            Http(transport).get(f"https://127.0.0.1:{port}/")
        transport.close()

    assert time.monotonic() - began < 3
