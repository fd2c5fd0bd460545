"""The installed command of the suite; see command.py.

PYTEST_DONT_REWRITE: the command imports this package before it starts pytest.
"""
