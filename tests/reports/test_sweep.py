"""Files of other reporters stay readable without the secrets in them."""

import xml.etree.ElementTree as ET

from fixtures.wire.redaction import Secrets
from reports.render import files


def test_junit_stays_well_formed(tmp_path):
    """A secret in an attribute or a text is replaced, a word that looks like one stays."""
    secrets = Secrets()
    secrets.remember("password", "pass")
    secrets.remember("access_token", "0123456789abcdef")
    junit = tmp_path / "junit.xml"
    junit.write_text(
        '<testsuites><testcase name="a 0123456789abcdef"><properties>'
        '<property name="verdict" value="pass"/></properties>'
        "<failure message='sent password=pass'>token 0123456789abcdef</failure>"
        "</testcase></testsuites>",
        "utf-8",
    )

    files.sweep(secrets.clean, junit, None)

    root = ET.fromstring(junit.read_text("utf-8"))  # noqa: S314 - pytest wrote it
    assert root.find(".//property").attrib == {"name": "verdict", "value": "pass"}
    assert "0123456789abcdef" not in junit.read_text("utf-8")
    assert root.find(".//failure").get("message").startswith("sent password=<password ")
