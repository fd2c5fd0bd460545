"""A pytest plugin: paths on the command line are paths of the suite, wherever it is called."""

import pytest

from openemr_conformance.place import ROOT

# Before the plugins import them: assertions of fixtures are shown with their values.
pytest.register_assert_rewrite("fixtures.given", "conformance.routes")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Name the command in usage errors."""
    parser.prog = "openemr-conformance"


@pytest.hookimpl(tryfirst=True)
def pytest_load_initial_conftests(early_config: pytest.Config, args: list[str]) -> None:
    """Collect the checks of the suite where no path is given, and never the current folder.

    A path is one of the suite first: a folder `conformance` of somebody else is not looked into.
    """
    named = early_config.known_args_namespace.file_or_dir
    if not named:
        args.append(str(ROOT / "conformance"))
        named.append(args[-1])
    for index, path in enumerate(named):
        inside = ROOT / path.partition("::")[0]
        if inside.exists():
            whole = str(ROOT / path)
            args[args.index(path)] = named[index] = whole
