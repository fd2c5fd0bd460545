"""Rendering conformance.json: statement, comparison, badge, terminal, Allure."""
