"""A model of the life of tokens, and the sequences of steps that are run to judge a server."""
