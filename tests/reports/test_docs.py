"""The pages of the catalogue: written again whenever it changes."""

from reports import docs
from tests.runs import ROOT


def test_the_pages_are_up_to_date():
    """The pages show the current catalogue: `python -m reports.docs` writes them."""
    assert docs.stale(ROOT / docs.FOLDER, docs.pages()) == [], "run python -m reports.docs"


def test_a_page_that_differs_is_named(tmp_path):
    """One that is missing, changed, or of an area that is gone, is not up to date."""
    (tmp_path / "token.md").write_text("old", "utf-8")
    (tmp_path / "gone.md").write_text("x", "utf-8")
    (tmp_path / "tls.md").write_text("same", "utf-8")
    written = {"token.md": "new", "tls.md": "same", "cors.md": "new"}

    assert docs.stale(tmp_path, written) == ["cors.md", "gone.md", "token.md"]


def test_a_page_tells_check_source_and_release():
    """Every requirement says who wants it, what judges it, and which release does otherwise."""
    pages = docs.pages()

    assert "- check [`test_token_response_is_not_stored`](../../conformance/" in pages["token.md"]
    assert "(https://www.rfc-editor.org/rfc/rfc6749#section-5.1)" in pages["token.md"]
    assert "- OpenEMR 7.0.3: " in pages["token.md"]
    assert "[every exchange of a run]" in pages["security_bcp.md"]
    assert "| [token](token.md) | " in pages["README.md"]
