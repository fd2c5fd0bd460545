"""A model of the life of tokens, and the sequences of steps that are played in it."""
