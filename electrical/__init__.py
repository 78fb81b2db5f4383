"""Electrical physics of a facility: converter, transformer and conductor losses, load flow of radial and
weakly meshed networks in batches, and who feeds whom when something is out. Pure functions of arrays in SI
units that broadcast over leading axes; the package knows nothing of layouts, racks or units of text."""
