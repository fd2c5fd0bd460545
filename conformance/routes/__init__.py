"""The routes with their scopes, the tokens for them, and the facts about scopes."""
