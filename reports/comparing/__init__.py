"""Comparing two runs: baselines, verdicts that changed, answers that changed."""
