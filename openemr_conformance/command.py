"""The command `openemr-conformance`: it runs the suite, or one of the programs around it.

What takes long to import, such as pytest, is imported in the functions: Ctrl-C may come meanwhile.
"""

import hashlib
import importlib
import os
import signal
import sys
from collections.abc import Sequence
from difflib import get_close_matches
from pathlib import Path

from openemr_conformance.place import PACKAGE, ROOT, make_importable

#: The programs by name: their module, whose `main` takes the arguments, and a sentence about them.
PROGRAMS = {
    "run": ("", "judge a server (the default; takes every option of pytest)"),
    "doctor": ("fixtures.doctor.steps", "find out why a server cannot be judged"),
    "compare": ("reports.compare", "compare two runs"),
    "merge": ("reports.merge", "join the parts of a run that was split with --shard"),
    "declare": ("reports.declare", "write the misses of a run as deviations"),
    "releases": ("reports.releases", "show several runs side by side"),
    "statement": ("reports.statement", "write the statement of a run anew"),
    "catalogue": ("reports.catalogue", "show what is required and what checks it"),
    "report": ("reports.allure_report", "write an Allure report of a run (needs Node.js)"),
    "remove": ("fixtures.containers.reaper", "remove the containers of a run with --keep"),
    "embedded": ("fixtures.embedded.__main__", "serve the embedded OpenEMR"),
}
#: Exit codes, as pytest has them.
INTERRUPTED = 2
USAGE_ERROR = 4
#: The exit code of argparse for a usage error; pytest has another.
ARGPARSE_ERROR = 2
#: The variable with further arguments of pytest.
ADDOPTS = "PYTEST_ADDOPTS"
EPILOGUE = """\
Options of `run`, of which every one may also be a variable OPENEMR_CONFORMANCE_<NAME>:

  --target NAME|FILE.toml|URL   the server to judge (default: embedded)
  --read-only                   write nothing to it
  --requirement ID              run only what judges this requirement; repeatable
  --results DIR                 where results go (default: results)

`openemr-conformance run --help` lists them all, with those of pytest.
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the program that the first argument names, else the suite; return the exit code."""
    try:
        return _run(arguments)
    except KeyboardInterrupt:
        sys.stderr.write("interrupted (exit code 2)")
        # A run has a handler of its own from its beginning (see fixtures/wire/signals.py).
        if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
            sys.stderr.write(": nothing was judged or written")
        sys.stderr.write("\n")
        return INTERRUPTED


def _run(arguments: Sequence[str] | None) -> int:
    given = list(sys.argv[1:] if arguments is None else arguments)
    make_importable()
    if given[:1] in (["-h"], ["--help"]):
        sys.stdout.write(usage())
        return 0
    if given and (program := _misspelt(given[0])):
        sys.stderr.write(f"there is no program {given[0]!r}: did you mean {program!r}?\n")
        return USAGE_ERROR
    name = given.pop(0) if given and given[0] in PROGRAMS else "run"
    if name == "run":
        return judge(given)
    module, _ = PROGRAMS[name]
    try:
        return int(importlib.import_module(module).main(given, f"openemr-conformance {name}"))
    except SystemExit as end:
        if end.code != ARGPARSE_ERROR:
            raise
        return USAGE_ERROR
    except BrokenPipeError:
        # The reader, such as `head`, has enough; Python would try to write the rest at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


def judge(arguments: Sequence[str]) -> int:
    """Run pytest with the configuration of the suite, wherever it is called."""
    import pytest  # noqa: PLC0415 - see above

    own = ["-c", str(ROOT / "pyproject.toml"), f"--rootdir={ROOT}"]
    switched_off = "no:cacheprovider" in " ".join([*arguments, os.environ.get(ADDOPTS, "")])
    if ROOT == PACKAGE and not switched_off:  # pytest does not know `cache_dir` then
        own += ["-o", f"cache_dir={_cache()}"]
    # Loaded before pytest reads the command line: `--target FILE` needs no equals sign.
    early = [
        "-p",
        "openemr_conformance.arguments",
        "-p",
        "fixtures.plugin.hooks",
        "-p",
        "reports.plugin",
    ]
    return int(pytest.main([*own, *early, *arguments]))


def _misspelt(word: str) -> str | None:
    """Return the program that was probably meant by a word that is no program, option or path."""
    place = word.partition("::")[0]
    if word in PROGRAMS or word.startswith("-") or Path(place).exists() or (ROOT / place).exists():
        return None
    return next(iter(get_close_matches(word, PROGRAMS, n=1)), None)


def _cache() -> Path:
    """Return where pytest remembers for `--lf` what failed: one place for each folder of work.

    The folder of the installed package is not for that.
    """
    caches = os.environ.get("XDG_CACHE_HOME") or Path("~/.cache").expanduser()
    work = hashlib.sha256(os.fsencode(Path.cwd())).hexdigest()[:12]
    return Path(caches, "openemr-conformance", work)


def usage() -> str:
    """Return the help text."""
    width = max(map(len, PROGRAMS))
    lines = [f"  {name:<{width}}  {text}" for name, (_, text) in PROGRAMS.items()]
    head = "usage: openemr-conformance [PROGRAM] [options]\n\n"
    return head + "\n".join(lines) + "\n\n" + EPILOGUE
