"""A solved state for people: a few lines on a terminal, one self-contained page."""
