"""Pages in headless Chromium: what axe-core finds in them, and what their scripts do.

Nothing of it runs where there is no Chromium; axe-core is fetched by npm, or skipped without it.
"""

import html
import json
import re
import shutil
import subprocess

import pytest

AXE = "axe-core@4.14.1"
#: Conformance to WCAG 2.2 AA, target sizes included, and what is good practice.
TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
POLICY = re.compile(r'<meta http-equiv="Content-Security-Policy"[^>]*>')
DARK = "--blink-settings=preferredColorScheme=0"
RESULT = re.compile(r'<pre id="test-result">(.*?)</pre>', re.DOTALL)
SECONDS = 120


def find():
    """Return the path of Chromium, or skip the test."""
    names = ("chromium", "chromium-browser", "google-chrome")
    found = next(filter(None, map(shutil.which, names)), None)
    if found is None:
        pytest.skip("there is no Chromium")
    return found


def fetch_axe(folder):
    """Return the source of axe-core, or skip the test."""
    npm = shutil.which("npm")
    if npm is None:
        pytest.skip("there is no npm to fetch axe-core with")
    command = [npm, "install", "--no-save", "--ignore-scripts", "--prefix", str(folder), AXE]
    finished = subprocess.run(  # noqa: S603 - our own command
        command, capture_output=True, text=True, timeout=SECONDS, check=False
    )
    if finished.returncode:
        pytest.skip(f"npm could not fetch axe-core: {finished.stderr[-200:]}")
    return (folder / "node_modules/axe-core/axe.min.js").read_text("utf-8")


def evaluate(page, script, folder, *options, width=1280):
    """Return as JSON what the body of an async function returns at the end of a page."""
    # The page's own policy forbids scripts that are not its own.
    probe = f"""<script>addEventListener("load", async () => {{
        const run = async () => {{ {script} }};
        const said = await run().catch((error) => ({{ error: String(error) }}));
        const pre = document.createElement("pre");
        pre.id = "test-result";
        pre.textContent = JSON.stringify(said);
        document.body.append(pre);
    }});</script>"""
    path = folder / "page.html"
    path.write_text(POLICY.sub("", page).replace("</body>", f"{probe}</body>"), "utf-8")
    command = [find(), "--headless", "--no-sandbox", "--disable-gpu", f"--window-size={width},900"]
    command += [f"--user-data-dir={folder / 'profile'}", "--virtual-time-budget=20000", *options]
    finished = subprocess.run(  # noqa: S603 - our own command
        [*command, "--dump-dom", path.as_uri()],
        capture_output=True, text=True, timeout=SECONDS, check=False,
    )  # fmt: skip
    found = RESULT.search(finished.stdout)
    assert found is not None, finished.stderr
    return json.loads(html.unescape(found[1]))


def violations(page, axe, folder, *options, width=1280):
    """Return what axe-core finds in a page with everything open, as rule and places."""
    script = f"""
        for (const each of document.querySelectorAll("details")) each.open = true;
        const found = await axe.run(document, {{ runOnly: {json.dumps(TAGS)} }});
        return found.violations.map((each) => [each.id, each.nodes.map((n) => n.html).slice(0, 5)]);
    """
    source = page.replace("</head>", f"<script>{axe}</script></head>")
    return evaluate(source, script, folder, *options, width=width)
