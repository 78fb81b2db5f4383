"""What the air of a hall is stepped on: cells that are solid, what faces are, and the openings with their flows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from geometry.voxel import covered
from thermal import air
from thermal.pump import HeadCurve

Array = npt.NDArray[np.float64]
Index = npt.NDArray[np.int64]
Solid = npt.NDArray[np.bool_]
Edges = tuple[Array, Array, Array]

SMALL = 1e-9
"""Of the air drawn, what is only rounding."""


@dataclass(frozen=True, eq=False)
class Openings:
    """Faces across one axis through which air passes at a given speed.

    owner : whose they are. face : their places among the faces (axis, then x, y, z). sign : 1 where air goes upwards
    along the axis. area : [m2].
    """

    axis: int
    owner: Index
    face: tuple[Index, Index, Index]
    sign: Array
    area: Array

    def low(self) -> tuple[Index, ...]:
        """The cells below the faces."""
        return tuple(place - (n == self.axis) for n, place in enumerate(self.face))

    def upstream(self) -> tuple[Index, ...]:
        """The cells that the air comes from."""
        return tuple(np.where((self.sign > 0) & (n == self.axis), place - 1, place)
                     for n, place in enumerate(self.face))  # fmt: skip

    def downstream(self) -> tuple[Index, ...]:
        """The cells that it goes to."""
        return tuple(np.where((self.sign < 0) & (n == self.axis), place - 1, place)
                     for n, place in enumerate(self.face))  # fmt: skip


@dataclass(frozen=True, eq=False)
class Voxels:
    """A hall on its grid. Of each list of openings one is of the faces across each axis.

    racks, rises : index of each rack among the facility's, and how much warmer its air leaves it [K]. flow : through
    each, that of support equipment with it [m3/s]. units, share : index of each fan wall or CRAH among the devices, and
    its part of the supply. curve : of the fans of each, pressure over flow at full speed and the density here, as of
    `thermal.pump.head`; None where each blows the same. parted : the cold side has no outlet. leakage : the least that
    leaks to it [m3/s]. walls, intakes : where units blow, and draw from the hall if they do. tiles : of each line of
    them, through which air passes as it likes, and cracks : panels through which it does, with signs out of the aisle.
    loss, jet : of both, as `thermal.room.room` takes them; None without. ceiling : cells under the openings of the
    ceiling (nx, ny).
    """

    edges: Edges
    solid: Solid
    kinds: tuple[npt.NDArray[np.uint8], ...]
    racks: Index
    flow: Array
    rise: Array
    units: Index
    share: Array
    curve: HeadCurve | None
    supply: float
    supply_temperature: float
    density: float
    parted: bool
    leakage: float
    leaked: float
    spilt: float
    fronts: tuple[Openings, ...]
    rears: tuple[Openings, ...]
    walls: tuple[Openings, ...]
    intakes: tuple[Openings, ...]
    tiles: tuple[Openings, ...]
    cracks: tuple[Openings, ...]
    loss: tuple[Array, ...] | None
    jet: tuple[Array, ...] | None
    leaks: tuple[Openings, ...]
    spills: tuple[Openings, ...]
    ceiling: Solid
    remarks: tuple[str, ...]

    @property
    def heat(self) -> float:
        """Of all that warms the air [W]."""
        return float(self.density * air.HEAT_CAPACITY * (self.flow * self.rise).sum())

    @property
    def volume(self) -> float:
        """Of the air [m3]."""
        x, y, z = (np.diff(line) for line in self.edges)
        return float((x[:, None, None] * y[:, None] * z)[~self.solid].sum())

    @property
    def passing(self) -> tuple[Openings, ...]:
        """Openings through which air passes as warm as it comes."""
        return (*self.leaks, *self.spills)

    def crossed(self, velocity: Sequence[Array]) -> tuple[float, float]:
        """Air from the hot to the cold side, and from the cold to the hot side past the racks [m3/s].

        velocity : fields of the faces across x, y, z.
        """
        flow = [one.area * one.sign * velocity[one.axis][one.face] for one in self.cracks]
        back, past = (sum(float(np.maximum(way * one, 0.0).sum()) for one in flow) for way in (1.0, -1.0))
        return self.leaked + back, self.spilt + past

    def blown(self) -> Iterator[tuple[tuple[Openings, ...], Array]]:
        """All openings through which air passes at a given speed, with the flow of each owner [m3/s]."""
        each = self.supply * self.share
        yield from (
            (self.fronts, self.flow),
            (self.rears, self.flow),
            (self.walls, each),
            (self.intakes, each),
        )
        yield from ((self.leaks, np.array([self.leaked])), (self.spills, np.array([self.spilt])))

    def blowing(self, each: Array) -> Voxels:
        """The hall with so much air of each unit [m3/s]; what leaks and passes by follows."""
        drawn, supply = float(self.flow.sum()), float(each.sum())
        leaked, spilt = passed(self.parted, self.leakage, drawn, supply)
        blown = drawn + spilt - leaked if self.parted else supply
        share = each / supply if supply > 0.0 else np.full(len(each), 1.0 / len(each))
        return replace(self, supply=blown, share=share, leaked=leaked, spilt=spilt)


def plan(edges: Edges, box: Array) -> tuple[slice, slice]:
    """The columns of cells that a box covers in plan."""
    x, y = (slice(*covered(edges[axis], *box[:, axis])) for axis in range(2))
    return x, y


def passed(parted: bool, leakage: float, drawn: float, supply: float) -> tuple[float, float]:
    """Air from the hot to the cold side, and from the cold to the hot side past the racks [m3/s].

    A cold side that has no outlet gets back what it draws too much, and gives off what it does not draw.
    """
    leaked = max(leakage, drawn - supply) if parted else leakage
    leaked = leaked if leaked > SMALL * drawn else 0.0
    spilt = supply + leaked - drawn if parted else 0.0
    return leaked, spilt if spilt > SMALL * drawn else 0.0
