"""A check that passes on a server that answers everything alike judges nothing.

The embedded server is prepared, and then one place of it answers 500 to everything, or with a page.
What still passes there is named here, with why it may.
"""

import pytest

from tests.breaking import ANSWERS
from tests.runs import ROOT
from tests.zygote import Zygote

#: What passes all the same, by the name of its function, and why.
EXPLAINED: dict[str, dict[str, str]] = {"500": {}, "page": {}}


@pytest.fixture(scope="module")
def zygote():
    """A process that has collected the checks, for runs to fork off."""
    with Zygote(ROOT) as process:
        yield process


@pytest.mark.parametrize("answer", ANSWERS)
def test_check_passes_on_no_place_that_is_broken(zygote, tmp_path, answer):
    """Of the checks of a place that answers everything alike only those pass that are named."""
    environment = {"BROKEN_ANSWER": answer, "BROKEN_FOLDER": str(tmp_path)}
    finished = zygote.run(tmp_path, plugin="tests.breaking", **environment)

    judged = [c for each in finished.statement["requirements"] for c in each["checks"]]
    passed = {check["id"].partition("[")[0] for check in judged if check["verdict"] == "pass"}
    names = {check.rpartition("::")[2] for check in passed}
    assert sum(check["verdict"] in {"fail", "blocked"} for check in judged) > 300, finished.output
    (tmp_path.parent.parent / f"names-{answer}").write_text("\n".join(sorted(passed)))
    assert names == {*EXPLAINED[answer]}, "\n".join(sorted(names ^ {*EXPLAINED[answer]}))
