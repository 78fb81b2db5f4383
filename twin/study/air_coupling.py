"""The hall's air in three dimensions and the rest of the facility, each with what the other makes of it.

A solved state tells flows and heat of the air; the field of each hall tells what of it comes back to each rack; the
state is solved anew with that, and so on until no flow changes. From then on the facility carries the influence of
every rack on every inlet, and every scenario solved with it has inlets of its own, at the price of one product.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path

import numpy as np
import xarray as xr

from twin.equilibrium import solve
from twin.errors import InputError, Problem
from twin.facility import MOVED, Facility, Recirculation, flows_alike
from twin.operation import Operation
from twin.study.air_field import air_field
from twin.study.hall_grid import voxels
from twin.study.hall_voxels import Voxels

ROUNDS = 4
"""Fields of a hall, one after the other, before it is left as it is."""
HEATED = 0.1
"""Change of what air takes up over a rack, over the mean of its hall, at which it is: warm air rises."""


@dataclass(frozen=True, eq=False)
class Coupled:
    """A facility that knows its halls' air, the fields it has that from, and whether both agree.

    field : of each block; blocks that are alike have the same, None where an interrupt came first and the cold side
    stays well mixed. rounds : of the longest. settled : no flow or heat has
    changed since by more than MOVED and HEATED, and every field's own means are as sure as was asked for.
    """

    facility: Facility
    field: tuple[xr.Dataset | None, ...]
    rounds: int
    settled: bool


def air_coupling(
    facility: Facility,
    operation: Operation | None = None,
    grid: str = "coarse",
    within: float = 0.3,
    progress: Callable[[str, float, float], None] | None = None,
    turbulence: str = "eddy",
    folder: Path | None = None,
    resume: bool = False,
    remark: Callable[[str], None] | None = None,
) -> Coupled:
    """The facility with the field of every hall in it, found at one scenario.

    operation : of the scenario. grid, within, turbulence : as `twin.study.air_field.air_field`. progress : is told what
    is done, how much time has passed in the hall, and at what time it may end [s]. InputError where a scenario has no
    solution or a hall cannot be modelled. folder : keeps the run of each field of each round, and what it kept of runs
    before is gone unless to `resume` is to go on from it, as in `air_field`. remark : is told what is modelled but
    likely not meant, before the field that it is of begins. An interrupt from the keyboard ends the field under way as
    in `air_field`, and begins no other.
    """

    said: set[str] = set()
    plain = replace(facility, recirculation=(None,) * len(facility.blocks))
    coupled, rounds = plain, 0
    fields: dict[int, xr.Dataset] = {}
    made: dict[int, Voxels] = {}
    while True:
        state = solve(coupled, operation)
        if not bool(state.converged[0]):
            where = "with the air of its hall" if rounds else "to take flows and heat from"
            raise InputError(
                [Problem(facility.name, None, None, "", f"the scenario has no solution {where}")]
            )
        asked = {block: voxels(coupled, state, block, grid) for block in range(len(facility.blocks))}
        moved = [block for block, new in asked.items() if block not in made or _moved(made[block], new)]
        if not moved or rounds == ROUNDS:
            break
        for one in dict.fromkeys(line for block in moved for line in asked[block].remarks):
            if remark and one not in said:
                names = [facility.blocks[block] for block in moved if one in asked[block].remarks]
                remark(f"{_halls(names)}: {one}")
            said.add(one)
        rounds += 1
        if folder is not None and rounds == 1:
            folder.mkdir(parents=True, exist_ok=True)
            if not resume:
                for name, number in product(facility.blocks, range(1, ROUNDS + 1)):
                    _kept(folder, name, grid, number).unlink(missing_ok=True)
        for block in moved:
            alike = next(
                (b for b in asked if b < block and b in moved and _alike(asked[b], asked[block])), None
            )
            if alike is not None:
                fields[block] = fields[alike]
            else:
                name = facility.blocks[block]

                def told(now: float, end: float, name: str = f"{name}, round {rounds}") -> None:
                    if progress:
                        progress(name, now, end)

                kept = None if folder is None else _kept(folder, name, grid, rounds)
                fields[block] = air_field(
                    coupled, state, block, grid, within, progress=told, turbulence=turbulence, file=kept,
                    resume=resume and kept is not None and kept.exists(),
                )  # fmt: skip
            made[block] = asked[block]
            if bool(fields[block].interrupted):
                break
        for block, field in fields.items():
            if not np.isfinite(field.influence.values).all():
                message = "how racks warm inlets is not found: warmth in the air of the hall finds no way out"
                raise InputError([Problem(facility.blocks[block], None, None, "", message)])
        known = tuple(
            Recirculation(
                fields[block].influence.values,
                _returned(facility, block, made[block]),
                fields[block].air_inlet_uncertainty.values,
                made[block].supply,
                made[block].flow,
                tuple(made[block].units.tolist()),
                made[block].rise,
            )
            if block in fields
            else None
            for block in range(len(facility.blocks))
        )
        coupled = replace(plain, recirculation=known)
        if any(bool(one.interrupted) for one in fields.values()):
            break
    found = tuple(fields.get(block) for block in range(len(facility.blocks)))
    settled = not moved and all(one is not None and bool(one.settled) for one in found)
    return Coupled(coupled, found, rounds, settled)


def told(coupled: Coupled) -> tuple[str, ...]:
    """What to say of the air beside a result, one line each."""
    lines = []
    for field in {id(one): one for one in coupled.field if one is not None}.values():
        names = [
            name for name, one in zip(coupled.facility.blocks, coupled.field, strict=True) if one is field
        ]
        inlet = field.air_inlet_temperature.values - 273.15
        sure = float(field.air_inlet_uncertainty.max())
        within = f"the least sure within {sure:.1f} K (95 %, of the mean flow on this grid)"
        if not np.isfinite(sure):
            within = "how sure is not known"
        lines.append(
            f"Hall air of {_halls(names)} in three dimensions on the {field.grid} grid: "
            f"rack inlets {inlet.min():.1f} to {inlet.max():.1f} °C, {within}."
        )
        lines += field.remarks.splitlines()
    mixed = sum(one is None for one in coupled.field)
    if mixed:
        lines.append(f"Interrupted: the cold sides of {mixed} halls are taken as well mixed.")
    if any(one is not None and bool(one.interrupted) for one in coupled.field):
        lines.append("The air was interrupted: its means are of what there was by then; --resume goes on.")
    elif not coupled.settled:
        lines.append(
            "The hall's air and the rest of the facility have not come to agree, or its means are not sure."
        )
    return tuple(lines)


def _kept(folder: Path, block: str, grid: str, number: int) -> Path:
    """Where the run of a block's field in a round is kept."""
    return folder / f"air.{block}.{grid}.{number}.npz"


