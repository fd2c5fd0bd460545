"""The reports of a run, in floors: each imports only from those below.

verdicts, options; judging; comparing; render; plugin (all of pytest's hooks); and on top the
programs for the command line: `python -m reports.{catalogue,compare,merge,declare,releases,
statement,docs,schemas,baselines,allure_report}`.
"""
