"""What a run leaves behind: verdicts, statements, Allure results."""
