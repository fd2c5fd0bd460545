"""Many deployments as one page: which need somebody today, and why."""

import os
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import quote

from reports import verdicts
from reports.comparing.deployments import Deployment
from reports.render import environment
from reports.render.escaping import plural


def title(deployments: Sequence[Deployment], problems: Sequence[str]) -> str:
    """Return the state of all deployments in one line."""
    closed = sum(1 for each in deployments if each.tone == verdicts.FAIL)
    critical = sum(1 for each in deployments if each.critical)
    parts = [
        f"{plural(closed, 'gate')} not passed" if closed else "every gate passed",
        f"{critical} with critical misses" if critical else "none with critical misses",
        f"{len(problems)} without a result" if problems else "",
    ]
    return f"{plural(len(deployments), 'deployment')}: {', '.join(filter(None, parts))}"


def tone(deployments: Sequence[Deployment], problems: Sequence[str]) -> str:
    """Return the verdict in whose colour the page is shown: the gravest of a deployment's."""
    order = (verdicts.FAIL, verdicts.KNOWN, verdicts.WARN, verdicts.PASS)
    found = [each.tone for each in deployments] + [verdicts.FAIL] * bool(problems)
    return min(found, key=order.index, default=verdicts.WARN)


def render(deployments: Sequence[Deployment], problems: Sequence[str], folder: Path) -> str:
    """Render the page, for a file in `folder`, from where it links to the statements."""
    links = {
        index: quote(Path(os.path.relpath(each.statement.resolve(), folder)).as_posix())
        for index, each in enumerate(deployments)
        if each.statement is not None
    }
    return environment.page(
        "fleet.html.j2",
        title=title(deployments, problems),
        tone=tone(deployments, problems),
        deployments=deployments,
        problems=problems,
        links=links,
    )
