"""Every route with its scopes, the tokens for them, and the table of scopes."""
