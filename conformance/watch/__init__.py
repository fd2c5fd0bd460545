"""Examines every exchange of a run for responses that no server may send."""
