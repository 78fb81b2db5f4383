"""The numbers that terminal, JSON and report share: one pure function of facility, state and findings."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from twin.catalogue import Product
from twin.compute.training import Waveform
from twin.economics import Boundary, Power, Tokens, tokens_per_joule
from twin.facility import BINDINGS, COMPUTE_BOUNDS, COOLING_MODES, DEVICE_KINDS, REASONS, Facility
from twin.metrics import Evidence, Metric, evidence, metrics, number
from twin.rules.site import TOLERANCE
from twin.study.price import Price
from twin.study.wave import wave
from twin.verdict import NEGLIGIBLE, Finding
from twin.wording import NO_VALUE, readable

if TYPE_CHECKING:
    import xarray as xr

SOLUTION = ("S1-solved", "S2-ledger")
"""Rules on the solution itself; they are told apart from margins of the design."""
WORST = 5
"""Margins shown in a summary."""
CAUSES = {
    "demand": "nothing: the workload's own demand",
    "no_feed": "no live feed",
    "shelf": "the rack's power shelves",
    "whip": "a whip",
    "power_cap": "the operator's power cap",
    "chip_temperature": "the GPU case temperature",
    "coolant_temperature": "coolant too warm for the rack",
    "coolant_flow": "coolant flow",
    "inlet_air": "inlet air temperature",
    "panel": "a power panel",
    "ups": "a UPS",
    "rectifier": "a rectifier",
    "transformer": "a transformer",
    "utility": "the utility connection",
    "cdu": "CDU capacity",
    "fan_wall": "fan-wall capacity",
    "chiller": "chiller capacity",
}
"""What holds a rack, in words, by kind of binding."""
MODES = {
    "free": "free cooling",
    "trim": "trim chiller running",
    "throttled": "supply above its set-point",
    "none": "nothing to cool",
}
"""Cooling modes in words."""
CONTROL = {
    "none": "nothing to cool",
    "held": "holds its set-point",
    "bypass": "holds it with fans at their slowest, the rest bypassed",
    "fans": "holds it with fans at full speed and trim chillers",
    "facility_pumps": "facility pumps at full flow",
    "plant": "the plant gives all it has",
    "loop_pumps": "CDU pumps at their limit",
}
"""What the control of a loop has run into, in words."""
SHAPES = {
    "bandwidth": "memory bandwidth",
    "flops": "arithmetic",
    "memory": "memory capacity",
    "latency": "latency",
    "no_gpus": "their rating, without GPUs",
    "prescribed": "the power that is prescribed",
}
"""What shapes the demand of a rack, in words, by compute bound."""
UNSERVED = {
    "memory": "no tokens: the model or one request does not fit the memory of its GPUs",
    "latency": "no tokens: no batch meets the latency target",
    "heat": "no tokens: a heat limit lies below the least power they run at",
    "halted": "no tokens: the training job stands, as a rack of it has no power or too little to run",
}
"""Why racks draw power for nothing, in words."""
HOT = ("chip_temperature", "coolant_temperature", "coolant_flow", "inlet_air")
"""Bindings that are heat limits of a rack itself."""
WHY = {
    "none": "solved",
    "not_settled": "the passes did not settle",
    "floors_exceed_limit": (
        "the racks' least power is more than a shared limit carries; "
        "fewer racks, a larger rating or a lower load fit"
    ),
    "no_voltage_solution": "the power chain has no voltage at which it carries its load",
    "no_heat_sink": "the coolant finds no temperature at which its heat leaves",
}
"""Why there is no solution, in words."""


@dataclass(frozen=True)
class Yielded:
    """Mean power at a boundary, and the tokens a second over it."""

    boundary: Boundary
    watts: float
    output: float
    """Output tokens per joule, trained on in a job [1/J]; `total` with those of the input."""
    total: float


@dataclass(frozen=True)
class Ledger:
    """Watts in and out, and the relative errors of the three balances."""

    into: float
    out: float
    power: float
    rack: float
    heat: float

    @property
    def faults(self) -> tuple[str, ...]:
        """The balances that do not close, one line each; a NaN is a scenario without a solution, not a fault."""
        errors = {"power": self.power, "rack": self.rack, "heat": self.heat}
        return tuple(
            f"the {name} ledger misses {abs(errors[name]):.1e} of its total, more than {most:.0e}"
            for name, most in TOLERANCE.items()
            if abs(errors[name]) > most
        )


@dataclass(frozen=True)
class Basis:
    """How far the catalogue figures behind a run are to be trusted."""

    figures: int
    assumed: int
    calibrated: int
    product: str
    """Product behind the worst margin; empty when no single product is."""
    decisive: tuple[str, ...]
    """Its assumed and calibrated figures that the limit of the worst margin is read from."""


@dataclass(frozen=True)
class Summary:
    """One scenario of a state in the few numbers a person asks for."""

    name: str
    description: str
    racks: int
    gpus: int
    metrics: Mapping[str, Metric]
    binding: Mapping[str, int]
    """Kind of binding -> racks, the most frequent first; empty without a solution."""
    shaped: Mapping[str, int]
    """Compute bound -> racks, the most frequent first; empty without a solution."""
    modes: Mapping[str, int]
    """Cooling mode -> plants; empty without a solution."""
    dead: tuple[str, ...]
    """Devices out of service or without a live feed, whips apart."""
    unserved: Mapping[str, int]
    """Why racks draw power and give no tokens, a key of UNSERVED -> racks."""
    idle: Mapping[str, int]
    """Of them those that nothing holds but their demand, likewise."""
    evidence: tuple[Evidence, ...]
    """Of each rack product that serves or trains, the least known first."""
    boundaries: tuple[Yielded, ...]
    """From the GPUs to the utility."""
    findings: tuple[Finding, ...]
    prices: tuple[Price, ...]
    """What one more or less of each limit that holds a rack is worth; empty when nobody asked."""
    ledger: Ledger
    converged: bool
    reason: str
    residual: float
    passes: int
    basis: Basis
    notes: tuple[str, ...]
    """What else the numbers rest on, one line each."""
    waveform: Waveform | None = None
    """AC power of the racks of a training job over one step."""

    @property
    def faults(self) -> tuple[str, ...]:
        """Why the run cannot be relied on, one line each; empty when it can."""
        unsolved = () if self.converged else (f"no solution: {WHY[self.reason]}",)
        return unsolved + self.ledger.faults

    @property
    def held(self) -> dict[str, int]:
        """What holds racks, in words -> racks, each once; those idle at their demand by why they give no tokens."""
        idle = sum(self.idle.values())
        counts = {kind: count - idle * (kind == "demand") for kind, count in self.binding.items()}
        held = {CAUSES[kind]: count for kind, count in counts.items() if count}
        return held | {UNSERVED[why]: count for why, count in self.idle.items()}

    @property
    def margins(self) -> tuple[Finding, ...]:
        """Margins of the design, the worst first; what can only be met or not stands last when it is met."""
        return _design(self.findings)

    @property
    def negative(self) -> tuple[Finding, ...]:
        """Margins outside their limits."""
        return tuple(finding for finding in self.margins if outside(finding))

    @property
    def undecided(self) -> tuple[Finding, ...]:
        """Margins that are smaller than their uncertainty."""
        return tuple(finding for finding in self.margins if finding.undecided)


def summary(
    facility: Facility,
    state: xr.Dataset,
    findings: Sequence[Finding],
    prices: Sequence[Price] = (),
    notes: Sequence[str] = (),
) -> Summary:
    """The summary of a state of one scenario.

    state : of `solve(keep="racks")` or "all", one scenario. findings, prices : of the same state.
    Metrics of a scenario without a solution are NaN.
    """
    if state.sizes["scenario"] != 1:
        raise ValueError(f"a summary is of one scenario, the state has {state.sizes['scenario']}")
    one = state.isel(scenario=0)
    counts = dict(zip(one["binding_kind"].values.tolist(), one["bound_racks"].values, strict=True))
    solved = bool(one["converged"])
    bound = {name: int(count) for name, count in counts.items() if solved and count > 0}
    shaped = _counted(one["compute_bound"].values, COMPUTE_BOUNDS) if solved else {}
    unserved, idle = _unserved(facility, one)
    modes = one["cooling_mode"].values
    coded = [int(code) for code in modes[np.isfinite(modes)]]
    layout, drawn = facility.layout, wave(facility, one)
    return Summary(
        name=facility.name,
        description=layout.description,
        racks=len(facility.racks.name),
        gpus=round(float(facility.racks.gpus.sum())),
        metrics=metrics(facility, one, drawn),
        binding=dict(sorted(bound.items(), key=lambda item: (-item[1], BINDINGS.index(item[0])))),
        shaped=dict(sorted(shaped.items(), key=lambda item: (-item[1], COMPUTE_BOUNDS.index(item[0])))),
        modes={
            name: coded.count(code)
            for code, name in enumerate(COOLING_MODES)
            if code in coded and name != "none"
        },
        dead=not_in_service(facility, one),
        unserved=unserved,
        idle=idle,
        evidence=evidence(facility),
        boundaries=_boundaries(one),
        findings=tuple(findings),
        prices=tuple(prices),
        ledger=Ledger(
            into=number(one, "utility_power"),
            out=number(one, "heat_outdoors") + number(one, "room_loss"),
            power=number(one, "ledger_power"),
            rack=number(one, "ledger_rack"),
            heat=number(one, "ledger_heat"),
        ),
        converged=solved,
        reason=REASONS[int(one["reason"])],
        residual=number(one, "residual"),
        passes=int(one["passes"]),
        basis=_basis(facility, findings),
        notes=tuple(notes),
        waveform=drawn,
    )


def _counted(codes: npt.NDArray[np.generic], names: Sequence[str]) -> dict[str, int]:
    """Name of a code -> how many have it, in the order of the names."""
    each = codes.astype(np.int64).tolist()
    return {name: each.count(code) for code, name in enumerate(names) if code in each}


def _unserved(facility: Facility, one: xr.Dataset) -> tuple[dict[str, int], dict[str, int]]:
    """Why racks draw power and give no tokens -> racks, and likewise those that nothing holds but their demand."""
    nothing = (one["power"].values > 0) & (one["tokens"].values == 0) & (facility.racks.gpus > 0)
    held = [BINDINGS[int(code)] for code in one["binding"].values[nothing]]
    shaped = [COMPUTE_BOUNDS[int(code)] for code in one["compute_bound"].values[nothing]]
    why = [
        "halted" if facility.job else "heat" if cause in HOT else "memory" if bound == "memory" else "latency"
        for cause, bound in zip(held, shaped, strict=True)
    ]
    idle = [reason for reason, cause in zip(why, held, strict=True) if cause == "demand"]
    every, free = ({name: some.count(name) for name in UNSERVED if name in some} for some in (why, idle))
    return every, free


def _boundaries(one: xr.Dataset) -> tuple[Yielded, ...]:
    """Power and tokens over it, from the GPUs to the utility."""
    output = number(one, "tokens_per_second")
    tokens = Tokens(number(one, "total_tokens_per_second") - output, output)
    watts: dict[Boundary, float] = {
        "chip": number(one, "chip_power"),
        "rack_dc": number(one, "rack_dc_power"),
        "rack_ac": number(one, "it_power"),
        "utility": number(one, "utility_power"),
    }
    return tuple(
        Yielded(
            name,
            power,
            float(tokens_per_joule(tokens, "output", Power(power, name))),
            float(tokens_per_joule(tokens, "total", Power(power, name))),
        )
        for name, power in watts.items()
    )


def not_in_service(facility: Facility, one: xr.Dataset) -> tuple[str, ...]:
    """Devices that are out of service or have no live feed in a scenario, whips apart."""
    dead = np.flatnonzero(one["device_alive"].values <= 0)
    kinds = facility.devices.kind[dead]
    return tuple(
        facility.devices.name[index]
        for index, kind in zip(dead, kinds, strict=True)
        if DEVICE_KINDS[kind] != "whip"
    )


def _design(findings: Sequence[Finding]) -> tuple[Finding, ...]:
    """Findings on the design, the worst first, those without a reserve to tell of last."""
    listed = [finding for finding in findings if finding.code not in SOLUTION]
    return tuple(sorted(listed, key=lambda finding: (met(finding), finding.relative)))


def met(finding: Finding) -> bool:
    """Whether a rule that has no reserve, only yes or no, says yes."""
    return not outside(finding) and _yes_or_no(finding)


def _yes_or_no(finding: Finding) -> bool:
    """A rule that stands half a unit either side of zero."""
    return finding.unit == "1" and finding.limit == 0.0 and abs(finding.value) == 0.5


def _basis(facility: Facility, findings: Sequence[Finding]) -> Basis:
    """Counts of figures by status, and what stands behind the worst margin."""
    status = [figure.status for made in facility.products for figure in made.figures.values()]
    worst = next(iter(_design(findings)), None)
    behind = worst and product_behind(facility, worst)
    soft = (
        [name for name, figure in behind.figures.items() if figure.status in ("assumed", "calibrated")]
        if behind
        else []
    )
    named = [name for name in soft if worst and name in worst.clause]
    return Basis(
        figures=len(status),
        assumed=status.count("assumed"),
        calibrated=status.count("calibrated"),
        product=behind.name if behind else "",
        decisive=tuple(named),
    )


def product_behind(facility: Facility, finding: Finding) -> Product | None:
    """The product whose figures set the limit of a finding; None where no single one does."""
    racks, devices = facility.racks, facility.devices
    made = {one.name: one for one in facility.products}
    if finding.element in racks.name:
        return racks.types[int(racks.type[racks.name.index(finding.element)])].product
    if finding.element in devices.name:
        return made.get(devices.product[devices.name.index(finding.element)])
    if finding.element in facility.blocks and finding.clause.startswith("rack product"):
        first = int(np.argmax(racks.block == facility.blocks.index(finding.element)))
        return racks.types[int(racks.type[first])].product
    return None


def outside(finding: Finding) -> bool:
    """Whether a margin is negative by more than the solver's residual, and its uncertainty."""
    return finding.relative < -NEGLIGIBLE and not finding.undecided


