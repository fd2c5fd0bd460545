"""A pytest plugin, loaded in every run: in a checkout, a path may stand after an option's blank.

pytest chooses its root folder before any plugin is loaded. It takes `/etc/staging.toml` after
`--target`, an option that it does not know yet, for a path to collect, and finds neither the
configuration of the suite nor the option. Then this plugin runs the suite in place of pytest.
"""

from collections.abc import Generator
from pathlib import Path

import pytest

from openemr_conformance.place import PACKAGE, ROOT, make_importable


# Outside of all other wrappers: pytest has not yet begun to capture the output.
@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_load_initial_conftests(early_config: pytest.Config) -> Generator[None, None, None]:
    """Run the suite if the value of one of its options kept pytest from finding it."""
    params = early_config.invocation_params
    if _is_in_checkout(params.dir) and early_config.rootpath != ROOT:
        from openemr_conformance.command import judge  # noqa: PLC0415 - nothing else needs it

        make_importable()
        if _has_own_option([str(word) for word in params.args]):
            raise SystemExit(judge([str(word) for word in params.args]))
    return (yield)


def _is_in_checkout(folder: Path) -> bool:
    return ROOT != PACKAGE and folder.resolve().is_relative_to(ROOT)


def _has_own_option(words: list[str]) -> bool:
    """Return whether a word is an option of the suite whose value is the next word."""
    from reports.options import VARIABLES  # noqa: PLC0415 - the folders are importable only now

    names = {f"--{name.lower().replace('_', '-')}" for name in VARIABLES}
    if {"-c", "--config-file", "--rootdir"} & {*words}:
        return False
    return not names.isdisjoint(words)
