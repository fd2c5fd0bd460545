"""The reports of a run, in floors: each imports only from those below.

verdicts, options; judging; comparing; render; plugin (all of pytest's hooks); and on top the
programs for the command line: `openemr-conformance catalogue`, `compare` and so on, and in a
checkout `python -m reports.{docs,schemas,baselines}`.
"""