def doubt(found: Summary) -> str:
    """What to say of margins that are smaller than their uncertainty, empty where none is."""
    if not found.undecided:
        return ""
    named = ", ".join(finding.code for finding in found.undecided)
    other = any(math.isinf(finding.uncertainty) for finding in found.undecided)
    return (
        f"{named} undecided: the margin is smaller than the uncertainty of the air's field on its grid"
        f"{', or that is not known: of another flow, or of an interrupted run' if other else ''}"
    )


def terms(finding: Finding) -> tuple[str, str, str]:
    """Value, limit and margin of a finding as people read them.

    A rule that is met or not (half a unit either side of zero) reads yes or no; ratios read in per cent.
    """
    if _yes_or_no(finding):
        return "yes" if met(finding) else "no", "yes", "met" if met(finding) else "not met"
    unit = "%" if finding.unit == "1" else finding.unit
    part = "delta_degC" if unit == "K" else unit
    value, limit = (readable(number, unit, 3) for number in (finding.value, finding.limit))
    if finding.undecided:
        sure = readable(finding.uncertainty, part, 3) if math.isfinite(finding.uncertainty) else "?"
        return value, limit, f"{readable(finding.margin, part, 3)} ± {sure}, undecided"
    if abs(finding.relative) <= NEGLIGIBLE:
        return value, limit, "met" if met(finding) else "at the limit"
    return value, limit, readable(finding.margin, part, 3)


