"""Judging: the catalogue, the deviations, and the verdicts of one run, up to conformance.json."""
