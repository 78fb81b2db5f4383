"""From where a scene is seen: a parallel projection that fills its part of the picture, and flags that do not overlap.

A parallel projection keeps equal racks equal in size, and every point's place in the picture is one product.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]

ELEVATION = 34.0
"""Above the horizon [degree]: fronts and tops of the racks are both seen."""
GAP = 6.0
"""Between two flags [pixel]."""


@dataclass(frozen=True)
class Camera:
    """A parallel projection onto a picture of so many pixels."""

    focus: Array
    """(3,) point in the middle of the picture [m]."""
    towards: Array
    """(3,) unit vector from the focus to the eye."""
    up: Array
    """(3,) unit vector that is upright in the picture."""
    height: float
    """What the picture shows from bottom to top [m]."""
    size: tuple[int, int]
    """Pixels."""

    @property
    def right(self) -> Array:
        """(3,) unit vector that is level in the picture."""
        return np.cross(self.up, self.towards)

    def pixels(self, points: Array) -> Array:
        """Where points stand in the picture, (..., 2) from its lower left corner; points : (..., 3) [m]."""
        away = np.asarray(points, dtype=np.float64) - self.focus
        scale = self.size[1] / self.height
        flat = np.stack([away @ self.right, away @ self.up], axis=-1)
        return np.asarray(flat * scale + np.array(self.size) / 2.0)


def fitted(
    points: Array,
    front: tuple[float, float],
    azimuth: float,
    elevation: float,
    size: tuple[int, int],
    room: tuple[float, float, float, float] = (0.03, 0.03, 0.97, 0.97),
) -> Camera:
    """The camera that sees all points as large as the room allows.

    points : (point, 3) [m]. front : direction in plan from which azimuth is counted. azimuth, elevation : of the eye
    [degree], the azimuth counterclockwise from above. size : of the picture [pixel]. room : the part of it that is
    free, left, bottom, right and top as shares.

    >>> cube = np.array(np.meshgrid([0.0, 2.0], [0.0, 2.0], [0.0, 2.0])).reshape(3, -1).T
    >>> camera = fitted(cube, (0.0, -1.0), 0.0, 0.0, (200, 100), (0.0, 0.0, 1.0, 1.0))
    >>> camera.height, camera.pixels(np.array([0.0, 0.0, 0.0])).round(9).tolist()
    (2.0, [50.0, 0.0])
    """
    turn, rise = np.radians(azimuth), np.radians(elevation)
    plan = np.array(
        [
            front[0] * np.cos(turn) - front[1] * np.sin(turn),
            front[0] * np.sin(turn) + front[1] * np.cos(turn),
        ]
    )
    towards = np.array([*(plan * np.cos(rise)), np.sin(rise)])
    up = np.array([*(-plan * np.sin(rise)), np.cos(rise)])
    right = np.cross(up, towards)
    flat = np.stack([points @ right, points @ up], axis=-1)
    low, high = flat.min(axis=0), flat.max(axis=0)
    free = np.array([(room[2] - room[0]) * size[0], (room[3] - room[1]) * size[1]])
    scale = float(np.min(free / np.maximum(high - low, 1e-9)))
    middle = np.array([(room[0] + room[2]) / 2 * size[0], (room[1] + room[3]) / 2 * size[1]])
    # The middle of the scene comes to the middle of the room, not of the picture.
    offset = (low + high) / 2 - (middle - np.array(size) / 2) / scale
    depth = float((points @ towards).mean())
    focus = offset[0] * right + offset[1] * up + depth * towards
    return Camera(focus, towards, up, size[1] / scale, size)


def widest(
    points: Array,
    front: tuple[float, float],
    azimuths: Sequence[float],
    elevation: float,
    size: tuple[int, int],
    room: tuple[float, float, float, float],
) -> Camera:
    """Of the cameras at some azimuths the one that shows the points largest, the first of equals."""
    cameras = [fitted(points, front, azimuth, elevation, size, room) for azimuth in azimuths]
    return min(cameras, key=lambda camera: round(camera.height, 6))


def corners(boxes: Array) -> Array:
    """The eight corners of boxes, (8 x box, 3) [m]; boxes : (box, 2, 3).

    >>> corners(np.array([[[0.0, 0.0, 0.0], [1.0, 2.0, 3.0]]]))[-1].tolist()
    [1.0, 2.0, 3.0]
    """
    pick = np.array([[x, y, z] for z in (0, 1) for y in (0, 1) for x in (0, 1)])
    return np.asarray(boxes[:, pick, np.arange(3)].reshape(-1, 3))


def flags(camera: Camera, points: Array, widths: Sequence[float], height: float, rise: float) -> Array:
    """Tips of poles on points from which flags hang that do not cover each other, (point, 3) [m].

    points : feet of the poles (point, 3) [m], the most important first. widths : of the flags [pixel], each in the
    middle above its pole. height : of a flag [pixel]. rise : least length of a pole [pixel].
    """
    scale = camera.size[1] / camera.height * camera.up[2]
    taken: list[tuple[float, float, float, float]] = []
    tips = np.array(points, dtype=np.float64)
    for index, (x, y) in enumerate(camera.pixels(points)):
        half = widths[index] / 2 + GAP
        bottom = y + rise
        while hit := [
            top for left, low, right, top in taken
            if x - half < right and left < x + half and bottom < top + GAP and low < bottom + height + GAP
        ]:  # fmt: skip
            bottom = max(hit) + GAP
        taken.append((x - half, bottom, x + half, bottom + height))
        tips[index, 2] += (bottom - y) / scale
    return tips
