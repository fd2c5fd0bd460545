"""What is required of an OpenEMR server, and the checks that judge it."""

import pytest

requirement = pytest.mark.requirement

__all__ = ["requirement"]