def _halls(names: list[str]) -> str:
    """Halls that are alike, by the first."""
    return names[0] if len(names) == 1 else f"{names[0]} and {len(names) - 1} like it"


def _returned(facility: Facility, block: int, made: Voxels) -> float:
    """Air from the hot side over the supply, as the well-mixed aisle has it, whatever the field makes of it."""
    drawn = float(made.flow.sum())
    return max(float(facility.cooling.leakage[block]) * drawn, drawn - made.supply) / made.supply


def _moved(old: Voxels, new: Voxels) -> bool:
    """Whether flows or heat are no longer those of the field."""
    return bool(
        not flows_alike(old.supply, old.flow, new.supply, new.flow)
        or np.abs(new.rise - old.rise).max() > HEATED * old.rise.mean()
        or abs(new.leaked - old.leaked) > MOVED * old.supply
    )


def _alike(one: Voxels, other: Voxels) -> bool:
    """Whether two halls are the same but for where they stand."""

    def same(first: np.ndarray, second: np.ndarray) -> bool:
        return first.shape == second.shape and bool(np.allclose(first, second, rtol=1e-6, atol=1e-6))

    return (
        all(same(a - a[0], b - b[0]) for a, b in zip(one.edges, other.edges, strict=True))
        and same(one.solid, other.solid)
        and all(same(a, b) for a, b in zip(one.kinds, other.kinds, strict=True))
        and all(same(a, b) for a, b in zip(one.loss or (), other.loss or (), strict=True))
        and one.curve == other.curve
        and same(one.flow, other.flow)
        and same(one.rise, other.rise)
        and same(np.array([one.supply, one.leaked]), np.array([other.supply, other.leaked]))
        and all(
            same(a.owner, b.owner) and same(np.array(a.face), np.array(b.face))
            for first, second in (
                (one.fronts, other.fronts),
                (one.rears, other.rears),
                (one.walls, other.walls),
            )
            for a, b in zip(first, second, strict=True)
        )
    )
