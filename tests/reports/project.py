"""A small project with stand-ins for the target, in which runs are judged for the tests."""

import json
import os
import subprocess
import sys
from pathlib import Path
from textwrap import dedent

import jsonschema

ROOT = Path(__file__).resolve().parents[2]

#: Plugins that the runs do not need cost more time than the runs.
QUICK = [f"-pno:{name}" for name in ("randomly", "anyio", "hypothesispytest", "cacheprovider")]

TARGET = '''
"""A stand-in for the target: its facts come from the environment."""

import json
import os
from types import SimpleNamespace

import pytest

from fixtures.target.options import OPTIONS, Options
from fixtures.wire.redaction import SECRETS

TARGET = pytest.StashKey()
Target = SimpleNamespace


FACTS = {
    "name": "stand-in", "kind": "url", "base_url": "http://emr.test", "site": "default",
    "version": "9.0.0", "declared_version": None, "features": ["rest"],
    "missing_features": {"portal": "switched off"}, "read_only": False,
}


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config):
    facts = FACTS | json.loads(os.environ.get("FACTS", "{}"))
    config.stash[OPTIONS] = Options()
    if not config.option.collectonly:
        config.stash[TARGET] = SimpleNamespace(**facts)


@pytest.hookimpl(tryfirst=True)
def pytest_sessionstart(session):
    if os.environ.get("UNREACHABLE"):
        pytest.exit("the target is not there", returncode=6)


def exchange(name, path):
    """Return an exchange as the driver records it."""
    request = {"method": "GET", "url": f"http://emr.test{path}", "body": "",
               "headers": [["Accept", "*/*"]]}
    response = {"status": 200, "headers": [["Content-Type", "text/html"]], "body": "the body"}
    return {"id": name, "request": request, "response": response, "problem": None, "ms": 1.0}


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    report = yield
    report.user_properties += [("exchange_count", 2), ("waiting_ms", 3.5)]
    if report.failed and report.when == "call":
        exchanges = [exchange("main-1", "/before"), exchange("main-2", "/x")]
        exchanges.append(exchange("main-3", "/after"))
        report.user_properties += [("exchanges", exchanges), ("judged", ["main-2"])]
    return report


@pytest.fixture
def secret():
    """A secret that the driver has met in this process."""
    SECRETS.remember("access_token", "s3cr3t-t0ken-of-the-test")
    return "s3cr3t-t0ken-of-the-test"
'''

FILES = '''
"""A stand-in for what reads targets."""

import pytest


def load(name, environment):
    """Raise an error: there is no target."""
    raise pytest.UsageError(f"there is no target {name!r}")
'''

REDACTION = '''
"""A stand-in for the place that knows secrets."""


class Secrets:
    def __init__(self):
        self.kinds = {}

    def remember(self, kind, value):
        self.kinds[value] = kind

    def update(self, kinds):
        self.kinds.update(kinds)

    def values(self):
        return dict(self.kinds)

    def clean(self, text):
        for value, kind in self.kinds.items():
            text = text.replace(value, f"<{kind}>")
        return text


SECRETS = Secrets()
'''

REQUIREMENTS = """
[[requirement]]
id = "T-must"
text = "The first thing is so."
source = "RFC 1 section 2"
url = "https://example.org/rfc1#2"
level = "MUST"
severity = "high"

[[requirement]]
id = "T-should"
text = "The second thing is so."
source = "RFC 1 section 3"
url = "https://example.org/rfc1#3"
level = "SHOULD"
severity = "medium"

[[requirement]]
id = "T-rest"
text = "The third thing is so."
source = "RFC 1 section 4"
url = "https://example.org/rfc1#4"
level = "MUST"
severity = "high"
needs = ["rest"]

[[requirement]]
id = "T-portal"
text = "The fourth thing is so."
source = "RFC 1 section 5"
url = "https://example.org/rfc1#5"
level = "MUST"
severity = "high"
needs = ["portal"]
"""

