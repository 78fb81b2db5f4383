"""A field of air as a VTK image, which ParaView and the like open."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import xarray as xr

COMPONENTS = ("velocity_x", "velocity_y", "velocity_z")


def write(found: xr.Dataset, file: Path) -> None:
    """Write the field of `twin.study.air_field` as .vti: temperature, velocity, pressure and solid of its cells.

    An image has cells of one size, the grid has not: each cell of the image, as large as the smallest of the grid
    along its axis, has the values of the cell in which its centre lies.
    """
    import pyvista as pv

    edges = [found[f"{name}_edge"].values for name in "xyz"]
    count = [int(np.ceil((line[-1] - line[0]) / np.diff(line).min() - 1e-6)) for line in edges]
    spacing = [(line[-1] - line[0]) / n for line, n in zip(edges, count, strict=True)]
    image = pv.ImageData(
        dimensions=[n + 1 for n in count], spacing=spacing, origin=[line[0] for line in edges]
    )
    inside = np.ix_(*(
        np.searchsorted(line, line[0] + width * (np.arange(n) + 0.5)) - 1
        for line, width, n in zip(edges, spacing, count, strict=True)
    ))  # fmt: skip

    def flat(name: str) -> np.ndarray:
        return found[name].values[inside].ravel(order="F")

    image.cell_data["temperature"] = flat("temperature")
    image.cell_data["pressure"] = flat("pressure")
    image.cell_data["velocity"] = np.stack([flat(name) for name in COMPONENTS], axis=-1)
    image.cell_data["solid"] = np.isnan(flat("temperature")).astype(np.uint8)
    # Whole or not at all, also where the disk is full.
    part = file.with_name(f"{file.stem}.part{file.suffix}")
    try:
        image.save(part)
        part.replace(file)
    finally:
        part.unlink(missing_ok=True)
