"""How many racks of a product a power shell holds, what they yield and what a token then costs.

A shell is what the utility gives, at the point of connection; over the PUE it is the IT power, the AC input of all
racks and of the support load beside them. Filled by nameplate, every rack can draw its maximal AC power at any time.
Filled by more racks, each is capped at its equal share of the IT power, or at what its maker manages it by: the cap
acts on the GPUs, what else a rack draws stays, and a GPU does not run below its minimum clock, so there is a number of
racks that yields most. No rack draws more than its nameplate or than the operator's cap of the layout.

The PUE is given, not solved: a hall of capped racks has less heat per rack and the same in all. What GPUs leak with
temperature is that of the law's own reference.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import numpy.typing as npt

from twin import economics
from twin.compute import law as laws
from twin.compute.law import Law
from twin.demand import demand, prompts
from twin.facility import Facility
from twin.operation import Operation, resolve
from twin.plant.supply import supplied
from twin.sessions import carried

Array = npt.NDArray[np.float64]
Rule = Literal["nameplate", "managed", "capped"]

MANAGED = {"vr-nvl72": 72 * 1e9 / 399_096}
"""Power of a shell, at the utility, that a rack takes with all that comes with it when its maker manages the shell [W]:
NVIDIA DSX MaxLPS, 399,096 GPUs on 1 GW, 2.51 kW for each, as quoted by the trade press (orply, 2026-06)."""
ROUNDING = 1e-12
"""Relative part of a rack that is rounding of a whole one."""


@dataclass(frozen=True)
class Fill:
    """A shell with so many racks in it."""

    rule: Rule
    """What their number comes from: nameplate, the maker's managed power, or the most tokens."""
    racks: int
    gpus: int
    rack_power: float
    """AC input of one rack, a mean [W]."""
    gpu_power: float
    """Of one GPU [W]."""
    clock: float
    """Clock ratio of the GPUs, of those that decode where `workload.capping` gives prefill a clock of its own."""
    interactivity: float
    """Tokens per second that each user sees, no other batch than at full clock [1/s]: a cap costs latency as well.
    Sessions of agents keep their pace and grow fewer under a cap; 0 where a rack carries none."""
    utility_power: float
    """Mean draw at the point of connection [W]."""
    output_tokens_per_second: float
    """Of all racks [1/s]."""
    total_tokens_per_second: float
    """Input and output tokens of all racks [1/s]."""
    cost_per_million_output_tokens: float
    """All cost on the output tokens [USD]."""
    cost_per_million_total_tokens: float
    """All cost on input and output tokens alike [USD]."""


@dataclass(frozen=True)
class Shell:
    """What a power shell holds of one rack product."""

    rack: str
    power: float
    """Of the shell, at the utility [W]."""
    pue: float
    it_power: float
    """AC input of racks and support that the shell allows [W]."""
    support: float
    """Beside each rack [W]."""
    nameplate: float
    """Maximal AC input of a rack [W]."""
    demand: float
    """AC input that a rack asks for, within its nameplate and the operator's cap [W]."""
    floor: float
    """AC input of a rack at its minimum clock [W]."""
    gpus: int
    """Of a rack."""
    fills: tuple[Fill, ...]
    """By nameplate, by managed power where one is published, by the most tokens."""

    def fill(self, rule: Rule) -> Fill:
        """The one of a rule; KeyError where the product has none."""
        return {one.rule: one for one in self.fills}[rule]


