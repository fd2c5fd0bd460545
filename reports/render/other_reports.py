"""Reports that pytest writes beside those of the suite, such as junit.xml."""

from collections.abc import Callable, Generator

import pytest


class OtherReports:
    """Keeps a report that pytest cannot write from ending the run.

    `note` takes the error, and returns False if nothing was judged: then the error is raised.
    """

    def __init__(self, note: Callable[[OSError], bool]) -> None:
        self.note = note

    # The innermost wrapper: the others, such as the terminal's summary, are to go on.
    @pytest.hookimpl(wrapper=True, trylast=True)
    def pytest_sessionfinish(self) -> Generator[None, object, object]:
        """Note what could not be written."""
        try:
            return (yield)
        except OSError as error:
            if not self.note(error):
                raise
            return None
