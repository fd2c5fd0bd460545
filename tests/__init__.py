"""The suite's own tests; never part of a verdict."""
