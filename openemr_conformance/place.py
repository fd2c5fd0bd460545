"""Where the folders of the suite are: beside this package in a checkout, inside it in a wheel."""

import sys
from pathlib import Path

PACKAGE = Path(__file__).parent
ROOT = PACKAGE if (PACKAGE / "conformance").is_dir() else PACKAGE.parent


def make_importable() -> None:
    """Put the folders of the suite before everything else that has the same names."""
    if str(ROOT) not in sys.path[:1]:
        sys.path.insert(0, str(ROOT))
