"""Servers that nobody here wrote judge the suite: what it misses there has to be argued for."""
