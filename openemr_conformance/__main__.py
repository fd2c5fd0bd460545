"""`python -m openemr_conformance`: the same as the command `openemr-conformance`."""

import sys

from openemr_conformance.command import main

if __name__ == "__main__":
    sys.exit(main())