PYPROJECT = """
[project]
version = "2026.11.0"
[tool.pytest]
minversion = "9.0"
strict = true
testpaths = ["conformance"]
pythonpath = ["."]
addopts = ["-ra", "--import-mode=importlib", "--strict-markers"]
filterwarnings = ["error"]
markers = ["requirement(id): what the check judges", "writes: the check writes"]
"""

MARK = """
import pytest

requirement = pytest.mark.requirement
"""

HEAD = """
import pytest
from conformance import requirement


class Mismatch(AssertionError):
    def __init__(self, **parts):
        super().__init__("mismatch")
        parts = {"in_answer": None, "reproduce": None, "hint": None} | parts
        self.__dict__.update(parts)
"""


class Project:
    """A project folder whose checks are judged by the plugin under test."""

    def __init__(self, folder):
        self.folder = folder
        self.results = folder / "results"
        self.write("pyproject.toml", PYPROJECT)
        self.write("conftest.py", 'pytest_plugins = ["fixtures.target.model", "reports.plugin"]')
        self.write("fixtures/__init__.py", "")
        self.write("fixtures/target/model.py", TARGET)
        self.write("fixtures/wire/redaction.py", REDACTION)
        signals = ROOT / "fixtures" / "wire" / "signals.py"
        self.write("fixtures/wire/signals.py", signals.read_text("utf-8"))
        self.write("fixtures/embedded/__init__.py", "")
        self.write("fixtures/embedded/defects.py", "def load():\n    return {}")
        key = "import pytest\n{} = pytest.StashKey()\n"
        self.write("fixtures/target/app.py", key.format("APP"))
        for name in ("options.py", "releases.py"):
            real = ROOT / "fixtures" / "target" / name
            self.write(f"fixtures/target/{name}", real.read_text("utf-8"))
        self.write("fixtures/target/files.py", FILES)
        self.write(
            "conformance/__init__.py", "import pytest\nrequirement = pytest.mark.requirement"
        )
        self.write("conformance/requirements/token.toml", REQUIREMENTS)
        features = (ROOT / "conformance" / "features.toml").read_text("utf-8")
        self.write("conformance/features.toml", features)
        for name in ("causes", "harms"):
            self.write(f"conformance/{name}.toml", "")

    def write(self, name, text):
        """Write a file of the project."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(dedent(text), "utf-8")
        return path

    def check(self, body, name="conformance/oauth/test_things.py"):
        """Write a file of checks."""
        self.write(name, HEAD + dedent(body))

    def run(self, *arguments, facts=None, env=None):
        """Run pytest in the project, without the plugins that only cost time."""
        given = {"FACTS": json.dumps(facts or {})} | (env or {})
        return self.python("-m", "pytest", *QUICK, *arguments, env=given)

    def python(self, *arguments, env=None):
        """Run Python in the project, with the package under test."""
        environment = {
            key: value
            for key, value in os.environ.items()
            if not key.startswith(("PYTEST_", "OPENEMR_", "GITHUB_"))
        }
        environment |= {"PYTHONPATH": f"{self.folder}{os.pathsep}{ROOT}"}
        return subprocess.run(  # noqa: S603 - it runs the tests of this very project
            [sys.executable, *map(str, arguments)],
            cwd=self.folder,
            env=environment | (env or {}),
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    def data(self):
        """Return what the last run left in conformance.json, which fulfils its schema."""
        schema = json.loads((ROOT / "conformance/schemas/conformance.json").read_text("utf-8"))
        data = json.loads((self.results / "conformance.json").read_text("utf-8"))
        jsonschema.Draft202012Validator(schema).validate(data)
        return data

    def verdicts(self):
        """Return the verdicts of the last run by requirement."""
        return {each["id"]: each["verdict"] for each in self.data()["requirements"]}

    def everything(self):
        """Return the text of all files in results/."""
        files = [path for path in self.results.rglob("*") if path.is_file()]
        return "\n".join(path.read_text("utf-8") for path in files)
