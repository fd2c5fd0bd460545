"""Writes deviations for the findings of a run: `openemr-conformance declare results > ours.toml`.

An upgrade gate starts where the server is: all that is not fulfilled now is declared once, and from
then on what is new fails the run, and so does what is fulfilled again. Reasons are what the checks
received; links lead to the source of the requirement until somebody puts the issue there.
Exit codes: 0 written, 4 the run cannot be read.
"""

import argparse
import sys
from collections.abc import Sequence

from reports.comparing import baselines
from reports.comparing.baselines import NotComparable
from reports.judging.declarations import as_toml, entries


def main(
    arguments: Sequence[str] | None = None, program: str = "openemr-conformance declare"
) -> int:
    """Print deviations for all that the named run did not find fulfilled."""
    parser = argparse.ArgumentParser(prog=program, description=__doc__)
    parser.add_argument("run", help="a conformance.json, or the folder that has one")
    options = parser.parse_args(arguments)
    try:
        data = baselines.load(options.run)
    except NotComparable as error:
        sys.stderr.write(f"{error}\n")
        return 4
    listed = [entry for requirement in data["requirements"] for entry in entries(requirement)]
    target = data["target"]
    sys.stdout.write(
        f"# What {target['name']} (OpenEMR {target['version'] or 'of unknown version'}) did not "
        f"fulfil on {data['started'][:10]}.\n# Put the issue's address in place of the "
        "specification's, and delete what is mended.\n\n"
    )
    sys.stdout.write(as_toml(listed) if listed else "")
    sys.stderr.write(f"{len(listed)} deviations\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
