"""Files in results/: removed when a run starts, written whole or not at all when it ends.

A run removes what an earlier run left as soon as its options are found valid. So a run that then
cannot start its target (exit code 6), or is killed, leaves no file that could be taken for its
result; read a baseline before that. A run that is interrupted writes what it has, marked partial.
"""

import contextlib
import functools
import json
import os
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from reports.comparing import baselines
from reports.judging import app_verdict
from reports.render import comparison, markdown, statement

try:
    import fcntl
except ImportError:  # not on this platform
    fcntl = None  # type: ignore[assignment]

CONFORMANCE = "conformance.json"
JUNIT = "junit.xml"
ALLURE = "allure"
RENDERED = (
    app_verdict.FILE,
    statement.STATEMENT,
    statement.PAGE,
    statement.BADGE,
    statement.PICTURE,
)
#: Only these are removed from the Allure folder: nobody loses a file of his own.
ALLURE_FILES = (
    "*-result.json*",
    "*-container.json*",
    "*-attachment*",
    "environment.properties",
    "categories.json",
)


class FolderInUseError(Exception):
    """Another run writes to the folder; the message says what to do."""


@dataclass
class Written:
    """The files of a run that were written, and why others were not."""

    paths: list[Path] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    @contextlib.contextmanager
    def attempt(self, path: Path) -> Iterator[None]:
        """Note a file that the block writes; a full disk or a missing right ends no run."""
        try:
            yield
        except OSError as error:
            self.fail(path, error)
        else:
            self.paths.append(path)

    def fail(self, path: Path, error: OSError | ET.ParseError) -> None:
        """Note that a file was not written."""
        self.paths = [each for each in self.paths if each != path]
        if not any(each.startswith(f"not written: {path} (") for each in self.problems):
            reason = getattr(error, "strerror", None) or error
            self.problems.append(f"not written: {path} ({reason})")


def prepare(folder: Path) -> Callable[[], None]:
    """Make the folder, without what an earlier run left in it; a usage error if that fails.

    Returns the function that gives the folder free for another run.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise pytest.UsageError(
            f"--results: {folder} cannot be made ({error.strerror}): name a folder of your own"
        ) from None
    try:
        release = lock(folder)
    except FolderInUseError as error:
        raise pytest.UsageError(f"--results: {error}") from None
    try:
        for place in (folder, folder / baselines.BEFORE):
            for name in (CONFORMANCE, JUNIT, *RENDERED, *comparison.FILES):
                (place / name).unlink(missing_ok=True)
            clear_allure(place / ALLURE)
        for place in (folder, folder / ALLURE):
            if place.exists():
                with tempfile.TemporaryFile(dir=place):
                    pass  # now, and not when all is judged
    except OSError as error:
        raise pytest.UsageError(
            f"--results: {folder} cannot be written to ({error.strerror}): make it yours, or name "
            "another folder"
        ) from None
    return release


def lock(folder: Path) -> Callable[[], None]:
    """Keep other runs from writing to a folder; return the function that ends that.

    Raises FolderInUseError. The lock is on the folder itself and ends with the process, so none is
    ever left over. A system or file system without such locks has none.
    """
    if fcntl is None:
        return _release_nothing
    try:
        descriptor = os.open(folder, os.O_RDONLY)
    except OSError:
        return _release_nothing
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        raise FolderInUseError(
            f"another run is writing to {folder}: wait for its end, or name another folder"
        ) from None
    except OSError:
        os.close(descriptor)
        return _release_nothing
    return functools.partial(os.close, descriptor)


def _release_nothing() -> None:
    """Do nothing: there is no lock."""


def clear_allure(folder: Path) -> None:
    """Remove the files of Allure's results from a folder, and no others."""
    for pattern in ALLURE_FILES:
        for path in folder.glob(pattern):
            path.unlink()


def write(path: Path, text: str) -> None:
    """Write a file so that it is there whole or not at all.

    A lone surrogate, which a server may have sent, is written as the escape that JSON has for it.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8", errors="backslashreplace") as file:
            file.write(text)
        Path(temporary).chmod(0o644)
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def write_all(
    folder: Path, data: Mapping[str, Any], compared: Mapping[str, Any] | None = None
) -> Written:
    """Write conformance.json, then its renderings, the comparison and the summary of the CI.

    A file that cannot be written is noted, and keeps no other from being written.
    """
    written = Written()
    _attempt(written, folder / CONFORMANCE, json.dumps(data, indent=1, ensure_ascii=False) + "\n")
    renderings = statement.render(data)
    more = ""
    if compared is not None:
        renderings |= comparison.written(compared)
        more = "#" + comparison.as_markdown(compared)
    for name, text in renderings.items():
        _attempt(written, folder / name, text)
    summary = os.environ.get("GITHUB_STEP_SUMMARY")
    if summary:
        try:
            with Path(summary).open("a", encoding="utf-8") as file:
                file.write(markdown.summary(data, more))
        except OSError as error:
            written.fail(Path(summary), error)
    return written


def _attempt(written: Written, path: Path, text: str) -> None:
    with written.attempt(path):
        write(path, text)


def sweep(clean: Callable[[str], str], junit: Path | None, allure: Path | None) -> None:
    """Take secrets out of files of other reporters that a check's own process did not know.

    `allure` is the folder of --alluredir. Its results of checks that passed carry no text of a
    server, and reading them all costs seconds.
    """
    paths = [junit] if junit is not None and junit.is_file() else []
    if allure is not None and allure.is_dir():
        paths += [path for path in allure.iterdir() if path.suffix in {".json", ".txt"}]
    clean = functools.cache(clean)  # the checks of a run have most of their texts in common
    for path in paths:
        text = path.read_text("utf-8")
        if path.name.endswith("-result.json") and '"statusDetails"' not in text:
            continue
        cleaned = CLEANERS.get(path.suffix, _clean_text)(text, clean)
        if cleaned != text:
            write(path, cleaned)


def cleaned(value: Any, clean: Callable[[str], str]) -> Any:
    """Return plain data with every text in it cleaned."""
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, Mapping):
        return {key: cleaned(each, clean) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [cleaned(each, clean) for each in value]
    return value


def _clean_text(text: str, clean: Callable[[str], str]) -> str:
    return clean(text)


def _clean_xml(text: str, clean: Callable[[str], str]) -> str:
    """Clean values and not markup: what stands for a secret has angle brackets."""
    try:
        root = ET.fromstring(text)  # noqa: S314 - pytest wrote it
    except ET.ParseError:
        return clean(text)
    changed = False
    for element in root.iter():
        for name, value in (("text", element.text), ("tail", element.tail)):
            if value and (cleaned := clean(value)) != value:
                setattr(element, name, cleaned)
                changed = True
        for name, value in element.items():
            if (cleaned := clean(value)) != value:
                element.set(name, cleaned)
                changed = True
    if not changed:
        return text
    return str(ET.tostring(root, encoding="utf-8", xml_declaration=True), "utf-8")


def _clean_json(text: str, clean: Callable[[str], str]) -> str:
    try:
        data = json.loads(text)
    except ValueError:
        return clean(text)
    safe = cleaned(data, clean)
    return text if safe == data else json.dumps(safe, ensure_ascii=False)


CLEANERS = {".json": _clean_json, ".xml": _clean_xml}
