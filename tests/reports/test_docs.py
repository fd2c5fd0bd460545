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


def test_check_names_everything_that_is_not_up_to_date(monkeypatch, capsys):
    """With `--check` nothing is written; each file and picture that differs is named."""
    page = ROOT / "docs" / "none.md"
    monkeypatch.setattr(docs, "_changed", lambda: {page: "new"})
    monkeypatch.setattr(docs.pictures, "stale", lambda: ["none.png"])

    assert docs.main(["--check"]) == 1
    assert not page.exists()
    assert capsys.readouterr().err.splitlines() == [
        "docs/none.md is not up to date: run python -m reports.docs",
        "docs/none.png is not up to date: run python -m reports.docs",
    ]


def test_a_document_that_cannot_be_written_has_a_reason(monkeypatch, capsys):
    """A shipped run without words on what it was made is an error that names it."""
    shipped = [*docs.documents.baselines.names(), "9.9"]
    monkeypatch.setattr(docs.documents.baselines, "names", lambda: shipped)
    monkeypatch.setattr(docs, "_changed", docs.documents.table_by_area)

    assert docs.main(["--check"]) == 1
    assert "run-on.toml and the shipped runs differ in 9.9: say there" in capsys.readouterr().err
