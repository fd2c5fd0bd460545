"""The installed command of the suite; see command.py."""
