"""The parts of a run that several jobs judged (`--shard`), joined into one.

`openemr-conformance merge PART PART ... --results DIR` writes conformance.json, the statement and
the badge. Exit codes: 0 the gate passed, 1 it did not, or a part is missing, 2 a part was
interrupted, 4 the parts do not belong together, or the result cannot be written.
"""

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from reports.comparing import baselines, gate
from reports.comparing.baselines import Baseline, NotComparable
from reports.judging import outcome
from reports.judging.merging import NotOneRun, merge
from reports.render import comparison, files


def main(arguments: Sequence[str] | None = None, program: str = "openemr-conformance merge") -> int:
    """Join the parts that are named on the command line."""
    parser = argparse.ArgumentParser(prog=program, description=__doc__)
    parser.add_argument("parts", nargs="+", help="conformance.json, or the folder that has one")
    parser.add_argument("--results", metavar="DIR", default="results", help="default: results")
    parser.add_argument("--baseline", metavar="FILE|RELEASE", help="compare the whole with it")
    options = parser.parse_args(arguments)
    try:
        data = merge([baselines.load(name) for name in options.parts])
        named = options.baseline
        baseline = Baseline(baselines.load(named), f"--baseline {named}") if named else None
    except (NotComparable, NotOneRun) as error:
        sys.stderr.write(f"not merged: {error}\n")
        return 4
    compared = gate.hold(data, baseline)
    folder = Path(options.results)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        release = files.lock(folder)
        for name in comparison.FILES:
            (folder / name).unlink(missing_ok=True)
    except OSError as error:
        sys.stderr.write(f"not merged: {folder} cannot be written to ({error.strerror})\n")
        return 4
    except files.FolderInUseError as error:
        sys.stderr.write(f"not merged: {error}\n")
        return 4
    written = files.write_all(folder, data, compared)
    release()
    paths = " ".join(map(os.fspath, written.paths))
    sys.stdout.write(f"{outcome.line(data)}\nwritten: {paths}\n")
    sys.stderr.writelines(f"{problem}\n" for problem in written.problems)
    return int(data["exit_code"]) or (4 if written.problems else 0)


if __name__ == "__main__":
    sys.exit(main())
