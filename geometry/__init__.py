"""Geometry of a hall: boxes of equipment, rack positions from rows, lengths of routes. Pure functions of
arrays in metres; the package knows nothing of layouts, products or units of text."""
