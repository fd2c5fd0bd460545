"""A target that cannot be judged: exit code 6, with the cause and what to do."""

import contextlib
import socket
import threading

import pytest

from tests.runs import run, target_file


@contextlib.contextmanager
def answering(answer):
    """A server that answers each connection with the same bytes, or never if there are none."""
    listener = socket.create_server(("127.0.0.1", 0))
    open_connections = []

    def serve():
        while True:
            try:
                connection, _ = listener.accept()
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
    yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    listener.close()
    for connection in open_connections:
        connection.close()


def http(status, content_type, body):
    """An HTTP answer as bytes."""
    head = f"HTTP/1.1 {status}\r\nContent-Type: {content_type}\r\nContent-Length: {len(body)}"
    return f"{head}\r\nConnection: close\r\n\r\n{body}".encode()


HTML = http("200 OK", "text/html", "<html>a shop</html>")
OFF = http("404 Not Found", "application/json", "{}")
MOVED = b"HTTP/1.1 301 Moved\r\nLocation: https://elsewhere.example/\r\nContent-Length: 0\r\n\r\n"
ELSEWHERE = http("200 OK", "application/json", '{"issuer": "https://internal/oauth2/default"}')


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        pytest.param(HTML, "is this an OpenEMR address?", id="html"),
        pytest.param(OFF, "switch the APIs on", id="apis-off"),
        pytest.param(MOVED, "redirects to https://elsewhere.example/", id="redirect"),
        pytest.param(ELSEWHERE, "Connectors > Site Address", id="site-address"),
        pytest.param(http("500 No", "text/html", ""), "error log", id="broken"),
        pytest.param(b"SSH-2.0-OpenSSH_9.2\r\n", "cannot be reached", id="not-http"),
        pytest.param(None, "does not answer", id="hangs"),
    ],
)
def test_server_that_is_no_openemr_is_explained(tmp_path, answer, said):
    """A server that is not a working OpenEMR ends the run with its cause and exit code 6."""
    with answering(answer) as url:
        finished = run(
            tmp_path / "results", f"--target={target_file(tmp_path, url, 'read_seconds = 1.0')}"
        )

    assert (finished.exit_code, said in finished.output) == (6, True), finished.output


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("http://127.0.0.1:1", "nothing listens there"),
        ("http://openemr.invalid", "the host name is not known"),
    ],
)
def test_server_that_is_not_there_is_explained(tmp_path, url, said):
    """A server that cannot be reached ends the run with its cause and exit code 6."""
    finished = run(tmp_path / "results", f"--target={target_file(tmp_path, url)}")

    assert (finished.exit_code, said in finished.output) == (6, True), finished.output


def test_usage_errors_have_their_own_exit_code(tmp_path):
    """A wrong target is a usage error: exit code 4 and one sentence."""
    finished = run(tmp_path / "results", "--target=openemr-99")

    assert finished.exit_code == 4
    assert "there is no target 'openemr-99'" in finished.output
