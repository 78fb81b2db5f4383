"""Electrical physics of a facility: losses of converters, transformers and conductors, UPS modes and hold-up; load flow
of radial and weakly meshed networks in batches, balanced, phase by phase and of direct current; short circuit and
protection, harmonics, ageing of transformers, and who feeds whom when something is out. Pure functions of arrays in
SI units that broadcast over leading axes; the package knows nothing of layouts, racks or units of text."""
