"""Runs to compare with: any conformance.json, and the shipped ones of real releases.

`python -m reports.baselines conformance.json` ships one: it keeps verdicts, messages and answers,
leaves the exchanges out, and writes `reports/baselines/openemr-<version>.json.gz`.
"""

import argparse
import gzip
import json
import re
import sys
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

from fixtures.target.releases import PREFIX
from reports.comparing import baselines
from reports.comparing.baselines import SUFFIX, NotComparable, load

#: The keys of a check that a comparison needs.
KEPT = ("id", "verdict", "ms", "message", "reason", "in_answer")
#: The server's folder, as messages of PHP show it.
FOLDER = re.compile(r"(?<= in )/[^\s\"]*?(?=/(?:vendor|src|library|interface|apis|oauth2)/)")


def condensed(data: Mapping[str, Any], release: str) -> dict[str, Any]:
    """Return a run without what a comparison does not need."""
    kept = dict(data)
    kept["target"] = {**data["target"], "name": f"{PREFIX}{release}"}
    kept["requirements"] = [
        {
            **requirement,
            "checks": [
                {key: check[key] for key in KEPT if key in check} | {"ms": 0}
                for check in requirement["checks"]
            ],
        }
        for requirement in data["requirements"]
    ]
    return kept


def main(arguments: Sequence[str] | None = None) -> int:
    """Ship the run that is named on the command line."""
    parser = argparse.ArgumentParser(prog="python -m reports.baselines", description=__doc__)
    parser.add_argument("run", help="a conformance.json, or the folder that has one")
    parser.add_argument(
        "--name", help="the release; the version that the server reports if left out"
    )
    options = parser.parse_args(arguments)
    try:
        data = load(options.run)
    except NotComparable as error:
        sys.stderr.write(f"{error}\n")
        return 4
    name = options.name or data["target"]["version"]
    partial = data["run"]["partial_reason"]
    if partial or not name or data["target"]["kind"] == "embedded":
        why = f"it is partial: {partial}" if partial else "it names no release of OpenEMR"
        sys.stderr.write(f"{options.run} is no baseline: {why}\n")
        return 4
    kept = condensed(data, name)
    text = json.dumps(kept, ensure_ascii=False, separators=(",", ":"), sort_keys=True)
    # Where the server was is nobody's business; messages name its address as well.
    address = urlsplit(data["target"]["url"])
    for told in (f"{address.scheme}://{address.netloc}", address.netloc):
        text = text.replace(told, f"{'https://' if '//' in told else ''}emr.example.org")
    text = FOLDER.sub("/openemr", text)
    baselines.SHIPPED.mkdir(exist_ok=True)
    path = baselines.SHIPPED / f"{PREFIX}{name}{SUFFIX}"
    path.write_bytes(gzip.compress(text.encode(), compresslevel=9, mtime=0))
    sys.stdout.write(f"{path}: {path.stat().st_size} bytes\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
