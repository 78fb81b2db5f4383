"""The hall of racks of `rooms` in OpenFOAM, as a peer: buoyantPimpleFoam, compressible, standard k-epsilon.

Numbers of the hall are those of `rooms`. Where that says nothing, assumed: turbulence of what comes in (intensity of
5 %, lengths of 0.2 m at the supply and of 0.05 m at racks), second-order upwind for momentum, limited linear for heat,
first-order upwind for turbulence, two pressure corrections a step. A rack is a pair of patches of uniform mass flow;
its back is warmer than the mean of what its front takes by P/(m cp), a condition that OpenFOAM has. Its cells are
0.3 x 0.3 x 0.2 m everywhere, so that the supply has the whole cells nearest to it: y from 0.9 to 11.1 m.

    python tests/benchmarks/openfoam.py FOLDER SECONDS    leaves the case there and prints means of inlets
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

# A script finds its neighbours by itself, one that is collected with the tests does not.
sys.path.append(str(Path(__file__).parent))
import rooms  # type: ignore[import-not-found, unused-ignore]

SOLVER = "buoyantPimpleFoam"
STRETCH = rooms.STRETCH  # compared by time [s]
CELL = rooms.GRIDS["fine"]
PRESSURE, GRAVITY, VISCOSITY, PRANDTL = 101325.0, 9.81, 1.84e-5, 0.71  # [Pa], [m/s2], [Pa s]
GAS = 8314.46  # of all gases [J/kmol/K]
WARM = rooms.ZERO + rooms.SUPPLY_TEMPERATURE
SUPPLY = len(rooms.ROWS) * rooms.RACKS * rooms.RACK_FLOW * rooms.EXCESS
COURANT = 2.0

SCHEMES = """
ddtSchemes { default Euler; }
gradSchemes { default Gauss linear; }
divSchemes
{
    default none;
    div(phi,U) Gauss linearUpwind grad(U);
    div(phi,h) Gauss limitedLinear 1;
    div(phi,K) Gauss linear;
    div(phi,k) Gauss upwind;
    div(phi,epsilon) Gauss upwind;
    div(((rho*nuEff)*dev2(T(grad(U))))) Gauss linear;
}
laplacianSchemes { default Gauss linear corrected; }
interpolationSchemes { default linear; }
snGradSchemes { default corrected; }
"""
SOLUTION = """
solvers
{
    "rho.*" { solver diagonal; }
    p_rgh { solver GAMG; smoother DICGaussSeidel; tolerance 1e-6; relTol 0.01; }
    p_rghFinal { $p_rgh; }
    "(U|h|k|epsilon)" { solver PBiCGStab; preconditioner DILU; tolerance 1e-7; relTol 0.05; }
    "(U|h|k|epsilon)Final" { $U; }
}
PIMPLE { momentumPredictor yes; nOuterCorrectors 1; nCorrectors 2; nNonOrthogonalCorrectors 0; }
"""
THERMO = f"""
thermoType
{{
    type heRhoThermo; mixture pureMixture; transport const; thermo hConst; equationOfState perfectGas;
    specie specie; energy sensibleEnthalpy;
}}
mixture
{{
    specie {{ molWeight {rooms.DENSITY * GAS * WARM / PRESSURE}; }}
    thermodynamics {{ Cp {rooms.HEAT_CAPACITY}; Hf 0; }}
    transport {{ mu {VISCOSITY}; Pr {PRANDTL}; }}
}}
"""


def stops(axis: int, *at: float) -> list[int]:
    """Edges of blocks, counted in cells: those nearest to given places."""
    return sorted({round(one / CELL[axis]) for one in at})


def blocks() -> tuple[str, list[str]]:
    """Text of blockMeshDict, and the names of the racks."""
    racks = np.linspace(*rooms.ALONG, rooms.RACKS + 1)
    lines = [
        stops(0, 0.0, *racks, rooms.SIZE[0]),
        stops(1, 0.0, *rooms.SUPPLY[0], *rooms.ROWS[0], *rooms.ROWS[1], rooms.SIZE[1]),
        stops(2, 0.0, *rooms.SUPPLY[1], rooms.TOP, rooms.SIZE[2]),
    ]
    wide = [CELL[1] * one for one in stops(1, *rooms.SUPPLY[0])]
    count = [len(line) for line in lines]
    middle = [
        [0.5 * width * (low + high) for low, high in pairwise(line)]
        for line, width in zip(lines, CELL, strict=True)
    ]

    def vertex(*place: int) -> int:
        return place[0] + count[0] * (place[1] + count[1] * place[2])

    def square(axis: int, at: int, one: int, two: int) -> str:
        corners = []
        for a, b in ((0, 0), (1, 0), (1, 1), (0, 1)):
            place = [one + a, two + b]
            place.insert(axis, at)
            corners.append(str(vertex(*place)))
        return f"({' '.join(corners)})"

    def inside(value: float, span: Any) -> bool:
        return bool(min(span) < value < max(span))

    vertices = [
        f"({x * CELL[0]:.6g} {y * CELL[1]:.6g} {z * CELL[2]:.6g})"
        for z in lines[2] for y in lines[1] for x in lines[0]
    ]  # fmt: skip
    hexes = []
    for k, z in enumerate(middle[2]):
        for j, y in enumerate(middle[1]):
            for i, x in enumerate(middle[0]):
                if inside(x, rooms.ALONG) and z < rooms.TOP and any(inside(y, row) for row in rooms.ROWS):
                    continue
                ring = [(i, j), (i + 1, j), (i + 1, j + 1), (i, j + 1)]
                corners = [str(vertex(*one, level)) for level in (k, k + 1) for one in ring]
                cells = [lines[n][at + 1] - lines[n][at] for n, at in enumerate((i, j, k))]
                hexes.append(
                    f"hex ({' '.join(corners)}) ({cells[0]} {cells[1]} {cells[2]}) simpleGrading (1 1 1)"
                )
    low = [k for k, z in enumerate(middle[2]) if z < rooms.TOP]
    between = rooms.ROWS[0][1], rooms.ROWS[1][1]
    patches = {
        "supply": [
            square(0, 0, j, k)
            for j, y in enumerate(middle[1]) if inside(y, wide)
            for k, z in enumerate(middle[2]) if inside(z, rooms.SUPPLY[1])
        ],
        "return": [
            square(2, count[2] - 1, i, j)
            for i, x in enumerate(middle[0]) if inside(x, rooms.ALONG)
            for j, y in enumerate(middle[1]) if inside(y, between)
        ],
    }  # fmt: skip
    names = []
    for letter, row in zip("AB", rooms.ROWS, strict=True):
        columns = [i for i, x in enumerate(middle[0]) if inside(x, rooms.ALONG)]
        for number, i in enumerate(columns):
            names.append(f"{letter}{number}")
            for side, place in zip(("front", "back"), row, strict=True):
                at = lines[1].index(*stops(1, place))
                patches[f"{side}{names[-1]}"] = [square(1, at, i, k) for k in low]
    boundary = [f"{name} {{ type patch; faces ({' '.join(faces)}); }}" for name, faces in patches.items()]
    parts = {"vertices": vertices, "blocks": hexes, "edges": [], "boundary": boundary}
    text = "\n".join(f"{name} ({' '.join(rows)});" for name, rows in parts.items())
    return f"scale 1;\n{text}\ndefaultPatch {{ name walls; type wall; }}\n", names


def fields(names: list[str]) -> dict[str, str]:
    """Initial and boundary conditions: dimensions, inside, then patches."""
    top = PRESSURE + rooms.DENSITY * GRAVITY * rooms.SIZE[2]

    def field(dimensions: str, inside: str, **patches: str) -> str:
        rows = [f'"{name}" {{ {text} }}' for name, text in patches.items()]
        head = f"dimensions [{dimensions}];\ninternalField uniform {inside};\nboundaryField\n"
        return head + "{\n" + "\n".join(rows) + "\n}\n"

    def flow(rate: float) -> str:
        return f"type flowRateInletVelocity; massFlowRate {rate}; rhoInlet {rooms.DENSITY}; value uniform (0 0 0);"

    def length(metres: float) -> str:
        return f"type turbulentMixingLengthDissipationRateInlet; mixingLength {metres}; value uniform 0.01;"

    intensity = "type turbulentIntensityKineticEnergyInlet; intensity 0.05; value uniform 0.01;"
    out = "type inletOutlet; inletValue uniform {0}; value uniform {0};"
    warm = {
        f"back{name}": f"type outletMappedUniformInletHeatAddition; outletPatch front{name}; Q {rooms.RACK_POWER}; "
        f"TMin 250; TMax 500; value uniform {WARM};"
        for name in names
    }
    pressed = f"type fixedFluxPressure; value uniform {top};"
    calculated = "type calculated; value uniform 0;"
    return {
        "U": field("0 1 -1 0 0 0 0", "(0 0 0)", **{
            "walls": "type noSlip;", "supply": flow(SUPPLY), "front.*": flow(-rooms.RACK_FLOW),
            "back.*": flow(rooms.RACK_FLOW), "return": "type pressureInletOutletVelocity; value uniform (0 0 0);"}),
        "T": field("0 0 0 1 0 0 0", f"{WARM}", **{
            "(walls|front.*)": "type zeroGradient;", "supply": f"type fixedValue; value uniform {WARM};",
            "return": out.format(WARM), **warm}),
        "p_rgh": field("1 -1 -2 0 0 0 0", f"{top}", **{
            "(walls|front.*|back.*|supply)": pressed,
            "return": f"type prghPressure; p uniform {PRESSURE}; value uniform {top};"}),
        "p": field("1 -1 -2 0 0 0 0", f"{PRESSURE}", **{".*": f"type calculated; value uniform {PRESSURE};"}),
        "k": field("0 2 -2 0 0 0 0", "0.002", **{
            "walls": "type kqRWallFunction; value uniform 0.002;", "(supply|back.*)": intensity,
            "front.*": "type zeroGradient;", "return": out.format(0.002)}),
        "epsilon": field("0 2 -3 0 0 0 0", "0.002", **{
            "walls": "type epsilonWallFunction; value uniform 0.002;", "supply": length(0.2), "back.*": length(0.05),
            "front.*": "type zeroGradient;", "return": out.format(0.002)}),
        "nut": field("0 2 -1 0 0 0 0", "0", **{
            "walls": "type nutkWallFunction; value uniform 0;", "(supply|return|front.*|back.*)": calculated}),
        "alphat": field("1 -1 -1 0 0 0 0", "0", **{
            "walls": "type compressible::alphatWallFunction; value uniform 0;",
            "(supply|return|front.*|back.*)": calculated}),
    }  # fmt: skip


def control(names: list[str], until: float) -> str:
    seen = [
        f"{patch} {{ type surfaceFieldValue; libs (fieldFunctionObjects); regionType patch; name {patch}; "
        f"operation {how}; weightField phi; fields (T); writeFields no; log no; writeControl timeStep; }}"
        for patch, how in (
            [(f"front{name}", "areaAverage") for name in names]
            + [(f"back{name}", "areaAverage") for name in names]
            + [("return", "weightedAverage")]
        )
    ]
    return (
        f"application {SOLVER}; startFrom startTime; startTime 0; stopAt endTime; endTime {until}; deltaT 0.01;\n"
        f"writeControl adjustableRunTime; writeInterval {until}; writeFormat binary; timePrecision 8;\n"
        f"adjustTimeStep yes; maxCo {COURANT}; maxDeltaT 1;\nfunctions\n{{\n" + "\n".join(seen) + "\n}\n"
    )


def write(folder: Path, until: float) -> list[str]:
    """The whole case; names of the racks."""
    mesh, names = blocks()
    files = {
        "system/blockMeshDict": mesh,
        "system/controlDict": control(names, until),
        "system/fvSchemes": SCHEMES,
        "system/fvSolution": SOLUTION,
        "constant/thermophysicalProperties": THERMO,
        "constant/turbulenceProperties": "simulationType RAS;\nRAS { RASModel kEpsilon; turbulence on; }\n",
        "constant/g": f"dimensions [0 1 -2 0 0 0 0];\nvalue (0 0 -{GRAVITY});\n",
    }
    classes = {"U": "volVectorField", "g": "uniformDimensionedVectorField"}
    for name, text in fields(names).items():
        files[f"0/{name}"] = text
        classes.setdefault(name, "volScalarField")
    for place, text in files.items():
        path = folder / place
        path.parent.mkdir(parents=True, exist_ok=True)
        kind = classes.get(path.name, "dictionary")
        path.write_text(
            f"FoamFile {{ version 2.0; format ascii; class {kind}; object {path.name}; }}\n{text}"
        )
    return names


def run(folder: Path, until: float) -> list[str]:
    """Meshes and runs the case on one core; RuntimeError with the end of what it said if it fails."""
    names = write(folder, until)
    known = {"WM_PROJECT_DIR": "/usr/share/openfoam"} | os.environ  # of the distribution's package
    for program in ("blockMesh", SOLVER):
        with (folder / f"{program}.log").open("w") as log:
            code = subprocess.run(
                [program, "-case", str(folder)], stdout=log, stderr=subprocess.STDOUT, env=known
            ).returncode
        if code:
            tail = (folder / f"{program}.log").read_text()[-2000:]
            raise RuntimeError(f"{program} failed:\n{tail}")
    return names


def cost(folder: Path) -> tuple[np.ndarray, np.ndarray]:
    """Simulated and processor time at the end of every step [s]."""
    text = (folder / f"{SOLVER}.log").read_text()
    pairs = re.findall(r"^Time = (\S+)$.*?^ExecutionTime = (\S+) s", text, re.MULTILINE | re.DOTALL)
    when, spent = np.array(pairs, dtype=float).T
    return when, spent


def mean(folder: Path, patch: str, low: float, high: float) -> float:
    """Of the temperature of a patch, over a time [degC]."""
    when, warm = np.loadtxt(folder / "postProcessing" / patch / "0" / "surfaceFieldValue.dat").T
    part = (when > low) & (when <= high)
    return float(np.average(warm[part], weights=np.diff(when, prepend=0.0)[part])) - rooms.ZERO


def measure(ours: float) -> dict[str, Any]:
    """Processor seconds per simulated second after the start; ours : those of `rooms.hall` on the same cells."""
    if not shutil.which(SOLVER):
        return {"openfoam": "is not here: no ratio"}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        run(folder, STRETCH[1])
        when, spent = cost(folder)
        cells = int(re.findall(r"nCells: (\d+)", (folder / "blockMesh.log").read_text())[0])
    low, high = np.interp(STRETCH, when, spent)
    theirs = float(high - low) / (STRETCH[1] - STRETCH[0])
    return {
        "openfoam": f"{SOLVER}, k-epsilon, Courant number {COURANT:g}, one process, from {STRETCH[0]:g} to "
        f"{STRETCH[1]:g} s",
        "openfoam_cells": cells,
        "openfoam_steps_per_simulated_s": float(((when > STRETCH[0]) & (when <= STRETCH[1])).sum())
        / (STRETCH[1] - STRETCH[0]),
        "openfoam_cpu_s_per_simulated_s": theirs,
        "times_less_cpu_than_openfoam": theirs / ours,
    }


def main() -> None:
    folder, until = Path(sys.argv[1]), float(sys.argv[2])
    names = run(folder, until)
    for span in (rooms.WINDOW, (rooms.WINDOW[0], until)):
        if span[0] < span[1] <= until:
            inlets = " ".join(f"{name} {mean(folder, f'front{name}', *span):.2f}" for name in names)
            print(f"{span[0]:g} to {span[1]:g} s: {inlets} return {mean(folder, 'return', *span):.2f} degC")


if __name__ == "__main__":
    main()
