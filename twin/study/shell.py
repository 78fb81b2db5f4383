"""How many racks of a product a power shell holds, what they yield and what a token then costs.

A shell is what the utility gives, at the point of connection; over the PUE it is the IT power, the AC input of all
racks and of the support load beside them. Filled by nameplate, every rack can draw its maximal AC power at any time.
Filled by more racks, each is capped at its equal share of the IT power: the cap acts on the GPUs, what else a rack
draws stays, and a GPU does not run below its minimum clock, so there is a number of racks that yields most.

The PUE is given, not solved: a hall of capped racks has less heat per rack and the same in all. What GPUs leak with
temperature is that of the law's own reference.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from twin import economics
from twin.compute import law as laws
from twin.compute.law import Law
from twin.demand import demand, prompts
from twin.facility import Facility
from twin.operation import Operation, resolve
from twin.plant.supply import supplied

Rule = Literal["nameplate", "managed", "capped"]

MANAGED = {"vr-nvl72": 72 * 1e9 / 399_096 / 1.10}
"""AC power of a rack that its maker manages a shell by [W]: NVIDIA DSX MaxLPS, 399,096 GPUs on 1 GW, 2.51 kW of the
shell for each, as quoted by the trade press (orply, 2026-06); the PUE of 1.10 in it is assumed."""
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
    """Tokens per second that each user sees, no other batch than at full clock [1/s]: a cap costs latency as well."""
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
    """AC input that a rack asks for without a cap [W]."""
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
    for a facility without GPUs, of several products or that trains, and where the shell does not hold one rack.

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
    least = float(laws.floor(law))
    made = Shell(
        rack=product, power=power, pue=pue, it_power=power / pue, support=support, nameplate=nameplate,
        demand=float(law.demand), floor=least, gpus=int(racks.gpus[0]), fills=(),
    )  # fmt: skip
    full = _fitting(made, nameplate)
    if not full:
        raise ValueError(f"does not hold one rack of {nameplate / 1e3:g} kW with its support and the PUE")
    counts: dict[Rule, int] = {"nameplate": full}
    if product in MANAGED:
        counts["managed"] = _fitting(made, max(MANAGED[product], least))
    numbers = np.arange(1.0, _fitting(made, least) + 1.0)
    counts["capped"] = 1 + int(np.argmax(numbers * laws.throughput(law, made.it_power / numbers - support)))
    fills = tuple(_fill(facility, operation, law, made, rule, count) for rule, count in counts.items())
    return replace(made, fills=fills)


def _fill(facility: Facility, operation: Operation, law: Law, made: Shell, rule: Rule, count: int) -> Fill:
    """The shell with so many racks, each at its share of the IT power or at all it asks for."""
    each = np.minimum(made.it_power / count - made.support, law.demand)
    output = count * float(laws.throughput(law, each))
    tokens = economics.Tokens(output * float(prompts(facility, operation)[0]), output)
    drawn = count * (float(each) + made.support) * made.pue
    capital = facility.economics.capital / len(facility.racks.name) * count
    spent = economics.running_cost(
        replace(facility.economics, capital=capital),
        economics.Power(made.it_power, "rack_ac"),
        economics.Power(drawn, "utility"),
        float(operation.electricity_price[0]),
    )
    sold = economics.Sold(facility.economics.utilisation, facility.uptime)
    return Fill(
        rule=rule,
        racks=count,
        gpus=count * made.gpus,
        rack_power=float(each),
        gpu_power=float(laws.gpu_power(law, each)) / made.gpus,
        clock=float(laws.clock(law, each)),
        interactivity=float(operation.interactivity[0]) * float(laws.throughput(law, each) / law.tokens),
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
