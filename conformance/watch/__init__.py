"""Looks at every exchange of a run for what no server may answer."""