def worth(price: Price) -> tuple[str, str]:
    """What one more and one less of a limit change, as people read them: tokens per second for a kilowatt
    (kilovolt-ampere) or a kelvin.

    >>> worth(Price("utility", "utility", "W", 0.0284, 0.0284, 16))
    ('+28.4 token/s', '-28.4 token/s')
    """
    step = 1.0 if price.unit == "K" else 1e3
    return _change(price.up * step), _change(-price.down * step)


def _change(tokens: float) -> str:
    if not math.isfinite(tokens):
        return NO_VALUE
    if abs(tokens) < 0.05:
        return "nothing"
    return f"{'+' if tokens > 0 else '-'}{readable(abs(tokens), 'token/s', 3)}"


def record(found: Summary, files: Mapping[str, str]) -> dict[str, Any]:
    """The summary as the one object that `twin run --json` prints; what has no value is None.

    files : kind of file -> path.
    """
    ledger = found.ledger
    return {
        "facility": {"name": found.name, "racks": found.racks, "gpus": found.gpus},
        "metrics": {
            name: {
                "value": _finite(metric.value),
                "unit": metric.unit,
                "basis": metric.basis,
            }
            for name, metric in found.metrics.items()
        },
        "evidence": [
            {"rack": known.rack, "basis": known.basis, "band": _finite(known.band)}
            for known in found.evidence
        ],
        "tokens_per_watt": {
            each.boundary: {
                "power": _finite(each.watts),
                "output": _finite(each.output),
                "total": _finite(each.total),
                "unit": "token/s/W",
            }
            for each in found.boundaries
        },
        "binding": dict(found.binding),
        "compute_bound": dict(found.shaped),
        "unserved": dict(found.unserved),
        "not_in_service": list(found.dead),
        "worst_margins": [
            {
                "code": finding.code,
                "title": finding.title,
                "element": finding.element,
                "value": _finite(finding.value),
                "limit": _finite(finding.limit),
                "margin": _finite(finding.margin),
                "relative": _finite(finding.relative),
                "uncertainty": _finite(finding.uncertainty),
                "undecided": finding.undecided,
                "unit": finding.unit,
                "clause": finding.clause,
            }
            for finding in found.margins[:WORST]
        ],
        "prices": [
            {
                "limit": price.name,
                "kind": price.kind,
                "unit": f"token/s/{price.unit}",
                "up": _finite(price.up),
                "down": _finite(price.down),
                "racks": price.racks,
            }
            for price in found.prices
        ],
        "ledger": {"in": _finite(ledger.into), "out": _finite(ledger.out), "relative": _finite(ledger.heat)},
        "notes": list(found.notes),
        **({"waveform": _drawn(found.waveform)} if found.waveform else {}),
        "converged": found.converged,
        "residual": _finite(found.residual),
        "files": dict(files),
    }


def _drawn(wave: Waveform) -> dict[str, Any]:
    return {
        "boundary": "rack_ac",
        "time": {"value": wave.time.tolist(), "unit": "s"},
        "power": {"value": wave.power.tolist(), "unit": "W"},
    }


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