def shell(
    facility: Facility, power: float, pue: float = 1.10, support: float = 0.0, served: bool = False
) -> Shell:
    """A power shell filled with the racks of a facility, by nameplate and capped.

    facility : of one rack product with GPUs, whose workload and economics count. power : at the utility [W].
    pue : utility over IT power, 1 or more. support : AC power of network, storage and management that comes with each
    rack [W]. served : racks ask for what the workload draws at full clock, not for their nameplate. Raises ValueError
    for a facility without GPUs, of several products, that trains or whose racks have several power caps, or caps that
    they do not run at, and where the shell does not hold one rack.

    >>> import twin
    >>> found = shell(twin.load("vr-su"), 1e9)
    >>> [(one.rule, one.gpus) for one in found.fills][:2]
    [('nameplate', 276120), ('managed', 399096)]
    """
    racks = facility.racks
    if len(racks.types) != 1 or not racks.gpus[0]:
        raise ValueError("a shell is filled with racks of one product that has GPUs")
    if facility.job is not None:
        raise ValueError("a shell is filled with racks that serve, this layout trains")
    if power <= 0.0 or pue < 1.0 or support < 0.0:
        raise ValueError("a shell has a power above 0, a PUE of at least 1 and no negative support load")
    product, nameplate = racks.types[0].name, float(racks.nameplate[0])
    asked = Operation() if served else Operation(rack_power=nameplate)
    operation = resolve(asked, facility.operation, facility.devices.name, facility.elements)
    law = _first(demand(facility, operation, supplied(facility, operation))[0])
    if law.tokens <= 0.0:
        raise ValueError("the workload asks for tokens faster than a rack yields them")
    least, cap = float(laws.floor(law)), float(operation.power_cap.flat[0])
    if np.any(operation.power_cap != cap):
        raise ValueError(
            "a shell is filled with like racks, rows.power_cap differs between those of the layout"
        )
    if (most := min(nameplate, cap)) < least:
        raise ValueError(
            f"a rack runs from {least / 1e3:.4g} kW on, its nameplate or rows.power_cap leaves it {most / 1e3:g} kW"
        )
    made = Shell(
        rack=product, power=power, pue=pue, it_power=power / pue, support=support, nameplate=nameplate,
        demand=min(float(law.demand), most), floor=least, gpus=int(racks.gpus[0]), fills=(),
    )  # fmt: skip
    full = _fitting(made, nameplate)
    if not full:
        raise ValueError(f"does not hold one rack of {nameplate / 1e3:g} kW with its support and the PUE")
    counts: dict[Rule, tuple[int, float]] = {"nameplate": (full, nameplate)}
    if product in MANAGED:
        each = max(MANAGED[product] / pue - support, least)
        counts["managed"] = _fitting(made, each), each
    numbers = np.arange(1.0, _fitting(made, least) + 1.0)
    shares = made.it_power / numbers - support
    yielded, _ = _yielded(facility, operation, law, np.minimum(shares, made.demand))
    best = int(np.argmax(numbers * yielded))
    counts["capped"] = best + 1, float(shares[best])
    fills = tuple(_fill(facility, operation, law, made, rule, *count) for rule, count in counts.items())
    return replace(made, fills=fills)


def _yielded(facility: Facility, operation: Operation, law: Law, power: Array) -> tuple[Array, Array]:
    """Output tokens per second of a rack at AC powers and those that each of its users sees [1/s], (power,)."""
    tokens = laws.throughput(law, power)
    if facility.layout.workload.session is None:
        return tokens, operation.interactivity * tokens / law.tokens
    # The racks are alike, so every place of the table stands for any of them.
    table = np.zeros((-(-len(power) // len(facility.racks.name)), len(facility.racks.name)))
    table.flat[: len(power)] = power
    agents = carried(facility, operation, law, table, np.zeros(table.shape, dtype=bool))
    written, pace = agents.tokens.flat[: len(power)], 1.0 / agents.tpot.flat[: len(power)]
    return np.fmin(tokens, written), np.where(written > 0.0, pace, 0.0)


def _fill(
    facility: Facility, operation: Operation, law: Law, made: Shell, rule: Rule, count: int, most: float
) -> Fill:
    """The shell with so many racks, each at no more than a power and than it asks for."""
    each = min(most, made.demand)
    yielded, pace = (float(one[0]) for one in _yielded(facility, operation, law, np.array([each])))
    output = count * yielded
    tokens = economics.Tokens(output * float(prompts(facility, operation)[0]), output)
    drawn = count * (each + made.support) * made.pue
    capital = facility.economics.capital / len(facility.racks.name) * count
    spent = economics.running_cost(
        replace(facility.economics, capital=capital),
        economics.Power(made.it_power, "rack_ac"),
        economics.Power(drawn, "utility"),
        float(operation.electricity_price[0]),
    )
    sold = economics.Sold(availability=facility.uptime)
    return Fill(
        rule=rule,
        racks=count,
        gpus=count * made.gpus,
        rack_power=each,
        gpu_power=float(laws.gpu_power(law, np.array(each))) / made.gpus,
        clock=float(laws.clock(law, np.array(each))),
        interactivity=pace,
        utility_power=drawn,
        output_tokens_per_second=output,
        total_tokens_per_second=float(tokens.total),
        cost_per_million_output_tokens=float(economics.cost(spent, tokens, "output", sold).total),
        cost_per_million_total_tokens=float(economics.cost(spent, tokens, "total", sold).total),
    )


def _first(law: Law) -> Law:
    """The law of the first rack in the first scenario."""
    return replace(law, **{name: value[0, 0] for name, value in laws.given(law).items()})


def _fitting(made: Shell, each: float) -> int:
    """Whole racks of a power, each with its support."""
    return int(made.it_power / (each + made.support) * (1.0 + ROUNDING))
