"""Two runs compared: what regressed, what was fixed, and what changed for clients.

`openemr-conformance compare OLD NEW` takes two conformance.json, or releases of which a statement
is shipped (`7.0.3`). Exit codes: 0 none regressed, 1 regressed, 4 not comparable.

The server is compared, not the suite: of a requirement only those checks count that both runs have.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from reports.comparing import baselines
from reports.comparing.baselines import NotComparable, load
from reports.comparing.verdict_changes import compare
from reports.render import comparison


def main(
    arguments: Sequence[str] | None = None, program: str = "openemr-conformance compare"
) -> int:
    """Compare the two runs that are named on the command line."""
    parser = argparse.ArgumentParser(
        prog=program,
        description="Compare two runs. Exit code 0: none regressed, 1: regressed, "
        "4: not comparable.",
        epilog=f"Shipped releases: {', '.join(baselines.names()) or 'none'}",
    )
    what = "a conformance.json, the folder that has one, or a shipped release such as 7.0.3"
    parser.add_argument("old", help=what)
    parser.add_argument("new", help=what)
    parser.add_argument("--format", choices=tuple(comparison.FORMATS), default="md")
    parser.add_argument("--output", metavar="FILE", help="write to a file, not to the terminal")
    options = parser.parse_args(arguments)
    try:
        compared = compare(load(options.old), load(options.new))
        text = comparison.FORMATS[options.format](compared)
        if options.output:
            Path(options.output).write_text(text, "utf-8")
    except NotComparable as error:
        sys.stderr.write(f"not comparable: {error}\n")
        return 4
    except OSError as error:
        sys.stderr.write(f"{options.output} cannot be written ({error.strerror}): name another\n")
        return 4
    sys.stdout.write(f"{compared['result']}\n" if options.output else text)
    return int(compared["exit_code"])


if __name__ == "__main__":
    sys.exit(main())
