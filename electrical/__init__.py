"""Electrical physics of a facility: losses of converters, transformers and conductors, UPS modes and hold-up,
radial load flow in batches of alternating and direct current, harmonics, ageing of transformers, and who feeds
whom when something is out. Pure functions of arrays in SI units that broadcast over leading axes; the package
knows nothing of layouts, racks or units of text."""
