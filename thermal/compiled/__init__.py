"""Loops of the physics compiled by numba; a kernel imports its own when it is called, for numba starts slowly."""
