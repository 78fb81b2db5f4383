"""The hall in three dimensions: what is drawn, from where it is seen, and the drawing itself with pyvista."""
