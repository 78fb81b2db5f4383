"""Electrical physics of a facility: converter, transformer and conductor losses, radial load flow in
batches, balanced or phase by phase, and who feeds whom when something is out. Pure functions of arrays in
SI units that broadcast over leading axes; the package knows nothing of layouts, racks or units of text."""
